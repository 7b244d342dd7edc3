"""Drawings, how they start, how they are split, joined and drawn stroke by stroke."""

import jaxtyping
import pytest
import torch

from clipdraw import Drawing, render, scribble, stroke_by_stroke
from clipdraw.drawing import Path, assemble, join
from clipdraw.scribble import scribble_over


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_scribbles_are_clipdraws():
    drawing = scribble(2000, rng(), width=224, height=112)
    assert torch.bincount(drawing.segments).tolist()[0] == 0
    assert torch.bincount(drawing.segments).min() >= 0
    share = torch.bincount(drawing.segments)[1:] / 2000
    assert share.tolist() == pytest.approx([1 / 3] * 3, abs=0.04)
    unit = drawing.points / torch.tensor([224, 112])
    first = torch.cat([torch.tensor([True]), drawing.path_of_point.diff() > 0])
    assert unit[first].min() >= 0
    assert unit[first].max() <= 1
    assert unit[first].mean() == pytest.approx(0.5, abs=0.02)
    steps = unit.diff(dim=0)[~first[1:]]
    assert steps.abs().max() <= 0.05 + 1e-5
    assert steps.std() == pytest.approx(0.1 / 12**0.5, rel=0.03)
    assert (drawing.widths == 2).all()
    assert 0.45 < drawing.colors.mean() < 0.55


def test_scribbles_over_a_picture_start_on_its_ink_in_its_colours():
    picture = torch.ones(3, 10, 20)
    picture[:, 2:5, 12:16] = torch.tensor([0.8, 0.1, 0.2])[:, None, None]
    drawing = scribble_over(picture, 500, rng(), width=200, height=100)
    first = torch.cat([torch.tensor([True]), drawing.path_of_point.diff() > 0])
    x, y = drawing.points[first].T
    inked = (120 <= x) & (x <= 160) & (20 <= y) & (y <= 50)
    assert inked.float().mean() > 0.97
    assert torch.allclose(drawing.colors[inked, :3], torch.tensor([0.8, 0.1, 0.2]))


def test_the_colour_of_the_paper_is_no_ink():
    picture = torch.full((3, 10, 20), 0.2)
    picture[:, 2:5, 12:16] = 1.0
    drawing = scribble_over(picture, 500, rng(), paper=(0.2, 0.2, 0.2))
    assert (drawing.colors[:, 0] == 1.0).float().mean() > 0.97


def test_what_is_on_the_paper_already_is_left_alone():
    picture = torch.zeros(3, 10, 20)
    there = picture.clone()
    there[0, 2:5, 12:16] = 0.9
    drawing = scribble_over(picture, 500, rng(), paper=there, width=20, height=10, wander=0.02)
    x, y = drawing.points.T
    missing = (11.5 <= x) & (x <= 16.5) & (1.5 <= y) & (y <= 5.5)
    assert missing.float().mean() > 0.95
    assert drawing.points.diff(dim=0)[1:4].abs().max() <= 0.01 * 20


def test_a_blank_picture_is_scribbled_over_all_the_same():
    assert scribble_over(torch.ones(3, 8, 8), 5, rng()).paths == 5


def test_join_and_split_are_each_others_opposite():
    apart = [scribble(3, rng(1)), scribble(1, rng(2)), scribble(5, rng(3))]
    again = join(apart).split()
    for a, b in zip(apart, again, strict=True):
        assert all(torch.equal(x, b.floats[name]) for name, x in a.floats.items())
        assert torch.equal(a.segments, b.segments)
        assert b.pictures == 1


def test_joined_drawings_share_a_canvas():
    with pytest.raises(ValueError, match="need one canvas size"):
        join([scribble(1, rng(), width=10), scribble(1, rng(), width=20)])


def test_stroke_by_stroke_goes_from_blank_paper_to_the_drawing():
    drawing = scribble(6, rng())
    frames = stroke_by_stroke(drawing, 40)
    assert frames[0].paths == 0
    assert all(torch.equal(x, frames[-1].floats[name]) for name, x in drawing.floats.items())
    ink = torch.tensor([float((1 - render(frame)).sum()) for frame in frames])
    # An opaque light stroke may hide a dark one, so ink grows on the whole, not at every frame.
    assert (ink.diff() > 0).float().mean() > 0.9


def test_a_stroke_that_is_half_drawn_lies_on_the_whole_one():
    drawing = scribble(1, rng(4)).replace(colors=torch.tensor([[0.0, 0, 0, 1]]))
    half = stroke_by_stroke(drawing, 8)[3]
    assert half.segments.sum() <= drawing.segments.sum()
    whole_ink, half_ink = 1 - render(drawing), 1 - render(half)
    assert half_ink.sum() > 0
    assert (half_ink - whole_ink).max() < 0.02


