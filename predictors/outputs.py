"""What a predictor that draws hands out: previews, then the drawing, its films and its trace."""

import json
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from itertools import chain, repeat
from math import ceil, sqrt
from pathlib import Path
from time import perf_counter

import torch
import torch.nn.functional as F
from torch import Tensor

from clipdraw import Drawing, render, save_film, save_png, stroke_by_stroke, to_svg
from clipdraw.film import render_all
from clipdraw.loop import Frame, NotFinite
from clipdraw.sheets import contact_sheet
from clipdraw.svg import UNKNOWN

# Long sides in pixels: a preview for the screen, a film that a browser shows well, a picture, and
# one of many on a page.
PREVIEW, FILM, PICTURE, TILE = 256, 448, 1024, 192
FPS = 25
# Four or five seconds of each film, and a second and a half to look at the end.
FILM_FRAMES, STROKE_FRAMES, HOLD = 100, 125, 38
# Half a second for each picture that a film opens with.
OPENING = 12
# Side of a dream's pixel in its PNG.
DREAM_PIXEL = 4
PACKAGES = ("torch", "numpy", "numba", "open_clip_torch", "av", "cog")


@dataclass
class Record:
    """What is remembered of a run while it draws, and made into files at its end."""

    folder: Path
    """Where files are written; the caller's, who removes it."""
    background: Sequence[float]
    steps: int
    terms: dict[str, list[Tensor]] = field(default_factory=dict)
    """Values of each term, one per picture, step by step."""
    snapshots: dict[int, Drawing] = field(default_factory=dict)
    """What the film shows, by step; the rest of a frame takes ten times as much memory."""
    last: Frame | None = None
    started: float = field(default_factory=perf_counter)
    ended: str = "finished"
    """How the run ended, as the trace tells it."""
    failure: NotFinite | None = None
    """What is to be raised once all is handed out."""

    def previews(
        self,
        frames: Iterable[Frame],
        every: int,
        report: Callable[[str, float], None],
        choose: Callable[[Frame], int | None] = lambda frame: 0,
    ) -> Iterator[Path]:
        """Remember and report all frames, and yield a preview every so many steps.

        A Ctrl-C or a number that is not finite ends the run early; what there is then is worth
        handing out all the same.

        Args:
            report: Cog's `record_metric`.
            choose: the number of the picture that a preview shows; None for all, side by side.
        """
        try:
            for frame in frames:
                self.add(frame)
                report("step", frame.step)
                report("steps", frame.steps)
                for name, values in frame.terms.items():
                    report(name, values.mean().item())
                if frame.step % every == 0:
                    yield self.preview(choose(self.last))
        except KeyboardInterrupt:
            self.ended = "interrupted"
        except NotFinite as error:
            self.ended, self.failure = str(error), error
        if self.last is None:
            raise self.failure or KeyboardInterrupt

    def add(self, frame: Frame) -> None:
        """Remember one frame, of one picture or several."""
        self.last = replace(frame, drawing=frame.drawing.to("cpu"))
        for name, values in frame.terms.items():
            self.terms.setdefault(name, []).append(values.cpu())
        # Most of what there is to see happens early: the film slows down to show it.
        if FILM_FRAMES * (frame.step / self.steps) ** 0.5 >= len(self.snapshots):
            self.snapshots[frame.step] = self.last.drawing

    def forget_after(self, step: int) -> None:
        """Leave what came after a step out of the film: it is not in the drawing."""
        self.snapshots = {k: drawing for k, drawing in self.snapshots.items() if k <= step}

    def preview(self, picture: int | None) -> Path:
        """One picture of the last frame, or all of them, as a PNG with a name of its own."""
        name = f"step-{self.last.step:05d}.png"
        if picture is None:
            return self.sheet(name, self.last.drawing)
        file = self.folder / name
        save_png(self._render(self.last.drawing.split()[picture], PREVIEW), file)
        return file

    def sheet(self, name: str, drawing: Drawing) -> Path:
        """All pictures of a drawing on one page, in a square, numbered from 1."""
        pictures = [self._render(one, TILE) for one in drawing.split()]
        numbers = [str(i + 1) for i in range(len(pictures))]
        file = self.folder / name
        contact_sheet(pictures, numbers, columns=ceil(sqrt(len(pictures)))).save(file)
        return file

    def files(
        self,
        drawing: Drawing,
        picture: int,
        description: str,
        trace: Mapping,
        opening: Sequence[Tensor] = (),
    ) -> Iterator[Path]:
        """The results, best first: each is complete when it is yielded.

        Args:
            drawing: the one that is handed out.
            picture: its number among those that were drawn, whose making the film shows.
            description, trace: what to write into the SVG, and into the trace beside our own; the
                trace's "guides", if it tells them, go into both.
            opening: RGB pictures `[3, height, width]` that the film begins with.
        """
        guides = trace.get("guides", (UNKNOWN,))
        svg = to_svg(drawing, background=self.background, description=description, guides=guides)
        yield self._write("drawing.svg", svg)
        file = self.folder / "drawing.png"
        save_png(self._render(drawing, PICTURE), file)
        yield file
        made = [shown.split()[picture] for shown in self.snapshots.values()]
        yield self._film("film.mp4", [*made, drawing], opening)
        yield self._film("strokes.mp4", stroke_by_stroke(drawing, STROKE_FRAMES))
        yield self.trace(trace, picture)

    def trace(self, trace: Mapping, picture: int | None) -> Path:
        """What happened: the terms of one picture, or their means over all, beside `trace`."""
        terms = {
            name: [(v.mean() if picture is None else v[picture]).item() for v in values]
            for name, values in self.terms.items()
        }
        run = {"ended": self.ended, "steps_done": self.last.step}
        return write_trace(self.folder, {**trace, **run, "terms": terms}, self.started)

    def _render(self, drawing: Drawing, longest: int):
        return render(drawing, *size(drawing, longest), background=self.background)[0]

    def _film(self, name: str, drawings: Sequence[Drawing], opening: Sequence[Tensor] = ()) -> Path:
        file, shape = self.folder / name, size(drawings[0], FILM)
        pictures = render_all(drawings, *shape, background=self.background)
        shown = (F.interpolate(x[None], shape)[0] for x in opening for _ in range(OPENING))
        save_film(chain(shown, hold_last(pictures, HOLD)), file, fps=FPS)
        return file

    def _write(self, name: str, text: str) -> Path:
        file = self.folder / name
        file.write_text(text, encoding="utf-8")
        return file


