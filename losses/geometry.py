"""What the shape of a drawing costs, seen without rendering it."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from clipdraw.drawing import Drawing
from clipdraw.loop import Scene
from losses.fields import Box, Circle, Field

# evilstreak/clipdraw (May 2022) keeps points within 75 units of the centre of its 224 x 224 canvas.
THRESHOLD = 75 / 224
# The same fork's weight: it sets the penalty against CLIP's loss, summed over four views.
WEIGHT = 0.001


def stay_within(
    drawing: Drawing, field: Field, power: float = 2.0, weight: float = WEIGHT
) -> Float[Tensor, " pictures"]:
    """Ask strokes to stay in a place, and leave them alone inside of it.

        weight / paths * sum over paths, over control points of relu(field(p))^power

    A curve lies between its control points, so in a place without dents none leaves it whose points
    do not; half of its width may.

    Args:
        drawing: its points are measured in canvas units, so the value depends on the canvas: twice
            the canvas costs 2^power times as much.
        field: the place, one of `losses.fields`.
        power: at least 1, or the slope at the border is infinite; above 1 it starts from 0 there.
        weight: of the mean over paths.
    """
    if power < 1:
        raise ValueError(
            f"power is {power}, but below 1 the slope at the border is infinite; give 1 or more"
        )
    return weight * mean_over_paths(torch.relu(field(drawing.points)) ** power, drawing)


def centre_penalty(
    drawing: Drawing,
    centre: tuple[float, float] | None = None,
    threshold: float | None = None,
    power: float = 2.0,
    weight: float = WEIGHT,
) -> Float[Tensor, " pictures"]:
    """Ask strokes to stay within a circle: `stay_within` a `Circle`.

        weight / paths * sum over paths, over control points of relu(|p - centre| - threshold)^power

    Args:
        drawing: its points are measured in canvas units, so the value depends on the canvas.
        centre: (x, y) in canvas units; the middle of the canvas when left out.
        threshold: radius of the circle in canvas units, at least 0; 75/224 of the canvas's shorter
            side when left out.
        power: at least 1.
        weight: of the mean over paths. CLIPDraw's random start costs about 6.5 at the default,
            however many paths it has.

    Source: Dom Baggott, "Constraining CLIPDraw", Replicate (2022).
    """
    if threshold is None:
        threshold = THRESHOLD * min(drawing.width, drawing.height)
    if threshold < 0:
        raise ValueError(f"threshold is {threshold}, but no distance is below 0; give 0 or more")
    middle = centre or (drawing.width / 2, drawing.height / 2)
    return stay_within(drawing, Circle(middle, threshold), power, weight)


def keep_in_frame(
    drawing: Drawing, margin: float = 0.0, weight: float = WEIGHT
) -> Float[Tensor, " pictures"]:
    """Ask strokes to stay on the canvas: `stay_within` a `Box`.

        weight / paths * sum over paths, over control points of (distance from the frame outside)^2

    Args:
        drawing: measured in canvas units, as in `centre_penalty`.
        margin: how far inside of the canvas the frame lies, canvas units; below 0, outside.
        weight: of the mean over paths; the scale is `centre_penalty`'s.
    """
    frame = Box(margin, margin, drawing.width - margin, drawing.height - margin)
    return stay_within(drawing, frame, weight=weight)


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


@dataclass(frozen=True, eq=False)
class StayWithin:
    """Keeps strokes in a place: see `stay_within`. Looks at control points only."""

    field: Field
    power: float = 2.0
    weight: float = WEIGHT

    def __call__(self, scene: Scene) -> Float[Tensor, " pictures"]:
        return stay_within(scene.drawing, self.field, self.power, self.weight)
