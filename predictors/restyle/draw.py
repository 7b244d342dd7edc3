"""Restyling as a function: settings in, frames out."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from clipdraw import Drawing, Weighted, optimise, render
from clipdraw.colors import oklab
from clipdraw.drawing import join
from clipdraw.loop import Frame, Rates, Scene
from losses import StyleDistance, load_encoder
from losses.style import Colours, Layers, Patches, shrunk
from predictors.pictures import Color, read_picture
from predictors.restyle import measures
from predictors.restyle.marks import directions, lay, stroke_width
from predictors.restyle.subject import Subject, drawn, handed_in
from predictors.restyle.transport import Transport, middles, sample, transport

# The canvas that widths and rates are measured on.
CLASSIC = 224
# Shorter side in pixels at which the drawing is rendered: the lines of a woodcut are three pixels
# apart there. With 128 fine hatching is grey, with 192 a step takes half as long again.
LOOK = 160
# Longer side of a style when it is read; the shorter one of what is no strip has at least 2 LOOK.
LONGEST = 8 * LOOK
# Shorter sides at which statistics are compared: a patch of 7 pixels is 6, 12 and 25 % of them,
# from a brush's mark to a motif. At 160 itself, marks go along rows and columns of pixels, where
# they are as sharp as a style's edges.
SIZES = (112, 56, 28)
# At full strength. Slow beside CLIPDraw's: marks lie along something already, and keep to it.
DROPS = ((0.5, 0.4), (0.75, 0.1))
RATES = Rates(points=0.3, widths=0.05, colors=0.01, drops=DROPS, color_drops=DROPS)
THINNEST, THICKEST = 1.0, 60.0
# Looked at on two drawings in eight styles: with 60 for the content houses drown in their style,
# with 400 the woodcut turns grey.
CONTENT_WEIGHT, COLOUR_WEIGHT, TEXTURE_WEIGHT = 200.0, 300.0, 900.0
# Features have a mean square of 1, colours one of a hundredth or less.
FEATURE_WEIGHT = 3.0
# Where less of a drawing covers its paper than this, marks lie below it, and its paper is bare.
COVERED, BARE = 0.5, 0.02
# Side in pixels of the drawing in the style's colours, whose contours marks follow.
CONTOURS = 64


@dataclass(frozen=True)
class Settings:
    """The inputs, under the same names."""

    style: Path
    drawing: Path | None = None
    prompt: str = ""
    strength: float = 70
    marks: int = 500
    steps: int = 80
    seed: int = 0
    model: str = "auto"

    def __post_init__(self):
        if (self.drawing is None) == (not self.prompt.strip()):
            given = "neither came" if self.drawing is None else "both came"
            raise ValueError(
                f"drawing: what is restyled is a drawing or a prompt, and {given}; give one of them"
            )

    @property
    def share(self) -> float:
        """The strength, from 0 to 1."""
        return self.strength / 100


@dataclass(frozen=True)
class Plan:
    """What a run does, worked out before its first step."""

    subject: Subject
    picture: Float[Tensor, "3 height width"]
    """The subject as it was."""
    style: Float[Tensor, "3 _ _"]
    start: Drawing
    paper: Color
    terms: Mapping[str, Weighted]
    rates: Rates
    widths: tuple[float, float]
    """Thinnest and thickest stroke."""
    generator: torch.Generator

    @property
    def look(self) -> tuple[int, int]:
        """(height, width) in pixels at which the terms see the drawing."""
        return tuple(self.picture.shape[1:])


def plan(settings: Settings, say: Callable[[str], None] = print) -> Plan:
    """Read the style, read or draw what is restyled, and lay the marks.

    Raises:
        ValueError: an input at fault, by name.
        RuntimeError: weights that cannot be had.
    """
    try:
        style = shrunk(read_picture(settings.style, LONGEST, "#ffffff"), 2 * LOOK)
    except ValueError as error:
        raise ValueError(f"style: {error}") from error
    subject = subject_of(settings, say)
    generator = torch.Generator().manual_seed(settings.seed)
    painter = Painter.of(subject, style, settings.share, generator)
    start, paper = restyled(subject, painter, settings)
    unit = min(start.width, start.height) / CLASSIC
    stroked = subject.drawing.widths
    look = shrunk(painter.picture, LOOK).shape[1:]
    return Plan(
        subject=subject,
        picture=render(subject.drawing, *look, background=subject.paper)[0],
        style=shrunk(style, LOOK),
        start=start,
        paper=paper,
        terms=terms(painter, settings),
        rates=replace(
            RATES,
            points=RATES.points * unit * settings.share,
            widths=RATES.widths * unit * settings.share,
            colors=RATES.colors * settings.share,
        ),
        # No stroke that was there before is out of bounds.
        widths=(
            min(THINNEST * unit, stroked.min().item()),
            max(THICKEST * unit, stroked.max().item()),
        ),
        generator=generator,
    )


def draw(settings: Settings, plan: Plan) -> Iterator[Frame]:
    """Restyle the drawing: one frame a step."""
    return optimise(
        plan.start,
        plan.terms,
        steps=settings.steps,
        generators=[plan.generator],
        rates=plan.rates,
        width_bounds=plan.widths,
        size=plan.look,
        background=plan.paper,
    )


def subject_of(settings: Settings, say: Callable[[str], None]) -> Subject:
    if settings.drawing is None:
        return drawn(settings.prompt, settings.seed, settings.model, say)
    try:
        return handed_in(settings.drawing, say)
    except ValueError as error:
        raise ValueError(f"drawing: {error}") from error


@dataclass(frozen=True, eq=False)
class FromAfar:
    """Mean squared distance to a small picture, as which the drawing is seen from afar.

    Each of its pixels sees its neighbours', too: with `PictureDistance`, where it sees a square of
    its own, marks get corners along these squares.
    """

    target: Float[Tensor, "1 3 rows columns"]

    def __call__(self, scene: Scene) -> Float[Tensor, " pictures"]:
        seen = F.interpolate(
            scene.picture, tuple(self.target.shape[-2:]), mode="bilinear", antialias=True
        )
        return (seen - self.target).square().mean((1, 2, 3))


@dataclass(frozen=True, eq=False)
class Painter:
    """Who knows what colour each place of a drawing gets."""

    picture: Float[Tensor, "3 height width"]
    """The drawing."""
    cover: Float[Tensor, "1 height width"]
    """How much of its paper it covers."""
    style: Float[Tensor, "3 _ _"]
    way: Transport
    share: float
    """0 for the drawing's own colours, 1 for those of the style."""
    generator: torch.Generator

    @classmethod
    def of(
        cls, subject: Subject, style: Tensor, share: float, generator: torch.Generator
    ) -> "Painter":
        drawing = subject.drawing
        scale = 2 * LOOK / min(drawing.width, drawing.height)
        size = (round(drawing.height * scale), round(drawing.width * scale))
        with torch.no_grad():
            picture = render(drawing, *size, background=subject.paper)[0]
            cover = render(drawing, *size, background=None)[0, 3:]
        return cls(picture, cover, style, transport(picture, style), share, generator)

    def inks(self, places: Float[Tensor, "places 2"]) -> Float[Tensor, "places 3"]:
        """The style's colours for places (x, y) in [0, 1] of the canvas."""
        return self.way.ink(sample(self.picture, places), places, self.generator)

    def tinted(self, places: Float[Tensor, "places 2"]) -> Float[Tensor, "places 3"]:
        """What they are painted with: as much of these as the share says."""
        return sample(self.picture, places).lerp(self.inks(places), self.share)

    def target(self) -> Float[Tensor, "1 3 rows columns"]:
        """What the drawing shall look like from afar."""
        whole = F.interpolate(self.picture[None], self.way.grid, mode="area")
        return whole.lerp(self.way.means()[None], self.share)


