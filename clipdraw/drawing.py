"""The drawing: a handful of tensors, the same for every part of the project.

Conventions, said once and kept everywhere:

* coordinates are **canvas units**, x to the right, y down; the canvas is `width` x `height`,
  and pixel (i, j) of a render at that size covers `[j, j + 1) x [i, i + 1)`;
* `widths` are **full** stroke widths in canvas units (pydiffvg and CLIPDraw store half of it);
* colours are straight (not premultiplied) RGBA in [0, 1], with no gamma applied;
* later paths lie on top of earlier ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Drawing:
    """A batch of one or more vector pictures made of open strokes.

    A stroke is a chain of cubic Bezier segments: one of `n` segments owns `3 n + 1` consecutive
    rows of `points` (end, handle, handle, end, handle, ...). Strokes may have different lengths,
    and pictures different numbers of strokes; nothing is padded. A drawing has no resolution.
    """

    points: Float[Tensor, "points 2"]
    """Control points of all strokes, canvas units."""
    segments: Int[Tensor, " paths"]
    """Cubic segments of each stroke, at least 1."""
    widths: Float[Tensor, " paths"]
    """Full stroke width, canvas units."""
    colors: Float[Tensor, "paths 4"]
    """Straight RGBA, [0, 1]."""
    picture: Int[Tensor, " paths"]
    """Which picture of the batch each stroke belongs to; never decreases."""
    width: float
    height: float
    pictures: int = 1

    def __post_init__(self):
        paths = len(self.segments)
        shapes = {
            "points": (int((3 * self.segments + 1).sum()), 2),
            "widths": (paths,),
            "colors": (paths, 4),
            "picture": (paths,),
        }
        for name, shape in shapes.items():
            if tuple(getattr(self, name).shape) != shape:
                raise ValueError(
                    f"{name} has shape {list(getattr(self, name).shape)}, but {paths} paths of "
                    f"{int(self.segments.sum())} segments in all need {list(shape)}"
                )

    @property
    def paths(self) -> int:
        """Number of strokes in all pictures together."""
        return len(self.segments)

    @property
    def path_of_point(self) -> Int[Tensor, " points"]:
        """The stroke that each row of `points` belongs to."""
        return torch.repeat_interleave(3 * self.segments + 1)

    @property
    def floats(self) -> dict[str, Tensor]:
        """The tensors that an optimiser moves, by name."""
        return {"points": self.points, "widths": self.widths, "colors": self.colors}

    def replace(self, **changes) -> Drawing:
        """A copy with some fields changed (the shapes are checked again)."""
        return replace(self, **changes)

    def to(self, *args, **kwargs) -> Drawing:
        """All float tensors through `Tensor.to(...)`; index tensors only change their device."""
        moved = {name: value.to(*args, **kwargs) for name, value in self.floats.items()}
        device = moved["points"].device
        return self.replace(
            **moved, segments=self.segments.to(device), picture=self.picture.to(device)
        )

    def detach(self) -> Drawing:
        """A snapshot: same values, no graph, no shared memory."""
        return self.replace(**{k: v.detach().clone() for k, v in self.floats.items()})

    def select(self, paths: Tensor) -> Drawing:
        """Only the strokes that `paths` ([paths] bool) keeps, in the same order."""
        return self.replace(
            points=self.points[paths[self.path_of_point]],
            **{k: getattr(self, k)[paths] for k in ("segments", "widths", "colors", "picture")},
        )

    def split(self) -> list[Drawing]:
        """The batch as a list of single pictures."""
        alone = []
        for index in range(self.pictures):
            one = self.select(self.picture == index)
            alone.append(one.replace(picture=torch.zeros_like(one.picture), pictures=1))
        return alone


def join(drawings: Sequence[Drawing]) -> Drawing:
    """Several drawings on canvases of one size as one batch, in the order given."""
    canvases = {(d.width, d.height) for d in drawings}
    if len(canvases) != 1:
        raise ValueError(f"drawings to join need one canvas size, got {sorted(canvases)}")
    merged = {
        name: torch.cat([getattr(d, name) for d in drawings])
        for name in ("points", "segments", "widths", "colors")
    }
    *first, pictures = accumulate((d.pictures for d in drawings), initial=0)
    picture = torch.cat([d.picture + start for d, start in zip(drawings, first, strict=True)])
    return drawings[0].replace(**merged, picture=picture, pictures=pictures)
