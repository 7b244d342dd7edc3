"""Where drawings start: random scribbles, or scribbles that have seen a picture."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from clipdraw.drawing import Drawing
from clipdraw.renderers import WHITE

# CLIPDraw (Frans et al. 2021, notebook): each further point is at most half of this fraction of
# the canvas away from the one before, on each axis.
WANDER = 0.1
MOST_SEGMENTS = 3


def scribble(
    strokes: int,
    generator: torch.Generator,
    *,
    width: float = 224,
    height: float = 224,
    stroke_width: float = 2.0,
) -> Drawing:
    """CLIPDraw's start: random walks all over the canvas, in random colours and opacities.

    Args:
        strokes: how many, at least 1; each has 1 to 3 segments, drawn uniformly.
        generator: draws on the CPU.
        width, height: the canvas, canvas units.
        stroke_width: full width of every stroke; CLIPDraw's "1.0" is half of this default.
    """
    segments = torch.randint(1, MOST_SEGMENTS + 1, (strokes,), generator=generator)
    starts = torch.rand(strokes, 2, generator=generator)
    points = _walks(starts, segments, generator) * torch.tensor([width, height])
    colors = torch.rand(strokes, 4, generator=generator)
    return _drawing(points, segments, stroke_width, colors, width, height)


def scribble_over(
    picture: Float[Tensor, "3 rows columns"],
    strokes: int,
    generator: torch.Generator,
    *,
    width: float = 224,
    height: float = 224,
    stroke_width: float = 2.0,
    paper: Sequence[float] | Float[Tensor, "3 rows columns"] = WHITE,
    wander: float = WANDER,
) -> Drawing:
    """Scribbles that start where a picture has ink, in the colours that they find there.

    Args:
        picture: RGB in [0, 1], of any size; stretched over the canvas.
        strokes, generator, width, height, stroke_width: as in `scribble`.
        paper: colour of the blank paper, which is left alone; or, as a picture of the same size,
            what is on it already.
        wander: each further point is at most half of this fraction of the canvas away from the
            one before, on each axis.

    Strokes start with a probability that grows with the distance of a pixel from the paper.
    """
    _, rows, columns = picture.shape
    blank = torch.as_tensor(paper)
    blank = blank[:, None, None] if blank.dim() == 1 else blank
    # A little everywhere, so that a blank picture has places to start from, too.
    chance = (picture - blank).abs().amax(0).flatten().double() + 1e-3
    pixel = torch.multinomial(chance, strokes, replacement=True, generator=generator)
    corner = torch.stack([pixel % columns, pixel // columns], dim=1)
    starts = (corner + torch.rand(strokes, 2, generator=generator)) / torch.tensor([columns, rows])
    segments = torch.randint(1, MOST_SEGMENTS + 1, (strokes,), generator=generator)
    points = _walks(starts, segments, generator, wander) * torch.tensor([width, height])
    colors = torch.cat([picture.flatten(1).T[pixel], torch.full((strokes, 1), 0.9)], dim=1)
    return _drawing(points, segments, stroke_width, colors, width, height)


def _walks(
    starts: Tensor, segments: Tensor, generator: torch.Generator, wander: float = WANDER
) -> Tensor:
    """Random walks `[points, 2]` from `starts` ([strokes, 2]), unit square."""
    counts = 3 * segments + 1
    steps = wander * (torch.rand(int(counts.sum()), 2, generator=generator) - 0.5)
    first = counts.cumsum(0) - counts
    steps[first] = 0
    walked = steps.cumsum(0)
    return walked - torch.repeat_interleave(walked[first] - starts, counts, dim=0)


def _drawing(points, segments, stroke_width, colors, width, height) -> Drawing:
    return Drawing(
        points=points,
        segments=segments,
        widths=torch.full((len(segments),), float(stroke_width)),
        colors=colors,
        picture=torch.zeros_like(segments),
        width=float(width),
        height=float(height),
    )
