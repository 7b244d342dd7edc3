"""Strokes that are laid over a drawing, and under it where its paper is bare."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from scipy import ndimage
from torch import Tensor

from clipdraw import Drawing
from predictors.restyle.transport import LIGHTNESS, sample

# In pixels of a picture with a shorter side of 64: contours of what is small, and of the whole.
SPREADS = (2, 4, 8)
# Walks to each side of the middle: seven control points, two cubics.
WALKS = 3
# Radians by which a stroke leaves the flow, deviation.
WOBBLE = 0.15
# Strokes are as long as it takes to cover the canvas so many times.
COVER = 1.5
# Widths are drawn evenly from these multiples of the one asked for.
THIN, THICK = 0.7, 1.3
OPACITY = 0.95


def flow(picture: Float[Tensor, "3 rows columns"]) -> Float[Tensor, "2 rows columns"]:
    """The direction in which a picture changes least, as cosine and sine of twice its angle: along
    contours, and around them at a distance.

    It is the one across the main axis of the structure tensor (Foerstner and Guelch 1987), which is
    added up over several widths of the derivatives, each as if the picture were shrunk by it.
    """
    light = (picture * LIGHTNESS[:, None, None]).sum(0).numpy()
    along, across = torch.zeros(2, *light.shape)
    for spread in SPREADS:
        x, y = (ndimage.gaussian_filter(light, spread, order=order) for order in ((0, 1), (1, 0)))
        squares, product = (ndimage.gaussian_filter(v, spread) for v in (y * y - x * x, x * y))
        along += spread**2 * torch.from_numpy(squares)
        across -= spread**2 * torch.from_numpy(2 * product)
    return F.normalize(torch.stack([along, across]), dim=0)


def lay(
    middles: Float[Tensor, "strokes 2"],
    inks: Float[Tensor, "strokes 3"],
    directions: Float[Tensor, "2 rows columns"],
    canvas: tuple[float, float],
    stroke_width: float,
    generator: torch.Generator,
) -> Drawing:
    """Strokes that follow a flow.

    Args:
        middles: where they have their middles, (x, y) in [0, 1] of the canvas.
        inks: their colours, RGB.
        directions: as `flow` gives them.
        canvas: width and height, canvas units.
        stroke_width: mean full width, canvas units.
        generator: draws widths and wobbles.
    """
    count, size = len(middles), torch.tensor(canvas)
    length = COVER * canvas[0] * canvas[1] / (count * stroke_width)
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
        widths=stroke_width * thickness,
        colors=torch.cat([inks, torch.full((count, 1), OPACITY)], dim=1),
        picture=torch.zeros(count, dtype=torch.int64),
        width=canvas[0],
        height=canvas[1],
    )
