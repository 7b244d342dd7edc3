"""What crosses itself."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from clipdraw.drawing import Drawing
from clipdraw.loop import Scene

# In canvas units squared: arms whose lengths multiply to less have no direction of their own.
NO_LENGTH = 1e-6


@dataclass(frozen=True)
class Crossing:
    """Keeps cubics from tying loops: the Xing loss. Looks at control points only.

        1 / cubics * sum over cubics A B C D of  relu(-s) where BC turns left of AB, else relu(s)

    s is the sine of the angle from AB to CD. A curve that bends left throughout may turn by half a
    circle; beyond that, CD points to the right of AB, and the curve ties a loop.

    Source: Ma et al. (2022), "Towards Layer-wise Image Vectorization", section 3.3, which adds this
    up; the mean weighs the same for any number of shapes. Each cubic is looked at alone: two of a
    contour that cross each other cost nothing, and a loop that is its own mirror image is pressed
    flat rather than untied.
    """

    def __call__(self, scene: Scene) -> Float[Tensor, " pictures"]:
        drawing = scene.drawing
        first, middle, last = cubics(drawing).diff(dim=1).unbind(1)
        lengths = torch.linalg.vector_norm(first, dim=1) * torch.linalg.vector_norm(last, dim=1)
        sine = cross(first, last) / lengths.clamp(min=NO_LENGTH)
        cost = torch.relu(torch.where(cross(first, middle) > 0, -sine, sine))
        owners = drawing.picture[drawing.path].repeat_interleave(drawing.segments)
        counts = torch.bincount(owners, minlength=drawing.pictures).tolist()
        # Whole slices are summed, because index_add adds in a different order every run on CUDA.
        return torch.stack([part.sum() / max(len(part), 1) for part in cost.split(counts)])


def cubics(drawing: Drawing) -> Float[Tensor, "cubics 4 2"]:
    """The control points of every cubic of every contour; the last of a closed one ends where the
    contour starts."""
    rows = drawing.points_of_contour
    start = (rows.cumsum(0) - rows).repeat_interleave(drawing.segments)
    before = drawing.segments.cumsum(0) - drawing.segments
    number = torch.arange(len(start)) - before.repeat_interleave(drawing.segments)
    row = 3 * number[:, None] + torch.arange(4)
    row = row % rows.repeat_interleave(drawing.segments)[:, None]
    return drawing.points[start[:, None] + row]


def cross(a: Float[Tensor, "rows 2"], b: Float[Tensor, "rows 2"]) -> Float[Tensor, " rows"]:
    """Above 0 where b turns left of a, with y up."""
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
