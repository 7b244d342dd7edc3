"""Drawings, how they start, how they are split, joined and drawn stroke by stroke."""

import pytest
import torch

from clipdraw import render, scribble, stroke_by_stroke
from clipdraw.drawing import join
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
