"""The judge knows what it is asked, is nobody's guide, and is not fooled by what fools the guide;
and the arithmetic of scripts/score."""

import argparse
import json
import math
import shutil

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch.nn import functional as F

from losses import load_encoder, retrieval
from losses.judge import DIM, FILE, Judge, load_judge
from scripts import score
from scripts.train_pocket import judge as stage
from scripts.train_pocket import judge_data, sources

RED, BLUE, GREEN, YELLOW = "#dd2e44", "#3b88c3", "#3f9142", "#f9c22e"
COLOURS = {"red": RED, "blue": BLUE, "green": GREEN, "yellow": YELLOW}


def star(pen, x, y, r, fill):
    turns = [math.pi * (i / 5 - 0.5) for i in range(10)]
    reach = [r if i % 2 == 0 else 0.42 * r for i in range(10)]
    pen.polygon(
        [(x + q * math.cos(t), y + q * math.sin(t)) for t, q in zip(turns, reach, strict=True)],
        fill=fill,
    )


def heart(pen, x, y, r, fill):
    for side in (-0.48, 0.48):
        pen.ellipse(
            [x + (side - 0.5) * r, y - 0.8 * r, x + (side + 0.5) * r, y + 0.2 * r], fill=fill
        )
    pen.polygon([(x - 0.92 * r, y), (x + 0.92 * r, y), (x, y + 0.95 * r)], fill=fill)


def house(pen, x, y, r, fill):
    pen.polygon([(x - r, y), (x + r, y), (x, y - 0.95 * r)], fill="#7a4b2a")
    pen.rectangle([x - 0.75 * r, y, x + 0.75 * r, y + 0.9 * r], fill=fill)
    pen.rectangle([x - 0.2 * r, y + 0.3 * r, x + 0.2 * r, y + 0.9 * r], fill="#ffffff")


def balloon(pen, x, y, r, fill):
    pen.line([(x, y + 0.4 * r), (x + 0.1 * r, y + r)], fill="#777777", width=5)
    pen.ellipse([x - 0.65 * r, y - r, x + 0.65 * r, y + 0.5 * r], fill=fill)


SHAPES = {"star": star, "heart": heart, "house": house, "balloon": balloon}


def picture(shape, colour, places=((128, 128, 100),)):
    """A plain shape on white, once in each place (x, y, radius) of 256: `[1, 3, 256, 256]`."""
    page = Image.new("RGB", (256, 256), "white")
    for x, y, r in places:
        SHAPES[shape](ImageDraw.Draw(page), x, y, r, COLOURS[colour])
    values = torch.frombuffer(bytearray(page.tobytes()), dtype=torch.uint8)
    return values.view(1, 256, 256, 3).permute(0, 3, 1, 2).float() / 255


def seen(model, images):
    return model.embed_image(F.interpolate(images, size=(model.size, model.size), mode="area"))


@pytest.fixture(scope="module")
def judge():
    return load_judge()


@pytest.fixture(scope="module")
def cards():
    """Sixteen prompts, and a plain picture of each."""
    pairs = [(colour, shape) for shape in SHAPES for colour in COLOURS]
    return [f"a {c} {s}" for c, s in pairs], torch.cat([picture(s, c) for c, s in pairs])


def test_is_small_frozen_and_loaded_once(judge):
    assert FILE.stat().st_size < 1.9e6
    assert load_judge() is judge and not judge.training
    assert not any(p.requires_grad for p in judge.parameters())
    assert {p.dtype for p in judge.parameters()} == {torch.float32}


def test_never_guides():
    with pytest.raises(ValueError, match="unknown model 'judge'"):
        load_encoder("judge")


def test_learned_from_other_icons_than_the_guides():
    theirs, ours = ({name for name, *_ in s.PACKAGES.values()} for s in (sources, judge_data))
    assert not theirs & ours


