"""CLIPDraw as a function: settings in, frames out."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from clipdraw import Drawing, RasterViews, Weighted, from_svg, optimise, render, scribble
from clipdraw.drawing import join
from clipdraw.loop import Frame, Rates, Scene
from clipdraw.scribble import scribble_over
from clipdraw.svg_reader import read_notes
from losses import (
    CentrePenalty,
    Encoder,
    PictureDistance,
    ScoreDistillation,
    Similarity,
    load_encoder,
    parse_prompts,
)
from losses.encoders import public_name
from losses.guidance import Prior
from losses.scenes import CELLS, Within
from losses.schedule import From
from predictors.clipdraw.dreams import dreamt, guidance, named
from predictors.clipdraw.presets import PRESETS, Preset
from predictors.clipdraw.settings import Settings
from predictors.outputs import size
from predictors.state import drawing_of

# Long side in pixels at which strokes that follow a dream are looked at: twice the dream's own.
DREAM_LOOK = 96
# Its distance is a mean over pixels of squares, a tenth at most; the other terms are of the order
# of one.
DREAM_WEIGHT = 100.0
# The last part of a run mends what the dream frayed, by score distillation at noise levels that
# leave things where they are, and by similarity. Looked at side by side on eight prompts: a weight
# of 0.06 dulls colours and rounds off rays, none leaves the dream's speckles.
DISTILLATION_WEIGHT = 0.02
DISTILLATION_LEVELS = {"sigma_max": 1.0, "sigma_min": 0.3}
# Whole things, hardly tilted: the prior and its encoder have seen no others.
DISTILLATION_VIEWS = {"count": 1, "distortion": 0.2, "scale": (0.8, 1.0)}
SIMILARITY_VIEWS = {**DISTILLATION_VIEWS, "count": 2}
# The judge's mean margin on 25 prompts: 0.009 at 1, 0.002 at 0.1, 0.003 without similarity, 0.000
# unmended. Side by side on six, mended ones are calmer and cleaner, with either weight.
SIMILARITY_WEIGHT = 1.0
# What a state calls the drawing as it was before it was mended.
FITTED = "fitted."
# The prior knows things on white paper; on anything darker than this it would paint the paper.
PALE = 0.85


@dataclass(frozen=True)
class Plan:
    """What a run does, worked out before its first step."""

    encoder: Encoder
    start: Drawing
    """One picture, or several to choose from in the end."""
    terms: Mapping[str, Weighted]
    rates: Rates
    look: tuple[int, int]
    """(height, width) in pixels at which the terms see the drawing."""
    generators: Sequence[torch.Generator]
    mended_from: int
    """The step at which the drawing follows its dream and is not mended yet."""
    dreams: Tensor | None = None
    """What the prior dreamt, on paper, the best first: `[dreams, 3, rows, columns]`."""


def plan(settings: Settings, say: Callable[[str], None] = print) -> Plan:
    """Load the encoder, dream if it can, place the strokes. `settings` are resolved.

    Raises:
        ValueError: an input at fault, by name.
        RuntimeError: weights that cannot be had.
    """
    preset = PRESETS[settings.preset]
    for name in ("prompt", "negative_prompt"):
        if name == "prompt" or getattr(settings, name).strip():
            parse_prompts(getattr(settings, name), name)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if "/" in settings.model:
        say(f"loading {settings.model}; a first time, that is a download")
    encoder = load_encoder(settings.model, device)
    say(f"encoder: {encoder.name} on {device}")
    if hasattr(encoder, "unknown_words"):
        tell_unknown(encoder, settings, say)

    generator = torch.Generator().manual_seed(settings.seed)
    dreams = None
    if preset.dreams and isinstance(encoder, Prior):
        say(f"dreaming {preset.dreams} times of {settings.prompt!r}")
        dreams = dreamt(encoder, settings, preset, generator)
        start, look, terms = from_dreams(encoder, dreams, settings, preset, generator)
    else:
        start, look, terms = from_scribbles(encoder, settings, preset, generator)
    if settings.drawing is not None:
        start = on_canvas(settings.drawing, settings, say).repeat(start.pictures)
    if settings.centre_weight:
        terms["centre"] = Weighted(1.0, centre(settings))
    mended_from = round(preset.mended_from * settings.steps)
    return Plan(
        encoder, start.to(device), terms, rates(settings, preset), look,
        [generator, *others(generator, start.pictures - 1)], mended_from, dreams,
    )  # fmt: skip


def others(generator: torch.Generator, count: int) -> list[torch.Generator]:
    """More generators, seeded by one."""
    seeds = torch.randint(2**62, (count,), generator=generator).tolist()
    return [torch.Generator().manual_seed(seed) for seed in seeds]


Beginning = tuple[Drawing, tuple[int, int], dict[str, Weighted]]
"""Where strokes start, the (height, width) at which they are looked at, and what pulls them."""


def from_dreams(
    prior: Prior, dreams: Tensor, settings: Settings, preset: Preset, generator: torch.Generator
) -> Beginning:
    """Strokes that start on the best dreams, follow them, and are mended by distillation and
    similarity."""
    followed = dreams[: preset.drawn]
    start = join(
        [
            scribble_over(
                picture, settings.strokes, generator, paper=settings.paper,
                **canvas(settings, preset),
            )
            for picture in followed
        ]
    )  # fmt: skip
    look = size(start, DREAM_LOOK)
    target = F.interpolate(followed, look, mode="bicubic").clamp(0, 1)
    terms = {"dream": Weighted(DREAM_WEIGHT, PictureDistance(target))}
    if min(settings.paper) >= PALE and preset.mended_from < 1:
        views = RasterViews(size=prior.picture_size, **DISTILLATION_VIEWS)
        alone = named(settings)
        for number, (text, cell) in enumerate(zip(alone, CELLS[len(alone)], strict=True), start=1):
            distillation = ScoreDistillation(
                guidance(prior, text, settings), views, **DISTILLATION_LEVELS
            )
            name, term = "distillation", distillation
            if len(alone) > 1:
                name, term = f"distillation {number}", Within(cell, distillation)
            terms[name] = Weighted(DISTILLATION_WEIGHT, From(preset.mended_from, term))
        views = RasterViews(size=prior.size, **SIMILARITY_VIEWS)
        liking = Similarity.to_prompt(prior, settings.prompt, settings.negative_prompt, views)
        terms["similarity"] = Weighted(SIMILARITY_WEIGHT, From(preset.mended_from, liking))
    return start, look, terms


def from_scribbles(
    encoder: Encoder, settings: Settings, preset: Preset, generator: torch.Generator
) -> Beginning:
    """CLIPDraw's own way: scribbles anywhere, pulled by the similarity of random views."""
    start = scribble(settings.strokes, generator, **canvas(settings, preset))
    terms = {"similarity": Weighted(1.0, similarity(encoder, settings, preset))}
    return start, size(start, encoder.size), terms


