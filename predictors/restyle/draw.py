"""Restyling as a function: settings in, frames out."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from clipdraw import Drawing, Weighted, from_svg, optimise, render
from clipdraw.drawing import join
from clipdraw.loop import Frame, Rates, Scene
from clipdraw.renderers import WHITE
from clipdraw.svg_reader import read_notes
from losses import PictureDistance, StyleDistance
from losses.style import Patches
from predictors.pictures import NARROWEST, read_picture
from predictors.restyle.strokes import flow, lay
from predictors.restyle.transport import LIGHTNESS, Transport, middles, sample, transport

# The canvas that widths and rates are measured on.
CLASSIC = 224
# Shorter side in pixels at which drawing and style are compared.
LOOK = 128
WIDTHS = (2.5, 3.5, 5.0, 7.0, 10.0, 14.0, 20.0)
DROPS = ((0.5, 0.4), (0.75, 0.1))
RATES = Rates(points=0.3, widths=0.05, colors=0.01, drops=DROPS, color_drops=DROPS)
WIDTH_BOUNDS = (1.0, 60.0)
CONTENT_WEIGHT, STYLE_WEIGHT = 30.0, 1800.0
BARE = 0.5


@dataclass(frozen=True)
class Settings:
    style: Path
    drawing: Path | None = None
    prompt: str = ""
    strength: float = 50
    strokes: int = 500
    seed: int = 0
    steps: int = 100
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


def lerp(a, b, t): return a + t * (b - a)


def plan(settings: Settings) -> Plan:
    c = read(settings.drawing)
    d = c.drawing
    unit = min(d.width, d.height) / CLASSIC
    look = tuple(round(x * LOOK / min(d.width, d.height)) for x in (d.height, d.width))
    size = tuple(2 * s for s in look)
    pic = render(d, *size, background=c.paper)[0]
    cover = render(d, *size, background=None)[0, 3:]
    style = read_picture(settings.style, LOOK * 2 * NARROWEST, "#ffffff")
    style = F.interpolate(style[None], [round(x * 2 * LOOK / min(style.shape[1:])) for x in style.shape[1:]], mode="area")[0]
    share = settings.share
    g = torch.Generator().manual_seed(settings.seed)
    tr = transport(pic, style, SUPPLY(share))
    target = lerp(tr.colours, tr.means(tr.colours, middles(tr.grid)), share).T.reshape(1, 3, *tr.grid)

    def tint(places, share=share):
        colours = sample(pic, places)
        return lerp(colours, tr.inks(colours, places, g), share)

    base, paper = recoloured(d, c.paper, tint, cover)
    smooth = F.interpolate(target, [round(x / 2) for x in look], mode="bicubic")[0].clamp(0, 1)
    dirs = flow(smooth)
    count = round(settings.strokes * COUNT(share))
    sob = torch.quasirandom.SobolEngine(2, scramble=True, seed=settings.seed).draw(count)
    inks = tint(sob)
    below = sample(cover, sob)[:, 0] < BARE
    full = settings.strokes

    def begin(width):
        gs = g.get_state()
        new = lay(sob, inks, dirs, (d.width, d.height), width * unit * (count / full if count else 1) ** 0 , g, **({}))
        g.set_state(gs)
        x = join([new.select(below), base, new.select(~below)])
        return x.replace(picture=torch.zeros_like(x.picture), pictures=1)
    small = F.interpolate(style[None], scale_factor=0.5, mode="area")
    smallc = F.interpolate(pic[None], look, mode="area")
    st = StyleDistance([small, smallc], [share, 1 - share])
    tex = StyleDistance([small], looks=[Patches()], directions=64)
    found = {}
    keep_tint = inks, base, paper
    inks, (base, paper) = tint(sob, 1.0), recoloured(d, c.paper, lambda x: tint(x, 1.0), cover)
    for w in WIDTHS:
        x = begin(w)
        p = render(x, *look, background=paper)
        found[w] = tex(Scene(x, p, [torch.Generator().manual_seed(0)], 0.0)).item()
    w = min(found, key=found.get)
    inks, base, paper = keep_tint
    terms = {"content": Weighted(CONTENT_WEIGHT * WC(share), PictureDistance(target)), "style": Weighted(STYLE_WEIGHT, st)}
    return Plan(begin(w), paper, terms, Rates(RATES.points * unit, RATES.widths * unit, RATES.colors, DROPS, DROPS), tuple(unit * x for x in WIDTH_BOUNDS), look, g, dict(width=w, found=found, pic=pic, style=style, unit=unit))

SUPPLY = lambda s: 2
COUNT = lambda s: 1
WC = lambda s: 1


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
    light = colours @ LIGHTNESS
    order = torch.argsort(light, stable=True)
    order = order[torch.argsort(owner[order], stable=True)]
    counts = torch.bincount(owner, minlength=owners)
    return colours[order[counts.cumsum(0) - counts + counts // 2]]


def draw(settings: Settings, plan: Plan) -> Iterator[Frame]:
    return optimise(plan.start, plan.terms, steps=settings.steps, generators=[plan.generator], rates=plan.rates,
        width_bounds=plan.widths, size=plan.look, background=plan.paper)