def test_vectors_have_unit_length_and_do_not_depend_on_their_company(judge):
    images = torch.rand(5, 3, judge.size, judge.size, generator=torch.Generator().manual_seed(0))
    prompts = ["a cat", "", "qwxz 17", "a " * 60 + "long one", "three red houses and a blue moon"]
    for embed, things in ((judge.embed_text, prompts), (judge.embed_image, images)):
        together = embed(things)
        torch.testing.assert_close(together.norm(dim=1), torch.ones(5))
        alone = torch.cat([embed(things[i : i + 1]) for i in range(5)])
        torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)
        assert torch.equal(together, embed(things))


def test_two_readings_of_the_file_agree(judge):
    prompts = ["a green heart"]
    assert torch.equal(Judge().embed_text(prompts), judge.embed_text(prompts))


@pytest.mark.parametrize(
    ("one", "other", "stranger"),
    [
        ("a kitten", "a cat", "a car"),
        ("a cottage", "a house", "a horse"),
        ("a puppy", "a dog", "a duck"),
        ("a bunny", "a rabbit", "a robot"),
        ("an automobile", "a car", "a cat"),
        ("a scarlet heart", "a red heart", "a blue heart"),
    ],
)
def test_synonyms_are_closer_than_strangers(judge, one, other, stranger):
    a, b, c = judge.embed_text([one, other, stranger])
    assert float(a @ b) > float(a @ c) + 0.15


def test_company_and_number_matter_and_small_words_hardly_do(judge):
    cat, dressed, cats, company = judge.embed_text(
        ["a cat", "The cat!", "three cats", "a cat and a moon"]
    )
    assert float(cat @ dressed) > 0.9
    assert max(float(cat @ cats), float(cat @ company)) < 0.75


def test_names_plain_shapes_and_their_colours(judge, cards):
    prompts, images = cards
    ranks = retrieval.standings(seen(judge, images) @ judge.embed_text(prompts).T, torch.arange(16))
    assert retrieval.recall(ranks, 1) >= 0.8 and retrieval.recall(ranks, 5) == 1.0


def test_counts(judge):
    one = picture("star", "yellow")
    three = picture("star", "yellow", [(62, 90, 50), (194, 90, 50), (128, 190, 50)])
    likeness = seen(judge, torch.cat([one, three])) @ judge.embed_text(["a star", "three stars"]).T
    assert likeness[0, 0] > likeness[0, 1] and likeness[1, 1] > likeness[1, 0]


def fooling(guide, images, texts, wrong, steps=20, length=1.0):
    """Pictures changed uphill on the guide's cosine with a wrong prompt, in steps of a stated L2
    length, each until the guide likes that one best (Madry et al. 2018, in L2)."""
    images = images.clone()
    for _ in range(steps):
        images.requires_grad_()
        likeness = guide.embed_image(images) @ texts.T
        open_still = (likeness.argmax(1) != wrong).float()[:, None]
        if not open_still.any():
            break
        (gradient,) = torch.autograd.grad(likeness.gather(1, wrong[:, None]).sum(), images)
        step = length * open_still * F.normalize(gradient.flatten(1), dim=1)
        images = (images.detach() + step.view_as(images)).clamp(0, 1)
    return images.detach()


def test_what_fools_the_guide_does_not_fool_the_judge(judge, cards):
    """Each picture is changed until the guide takes it for another shape in the same colour.

    Measured: the guide's cosine with the wrong prompt rises by 0.18, the judge's by 0.05, and by
    0.14 at most.
    """
    guide, (prompts, images) = load_encoder("pocket"), cards
    images = F.interpolate(images, size=(guide.size, guide.size), mode="area")
    wrong = (torch.arange(16) + len(COLOURS)) % 16
    changed = fooling(guide, images, guide.embed_text(prompts), wrong)

    def taken_for_wrong(model, pictures):
        return int(((seen(model, pictures) @ model.embed_text(prompts).T).argmax(1) == wrong).sum())

    def moved(model):
        texts = model.embed_text(prompts)[wrong]
        return ((seen(model, changed) - seen(model, images)) * texts).sum(1)

    assert taken_for_wrong(guide, changed) >= 14 > 2 >= taken_for_wrong(guide, images)
    assert taken_for_wrong(judge, changed) <= taken_for_wrong(judge, images) + 1
    said = f"guide {moved(guide).mean():+.3f}, judge {moved(judge).mean():+.3f}"
    print(f"cosine with the wrong prompt: {said}, at most {moved(judge).max():+.3f}")
    assert float(moved(judge).mean()) < 0.5 * float(moved(guide).mean())
    assert float(moved(judge).max()) < 0.25


