"""CLIPDraw as a function: settings in, frames out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from clipdraw import Drawing, RasterViews, Weighted, optimise, render, scribble
from clipdraw.constraints import Frozen, Palette
from clipdraw.drawing import join
from clipdraw.loop import Constraint, Frame, Rates, Scene
from clipdraw.scribble import scribble_over
from clipdraw.svg_reader import read_notes
from losses import (
    CentrePenalty,
    Encoder,
    PictureDistance,
    ScoreDistillation,
    Similarity,
    StayWithin,
    load_encoder,
    parse_prompts,
)
from losses.encoders import public_name
from losses.fields import Field
from losses.guidance import Prior
from losses.judge import load_judge
from losses.scenes import Cell, Region, Within, zoom
from losses.schedule import From
from losses.similarity import Views
from predictors.clipdraw.dreams import dreamt, guidance, parts_of
from predictors.clipdraw.handed import still
from predictors.clipdraw.places import Part, Sheet, fields, regions, room
from predictors.clipdraw.presets import PRESETS, Preset
from predictors.clipdraw.settings import Settings
from predictors.drawings import on_canvas
from predictors.outputs import size

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
# Of the penalty for control points outside of where strokes stay, as the centre penalty's is.
WITHIN_WEIGHT = 0.01
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
    regions: Sequence[Part] = ()
    """Those with prompts of their own."""
    constraints: Sequence[Constraint] = ()
    """What the drawing has to be."""


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
    sheet = Sheet.read(settings.width, settings.height, settings.mask)
    wanted, allowed = regions(settings.regions, sheet), fields(settings.within, sheet)
    inks = settings.inks
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if "/" in settings.model:
        say(f"loading {settings.model}; a first time, that is a download")
    encoder = load_encoder(settings.model, device)
    say(f"encoder: {encoder.name} on {device}")
    if hasattr(encoder, "unknown_words"):
        tell_unknown(encoder, settings, wanted, say)

    generator = torch.Generator().manual_seed(settings.seed)
    dreams = None
    if preset.dreams and isinstance(encoder, Prior):
        say(f"dreaming {preset.dreams} times of {settings.prompt!r}")
        parts = wanted or parts_of(settings)
        dreams = dreamt(encoder, parts, settings, preset, generator)
        paper = torch.tensor(settings.paper)[:, None, None]
        dreams = torch.where(room(allowed, sheet, *dreams.shape[2:]), dreams, paper)
        start, look, terms = from_dreams(encoder, parts, dreams, settings, preset, generator)
    else:
        start, look, terms = from_scribbles(encoder, wanted, settings, preset, generator)
    start, constraints = begun(start, settings, say)
    if settings.centre_weight:
        terms["centre"] = Weighted(1.0, centre(settings))
    terms |= staying(allowed, settings)
    if inks:
        constraints.append(Palette(torch.tensor(inks)))
    mended_from = round(preset.mended_from * settings.steps)
    return Plan(
        encoder, start.to(device), terms, rates(settings, preset), look,
        [generator, *others(generator, start.pictures - 1)], mended_from, dreams, wanted,
        constraints,
    )  # fmt: skip


def begun(
    start: Drawing, settings: Settings, say: Callable[[str], None]
) -> tuple[Drawing, list[Constraint]]:
    """Where strokes start: on the drawing that was handed in, if one was; and what of it stays."""
    if settings.drawing is None:
        still(settings, 0)
        return start, []
    one = on_canvas(settings.drawing, settings.width, settings.height, say)
    frozen = still(settings, one.paths)
    start = one.repeat(start.pictures)
    return start, [Frozen(frozen.repeat(start.pictures), start)] if frozen.any() else []


def staying(places: Sequence[Field], settings: Settings) -> dict[str, Weighted]:
    """What keeps strokes in places; its weight means the same on every canvas."""
    names = ["within"] if len(places) == 1 else [f"within {i}" for i in range(1, len(places) + 1)]
    return {
        name: Weighted(1.0, StayWithin(place, weight=WITHIN_WEIGHT / settings.unit**2))
        for name, place in zip(names, places, strict=True)
    }


def others(generator: torch.Generator, count: int) -> list[torch.Generator]:
    """More generators, seeded by one."""
    seeds = torch.randint(2**62, (count,), generator=generator).tolist()
    return [torch.Generator().manual_seed(seed) for seed in seeds]


Beginning = tuple[Drawing, tuple[int, int], dict[str, Weighted]]
"""Where strokes start, the (height, width) at which they are looked at, and what pulls them."""


def from_dreams(
    prior: Prior,
    parts: Sequence[Part],
    dreams: Tensor,
    settings: Settings,
    preset: Preset,
    generator: torch.Generator,
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
        for number, part in enumerate(parts, start=1):
            distillation = ScoreDistillation(
                guidance(prior, part.text, settings), views, **DISTILLATION_LEVELS
            )
            name, term = "distillation", distillation
            if len(parts) > 1 or isinstance(part.place, Region):
                name, term = f"distillation {number}", Within(middle(part.place, settings), term)
            weight = DISTILLATION_WEIGHT * part.weight
            terms[name] = Weighted(weight, From(preset.mended_from, term))
        views = RasterViews(size=prior.size, **SIMILARITY_VIEWS)
        regions = [part for part in parts if isinstance(part.place, Region)]
        for name, (weight, term) in likings(prior, regions, settings, views).items():
            terms[name] = Weighted(SIMILARITY_WEIGHT * weight, From(preset.mended_from, term))
    return start, look, terms


def middle(place: Cell | Region, settings: Settings) -> Cell | Region:
    """Where in its place a dream is."""
    return place.square(settings.width / settings.height) if isinstance(place, Region) else place


def from_scribbles(
    encoder: Encoder,
    wanted: Sequence[Part],
    settings: Settings,
    preset: Preset,
    generator: torch.Generator,
) -> Beginning:
    """CLIPDraw's own way: scribbles anywhere, pulled by the similarity of random views."""
    start = scribble(settings.strokes, generator, **canvas(settings, preset))
    views = RasterViews(settings.views, encoder.size)
    if not preset.normalise:
        views = Raw(views, encoder)
    return start, size(start, encoder.size), likings(encoder, wanted, settings, views)


