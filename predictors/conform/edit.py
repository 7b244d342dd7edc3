"""Conforming as a function: an editor's file and a zip in, one trajectory out."""

import json
import platform
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from time import perf_counter
from typing import Any

from journeys.conform import conform, problems, shots
from journeys.films import Film, Picture, cut
from journeys.sequence import ZSequence, read, save
from journeys.timeline import Timeline, timecode
from journeys.timeline_reader import read_timeline
from predictors.handed import ZIP, Allowed, begins, local, printable, unpacked

# A thousand short journeys. Trajectories hardly get smaller in a zip, but notes of frames that
# stand still do, so there is no telling a bomb by its ratio; all together has to fit on the disk.
ALLOWED = Allowed(
    what="z-sequences",
    kinds="name.npy and name.json of each",
    members=3000,
    largest=400_000_000,
    packed=600_000_000,
    unpacked=600_000_000,
    ratio=float("inf"),
)
PARTS = (".npy", ".json", ".mp4")
# Of the result: 400 MB.
MOST_NUMBERS = 100_000_000
# What is told of problems.
MOST_TOLD = 5
PACKAGES = ("numpy", "opentimelineio", "av", "cog")


@dataclass(frozen=True)
class Settings:
    """What a person asks for; the form in predict.py says what each is."""

    timeline: Path
    sequences: Path
    gaps: str = "hold"
    edl_fps: float = 25.0
    keep_going: bool = False


def results(
    settings: Settings, folder: Path, report: Callable[[str, float], None]
) -> Iterator[Path]:
    """Conform, and yield the array, its note, its proxy if there are proxies of all sources, and
    the trace, which tells what was made of what.

    Args:
        folder: where they are written, once all is known.
        report: Cog's `record_metric`.

    Raises:
        ValueError: what cannot be conformed, in a sentence that begins with the input's name.
    """
    started = perf_counter()
    with _about("timeline"):
        timeline = read_timeline(local(settings.timeline), settings.edl_fps)
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as opened:
        with _about("sequences"):
            files = unzip(local(settings.sequences), Path(temporary))
            shown = {clip.media: found(clip.media, files) for clip in timeline.clips}
            used = {media: file for media, file in shown.items() if file}
            sequences = {media: read(file) for media, file in used.items()}
        with _about("timeline"):
            left_out = check(timeline, sequences, settings.keep_going)
        made = conform(timeline, sequences, settings.gaps)
        pictures = proxies(timeline, sequences, used, settings.gaps, opened)
        if pictures is not None:
            pictures = _counted(pictures, len(made.rows), report)
        yield from save(made, folder / "conformed.npy", pictures)
    trace = folder / "trace.json"
    told = {**trace_of(settings, timeline, sequences), "left_out": left_out}
    told["measures"]["rows"] = len(made.rows)
    told["seconds"] = round(perf_counter() - started, 3)
    trace.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    yield trace


def trace_of(
    settings: Settings, timeline: Timeline, sequences: Mapping[str, ZSequence]
) -> dict[str, Any]:
    """What is known of an edit: inputs, clips as they were read, and how many rows are what."""
    names = {key: value.name for key, value in asdict(settings).items() if isinstance(value, Path)}
    table = shots(timeline, sequences)
    between = (any(shot.seconds * sequences[shot.media].fps % 1 for shot in here) for here in table)
    return {
        "inputs": asdict(settings) | names,
        "fps": str(timeline.rate),
        "clips": [
            {
                "track": clip.track,
                "media": clip.media,
                "at": timecode(clip.start, timeline.rate),
                "frames": clip.frames,
                "seconds_into_media": float(clip.first),
                "speed": float(clip.speed),
                "fade_in": clip.fade_in,
                "fade_out": clip.fade_out,
            }
            for clip in timeline.clips
        ],
        "measures": {
            "rows in gaps": sum(not here for here in table),
            "rows cross-faded": sum(len(here) > 1 for here in table),
            "rows between two of a source": sum(between),
        },
        "versions": {"python": platform.python_version(), **{x: version(x) for x in PACKAGES}},
    }


def unzip(archive: Path, folder: Path) -> dict[str, Path]:
    """Unpack the parts of z-sequences; the arrays by their names without ending.

    Raises:
        ValueError: what is no such zip, in a sentence that names the member.
    """
    if not begins(archive).startswith(ZIP):
        raise ValueError(
            f"{printable(archive.name)} is no zip; put name.npy, name.json and, if there is one, "
            "the proxy name.mp4 of each z-sequence in one"
        )
    for name, file in unpacked(archive, ALLOWED, folder):
        # In whichever folder they are. `unpacked` saw to it that no name leads out of the zip.
        part = folder / PurePosixPath(name.replace("\\", "/")).name
        if part.suffix in PARTS and part.name == printable(part.name):
            if part.exists():
                raise ValueError(f"{part.name} is in the zip twice; give them different names")
            file.rename(part)
    return {file.stem: file for file in sorted(folder.glob("*.npy"))}


def found(media: str, files: Mapping[str, Path]) -> Path | None:
    """The array of a film that the timeline names, whatever letters are large."""
    same = [file for name, file in files.items() if name.casefold() == media.casefold()]
    return files.get(media) or (same[0] if len(same) == 1 else None)


def check(timeline: Timeline, sequences: Mapping[str, ZSequence], keep_going: bool) -> list[str]:
    """Tell what cannot be conformed, and stop unless the rest is wanted.

    Returns: what is left out, in words.

    Raises:
        ValueError: there is something, or the result would be too large.
    """
    told = [problem.told(timeline.rate) for problem in problems(timeline, sequences)]
    if told and not keep_going:
        more = f"; and {len(told) - MOST_TOLD} more" if len(told) > MOST_TOLD else ""
        raise ValueError(
            f"{'; '.join(told[:MOST_TOLD])}{more}; change the edit, or set keep_going=true"
        )
    for line in told:
        print(f"left out: {line}")
    dim = max((sequence.dim for sequence in sequences.values()), default=0)
    if timeline.frames * dim > MOST_NUMBERS:
        raise ValueError(
            f"{timeline.frames} rows of {dim} numbers are more than {MOST_NUMBERS // 1_000_000} "
            "million; cut it in two"
        )
    return told


def proxies(
    timeline: Timeline,
    sequences: Mapping[str, ZSequence],
    files: Mapping[str, Path],
    gaps: str,
    opened: ExitStack,
) -> Iterator[Picture] | None:
    """The pictures of the result, if there are any of all that it is made of.

    Args:
        files: the arrays, which have their proxies beside them.
        opened: closes the films.
    """
    films = {media: file.with_suffix(".mp4") for media, file in files.items()}
    if absent := [film.name for film in films.values() if not film.exists()]:
        print(f"no proxy is made: there is no {absent[0]} in the zip")
        return None
    with _about("sequences"):
        reading = {m: opened.enter_context(Film(f, sequences[m].fps)) for m, f in films.items()}
    return cut(timeline, sequences, reading, gaps)


def _counted(
    pictures: Iterator[Picture], total: int, report: Callable[[str, float], None]
) -> Iterator[Picture]:
    for number, picture in enumerate(pictures, start=1):
        yield picture
        report("step", number)
        report("steps", total)


@contextmanager
def _about(name: str) -> Iterator[None]:
    """Begin sentences about an input with its name."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