# The training, on two squares: no network, a few steps.


@pytest.fixture
def work(tmp_path):
    """A work folder as `judge_data.prepare` leaves it, with a red square and an empty frame."""
    rows = torch.zeros(2, 48, 48, 4, dtype=torch.uint8)
    rows[:, 8:40, 8:40] = torch.tensor([200, 30, 30, 255], dtype=torch.uint8)
    rows[1, 12:36, 12:36] = 0
    np.save(tmp_path / "judge.npy", rows.numpy())
    icons = [
        {"thing": "square", "name": "a:square", "kind": "colour", "colour": "red", "rows": {"": 0}},
        {"thing": "frame", "name": "b:frame", "kind": "lines", "colour": None, "rows": {"": 1}},
    ]
    nouns = {"square": ["square", "box"], "frame": ["frame"]}
    (tmp_path / "judge.json").write_text(json.dumps({"icons": icons, "nouns": nouns}))
    torch.save(
        {"texts": ["a box", "sea"], "vectors": torch.eye(2, DIM), "more": {"square": ["cube"]}},
        tmp_path / "judge_teacher.pt",
    )
    return tmp_path


def test_training_goes_on_where_it_was_stopped_bit_for_bit(work, tmp_path_factory, monkeypatch):
    monkeypatch.setattr(stage, "BATCH", 6)
    apart = tmp_path_factory.mktemp("apart")
    whole, broken = (shutil.copytree(work, apart / name) for name in ("whole", "broken"))
    stage.train(whole, seed=0, steps=2)
    stage.train(broken, seed=0, steps=2, stop_after=1)
    stage.train(broken, seed=0, steps=2)
    stage.export(whole, work / "judge.safetensors")
    stage.export(broken, work / "other.safetensors")
    assert (work / "judge.safetensors").read_bytes() == (work / "other.safetensors").read_bytes()
    assert Judge(work / "judge.safetensors").embed_text(["a box"]).shape == (1, DIM)


def test_a_prompt_says_what_its_picture_shows(work):
    pictures, rng = judge_data.Pictures.load(work), np.random.default_rng(0)
    examples, images = pictures.batch(200, 32, rng)
    assert images.shape == (200, 3, 32, 32) and 0 <= images.min() and images.max() <= 1
    for example in examples:
        for part in example.parts:
            assert part.named in ("", part.shown)
            assert any(
                word in example.prompt for word in (part.noun, part.noun.replace("x", "xes"))
            )
        assert judge_data.fits(example, example)
    assert {len(example.parts) for example in examples} == {1, 2, 3, 4}


def test_a_line_drawing_of_a_colour_picture_is_black_and_white():
    fine = np.zeros((144, 144, 4), np.uint8)
    fine[20:124, 20:72] = (220, 30, 30, 255)
    fine[20:124, 72:124] = (250, 210, 40, 255)
    lines = judge_data.outlined(fine)
    assert set(np.unique(lines)) == {0, 255}
    assert lines[72, 72, 0] == 0 and lines[72, 45].tolist() == [255] * 4 and lines[72, 5, 3] == 0


def test_what_lines_close_around_is_white():
    fine = np.zeros((144, 144, 4), np.uint8)
    fine[20:124, 20:124, 3] = 255
    fine[40:104, 40:104, 3] = 0
    found = judge_data.inside_white(fine)
    assert found[72, 72].tolist() == [255] * 4 and found[30, 30].tolist() == [0, 0, 0, 255]
    assert found[5, 5, 3] == 0


