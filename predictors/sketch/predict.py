"""Give a picture, and pen strokes move until they look like it."""

import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from typing import Optional

import torch
from cog import BaseRunner, Input, Path, streaming

from clipdraw import save_png
from predictors.folder import Folder
from predictors.outputs import Record
from predictors.sketch import draw


class Predictor(BaseRunner):
    """Give a picture, and pen strokes move until they look like it."""

    def __init__(self):
        self.folder = Folder()

    def setup(self):
        warm_up()

    @streaming
    def run(
        self,
        image: Path = Input(
            description="The picture: a JPEG, PNG or WebP file",
        ),
        strokes: int = Input(
            description="Number of pen strokes; 64 is a poster, 512 a painting, 2048 nearly a photograph",
            ge=4,
            le=2048,
            default=512,
        ),
        seed: int = Input(
            description="Same seed, same drawing, to the last bit",
            ge=0,
            le=4294967295,
            default=0,
        ),
        steps: int = Input(
            description="Optimisation steps",
            ge=1,
            le=10000,
            default=200,
        ),
        size: int = Input(
            description="Longer side in pixels at which strokes are compared with the picture",
            ge=32,
            le=512,
            default=256,
        ),
        min_stroke_width: float = Input(
            description="Thinnest stroke, in 224ths of the picture's shorter side",
            ge=0.1,
            le=200,
            default=1.5,
        ),
        max_stroke_width: float = Input(
            description="Thickest stroke, in 224ths of the picture's shorter side",
            ge=0.1,
            le=200,
            default=60.0,
        ),
        background: Optional[str] = Input(  # noqa: UP045 (what Cog's parser knows)
            description="Colour of the paper as #rrggbb. Left out, the commonest one along the picture's edges",
            regex="^#[0-9a-fA-F]{6}$",
            default=None,
        ),
        frame_every: int = Input(
            description="A preview PNG every so many steps",
            ge=1,
            le=10000,
            default=25,
        ),
    ) -> Iterator[Path]:
        settings = draw.Settings(
            image=image,
            strokes=strokes,
            seed=seed,
            steps=steps,
            size=size,
            min_stroke_width=min_stroke_width,
            max_stroke_width=max_stroke_width,
            background=background,
        )
        with self.folder.fresh() as folder:
            yield from results(settings, frame_every, folder, self.record_metric)


@cache
def warm_up() -> None:
    """Draw a few strokes, so that all is loaded that is loaded at its first use.

    A cancel in the middle of an import leaves half a package behind, and every drawing after it
    fails; during the setup nothing is cancelled.
    """
    with tempfile.TemporaryDirectory() as folder:
        dot = Path(folder, "dot.png")
        save_png(torch.zeros(3, 8, 8), dot)
        settings = draw.Settings(image=dot, strokes=4, steps=1, size=8)
        record = Record(Path(folder), (1.0, 1.0, 1.0), settings.steps)
        frames = draw.draw(settings, draw.plan(settings))
        assert list(record.previews(frames, every=1, report=lambda *_: None))


def results(settings, frame_every, folder, report) -> Iterator[Path]:
    """Draw, and yield previews on the way and the results at the end.

    A Ctrl-C or a number that is not finite ends the drawing early; what there is then is yielded
    all the same.
    """
    plan = draw.plan(settings)
    record = Record(folder, plan.paper, settings.steps)
    yield from record.previews(draw.draw(settings, plan), frame_every, report)
    name = settings.image.name
    trace = {
        "inputs": {**asdict(settings), "image": name, "frame_every": frame_every},
        "decibels": draw.decibels(record.last),
        # No model pulled it towards a prompt.
        "guides": [],
    }
    description = f"{name} in {settings.strokes} strokes (seed {settings.seed})"
    yield from record.files(record.last.drawing, 0, description, trace)
    if record.failure:
        raise record.failure
