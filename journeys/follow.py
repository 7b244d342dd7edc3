"""Strokes that follow a moving target: each frame starts where the one before it ended."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d
from torch import Generator, Tensor

from clipdraw import Drawing, Weighted, optimise
from clipdraw.loop import Frame, Rates
from clipdraw.renderers import WHITE
from losses import Calm, PictureDistance

# The canvas that rates and widths are measured on.
CLASSIC = 224
# Long side in pixels at which strokes are compared with their target.
LOOK = 96
# The distance is a mean over pixels of squares, a tenth at most.
WEIGHT = 100.0
# Of a film from a fish to a boat to a tree in 125 frames, 128 strokes, 8 steps a frame, smoothed:
# with 1 points go 0.50 units a frame, and the mean distance is 0.090; with 3 it is 0.38 and 0.106,
# with 10 0.26 and 0.142, where masts and eyes come late.
CALM = 1.0
WIDTHS = (1.5, 24.0)
# Where a target is as good as new.
NEW = Rates(points=2.0, widths=0.4, colors=0.04)
# Where it has moved. Twice as fast is as close on the same film, and a fifth less calm.
MOVED = Rates(points=1.0, widths=0.2, colors=0.02, drops=())
# In frames: the deviation of the bell by which strokes are smoothed in time. That film's dreams
# flicker by 0.89, which is the mean second difference of pixels, of 255. The drawings do by 2.85
# without, by 1.64 with 1, by 1.24 with 2, where the mean distance is 0.090 and not 0.083, and by
# 1.05 with 3, where it is 0.109.
SMOOTH = 2.0
# What being away from the first frame costs at the end of a loop, and in which last part of it that
# grows from nothing. Around the same three things in 120 frames, strokes end 22 units away without;
# with 2 in a third it is 1.3, which is what they go from frame to frame, and the third is as close
# as the rest. With 10 it is 0.3, and some frames are mush; with 2 in a half, too.
HOME, HOMEWARD = 2.0, 1 / 3


class Step(NamedTuple):
    """What `follow` has for a target."""

    frame: Frame
    """The last one of the loop."""
    new: bool
    """Whether strokes started anew."""


def follow(
    targets: Iterable[Float[Tensor, "3 height width"]],
    start: Callable[[Float[Tensor, "3 height width"]], Drawing],
    generator: Generator,
    *,
    steps: int = 8,
    first_steps: int = 150,
    calm: float = CALM,
    cuts: Collection[int] = (),
    lap: int | None = None,
    background: Sequence[float] = WHITE,
) -> Iterator[Step]:
    """Strokes settle on the first target, and then go along with it.

    They move downhill on the squared distance to the target, and on the price of moving (`Calm`).
    The optimiser keeps its momentum from frame to frame, which makes less haste than a new one
    would. Where the film is cut, strokes start anew.

    Args:
        targets: RGB in [0, 1], all of one size; asked for one at a time.
        start: strokes to start with on a target, a single picture, always on the same canvas.
        generator: goes along with the loop; nothing here is left to luck.
        steps: for each target.
        first_steps: for the first one, and for those after a cut.
        calm: what moving costs; 0 is nothing.
        cuts: numbers of the targets, from 0, at which the film is cut.
        lap: after so many targets the first one comes again: towards the end, strokes are drawn
            back to where they were on it, unless there was a cut.
        background: what is painted on, opaque RGB.

    Yields:
        A step for each target.
    """
    first = None
    for number, target in enumerate(targets):
        new = number == 0 or number in cuts
        if new:
            drawing, state, done = start(target), None, 0
        look = _look(drawing)
        seen = F.interpolate(target[None], look, mode="bicubic").clamp(0, 1)
        terms = {"target": Weighted(WEIGHT, PictureDistance(seen))}
        if not new:
            terms["calm"] = Weighted(calm, Calm(drawing))
            if first is not None and (pull := _homeward(number, lap)) > 0:
                terms["home"] = Weighted(pull, Calm(first))
        *_, frame = optimise(
            drawing,
            terms,
            steps=done + (first_steps if new else steps),
            generators=[generator],
            rates=_scaled(NEW if new else MOVED, drawing),
            width_bounds=tuple(width * _unit(drawing) for width in WIDTHS),
            size=look,
            background=background,
            state=state,
        )
        yield Step(frame, new)
        drawing = frame.drawing
        if new:
            # What has just settled has a momentum of its own, which leads nowhere.
            first = None if number else drawing
            state, done = None, 0
        else:
            state, done = frame.state, frame.step


def smoothed(drawings: Sequence[Drawing], closed: bool = False) -> list[Drawing]:
    """A film whose strokes go on in curves: each of their numbers, averaged over some frames.

    The optimiser takes steps of a size, so what it moves trembles.

    Args:
        drawings: frame by frame the same strokes, as `follow` moves them between two cuts.
        closed: whether the last frame leads on to the first.
    """
    made = {}
    for name in drawings[0].floats:
        values = torch.stack([getattr(drawing, name) for drawing in drawings]).cpu().numpy()
        mode = "wrap" if closed else "nearest"
        made[name] = torch.from_numpy(gaussian_filter1d(values, SMOOTH, axis=0, mode=mode))
    return [
        drawings[0].replace(**{name: values[i] for name, values in made.items()})
        for i in range(len(drawings))
    ]


def _homeward(number: int, lap: int | None) -> float:
    """The weight of being away from the first frame; it grows as a square, up to the last."""
    if lap is None:
        return 0.0
    return HOME * max((number / lap - 1) / HOMEWARD + 1, 0) ** 2


def _look(drawing: Drawing) -> tuple[int, int]:
    """(height, width) in pixels at which a drawing is compared."""
    scale = LOOK / max(drawing.width, drawing.height)
    return max(round(drawing.height * scale), 1), max(round(drawing.width * scale), 1)


def _unit(drawing: Drawing) -> float:
    """Canvas units for each unit of the classic canvas."""
    return min(drawing.width, drawing.height) / CLASSIC


def _scaled(rates: Rates, drawing: Drawing) -> Rates:
    unit = _unit(drawing)
    return replace(rates, points=rates.points * unit, widths=rates.widths * unit)