# scripts/score


LIKENESS = torch.tensor([[0.9, 0.1, 0.2], [0.5, 0.4, 0.3], [0.2, 0.2, 0.2]])
OWN = torch.tensor([0, 1, 2])


def test_standings_by_hand():
    # Best; one other is better; two others are as good, and ties count against it.
    assert retrieval.standings(LIKENESS, OWN).tolist() == [0, 1, 2]


def test_margins_by_hand():
    expected = torch.tensor([0.7, -0.1, 0.0])
    torch.testing.assert_close(retrieval.margins(LIKENESS, OWN), expected)


def test_recall_by_hand():
    ranks = torch.tensor([0, 4, 5, 1])
    assert retrieval.recall(ranks, 1) == 0.25 and retrieval.recall(ranks, 5) == 0.75


def test_a_list_has_sections_a_template_and_the_right_articles(tmp_path):
    file = tmp_path / "list.txt"
    file.write_text("# About the list.\n\n# fruit\napple\npear\n\n# beasts\nowl\n")
    assert score.read_prompts(file, "a line drawing of a {}") == [
        ("fruit", "apple", "a line drawing of an apple"),
        ("fruit", "pear", "a line drawing of a pear"),
        ("beasts", "owl", "a line drawing of an owl"),
    ]


@pytest.mark.parametrize(("text", "said"), [("# none\n", "no prompts"), ("a\na\n", "'a' is there")])
def test_a_list_that_cannot_be_scored_is_refused(tmp_path, text, said):
    (tmp_path / "list.txt").write_text(text)
    with pytest.raises(ValueError, match=said):
        score.read_prompts(tmp_path / "list.txt")


def test_the_list_of_prompts_is_what_it_says():
    asked = score.read_prompts(score.PROMPTS)
    sections = [one.section for one in asked]
    assert len({one.prompt for one in asked}) == 100
    assert {name: sections.count(name) for name in sections} == {
        "twenty with colours": 20,
        "ten with two things": 10,
        "thirty-five in words that no icon is called by": 35,
        "thirty-five more": 35,
    }


def test_inputs_reach_the_settings_and_the_fingerprint():
    def settings(*inputs):
        arguments = argparse.Namespace(seed=3, input=list(inputs))
        return score.settings_of("a cat", arguments)

    plain, other = settings(), settings("strokes=12")
    assert (plain.prompt, plain.seed, plain.model, other.strokes) == ("a cat", 3, "pocket", 12)
    assert score.fingerprint(plain) == score.fingerprint(settings()) != score.fingerprint(other)
    with pytest.raises(ValueError, match="no input 'strokse'"):
        settings("strokse=12")


def test_draws_once_and_judges(tmp_path, capsys):
    file, out = tmp_path / "list.txt", tmp_path / "out"
    file.write_text("# two\na red heart\na tree\n")
    inputs = ["-i", "preset=quick", "-i", "strokes=8", "-i", "steps=2"]
    arguments = ["--prompts", str(file), "--out", str(out), *inputs]
    assert score.main(arguments) == 0
    assert "002-a-tree.svg" in capsys.readouterr().out
    before = (out / "002-a-tree.svg").stat().st_mtime_ns
    assert score.main(arguments) == 0
    said = capsys.readouterr().out
    assert "002-a-tree.svg" not in said and "the guide's own, no judge" in said
    assert (out / "002-a-tree.svg").stat().st_mtime_ns == before
    scores = json.loads((out / "scores.json").read_text())
    assert [d["prompt"] for d in scores["drawings"]] == ["a red heart", "a tree"]
    with Image.open(out / "sheet.webp") as page:
        assert page.width == 2 * score.SIDE


def test_a_wrong_input_is_one_line(tmp_path, capsys):
    assert score.main(["--prompts", str(tmp_path / "none.txt")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
