"""z-sequences: a trajectory as an array, with a note beside it and a film to cut it by.

    name.npy   float32 [frames, dim], one row per frame
    name.json  what the rows are, and a checksum of each
    name.mp4   the proxy: a frame per row, each a key frame, so that an editor cuts anywhere

The three belong together, and reading checks them against each other. Nothing here imports torch.
"""

import json
import math
import tempfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from jaxtyping import Float32, UInt8

# The rows of a sphere are directions. Those of a Gaussian lie near the shell whose radius is the
# root of the dimension, but may be anywhere. Nothing is round in euclid: a drawing's points.
GEOMETRIES = ("sphere", "gaussian", "euclid")
# Frames per second where nobody says otherwise.
FPS = Fraction(25)
# Of a note, and the types that JSON has for them.
NOTED = {
    "space": str,
    "geometry": str,
    "radius": (float, int, type(None)),
    "fps": str,
    "seed": (int, type(None)),
    "encoder": (str, type(None)),
    "digest": list,
}


@dataclass(frozen=True, eq=False)
class ZSequence:
    """A trajectory in a latent space; checked when it is made.

    Raises:
        ValueError: rows that are none, or fields that contradict each other.
    """

    rows: Float32[np.ndarray, "frames dim"]
    space: str
    """What a row is, such as `embedding` or `drawing`."""
    geometry: str
    """One of GEOMETRIES."""
    radius: float | None
    """Of the sphere, or of the Gaussian's shell; None in euclid."""
    fps: Fraction
    """Frames per second."""
    seed: int | None = None
    encoder: str | None = None
    """Whose space it is; None where no model has a part in it."""

    def __post_init__(self):
        if self.geometry not in GEOMETRIES:
            raise ValueError(
                f"the geometry {self.geometry!r} is unknown; choose one of {', '.join(GEOMETRIES)}"
            )
        if (self.radius is None) != (self.geometry == "euclid"):
            raise ValueError(
                f"the radius is {self.radius} in {self.geometry}; a sphere and a Gaussian have "
                "one, and euclid has none"
            )
        if self.radius is not None and not 0 < self.radius < math.inf:
            raise ValueError(f"the radius is {self.radius}; give a finite one above 0")
        if self.fps <= 0:
            raise ValueError(f"fps is {self.fps}; give frames per second, above 0")
        if 0 in self.rows.shape:
            raise ValueError(f"an array of {self.rows.shape} is empty; give it rows of numbers")
        finite = np.isfinite(self.rows)
        if not finite.all():
            row, column = np.argwhere(~finite)[0].tolist()
            raise ValueError(
                f"row {row} has {self.rows[row, column]} in column {column}, but all numbers have "
                "to be finite"
            )
        somewhere = self.rows.any(axis=1)
        if self.geometry == "sphere" and not somewhere.all():
            raise ValueError(
                f"row {somewhere.argmin()} is zero, which is no direction on a sphere; leave it out"
            )

    @property
    def dim(self) -> int:
        """Numbers in a row."""
        return self.rows.shape[1]


def save(
    sequence: ZSequence,
    file: Path,
    pictures: Iterable[UInt8[np.ndarray, "height width 3"]] | None = None,
) -> list[Path]:
    """Write a z-sequence whole or not at all.

    Args:
        sequence: what to write.
        file: the array's, `name.npy`; the others get the same name beside it. What is there under
            these names is replaced.
        pictures: of the proxy, RGB and all of one size, one per row. Without them there is no
            proxy.

    Returns:
        The files: array, note, and the proxy if there is one.

    Raises:
        ValueError: pictures that are not one per row.
    """
    # In the same folder, because a file is moved whole only within one file system.
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".") as folder:
        made = [Path(folder, file.name).with_suffix(suffix) for suffix in (".npy", ".json")]
        np.save(made[0], sequence.rows, allow_pickle=False)
        made[1].write_text(_note(sequence), encoding="utf-8")
        if pictures is not None:
            made.append(made[0].with_suffix(".mp4"))
            frames = save_proxy(pictures, made[2], sequence.fps)
            _same_count(made[2], frames, file, len(sequence.rows))
        # Were it interrupted from here on, reading would find files that do not belong together.
        file.with_suffix(".mp4").unlink(missing_ok=True)
        return [new.replace(file.with_name(new.name)) for new in made]


def save_proxy(
    pictures: Iterable[UInt8[np.ndarray, "height width 3"]], file: Path, fps: Fraction
) -> int:
    """Write RGB pictures of one size as H.264 of key frames only; how many they were.

    The pixel format is yuv420p, which needs even sides: an odd last row or column is repeated.

    Raises:
        ValueError: there are no pictures.
    """
    frames = 0
    with av.open(str(file), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.pix_fmt = "yuv420p"
        # g, the distance of key frames.
        stream.options = {"crf": "18", "preset": "veryfast", "g": "1"}
        for picture in pictures:
            height, width = picture.shape[:2]
            even = np.pad(picture, [(0, height % 2), (0, width % 2), (0, 0)], "edge")
            if not frames:
                stream.height, stream.width = even.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(even, format="rgb24")))
            frames += 1
        if not frames:
            raise ValueError("a proxy needs at least one picture")
        container.mux(stream.encode(None))
    return frames


