"""How much of a style a drawing took on, and how much of what it shows is left."""

import torch
from jaxtyping import Float
from torch import Tensor

from clipdraw.loop import Scene
from losses import StyleDistance
from predictors.restyle.marks import lab, slopes

# Shorter side in pixels at which edges are compared, and how wide they are there.
SIDE, SPREAD = 64, 2


def style_taken(
    before: Float[Tensor, "3 height width"],
    after: Scene,
    style: Float[Tensor, "3 _ _"],
) -> float:
    """How much of the way to a style's statistics a picture went: 0 for none, 1 for all.

    Statistics are `StyleDistance`'s, of colours and of patches.
    """
    distance = StyleDistance([style], directions=64)

    def away(picture: Tensor) -> float:
        scene = Scene(after.drawing, picture, [torch.Generator().manual_seed(0)], 1.0)
        return distance(scene).item()

    return 1 - away(after.picture) / max(away(before[None]), 1e-9)


def content_kept(
    before: Float[Tensor, "3 height width"], after: Float[Tensor, "3 height width"]
) -> float:
    """How far two pictures have the same edges, in whatever colours: the correlation of the
    strength of edges that are a 32nd of the shorter side wide; 1 for the same, 0 for none."""
    both = torch.stack([edges(picture).flatten() for picture in (before, after)])
    # Two blank pictures have the same edges: none.
    return 1.0 if torch.equal(both[0], both[1]) else torch.corrcoef(both).nan_to_num()[0, 1].item()


def edges(picture: Float[Tensor, "3 height width"]) -> Float[Tensor, "rows columns"]:
    """How fast a picture changes, in Oklab."""
    squares = sum(part**2 for channel in lab(picture, SIDE) for part in slopes(channel, SPREAD))
    return torch.from_numpy(squares**0.5)
