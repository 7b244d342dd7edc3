"""Places on a canvas, as signed distances: below 0 inside, above 0 outside, in canvas units.

A field is a function of points that is differentiable in them, so one penalty serves for all
(`losses.geometry.stay_within`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from scipy.ndimage import distance_transform_edt
from torch import Tensor

Field = Callable[[Float[Tensor, "points 2"]], Float[Tensor, " points"]]


@dataclass(frozen=True)
class Circle:
    """A disc."""

    centre: tuple[float, float]
    radius: float

    def __call__(self, points: Float[Tensor, "points 2"]) -> Float[Tensor, " points"]:
        # vector_norm, because the square root of a sum has no finite gradient at the centre itself.
        away = torch.linalg.vector_norm(points - points.new_tensor(self.centre), dim=1)
        return away - self.radius


@dataclass(frozen=True)
class Box:
    """A rectangle along the axes."""

    left: float
    top: float
    right: float
    bottom: float

    def __call__(self, points: Float[Tensor, "points 2"]) -> Float[Tensor, " points"]:
        low, high = points.new_tensor([[self.left, self.top], [self.right, self.bottom]])
        beyond = torch.maximum(low - points, points - high)
        return torch.linalg.vector_norm(beyond.relu(), dim=1) - (-beyond.amax(1)).relu()


@dataclass(frozen=True)
class Polygon:
    """What corners enclose, by the even-odd rule where the outline crosses itself."""

    corners: Sequence[tuple[float, float]]
    """At least three; the last leads back to the first."""

    def __call__(self, points: Float[Tensor, "points 2"]) -> Float[Tensor, " points"]:
        start = points.new_tensor(self.corners)
        along = start.roll(-1, 0) - start
        from_start = points[:, None] - start
        # The closest point of each edge; an edge without length is its start.
        share = (from_start * along).sum(-1) / along.square().sum(-1).clamp(min=1e-12)
        away = from_start - share.clamp(0, 1)[..., None].detach() * along
        distance = torch.linalg.vector_norm(away, dim=-1).amin(1)
        return torch.where(self._inside(points, start, along), -distance, distance)

    @staticmethod
    def _inside(points: Tensor, start: Tensor, along: Tensor) -> Bool[Tensor, " points"]:
        """Whether a ray to the right crosses an odd number of edges."""
        x, y = points.detach()[:, None].unbind(-1)
        end = start + along
        spans = (start[:, 1] <= y) != (end[:, 1] <= y)
        crossing = start[:, 0] + (y - start[:, 1]) / along[:, 1] * along[:, 0]
        return (spans & (x < crossing)).sum(1) % 2 == 1


@dataclass(frozen=True, eq=False)
class Mask:
    """The true pixels of a picture that is stretched over the canvas.

    Distances are exact at the pixels' centres (a Euclidean distance transform, which takes the
    border for half way between two pixels) and interpolated between them. Beyond the canvas, the
    distance to the canvas is added.
    """

    distance: Float[Tensor, "rows columns"]
    """Signed, canvas units."""
    width: float
    height: float

    @classmethod
    def of(cls, pixels: Bool[Tensor, "rows columns"], width: float, height: float) -> Mask:
        """The field of a canvas `width` x `height` from a picture.

        Raises:
            ValueError: nothing is true, or everything.
        """
        if pixels.all() or not pixels.any():
            raise ValueError("marks all of the picture" if pixels.all() else "marks nothing")
        rows, columns = pixels.shape
        pixel = (height / rows, width / columns)
        outside = distance_transform_edt(~pixels.numpy(), sampling=pixel)
        inside = distance_transform_edt(pixels.numpy(), sampling=pixel)
        half = min(pixel) / 2
        signed = np.where(pixels.numpy(), half - inside, outside - half)
        return cls(torch.from_numpy(signed).float(), width, height)

    def __call__(self, points: Float[Tensor, "points 2"]) -> Float[Tensor, " points"]:
        size = points.new_tensor([self.width, self.height])
        on_canvas = torch.minimum(points.clamp(min=0), size)
        grid = (2 * on_canvas / size - 1)[None, None]
        seen = F.grid_sample(
            self.distance.to(points)[None, None], grid, padding_mode="border", align_corners=False
        )
        return seen[0, 0, 0] + torch.linalg.vector_norm(points - on_canvas, dim=1)


@dataclass(frozen=True, eq=False)
class Outside:
    """Everything but a place."""

    field: Field

    def __call__(self, points: Float[Tensor, "points 2"]) -> Float[Tensor, " points"]:
        return -self.field(points)