def ring(rule: str = "evenodd") -> Path:
    """Two closed contours, filled and stroked."""
    outer = torch.tensor([[10.0, 5], [20, 5], [30, 5], [30, 25], [20, 25], [10, 25]])
    return Path(
        contours=[outer, outer / 2 + torch.tensor([10.0, 7.5])],
        closed=[True, True],
        width=torch.tensor(1.5),
        color=torch.tensor([0.9, 0.1, 0.2, 1.0]),
        fill=torch.tensor([0.1, 0.2, 0.8, 0.5]),
        fill_rule=rule,
    )


def arc(shift: float = 0.0) -> Path:
    """One open contour, stroked."""
    points = torch.tensor([[5.0, 20], [10, 2], [30, 2], [35, 20]]) + shift
    return Path([points], [False], torch.tensor(3.0), color=torch.tensor([0.0, 0.5, 0.0, 0.8]))


def same(one: Drawing, other: Drawing) -> bool:
    names = ("points", "segments", "closed", "path", "widths", "colors", "stroked", "fill_rules",
             "fills", "picture")  # fmt: skip
    return all(torch.equal(getattr(one, n), getattr(other, n)) for n in names)


def test_a_drawing_is_its_paths():
    drawing = assemble([arc(), ring(), ring("nonzero")], 40, 30)
    assert drawing.segments.tolist() == [1, 2, 2, 2, 2]
    assert drawing.points_of_contour.tolist() == [4, 6, 6, 6, 6]
    assert drawing.path_of_point.bincount().tolist() == [4, 12, 12]
    assert drawing.fill_rules.tolist() == [0, 2, 1]
    assert same(assemble(list(drawing.each_path()), 40, 30), drawing)


def test_paths_are_taken_by_number_in_any_order():
    drawing = assemble([arc(), ring(), arc(1.0)], 40, 30)
    assert same(drawing.take(torch.tensor([2, 1, 1])), assemble([arc(1.0), ring(), ring()], 40, 30))
    assert same(
        drawing.select(torch.tensor([True, False, True])), assemble([arc(), arc(1.0)], 40, 30)
    )


def test_pictures_are_repeated_side_by_side():
    one, two = assemble([arc(), ring()], 40, 30), assemble([ring()], 40, 30)
    blank = assemble([], 40, 30)
    assert same(join([one, blank, two]).repeat(2), join([one, one, blank, blank, two, two]))
    points = one.points.clone().requires_grad_()
    one.replace(points=points).repeat(3).points.sum().backward()
    assert (points.grad == 3).all()


def test_a_drawing_fits_another_canvas_in_its_middle():
    drawing = scribble(3, rng(), width=40, height=20)
    wide = drawing.fitted(100, 80)
    assert (wide.width, wide.height) == (100, 80)
    torch.testing.assert_close(wide.points, drawing.points * 2.5 + torch.tensor([0, 15]))
    torch.testing.assert_close(wide.widths, drawing.widths * 2.5)
    same = drawing.fitted(40, 20)
    assert torch.equal(same.points, drawing.points) and torch.equal(same.widths, drawing.widths)


def test_a_path_is_drawn_contour_by_contour_and_filled_in_the_end():
    drawing = assemble([ring(), arc()], 40, 30)
    frames = stroke_by_stroke(drawing, 11)
    assert frames[0].paths == 0
    assert frames[-1].fill_rules.tolist() == [2, 0]
    half = frames[2]  # one of five segments
    assert half.segments.tolist() == [1]
    assert not half.closed.any()
    assert not half.fill_rules.any()
    assert torch.equal(half.points, drawing.points[:4])
    three = frames[6]
    assert three.closed.tolist() == [True, False]
    assert torch.equal(three.points[:6], drawing.points[:6])
    assert same(frames[-1], drawing)


@pytest.fixture
def unchecked_shapes():
    """As it is outside of tests, where no type checker comes before our own sentences."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"segments": torch.tensor([1, 2, 3])}, r"points has shape \[16, 2\], but 2 paths of 6"),
        ({"segments": torch.tensor([1, 0, 4])}, "segments holds 0; a contour has 1 or more"),
        ({"widths": torch.ones(3)}, r"colors has shape \[2, 4\], but 3 paths of 5 segments"),
        ({"closed": torch.zeros(2, dtype=torch.bool)}, "closed has shape"),
        ({"stroked": torch.ones(2, dtype=torch.int64)}, "stroked is torch.int64; give torch.bool"),
        ({"path": torch.tensor([0, 1, 0])}, r"path must count 0, 1, ... 1 in order"),
        ({"path": torch.tensor([0, 0, 0])}, r"each at least once, got \[0, 0, 0\]"),
        ({"path": torch.tensor([0, 2, 2])}, "path must count"),
        ({"points": torch.zeros(16, 2).double()}, "widths is torch.float32 and points is torch.f"),
        ({"fills": torch.zeros(2, 4).double()}, "fills is torch.float64 and points is torch.float"),
        (
            {"points": torch.zeros(16, 2, device="meta")},
            "widths is on cpu and points on meta; move",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused(change, words):
    with pytest.raises(ValueError, match=words):
        assemble([arc(), ring()], 40, 30).replace(**change)
