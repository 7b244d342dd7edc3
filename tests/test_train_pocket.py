"""The training of the pocket model, on a handful of squares and discs: no network, a few steps."""

import re

import numpy as np
import pytest
import torch

from losses.encoders.pocket import Pocket
from losses.encoders.pocket.text import DIM, TextTower
from scripts.train_pocket import colours, data, encoder, export, icons, prior, styles, text, things


def disc(colour, square=False):
    """Straight RGBA `[64, 64, 4]`."""
    y, x = np.mgrid[:64, :64] - 31.5
    inside = (np.maximum(abs(x), abs(y)) if square else np.hypot(x, y)) < 27
    picture = np.zeros((64, 64, 4), np.uint8)
    picture[inside] = (*colour, 255)
    return picture


@pytest.fixture
def pictures():
    """A red heart and a yellow sun, not very like them, and their other colours."""
    rows, found = [], []
    for name, picture in (
        ("red-heart", disc((220, 30, 30))),
        ("sun", disc((250, 210, 40), square=True)),
    ):
        colour, variants = colours.recolour(picture)
        where = {key: len(rows) + i for i, key in enumerate(["", *variants])}
        found.append(data.Icon(name, "noto", ("warm thing",), colour, where))
        rows += [picture, *variants.values()]
        for style in ("fluent-emoji-flat", "line", "shadow", "watercolour"):
            found.append(data.Icon(name, style, (), None, {"": len(rows)}))
            rows.append(picture)
    return data.Pictures(np.stack(rows), found)


def test_recolouring_keeps_the_shape_and_hits_the_colour():
    picture = disc((220, 30, 30))
    own, variants = colours.recolour(picture)
    assert own == "red"
    assert set(variants) == set(things.COLOURS) - {"red"}
    for variant in variants.values():
        assert np.array_equal(variant[..., 3], picture[..., 3])
    red, green, blue = variants["blue"][24, 24, :3].astype(int)
    assert blue > 200 and red < 80 and green < 160


def test_a_picture_of_many_colours_keeps_them():
    picture = disc((220, 30, 30))
    picture[:24, :, :3] = (30, 200, 60)
    assert colours.recolour(picture) == (None, {})


def test_pictures_are_whole_with_a_white_margin(pictures):
    chosen, drawn = pictures.draw(32, 32, np.random.default_rng(0))
    assert drawn.shape == (32, 3, 32, 32)
    edge = torch.cat([drawn[..., 0], drawn[..., -1], drawn[..., 0, :], drawn[..., -1, :]], -1)
    assert float(edge.min()) > 0.99
    assert all(float(picture.min()) < 0.8 for picture in drawn)
    assert {choice.parts[0].icon.name for choice in chosen} == {"red-heart", "sun"}


def test_a_colour_that_is_shown_is_named(pictures):
    rng = np.random.default_rng(0)
    parts = [pictures.choose(rng).parts[0] for _ in range(200)]
    assert any(part.shown for part in parts)
    assert all(part.named == part.shown for part in parts if part.shown)
    assert {part.named for part in parts if not part.shown} == {"", "red", "yellow"}


def test_a_style_that_is_named_is_shown(pictures):
    rng = np.random.default_rng(0)
    choices = [pictures.choose(rng) for _ in range(400)]
    assert {choice.style for choice in choices} == set(things.STYLE_SHARES)
    for choice in choices:
        assert choice.parts[0].icon.style in things.DRAWN_IN[choice.style]
    lines = [choice.prompt for choice in choices if choice.style == "line"]
    assert all(re.search("line|black|ink|pen|sketch|colour in", prompt) for prompt in lines)


def test_scenes_say_how_many_things_they_show(pictures):
    rng = np.random.default_rng(0)
    choices, drawn = pictures.draw(300, 32, rng, scenes=1.0)
    ink = (1 - drawn).sum((1, 2, 3))
    for count, word in ((2, "two "), (3, "three "), (4, "four ")):
        named = [choice for choice in choices if word in choice.prompt]
        assert named
        assert all(len(choice.parts) == count for choice in named)
        assert not any(re.search(rf"\\ba [a-z ]*{word}", choice.prompt) for choice in named)
    pairs = [choice for choice in choices if " and a" in choice.prompt]
    assert all(len(choice.parts) == 2 for choice in pairs)
    whole = pictures.draw(300, 32, rng)[1]
    assert float(ink.mean()) < 0.8 * float((1 - whole).sum((1, 2, 3)).mean())