def read(file: Path, dim: int | None = None) -> ZSequence:
    """A z-sequence from its array and the files beside it.

    The proxy may be missing: what is cut already needs it no more.

    Args:
        file: the array's, `name.npy`.
        dim: how many numbers a row has to have, if that matters.

    Raises:
        ValueError: files that are missing or broken, or do not belong together; the message begins
            with the name of the one at fault.
    """
    note, proxy = file.with_suffix(".json"), file.with_suffix(".mp4")
    rows = read_array(file)
    fields = _read_note(note)
    _same_rows(file, rows, note, fields.pop("digest"))
    sequence = _made(file, rows, dim, **fields)
    if proxy.exists():
        frames, fps = measure(proxy)
        _same_count(proxy, frames, file, len(rows))
        if fps != sequence.fps:
            raise ValueError(
                f"{proxy.name}: it runs at {fps} frames per second, but {note.name} says "
                f"{sequence.fps}; hand in the proxy as it was written"
            )
    return sequence


def read_vectors(file: Path, dim: int, encoder: str) -> ZSequence:
    """Vectors of a model's sphere: a z-sequence, or an .npy file that stands alone.

    Args:
        file: the array's.
        dim: numbers in a vector.
        encoder: the model's name, which the note has to agree with if there is one.

    Raises:
        ValueError: as of `read`, but that the note may be missing; or another model's vectors.
    """
    if not file.with_suffix(".json").exists():
        fields = {"space": "embedding", "geometry": "sphere", "radius": 1.0, "encoder": encoder}
        return _made(file, read_array(file), dim, fps=FPS, **fields)
    sequence = read(file, dim)
    if sequence.encoder != encoder:
        raise ValueError(
            f"{file.name}: these are vectors of {sequence.encoder}, but those of {encoder} are "
            "needed"
        )
    return sequence


def read_array(file: Path) -> Float32[np.ndarray, "frames dim"]:
    """The rows of an .npy file.

    Nothing in it is run, and it gets no more memory than it has numbers.

    Raises:
        ValueError: no array, or another than float32 `[frames, dim]`.
    """
    try:
        # Mapped, because that compares the size that a header claims with the file's.
        mapped = np.load(file, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise ValueError(f"{file.name}: there is no such file") from error
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(
            f"{file.name}: this is no array ({error}); save one with numpy.save"
        ) from error
    kind = (getattr(mapped, "dtype", "several arrays"), list(getattr(mapped, "shape", ())))
    if kind[0] != np.float32 or len(kind[1]) != 2:
        raise ValueError(
            f"{file.name}: it holds {kind[0]} {kind[1]}, but float32 [frames, dim] is needed"
        )
    return np.array(mapped, np.float32, order="C")


def measure(film: Path) -> tuple[int, Fraction]:
    """How many frames a film has, by its packets and not its header's word, and how many a second.

    Raises:
        ValueError: it is no film.
    """
    try:
        with av.open(str(film)) as container:
            stream = container.streams.video[0]
            frames = sum(packet.size > 0 for packet in container.demux(stream))
            return frames, Fraction(stream.average_rate or 0)
    except (av.FFmpegError, IndexError) as error:
        raise ValueError(f"{film.name}: this is no film ({error}); get it anew") from error


def checksums(rows: Float32[np.ndarray, "frames dim"]) -> list[str]:
    """The CRC-32 of the little-endian bytes of each row, as eight hexadecimal digits."""
    return [f"{zlib.crc32(row.tobytes()):08x}" for row in rows.astype("<f4")]


def _made(file: Path, rows: np.ndarray, dim: int | None, **fields: Any) -> ZSequence:
    try:
        sequence = ZSequence(rows, **fields)
    except ValueError as error:
        raise ValueError(f"{file.name}: {error}") from error
    if dim is not None and sequence.dim != dim:
        raise ValueError(f"{file.name}: rows have {sequence.dim} numbers, but {dim} are needed")
    return sequence


def _note(sequence: ZSequence) -> str:
    fields = {name: getattr(sequence, name) for name in NOTED if name != "digest"}
    fields |= {"fps": str(sequence.fps), "digest": checksums(sequence.rows)}
    return json.dumps(fields, indent=1) + "\n"


def _read_note(file: Path) -> dict[str, Any]:
    """What `_note` wrote."""
    try:
        note = json.loads(file.read_text(encoding="utf-8"))
        wrong = [name for name, kind in NOTED.items() if not isinstance(note[name], kind)]
        if wrong:
            raise ValueError(f"{wrong[0]} is {note[wrong[0]]!r:.60}")
        return {name: note[name] for name in NOTED} | {"fps": Fraction(note["fps"])}
    except FileNotFoundError as error:
        raise ValueError(
            f"{file.name}: it is missing; hand it in with the array that it was written with"
        ) from error
    except KeyError as error:
        raise ValueError(f"{file.name}: it does not say the {error.args[0]}") from error
    except (OSError, TypeError, ValueError, ZeroDivisionError, RecursionError) as error:
        raise ValueError(f"{file.name}: this is no note of a z-sequence ({error})") from error


def _same_rows(file: Path, rows: np.ndarray, note: Path, digest: list[str]) -> None:
    _same_count(note, len(digest), file, len(rows))
    for row, (found, noted) in enumerate(zip(checksums(rows), digest, strict=True)):
        if found != noted:
            raise ValueError(
                f"{file.name}: row {row} is not the one that {note.name} was written with; hand in "
                "two files that belong together"
            )


def _same_count(one: Path, frames: int, array: Path, rows: int) -> None:
    if frames != rows:
        short, row = (one, frames) if frames < rows else (array, rows)
        raise ValueError(
            f"{one.name}: it has {frames} frames, but {array.name} has {rows} rows; {short.name} "
            f"lacks row {row}"
        )
