"""What the shape of a drawing costs, seen without rendering it."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from clipdraw.drawing import Drawing
from clipdraw.loop import Scene

# evilstreak/clipdraw (May 2022) keeps points within 75 units of the centre of its 224 x 224 canvas.
THRESHOLD = 75 / 224
# The same fork's weight: it sets the penalty against CLIP's loss, summed over four views.
WEIGHT = 0.001


def centre_penalty(
    drawing: Drawing,
    centre: tuple[float, float] | None = None,
    threshold: float | None = None,
    power: float = 2.0,
    weight: float = WEIGHT,
) -> Float[Tensor, " pictures"]:
    """Ask strokes to stay within a circle, and leave them alone inside of it.

        weight / paths * sum over paths, over control points of relu(|p - centre| - threshold)^power

    Args:
        drawing: its points are measured in canvas units, so the value depends on the canvas: twice
            the canvas costs 2^power times as much.
        centre: (x, y) in canvas units; the middle of the canvas when left out.
        threshold: radius of the circle in canvas units, at least 0; 75/224 of the canvas's shorter
            side when left out.
        power: at least 1, or the slope at the circle is infinite; above 1 it starts from 0 there.
        weight: of the mean over paths. CLIPDraw's random start costs about 6.5 at the default,
            however many paths it has.

    Source: Dom Baggott, "Constraining CLIPDraw", Replicate (2022).
    """
    if power < 1:
        raise ValueError(
            f"power is {power}, but below 1 the slope at the circle is infinite; give 1 or more"
        )
    if threshold is None:
        threshold = THRESHOLD * min(drawing.width, drawing.height)
    if threshold < 0:
        raise ValueError(f"threshold is {threshold}, but no distance is below 0; give 0 or more")
    middle = drawing.points.new_tensor(centre or (drawing.width / 2, drawing.height / 2))
    # vector_norm, because the square root of a sum has no finite gradient at the centre itself.
    distance = torch.linalg.vector_norm(drawing.points - middle, dim=1)
    return weight * mean_over_paths(torch.relu(distance - threshold) ** power, drawing)


def keep_in_frame(
    drawing: Drawing, margin: float = 0.0, weight: float = WEIGHT
) -> Float[Tensor, " pictures"]:
    """Ask strokes to stay on the canvas.

        weight / paths * sum over paths, over control points of (distance from the frame outside)^2

    Args:
        drawing: measured in canvas units, as in `centre_penalty`.
        margin: how far inside of the canvas the frame lies, canvas units; below 0, outside.
        weight: of the mean over paths; the scale is `centre_penalty`'s.

    Ours: `centre_penalty` with a rectangle for its circle.
    """
    corner = drawing.points.new_tensor([drawing.width, drawing.height])
    beyond = torch.relu(margin - drawing.points) + torch.relu(drawing.points - (corner - margin))
    return weight * mean_over_paths((beyond**2).sum(1), drawing)


def mean_over_paths(cost: Float[Tensor, " points"], drawing: Drawing) -> Float[Tensor, " pictures"]:
    """Costs of control points, summed over each path's points and averaged over the paths.

    Each picture of the batch is averaged on its own, and one without paths costs nothing.
    """
    paths = torch.bincount(drawing.picture, minlength=drawing.pictures)
    points = torch.bincount(drawing.picture[drawing.path_of_point], minlength=drawing.pictures)
    # Whole slices are summed, because index_add adds in a different order every run on CUDA.
    total = torch.stack([part.sum() for part in cost.split(points.tolist())])
    return total / paths.clamp(min=1).to(total)


@dataclass(frozen=True)
class CentrePenalty:
    """Keeps strokes within a circle: see `centre_penalty`. Looks at control points only."""

    centre: tuple[float, float] | None = None
    threshold: float | None = None
    power: float = 2.0
    weight: float = WEIGHT

    def __call__(self, scene: Scene) -> Float[Tensor, " pictures"]:
        return centre_penalty(scene.drawing, self.centre, self.threshold, self.power, self.weight)


@dataclass(frozen=True)
class KeepInFrame:
    """Keeps strokes on the canvas: see `keep_in_frame`. Looks at control points only."""

    margin: float = 0.0
    weight: float = WEIGHT

    def __call__(self, scene: Scene) -> Float[Tensor, " pictures"]:
        return keep_in_frame(scene.drawing, self.margin, self.weight)
