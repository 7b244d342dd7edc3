"""Restyling as a function: settings in, frames out."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from clipdraw import Drawing, Weighted, from_svg, optimise, render
from clipdraw.colors import oklab
from clipdraw.drawing import join
from clipdraw.loop import Frame, Rates, Scene
from clipdraw.renderers import WHITE
from clipdraw.svg_reader import read_notes
from losses import PictureDistance, StyleDistance
from losses.style import Colours, Patches
from predictors.pictures import NARROWEST, read_picture
from predictors.restyle.marks import directions, grain_width, lay
from predictors.restyle.transport import Transport, middles, sample, transport

# The canvas that widths and rates are measured on.
CLASSIC = 224
# Shorter side in pixels at which drawing and style are compared.
LOOK = 160
SIZES = (160, 80, 40)
WIDTHS = (2.0, 3.0, 4.5, 7.0, 10.0, 14.0)
DROPS = ((0.5, 0.4), (0.75, 0.1))
RATES = Rates(points=0.3, widths=0.05, colors=0.01, drops=DROPS, color_drops=DROPS)
WIDTH_BOUNDS = (1.0, 60.0)
CONTENT_WEIGHT, COLOUR_WEIGHT, TEXTURE_WEIGHT = 60.0, 300.0, 900.0
BARE = 0.5


@dataclass(frozen=True)
class Settings:
    style: Path
    drawing: Path | None = None
    prompt: str = ""
    strength: float = 50
    marks: int = 500
    seed: int = 0
    steps: int = 80
    model: str = "auto"

    @property
    def share(self):
        return self.strength / 100


@dataclass(frozen=True)
class Content:
    drawing: Drawing
    paper: tuple
    guides: tuple


@dataclass(frozen=True)
class Plan:
    start: Drawing
    paper: tuple
    terms: Mapping
    rates: Rates
    widths: tuple
    look: tuple
    generator: torch.Generator
    info: dict


def read(file: Path) -> Content:
    d = from_svg(file); n = read_notes(file)
    return Content(d, n.paper or WHITE, n.guides)


def scaled(x, size, n):
    return F.interpolate(x[None], [max(round(s*n/size),1) for s in x.shape[1:]], mode="area")[0]

COUNT = lambda s: s**.5
RATE = lambda s: s

def plan(settings: Settings) -> Plan:
    c = read(settings.drawing)
    d = c.drawing
    unit = min(d.width, d.height) / CLASSIC
    look = tuple(round(x * LOOK / min(d.width, d.height)) for x in (d.height, d.width))
    size = tuple(2 * s for s in look)
    pic = render(d, *size, background=c.paper)[0]
    cover = render(d, *size, background=None)[0, 3:]
    style = read_picture(settings.style, LOOK * 2 * NARROWEST, "#ffffff")
    style = scaled(style, min(style.shape[1:]), 2 * LOOK)
    share = settings.share
    g = torch.Generator().manual_seed(settings.seed)
    tr = transport(pic, style, g)
    full = tr.painted[None]
    whole = F.interpolate(pic[None], tr.grid, mode="area")
    target = whole.lerp(full, share)

    def tint(places, share=share):
        colours = sample(pic, places)
        return colours.lerp(tr.ink(colours, places, g), share)

    count = round(settings.marks * COUNT(share))
    sob = torch.quasirandom.SobolEngine(2, scramble=True, seed=settings.seed).draw(settings.marks)
    below = sample(cover, sob)[:, 0] < BARE
    small, smallc = scaled(style, 2, 1), scaled(pic, 2, 1)

    w = grain_width(style) * CLASSIC
    base, paper = recoloured(d, c.paper, tint, cover)
    smooth = F.interpolate(target, (64, 64), mode="bicubic")[0].clamp(0, 1)
    new = lay(sob, tint(sob), directions(smooth, style, share), (d.width, d.height), w * unit, g)
    new = new.select(torch.arange(new.paths) < COUNT(share) * new.paths)
    b = below[:new.paths]
    start = join([new.select(b), base, new.select(~b)])
    start = start.replace(picture=torch.zeros_like(start.picture), pictures=1)
    n = look[0] * look[1]
    yy = middles(look)
    painted = tint(yy).T.reshape(1, 3, *look)
    terms = {"content": Weighted(CONTENT_WEIGHT, PictureDistance(target)),
             "colours": Weighted(COLOUR_WEIGHT, StyleDistance([painted[0]], looks=[Colours(SIZES)])),
             "texture": Weighted(TEXTURE_WEIGHT, StyleDistance([small, smallc], [share, 1 - share], looks=[Patches(SIZES)]))}
    k = RATE(share)
    return Plan(start, paper, terms, Rates(RATES.points * unit*k, RATES.widths * unit*k, RATES.colors*k, DROPS, DROPS), tuple(unit * x for x in WIDTH_BOUNDS), look, g, dict(width=(round(w,1),new.paths), pic=pic, style=style, unit=unit))


def recoloured(d, paper, tint, cover):
    pts = d.points / torch.tensor([d.width, d.height])
    ink = median(tint(pts), d.path_of_point, d.paths)
    d = d.replace(colors=torch.cat([ink, d.colors[:, 3:]], 1), fills=torch.cat([ink, d.fills[:, 3:]], 1))
    places = middles((32, 32)).repeat(4, 1)
    bare = sample(cover, places)[:, 0] < .02
    if bare.any():
        t = tint(places[bare])
        paper = tuple(median(t, torch.zeros(len(t), dtype=torch.int64), 1)[0].tolist())
    return d, paper


def median(colours, owner, owners):
    light = oklab(colours)[:, 0]
    order = torch.argsort(light, stable=True)
    order = order[torch.argsort(owner[order], stable=True)]
    counts = torch.bincount(owner, minlength=owners)
    return colours[order[counts.cumsum(0) - counts + counts // 2]]


def draw(settings: Settings, plan: Plan) -> Iterator[Frame]:
    return optimise(plan.start, plan.terms, steps=settings.steps, generators=[plan.generator], rates=plan.rates,
        width_bounds=plan.widths, size=plan.look, background=plan.paper)
