"""The sheet of paper, and where on it a drawing goes. Millimetres, x right, y down, from its
upper left corner."""

import re
from dataclasses import dataclass

import shapely
import vpype
from jaxtyping import Float
from torch import Tensor

MM = vpype.convert_length("1mm")
# What vpype calls them; each as it stands, upright.
NAMED = ("a6", "a5", "a4", "a3", "a2", "letter", "legal", "tabloid")
SIZE = re.compile(r"(\d{1,4}(?:\.\d{1,3})?)x(\d{1,4}(?:\.\d{1,3})?)")
# A stamp, and the longest side of A0.
SMALLEST, LARGEST = 20.0, 1189.0
# What has to be left between the margins.
LEAST = 10.0


@dataclass(frozen=True)
class Sheet:
    """A sheet as it lies, and a canvas on it, as large as the margins and half a tip leave room
    for."""

    name: str
    width: float
    height: float
    scale: float
    """Millimetres of a canvas unit."""
    left: float
    top: float
    """Where the canvas begins."""
    frame: shapely.Polygon
    """The canvas; nothing is drawn beyond it."""

    @property
    def landscape(self) -> bool:
        return self.width > self.height

    def place(self, points: Float[Tensor, "points 2"]) -> Float[Tensor, "points 2"]:
        """Points of the canvas on the sheet."""
        return points * self.scale + points.new_tensor([self.left, self.top])


def sheet(
    paper: str, orientation: str, margin: float, canvas: tuple[float, float], tip: float
) -> Sheet:
    """The sheet for a canvas (width, height) in its own units; `auto` turns it so that the drawing
    comes out larger.

    Args:
        tip: of the widest pen, mm; half of it is ink beside a line along the canvas' edge.

    Raises:
        ValueError: a paper that is not known, too small or too large, or all margin.
    """
    sides = read_paper(paper)
    room = [side - 2 * margin - tip for side in sides]
    if min(room) < LEAST:
        raise ValueError(
            f"margin: {margin:g} mm on each side and a tip of {tip:g} mm leave less than "
            f"{LEAST:g} mm of {sides[0]:g} x {sides[1]:g} mm; choose a smaller margin"
        )
    turned = {"portrait": False, "landscape": True, "auto": canvas[0] > canvas[1]}[orientation]
    width, height = sorted(sides, reverse=turned)
    scale = min(
        (side - 2 * margin - tip) / own for side, own in zip((width, height), canvas, strict=True)
    )
    left, top = (width - scale * canvas[0]) / 2, (height - scale * canvas[1]) / 2
    frame = shapely.box(left, top, width - left, height - top)
    return Sheet(paper, width, height, scale, left, top, frame)


def read_paper(paper: str) -> tuple[float, float]:
    """Both sides of a paper with a name, or of one written as WIDTHxHEIGHT in mm."""
    if paper in NAMED:
        return tuple(round(side / MM, 3) for side in vpype.PAGE_SIZES[paper])
    match = SIZE.fullmatch(paper)
    if match is None:
        raise ValueError(
            f"paper: {paper[:40]!r} is no size; write one of {', '.join(NAMED)}, or "
            "WIDTHxHEIGHT in mm, such as 300x200"
        )
    sides = float(match[1]), float(match[2])
    if not SMALLEST <= min(sides) <= max(sides) <= LARGEST:
        raise ValueError(
            f"paper: {paper} has a side beyond {SMALLEST:g} to {LARGEST:g} mm; choose another size"
        )
    return sides
