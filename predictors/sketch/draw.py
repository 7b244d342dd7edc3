"""Sketching as a function: settings in, frames out."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from clipdraw import Drawing, RasterViews, Weighted, optimise, render
from clipdraw.drawing import join
from clipdraw.loop import Frame, Rates, Scene
from clipdraw.svg_reader import read_notes
from losses import Encoder, FeatureDistance, InkDistance, Stiffness, load_encoder
from losses.encoders import check_layers, public_name
from losses.ink import ink_distance
from losses.judge import load_judge
from predictors.drawings import on_canvas
from predictors.pictures import read_picture
from predictors.sketch.inks import inked
from predictors.sketch.lines import Lines, lines_of
from predictors.sketch.one_line import one_line
from predictors.sketch.saliency import foreground, saliency, weights
from predictors.sketch.strokes import best_first, candidates, coverage, left_over, pen_drawing

# The canvas that stroke widths and rates are measured on.
CLASSIC = 224
# A third of the strokes is drawn first, then come others; those that turn out to be in vain make
# room each time.
BATCHES = (1 / 3, 2 / 3, 1)
# Lines to choose from in each batch, for each stroke.
CHOICE = 4
RATES = Rates(points=0.5, widths=0.05, colors=0.0)
# The thinnest and the widest stroke, by the pen's width.
THINNEST, WIDEST = 0.6, 1.6
# The distance is a mean of squares, whose gradients are small beside Adam's epsilon.
INK = 100.0
# Without, strokes crumple to reach every pixel that wants ink; at 0.03 they hardly move.
STIFFNESS = 0.01
# CLIPasso's (section 3.2).
VIEWS = {"count": 4, "distortion": 0.5}
# Of a drawing that is handed in: 512 strokes to choose from take some seconds at each choice.
MOST_BEGUN = 512


@dataclass(frozen=True)
class Settings:
    """The inputs, under the same names."""

    image: Path
    strokes: int = 24
    ink: str = "#000000"
    stroke_width: float = 2.5
    one_line: bool = False
    mask_background: bool = False
    mask: Path | None = None
    drawing: Path | None = None
    seed: int = 0
    tries: int = 3
    steps: int = 150
    size: int = 256
    model: str = "auto"
    layers: str = ""


class Batch(NamedTuple):
    """A part of a run: strokes are added, and all take some steps."""

    strokes: int
    """How many there are then, at most."""
    steps: int


@dataclass(frozen=True, eq=False)
class Plan:
    """What a run does, worked out before its first step."""

    picture: Float[Tensor, "3 height width"]
    """What is drawn, on white; its pixels are the canvas's units."""
    lines: Lines
    unit: float
    """A 224th of the shorter side."""
    pen: float
    """Width of a stroke at the start."""
    encoder: Encoder
    layers: list[int]
    """In which the encoder compares the drawing with the picture; empty where it does not."""
    begun: Drawing
    """Strokes that are there already: those of the drawing that was handed in."""
    device: str
    """Where the encoder works, and strokes are moved."""
    batches: list[Batch]
    generators: list[torch.Generator]
    """One for each try."""

    @property
    def canvas(self) -> tuple[int, int]:
        """Width and height."""
        return self.picture.shape[2], self.picture.shape[1]

    @property
    def target(self) -> Float[Tensor, "height width"]:
        """The ink that is wanted."""
        return torch.from_numpy(self.lines.ink).float()


def plan(settings: Settings, say: Callable[[str], None] = print) -> Plan:
    """Read the picture, find what it is of, and read that as a line drawing.

    Raises:
        ValueError: an input at fault, by name.
        RuntimeError: weights that cannot be had.
    """
    picture = read("image", settings.image, settings.size, "#ffffff")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    encoder = load_encoder(settings.model, device)
    say(f"encoder: {encoder.name} on {device}")
    layers = layers_of(settings.layers, encoder)
    shown = drawn_part(settings, picture)
    unit, pen = (min(picture.shape[1:]) / CLASSIC * width for width in (1.0, settings.stroke_width))
    begun = strokes_of(settings.drawing, pen, picture, say)
    salient = saliency(on_white(picture, shown), encoder, device)
    if settings.mask_background:
        shown = shown & foreground(salient, unit)
    lines = lines_of(picture, weights(salient, unit) * shown, settings.strokes, unit, pen)
    if not lines.strength.any():
        raise ValueError(
            f"image: in {settings.image.name} nothing stands out that could be drawn; give a "
            "picture with more contrast, or mask less of it"
        )
    generator = torch.Generator().manual_seed(settings.seed)
    seeds = torch.randint(2**62, (settings.tries,), generator=generator).tolist()
    return Plan(
        on_white(picture, shown), lines, unit, pen, encoder, layers, begun, device,
        batches(settings, begun.paths), [torch.Generator().manual_seed(one) for one in seeds],
    )  # fmt: skip