def write_trace(folder: Path, trace: Mapping, started: float) -> Path:
    """What a run was given and what came of it, with its seconds and versions, as JSON.

    Args:
        folder: where to.
        trace: the rest.
        started: by `perf_counter`.
    """
    versions = {name: version(name) for name in PACKAGES}
    told = {
        **trace,
        "seconds": round(perf_counter() - started, 3),
        "versions": {"python": platform.python_version(), **versions},
    }
    file = folder / "trace.json"
    file.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    return file


def hold_last(pictures: Iterable[Tensor], times: int) -> Iterator[Tensor]:
    """All pictures, and the last of them `times` more."""
    for picture in pictures:
        yield picture
    yield from repeat(picture, times)


def size(drawing: Drawing, longest: int) -> tuple[int, int]:
    """(height, width) in pixels of a canvas whose longer side gets `longest` of them."""
    scale = longest / max(drawing.width, drawing.height)
    return max(round(drawing.height * scale), 1), max(round(drawing.width * scale), 1)


def save_dreams(dreams: Tensor, file: Path) -> Path:
    """Pictures `[n, 3, height, width]` side by side as one PNG, their pixels left as they are."""
    side_by_side = torch.cat(list(dreams), dim=2)
    save_png(F.interpolate(side_by_side[None], scale_factor=DREAM_PIXEL)[0], file)
    return file
