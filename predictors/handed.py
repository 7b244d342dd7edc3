"""Files that people hand in: unpacked without harm, or refused in a sentence."""

import re
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

# What Python's own reader does not hand over as a ValueError.
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError)
PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ZIP = b"PK"
LONGEST_NAME = 80
# A path that begins at a root or a drive, or goes up, on any system.
CLIMBS = re.compile(r"^([/\\]|[A-Za-z]:)|(^|[/\\])\.\.([/\\]|$)")


@dataclass(frozen=True)
class Allowed:
    """What a zip may have in it; sizes in bytes."""

    what: str
    """Its members, such as `drawings`."""
    kinds: str
    """What to put in, such as `SVG or PNG files`."""
    members: int
    largest: int
    """A member."""
    packed: int
    """The zip."""
    unpacked: int
    """All members."""
    ratio: float
    """How many times larger a member may become when it is unpacked. Deflate can pack nothing but
    zeros a thousand times."""


def local(file: Path) -> Path:
    """A file that somebody handed in, if it is one.

    Cog's server makes files of URLs and data URIs, and hands over any other text as it came.

    Raises:
        ValueError: it is text.
    """
    if isinstance(file, str):
        raise ValueError(f"{file[:60]!r} is neither a URL nor a data URI; give one of these")
    return file


def begins(file: Path) -> bytes:
    """The first bytes of a file, by which its kind is known."""
    with open(file, "rb") as opened:
        return opened.read(64)


def printable(name: str) -> str:
    """A name that can stand in a sentence, whatever somebody called a file."""
    clean = "".join(c for c in name if c.isprintable())
    return clean if len(clean) <= LONGEST_NAME else f"{clean[: LONGEST_NAME - 1]}…"


def natural(name: str) -> str:
    """What sorts names as people do: numbers by their size, small and large letters as one."""
    return re.sub("[0-9]+", lambda digits: digits[0].zfill(LONGEST_NAME), name.casefold())


def unpacked(archive: Path, allowed: Allowed, folder: Path) -> Iterator[tuple[str, Path]]:
    """The members of a zip: what each is called there, and a file in `folder` with its content.

    They come in the order of their names, 2 before 10. A file goes by another name than its member,
    whose name may be anything, and is gone when the next is asked for.

    Raises:
        ValueError: it is no zip as it is allowed; one sentence that names the member.
    """
    if archive.stat().st_size > allowed.packed:
        raise ValueError(f"the zip is larger than {allowed.packed // 1_000_000} MB; split it")
    try:
        opened = zipfile.ZipFile(archive)
    except BROKEN as error:
        raise ValueError(f"the zip is broken ({error}); make it anew") from error
    with opened:
        file = Path(folder, "member")
        for member in _members(opened, allowed):
            _unpack(opened, member, file, allowed)
            yield member.filename, file
            file.unlink(missing_ok=True)


def _members(opened: zipfile.ZipFile, allowed: Allowed) -> list[zipfile.ZipInfo]:
    """Those of an archive that are to be read, in order."""
    # Without folders, and without what a Mac adds of its own.
    members = [
        member
        for member in opened.infolist()
        if not member.is_dir()
        and not member.filename.startswith("__MACOSX/")
        and not re.match(r"\.[^.]", PurePosixPath(member.filename).name)
    ]
    if not members:
        raise ValueError(f"the zip has no {allowed.what} in it; put {allowed.kinds} in")
    if len(members) > allowed.members:
        raise ValueError(
            f"the zip has {len(members)} files, but at most {allowed.members} are read; split it"
        )
    for member in members:
        if problem := _problem(member, allowed):
            raise ValueError(f"{printable(member.filename)} {problem}")
    total = sum(member.file_size for member in members)
    if total > allowed.unpacked:
        most = allowed.unpacked // 1_000_000
        raise ValueError(
            f"the zip unpacks to {total / 1e6:.0f} MB, but at most {most} are read; split it"
        )
    return sorted(members, key=lambda member: natural(member.filename))


def _problem(member: zipfile.ZipInfo, allowed: Allowed) -> str | None:
    """Why a member is not unpacked, by what the archive says of it."""
    if CLIMBS.search(member.filename):
        return "has a path that leads out of the zip; put it in by its name alone"
    if stat.S_ISLNK(member.external_attr >> 16):
        return "is a link to another file; put the file itself in"
    if member.flag_bits & 1:
        return "is locked with a password; zip it without one"
    if member.compress_type not in PACKED:
        return "is packed in an unusual way; zip it anew"
    if member.file_size > allowed.largest:
        return f"is larger than {allowed.largest // 1_000_000} MB; make it smaller"
    if member.file_size > allowed.ratio * max(member.compress_size, 1):
        return (
            f"unpacks to more than {allowed.ratio} times its size, as none of the {allowed.what} "
            "does; leave it out"
        )
    return None


def _unpack(opened: zipfile.ZipFile, member: zipfile.ZipInfo, file: Path, allowed: Allowed) -> None:
    """Write a member to a file, not a byte more than the archive said it has."""
    name = printable(member.filename)
    try:
        with opened.open(member) as content, open(file, "wb") as written:
            shutil.copyfileobj(content, written)
    except BROKEN as error:
        raise ValueError(f"{name} is broken ({error}); zip it anew") from error
    if begins(file).startswith(ZIP):
        raise ValueError(f"{name} is a zip in the zip; put its {allowed.what} in directly")
