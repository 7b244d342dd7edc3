"""The training of the pocket model, on a handful of squares and discs: no network, a few steps."""

import numpy as np
import pytest
import torch

from losses.encoders.pocket import Pocket
from losses.encoders.pocket.text import DIM
from scripts.train_pocket import data, encoder, export, prior, text, things


def disc(colour, square=False):
    """Straight RGBA `[48, 48, 4]`."""
    y, x = np.mgrid[:48, :48] - 23.5
    inside = (np.maximum(abs(x), abs(y)) if square else np.hypot(x, y)) < 20
    picture = np.zeros((48, 48, 4), np.uint8)
    picture[inside] = (*colour, 255)
    return picture


@pytest.fixture
def pictures():
    """A red heart and a yellow sun, not very like them, and their other colours."""
    rows, icons = [], []
    for name, picture in (
        ("red-heart", disc((220, 30, 30))),
        ("sun", disc((250, 210, 40), square=True)),
    ):
        colour, variants = data.recolour(picture)
        where = {key: len(rows) + i for i, key in enumerate(["", *variants])}
        rows += [picture, *variants.values()]
        icons.append(data.Icon(name, ("warm thing",), colour, where))
    return data.Pictures(np.stack(rows), icons)


def test_recolouring_keeps_the_shape_and_hits_the_colour():
    picture = disc((220, 30, 30))
    own, variants = data.recolour(picture)
    assert own == "red"
    assert set(variants) == set(things.COLOURS) - {"red"}
    for variant in variants.values():
        assert np.array_equal(variant[..., 3], picture[..., 3])
    red, green, blue = variants["blue"][24, 24, :3].astype(int)
    assert blue > 200 and red < 80 and green < 160


def test_a_picture_of_many_colours_keeps_them():
    picture = disc((220, 30, 30))
    picture[:24, :, :3] = (30, 200, 60)
    assert data.recolour(picture) == (None, {})


def test_pictures_are_whole_with_a_white_margin(pictures):
    chosen, drawn = pictures.draw(32, 32, np.random.default_rng(0))
    assert drawn.shape == (32, 3, 32, 32)
    edge = torch.cat([drawn[..., 0], drawn[..., -1], drawn[..., 0, :], drawn[..., -1, :]], -1)
    assert float(edge.min()) > 0.99
    assert all(float(picture.min()) < 0.8 for picture in drawn)
    assert {choice.icon.name for choice in chosen} == {"red-heart", "sun"}


def test_a_colour_that_is_shown_is_named(pictures):
    rng = np.random.default_rng(0)
    choices = [pictures.choose(rng) for _ in range(200)]
    assert any(choice.shown for choice in choices)
    assert all(choice.named == choice.shown for choice in choices if choice.shown)
    assert {choice.named for choice in choices if not choice.shown} == {"", "red", "yellow"}


def test_articles_fit_the_noun():
    prompts = {data.frame("apple", np.random.default_rng(seed)) for seed in range(60)}
    assert "an apple" in prompts
    assert not any(" a apple" in f" {prompt}" for prompt in prompts)


def test_every_stage_trains_resumes_and_is_exported(tmp_path, pictures):
    teacher = ["a heart", "a sun"], torch.eye(2, DIM)
    for steps in (2, 3):  # the second round goes on from the first one's checkpoint
        text.train(tmp_path, pictures, teacher, 1.0, seed=0, max_steps=steps)
        tower = text.load(tmp_path)
        prior.train(tmp_path, pictures, tower, 1.0, seed=0, max_steps=steps)
        encoder.train(tmp_path, pictures, tower, 1.0, seed=0, max_steps=steps)
        for stage in ("text", "prior", "encoder"):
            assert torch.load(tmp_path / f"{stage}.pt", weights_only=True)["steps"] == steps
    export.export(tmp_path, pictures, tmp_path)
    pocket = Pocket(tmp_path)
    assert pocket.unknown_words("a red heart and a warm thing, a zeugma") == ["zeugma"]
    torch.testing.assert_close(pocket.embed_text(["a sun"]), tower(["a sun"]), atol=1e-3, rtol=1e-2)
    assert not list(tmp_path.glob("*.tmp"))
