"""Give a picture, and layered shapes, each of one colour, move until they look like it."""

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
from predictors.vectorize import draw


class Predictor(BaseRunner):
    """Give a picture, and layered shapes, each of one colour, move until they look like it."""

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
        shapes: int = Input(
            description="Most shapes to use; 16 is a poster, 64 an illustration, 256 comes near a photograph",
            ge=8,
            le=512,
            default=64,
        ),
        segments: int = Input(
            description="Curves in the outline of each shape; more follow crooked outlines more closely",
            ge=2,
            le=16,
            default=4,
        ),
        steps: int = Input(
            description="Optimisation steps",
            ge=1,
            le=10000,
            default=800,
        ),
        size: int = Input(
            description="Longer side in pixels at which shapes are compared with the picture",
            ge=32,
            le=512,
            default=240,
        ),
        background: Optional[str] = Input(  # noqa: UP045 (what Cog's parser knows)
            description="Colour below all shapes as #rrggbb. Left out, the commonest one along the picture's edges, or one that comes closer",
            regex="^#[0-9a-fA-F]{6}$",
            default=None,
        ),
        simplify: float = Input(
            description="Likeness to give up for a shorter file, in decibels: for fewer decimals, and without the shapes that add least",
            ge=0,
            le=10,
            default=0.1,
        ),
        frame_every: int = Input(
            description="A preview PNG every so many steps",
            ge=1,
            le=10000,
            default=50,
        ),
    ) -> Iterator[Path]:
        settings = draw.Settings(
            image=image,
            shapes=shapes,
            segments=segments,
            steps=steps,
            size=size,
            background=background,
            simplify=simplify,
        )
        with self.folder.fresh() as folder:
            yield from results(settings, frame_every, folder, self.record_metric)


@cache
def warm_up() -> None:
    """Draw a shape, so that all is loaded that is loaded at its first use.

    A cancel in the middle of an import leaves half a package behind, and every drawing after it
    fails; during the setup nothing is cancelled.
    """
    with tempfile.TemporaryDirectory() as folder:
        dot = Path(folder, "dot.png")
        save_png(torch.zeros(3, 8, 8), dot)
        settings = draw.Settings(image=dot, shapes=1, steps=1, size=8, background="#ffffff")
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
    plan = draw.on_best_paper(settings, plan, record.last.drawing)
    record.background = plan.paper
    drawing = draw.finished(settings, plan, record.last.drawing)
    name = settings.image.name
    trace = {
        "inputs": {**asdict(settings), "image": name, "frame_every": frame_every},
        "shapes": drawing.paths,
        "measures": {"decibels": round(draw.decibels(plan, drawing), 2)},
    }
    yield from record.files(drawing, 0, f"{name} in {drawing.paths} shapes", trace)
    if record.failure:
        raise record.failure