def likings(
    encoder: Encoder, wanted: Sequence[Part], settings: Settings, views: Views
) -> dict[str, Weighted]:
    """Similarity with the prompt, of the whole; and of each region with its own."""
    prompts = {"similarity": (settings.prompt, None, 1.0)}
    for number, (text, place, weight) in enumerate(wanted, start=1):
        prompts[f"similarity {number}"] = (text, place, weight)
    terms = {}
    for name, (text, place, weight) in prompts.items():
        term = Similarity.to_prompt(encoder, text, settings.negative_prompt, views)
        terms[name] = Weighted(weight, term if place is None else Within(place, term))
    return terms


def draw(
    settings: Settings,
    plan: Plan,
    state: Mapping[str, Tensor] | None = None,
) -> Iterator[Frame]:
    """Draw all pictures of the plan: one frame a step. A `state` of the same run goes on where it
    was saved; the plan then starts with that run's drawing.

    From the step on at which mending sets in, `frame.state` holds the drawing of that step, too,
    under names that begin with FITTED.
    """
    bounds = (settings.min_stroke_width * settings.unit, settings.max_stroke_width * settings.unit)
    frames = optimise(
        plan.start,
        plan.terms,
        steps=settings.steps,
        generators=plan.generators,
        rates=plan.rates,
        width_bounds=bounds,
        size=plan.look,
        constraints=plan.constraints,
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
    mending; it obeys all constraints, wherever the run ended."""
    drawings = {frame.step > plan.mended_from: frame.drawing}
    fitted = {n.removeprefix(FITTED): x for n, x in frame.state.items() if n.startswith(FITTED)}
    if fitted and frame.step > plan.mended_from:
        drawings[False] = frame.drawing.replace(**{n: x.to("cpu") for n, x in fitted.items()})
    for constraint in plan.constraints:
        drawings = {m: constraint(drawing.to("cpu"), 1.0) for m, drawing in drawings.items()}
    found = {m: liked(settings, plan, drawing) for m, drawing in drawings.items()}
    mended = max(found, key=lambda key: found[key].max().item())
    picture = int(found[mended].argmax())
    return Chosen(drawings[mended].split()[picture], picture, mended)


def liked(settings: Settings, plan: Plan, drawing: Drawing) -> Float[Tensor, " pictures"]:
    """How much the encoder likes drawings: the whole for the prompt, and each region for its own,
    by their weights."""
    weights = torch.tensor([weight for _, weight in parse_prompts(settings.prompt)])
    whole = cosines(settings, plan, drawing) @ weights
    found = in_regions(settings, plan, drawing)
    return whole + sum(part.weight * one for part, one in zip(plan.regions, found, strict=True))


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


@torch.no_grad()
def in_regions(
    settings: Settings, plan: Plan, drawing: Drawing
) -> list[Float[Tensor, " pictures"]]:
    """Of each region of drawings with its own prompt, as `cosines` tells of the whole."""
    if not plan.regions:
        return []
    encoder, drawing = plan.encoder, drawing.to(plan.start.points.device)
    # Twice the encoder's size: half of the canvas is seen as sharply as the whole.
    image = render(drawing, *size(drawing, 2 * encoder.size), background=settings.paper)
    found = []
    for text, place, _ in plan.regions:
        seen = zoom(image, place, settings.paper)
        seen = F.interpolate(seen, (encoder.size,) * 2, mode="bilinear", antialias=True)
        found.append((encoder.embed_image(seen).float() * encoder.embed_text([text])).sum(1).cpu())
    return found


def bystander(plan: Plan):
    """A model that does not guide: the judge where pocket guides, and pocket where another does."""
    device = str(plan.start.points.device)
    return load_judge(device) if plan.encoder.name == "pocket" else load_encoder("pocket", device)


@torch.no_grad()
def likes(model, settings: Settings, drawing: Drawing) -> float:
    """The cosine of a drawing, seen whole, with the prompt; of several texts by their weights."""
    texts, weights = zip(*parse_prompts(settings.prompt), strict=True)
    read = model.embed_text(list(texts))
    picture = render(drawing.to(read.device), model.size, model.size, background=settings.paper)
    return ((model.embed_image(picture) * read).sum(1).cpu() * torch.tensor(weights)).sum().item()


def guides(settings: Settings, plan: Plan) -> list[str]:
    """Who pulled the drawing towards a prompt: those of the drawing that it starts from, and the
    encoder."""
    before = read_notes(settings.drawing).guides if settings.drawing else ()
    return list(dict.fromkeys([*before, public_name(plan.encoder)]))


def texts(settings: Settings) -> list[str]:
    """The parts of the prompt without their weights."""
    return [text for text, _ in parse_prompts(settings.prompt)]


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


def tell_unknown(
    encoder, settings: Settings, wanted: Sequence[Part], say: Callable[[str], None]
) -> None:
    said = [settings.prompt, settings.negative_prompt, *(part.text for part in wanted)]
    for word in encoder.unknown_words(" ".join(said)):
        say(
            f"{encoder.name} has seen no picture of {word!r}; it draws the nearest that it has seen"
        )
