"""What crumples."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from clipdraw.drawing import Drawing
from clipdraw.loop import Scene


@dataclass(frozen=True, eq=False)
class Stiffness:
    """Lets strokes move, turn and stretch, but not crumple. Looks at control points only.

        sum over contours, over three control points in a row of  |b - b at the start|^2,
        b = p1 - 2 p2 + p3

    The bending energy of how far points have moved since the start, so a smooth stroke stays
    smooth, joints included. In canvas units squared: twice the canvas costs four times as much.
    (Ours; it is the active contour's second term, Kass et al. 1988, for displacements. Asked of the
    points themselves, it makes circles collapse.)
    """

    start: Drawing
    """Of the same contours, in the same order, as those that are looked at."""

    def __call__(self, scene: Scene) -> Float[Tensor, " pictures"]:
        drawing = scene.drawing
        moved = drawing.points - self.start.points.to(drawing.points)
        bends = moved[2:] - 2 * moved[1:-1] + moved[:-2]
        rows = drawing.points_of_contour
        contour = torch.arange(len(rows)).repeat_interleave(rows)
        inside = contour[2:] == contour[:-2]
        cost = torch.where(inside.to(bends.device), bends.square().sum(1), 0.0)
        owners = drawing.picture[drawing.path][contour[2:]]
        counts = torch.bincount(owners, minlength=drawing.pictures).tolist()
        # Whole slices are summed, because index_add adds in a different order every run on CUDA.
        return torch.stack([part.sum() for part in cost.split(counts)])
