"""The definition of rendering, in plain torch: slow, short, any device, any float type.

A stroke is the set of points within half its width of its curve, so caps and joins are round.
A pixel sees the part of itself that the stroke covers, and strokes are laid over one another in
order. Nothing here knows of tiles, bounding boxes or other backends; they are held to this file.
Gradients are torch's own: what is differentiated is exactly what is drawn.
"""

import math

import torch
from torch import Tensor

from clipdraw.drawing import Drawing

# A curve's polyline may stray this far from it, in pixels. Ten times finer than what an 8-bit
# picture can show of an edge, and finer still does not bring the gradients closer to exact ones.
FLATNESS = 0.05
# Keeps a curve with far-away handles affordable; at this many edges a 4096 px print is still flat.
MOST_EDGES = 512
# In pixels: an edge or a distance this short has no direction of its own, only rounding errors.
NO_LENGTH = 1e-9


def render(drawing: Drawing, background: Tensor) -> Tensor:
    """Paint a drawing whose canvas units are pixels over `background` ([3], RGB).

    Returns `[pictures, 3, height, width]`; pixel (i, j) covers `[j, j + 1) x [i, i + 1)`.
    """
    height, width = int(drawing.height), int(drawing.width)
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    pixels = torch.stack([x, y], dim=-1).reshape(-1, 2).to(drawing.points) + 0.5

    pictures = []
    for one in drawing.split():
        picture = background.expand(height * width, 3)
        curves = one.points.split((3 * one.segments + 1).tolist())
        for points, stroke_width, color in zip(curves, one.widths, one.colors, strict=True):
            alpha = color[3] * coverage(pixels, flatten(points), stroke_width / 2)[:, None]
            picture = picture * (1 - alpha) + color[:3] * alpha
        pictures.append(picture.T.reshape(3, height, width))
    return torch.stack(pictures)


def flatten(points: Tensor) -> Tensor:
    """The polyline `[edges + 1, 2]` of a chain of cubics `[3 segments + 1, 2]`.

    A cubic sampled at k + 1 even parameters strays from its chords by at most max |B''| / (8 k^2),
    and |B''| is at most 6 times the larger second difference of its control points.
    """
    polyline = [points[:1]]
    for start in range(0, len(points) - 1, 3):
        cubic = points[start : start + 4]
        bend = cubic.detach().double().diff(n=2, dim=0).square().sum(1).max().sqrt().item()
        edges = min(max(math.ceil(math.sqrt(0.75 * bend / FLATNESS)), 1), MOST_EDGES)
        t = torch.arange(1, edges + 1).to(points)[:, None] / edges
        bernstein = torch.cat([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3], dim=1)
        polyline.append(bernstein @ cubic)
    return torch.cat(polyline)


def coverage(pixels: Tensor, polyline: Tensor, half_width: Tensor) -> Tensor:
    """How much of each pixel `[pixels, 2]` (centres) a stroke covers, `[pixels]` in [0, 1].

    Seen from a pixel, the stroke is the straight band around the nearest edge of its polyline: two
    parallel borders, half a width before and behind. Of equally near edges the first one counts.
    """
    starts, along = polyline[:-1], polyline.diff(dim=0)
    with torch.no_grad():
        _, offset = nearest_point(pixels[:, None], starts, along)
        edge = offset.square().sum(-1).argmin(dim=1)
    start, along = starts[edge], along[edge]

    t, offset = nearest_point(pixels, start, along)
    across = torch.stack([-along[:, 1], along[:, 0]], dim=-1)
    towards = torch.where(((t > 0) & (t < 1))[:, None], across, offset)
    length2 = towards.square().sum(-1, keepdim=True)
    somewhere = length2 > NO_LENGTH**2
    x_axis = torch.tensor([1.0, 0.0]).to(towards)  # for a pixel right on a stroke's end
    normal = torch.where(somewhere, towards / torch.where(somewhere, length2, 1).sqrt(), x_axis)
    distance = (offset * normal).sum(-1)
    return half_plane(half_width - distance, normal) - half_plane(-half_width - distance, normal)


def nearest_point(pixels: Tensor, start: Tensor, along: Tensor) -> tuple[Tensor, Tensor]:
    """Parameter t in [0, 1] of the point of an edge nearest to a pixel, and the way from there."""
    length2 = along.square().sum(-1)
    has_length = length2 > NO_LENGTH**2
    t = ((pixels - start) * along).sum(-1) / torch.where(has_length, length2, 1)
    t = torch.where(has_length, t, 0).clamp(0, 1)
    return t, pixels - start - t[..., None] * along


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
