"""Sample pictures that a model can dream of, or short journeys between some, as films to cut."""

import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from time import perf_counter
from typing import Optional
from zipfile import ZipFile

from cog import BaseRunner, Input, Path, streaming

from journeys.sequence import save
from predictors.bank import bank as work
from predictors.folder import Folder
from predictors.outputs import write_trace


class Predictor(BaseRunner):
    """Sample what a model can dream of, then short journeys between what you kept: films to cut."""

    def __init__(self):
        self.folder = Folder()

    def setup(self):
        warm_up()

    @streaming
    def run(
        self,
        prompts: str = Input(
            description="What the samples lie around, in turn, separated by |, such as 'a fish | a boat'. Left out, they lie anywhere: shapes that nobody has a name for",
            default="",
        ),
        bank: Optional[Path] = Input(  # noqa: UP045 (what Cog's parser knows)
            description="In place of prompts: a z-sequence (.npy), such as a bank that was cut. What is held in it are the keyframes of short journeys",
            default=None,
        ),
        keep: str = Input(
            description="Numbers of the bank's keyframes to travel between, such as '3, 7-9'; left out, all",
            default="",
        ),
        drop: str = Input(
            description="Numbers of the bank's keyframes to leave out",
            default="",
        ),
        count: int = Input(
            description="Samples, or journeys; a frame takes a sixth of a second to decode on one core",
            ge=1,
            le=1000,
            default=24,
        ),
        spread: float = Input(
            description="How far a sample lies from its prompt, or a circle from its middle: 0.5 hardly differs, 0.75 is of the family, 1 knows nothing of it",
            ge=0,
            le=1,
            default=0.75,
        ),
        path: str = Input(
            description="How journeys lead through two or three keyframes: in smooth curves, along great circles, as on springs, or straight; or around one of them, in a circle or on a walk",
            choices=["tangent", "spherical", "springs", "linear", "circle", "walk"],
            default="tangent",
        ),
        frames: int = Input(
            description="Frames that a sample stays, or from one keyframe of a journey to the next; 25 are a second",
            ge=1,
            le=500,
            default=12,
        ),
        seed: int = Input(
            description="Which samples, which journeys",
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
    ) -> Iterator[Path]:
        settings = work.Settings(
            prompts=prompts,
            bank=bank,
            keep=keep,
            drop=drop,
            count=count,
            spread=spread,
            path=path,
            frames=frames,
            seed=seed,
            dream_seed=dream_seed,
        )
        with self.folder.fresh() as folder:
            yield from results(settings, folder, self.record_metric)


@cache
def warm_up() -> None:
    """Make a bank of one, so that all is loaded that is loaded at its first use.

    A cancel in the middle of an import leaves half a package behind, and every run after it fails;
    during the setup nothing is cancelled.
    """
    with tempfile.TemporaryDirectory() as folder:
        settings = work.Settings(count=1, frames=1)
        assert list(results(settings, Path(folder), lambda *_: None))


def results(settings, folder, report) -> Iterator[Path]:
    """Decode all, and yield contact sheet and z-sequence; what a Ctrl-C leaves is worth having."""
    started = perf_counter()
    shots = work.shots(settings)
    rows, pictures = sum(len(shot.rows) for shot in shots), []
    try:
        for picture in work.decoded(shots, settings.dream_seed):
            pictures.append(picture)
            report("step", len(pictures))
            report("steps", rows)
    except KeyboardInterrupt:
        if not pictures:
            raise
    shots = work.as_far_as(shots, len(pictures))
    contact = folder / "contact.png"
    work.contact(shots, pictures).save(contact)
    yield contact
    name = "bank" if settings.bank is None else "journeys"
    proxies = work.proxies(shots, pictures)
    files = save(work.sequence(shots, settings.seed), folder / f"{name}.npy", proxies)
    yield from files
    with ZipFile(folder / f"{name}.zip", "w") as together:
        for file in files:
            together.write(file, file.name)
    yield folder / f"{name}.zip"
    inputs = {**asdict(settings), "bank": settings.bank and settings.bank.name}
    measures = {"shots": len(shots), **work.steps(shots, pictures)}
    yield write_trace(folder, {"inputs": inputs, "measures": measures}, started)
