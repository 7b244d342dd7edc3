"""Where shapes are missing: regions of one colour error, and closed curves that cover them."""

from math import pi, tan

import torch
from jaxtyping import Float, Int
from torch import Tensor

from clipdraw import Drawing

# Errors that round to the same multiples of this, channel by channel, are one region's. With 0.1,
# 0.2 and 0.3 a photograph and a logo in 64 shapes reach 28.4, 28.2 and 28.4 dB.
STEP = 0.2


def shapes_where_missing(
    target: Float[Tensor, "3 height width"],
    now: Float[Tensor, "3 height width"],
    count: int,
    segments: int,
) -> Drawing:
    """Ellipses over the connected regions that gain most, the best one at the bottom.

    A region gains what its squared error falls by when it is painted in its mean colour. (LIVE
    takes the largest regions, and circles; with circles four photographs reach 25.5 dB in the mean,
    with ellipses 25.7.) There are fewer shapes where there are fewer regions.
    """
    _, height, width = target.shape
    region = components(((target - now) / STEP).round().long())
    pixels = torch.bincount(region)

    def mean(values: Float[Tensor, "rows pixels"]) -> Float[Tensor, "regions rows"]:
        sums = torch.zeros(len(pixels), len(values), dtype=torch.float64)
        return sums.index_add(0, region, values.T.double()) / pixels[:, None]

    colours = mean(target.flatten(1))
    painted = (colours[region].T - target.flatten(1)).square().sum(0)
    gain = mean(((target - now).square().flatten(1).sum(0) - painted)[None])[:, 0] * pixels
    best = gain.topk(min(count, len(gain))).indices

    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    places = torch.stack([x.flatten(), y.flatten()]).double()
    centres = mean(places)
    away = places - centres[region].T
    # A pixel is a square, whose own variance is 1/12 in each direction.
    spread = mean((away[:, None] * away[None]).flatten(0, 1)).view(-1, 2, 2) + torch.eye(2) / 12
    # A disc of radius 1 has variance 1/4: twice the root of a region's makes its ellipse.
    axes = 2 * torch.linalg.cholesky(spread[best])
    outlines = circle(segments) @ axes.mT + centres[best][:, None]
    return filled(outlines.float(), colours[best].float(), width, height)


def components(kinds: Int[Tensor, "channels height width"]) -> Int[Tensor, " pixels"]:
    """The connected region that each pixel is in, counted from 0; pixels of one region agree in all
    channels and hang together by their sides."""
    _, height, width = kinds.shape
    pixel = torch.arange(height * width).view(height, width)
    across = (kinds[:, :, 1:] == kinds[:, :, :-1]).all(0)
    down = (kinds[:, 1:] == kinds[:, :-1]).all(0)
    one = torch.cat([pixel[:, 1:][across], pixel[1:][down]])
    other = torch.cat([pixel[:, :-1][across], pixel[:-1][down]])
    least = pixel.flatten()
    while True:
        # The lowest number that a neighbour knows goes to whom either points to, and pointers are
        # followed: chains halve each time, where passing on alone would take a step a pixel.
        low = torch.minimum(least[one], least[other])
        new = least.scatter_reduce(0, least[one], low, "amin")
        new = new.scatter_reduce(0, least[other], low, "amin")
        new = new[new]
        if torch.equal(new, least):
            return least.unique(return_inverse=True)[1]
        least = new


def circle(segments: int) -> Float[Tensor, "points 2"]:
    """The closed contour of so many cubics nearest to the unit circle."""
    start = torch.arange(segments, dtype=torch.float64) * 2 * pi / segments
    reach = 4 / 3 * tan(pi / (2 * segments))

    def at(angle: Tensor, along: float) -> Tensor:
        """A point on the circle, moved along its tangent."""
        x, y = angle.cos(), angle.sin()
        return torch.stack([x - along * y, y + along * x], dim=1)

    end = start + 2 * pi / segments
    return torch.stack([at(start, 0), at(start, reach), at(end, -reach)], dim=1).flatten(0, 1)


def filled(
    outlines: Float[Tensor, "shapes points 2"],
    colours: Float[Tensor, "shapes 3"],
    width: float,
    height: float,
) -> Drawing:
    """Closed contours as opaque shapes without strokes."""
    shapes, points, _ = outlines.shape
    return Drawing(
        points=outlines.flatten(0, 1),
        segments=torch.full((shapes,), points // 3),
        widths=torch.zeros(shapes),
        colors=torch.zeros(shapes, 4),
        picture=torch.zeros(shapes, dtype=torch.int64),
        width=float(width),
        height=float(height),
        closed=torch.ones(shapes, dtype=torch.bool),
        stroked=torch.zeros(shapes, dtype=torch.bool),
        fill_rules=torch.ones(shapes, dtype=torch.int64),
        fills=torch.cat([colours, torch.ones(shapes, 1)], dim=1),
    )
