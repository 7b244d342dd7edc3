"""Marks: strokes that are laid over a drawing, and under it where its paper is bare."""

from math import ceil

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from scipy import ndimage
from torch import Tensor

from clipdraw import Drawing
from clipdraw.colors import oklab
from losses.style import shrunk
from predictors.restyle.transport import sample

# Shorter side in pixels at which contours are looked for, and how wide they are looked for there:
# those of what is small, and of the whole.
SIDE, SPREADS = 64, (2, 4, 8)
# The same of a style's grain.
GRAIN_SIDE, GRAIN_SPREAD = 192, 1
# How much that turns marks: where all of it lies one way, three times as much as contours. Seen on
# a house in hatching: at 1 it is hatched along its walls, at 3 across them.
LEAN = 3.0
# Shorter side at which a style's strokes are measured, and how large a motif of several of them is;
# the narrowest and widest that come out, which for a blank picture would be anything.
STROKE_SIDE, MOTIF = 224, 16
NARROWEST, WIDEST = 1.0, 20.0
# Walks to each side of the middle: seven control points, two cubics.
WALKS = 3
# Radians by which a mark leaves its direction, deviation.
WOBBLE = 0.15
# Marks are as long as it takes to cover the canvas so many times, within these multiples of their
# width: where all would be dots, there are fewer, and where all would be hairs, paper shows.
COVER, SHORT, LONG = 1.5, 3.0, 15.0
# Widths are drawn evenly from these multiples of the one asked for.
THIN, THICK = 0.7, 1.3
OPACITY = 0.95


def directions(
    picture: Float[Tensor, "3 _ _"], style: Float[Tensor, "3 _ _"], share: float
) -> Float[Tensor, "2 rows columns"]:
    """Where marks go, as cosine and sine of twice the angle: along a picture's contours, and around
    them at a distance, but the more as a style's grain lies, the more it all lies one way.
    """
    contours = sum(spread**2 * tensor(picture, SIDE, spread) for spread in SPREADS)
    grain = tensor(style, GRAIN_SIDE, GRAIN_SPREAD)
    # 0 where as much of it lies any way, 1 where all lies one way.
    lean = grain.sum((1, 2)) / torch.linalg.vector_norm(grain, dim=0).sum().clamp(min=1e-9)
    return F.normalize(contours, dim=0) + LEAN * share * lean[:, None, None]


def tensor(
    picture: Float[Tensor, "3 height width"], side: int, spread: float
) -> Float[Tensor, "2 rows columns"]:
    """The direction in which a picture changes least, by how much it changes: the squared gradient
    across, as a vector of twice the angle.

    It is the structure tensor (Foerstner and Guelch 1987) without its trace.
    """
    x, y = slopes(lab(picture, side)[0], spread)
    products = (ndimage.gaussian_filter(v, spread) for v in (y * y - x * x, -2 * x * y))
    return torch.stack([torch.from_numpy(v) for v in products])


def stroke_width(style: Float[Tensor, "3 height width"]) -> float:
    """How wide the strokes of a picture are, as a fraction of its shorter side.

    A wave's contrast is its length / 2 pi times its slope, and a stroke is half a wave. Strokes
    have steeper edges than waves: 2 instead of pi. It comes to 4.7 224ths for a painting in strokes
    of 3 to 9, and to 3.2 for a woodcut whose lines are 3.4 apart.
    """
    seen = lab(style, STROKE_SIDE)
    fine = seen - ndimage.gaussian_filter(seen, (0, MOTIF, MOTIF))
    slope = sum((part**2).mean() for channel in fine for part in slopes(channel, 0.7)) ** 0.5
    contrast = (fine**2).sum(0).mean() ** 0.5
    width = 2 * contrast / max(slope, 1e-6)
    return float(min(max(width, NARROWEST), WIDEST)) / STROKE_SIDE


def lab(picture: Float[Tensor, "3 height width"], side: int) -> Float[np.ndarray, "3 rows columns"]:
    """A picture in Oklab, its shorter side `side` pixels."""
    small = shrunk(picture, side)
    return oklab(small.flatten(1).T).T.view_as(small).numpy()


def slopes(values: Float[np.ndarray, "rows columns"], spread: float) -> list[np.ndarray]:
    """How fast values change to the right, and down."""
    return [ndimage.gaussian_filter(values, spread, order=order) for order in ((0, 1), (1, 0))]


def lay(
    middles: Float[Tensor, "marks 2"],
    inks: Float[Tensor, "marks 3"],
    directions: Float[Tensor, "2 rows columns"],
    canvas: tuple[float, float],
    width: float,
    generator: torch.Generator,
) -> Drawing:
    """Marks that follow directions.

    Args:
        middles: where they have their middles, (x, y) in [0, 1] of the canvas.
        inks: their colours, RGB.
        directions: as `directions` gives them.
        canvas: width and height, canvas units.
        width: mean full width, canvas units.
        generator: draws widths and wobbles.
    """
    area = COVER * canvas[0] * canvas[1]
    length = min(max(area / (max(len(middles), 1) * width), SHORT * width), LONG * width)
    count = min(len(middles), ceil(area / (length * width)))
    middles, inks, size = middles[:count], inks[:count], torch.tensor(canvas)
    wobble = WOBBLE * torch.randn(count, generator=generator)

    def walk(sign: int) -> list[Tensor]:
        place, before, reached = middles, None, []
        for _ in range(WALKS):
            cosine, sine = sample(directions, place).unbind(1)
            angle = torch.atan2(sine, cosine) / 2 + wobble
            heading = torch.stack([angle.cos(), angle.sin()], dim=1)
            # A direction has no sign: it is the one that goes on.
            ahead = sign if before is None else (heading * before).sum(1, keepdim=True).sign()
            before = heading * ahead
            place = place + before * length / (2 * WALKS) / size
            reached.append(place)
        return reached

    chain = [*reversed(walk(-1)), middles, *walk(1)]
    thickness = THIN + (THICK - THIN) * torch.rand(count, generator=generator)
    return Drawing(
        points=(torch.stack(chain, dim=1) * size).flatten(0, 1),
        segments=torch.full((count,), 2 * WALKS // 3),
        widths=width * thickness,
        colors=torch.cat([inks, torch.full((count, 1), OPACITY)], dim=1),
        picture=torch.zeros(count, dtype=torch.int64),
        width=canvas[0],
        height=canvas[1],
    )