def draw(
    settings: Settings,
    plan: Plan,
    state: Mapping[str, Tensor] | None = None,
) -> Iterator[Frame]:
    """Draw all pictures of the plan: one frame a step. A `state` of the same run goes on where it
    was saved.

    From the step on at which mending sets in, `frame.state` holds the drawing of that step, too,
    under names that begin with FITTED.
    """
    start = plan.start
    if state is not None:
        start = drawing_of(state, settings.width, settings.height).to(start.points.device)
    bounds = (settings.min_stroke_width * settings.unit, settings.max_stroke_width * settings.unit)
    frames = optimise(
        start,
        plan.terms,
        steps=settings.steps,
        generators=plan.generators,
        rates=plan.rates,
        width_bounds=bounds,
        size=plan.look,
        background=settings.paper,
        state=state,
    )
    fitted = {name: x for name, x in (state or {}).items() if name.startswith(FITTED)}
    for frame in frames:
        if frame.step == plan.mended_from:
            fitted = {FITTED + name: x for name, x in frame.drawing.floats.items()}
        yield replace(frame, state=frame.state | fitted)


class Chosen(NamedTuple):
    """The drawing that is handed out."""

    drawing: Drawing
    picture: int
    """Its number among the pictures of the plan."""
    mended: bool
    """Whether it is as it was in the end; else as it was before it was mended."""


