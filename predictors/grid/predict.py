"""Give a prompt or a vector, and see what lies around it in the model's space."""

import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from typing import Optional

from cog import BaseRunner, Input, Path, streaming

from clipdraw import to_svg
from journeys.sequence import save
from predictors.folder import Folder
from predictors.grid import draw
from predictors.outputs import Record


class Predictor(BaseRunner):
    """Give a prompt or a vector, and see what lies around it in the model's space."""

    def __init__(self):
        self.folder = Folder()

    def setup(self):
        warm_up()

    @streaming
    def run(
        self,
        prompt: Optional[str] = Input(  # noqa: UP045 (what Cog's parser knows)
            description="What is in the middle of the grid, such as 'a blue house'; 'a fish | a boat:0.5' is something in between",
            default=None,
        ),
        centre: Optional[Path] = Input(  # noqa: UP045
            description="In place of a prompt: the vectors.npy of another grid, or the .npy of any z-sequence, to explore from there",
            default=None,
        ),
        cell: int = Input(
            description="Which vector of the centre's file, by its number on the contact sheet, from 1",
            ge=1,
            le=1000000,
            default=1,
        ),
        spread: float = Input(
            description="How far from the middle the others are: 0.5 hardly differs, 0.75 is of its family, 1 knows nothing of it",
            ge=0,
            le=1,
            default=0.75,
        ),
        cells: int = Input(
            description="Cells in each row and column: 3, 5, 7 or 9",
            ge=3,
            le=9,
            default=5,
        ),
        seed: int = Input(
            description="Which neighbours; another one shows others",
            ge=0,
            le=4294967295,
            default=0,
        ),
        dream_seed: int = Input(
            description="How a vector is seen: leave it, and a vector looks the same wherever it turns up",
            ge=0,
            le=4294967295,
            default=0,
        ),
        strokes: int = Input(
            description="Pen strokes of each cell; 16384 in all are the most",
            ge=4,
            le=512,
            default=96,
        ),
        steps: int = Input(
            description="Optimisation steps",
            ge=1,
            le=10000,
            default=100,
        ),
        background: str = Input(
            description="Colour of the paper as #rrggbb",
            regex="^#[0-9a-fA-F]{6}$",
            default="#ffffff",
        ),
        frame_every: int = Input(
            description="A preview PNG of the whole grid every so many steps",
            ge=1,
            le=10000,
            default=25,
        ),
    ) -> Iterator[Path]:
        settings = draw.Settings(
            prompt=prompt,
            centre=centre,
            cell=cell,
            spread=spread,
            cells=cells,
            seed=seed,
            dream_seed=dream_seed,
            strokes=strokes,
            steps=steps,
            background=background,
        )
        with self.folder.fresh() as folder:
            yield from results(settings, frame_every, folder, self.record_metric)


@cache
def warm_up() -> None:
    """Draw a small grid, so that all is loaded that is loaded at its first use.

    A cancel in the middle of an import leaves half a package behind, and every run after it fails;
    during the setup nothing is cancelled.
    """
    with tempfile.TemporaryDirectory() as folder:
        settings = draw.Settings(prompt="a dot", cells=1, strokes=4, steps=1)
        assert list(results(settings, 1, Path(folder), lambda *_: None))


def results(settings, frame_every, folder, report) -> Iterator[Path]:
    """Draw, and yield previews on the way and the results at the end.

    A Ctrl-C or a number that is not finite ends the drawing early; what there is then is yielded
    all the same.
    """
    plan = draw.plan(settings)
    record = Record(folder, settings.paper, settings.steps)
    frames = draw.draw(settings, plan)
    yield from record.previews(frames, frame_every, report, choose=lambda frame: None)
    drawing = record.last.drawing
    yield record.sheet("contact.png", drawing)
    yield from save(plan.vectors, folder / "vectors.npy", draw.proxies(settings, drawing))
    name = settings.centre and settings.centre.name
    around = settings.prompt or f"{name}, number {settings.cell}"
    for number, one in enumerate(drawing.split(), start=1):
        file = folder / f"cell-{number:02d}.svg"
        text = f"Near {around}: number {number} of {len(plan.dreams)} (seed {settings.seed})"
        svg = to_svg(one, background=settings.paper, description=text, guides=[draw.MODEL])
        file.write_text(svg, encoding="utf-8")
        yield file
    trace = {
        "inputs": {**asdict(settings), "centre": name, "frame_every": frame_every},
        "guides": [draw.MODEL],
        "measures": {"decibels": draw.decibels(record.last)},
    }
    yield record.trace(trace, picture=None)
    if record.failure:
        raise record.failure
