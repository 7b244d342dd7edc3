"""Vectorising as a function: settings in, frames out."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import log10
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from clipdraw import Drawing, Weighted, optimise, render
from clipdraw.drawing import join
from clipdraw.loop import Frame, Rates
from losses import Crossing, PictureDistance
from predictors.pictures import Color, border_colour, read_picture, rgb
from predictors.vectorize.regions import filled, shapes_where_missing

# The canvas that rates are measured on.
CLASSIC = 224
# Three photographs and a logo in 64 shapes after 800 steps, mean: with points as fast as CLIPDraw's
# times 1.4, 2 and 3, 26.7, 26.7 and 27.0 dB; with colours twice as fast 0.1 dB less. A photograph
# and a logo after 300 steps are 0.2 dB closer where colours slow down as points do.
DROPS = ((0.5, 0.4), (0.75, 0.1))
RATES = Rates(points=3.0, colors=0.04, drops=DROPS, color_drops=DROPS)
# The distance is a mean of squares, whose gradients are small beside Adam's epsilon. LIVE's, which
# counts only what lies near outlines, comes 0.1 dB less close on the same four after 500 steps.
WEIGHT = 100.0
# On the same four 0, 0.02 and 0.1 are equally close: 26.69, 26.69 and 26.74 dB.
CROSSING = 0.1
# Of the steps, those that all shapes take together; the others are shared out among the batches. On
# the same four 0.3 dB closer than 0.4.
LAST = 0.6
# Of the canvas: what shows less is dead. That is two pixels of 240 x 160.
DEAD = 5e-5
# Decibels: what is closer looks the same, and shapes are not kept for it.
EXACT = 45.0
# Decibels that another colour of paper must bring. White paper stays white so: what would be gained
# by a shade of it is less, and four photographs in 16 shapes gain 0.04 to 0.3.
PAPER = 0.05


@dataclass(frozen=True)
class Settings:
    """The inputs, under the same names."""

    image: Path
    shapes: int = 64
    segments: int = 4
    steps: int = 800
    size: int = 240
    background: str | None = None
    simplify: float = 0.1


@dataclass(frozen=True)
class Batch:
    """A part of a run: shapes are added, and all take some steps."""

    shapes: int
    """How many there are then."""
    steps: int
    size: tuple[int, int]
    """(height, width) in pixels at which they are compared with the picture."""


@dataclass(frozen=True)
class Plan:
    """What a run does, worked out before its first step."""

    picture: Float[Tensor, "3 height width"]
    """What the drawing shall look like; its pixels are the canvas's units."""
    paper: Color
    rates: Rates
    batches: list[Batch]


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
        replace(RATES, points=RATES.points * unit),
        batches(settings.shapes, settings.steps, *picture.shape[1:]),
    )


