"""Strokes that follow a moving target: calmer than new ones, and as close."""

from itertools import pairwise

import pytest
import torch

from clipdraw import Weighted, optimise, render
from clipdraw.scribble import scribble_over
from journeys import follow as module
from journeys.follow import follow, smoothed
from losses import PictureDistance

HEIGHT, WIDTH, FRAMES = 24, 32, 8
SIZE = {"width": 224.0 * WIDTH / HEIGHT, "height": 224.0}


@pytest.fixture(autouse=True)
def small_look(monkeypatch):
    monkeypatch.setattr(module, "LOOK", 32)


def luck(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def square(left: float, color=(0.8, 0.2, 0.1)) -> torch.Tensor:
    """A square that is somewhere between two columns."""
    x = torch.arange(WIDTH) + 0.5
    inside = (x - left + 0.5).clamp(0, 1) * (left + 10.5 - x).clamp(0, 1)
    sheet = torch.ones(3, HEIGHT, WIDTH)
    ink = 1 - torch.tensor(color)[:, None, None]
    sheet[:, 7:17] -= ink * inside
    return sheet


# Three canvas units a frame.
MOVING = [square(8 + 0.3 * i) for i in range(FRAMES)]


def start(target: torch.Tensor):
    return scribble_over(target, 24, luck(), stroke_width=14.0, **SIZE)


def followed(targets=MOVING, **changes):
    settings = {"steps": 8, "first_steps": 60, **changes}
    return [step.frame for step in follow(targets, start, luck(), **settings)]


def motion(drawings) -> float:
    """How far control points go from frame to frame, canvas units, in the mean."""
    ways = [
        torch.linalg.vector_norm(b.points - a.points, dim=1).mean() for a, b in pairwise(drawings)
    ]
    return float(torch.stack(ways).mean())


def distance(drawing, target) -> float:
    seen = render(drawing, HEIGHT, WIDTH)[0]
    return float((seen - target).square().mean())


def cold(target, steps: int):
    """Strokes that start anew on one target."""
    terms = {"target": Weighted(100.0, PictureDistance(target[None]))}
    frames = optimise(
        start(target), terms, steps=steps, generators=[luck()], rates=module.NEW,
        width_bounds=module.WIDTHS, size=(HEIGHT, WIDTH),
    )  # fmt: skip
    *_, frame = frames
    return frame.drawing


def test_strokes_that_follow_move_five_times_less_than_new_ones_that_are_no_closer():
    warm = [frame.drawing for frame in followed()]
    near = [distance(drawing, target) for drawing, target in zip(warm, MOVING, strict=True)]
    for steps in (15, 60):
        anew = [cold(target, steps) for target in MOVING]
        if sum(distance(d, t) for d, t in zip(anew, MOVING, strict=True)) >= sum(near):
            break
    else:
        pytest.fail("new strokes are closer however few steps they take")
    assert motion(warm) * 5 < motion(anew)


def test_there_is_a_frame_for_each_target_and_it_is_close():
    frames = followed()
    assert len(frames) == FRAMES
    blank = float((1 - MOVING[0]).square().mean())
    for frame, target in zip(frames, MOVING, strict=True):
        assert distance(frame.drawing, target) < blank / 6


def test_calm_keeps_strokes_where_they_are():
    still, free = (motion([f.drawing for f in followed(calm=calm)]) for calm in (30.0, 0.0))
    assert still < 0.7 * free


def trembling(drawings) -> float:
    """How far control points are from the middle between the frames before and after."""
    points = torch.stack([drawing.points for drawing in drawings])
    return float((points[:-2] - 2 * points[1:-1] + points[2:]).norm(dim=2).mean())


def test_smoothed_strokes_tremble_less_and_are_as_close():
    frames = followed()
    rough = [frame.drawing for frame in frames]
    smooth = smoothed(rough)
    assert trembling(smooth) < trembling(rough) / 3
    middle = FRAMES // 2
    near, was = (distance(drawings[middle], MOVING[middle]) for drawings in (smooth, rough))
    assert near < 1.2 * was + 1e-4


def test_what_stands_still_or_goes_straight_stays_so():
    one = start(MOVING[0])
    film = [one.replace(points=one.points + 2.0 * i) for i in range(40)]
    smooth = smoothed(film)
    assert torch.allclose(smooth[20].points, film[20].points, atol=1e-3)
    assert torch.allclose(smooth[20].colors, one.colors, atol=1e-6)


def test_a_loop_leads_strokes_home():
    """The square goes there and back. Without, strokes are elsewhere when it is back."""
    lap = [*MOVING, *MOVING[-2:0:-1]]

    def gap(lap_told):
        drawings = [frame.drawing for frame in followed([*lap, lap[0]], lap=lap_told)]
        return motion([drawings[0], drawings[-1]])

    assert gap(len(lap)) < 0.5 * gap(None)


def test_smoothing_a_loop_goes_round():
    one = start(MOVING[0])
    turn = torch.arange(12) * 2 * torch.pi / 12
    film = [one.replace(points=one.points + 9 * torch.sin(t)) for t in turn]
    smooth = smoothed(film, closed=True)
    # A sine stays one: its beginning is as far from its end as all are from their next.
    assert torch.allclose(smooth[0].points, one.points, atol=1e-3)
    assert torch.allclose(smooth[3].points - one.points, one.points - smooth[9].points, atol=1e-3)


def test_what_does_not_move_comes_to_rest():
    frames = followed([MOVING[0]] * 12)
    ways = [motion([a.drawing, b.drawing]) for a, b in pairwise(frames)]
    assert ways[-1] < 0.5 * max(ways)


def test_targets_are_asked_for_one_at_a_time():
    asked = []

    def targets():
        for i, target in enumerate(MOVING):
            asked.append(i)
            yield target

    run = follow(targets(), start, luck(), steps=1, first_steps=1)
    next(run)
    assert asked == [0]
    next(run)
    assert asked == [0, 1]


def test_after_a_cut_strokes_start_anew():
    """The square is gone and a blue one is elsewhere, where no stroke would find it."""
    blue = square(20, (0.1, 0.2, 0.9))
    frames = followed([*MOVING[:2], blue, blue], cuts=[2])
    assert [frame.steps for frame in frames] == [60, 8, 60, 8]
    assert distance(frames[2].drawing, blue) < 0.1 * float((1 - blue).square().mean())


def test_momentum_goes_on_from_frame_to_frame():
    """The third frame's loop begins where the second one's ended."""
    frames = followed(MOVING[:3])
    assert [frame.steps for frame in frames] == [60, 8, 16]
    assert "adam.points.exp_avg" in frames[1].state


def test_the_same_luck_gives_the_same_bits():
    one, two = (followed(MOVING[:4]) for _ in range(2))
    for a, b in zip(one, two, strict=True):
        assert torch.equal(a.drawing.points, b.drawing.points)


def test_rates_and_widths_are_those_of_the_canvas():
    """After a step or two, before rounding makes two runs go their own ways."""

    def half(target):
        return start(target).fitted(SIZE["width"] / 2, SIZE["height"] / 2)

    one, other = (
        list(follow(MOVING[:2], begin, luck(), steps=1, first_steps=1)) for begin in (start, half)
    )
    for (large, _), (small, _) in zip(one, other, strict=True):
        for name, whole in (("points", 2.0), ("widths", 0.4)):
            gap = getattr(large.drawing, name) / 2 - getattr(small.drawing, name)
            # A step of a gradient that is nearly nothing may be any.
            assert (gap.abs() < 0.02 * whole).float().mean() > 0.9
