"""Drawings that people hand in, one or a zip of them: read without harm, or refused in words."""

import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from clipdraw import Drawing, from_svg, render
from clipdraw.renderers import WHITE
from clipdraw.svg import UNKNOWN
from clipdraw.svg_reader import LARGEST_FILE, read_notes
from predictors.handed import ZIP, Allowed, begins, local, printable, unpacked
from predictors.outputs import size
from predictors.pictures import Color, border_colour, read_picture, rgb

# Long side in pixels at which a drawing is looked at and shown.
LOOK = 256
# A class of 30 hands in 30 drawings, a list of prompts is often a hundred long. Deflate makes a
# drawing's numbers three times smaller.
ALLOWED = Allowed(
    what="drawings",
    kinds="SVG or PNG files",
    members=200,
    largest=LARGEST_FILE,
    packed=30_000_000,
    unpacked=100_000_000,
    ratio=100,
)
PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF")
# What may stand before the first bracket of an SVG, in UTF-16 as well.
BEFORE_SVG = b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"


@dataclass(frozen=True)
class Handed:
    """One drawing that was handed in."""

    name: str
    picture: Float[Tensor, "3 height width"]
    """How it looks, its longer side LOOK pixels."""
    paper: Color | None = None
    """Colour of the background, if the file tells it in our way."""
    guides: tuple[str, ...] = (UNKNOWN,)
    """Models that guided it, as its file says."""
    drawing: Drawing | None = None
    """None for a picture made of pixels."""
    left_out: tuple[str, ...] = ()
    """What of an SVG could not be drawn."""

    @property
    def ground(self) -> Color:
        """Colour of what is not drawn on: the paper, or what there is most of along the edges."""
        return self.paper or rgb(border_colour(self.picture))

    @property
    def prefixes(self) -> list[int]:
        """1, 2, 4, ... and all of the strokes; nothing for a picture made of pixels."""
        paths = self.drawing.paths if self.drawing else 0
        return [2**i for i in range(paths.bit_length()) if 2**i < paths] + [paths] * (paths > 0)

    def seen(self, side: int) -> Float[Tensor, "looks 3 side side"]:
        """The whole as a square, as models look at it; of an SVG its prefixes, the whole last."""
        if self.drawing is None:
            return F.interpolate(self.picture[None], (side, side), mode="bilinear", antialias=True)
        first = (self.drawing.take(torch.arange(count)) for count in self.prefixes)
        return torch.cat([render(d, side, side, background=self.paper or WHITE) for d in first])


def read(file: Path) -> list[Handed]:
    """The drawings in a file, in the order of their names if it is a zip.

    Raises:
        ValueError: it is no drawing or no zip of drawings; one sentence that names the member.
    """
    if not begins(local(file)).startswith(ZIP):
        return [_one(file, printable(file.name))]
    with tempfile.TemporaryDirectory() as folder:
        members = unpacked(file, ALLOWED, Path(folder))
        return [_one(member, printable(name)) for name, member in members]


def read_one(file: Path) -> Handed:
    """The one drawing in a file, made of paths.

    Raises:
        ValueError: it is something else; one sentence.
    """
    handed, *more = read(file)
    if more:
        raise ValueError(f"the zip has {1 + len(more)} drawings; give one, and then another")
    if handed.drawing is None:
        raise ValueError(
            f"{handed.name} is made of pixels; let vectorize or paint draw it, and give what they "
            "make of it"
        )
    return handed


def on_canvas(file: Path, width: float, height: float, say: Callable[[str], None]) -> Drawing:
    """The input `drawing`, an SVG, brought to a canvas, as large as fits, in the middle.

    Args:
        say: is told what of the file could not be drawn.

    Raises:
        ValueError: it is no such file.
    """
    try:
        with warnings.catch_warnings(record=True, action="always") as left_out:
            drawing = from_svg(local(file))
    except ValueError as error:
        raise ValueError(f"drawing: {error}") from error
    for warning in left_out:
        say(str(warning.message))
    return drawing.fitted(width, height)


def _one(file: Path, name: str) -> Handed:
    """A file that is no archive; in messages it goes by its name."""
    head = begins(file)
    try:
        if head.lstrip(BEFORE_SVG).startswith(b"<"):
            return _svg(file, name)
        if head.startswith(PICTURES):
            return Handed(name, read_picture(file, LOOK, "#ffffff"))
    except ValueError as error:
        # Sentences of both begin with the file's name.
        raise ValueError(f"{name}{str(error).removeprefix(file.name)}") from error
    raise ValueError(f"{name} is no drawing; give an SVG, PNG, JPEG or WebP file")


def _svg(file: Path, name: str) -> Handed:
    with warnings.catch_warnings(record=True, action="always") as left_out:
        drawing = from_svg(file)
    notes = read_notes(file)
    picture = render(drawing, *size(drawing, LOOK), background=notes.paper or WHITE)[0]
    told = tuple(str(w.message).removeprefix(file.name).strip() for w in left_out)
    return Handed(name, picture, notes.paper, notes.guides, drawing, told)
