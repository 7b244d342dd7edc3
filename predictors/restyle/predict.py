"""Give a drawing or a prompt, and it takes the look of a style picture: its colours, its marks."""

import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from typing import Optional

import torch
from cog import BaseRunner, Input, Path, streaming

from clipdraw import save_png, scribble, to_svg
from predictors.folder import Folder
from predictors.outputs import Record
from predictors.restyle import draw


class Predictor(BaseRunner):
    """Give a drawing or a prompt, and it takes the look of a style picture: its colours, its marks."""

    def __init__(self):
        self.folder = Folder()

    def setup(self):
        warm_up()

    @streaming
    def run(
        self,
        style: Path = Input(
            description="The picture whose look is taken: a JPEG, PNG or WebP file. It is seen as large as the drawing, shorter side by shorter side",
        ),
        drawing: Optional[Path] = Input(  # noqa: UP045 (what Cog's parser knows)
            description="The drawing that is restyled: an SVG file of any program. Left out, the prompt is drawn first",
            default=None,
        ),
        prompt: str = Input(
            description="What is drawn and restyled where there is no drawing, as clipdraw does; half a minute more",
            default="",
        ),
        strength: float = Input(
            description="How much of the style is taken on, in percent: 0 leaves the drawing as it is, 50 is a mixture, 100 has the style's colours and texture and of the drawing only what it shows",
            ge=0,
            le=100,
            default=70,
        ),
        marks: int = Input(
            description="Most strokes that are laid over the drawing at full strength; they carry the style's texture. Wide ones need fewer",
            ge=1,
            le=2048,
            default=500,
        ),
        steps: int = Input(
            description="Optimisation steps of the restyling",
            ge=1,
            le=10000,
            default=80,
        ),
        seed: int = Input(
            description="Same seed, same drawing, to the last bit",
            ge=0,
            le=4294967295,
            default=0,
        ),
        model: str = Input(
            description="Who judges the likeness to a prompt, as in clipdraw: pocket, an open_clip model as NAME/PRETRAINED or NAME/FILE, or auto. The middle layers of an open_clip model compare styles, too",
            default="auto",
        ),
        frame_every: int = Input(
            description="A preview PNG every so many steps",
            ge=1,
            le=10000,
            default=20,
        ),
    ) -> Iterator[Path]:
        settings = draw.Settings(
            style=style,
            drawing=drawing,
            prompt=prompt,
            strength=strength,
            marks=marks,
            steps=steps,
            seed=seed,
            model=model,
        )
        with self.folder.fresh() as folder:
            yield from results(settings, frame_every, folder, self.record_metric)


@cache
def warm_up() -> None:
    """Restyle a stroke, so that all is loaded that is loaded at its first use.

    A cancel in the middle of an import leaves half a package behind, and every drawing after it
    fails; during the setup nothing is cancelled.
    """
    with tempfile.TemporaryDirectory() as folder:
        dot, line = Path(folder, "dot.png"), Path(folder, "line.svg")
        save_png(torch.zeros(3, 8, 8), dot)
        line.write_text(to_svg(scribble(1, torch.Generator().manual_seed(0))))
        settings = draw.Settings(style=dot, drawing=line, marks=1, steps=1, model="pocket")
        plan = draw.plan(settings, say=lambda _: None)
        record = Record(Path(folder), plan.paper, settings.steps)
        frames = draw.draw(settings, plan)
        assert list(record.previews(frames, every=1, report=lambda *_: None))
        assert draw.measured(plan, record.last)


def results(settings, frame_every, folder, report, say=print) -> Iterator[Path]:
    """Restyle, and yield previews on the way and the results at the end.

    A Ctrl-C or a number that is not finite ends the drawing early; what there is then is yielded
    all the same.
    """
    plan = draw.plan(settings, say)
    record = Record(folder, plan.paper, settings.steps)
    yield from record.previews(draw.draw(settings, plan), frame_every, report)
    style, subject = settings.style.name, plan.subject
    files = {"style": style, "drawing": settings.drawing and settings.drawing.name}
    trace = {
        "inputs": {**asdict(settings), **files, "frame_every": frame_every},
        "guides": list(subject.guides),
        "measures": draw.measured(plan, record.last),
    }
    description = f"{subject.name} in the manner of {style} (seed {settings.seed})"
    yield from record.files(record.last.drawing, 0, description, trace)
    if record.failure:
        raise record.failure