def batches(shapes: int, steps: int, height: int, width: int) -> list[Batch]:
    """Twice as many shapes in each batch; all but the last two see the picture at half its size."""
    counts = [1]
    while counts[-1] < shapes:
        counts.append(min(2 * counts[-1], shapes))
    early = max(len(counts) - 1, 1)
    ends = [round(steps * (1 - LAST) * i / early) for i in range(len(counts))] + [steps]
    half = (max(height // 2, 1), max(width // 2, 1))
    sizes = [half] * (early - 1) + [(height, width)] * 2
    return [
        Batch(count, end - start, size)
        for count, start, end, size in zip(counts, ends, ends[1:], sizes, strict=False)
    ]


def draw(settings: Settings, plan: Plan) -> Iterator[Frame]:
    """Draw the picture: one frame a step."""
    _, height, width = plan.picture.shape
    drawing = filled(torch.zeros(0, 3 * settings.segments, 2), torch.zeros(0, 3), width, height)
    done = 0
    for batch in plan.batches:
        drawing = grown(drawing, batch.shapes, settings.segments, plan)
        target = F.interpolate(plan.picture[None], batch.size, mode="area")
        frames = optimise(
            drawing,
            {
                "picture": Weighted(WEIGHT, PictureDistance(target)),
                "crossing": Weighted(CROSSING, Crossing()),
            },
            steps=batch.steps,
            generators=[torch.Generator()],
            rates=plan.rates,
            size=batch.size,
            background=plan.paper,
        )
        for frame in frames:
            if frame.step < batch.steps:
                yield replace(frame, step=done + frame.step, steps=settings.steps)
        drawing, done = frame.drawing, done + batch.steps
    yield replace(frame, step=done, steps=settings.steps)


def grown(drawing: Drawing, shapes: int, segments: int, plan: Plan) -> Drawing:
    """The drawing with so many shapes: the dead are left out, new ones lie on top."""
    alive = drawing.select(visible(drawing, plan) > DEAD)
    with torch.no_grad():
        now = render(alive, background=plan.paper)[0]
    new = shapes_where_missing(plan.picture, now, shapes - alive.paths, segments)
    joined = join([alive, new])
    return joined.replace(picture=torch.zeros_like(joined.picture), pictures=1)


def visible(drawing: Drawing, plan: Plan) -> Float[Tensor, " paths"]:
    """How much of the canvas shows each shape: little where it is tiny, transparent or hidden.

    It is the derivative of the mean pixel by the shape's colour.
    """
    if not drawing.paths:
        return torch.zeros(0)  # and no derivative
    fills = drawing.fills.detach().requires_grad_()
    picture = render(drawing.replace(fills=fills), background=plan.paper)
    (gradient,) = torch.autograd.grad(picture.mean((2, 3)).sum(), fills)
    return gradient[:, 0]


def on_best_paper(settings: Settings, plan: Plan, drawing: Drawing) -> Plan:
    """The plan with the colour of paper on which the drawing is closest, unless one was asked for.

    A pixel is what the shapes make of black paper plus a share of the paper's colour, so that the
    closest colour is a linear regression's.
    """
    if settings.background:
        return plan
    with torch.no_grad():
        black, white = (render(drawing, background=3 * (level,))[0] for level in (0.0, 1.0))
    share = (white - black).flatten(1)
    missing = (plan.picture - black).flatten(1)
    best = (share * missing).sum(1) / share.square().sum(1).clamp(min=1e-6)
    levels = (255 * best.clamp(0, 1)).round() / 255
    other = replace(plan, paper=tuple(levels.tolist()))
    closer = min(decibels(other, drawing), EXACT) >= decibels(plan, drawing) + PAPER
    return other if closer else plan


def finished(settings: Settings, plan: Plan, drawing: Drawing) -> Drawing:
    """What is handed out: without dead shapes, and as much simpler as the settings allow.

    Half of the decibels to give up go for decimals of coordinates and for colours of eight bits,
    the rest for the shapes that add least.
    """
    drawing = drawing.select(visible(drawing, plan) > DEAD)
    least = min(decibels(plan, drawing), EXACT) - settings.simplify
    rgb, alpha = drawing.fills.split([3, 1], dim=1)
    fills = torch.cat([(255 * rgb).round() / 255, alpha.round(decimals=2)], dim=1)
    for places in range(4):
        rounded = drawing.replace(points=drawing.points.round(decimals=places), fills=fills)
        if decibels(plan, rounded) >= least + settings.simplify / 2:
            drawing = rounded
            break
    keep = torch.ones(drawing.paths, dtype=torch.bool)
    for shape in gains(plan, drawing).argsort().tolist():
        keep[shape] = False
        if decibels(plan, drawing.select(keep)) < least:
            keep[shape] = True
    return drawing.select(keep)


def gains(plan: Plan, drawing: Drawing) -> Float[Tensor, " paths"]:
    """The decibels that each shape adds to all others."""
    everything = torch.arange(drawing.paths)
    others = [decibels(plan, drawing.select(everything != shape)) for shape in everything]
    return decibels(plan, drawing) - torch.tensor(others)


def decibels(plan: Plan, drawing: Drawing) -> float:
    """How close a drawing is: its peak signal-to-noise ratio, 100 at most."""
    with torch.no_grad():
        seen = render(drawing, background=plan.paper)[0]
    distance = (seen - plan.picture).square().mean().item()
    return -10 * log10(max(distance, 1e-10))
