"""Prompts that name several things, where on the canvas each of them goes, and how to look there.

A small prior dreams one thing at a time, and that well. So `a cat and two stars` is read as a cat,
a star and a star; each is dreamt, judged and mended alone, in a cell of its own. (Composition by
regions, as in MultiDiffusion, Bar-Tal et al. 2023, with the regions given by the number of things.)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from clipdraw.loop import Scene, Term
from clipdraw.sampling import resize
from losses.english import singular

# More things would be smaller than a prior's picture can show.
MOST_THINGS = 4
NUMBERS = {"two": 2, "three": 3, "four": 4, "2": 2, "3": 3, "4": 4}

# "a line drawing of" belongs to all that follows it, "a cup of" to the cup.
DEPICTION = re.compile(
    r"((?:an?|the|one)\s+(?:[\w-]+\s+)*?(?:drawing|sketch|picture|painting|watercolou?r|icon|photo|"
    r"illustration|outline|silhouette|portrait|cartoon|image)s?\s+of\s+)(.+)",
    re.IGNORECASE,
)
AND = re.compile(r"\s*(?:,\s*and|,|\band|&|\+)\s+(?=(?:an?|the|one|two|three|four|[234])\s)")
COUNTED = re.compile(r"(two|three|four|[234])\s+(.+)", re.IGNORECASE)


class Window(NamedTuple):
    """Rows and columns of a picture."""

    top: int
    left: int
    rows: int
    columns: int


class Cell(NamedTuple):
    """A square of the canvas, in fractions of its shorter side."""

    left: float
    top: float
    side: float

    def window(self, height: int, width: int) -> Window:
        """Where it is in a picture of that size."""
        short = min(height, width)
        left = (width - short) / 2 + self.left * short
        top = (height - short) / 2 + self.top * short
        side = round(self.side * short)
        x, y = (min(round(at), length - side) for at, length in ((left, width), (top, height)))
        return Window(y, x, side, side)


@dataclass(frozen=True, eq=False)
class Region:
    """A box of the canvas, and perhaps only what a mask shows of it."""

    left: float
    top: float
    right: float
    bottom: float
    """Fractions of the canvas's width and height."""
    mask: Float[Tensor, "rows columns"] | None = None
    """Over the whole canvas, at any size: 1 inside, 0 outside."""

    def window(self, height: int, width: int) -> Window:
        """Where its box is in a picture of that size; a pixel at least."""
        top, bottom = (round(at * height) for at in (self.top, self.bottom))
        left, right = (round(at * width) for at in (self.left, self.right))
        top, left = min(top, height - 1), min(left, width - 1)
        return Window(top, left, max(bottom - top, 1), max(right - left, 1))

    def square(self, aspect: float) -> Region:
        """The largest square in the middle of the box; `aspect` is the canvas's width by height."""
        wide, tall = (self.right - self.left) * aspect, self.bottom - self.top
        x, y = (wide - min(wide, tall)) / 2 / aspect, (tall - min(wide, tall)) / 2
        return replace(
            self,
            left=self.left + x, right=self.right - x, top=self.top + y, bottom=self.bottom - y,
        )  # fmt: skip

    def shown(self, height: int, width: int) -> Float[Tensor, "height width"] | None:
        """The mask in a picture of that size."""
        if self.mask is None:
            return None
        return F.interpolate(self.mask[None, None], (height, width), mode="area")[0, 0]


# Cells overlap a little: what a prior dreams has a margin.
CELLS = {
    1: (Cell(0, 0, 1),),
    2: (Cell(0, 0.21, 0.58), Cell(0.42, 0.21, 0.58)),
    3: (Cell(0.22, 0, 0.56), Cell(0, 0.44, 0.56), Cell(0.44, 0.44, 0.56)),
    4: (Cell(0, 0, 0.56), Cell(0.44, 0, 0.56), Cell(0, 0.44, 0.56), Cell(0.44, 0.44, 0.56)),
}


def things(text: str) -> list[str]:
    """What a text names, each with the words around it: at most MOST_THINGS, else the text itself.

    `a sketch of a cat and two stars` -> a sketch of a cat, a sketch of a star, a sketch of a star.
    A thing begins with an article or a number; `black and white` stays together.
    """
    depicted = DEPICTION.fullmatch(text.strip())
    before, named = depicted.groups() if depicted else ("", text.strip())
    found = [one for part in AND.split(named) for one in _counted(part)]
    return [before + one for one in found] if len(found) <= MOST_THINGS else [text]


def _counted(part: str) -> list[str]:
    """`two stars` -> a star, a star."""
    counted = COUNTED.fullmatch(part)
    if not counted:
        return [part]
    number, noun = counted.groups()
    return [f"a {singular(noun)}"] * NUMBERS[number.lower()]


def lay_out(pictures: Sequence[Float[Tensor, "3 side side"]]) -> Float[Tensor, "3 large large"]:
    """Pictures on white paper, each in its cell, none made smaller; where two overlap, the darker.

    A single picture stays as it is.
    """
    cells = CELLS[len(pictures)]
    side = pictures[0].shape[-1]
    large = round(side / cells[0].side)
    sheet = torch.ones(3, large, large).to(pictures[0])
    for picture, cell in zip(pictures, cells, strict=True):
        left, top = (min(round(x * large), large - side) for x in (cell.left, cell.top))
        window = sheet[:, top : top + side, left : left + side]
        window.copy_(torch.minimum(window, picture))
    return sheet


def lay_over(
    pictures: Sequence[Float[Tensor, "3 side side"]],
    regions: Sequence[Region],
    sheet: Float[Tensor, "3 rows columns"],
    aspect: float,
) -> Float[Tensor, "3 rows columns"]:
    """Pictures over a sheet, each in the middle of its region as large as fits, later ones on top.

    `aspect` is the canvas's width by its height.
    """
    laid = sheet.clone()
    _, rows, columns = sheet.shape
    for picture, region in zip(pictures, regions, strict=True):
        top, left, tall, wide = region.square(aspect).window(rows, columns)
        window = laid[:, top : top + tall, left : left + wide]
        size = window.shape[1:]
        small = F.interpolate(picture[None], size, mode="bilinear", antialias=True)[0]
        shown = region.shown(rows, columns)
        if shown is not None:
            shown = shown[top : top + tall, left : left + wide]
            small = torch.lerp(window, small, shown.expand_as(small))
        window.copy_(small)
    return laid


@dataclass(frozen=True, eq=False)
class Within:
    """A term that sees one part of the picture as if it were all of it: enlarged until its shorter
    side is the picture's; around a mask it sees paper."""

    place: Cell | Region
    term: Term

    def __call__(self, scene: Scene) -> Float[Tensor, " pictures"]:
        return self.term(replace(scene, picture=zoom(scene.picture, self.place, scene.background)))


def zoom(
    picture: Float[Tensor, "pictures 3 height width"],
    place: Cell | Region,
    background: Sequence[float],
) -> Float[Tensor, "pictures 3 rows columns"]:
    """One part of pictures, as `Within` shows it."""
    height, width = picture.shape[-2:]
    if isinstance(place, Region) and (shown := place.shown(height, width)) is not None:
        paper = torch.as_tensor(background)[:, None, None].to(picture)
        picture = paper + shown.to(picture) * (picture - paper)
    top, left, rows, columns = place.window(height, width)
    window = picture[:, :, top : top + rows, left : left + columns]
    grown = min(height, width) / min(rows, columns)
    size = (round(rows * grown), round(columns * grown))
    return resize(window, size, "bilinear")
