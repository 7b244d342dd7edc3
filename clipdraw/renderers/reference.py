"""The definition of rendering, in plain torch: slow, short, any device, any float type.

A stroke is all points within half its width of its curve, so caps and joins are round; a fill is
all points that its curve winds around. A pixel shows the part of itself that they cover, in order.
Other backends are held to this file. Gradients are torch's own, of exactly what is drawn.
"""

import math

import torch
from torch import Tensor

from clipdraw.drawing import Drawing, Path

# A polyline may stray this far from its curve, in pixels. For strokes finer brings the gradients no
# closer to exact ones; what chords cut off a fill lies on one side, and finer is 60 dB for 56.
FLATNESS_OF_STROKES, FLATNESS_OF_FILLS = 0.05, 0.01
MOST_EDGES = 512  # keeps far-away handles affordable; a print of 4096 px is still flat with so many
# In pixels: an edge or a distance this short has no direction of its own, only rounding errors.
NO_LENGTH = 1e-9


def render(drawing: Drawing, background: Tensor) -> Tensor:
    """Paint a drawing whose units are pixels: `[pictures, channels, height, width]`.

    The background is RGB, or RGBA with colours multiplied by alpha, as the pictures are then.
    """
    height, width = int(drawing.height), int(drawing.width)
    centres = torch.cartesian_prod(torch.arange(height), torch.arange(width)).flip(1) + 0.5
    pixels = centres.to(drawing.points)
    pictures = []
    for one in drawing.split():
        picture = background.expand(height * width, -1)
        for path in one.each_path():
            if path.fill is not None:
                picture = lay(picture, path.fill, inside(pixels, path))
            if path.color is not None:
                picture = lay(picture, path.color, along(pixels, path))
        pictures.append(picture.T.reshape(-1, height, width))
    return torch.stack(pictures)


def lay(picture: Tensor, color: Tensor, coverage: Tensor) -> Tensor:
    """A colour (straight RGBA) over `[pixels, channels]`, as far as it covers each pixel."""
    alpha = color[3] * coverage[:, None]
    ink = torch.cat([color[:3], torch.ones_like(color[3:])])[: picture.shape[1]]
    return picture * (1 - alpha) + ink * alpha


def flatten(path: Path, flatness: float) -> list[Tensor]:
    """The polyline `[edges + 1, 2]` of each contour, which is a chain of cubics.

    A cubic sampled at k + 1 even parameters strays from its chords by at most max |B''| / (8 k^2),
    and |B''| is at most 6 times the larger second difference of its control points.
    """
    polylines = []
    for points, closed in zip(path.contours, path.closed, strict=True):
        points = torch.cat([points, points[:1]]) if closed else points
        pieces = [points[:1]]
        for cubic in points.unfold(0, 4, 3).mT:
            bend = cubic.detach().double().diff(n=2, dim=0).square().sum(1).max().sqrt().item()
            edges = min(max(math.ceil(math.sqrt(0.75 * bend / flatness)), 1), MOST_EDGES)
            t = torch.arange(1, edges + 1).to(points)[:, None] / edges
            s = 1 - t
            pieces.append(torch.cat([s**3, 3 * t * s**2, 3 * t**2 * s, t**3], dim=1) @ cubic)
        polylines.append(torch.cat(pieces))
    return polylines


def inside(pixels: Tensor, path: Path) -> Tensor:
    """How much of each pixel `[pixels, 2]` (centres) a fill covers, `[pixels]` in [0, 1]: the
    integral of the winding number, exact but where borders of one path cross."""
    rings = [torch.cat([line, line[:1]]) for line in flatten(path, FLATNESS_OF_FILLS)]
    starts, ends = torch.cat([r[:-1] for r in rings]), torch.cat([r[1:] for r in rings])
    area = (starts[:, 1] * ends[:, 0] - starts[:, 0] * ends[:, 1]).sum()
    winding = area_right_of(pixels[:, None], starts, ends).sum(1) * (1 if area >= 0 else -1)
    if path.fill_rule == "evenodd":
        winding = winding - 2 * (winding / 2).round()
    return torch.where(winding < 0, -winding, winding).clamp(max=1)


