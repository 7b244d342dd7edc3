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

        sum over contours, over three control points in a row of  |bend - bend at the start|^2,
        bend = p1 - 2 p2 + p3

    It is the energy that it takes to bend a rod, and the second term of active contours (Kass et
    al. 1988, "Snakes", equation 2), asked of how far points have moved: so a stroke that starts
    smooth stays smooth, joints included, and a circle stays round. In canvas units squared: twice
    the canvas costs four times as much.
    """

    start: Drawing | None = None
    """The contours that are looked at, as they were. Left out, they were straight, and circles
    collapse."""

    def __call__(self, scene: Scene) -> Float[Tensor, " pictures"]:
        drawing = scene.drawing
        moved = drawing.points
        if self.start is not None:
            moved = moved - self.start.points.to(moved)
        bends = moved[2:] - 2 * moved[1:-1] + moved[:-2]
        rows = drawing.points_of_contour
        contour = torch.arange(len(rows)).repeat_interleave(rows)
        inside = (contour[2:] == contour[:-2]).to(bends.device)
        cost = torch.where(inside, bends.square().sum(1), 0.0)
        owners = drawing.picture[drawing.path][contour[2:]]
        counts = torch.bincount(owners, minlength=drawing.pictures).tolist()
        # Whole slices are summed, because index_add adds in a different order every run on CUDA.
        return torch.stack([part.sum() for part in cost.split(counts)])
