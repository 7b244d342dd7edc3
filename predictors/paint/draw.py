"""Painting as a function: settings in, frames out."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, log10
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from clipdraw import Drawing, Weighted, optimise
from clipdraw.drawing import join
from clipdraw.loop import Frame, Rates
from clipdraw.scribble import scribble_over
from losses import PictureDistance
from predictors.pictures import Color, border_colour, read_picture, rgb

# The canvas that stroke widths and rates are measured on.
CLASSIC = 224
# Wide strokes below, thin ones on top, each layer with twice as many as the one below it. Mean of
# four photographs and an emoji, 512 strokes after 200 steps: 4 layers 33.8 dB, 3 layers 33.7 and 6
# layers 33.6; with three times as many in each 33.6, with four times 33.2.
LAYERS = 4
# How far the widest strokes wander at first, as a fraction of the canvas; thinner ones less.
WANDER = 0.15
# CLIPDraw's rates are 1, 0.2 and 0.01: on the same five pictures twice as fast points are 0.3 dB
# closer, four times as fast colours 0.3 dB, and faster widths no closer.
RATES = Rates(points=2.0, widths=0.2, colors=0.04)
# The distance is a mean of squares, whose gradients are small beside Adam's epsilon.
WEIGHT = 100.0


@dataclass(frozen=True)
class Settings:
    """The inputs, under the same names."""

    image: Path
    strokes: int = 512
    seed: int = 0
    steps: int = 200
    size: int = 256
    min_stroke_width: float = 1.5
    max_stroke_width: float = 60.0
    background: str | None = None

    def __post_init__(self):
        if self.min_stroke_width > self.max_stroke_width:
            raise ValueError(
                f"min_stroke_width: {self.min_stroke_width} is above max_stroke_width, "
                f"{self.max_stroke_width}; swap them"
            )


@dataclass(frozen=True)
class Plan:
    """What a run does, worked out before its first step."""

    picture: Float[Tensor, "3 height width"]
    """What the drawing shall look like; its pixels are the canvas's units."""
    paper: Color
    widths: tuple[float, float]
    """Thinnest and thickest stroke."""
    rates: Rates


def plan(settings: Settings) -> Plan:
    """Read the picture and measure everything on its canvas.

    Raises:
        ValueError: an image that cannot be read.
    """
    try:
        picture = read_picture(settings.image, settings.size, settings.background or "#ffffff")
    except ValueError as error:
        raise ValueError(f"image: {error}") from error
    paper = rgb(settings.background or border_colour(picture))
    unit = min(picture.shape[1:]) / CLASSIC
    return Plan(
        picture,
        paper,
        (settings.min_stroke_width * unit, settings.max_stroke_width * unit),
        Rates(RATES.points * unit, RATES.widths * unit, RATES.colors),
    )


def draw(settings: Settings, plan: Plan) -> Iterator[Frame]:
    """Draw the picture: one frame a step."""
    generator = torch.Generator().manual_seed(settings.seed)
    return optimise(
        layers(settings.strokes, plan, generator),
        {"picture": Weighted(WEIGHT, PictureDistance(plan.picture[None]))},
        steps=settings.steps,
        generators=[generator],
        rates=plan.rates,
        width_bounds=plan.widths,
        background=plan.paper,
    )


def decibels(frame: Frame) -> float:
    """How close a drawing came: its peak signal-to-noise ratio, 100 at most."""
    distance = frame.terms["picture"].item() / WEIGHT
    return round(-10 * log10(max(distance, 1e-10)), 2)


def layers(strokes: int, plan: Plan, generator: torch.Generator) -> Drawing:
    """Strokes to start from: wide ones below, thin ones on top.

    Each layer sees the picture as coarsely as its strokes are wide, and starts where that differs
    from what the layer below has seen (as painters do, and Hertzmann 1998).
    """
    _, height, width = plan.picture.shape
    thinnest, thickest = plan.widths
    below = torch.tensor(plan.paper)[None, :, None, None]
    drawn = []
    for layer in range(LAYERS):
        shrunk = (thinnest / thickest) ** (layer / (LAYERS - 1))
        grid = [ceil(side / max(thickest * shrunk, 1)) for side in (height, width)]
        seen = F.interpolate(plan.picture[None], grid, mode="area")
        below = F.interpolate(below, grid, mode="bilinear")
        drawn.append(
            scribble_over(
                seen[0], shares(strokes)[layer], generator, width=width, height=height,
                stroke_width=thickest * shrunk, paper=below[0], wander=WANDER * shrunk,
            )
        )  # fmt: skip
        below = seen
    joined = join(drawn)
    return joined.replace(picture=torch.zeros_like(joined.picture), pictures=1)


def shares(strokes: int) -> list[int]:
    """The strokes of each layer, twice as many as of the one below it, at least one."""
    parts = [max(strokes * 2**layer // (2**LAYERS - 1), 1) for layer in range(LAYERS)]
    return [*parts[:-1], strokes - sum(parts[:-1])]
