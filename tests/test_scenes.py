"""Prompts that name several things: how they are read, and where each thing goes."""

import pytest
import torch

from clipdraw import Scene, scribble
from losses.english import singular
from losses.scenes import CELLS, Cell, Within, lay_out, things


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("a cat", ["a cat"]),
        ("a cat and a moon", ["a cat", "a moon"]),
        ("the sun and the moon", ["the sun", "the moon"]),
        ("a red heart and a blue star", ["a red heart", "a blue star"]),
        ("a cat, a dog and a bird", ["a cat", "a dog", "a bird"]),
        ("a cat, a dog, and a bird", ["a cat", "a dog", "a bird"]),
        ("three red foxes", ["a red fox"] * 3),
        ("2 leaves", ["a leaf"] * 2),
        ("two cups of tea and a cake", ["a cup of tea", "a cup of tea", "a cake"]),
        ("a cup of tea", ["a cup of tea"]),
        (
            "a line drawing of a cat and two stars",
            ["a line drawing of a cat", *["a line drawing of a star"] * 2],
        ),
        ("A watercolour of four boats", ["A watercolour of a boat"] * 4),
    ],
)
def test_things_are_found_with_the_words_around_them(text, named):
    assert things(text) == named


@pytest.mark.parametrize(
    "text",
    [
        "a fork and knife",
        "a black and white drawing of a dog",
        "five cats",
        "three cats and three dogs",
        "a house with a red roof",
        "a band and",
        "candy",
        "",
    ],
)
def test_what_is_no_list_of_up_to_four_things_stays_together(text):
    assert things(text) == [text]


@pytest.mark.parametrize(
    ("several", "one"),
    [("cherries", "cherry"), ("leaves", "leaf"), ("glass", "glass"), ("dresses", "dress"),
     ("benches", "bench"), ("houses", "house"), ("boxes", "box"), ("cups of tea", "cup of tea"),
     ("sheep", "sheep"), ("two mice", "two mouse"), ("wolves", "wolf"), ("olives", "olive"),
     ("potatoes", "potato"), ("red shoes", "red shoe"), ("bus", "bus"), ("buses", "bus")],
)  # fmt: skip
def test_singulars(several, one):
    assert singular(several) == one


@pytest.mark.parametrize("count", CELLS)
def test_cells_lie_on_the_canvas_and_hardly_overlap(count):
    cells = CELLS[count]
    assert len(cells) == count
    side = cells[0].side
    for cell in cells:
        assert cell.side == side
        assert min(cell.left, cell.top) >= 0
        assert max(cell.left, cell.top) + side <= 1 + 1e-9
    for i, a in enumerate(cells):
        for b in cells[:i]:
            # A margin of a tenth on all sides of a dream is empty.
            assert max(abs(a.left - b.left), abs(a.top - b.top)) >= 0.7 * side


def test_laid_out_pictures_keep_their_pixels_and_darken_where_they_meet():
    left, right = torch.full((3, 58, 58), 0.2), torch.full((3, 58, 58), 0.6)
    sheet = lay_out([left, right])
    assert sheet.shape == (3, 100, 100)
    assert (sheet[:, :21] == 1).all() and (sheet[:, 79:] == 1).all()
    assert (sheet[:, 21:79, :58] == 0.2).all()
    assert (sheet[:, 21:79, 58:] == 0.6).all()
    alone = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(lay_out([alone]), alone)


def test_a_term_within_a_cell_sees_that_cell_and_pulls_nothing_else():
    picture = torch.rand(2, 3, 60, 100, generator=torch.Generator().manual_seed(0))
    picture.requires_grad_()

    def ink(scene):
        assert scene.picture.shape == (2, 3, 60, 60)
        return scene.picture.sum((1, 2, 3))

    scene = Scene(scribble(1, torch.Generator()), picture, [], 0.0)
    Within(Cell(0.5, 0, 0.5), ink)(scene).sum().backward()
    pulled = picture.grad.abs().sum((0, 1)) > 0
    assert pulled[:30, 50:80].all()
    assert int(pulled.sum()) == 900
