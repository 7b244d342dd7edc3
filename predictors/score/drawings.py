"""Drawings that people hand in, one or a zip of them: read without harm, or refused in words."""

import re
import stat
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import torch
import torch.nn.functional as F
from jaxtyping import Float
from PIL import ImageColor
from torch import Tensor

from clipdraw import Drawing, from_svg, render
from clipdraw.renderers import WHITE
from clipdraw.svg import UNKNOWN
from clipdraw.svg_reader import LARGEST_FILE, read_notes
from predictors.outputs import size
from predictors.pictures import border_colour, read_picture

# Long side in pixels at which a drawing is looked at and shown.
LOOK = 256
# A class of 30 hands in 30 drawings, a list of prompts is often a hundred long.
MOST_DRAWINGS = 200
# Of an archive, packed and unpacked. Deflate makes a drawing's numbers three times smaller, and can
# pack nothing but zeros a thousand times.
LARGEST_ZIP, MOST_BYTES, MOST_RATIO = 30_000_000, 100_000_000, 100
# What Python's own reader does not hand over as a ValueError.
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError)
PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ZIP = b"PK"
PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF")
# What may stand before the first bracket of an SVG, in UTF-16 as well.
BEFORE_SVG = b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"
LONGEST_NAME = 80
# A path that begins at a root or a drive, or goes up, on any system.
CLIMBS = re.compile(r"^([/\\]|[A-Za-z]:)|(^|[/\\])\.\.([/\\]|$)")


Color = tuple[float, float, float]


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
        border = ImageColor.getrgb(border_colour(self.picture))
        return self.paper or tuple(channel / 255 for channel in border)

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
    # Cog's server makes files of URLs and data URIs, and hands over any other text as it came.
    if isinstance(file, str):
        raise ValueError(f"{file[:60]!r} is neither a URL nor a data URI; give one of these")
    if _begins(file).startswith(ZIP):
        return list(_unzipped(file))
    return [_one(file, printable(file.name))]


def printable(name: str) -> str:
    """A name that can stand in a sentence, whatever somebody called a file."""
    clean = "".join(c for c in name if c.isprintable())
    return clean if len(clean) <= LONGEST_NAME else f"{clean[: LONGEST_NAME - 1]}…"


def _begins(file: Path) -> bytes:
    with open(file, "rb") as opened:
        return opened.read(64)


def _one(file: Path, name: str) -> Handed:
    """A file that is no archive; in messages it goes by its name."""
    head = _begins(file)
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


# --- zip files ------------------------------------------------------------------------------------


def _unzipped(archive: Path) -> Iterator[Handed]:
    if archive.stat().st_size > LARGEST_ZIP:
        raise ValueError(f"the zip is larger than {LARGEST_ZIP // 1_000_000} MB; split it")
    try:
        opened = zipfile.ZipFile(archive)
    except BROKEN as error:
        raise ValueError(f"the zip is broken ({error}); make it anew") from error
    with opened, tempfile.TemporaryDirectory() as folder:
        # Never by the member's own name, which may be anything.
        file = Path(folder, "member")
        for member in _members(opened):
            file.write_bytes(_content(opened, member))
            yield _one(file, printable(member.filename))


def _members(opened: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The drawings of an archive, in the order of their names, 2 before 10."""
    # Without folders, and without what a Mac adds of its own.
    members = [
        member
        for member in opened.infolist()
        if not member.is_dir()
        and not member.filename.startswith("__MACOSX/")
        and not re.match(r"\.[^.]", PurePosixPath(member.filename).name)
    ]
    if not members:
        raise ValueError("the zip has no drawings in it; put SVG or PNG files in")
    if len(members) > MOST_DRAWINGS:
        raise ValueError(
            f"the zip has {len(members)} files, but at most {MOST_DRAWINGS} are read; split it"
        )
    for member in members:
        if problem := _problem(member):
            raise ValueError(f"{printable(member.filename)} {problem}")
    unpacked = sum(member.file_size for member in members)
    if unpacked > MOST_BYTES:
        raise ValueError(
            f"the zip unpacks to {unpacked / 1e6:.0f} MB, but at most {MOST_BYTES // 1_000_000} "
            "are read; split it"
        )
    return sorted(members, key=lambda member: natural(member.filename))


def natural(name: str) -> str:
    """What sorts names as people do: numbers by their size, small and large letters as one."""
    return re.sub("[0-9]+", lambda digits: digits[0].zfill(LONGEST_NAME), name.casefold())


def _problem(member: zipfile.ZipInfo) -> str | None:
    """Why a member is not unpacked, by what the archive says of it."""
    if CLIMBS.search(member.filename):
        return "has a path that leads out of the zip; put it in by its name alone"
    if stat.S_ISLNK(member.external_attr >> 16):
        return "is a link to another file; put the file itself in"
    if member.flag_bits & 1:
        return "is locked with a password; zip it without one"
    if member.compress_type not in PACKED:
        return "is packed in an unusual way; zip it anew"
    if member.file_size > LARGEST_FILE:
        return f"is larger than {LARGEST_FILE // 1_000_000} MB; make it smaller"
    if member.file_size > MOST_RATIO * max(member.compress_size, 1):
        return f"unpacks to more than {MOST_RATIO} times its size, as no drawing does; leave it out"
    return None


def _content(opened: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """A member, not a byte more than the archive said it has."""
    name = printable(member.filename)
    try:
        content = opened.read(member)
    except BROKEN as error:
        raise ValueError(f"{name} is broken ({error}); zip it anew") from error
    if content.startswith(ZIP):
        raise ValueError(f"{name} is a zip in the zip; put its drawings in directly")
    return content