def choose(settings: Settings, plan: Plan, frame: Frame) -> Chosen:
    """The picture that the encoder finds most like the prompt, among all, before and after
    mending."""
    drawings = {frame.step > plan.mended_from: frame.drawing}
    fitted = {n.removeprefix(FITTED): x for n, x in frame.state.items() if n.startswith(FITTED)}
    if fitted and frame.step > plan.mended_from:
        drawings[False] = frame.drawing.replace(**{n: x.to("cpu") for n, x in fitted.items()})
    if len(drawings) == frame.drawing.pictures == 1:
        return Chosen(frame.drawing, 0, mended=frame.step > plan.mended_from)
    weights = torch.tensor([weight for _, weight in parse_prompts(settings.prompt)])
    found = {m: cosines(settings, plan, drawing) @ weights for m, drawing in drawings.items()}
    mended = max(found, key=lambda key: found[key].max().item())
    picture = int(found[mended].argmax())
    return Chosen(drawings[mended].split()[picture], picture, mended)


@torch.no_grad()
def cosines(settings: Settings, plan: Plan, drawing: Drawing) -> Float[Tensor, "pictures texts"]:
    """Of drawings, seen whole, with each part of the prompt.

    The encoder that guided a drawing is no judge of it: this tells how far the guide got.
    """
    encoder, drawing = plan.encoder, drawing.to(plan.start.points.device)
    image = render(drawing, encoder.size, encoder.size, background=settings.paper)
    return (
        encoder.embed_image(image).float() @ encoder.embed_text(texts(settings)).float().T
    ).cpu()


def guides(settings: Settings, plan: Plan) -> list[str]:
    """Who pulled the drawing towards a prompt: those of the drawing that it starts from, and the
    encoder."""
    before = read_notes(settings.drawing).guides if settings.drawing else ()
    return list(dict.fromkeys([*before, public_name(plan.encoder)]))


def texts(settings: Settings) -> list[str]:
    """The parts of the prompt without their weights."""
    return [text for text, _ in parse_prompts(settings.prompt)]


def similarity(encoder: Encoder, settings: Settings, preset: Preset) -> Similarity:
    views = RasterViews(settings.views, encoder.size)
    if not preset.normalise:
        views = Raw(views, encoder)
    return Similarity.to_prompt(encoder, settings.prompt, settings.negative_prompt, views)


@dataclass(frozen=True)
class Raw:
    """Views that undo an encoder's normalisation in advance: CLIPDraw's notebook left it out."""

    views: RasterViews
    encoder: Encoder

    def __call__(self, scene: Scene) -> Tensor:
        mean, std = (
            torch.tensor(x)[:, None, None].to(scene.picture)
            for x in (self.encoder.mean, self.encoder.std)
        )
        return self.views(scene) * std + mean


def centre(settings: Settings) -> CentrePenalty:
    """The centre penalty on the classic canvas, so that its weight means the same on every one."""
    return CentrePenalty(
        centre=(settings.centre_x * settings.width, settings.centre_y * settings.height),
        threshold=settings.centre_threshold * settings.unit,
        power=settings.centre_power,
        weight=settings.centre_weight / settings.unit**settings.centre_power,
    )


def canvas(settings: Settings, preset: Preset) -> dict[str, float]:
    return {
        "width": settings.width,
        "height": settings.height,
        "stroke_width": preset.stroke_width * settings.unit,
    }


def rates(settings: Settings, preset: Preset) -> Rates:
    """The preset's step sizes in units of this canvas."""
    length = settings.unit * settings.learning_rate
    return replace(
        preset.rates,
        points=preset.rates.points * length,
        widths=preset.rates.widths * length,
        colors=preset.rates.colors * settings.learning_rate,
    )


def on_canvas(file: Path, settings: Settings, say: Callable[[str], None]) -> Drawing:
    """A drawing read and brought to the settings' canvas, as large as fits, in the middle."""
    try:
        with warnings.catch_warnings(record=True, action="always") as left_out:
            drawing = from_svg(file)
    except ValueError as error:
        raise ValueError(f"drawing: {error}") from error
    for warning in left_out:
        say(str(warning.message))
    scale = min(settings.width / drawing.width, settings.height / drawing.height)
    spare = torch.tensor([settings.width, settings.height]) - scale * torch.tensor(
        [drawing.width, drawing.height]
    )
    return drawing.replace(
        points=drawing.points * scale + spare / 2,
        widths=drawing.widths * scale,
        width=float(settings.width),
        height=float(settings.height),
    )


def tell_unknown(encoder, settings: Settings, say: Callable[[str], None]) -> None:
    for word in encoder.unknown_words(f"{settings.prompt} {settings.negative_prompt}"):
        say(
            f"{encoder.name} has seen no picture of {word!r}; it draws the nearest that it has seen"
        )
