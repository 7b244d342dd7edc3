"""What colours strokes have."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from clipdraw import Drawing
from predictors.pictures import rgb

# Paler strokes, by their luminance, would not show on white paper.
PALEST = 0.55


def inked(
    drawing: Drawing, ink: str, picture: Float[Tensor, "3 height width"], pen: float
) -> Drawing:
    """In one ink, #rrggbb; or, where it is `picture`, each stroke in the mean colour that the
    picture has along it, on the darker side, as far as it shows on white paper."""
    if ink != "picture":
        colours = torch.tensor(rgb(ink)).expand(drawing.paths, 3)
    else:
        grid = 2 * drawing.points / torch.tensor([drawing.width, drawing.height]) - 1
        seen = F.grid_sample(
            darker_side(picture, pen)[None], grid[None, None], padding_mode="border",
            align_corners=False,
        )[0, :, 0].T  # fmt: skip
        counts = torch.bincount(drawing.path_of_point, minlength=drawing.paths).tolist()
        colours = torch.stack([part.mean(0) for part in seen.split(counts)])
        colours = colours * (PALEST / luminance(colours.T).clamp(min=PALEST))[:, None]
    return drawing.replace(colors=torch.cat([colours, torch.ones(drawing.paths, 1)], dim=1))


def darker_side(picture: Float[Tensor, "3 height width"], pen: float) -> Tensor:
    """For every pixel the darkest colour about a pen's width around it."""
    side = 2 * max(round(pen / 2), 1) + 1
    light = -luminance(picture)[None]
    _, darkest = F.max_pool2d(light, side, 1, side // 2, return_indices=True)
    return picture.flatten(1)[:, darkest[0].flatten()].view_as(picture)


def luminance(rgb: Float[Tensor, "3 ..."]) -> Float[Tensor, "..."]:
    """How light sRGB colours are (ITU-R BT.709, of values as they are stored)."""
    return torch.tensordot(torch.tensor([0.2126, 0.7152, 0.0722]), rgb, 1)
