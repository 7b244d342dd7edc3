"""Give a picture, and a few pen strokes become a sketch of it."""

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

PAPER = (1.0, 1.0, 1.0)


class Predictor(BaseRunner):
    """Give a picture, and a few pen strokes become a sketch of it."""

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
            description="Most strokes to use; 8 is a gist, 24 a sketch, 64 a drawing, 128 has hair and folds",
            ge=4,
            le=128,
            default=24,
        ),
        ink: str = Input(
            description="Colour of the strokes as #rrggbb, or picture: each in the colour that the picture has along it",
            regex="^(#[0-9a-fA-F]{6}|picture)$",
            default="#000000",
        ),
        stroke_width: float = Input(
            description="Width of the pen, in 224ths of the picture's shorter side; strokes get 0.6 to 1.6 times as wide",
            ge=0.5,
            le=20,
            default=2.5,
        ),
        one_line: bool = Input(
            description="Draw it without lifting the pen: all strokes as one line",
            default=False,
        ),
        mask_background: bool = Input(
            description="Leave the background out, as far as it can be told by where the model looks and by colours that reach the borders",
            default=False,
        ),
        mask: Optional[Path] = Input(  # noqa: UP045 (what Cog's parser knows)
            description="A picture of the image's proportions; only where it is white is anything drawn",
            default=None,
        ),
        drawing: Optional[Path] = Input(  # noqa: UP045
            description="A sketch to go on from: an SVG, whose paths are the first strokes to choose from, as this pen draws them",
            default=None,
        ),
        seed: int = Input(
            description="Same seed, same drawing, to the last bit",
            ge=0,
            le=4294967295,
            default=0,
        ),
        tries: int = Input(
            description="Sketches that are drawn side by side, from different starts; a judge that guides none of them chooses one. Each takes as long again",
            ge=1,
            le=8,
            default=3,
        ),
        steps: int = Input(
            description="Optimisation steps",
            ge=1,
            le=10000,
            default=150,
        ),
        size: int = Input(
            description="Longer side in pixels at which strokes are compared with the picture; more shows smaller things",
            ge=32,
            le=512,
            default=256,
        ),
        model: str = Input(
            description="Who says what in the picture matters: pocket (comes with the package), an open_clip model as NAME/PRETRAINED or NAME/FILE, or auto: ViT-B-32/openai where its weights are on this machine, pocket otherwise",
            default="auto",
        ),
        layers: str = Input(
            description="The model's layers in which the drawing is compared with the picture, too: numbers from 0 with commas, such as 2,3. Left out, none of pocket's, and two of an open_clip model's",
            default="",
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
            ink=ink,
            stroke_width=stroke_width,
            one_line=one_line,
            mask_background=mask_background,
            mask=mask,
            drawing=drawing,
            seed=seed,
            tries=tries,
            steps=steps,
            size=size,
            model=model,
            layers=layers,
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
        picture = torch.ones(3, 24, 32)
        picture[:, 8:16, 8:24] = 0
        save_png(picture, dot)
        settings = draw.Settings(image=dot, strokes=4, steps=1, tries=1, size=32)
        record = Record(Path(folder), PAPER, settings.steps)
        plan = draw.plan(settings, say=lambda _: None)
        assert list(record.previews(draw.draw(settings, plan), every=1, report=lambda *_: None))
        draw.choose(settings, plan, record.last.drawing)


def results(settings, frame_every, folder, report) -> Iterator[Path]:
    """Draw, and yield previews on the way and the results at the end.

    A Ctrl-C or a number that is not finite ends the drawing early; what there is then is yielded
    all the same.
    """
    plan = draw.plan(settings)
    record = Record(folder, PAPER, settings.steps)
    yield from record.previews(draw.draw(settings, plan), frame_every, report)
    chosen = draw.choose(settings, plan, record.last.drawing)
    files = {"image": settings.image, "mask": settings.mask, "drawing": settings.drawing}
    names = {key: file and file.name for key, file in files.items()}
    trace = {
        "inputs": {**asdict(settings), **names, "frame_every": frame_every},
        "strokes": chosen.drawing.paths,
        "measures": {
            "ink_left": round(chosen.left[-1], 4),
            "likeness": round(chosen.likeness[chosen.picture], 4),
        },
        "tries": [round(likeness, 4) for likeness in chosen.likeness],
        "ink_left_after": [round(share, 4) for share in chosen.left],
        "guides": draw.guides(settings, plan),
    }
    lines = "one line" if settings.one_line else f"{chosen.drawing.paths} strokes"
    description = f"{settings.image.name} in {lines} (seed {settings.seed})"
    yield from record.files(chosen.drawing, chosen.picture, description, trace)
    if record.failure:
        raise record.failure
