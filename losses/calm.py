"""What moves from one frame of a film to the next."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from clipdraw.drawing import Drawing
from clipdraw.loop import Scene

# Of the canvas's shorter side: so far a control point may go, and by so much a stroke may grow, for
# the price of a colour that goes from black to white.
FAR = 0.1


@dataclass(frozen=True, eq=False)
class Calm:
    """Keeps a drawing as it was: the price of every change since the frame before.

        mean over points of |p - p'|^2 / r^2
        + mean over paths of ((w - w')^2 / r^2 + |c - c'|^2 + |f - f'|^2)

    p, w, c and f are control points, widths, colours of strokes and of fills, with a dash what
    they were, and r is FAR times the canvas's shorter side. Each picture of a batch has means of
    its own, and one without paths costs nothing. What has not moved has no gradient, so a start
    from the frame before costs nothing until something pulls. (Ours.)
    """

    before: Drawing
    """How it was: the same paths and segments."""

    def __call__(self, scene: Scene) -> Float[Tensor, " pictures"]:
        now, before = scene.drawing, self.before.to(scene.drawing.points.device)
        reach = FAR * min(now.width, now.height)
        points = (now.points - before.points).square().sum(1) / reach**2
        paths = ((now.widths - before.widths) / reach).square()
        for name in now.floats.keys() & {"colors", "fills"}:
            paths = paths + (getattr(now, name) - getattr(before, name)).square().sum(1)
        owner = now.picture[now.path_of_point]
        return _means(points, owner, now.pictures) + _means(paths, now.picture, now.pictures)


def _means(
    values: Float[Tensor, " rows"], owner: Int[Tensor, " rows"], pictures: int
) -> Float[Tensor, " pictures"]:
    """Of each picture's rows, which lie side by side."""
    counts = torch.bincount(owner, minlength=pictures).tolist()
    # Whole slices are summed, because index_add adds in a different order every run on CUDA.
    return torch.stack([part.sum() / max(len(part), 1) for part in values.split(counts)])