def restyled(subject: Subject, painter: Painter, settings: Settings) -> tuple[Drawing, Color]:
    """Where the run starts: the drawing in the style's colours with marks over it, and under it
    where its paper was bare; and the colour of the paper."""
    base, paper = recoloured(subject, painter)
    canvas = (base.width, base.height)
    # Spread evenly, as far as quasi-random numbers are.
    places = torch.quasirandom.SobolEngine(2, scramble=True, seed=settings.seed)
    places = places.draw(settings.marks)
    size = (CONTOURS, CONTOURS)
    contours = F.interpolate(painter.target(), size, mode="bicubic")[0].clamp(0, 1)
    marks = lay(
        places,
        painter.tinted(places),
        directions(contours, painter.style, settings.share),
        canvas,
        stroke_width(painter.style) * min(canvas),
        painter.generator,
    )
    shown = torch.arange(marks.paths) < round(settings.share * marks.paths)
    below = sample(painter.cover, places)[: marks.paths, 0] < COVERED
    joined = join([marks.select(shown & below), base, marks.select(shown & ~below)])
    return joined.replace(picture=torch.zeros_like(joined.picture), pictures=1), paper


def recoloured(subject: Subject, painter: Painter) -> tuple[Drawing, Color]:
    """A drawing whose paths have the style's colours, and the colour of its paper.

    A path gets the middle one, by lightness, of the inks for its control points, the paper that of
    the inks for where it is bare; opacities stay.
    """
    drawing = subject.drawing
    places = drawing.points / torch.tensor([drawing.width, drawing.height])
    ink = median(painter.inks(places), drawing.path_of_point, drawing.paths)

    def tinted(colours: Float[Tensor, "paths 4"]) -> Float[Tensor, "paths 4"]:
        return torch.cat([colours[:, :3].lerp(ink, painter.share), colours[:, 3:]], dim=1)

    coloured = drawing.replace(colors=tinted(drawing.colors), fills=tinted(drawing.fills))
    places = middles(painter.way.grid)
    bare = places[sample(painter.cover, places)[:, 0] < BARE]
    paper = torch.tensor(subject.paper)
    if len(bare):
        nobody = torch.zeros(len(bare), dtype=torch.int64)
        paper = paper.lerp(median(painter.inks(bare), nobody, 1)[0], painter.share)
    return coloured, tuple(paper.tolist())


