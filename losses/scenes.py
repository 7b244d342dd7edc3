"""Prompts that name several things, and where on the canvas each of them goes.

A small prior dreams one thing at a time, and that well. So `a cat and two stars` is read as a cat,
a star and a star; each is dreamt, judged and mended alone, in a cell of its own. (Composition by
regions, as in MultiDiffusion, Bar-Tal et al. 2023, with the regions given by the number of things.)
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from clipdraw.loop import Scene, Term
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


class Cell(NamedTuple):
    """A square of the canvas, in fractions of its shorter side."""

    left: float
    top: float
    side: float


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


@dataclass(frozen=True, eq=False)
class Within:
    """A term that sees one cell of the picture as if it were all of it."""

    cell: Cell
    term: Term

    def __call__(self, scene: Scene) -> Float[Tensor, " pictures"]:
        height, width = scene.picture.shape[-2:]
        short = min(height, width)
        left = (width - short) / 2 + self.cell.left * short
        top = (height - short) / 2 + self.cell.top * short
        side = round(self.cell.side * short)
        x, y = (min(round(at), length - side) for at, length in ((left, width), (top, height)))
        window = scene.picture[:, :, y : y + side, x : x + side]
        whole = F.interpolate(window, (short, short), mode="bilinear", align_corners=False)
        return self.term(replace(scene, picture=whole))
