"""A neighbourhood as a function: settings in, frames out."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32
from torch import Tensor

from clipdraw import Drawing, Weighted, optimise, render
from clipdraw.drawing import join
from clipdraw.loop import Frame, Rates
from clipdraw.scribble import scribble_over
from clipdraw.sheets import contact_sheet
from journeys.decode import Decoder, embed
from journeys.paths import neighbours
from journeys.sequence import FPS, ZSequence, read_vectors
from losses import PictureDistance, load_encoder
from losses.guidance import Prior
from predictors.pictures import Color, rgb

# Canvas of a cell, the classic one, which stroke widths and rates are measured on.
CANVAS = 224
# Side in pixels at which strokes are compared with their dream, which has half as many.
LOOK = 96
# Side in pixels of a cell in the film of the vectors.
PROXY = 240
# As of clipdraw's dreams: the distance is a mean over pixels of squares, a tenth at most.
WEIGHT = 100.0
STROKE_WIDTHS = (1.5, 24.0)
# Side by side on nine dreams of a house: narrower ones leave more white between them, and half the
# rates or the steps are further from the dreams.
FIRST_WIDTH = 14.0
RATES = Rates(points=2.0, widths=0.4, colors=0.04)
# Strokes of all cells together: with the film's frames they take ... MB.
MOST_STROKES = 16384
MODEL = "pocket"
# Which luck a seed brings: that of `bank`, whose samples may be a centre, is another.
NEIGHBOURS = 3


@dataclass(frozen=True)
class Settings:
    """The inputs, under the same names."""

    prompt: str | None = None
    centre: Path | None = None
    cell: int = 1
    spread: float = 0.75
    cells: int = 5
    seed: int = 0
    dream_seed: int = 0
    strokes: int = 96
    steps: int = 100
    background: str = "#ffffff"

    def __post_init__(self):
        if (self.prompt is None) == (self.centre is None):
            raise ValueError(
                "prompt: write what is in the middle, such as 'a fish', or give a vector as centre"
                if self.prompt is None
                else "centre: there is a prompt as well, and only one can be in the middle"
            )
        if self.cells % 2 == 0:
            raise ValueError(f"cells: {self.cells} has no middle; take an odd number")
        if (strokes := self.cells**2 * self.strokes) > MOST_STROKES:
            raise ValueError(
                f"strokes: {self.cells} x {self.cells} drawings of {self.strokes} are {strokes} "
                f"strokes, but at most {MOST_STROKES} are drawn at once; take fewer of one of them"
            )

    @property
    def paper(self) -> Color:
        """The background as RGB in [0, 1]."""
        return rgb(self.background)


@dataclass(frozen=True, eq=False)
class Plan:
    """What a run does, worked out before its first step."""

    vectors: ZSequence
    """A z for each cell, row by row; the middle one is the centre."""
    dreams: Float[Tensor, "cells 3 size size"]
    """What they look like, on paper."""


def plan(settings: Settings) -> Plan:
    """Find the centre and its neighbours, and dream of all of them.

    Raises:
        ValueError: a prompt or a centre that cannot be.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    prior = load_encoder(MODEL, device)
    centre = middle(settings, prior).astype(np.float64)
    luck = np.random.default_rng([settings.seed, NEIGHBOURS])
    rows = neighbours(centre, settings.spread, settings.cells**2 - 1, luck)
    rows = np.insert(rows, len(rows) // 2, centre, axis=0).astype(np.float32)
    vectors = ZSequence(rows, "embedding", "sphere", 1.0, FPS, settings.seed, MODEL)
    decoder = Decoder(prior, settings.dream_seed, paper=settings.paper)
    return Plan(vectors, torch.stack(list(decoder(rows))).to(device))


def middle(settings: Settings, prior: Prior) -> Float32[np.ndarray, " dim"]:
    """The centre, of length 1."""
    if settings.prompt is not None:
        return embed(prior, [settings.prompt])[0]
    try:
        rows = read_vectors(settings.centre, embed(prior, ["a"]).shape[1], MODEL).rows
    except ValueError as error:
        raise ValueError(f"centre: {error}") from error
    if settings.cell > len(rows):
        raise ValueError(f"cell: {settings.cell} is not among the {len(rows)} of the centre's file")
    row = rows[settings.cell - 1]
    return row / np.linalg.norm(row)


def proxies(settings: Settings, drawing: Drawing) -> Iterator[np.ndarray]:
    """The film of the vectors: each cell with its number."""
    for number, one in enumerate(drawing.split(), start=1):
        picture = render(one, PROXY, PROXY, background=settings.paper)[0]
        yield np.asarray(contact_sheet([picture], [str(number)], 1))


def decibels(frame: Frame) -> float:
    """How close the cells came to their dreams: their mean peak signal-to-noise ratio, 100 at
    most."""
    distance = (frame.terms["dream"] / WEIGHT).clamp(min=1e-10)
    return round((-10 * distance.log10()).mean().item(), 2)


def draw(settings: Settings, plan: Plan) -> Iterator[Frame]:
    """Draw all cells in one batch: strokes that start on the dreams and follow them."""
    count = len(plan.dreams)
    # One seed for all: a cell's drawing is the same in the middle of another grid.
    generators = [torch.Generator().manual_seed(settings.dream_seed) for _ in range(count)]
    start = [
        scribble_over(
            dream, settings.strokes, generator, width=CANVAS, height=CANVAS,
            stroke_width=FIRST_WIDTH, paper=settings.paper,
        )
        for dream, generator in zip(plan.dreams.cpu(), generators, strict=True)
    ]  # fmt: skip
    target = F.interpolate(plan.dreams, (LOOK, LOOK), mode="bicubic").clamp(0, 1)
    return optimise(
        join(start).to(target.device),
        {"dream": Weighted(WEIGHT, PictureDistance(target))},
        steps=settings.steps,
        generators=generators,
        rates=RATES,
        width_bounds=STROKE_WIDTHS,
        size=(LOOK, LOOK),
        background=settings.paper,
    )
