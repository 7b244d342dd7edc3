"""What goes from one drawing to another: each path at both ends of its way, in one structure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Complex
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from clipdraw.drawing import Drawing, Path
from clipdraw.matching import Shape, paired_contours, paired_shapes, points_of, shapes
from clipdraw.outlines import Chain, along, contour, even, there_and_back, turned
from clipdraw.renderers import render

# Longer side in pixels at which ink is looked for that something can grow out of, and how opaque
# it has to be.
LOOK, INK = 256, 0.5

Places = Complex[np.ndarray, " places"]


@dataclass(frozen=True, eq=False)
class Strand:
    """A path at both ends of its way: the same contours, with as many cubics each, and painted in
    the same manner."""

    one: Path
    other: Path
    rank: int | None
    """In the painter's order of the first drawing; None where there is nothing of it."""
    new_rank: int | None
    """In that of the second."""

    @property
    def pace(self) -> int:
        """1 where it is new, -1 where it vanishes, 0 where it lasts."""
        return (self.rank is None) - (self.new_rank is None)

    @property
    def size(self) -> float:
        """Mean squared distance of its points from their middle, and its width squared."""
        points = torch.cat([*self.one.contours, *self.other.contours])
        return float(points.var(0).sum() + self.one.width * self.other.width)


def strands(one: Drawing, other: Drawing) -> list[Strand]:
    """All that is in two single pictures on canvases of one size, in double precision."""
    ones, others = shapes(one), shapes(other)
    pairs = paired_shapes(ones, others, min(one.width, one.height))
    found = [Strand(*_joined(ones[i], others[j]), i, j) for i, j in pairs.tolist()]
    here = np.array([ones[i].centre for i in pairs[:, 0]], complex)
    there = np.array([others[j].centre for j in pairs[:, 1]], complex)
    ink, new_ink = Ink(one), Ink(other)
    for i in np.setdiff1d(np.arange(len(ones)), pairs[:, 0]).tolist():
        bud = new_ink.bud(ones[i], _carried(ones[i].centre, here, there))
        found.append(Strand(ones[i].drawn(), bud, i, None))
    for j in np.setdiff1d(np.arange(len(others)), pairs[:, 1]).tolist():
        bud = ink.bud(others[j], _carried(others[j].centre, there, here))
        found.append(Strand(bud, others[j].drawn(), None, j))
    return found


def _carried(place: complex, here: Places, there: Places) -> complex:
    """Where a place goes when others go from `here` to `there`: as the nearest of them do.

    Weights are inverse fourth powers of the distance (Shepard 1968, who also tried squares, with
    which what is far away has a say).
    """
    if not len(here):
        return place
    weights = 1 / (np.abs(place - here) ** 4 + 1e-9)
    return complex(place + (weights * (there - here)).sum() / weights.sum())


# ---- pairs


def _joined(one: Shape, other: Shape) -> tuple[Path, Path]:
    """The paths of two shapes, brought into one structure.

    A contour without a partner shrinks to a point: within a filled shape where the shape carries
    it, of strokes on the nearest other contour, where its dot is not seen.
    """
    if one.path.fill is not None or other.path.fill is not None:
        one, other = one.closed(), other.closed()
    pairs = paired_contours(one, other)
    joined = [
        _even(one.chains[i], one.path.closed[i], other.chains[j], other.path.closed[j])
        for i, j in pairs.tolist()
    ]
    here, there = (np.concatenate([part[k].ravel() for part in joined]) for k in (0, 1))
    for i in np.setdiff1d(np.arange(len(one.chains)), pairs[:, 0]).tolist():
        end = _end(one.loops[i].mean(), here, there, on=other)
        joined.append((one.chains[i], np.full_like(one.chains[i], end), one.path.closed[i]))
    for j in np.setdiff1d(np.arange(len(other.chains)), pairs[:, 1]).tolist():
        end = _end(other.loops[j].mean(), there, here, on=one)
        joined.append((np.full_like(other.chains[j], end), other.chains[j], other.path.closed[j]))
    return tuple(
        _painted(shape.path, partner.path, [(part[k], part[2]) for part in joined])
        for k, shape, partner in ((0, one, other), (1, other, one))
    )


def _even(one: Chain, closed: bool, other: Chain, too: bool) -> tuple[Chain, Chain, bool]:
    """Two contours with as many cubics, and whether they are closed, as both are if one is."""
    if not closed and not too:
        return *even(one, along(one, other)), False
    one, other = (
        chained if is_closed else there_and_back(chained)
        for chained, is_closed in ((one, closed), (other, too))
    )
    return *even(one, turned(one, other)), True


def _end(place: complex, here: Places, there: Places, on: Shape) -> complex:
    carried = _carried(place, here, there)
    if on.path.color is None:
        return carried
    return on.loops.flat[np.abs(on.loops - carried).argmin()]


def _painted(path: Path, partner: Path, contours: Sequence[tuple[Chain, bool]]) -> Path:
    """A path with other contours, and with a stroke and a fill if its partner has them.

    A stroke that it lacks has no width and the colour of its fill, a fill that it lacks the colour
    of its stroke; it is clear where there is something to fill.
    """
    width, color, fill = path.width, path.color, path.fill
    if color is None and partner.color is not None:
        width, color = torch.zeros_like(width), fill
    if fill is None and partner.fill is not None:
        fill = color * color.new_tensor([1, 1, 1, 0]) if any(path.closed) else color
    return replace(
        path,
        contours=[points_of(contour(*part)) for part in contours],
        closed=[closed for _, closed in contours],
        width=width,
        color=color,
        fill=fill,
        fill_rule=partner.fill_rule if path.fill is None else path.fill_rule,
    )


# ---- those without a partner


class Ink:
    """Where a drawing has ink, and of which colour."""

    def __init__(self, drawing: Drawing):
        self.scale = LOOK / max(drawing.width, drawing.height)
        size = (max(round(side * self.scale), 1) for side in (drawing.height, drawing.width))
        self.seen = render(drawing, *size, background=None)[0]
        alpha = self.seen[3]
        bare = (alpha < min(INK, float(alpha.max()))).numpy()
        self.nearest = distance_transform_edt(bare, return_distances=False, return_indices=True)

    def bud(self, shape: Shape, place: complex) -> Path:
        """The shape shrunk to nothing on the ink nearest to a place, in its colour."""
        _, rows, columns = self.seen.shape
        row = int(np.clip(place.imag * self.scale, 0, rows - 1))
        column = int(np.clip(place.real * self.scale, 0, columns - 1))
        y, x = self.nearest[:, row, column].tolist()
        if (y, x) != (row, column):
            place = complex(x + 0.5, y + 0.5) / self.scale
        *rgb, alpha = self.seen[:, y, x].tolist()

        def tinted(color: Tensor | None) -> Tensor | None:
            if color is None or not alpha:
                return color
            return torch.cat([color.new_tensor(rgb) / alpha, color[3:]])

        path = shape.drawn()
        point = path.contours[0].new_tensor([place.real, place.imag])
        return replace(
            path,
            contours=[point.expand(len(points), 2) for points in path.contours],
            width=torch.zeros_like(path.width),
            color=tinted(path.color),
            fill=tinted(path.fill),
        )
