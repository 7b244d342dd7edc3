"""Prompts and pictures: icons are chosen, placed and named afresh every time they are drawn.

Randomness is a `numpy.random.Generator` that the caller owns.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from . import things
from .icons import RENDER_PX

# Share of the popular words. The tenth of their table then comes fourteen times as often as a thing
# that is not in it, the last six times.
POPULAR = 0.62

# Shares of the scenes with one thing and another, with two, with three and with four of a thing.
SCENES = (0.5, 0.2, 0.15, 0.15)
# Top and left of each of several things, in halves of the picture.
PLACES = {
    2: ((0.5, 0), (0.5, 1)),
    3: ((0, 0.5), (1, 0), (1, 1)),
    4: ((0, 0), (0, 1), (1, 0), (1, 1)),
}


@dataclass(frozen=True)
class Icon:
    """One thing in one style: its rows in the array of pictures, by colour, and the words for
    it."""

    name: str  # name in the icon sets, "cat-face"
    style: str  # the icon set it comes from, or a key of `things.STYLE_FRAMES`
    keywords: tuple[str, ...]
    colour: str | None  # name of its main colour, if it has one
    rows: dict[str, int]  # "": as it is; "green": recoloured


class Part(NamedTuple):
    """One thing of a picture."""

    icon: Icon
    shown: str
    """The colour it is shown in, a key of `icon.rows`; "" is its own."""
    named: str
    """The colour that the prompt names, or ""."""


class Choice(NamedTuple):
    """One random prompt and what it asks for."""

    prompt: str
    style: str
    """A key of `things.STYLE_FRAMES` that the prompt names, or ""."""
    parts: tuple[Part, ...]
    """One; or two different ones; or two to four of the same."""


class Pictures:
    """All icons of a work folder, and endless random prompts and pictures made of them."""

    def __init__(self, pixels: np.ndarray, icons: list[Icon], device: str = "cpu"):
        """`pixels` is uint8 `[rows, 64, 64, 4]`, straight alpha; pictures are put together on
        `device`."""
        self.pixels, self.icons, self.device = pixels, icons, device
        self.by_name: dict[str, list[Icon]] = {}
        for icon in icons:
            self.by_name.setdefault(icon.name, []).append(icon)
        self.names = sorted(self.by_name)
        self.popular = [word for word in things.POPULAR if self._meant(word)]

    @classmethod
    def load(cls, work: Path, device: str = "cpu") -> "Pictures":
        """The folder that `prepare` filled."""
        icons = [
            Icon(**{**e, "keywords": tuple(e["keywords"])})
            for e in json.loads((work / "icons.json").read_text())
        ]
        return cls(np.load(work / "pictures.npy", mmap_mode="r"), icons, device)

    def _meant(self, word: str) -> list[str]:
        return [name for name in things.POPULAR[word][1].split() if name in self.by_name]

    def choose(self, rng: np.random.Generator, scenes: float = 0.0) -> Choice:
        """A random prompt and what it names; a share of `scenes` shows several things.

        Most of the things are popular words.
        """
        style = _pick(things.STYLE_SHARES, rng)
        noun, part = self._part(style, rng)
        if rng.random() >= scenes:
            return Choice(frame(noun, style, rng), style, (part,))
        count = int(rng.choice(len(SCENES), p=SCENES)) + 1
        if count == 1:
            other, beside = self._part(style, rng)
            return Choice(frame(f"{noun} and a {other}", style, rng), style, (part, beside))
        noun = f"{things.NUMBERS[count - 2]} {things.plural(noun)}"
        return Choice(frame(noun, style, rng, several=True), style, (part,) * count)

    def _part(self, style: str, rng: np.random.Generator) -> tuple[str, Part]:
        """A thing in a style and the words for it, with its colour's name if that is to be said."""
        icons: list[Icon] = []
        while not icons:  # not everything is there in every style
            noun, name = self._thing(rng)
            icons = [icon for icon in self.by_name[name] if icon.style in things.DRAWN_IN[style]]
        icon = icons[rng.integers(len(icons))]
        shown, named = self._colour(noun, icon, rng)
        return f"{_synonym(named, rng)} {noun}" if named else noun, Part(icon, shown, named)

    def _thing(self, rng: np.random.Generator) -> tuple[str, str]:
        """The words for a thing, and its name."""
        if rng.random() < POPULAR and self.popular:
            word = self.popular[int(len(self.popular) * rng.random() ** 1.5)]
            meant = self._meant(word)
            name = meant[0] if rng.random() < 0.5 else meant[rng.integers(len(meant))]
            synonyms = things.POPULAR[word][0].split(", ")
            return synonyms[rng.integers(len(synonyms))] if rng.random() < 0.25 else word, name
        name = self.names[rng.integers(len(self.names))]
        keywords = self.by_name[name][0].keywords
        if keywords and rng.random() < 0.2:
            return keywords[rng.integers(len(keywords))], name
        return things.called(name), name

    def _colour(self, noun: str, icon: Icon, rng: np.random.Generator) -> tuple[str, str]:
        """(shown, named): another colour in 30 % of the cases, its own is named in a quarter of
        the rest."""
        if icon.colour is None or set(noun.split()) & set(things.COLOURS):
            return "", ""
        others = [name for name in icon.rows if name]
        if others and rng.random() < 0.3:
            colour = others[rng.integers(len(others))]
            return colour, colour
        return "", icon.colour if rng.random() < 0.25 else ""

    def draw(
        self,
        count: int,
        side: int,
        rng: np.random.Generator,
        scenes: float = 0.0,
        tinted: float = 0.0,
        mirrored: float = 0.0,
        slant: float = 0.0,
    ) -> tuple[list[Choice], torch.Tensor]:
        """`count` random choices and their pictures `[count, 3, side, side]` in [0, 1].

        A share of `scenes` shows several things, a share of `tinted` lies on pale paper; of those
        that may, a share of `mirrored` looks the other way; `slant` as in `place`.
        """
        chosen = [self.choose(rng, scenes) for _ in range(count)]
        pixels = np.stack([self._pixels(choice.parts) for choice in chosen])
        two_sided = [not things.ONE_SIDED.search(c.parts[0].icon.name) for c in chosen]
        mirror = torch.from_numpy((rng.random(count) < mirrored) & two_sided).to(self.device)
        drawn = torch.from_numpy(pixels).to(self.device)
        return chosen, place(drawn, side, mirror, rng, tinted, slant)

    def _pixels(self, parts: Sequence[Part]) -> np.ndarray:
        """The parts in one RGBA picture `[64, 64, 4]`: alone, two side by side, up to four in a
        square."""
        rows = [self.pixels[part.icon.rows[part.shown]] for part in parts]
        if len(rows) == 1:
            return rows[0]
        half = RENDER_PX // 2
        sheet = np.zeros((RENDER_PX, RENDER_PX, 4), np.uint8)
        for row, (top, left) in zip(rows, PLACES[len(rows)], strict=True):
            y, x = round(top * half), round(left * half)
            sheet[y : y + half, x : x + half] = halved(row)
        return sheet