def area_right_of(pixels: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """The part of each pixel to the right of an edge, counted negative where the edge runs up: the
    height of the edge's piece in the pixel's row, times how far to the right the pixel reaches."""
    right, top = pixels[..., 0] + 0.5, pixels[..., 1] - 0.5
    run, rise = (end - start).unbind(-1)
    y, first, last = start[..., 1] - top, keep(start[..., 1] - top), keep(end[..., 1] - top)
    x0 = start[..., 0] + ratio(first - y, rise, 0.0).clamp(0, 1) * run
    x1 = start[..., 0] + ratio(last - y, rise, 1.0).clamp(0, 1) * run
    return (last - first) * mean_reach(right - x0, right - x1)


def mean_reach(one: Tensor, other: Tensor) -> Tensor:
    """The mean of x, kept within [0, 1], while x goes steadily between two numbers."""
    high, low = torch.maximum(one, other), torch.minimum(one, other)
    with torch.no_grad():  # moving the times at which x passes 1 and 0 moves no area
        t0 = ratio(high - 1, high - low, (high - 1).sign() / 2 + 0.5).clamp(0, 1)
        t1 = ratio(high, high - low, high.sign() / 2 + 0.5).clamp(0, 1)
    return t0 + (t1 - t0) * (high - (t0 + t1) / 2 * (high - low))


def keep(x: Tensor) -> Tensor:
    """x within [0, 1]; at either end half its slope, so that pixels share a border between them."""
    return (x.abs() - (x - 1).abs() + 1) / 2


def along(pixels: Tensor, path: Path) -> Tensor:
    """How much of each pixel `[pixels, 2]` (centres) a stroke covers, `[pixels]` in [0, 1].

    Seen from a pixel it is the straight band around the nearest edge (the first of equally near
    ones): two parallel borders, half a width before and behind.
    """
    lines = flatten(path, FLATNESS_OF_STROKES)
    starts, edges = torch.cat([x[:-1] for x in lines]), torch.cat([x.diff(dim=0) for x in lines])
    with torch.no_grad():
        _, offset = nearest_point(pixels[:, None], starts, edges)
        nearest = offset.square().sum(-1).argmin(dim=1)
    t, offset = nearest_point(pixels, starts[nearest], edges[nearest])
    across = torch.stack([-edges[nearest, 1], edges[nearest, 0]], dim=-1)
    towards = torch.where(((t > 0) & (t < 1))[:, None], across, offset)
    x_axis = torch.tensor([1.0, 0.0]).to(towards)  # for a pixel right on a stroke's end
    normal = ratio(towards, torch.linalg.vector_norm(towards, dim=-1, keepdim=True), x_axis)
    distance = (offset * normal).sum(-1)
    half = path.width / 2
    return half_plane(half - distance, normal) - half_plane(-half - distance, normal)


def nearest_point(pixels: Tensor, start: Tensor, edge: Tensor) -> tuple[Tensor, Tensor]:
    """Parameter t in [0, 1] of the point of an edge nearest to a pixel, and the way from there."""
    t = ratio(((pixels - start) * edge).sum(-1), edge.square().sum(-1), 0.0).clamp(0, 1)
    return t, pixels - start - t[..., None] * edge


def half_plane(x: Tensor, normal: Tensor) -> Tensor:
    """The part of a pixel before a straight border `x` away from its centre along a unit normal.

    Along it a square is a trapezoid: two boxes as wide as its components, convolved.
    """
    wide, narrow = normal.abs().amax(-1), normal.abs().amin(-1)
    flat = (wide - narrow) / 2  # the trapezoid's top reaches this far
    slope = torch.minimum((x.abs() - flat).clamp(min=0), narrow)
    area = torch.minimum(x.abs(), flat) + slope - ratio(slope.square(), 2 * narrow, 0.0)
    return 0.5 + torch.sign(x) * area / wide


def ratio(a: Tensor, b: Tensor, otherwise: Tensor | float) -> Tensor:
    """a / b, or something else where b is too short."""
    is_long = b.abs() > NO_LENGTH
    return torch.where(is_long, a / torch.where(is_long, b, 1), otherwise)
