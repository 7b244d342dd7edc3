"""Give a z-sequence, and see it dreamt by several seeds, side by side."""

import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from time import perf_counter

import numpy as np
import torch
from cog import BaseRunner, Input, Path, streaming

from journeys.grids import page, storyboard
from journeys.sequence import save_proxy
from predictors.folder import Folder
from predictors.outputs import write_trace
from predictors.snapshots import look

# Sides in pixels of a tile of the film, and of one on the page; frames in a line of the page.
TILE, SMALL, STATIONS = 144, 96, 8


class Predictor(BaseRunner):
    """Give a z-sequence, and see it dreamt by several seeds, side by side."""

    def __init__(self):
        self.folder = Folder()

    def setup(self):
        warm_up()

    @streaming
    def run(
        self,
        sequence: Path = Input(
            description="The .npy of a z-sequence, or any .npy of float32 vectors of pocket's",
        ),
        tiles: int = Input(
            description="How many seeds dream of it, from dream_seed on, a tile each",
            ge=1,
            le=100,
            default=28,
        ),
        columns: int = Input(
            description="Tiles beside each other in the film",
            ge=1,
            le=10,
            default=7,
        ),
        every: int = Input(
            description="Only every so many frames are dreamt; a dream takes a sixth of a second on one core",
            ge=1,
            le=1000,
            default=5,
        ),
        dream_seed: int = Input(
            description="The first seed; that of the other predictors is 0",
            ge=0,
            le=4294967295,
            default=0,
        ),
    ) -> Iterator[Path]:
        settings = look.Settings(
            sequence=sequence,
            tiles=tiles,
            columns=columns,
            every=every,
            dream_seed=dream_seed,
        )
        with self.folder.fresh() as folder:
            yield from results(settings, folder, self.record_metric)


@cache
def warm_up() -> None:
    """Dream once, so that all is loaded that is loaded at its first use.

    A cancel in the middle of an import leaves half a package behind, and every run after it fails;
    during the setup nothing is cancelled.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "one.npy")
        np.save(file, np.ones((1, 256), np.float32))
        settings = look.Settings(file, tiles=1)
        assert list(results(settings, Path(folder), lambda *_: None))


def results(settings, folder, report) -> Iterator[Path]:
    """Dream all, and yield the page and the film; what a Ctrl-C leaves is worth having."""
    started = perf_counter()
    plan = look.plan(settings)
    labels, seen = list(plan.decoders), []
    try:
        for pictures in plan.looks():
            seen.append(pictures)
            report("step", len(seen))
            report("steps", len(plan.sequence.rows))
    except KeyboardInterrupt:
        if not seen:
            raise
    contact = folder / "contact.png"
    storyboard(seen, labels, STATIONS, SMALL).save(contact)
    yield contact
    frames = (np.asarray(page(shown, labels, settings.columns, TILE)) for shown in seen)
    film = folder / "snapshots.mp4"
    save_proxy(frames, film, plan.sequence.fps)
    yield film
    inputs = {**asdict(settings), "sequence": settings.sequence.name}
    measures = {"differ by": differ(seen)}
    yield write_trace(folder, {"inputs": inputs, "measures": measures}, started)


def differ(seen) -> float:
    """How far the tiles of a frame are from their mean, 0 to 1: the mean absolute difference."""
    stacks = (torch.stack(shown).float() / 255 for shown in seen)
    return statistics.mean((stack - stack.mean(0)).abs().mean().item() for stack in stacks)
