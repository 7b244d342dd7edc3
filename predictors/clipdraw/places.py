"""Places on the canvas as people write them: where strokes stay, and what goes where.

    within    box 0.1 0.1 0.9 0.9 | not circle 0.5 0.5 0.2
    regions   [{"box": [0, 0, 0.5, 1], "prompt": "a cat"}, {"mask": "#ff0000", "prompt": "a moon"}]

Numbers are fractions of the canvas, from its left upper corner; a radius is one of its shorter
side. A mask is what has one colour in the picture that is handed in with it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from losses.fields import Box, Circle, Field, Mask, Outside, Polygon
from losses.prompts import parse_prompts
from losses.scenes import Cell, Region
from predictors.pictures import read_picture, rgb

# A person fills in a form by hand; beyond these the input is a mistake, or an attack.
MOST_PLACES, MOST_REGIONS, MOST_CORNERS, MOST_CHARACTERS = 8, 8, 64, 4000
# Numbers that each kind of place takes; a polygon takes pairs, and a mask a colour.
NUMBERS = {"canvas": 0, "circle": 3, "box": 4}
# Of the canvas's side: a smaller region is a slip of the pen, and no stroke would show in it.
SMALLEST = 0.05
# A mask is looked at with so many pixels on its longer side, and a channel may be off by as much:
# programs soften edges, and JPEG's noise is a few 255ths.
MASK_SIZE, SAME = 512, 1 / 8


@dataclass(frozen=True, eq=False)
class Sheet:
    """The canvas, and the picture that marks places on it."""

    width: float
    height: float
    marks: Float[Tensor, "3 rows columns"] | None = None

    @classmethod
    def read(cls, width: float, height: float, mask: Path | None) -> Sheet:
        """Raises:
        ValueError: a mask that cannot be read.
        """
        try:
            marks = None if mask is None else read_picture(mask, MASK_SIZE, "#000000")
        except ValueError as error:
            raise ValueError(f"mask: {error}") from error
        return cls(width, height, marks)

    def marked(self, colour: str, name: str) -> Bool[Tensor, "rows columns"]:
        """Which pixels of the mask have a colour; `name` is the input that asks."""
        if self.marks is None:
            raise ValueError(
                f"{name} speaks of a mask, but none was handed in; give a picture as mask"
            )
        try:
            wanted = torch.tensor(rgb(colour))[:, None, None]
        except ValueError as error:
            raise ValueError(
                f"{name} has the colour {colour[:40]!r}; write one such as #ff0000 or white"
            ) from error
        return ((self.marks - wanted).abs() <= SAME).all(0)


def fields(text: str, sheet: Sheet) -> list[Field]:
    """The places that strokes stay in, all of them at once; none for blank text.

    Raises:
        ValueError: one sentence that says which place cannot be read, and how to write it.
    """
    parts = [part.split() for part in text.split("|")] if text.strip() else []
    if len(parts) > MOST_PLACES:
        raise ValueError(
            f"within has {len(parts)} places, but at most {MOST_PLACES} are read; use fewer '|'"
        )
    return [_field(words, sheet) for words in parts]


def _field(words: list[str], sheet: Sheet) -> Field:
    if words[:1] == ["not"]:
        return Outside(_field(words[1:], sheet))
    kind, *given = words or [""]
    if kind == "mask":
        colour = " ".join(given) or "white"
        try:
            return Mask.of(sheet.marked(colour, "within"), sheet.width, sheet.height)
        except ValueError as error:
            if not str(error).startswith("marks"):
                raise
            raise ValueError(f"mask: {colour} {error}; strokes need some room in it") from error
    numbers = _numbers(given)
    corners = len(given) % 2 == 0 and 6 <= len(given) <= 2 * MOST_CORNERS
    fits = corners if kind == "polygon" else NUMBERS.get(kind) == len(given)
    if numbers is None or not fits:
        raise ValueError(
            f"within has {' '.join(words)[:60]!r}; write canvas, circle X Y RADIUS, box LEFT TOP "
            f"RIGHT BOTTOM, polygon X Y X Y X Y ..., or mask COLOUR, with fractions of the canvas, "
            "'not' in front for all around it, and | between several"
        )
    width, height = sheet.width, sheet.height
    if kind == "circle":
        x, y, radius = numbers
        if radius <= 0:
            raise ValueError(f"within has a circle of radius {radius:g}; give one above 0")
        return Circle((x * width, y * height), radius * min(width, height))
    if kind == "polygon":
        xy = zip(numbers[::2], numbers[1::2], strict=True)
        return Polygon([(x * width, y * height) for x, y in xy])
    left, top, right, bottom = numbers or (0, 0, 1, 1)
    if left >= right or top >= bottom:
        raise ValueError(
            f"within has a box from {left:g} {top:g} to {right:g} {bottom:g}; write LEFT TOP RIGHT "
            "BOTTOM, with LEFT below RIGHT and TOP below BOTTOM"
        )
    return Box(left * width, top * height, right * width, bottom * height)


def _numbers(words: Sequence[str]) -> list[float] | None:
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        return None
    return numbers if all(map(math.isfinite, numbers)) else None


def room(
    places: Sequence[Field], sheet: Sheet, rows: int, columns: int
) -> Bool[Tensor, "{rows} {columns}"]:
    """Which pixels `[rows, columns]` of the canvas lie in all places."""
    y = (torch.arange(rows) + 0.5) * sheet.height / rows
    x = (torch.arange(columns) + 0.5) * sheet.width / columns
    centres = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1).view(-1, 2)
    inside = [field(centres) <= 0 for field in places]
    return (
        torch.stack([torch.ones(rows * columns, dtype=torch.bool), *inside])
        .all(0)
        .view(rows, columns)
    )


class Part(NamedTuple):
    """Something that is drawn in a place of its own."""

    text: str
    place: Cell | Region
    weight: float = 1.0


def regions(text: str, sheet: Sheet) -> list[Part]:
    """What goes where; none for blank text.

    Raises:
        ValueError: one sentence that says which region cannot be read, and why.
    """
    if not text.strip():
        return []
    if len(text) > MOST_CHARACTERS:
        raise ValueError(
            f"regions is {len(text)} characters long, but at most {MOST_CHARACTERS} are read; "
            "shorten it"
        )
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"regions is no JSON ({error}); write a list such as "
            '[{"box": [0, 0, 0.5, 1], "prompt": "a cat"}]'
        ) from error
    if not isinstance(found, list) or not 1 <= len(found) <= MOST_REGIONS:
        raise ValueError(
            f"regions is no list of 1 to {MOST_REGIONS} regions; write a list such as "
            '[{"box": [0, 0, 0.5, 1], "prompt": "a cat"}]'
        )
    return [_part(item, f"regions: number {i}", sheet) for i, item in enumerate(found, start=1)]


def _part(item: Any, name: str, sheet: Sheet) -> Part:
    known = {"box", "mask", "prompt", "weight"}
    if not isinstance(item, dict) or not isinstance(item.get("prompt"), str) or item.keys() - known:
        raise ValueError(
            f"{name} is {json.dumps(item)[:80]}; it needs a prompt and a box or a mask, may have a "
            "weight, and has nothing else"
        )
    if ("box" in item) == ("mask" in item):
        raise ValueError(f"{name} needs either a box or a mask; give one of the two")
    parse_prompts(item["prompt"], f"{name}: prompt")
    weight = item.get("weight", 1)
    if not _is_number(weight) or weight <= 0:
        raise ValueError(f"{name} has the weight {json.dumps(weight)[:40]}; give a number above 0")
    region = _box(item["box"], name) if "box" in item else _masked(item["mask"], name, sheet)
    if min(region.right - region.left, region.bottom - region.top) < SMALLEST:
        raise ValueError(
            f"{name} covers less than {SMALLEST:.0%} of a side of the canvas; make it larger"
        )
    return Part(item["prompt"], region, float(weight))


def _box(box: Any, name: str) -> Region:
    numbers = isinstance(box, list) and len(box) == 4 and all(map(_is_number, box))
    if not numbers or not (0 <= box[0] < box[2] <= 1 and 0 <= box[1] < box[3] <= 1):
        raise ValueError(
            f"{name} has the box {json.dumps(box)[:60]}; write [LEFT, TOP, RIGHT, BOTTOM], "
            "fractions of the canvas from 0 to 1, such as [0, 0, 0.5, 1] for its left half"
        )
    return Region(*map(float, box))


def _masked(colour: Any, name: str, sheet: Sheet) -> Region:
    """The box around what the mask has in one colour."""
    if not isinstance(colour, str):
        raise ValueError(f"{name} has the mask {json.dumps(colour)[:40]}; write a colour in it")
    pixels = sheet.marked(colour, name)
    if not pixels.any():
        raise ValueError(f"{name}: {colour} is nowhere in the mask; give a colour that is there")
    rows, columns = pixels.any(1).nonzero()[:, 0], pixels.any(0).nonzero()[:, 0]
    tall, wide = pixels.shape
    return Region(
        int(columns[0]) / wide, int(rows[0]) / tall,
        (int(columns[-1]) + 1) / wide, (int(rows[-1]) + 1) / tall, pixels.float(),
    )  # fmt: skip


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
