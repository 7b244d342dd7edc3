"""Where the colours of a drawing go in a style picture: optimal transport between the two."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from clipdraw.colors import oklab

# Cells that each picture is cut into. The assignment of 1024 takes half a second, of 2304 five.
CELLS = 1024
# How often a cell of the style may be taken: at 1 the drawing gets all colours of the style, in the
# same amounts, and white paper falls to pieces.
SUPPLY = 2
# What it costs to go across the whole picture, beside the squared distance of black and white, 1.
# Seen on a house and a boat in two styles: at 0.03 the style's colours lie like dust, at 0.1 in
# patches; at 1 they stay where they are.
FAR = 0.1
# How much more contrast there must be with light and dark swapped for them to be swapped.
SWAP = 1.05
# Colours that are kept of each of a style's cells: 8 x 8 of about a pixel.
SIDE = 8


@dataclass(frozen=True, eq=False)
class Transport:
    """Which part of a style picture each part of a drawing is painted with."""

    colours: Float[Tensor, "cells 3"]
    """Mean colours of the drawing's cells, Oklab."""
    grid: tuple[int, int]
    """Rows and columns of cells."""
    inks: Float[Tensor, "cells inks 3"]
    """What each of the drawing's cells may be painted with, RGB: the colours in the part of the
    style that it goes to."""

    def means(self) -> Float[Tensor, "3 rows columns"]:
        """The drawing in the style's colours, cell by cell."""
        return self.inks.mean(1).T.unflatten(1, self.grid)

    def ink(
        self,
        colours: Float[Tensor, "places 3"],
        places: Float[Tensor, "places 2"],
        generator: torch.Generator,
    ) -> Float[Tensor, "places 3"]:
        """One ink, RGB, for each of some colours, RGB, at places of the drawing in [0, 1].

        It is one of those of the drawing's cell that is most like it, near by.
        """
        cell = cost(oklab(colours), places, self.colours, middles(self.grid)).argmin(1)
        luck = torch.randint(self.inks.shape[1], (len(cell),), generator=generator)
        return self.inks[cell, luck]


def transport(drawing: Float[Tensor, "3 _ _"], style: Float[Tensor, "3 _ _"]) -> Transport:
    """The cheapest way to paint a drawing with parts of a style picture.

    Each cell of the drawing, its colours brought to the style's mean and deviation, goes to a cell
    of the style; it costs the squared distance of their colours, and a little that of their places.
    So the style's colours keep together, and stay about where they are.

    Light and dark are swapped where the drawing's contrasts are kept better so: white paper becomes
    a style's night, and what was drawn on it shines.
    """
    grid = grid_of(drawing)
    colours, places = oklab(means(drawing, grid)), middles(grid)
    inks = inks_of(style, grid)
    theirs = oklab(inks.mean(1))
    apart = torch.cdist(colours, colours)

    def assign(colours: Tensor) -> tuple[float, Tensor]:
        """The contrast that is kept, and where each cell goes."""
        spread = theirs.std() / colours.std().clamp(min=1e-6)
        fitted = (colours - colours.mean(0)) * spread + theirs.mean(0)
        # scipy draws no lots: of equal costs the same are chosen every time.
        taken = linear_sum_assignment(cost(fitted, places, theirs, places).repeat(1, SUPPLY))[1]
        goal = torch.from_numpy(taken) % len(theirs)
        return float((apart * torch.cdist(theirs[goal], theirs[goal])).mean()), goal

    straight, goal = assign(colours)
    swapped, other = assign(colours * torch.tensor([-1, 1, 1]))
    goal = other if swapped > SWAP * straight else goal
    return Transport(colours, grid, inks[goal])


def inks_of(
    style: Float[Tensor, "3 height width"], grid: tuple[int, int]
) -> Float[Tensor, "cells inks 3"]:
    """The colours in each cell of a picture."""
    parts = F.interpolate(style[None], [SIDE * count for count in grid], mode="area")
    return F.unfold(parts, SIDE, stride=SIDE)[0].unflatten(0, (3, -1)).permute(2, 1, 0)


def cost(
    colours: Float[Tensor, "some 3"],
    places: Float[Tensor, "some 2"],
    others: Float[Tensor, "others 3"],
    theirs: Float[Tensor, "others 2"],
) -> Float[Tensor, "some others"]:
    """Squared distances of colours, Oklab, and of places as far as they count."""
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
    """What a picture shows at places (x, y) in [0, 1], straight between its pixels."""
    grid = (2 * places - 1)[None, :, None]
    found = F.grid_sample(picture[None], grid, padding_mode="border", align_corners=False)
    return found[0, :, :, 0].T