def test_articles_fit_the_noun():
    prompts = {data.frame("apple", "", np.random.default_rng(seed)) for seed in range(60)}
    assert "an apple" in prompts
    assert not any(" a apple" in f" {prompt}" for prompt in prompts)


@pytest.mark.parametrize(
    ("noun", "several"),
    [
        ("cherry", "cherries"),
        ("cup of tea", "cups of tea"),
        ("fox", "foxes"),
        ("leaf", "leaves"),
        ("boy", "boys"),
        ("star", "stars"),
    ],
)
def test_plurals(noun, several):
    assert things.plural(noun) == several


FACE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle cx="16" cy="16" r="15" '
    'fill="#fc0"/><circle cx="10" cy="12" r="4" fill="#3a2020"/>'
    '<path d="M8 22H24" fill="none" stroke="#e00" stroke-width="2"/></svg>'
)


def test_line_art_is_black_on_white_and_keeps_dark_shapes():
    picture = icons.render(styles.line_art(FACE))
    # Middle of the face, of an eye, its border and the mouth; the view is a little wider.
    assert picture[35, 32, :3].tolist() == [255, 255, 255]
    assert picture[25, 21, :3].tolist() == [0, 0, 0]
    assert picture[43, 32, :3].tolist() == [0, 0, 0]
    assert set(np.unique(picture[..., :3] - picture[..., :1])) == {0}


def test_a_wash_has_the_colours_of_its_picture_and_no_ink_far_from_it():
    washed = styles.wash(disc((220, 30, 30)), torch.Generator().manual_seed(0))
    assert washed.shape == (64, 64, 4)
    inside = washed[24:40, 24:40].reshape(-1, 4).mean(0)
    assert inside[0] > 170 and inside[1] < 90 and inside[3] > 200
    assert washed[:3, :3, 3].max() < 60


def test_every_stage_trains_resumes_and_is_exported(tmp_path, pictures):
    teacher = ["a heart", "a sun"], torch.eye(2, DIM)
    for steps in (2, 3):  # the second round goes on from the first one's checkpoint
        text.train(tmp_path, pictures, teacher, seed=0, steps=3, stop_after=steps)
        tower = text.load(tmp_path)
        prior.train(tmp_path, pictures, tower, seed=0, steps=3, stop_after=steps)
        encoder.train(tmp_path, pictures, tower, seed=0, steps=3, stop_after=steps)
        for stage in ("text", "prior", "encoder"):
            assert torch.load(tmp_path / f"{stage}.pt", weights_only=True)["steps"] == steps
    export.export(tmp_path, pictures, tmp_path)
    pocket = Pocket(tmp_path)
    assert pocket.unknown_words("a red heart and a warm thing, a zeugma") == ["zeugma"]
    torch.testing.assert_close(pocket.embed_text(["a sun"]), tower(["a sun"]), atol=1e-3, rtol=1e-2)
    assert not list(tmp_path.glob("*.tmp"))


def test_a_stage_that_was_stopped_ends_with_the_bits_of_one_that_was_not(tmp_path, pictures):
    tower = TextTower().requires_grad_(False)
    ends = []
    for name, stops in (("whole", (None,)), ("halves", (2, None))):
        (tmp_path / name).mkdir()
        for stop in stops:
            prior.train(tmp_path / name, pictures, tower, seed=3, steps=4, stop_after=stop)
        ends.append(torch.load(tmp_path / name / "prior.pt", weights_only=True))
    for part in ("model", "average"):
        for name, weights in ends[0][part].items():
            assert torch.equal(weights, ends[1][part][name]), name


def test_muon_moves_the_network_s_own_weights(tmp_path, pictures):
    tower = TextTower().requires_grad_(False)
    torch.manual_seed(3)
    before = prior.Prior().state_dict()
    prior.train(tmp_path, pictures, tower, seed=3, steps=2)
    after = torch.load(tmp_path / "prior.pt", weights_only=True)["model"]
    for name in ("middle.0.conv1.weight", "from_text.weight", "inlet.weight"):
        assert not torch.equal(before[name], after[name]), name
