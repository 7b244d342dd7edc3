"""Give two drawings, and the paths of one become those of the other: a film, and SVGs in between."""

import tempfile
from collections.abc import Iterator
from functools import cache
from typing import Optional

import torch
from cog import BaseRunner, Input, Path, streaming

from clipdraw import scribble, to_svg
from predictors.folder import Folder
from predictors.morph import morph
from predictors.morph.results import results


class Predictor(BaseRunner):
    """Give two drawings, and the paths of one become those of the other: a film, and SVGs in between."""

    def __init__(self):
        self.folder = Folder()

    def setup(self):
        warm_up()

    @streaming
    def run(
        self,
        drawing: Path = Input(
            description="The drawing at the beginning: an SVG file of any program, or a zip of several, which are taken in the order of their names. All are brought to the canvas of the first",
        ),
        other: Path = Input(
            description="The drawing at the end: an SVG file, or a zip of several that follow each other; 20 in all",
        ),
        seconds: float = Input(
            description="Seconds from each drawing to the next",
            ge=0.1,
            le=60,
            default=2.5,
        ),
        hold: float = Input(
            description="Seconds for which each drawing stays",
            ge=0,
            le=60,
            default=0.5,
        ),
        keyframes: int = Input(
            description="SVG files from each drawing to the next, both of them counted: evenly on the way",
            ge=2,
            le=100,
            default=5,
        ),
        easing: str = Input(
            description="How time goes: smooth starts and ends at rest",
            choices=["smooth", "linear", "start slowly", "end slowly"],
            default="smooth",
        ),
        loop: bool = Input(
            description="Whether the last drawing becomes the first again, so that the film can go round",
            default=False,
        ),
        fps: int = Input(
            description="Frames per second of the film",
            ge=1,
            le=60,
            default=25,
        ),
        size: int = Input(
            description="Longer side of the film in pixels",
            ge=32,
            le=1920,
            default=448,
        ),
        background: Optional[str] = Input(  # noqa: UP045 (what Cog's parser knows)
            description="Colour of the paper as #rrggbb. Left out, what each drawing's file says, and white where it says nothing",
            regex="^#[0-9a-fA-F]{6}$",
            default=None,
        ),
    ) -> Iterator[Path]:
        settings = morph.Settings(
            drawing=drawing,
            other=other,
            seconds=seconds,
            hold=hold,
            keyframes=keyframes,
            easing=easing,
            loop=loop,
            fps=fps,
            size=size,
            background=background,
        )
        with self.folder.fresh() as folder:
            yield from results(settings, folder, self.record_metric)


@cache
def warm_up() -> None:
    """Morph a stroke, so that all is loaded that is loaded at its first use.

    A cancel in the middle of an import leaves half a package behind, and every run after it fails;
    during the setup nothing is cancelled.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "line.svg")
        file.write_text(to_svg(scribble(1, torch.Generator().manual_seed(0))))
        settings = morph.Settings(file, file, seconds=0.1, hold=0, keyframes=2, fps=10, size=32)
        assert list(results(settings, Path(folder), lambda *_: None, say=lambda _: None))