def read(name: str, file: Path, size: int, paper: str) -> Float[Tensor, "3 height width"]:
    try:
        return read_picture(file, size, paper)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def layers_of(text: str, encoder: Encoder) -> list[int]:
    """The layers that were asked for; else none of pocket's, and two of an open_clip model's."""
    if not text.strip():
        # CLIPasso takes two in the second half. What pocket sees in photographs helps no drawing.
        return [] if encoder.name == "pocket" else [encoder.depth // 2, 3 * encoder.depth // 4]
    try:
        layers = [int(part) for part in text.split(",")]
    except ValueError as error:
        raise ValueError(
            f"layers: {text[:40]!r} is no list of numbers; write them with commas, such as 2,3"
        ) from error
    try:
        check_layers(encoder, layers)
    except ValueError as error:
        raise ValueError(f"layers: {error}") from error
    return layers


def drawn_part(settings: Settings, picture: Tensor) -> Bool[np.ndarray, "height width"]:
    """True where the mask is light, or everywhere without one."""
    shape = tuple(picture.shape[1:])
    if settings.mask is None:
        return np.ones(shape, bool)
    mask = read("mask", settings.mask, settings.size, "#000000")
    if max(abs(a - b) for a, b in zip(mask.shape[1:], shape, strict=True)) > settings.size / 50:
        raise ValueError(
            f"mask: {settings.mask.name} has other proportions than the image, {mask.shape[2]} x "
            f"{mask.shape[1]} instead of {shape[1]} x {shape[0]}; cut both alike"
        )
    light = F.interpolate(mask[None], shape, mode="area")[0].mean(0) > 0.5
    if not light.any():
        raise ValueError(
            f"mask: {settings.mask.name} is dark all over, and only what is white in it is drawn"
        )
    return light.numpy()


def on_white(picture: Tensor, shown: Bool[np.ndarray, "height width"]) -> Tensor:
    return torch.where(torch.from_numpy(shown), picture, 1.0)


def strokes_of(
    file: Path | None, pen: float, picture: Tensor, say: Callable[[str], None]
) -> Drawing:
    """The outlines of a drawing's paths as strokes of the pen; none without a drawing."""
    height, width = picture.shape[1:]
    if file is None:
        return pen_drawing([], pen, width, height)
    outlines = [
        torch.cat([points, points[:1]]) if closed else points
        for path in on_canvas(file, width, height, say).each_path()
        for points, closed in zip(path.contours, path.closed, strict=True)
    ]
    if len(outlines) > MOST_BEGUN:
        raise ValueError(
            f"drawing: {file.name} has {len(outlines)} outlines, but at most {MOST_BEGUN} can be "
            "begun with; take some out, or give it as the image, as a PNG"
        )
    return pen_drawing(outlines, pen, width, height)


def batches(settings: Settings, begun: int) -> list[Batch]:
    """More strokes in each, and no fewer than were begun with; one line is drawn at once."""
    if settings.one_line:
        return [Batch(settings.strokes, settings.steps)]
    ends = [round(settings.steps * i / len(BATCHES)) for i in range(len(BATCHES) + 1)]
    least = min(max(begun, 1), settings.strokes)
    counts = [max(round(settings.strokes * share), least) for share in BATCHES]
    return [Batch(*row) for row in zip(counts, np.diff(ends).tolist(), strict=True)]


def draw(settings: Settings, plan: Plan) -> Iterator[Frame]:
    """Draw all tries side by side: one frame a step. Black strokes move, and frames show their
    inks."""
    drawings = [plan.begun] * settings.tries
    done = 0
    for batch in plan.batches:
        tries = zip(drawings, plan.generators, strict=True)
        grown_ones = [grown(one, batch.strokes, plan, luck) for one, luck in tries]
        if settings.one_line:
            grown_ones = [one_line(one, plan.lines.ink) for one in grown_ones]
        start = inside(join(grown_ones)).to(plan.device)
        frames = optimise(
            start,
            terms(plan, start),
            steps=batch.steps,
            generators=plan.generators,
            rates=replace(RATES, points=RATES.points * plan.unit, widths=RATES.widths * plan.unit),
            width_bounds=(THINNEST * plan.pen, WIDEST * plan.pen),
            constraints=[inside],
        )
        for frame in frames:
            black = frame.drawing.to("cpu")
            shown = inked(black, settings.ink, plan.picture, plan.pen)
            # A pixel of the picture is left: it is black, and a film remembers a hundred frames.
            frame = replace(
                frame, drawing=shown, picture=frame.picture[..., :1, :1].clone(),
                step=done + frame.step, steps=settings.steps,
            )  # fmt: skip
            if frame.step < done + batch.steps:
                yield frame
        drawings, done = black.split(), done + batch.steps
    yield frame


def grown(drawing: Drawing, strokes: int, plan: Plan, generator: torch.Generator) -> Drawing:
    """The best of the strokes that there are and of new ones where ink is missing, best first."""
    missing = (plan.target - coverage(drawing)[0]).clamp(min=0).double().numpy()
    new = candidates(plan.lines, missing, CHOICE * strokes, plan.pen, plan.unit, generator)
    both = join([drawing, new])
    both = both.replace(picture=torch.zeros_like(both.picture), pictures=1)
    return both.take(best_first(both, plan.target, strokes))


def terms(plan: Plan, start: Drawing) -> Mapping[str, Weighted]:
    """What moves the strokes, from a start on."""
    found = {
        "ink": Weighted(INK, InkDistance(plan.target[None])),
        "stiffness": Weighted(STIFFNESS / plan.unit**2, Stiffness(start)),
    }
    return found | ({"features": features(plan)} if plan.layers else {})


@torch.no_grad()
def features(plan: Plan) -> Weighted:
    """What the encoder sees otherwise than in the picture. It counts as much as ink does: blank
    paper costs the same in both, whatever the scale of the layers."""
    views = RasterViews(size=plan.encoder.size, **VIEWS)
    term = FeatureDistance(plan.encoder, plan.picture[None], views, plan.layers)
    drawing = pen_drawing([], plan.pen, *plan.canvas).to(plan.device)
    blank = torch.ones(1, *plan.picture.shape, device=plan.device)
    scene = Scene(drawing, blank, [torch.Generator().manual_seed(0)], 0.0)
    ink = ink_distance(torch.zeros_like(plan.target)[None], plan.target[None])
    return Weighted(INK * ink.item() / term(scene).item(), term)


def inside(drawing: Drawing, progress: float = 0.0) -> Drawing:
    """A constraint: no stroke leaves the canvas, for a curve lies between its control points."""
    half = drawing.widths[drawing.path_of_point.to(drawing.widths.device), None] / 2
    corner = drawing.points.new_tensor([drawing.width, drawing.height])
    return drawing.replace(points=torch.minimum(drawing.points.maximum(half), corner - half))


class Chosen(NamedTuple):
    """The drawing that is handed out."""

    drawing: Drawing
    picture: int
    """Its number among the tries."""
    likeness: list[float]
    """The judge's cosine of each try with the picture."""
    left: list[float]
    """What is left of the distance of blank paper after 0, 1, 2, ... strokes."""


def choose(settings: Settings, plan: Plan, drawing: Drawing) -> Chosen:
    """The try that the judge finds most like the picture, its strokes in order of importance."""
    black = drawing.replace(colors=torch.zeros_like(drawing.colors) + torch.tensor([0.0, 0, 0, 1]))
    liked = likeness(plan, black)
    picture = int(liked.argmax())
    best = black.split()[picture]
    best = best.take(best_first(best, plan.target, best.paths))
    left = left_over(best, plan.target)
    drawn = inked(best, settings.ink, plan.picture, plan.pen)
    return Chosen(drawn, picture, liked.tolist(), left)


def guides(settings: Settings, plan: Plan) -> list[str]:
    """Who guided the drawing that was handed in and this one, and who chose it: that one is no
    judge of it any more, either."""
    before = read_notes(settings.drawing).guides if settings.drawing else ()
    chose = [load_judge().name] if settings.tries > 1 else []
    return list(dict.fromkeys([*before, public_name(plan.encoder), *chose]))


@torch.no_grad()
def likeness(plan: Plan, drawing: Drawing) -> Float[Tensor, " tries"]:
    """The judge's cosine of each try with the picture; it guided none of them."""
    judge = load_judge()
    seen = judge.embed_image(render(drawing, judge.size, judge.size))
    picture = F.interpolate(
        plan.picture[None], (judge.size, judge.size), mode="bilinear", antialias=True
    )
    return (seen * judge.embed_image(picture)).sum(1)
