"""The definition of rendering, in plain torch: slow, short, any device, any float type.

A stroke is all points within half its width of its curve, so caps and joins are round; a fill is
all points that its curve winds around. A pixel sees the part of itself that they cover, laid over
what is there, in order. Nothing here knows of tiles, boxes or other backends; they are held to this
file. Gradients are torch's own: what is differentiated is exactly what is drawn.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from clipdraw.drawing import Drawing

# A curve's polyline may stray this far from it, in pixels. For strokes finer does not bring the
# gradients closer to exact ones. A fill loses what its chords cut off on one side only, so that
# finer pays: 60 dB instead of 56 on tests/data/parity_fills_0.npz, and edges of fills are cheap.
FLATNESS_OF_STROKES, FLATNESS_OF_FILLS = 0.05, 0.01
# Keeps a curve with far-away handles affordable; at this many edges a 4096 px print is still flat.
MOST_EDGES = 512
# In pixels: an edge or a distance this short has no direction of its own, only rounding errors.
NO_LENGTH = 1e-9


def render(drawing: Drawing, background: Tensor) -> Tensor:
    """Paint a drawing whose canvas units are pixels over `background`.

    Three channels of it are RGB; four are RGBA, colours multiplied by alpha. Returns `[pictures,
    channels, height, width]`; pixel (i, j) covers `[j, j + 1) x [i, i + 1)`.
    """
    height, width = int(drawing.height), int(drawing.width)
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    pixels = torch.stack([x, y], dim=-1).reshape(-1, 2).to(drawing.points) + 0.5

    pictures = []
    for one in drawing.split():
        picture = background.expand(height * width, -1)
        for path in one.each_path():
            contours = list(zip(path.contours, path.closed, strict=True))
            if path.fill is not None:
                polylines = [flatten(*contour, FLATNESS_OF_FILLS) for contour in contours]
                picture = lay(picture, path.fill, inside(pixels, polylines, path.fill_rule))
            if path.color is not None:
                polylines = [flatten(*contour, FLATNESS_OF_STROKES) for contour in contours]
                picture = lay(picture, path.color, along(pixels, polylines, path.width / 2))
        pictures.append(picture.T.reshape(-1, height, width))
    return torch.stack(pictures)


def lay(picture: Tensor, color: Tensor, coverage: Tensor) -> Tensor:
    """A colour (straight RGBA) over `[pixels, channels]`, as far as it covers each pixel."""
    alpha = color[3] * coverage[:, None]
    ink = torch.cat([color[:3], torch.ones_like(color[3:])])[: picture.shape[1]]
    return picture * (1 - alpha) + ink * alpha


def flatten(points: Tensor, closed: bool, flatness: float) -> Tensor:
    """The polyline `[edges + 1, 2]` of a contour, a chain of cubics.

    A cubic sampled at k + 1 even parameters strays from its chords by at most max |B''| / (8 k^2),
    and |B''| is at most 6 times the larger second difference of its control points.
    """
    if closed:
        points = torch.cat([points, points[:1]])
    polyline = [points[:1]]
    for start in range(0, len(points) - 1, 3):
        cubic = points[start : start + 4]
        bend = cubic.detach().double().diff(n=2, dim=0).square().sum(1).max().sqrt().item()
        edges = min(max(math.ceil(math.sqrt(0.75 * bend / flatness)), 1), MOST_EDGES)
        t = torch.arange(1, edges + 1).to(points)[:, None] / edges
        bernstein = torch.cat([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3], dim=1)
        polyline.append(bernstein @ cubic)
    return torch.cat(polyline)


def inside(pixels: Tensor, polylines: Sequence[Tensor], rule: str) -> Tensor:
    """How much of each pixel `[pixels, 2]` (centres) a fill covers, `[pixels]` in [0, 1].

    The winding number is integrated over the pixel: exact where borders of one path do not cross.
    """
    rings = [torch.cat([polyline, polyline[:1]]) for polyline in polylines]
    starts, ends = torch.cat([r[:-1] for r in rings]), torch.cat([r[1:] for r in rings])
    winding = area_right_of(pixels[:, None], starts, ends).sum(1)
    if rule == "nonzero":
        return winding.abs().clamp(max=1)
    return (winding - 2 * (winding / 2).round()).abs()


def area_right_of(pixels: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """The part of a unit square to the right of an edge, counted negative where it runs up.

    It is the height of the edge's piece in the square's rows, times how far right of the piece the
    square reaches on average.
    """
    right, top = pixels[..., 0] + 0.5, pixels[..., 1] - 0.5
    run, rise = (end - start).unbind(-1)
    y0, y1 = start[..., 1] - top, end[..., 1] - top
    first, last = (torch.where(y < 0, 0, torch.where(y < 1, y, 1)) for y in (y0, y1))
    x0 = start[..., 0] + when(first, y0, rise, 0.0) * run
    x1 = start[..., 0] + when(last, y0, rise, 1.0) * run
    return (last - first) * mean_reach(right - x0, right - x1)


def mean_reach(one: Tensor, other: Tensor) -> Tensor:
    """The mean of x, kept within [0, 1], while x goes steadily between two numbers."""
    high, low = torch.maximum(one, other), torch.minimum(one, other)
    with torch.no_grad():  # moving the times at which x passes 1 and 0 moves no area
        t0 = when(1, high, low - high, (high > 1).to(high))
        t1 = when(0, high, low - high, (high > 0).to(high))
    return t0 + (t1 - t0) * (high + (t0 + t1) / 2 * (low - high))


def when(value: Tensor | float, start: Tensor, change: Tensor, at_rest: Tensor | float) -> Tensor:
    """The time in [0, 1] at which what starts at `start` and goes by `change` is at `value`."""
    moves = change.abs() > NO_LENGTH
    return torch.where(moves, (value - start) / torch.where(moves, change, 1), at_rest).clamp(0, 1)


def along(pixels: Tensor, polylines: Sequence[Tensor], half_width: Tensor) -> Tensor:
    """How much of each pixel `[pixels, 2]` (centres) a stroke covers, `[pixels]` in [0, 1].

    Seen from a pixel, the stroke is the straight band around the nearest edge of its polylines: two
    parallel borders, half a width before and behind. Of equally near edges the first one counts.
    """
    starts = torch.cat([polyline[:-1] for polyline in polylines])
    edges = torch.cat([polyline.diff(dim=0) for polyline in polylines])
    with torch.no_grad():
        _, offset = nearest_point(pixels[:, None], starts, edges)
        nearest = offset.square().sum(-1).argmin(dim=1)
    start, edge = starts[nearest], edges[nearest]

    t, offset = nearest_point(pixels, start, edge)
    across = torch.stack([-edge[:, 1], edge[:, 0]], dim=-1)
    towards = torch.where(((t > 0) & (t < 1))[:, None], across, offset)
    length2 = towards.square().sum(-1, keepdim=True)
    somewhere = length2 > NO_LENGTH**2
    x_axis = torch.tensor([1.0, 0.0]).to(towards)  # for a pixel right on a stroke's end
    normal = torch.where(somewhere, towards / torch.where(somewhere, length2, 1).sqrt(), x_axis)
    distance = (offset * normal).sum(-1)
    return half_plane(half_width - distance, normal) - half_plane(-half_width - distance, normal)


def nearest_point(pixels: Tensor, start: Tensor, edge: Tensor) -> tuple[Tensor, Tensor]:
    """Parameter t in [0, 1] of the point of an edge nearest to a pixel, and the way from there."""
    length2 = edge.square().sum(-1)
    has_length = length2 > NO_LENGTH**2
    t = ((pixels - start) * edge).sum(-1) / torch.where(has_length, length2, 1)
    t = torch.where(has_length, t, 0).clamp(0, 1)
    return t, pixels - start - t[..., None] * edge


def half_plane(x: Tensor, normal: Tensor) -> Tensor:
    """The part of a unit square that lies below a straight border, exactly.

    `x` is the signed distance from the square's centre to the border along the unit `normal`. Seen
    along the normal the square is a trapezoid, the convolution of two boxes as wide as the
    normal's components; this is its integral up to `x`.
    """
    wide, narrow = normal.abs().amax(-1), normal.abs().amin(-1)
    flat = (wide - narrow) / 2  # the trapezoid's top reaches this far
    on_top = torch.minimum(x.abs(), flat)
    on_slope = torch.minimum((x.abs() - flat).clamp(min=0), narrow)
    has_slope = narrow > NO_LENGTH
    slope = on_slope - on_slope.square() / (2 * torch.where(has_slope, narrow, 1))
    return 0.5 + torch.sign(x) * (on_top + slope) / wide
