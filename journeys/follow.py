"""Strokes that follow a moving target: each frame starts where the one before it ended."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import torch.nn.functional as F
from jaxtyping import Float
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
# Of a film of six things in 120 frames, 128 strokes, 8 steps a frame: without calm, points go 1.6
# units a frame and the mean distance is 0.137; with 1 it is 1.2 and 0.133, with 3 0.9 and 0.142,
# with 10 0.6 and 0.164, where eyes and ears come late.
CALM = 3.0
WIDTHS = (1.5, 24.0)
# Where a target is as good as new.
NEW = Rates(points=2.0, widths=0.4, colors=0.04)
# Where it has moved. Twice as fast is as close on the same film, and a fifth less calm.
MOVED = Rates(points=1.0, widths=0.2, colors=0.02, drops=())
# A target whose pixels differ by more than this in the mean, where white and black differ by 1, has
# not moved: it is another one. On the same film the most from frame to frame is 0.054; from a heart
# to a house it is 0.25.
CUT = 0.1


def follow(
    targets: Iterable[Float[Tensor, "3 height width"]],
    start: Callable[[Float[Tensor, "3 height width"]], Drawing],
    generator: Generator,
    *,
    steps: int = 8,
    first_steps: int = 150,
    calm: float = CALM,
    background: Sequence[float] = WHITE,
) -> Iterator[Frame]:
    """A frame for each target: strokes settle on the first one, and then go along with it.

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
        background: what is painted on, opaque RGB.

    Yields:
        The last frame of the loop for each target.
    """
    before = None
    for target in targets:
        new = before is None or float((target - before).abs().mean()) > CUT
        if new:
            drawing, state, done = start(target), None, 0
        look = _look(drawing)
        seen = F.interpolate(target[None], look, mode="bicubic").clamp(0, 1)
        terms = {"target": Weighted(WEIGHT, PictureDistance(seen))}
        if not new:
            terms["calm"] = Weighted(calm, Calm(drawing))
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
        yield frame
        drawing, before = frame.drawing, target
        # What has just settled has a momentum of its own, which leads nowhere.
        state, done = (None, 0) if new else (frame.state, frame.step)


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
