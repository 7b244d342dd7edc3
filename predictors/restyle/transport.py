"""Where the colours of a drawing go in a style picture: optimal transport between the two."""

from dataclasses import dataclass
from math import ceil

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment
from torch import Tensor

# Cells that each picture is cut into. The assignment of 1024 takes half a second, of 2304 five.
CELLS = 1024
# What it costs to go across the whole picture, beside the squared distance of black and white, 3.
# At 0 the style's colours lie like dust, at 1 they stay where they are and the drawing drowns.
FAR = 0.1
# How much more contrast there must be with light and dark swapped for them to be swapped.
SWAP = 1.05
# Of red, green and blue in the lightness of a colour (ITU-R BT.601).
LIGHTNESS = torch.tensor([0.299, 0.587, 0.114])


@dataclass(frozen=True, eq=False)
class Transport:
    """Which part of a style picture each part of a drawing is painted with."""

    style: Float[Tensor, "3 height width"]
    colours: Float[Tensor, "cells 3"]
    """Mean colours of the drawing's cells."""
    grid: tuple[int, int]
    """Rows and columns of cells, the same in both pictures."""
    goal: Int[Tensor, " cells"]
    """The style's cell that each of the drawing's cells goes to."""

    def cells(
        self, colours: Float[Tensor, "places 3"], places: Float[Tensor, "places 2"]
    ) -> Int[Tensor, " places"]:
        """The style's cells for colours at places of the drawing, `[0, 1)` of its width and height:
        those of the drawing's cells that are most like them, near by."""
        apart = cost(colours, places, self.colours, middles(self.grid))
        return self.goal[apart.argmin(1)]

    def means(
        self, colours: Float[Tensor, "places 3"], places: Float[Tensor, "places 2"]
    ) -> Float[Tensor, "places 3"]:
        """The mean colours of those cells."""
        return means(self.style, self.grid)[self.cells(colours, places)]

    def inks(
        self,
        colours: Float[Tensor, "places 3"],
        places: Float[Tensor, "places 2"],
        generator: torch.Generator,
    ) -> Float[Tensor, "places 3"]:
        """One colour from each of those cells, anywhere in it: what the style is painted with."""
        rows, columns = self.grid
        cell = self.cells(colours, places)
        corner = torch.stack([cell % columns, cell // columns], dim=1)
        luck = torch.rand(len(cell), 2, generator=generator)
        return sample(self.style, (corner + luck) / torch.tensor([columns, rows]))


def transport(
    drawing: Float[Tensor, "3 _ _"], style: Float[Tensor, "3 _ _"], supply: int
) -> Transport:
    """The cheapest way to paint a drawing with parts of a style picture.

    Each cell of the drawing, its colours brought to the style's mean and deviation, goes to a cell
    of the style; it costs the squared distance of their colours, and a little that of their places.
    So the style's colours keep together, and stay about where they are. No cell is taken more than
    `supply` times: at 1 the drawing gets all colours of the style, in the same amounts.

    Light and dark are swapped where the drawing's contrasts are kept better so: white paper becomes
    a style's night, and what was drawn on it shines.
    """
    grid = grid_of(drawing)
    colours, inks, places = means(drawing, grid), means(style, grid), middles(grid)
    apart = torch.cdist(colours, colours)

    def assign(colours: Tensor) -> tuple[float, Tensor]:
        """The contrast that is kept, and the goals."""
        spread = inks.std() / colours.std().clamp(min=1e-6)
        fitted = (colours - colours.mean(0)) * spread + inks.mean(0)
        # scipy draws no lots: of equal costs the same are chosen every time.
        taken = linear_sum_assignment(cost(fitted, places, inks, places).repeat(1, supply).numpy())
        goal = torch.from_numpy(taken[1]) % len(inks)
        kept = (apart * torch.cdist(inks[goal], inks[goal])).mean()
        return float(kept), goal

    straight, goal = assign(colours)
    swapped, other = assign(colours + 1 - 2 * (colours @ LIGHTNESS)[:, None])
    return Transport(style, colours, grid, other if swapped > SWAP * straight else goal)


def cost(
    colours: Float[Tensor, "some 3"],
    places: Float[Tensor, "some 2"],
    others: Float[Tensor, "others 3"],
    theirs: Float[Tensor, "others 2"],
) -> Float[Tensor, "some others"]:
    """Squared distances of colours, and of places as far as they count."""
    return torch.cdist(colours, others).square() + FAR * torch.cdist(places, theirs).square()


def grid_of(picture: Float[Tensor, "3 height width"]) -> tuple[int, int]:
    """Rows and columns of cells that are about square, CELLS at most."""
    _, height, width = picture.shape
    rows = min(max(round((CELLS * height / width) ** 0.5), 1), CELLS)
    return rows, CELLS // rows


def means(
    picture: Float[Tensor, "3 height width"], grid: tuple[int, int]
) -> Float[Tensor, "cells 3"]:
    """The mean colour of each cell, row by row."""
    return F.interpolate(picture[None], grid, mode="area")[0].flatten(1).T


def middles(grid: tuple[int, int]) -> Float[Tensor, "cells 2"]:
    """(x, y) of the cells' middles, row by row, in [0, 1]."""
    rows, columns = grid
    y, x = torch.meshgrid(
        (torch.arange(rows) + 0.5) / rows, (torch.arange(columns) + 0.5) / columns, indexing="ij"
    )
    return torch.stack([x, y], dim=-1).flatten(0, 1)


def sample(
    picture: Float[Tensor, "channels height width"], places: Float[Tensor, "places 2"]
) -> Float[Tensor, "places channels"]:
    """What a picture shows at places (x, y) in [0, 1], between its pixels straight."""
    grid = (2 * places - 1)[None, :, None]
    found = F.grid_sample(picture[None], grid, padding_mode="border", align_corners=False)
    return found[0, :, :, 0].T
