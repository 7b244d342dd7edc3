"""What a journey hands out: an SVG for each keyframe, a sheet, the film, and the z-sequence."""

import statistics
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from zipfile import ZipFile

import numpy as np
from jaxtyping import Float
from torch import Tensor

from clipdraw import save_film, to_svg
from clipdraw.sheets import contact_sheet
from journeys.sequence import save
from predictors import outputs
from predictors.journey import dreamt, morphed
from predictors.journey.journey import Journey, Report, Settings
from predictors.outputs import size, write_trace

# Frames on the contact sheet, and how many of them in a row.
SHOWN, COLUMNS = 24, 8


def results(settings: Settings, folder: Path, report: Report) -> Iterator[Path]:
    """Travel, and yield all files, each complete when it is yielded.

    A Ctrl-C ends the journey where it is, and what there is of it is handed out; one that comes
    while the film is written leaves that out.

    Args:
        folder: where files are written; the caller's, who removes it.
        report: Cog's `record_metric`.
    """
    started = perf_counter()
    travel = morphed.travel if settings.keyframes else dreamt.travel
    made = travel(settings, report)
    for number, key in enumerate(made.keys):
        moment, file = made.moments[key.frame], folder / f"key-{number:03d}.svg"
        told = f"{key.name}: frame {key.frame} of a journey of {len(made.moments)}"
        text = to_svg(moment.drawing, background=moment.paper, description=told, guides=made.guides)
        file.write_text(text, encoding="utf-8")
        yield file
    yield sheet(folder / "contact.png", made)
    # Drawings of a morph are made when they are shown; the others are there.
    film, ended = Film(made, report if settings.keyframes else lambda *_: None), made.ended
    try:
        save_film(film.pictures(), folder / "film.mp4", fps=made.sequence.fps)
        yield folder / "film.mp4"
    except KeyboardInterrupt:
        ended = "interrupted"
    files = save(made.sequence, folder / "journey.npy", made.proxies())
    yield from files
    with ZipFile(folder / "journey.zip", "w") as together:
        for file in files:
            together.write(file, file.name)
    yield folder / "journey.zip"
    paths = {name: getattr(settings, name) for name in ("sequence", "keyframes")}
    trace = {
        "inputs": asdict(settings) | {name: file and file.name for name, file in paths.items()},
        "guides": made.guides,
        "keyframes": [asdict(key) for key in made.keys],
        "measures": {"frames": len(made.moments), **made.measures, **film.measures},
        "ended": ended,
        "steps_done": len(made.moments),
    }
    yield write_trace(folder, trace, started)


def sheet(file: Path, made: Journey) -> Path:
    """Frames from the first to the last, in even steps."""
    count = min(SHOWN, len(made.moments))
    frames = np.linspace(0, len(made.moments) - 1, count).round().astype(int).tolist()
    shape = size(made.moments[0].drawing, outputs.TILE)
    pictures = [made.moments[frame].seen(*shape) for frame in frames]
    contact_sheet(pictures, [str(frame) for frame in frames], COLUMNS).save(file)
    return file


@dataclass
class Film:
    """The frames of the film, and what is noted of them."""

    made: Journey
    report: Report
    steps: list[float] = field(default_factory=list)
    """By how much a pixel changes from each frame to the next, in the mean, 0 to 1."""

    def pictures(self) -> Iterator[Float[Tensor, "3 height width"]]:
        shape, before = size(self.made.moments[0].drawing, outputs.FILM), None
        for number, moment in enumerate(self.made.moments, start=1):
            picture = moment.seen(*shape)
            if before is not None:
                self.steps.append((picture - before).abs().mean().item())
            before = picture
            self.report("step", number)
            yield picture

    @property
    def measures(self) -> dict[str, float]:
        sizes = self.steps or [0.0]
        return {"mean step": statistics.mean(sizes), "largest step": max(sizes)}