def median(
    colours: Float[Tensor, "colours 3"], owner: Int[Tensor, " colours"], owners: int
) -> Float[Tensor, "owners 3"]:
    """Of the colours of each owner, who has at least one, the middle one by lightness."""
    order = oklab(colours)[:, 0].argsort(stable=True)
    order = order[owner[order].argsort(stable=True)]
    counts = torch.bincount(owner, minlength=owners)
    return colours[order[counts.cumsum(0) - counts + counts // 2]]


def terms(painter: Painter, settings: Settings) -> dict[str, Weighted]:
    """What pulls: the content from afar, the palette, and texture, whatever is where."""
    picture, style = (shrunk(seen, LOOK) for seen in (painter.picture, painter.style))
    pair, shares = [style, picture], [settings.share, 1 - settings.share]
    size = picture.shape[1:]
    palette = painter.tinted(middles(tuple(size))).T.unflatten(1, size)
    wanted = {
        "content": Weighted(CONTENT_WEIGHT, FromAfar(painter.target())),
        "colours": Weighted(COLOUR_WEIGHT, StyleDistance([palette], looks=[Colours(SIZES)])),
        "texture": Weighted(TEXTURE_WEIGHT, StyleDistance(pair, shares, [Patches(SIZES)])),
    }
    encoder = load_encoder(settings.model)
    if encoder.name != "pocket":
        # The first half of a network sees marks and motifs, the second one things.
        layers = Layers(encoder, (encoder.depth // 4, encoder.depth // 2))
        wanted["features"] = Weighted(FEATURE_WEIGHT, StyleDistance(pair, shares, [layers]))
    return wanted


def measured(plan: Plan, frame: Frame) -> dict[str, float]:
    """What a drawing took on of the style and kept of its content: see `measures`."""
    after = Scene(frame.drawing, frame.picture.cpu(), [plan.generator], 1.0)
    return {
        "style_taken": round(measures.style_taken(plan.picture, after, plan.style), 3),
        "content_kept": round(measures.content_kept(plan.picture, frame.picture[0].cpu()), 3),
    }
