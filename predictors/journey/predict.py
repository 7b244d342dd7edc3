"""Write what to pass by, and strokes follow a model's dreams from one to the next: a film."""

import tempfile
from collections.abc import Iterator
from functools import cache
from typing import Optional

from cog import BaseRunner, Input, Path, streaming

from predictors.folder import Folder
from predictors.journey import journey
from predictors.journey.results import results


class Predictor(BaseRunner):
    """Write what to pass by, and strokes follow a model's dreams from one to the next: a film."""

    def __init__(self):
        self.folder = Folder()

    def setup(self):
        warm_up()

    @streaming
    def run(
        self,
        prompts: str = Input(
            description="What the film passes by, separated by |, such as 'a fish | a boat | a tree'",
            default="",
        ),
        sequence: Optional[Path] = Input(  # noqa: UP045 (what Cog's parser knows)
            description="In place of prompts: a z-sequence (.npy, or a zip of it and its .json), frame by frame, such as one that was cut and conformed. Keyframes are what is held in it, and each second; where it jumps, strokes start anew",
            default=None,
        ),
        keyframes: Optional[Path] = Input(  # noqa: UP045
            description="In place of prompts: a zip of drawings (SVG) and pictures, in the order of their names. Pictures are drawn first; then paths become those of the next one",
            default=None,
        ),
        frames: int = Input(
            description="Frames from one keyframe to the next; 25 are a second. Each takes a quarter of a second on one core",
            ge=1,
            le=1000,
            default=40,
        ),
        hold: int = Input(
            description="Frames that each keyframe stays",
            ge=0,
            le=1000,
            default=10,
        ),
        path: str = Input(
            description="How the way leads from prompt to prompt: in a smooth curve, along great circles, as on springs, or straight",
            choices=["tangent", "spherical", "springs", "linear"],
            default="tangent",
        ),
        noise: float = Input(
            description="How far each keyframe is from its prompt, in a direction that seed chooses: 0 is the prompt, 0.5 hardly differs, 0.75 is of its family, 1 knows nothing of it",
            ge=0,
            le=1,
            default=0,
        ),
        loop: bool = Input(
            description="Whether the film leads back to its beginning, so that it can go round. Of a sequence, whether it does",
            default=False,
        ),
        strokes: int = Input(
            description="Pen strokes",
            ge=1,
            le=512,
            default=128,
        ),
        steps_per_frame: int = Input(
            description="Optimisation steps for each frame",
            ge=1,
            le=100,
            default=8,
        ),
        calm: float = Input(
            description="What moving costs the strokes: with 0 they go wherever they like, with 10 they hardly stir, and masts and eyes come late",
            ge=0,
            le=1000,
            default=1,
        ),
        seed: int = Input(
            description="Where strokes start, and where noise leads",
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
        background: Optional[str] = Input(  # noqa: UP045
            description="Colour of the paper as #rrggbb. Left out, it is white, or of keyframes what they have",
            regex="^#[0-9a-fA-F]{6}$",
            default=None,
        ),
    ) -> Iterator[Path]:
        settings = journey.Settings(
            prompts=prompts,
            sequence=sequence,
            keyframes=keyframes,
            frames=frames,
            hold=hold,
            path=path,
            noise=noise,
            loop=loop,
            strokes=strokes,
            steps_per_frame=steps_per_frame,
            calm=calm,
            seed=seed,
            dream_seed=dream_seed,
            background=background,
        )
        with self.folder.fresh() as folder:
            yield from results(settings, folder, self.record_metric)


@cache
def warm_up() -> None:
    """Make a short journey, so that all is loaded that is loaded at its first use.

    A cancel in the middle of an import leaves half a package behind, and every run after it fails;
    during the setup nothing is cancelled.
    """
    with tempfile.TemporaryDirectory() as folder:
        settings = journey.Settings(prompts="a dot | a line", frames=1, hold=0, strokes=1)
        assert list(results(settings, Path(folder), lambda *_: None))