def halved(pixels: np.ndarray) -> np.ndarray:
    """Straight RGBA `[2 h, 2 w, 4]` -> `[h, w, 4]`: means of 2 x 2 pixels, weighed by alpha."""
    h, w, _ = pixels.shape
    rgba = pixels.astype(np.float32).reshape(h // 2, 2, w // 2, 2, 4)
    alpha = rgba[..., 3:]
    ink = (rgba[..., :3] * alpha).sum((1, 3)) / alpha.sum((1, 3)).clip(min=1)
    return np.dstack([ink, alpha[..., 0].mean((1, 3))]).round().astype(np.uint8)


def _pick(shares: dict[str, float], rng: np.random.Generator) -> str:
    return str(rng.choice(list(shares), p=list(shares.values())))


def _synonym(colour: str, rng: np.random.Generator) -> str:
    words = things.COLOUR_SYNONYMS[colour].split()
    return words[rng.integers(len(words))] if rng.random() < 0.12 else colour


def frame(noun: str, style: str, rng: np.random.Generator, several: bool = False) -> str:
    """Puts a noun into a random prompt: `a drawing of an apple`, `a line drawing of an apple`."""
    if style:
        frames, shares = things.STYLE_FRAMES[style], None
    elif rng.random() < 0.2:
        frames, shares = things.HABITS, None
    else:
        frames, shares = things.FRAMES, things.FRAME_SHARES
    words = str(rng.choice(frames, p=shares))
    if several:
        words = re.sub(r"\b(?:a|one|the) (\w+ )?\{", r"\1{", words)
    return things.article(words.format(noun))


def place(
    pixels: torch.Tensor,
    side: int,
    mirror: torch.Tensor,
    rng: np.random.Generator,
    tinted: float,
    slant: float = 0.0,
) -> torch.Tensor:
    """Straight RGBA uint8 `[n, 64, 64, 4]` -> RGB `[n, 3, side, side]` in [0, 1]: each whole,
    with a margin, on paper.

    Scale 0.72 to 0.9 of the canvas, turned by about 3 degrees, shifted within half the margin,
    mirrored half the time where `mirror` `[n]` allows; on white, a share of `tinted` on pale
    paper. Seen in perspective: one side is up to `2 slant` larger than the other.
    """
    n = len(pixels)
    rgba = pixels.permute(0, 3, 1, 2).float() / 255
    alpha = rgba[:, 3:]
    ink = darken_the_pale(rgba[:, :3], alpha, rng) * alpha

    def uniform(low: float, high: float, *shape: int) -> torch.Tensor:
        return torch.from_numpy(rng.uniform(low, high, (n, *shape)).astype(np.float32)).to(rgba)

    scale, shift = uniform(0.72, 0.9), uniform(-1, 1, 2)
    shift = shift * 0.5 * (1 - scale)[:, None]
    angle = torch.from_numpy(rng.normal(0, 0.05, n)).to(rgba).clamp(-0.2, 0.2)
    flip = torch.where(mirror, -1.0, 1.0)
    cos, sin = torch.cos(angle) / scale, torch.sin(angle) / scale
    rows = torch.stack([torch.stack([cos * flip, sin * flip], 1), torch.stack([-sin, cos], 1)], 1)
    theta = torch.cat([rows, -rows @ shift[:, :, None]], 2)
    # Two samples per pixel and direction where pixels are coarse.
    fine = side * (2 if side < RENDER_PX else 1)
    grid = F.affine_grid(theta, [n, 4, fine, fine], align_corners=False)
    tilt = uniform(-slant, slant, 1, 1, 2)
    grid = grid / (1 + (grid * tilt).sum(-1, keepdim=True))
    layer = F.grid_sample(torch.cat([ink, alpha], 1), grid, align_corners=False)
    if fine > side:
        layer = F.avg_pool2d(layer, 2)
    tint = torch.where(uniform(0, 1, 1) < tinted, uniform(0, 0.2, 3), rgba.new_zeros(n, 3))
    return (layer[:, :3] + (1 - layer[:, 3:]) * (1 - tint)[:, :, None, None]).clamp(0, 1)


def darken_the_pale(
    rgb: torch.Tensor, alpha: torch.Tensor, rng: np.random.Generator
) -> torch.Tensor:
    """Gives clouds, ghosts and doves a grey-blue tone, so that they can be seen on white paper;
    rgb `[n, 3, h, w]`."""
    darkness = ((1 - rgb).mean(1, keepdim=True) * alpha).sum((1, 2, 3)) / alpha.sum(
        (1, 2, 3)
    ).clamp(min=1)
    shade = torch.from_numpy(rng.uniform(-0.05, 0.05, (len(rgb), 3))).to(rgb)
    tone = torch.tensor([0.72, 0.8, 0.9]).to(rgb) + shade
    return torch.where((darkness < 0.14)[:, None, None, None], rgb * tone[:, :, None, None], rgb)
