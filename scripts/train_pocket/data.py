"""Pictures and prompts: icons rendered once, then placed, coloured and named afresh every time
they are drawn.

Randomness is a `numpy.random.Generator` that the caller owns.
"""

import io
import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from . import sources, things

# Pixels of a rendered icon: 1.5 times the prior's 32, so that an icon placed at 0.65 to 0.9 of
# the canvas is sharp there, and at 64 pixels for the encoder it is only a little soft.
RENDER_PX = 48

HUE_WINDOW = (
    40 * 256 // 360
)  # an icon's main hue is all that lies within 40 degrees of the peak, in PIL's 256 steps


@dataclass(frozen=True)
class Choice:
    """One random prompt and what it asks for."""

    prompt: str
    icon: "Icon"
    shown: str  # the colour it is shown in, a key of `icon.rows`; "" is its own
    named: str  # the colour that the prompt names, or ""


@dataclass(frozen=True)
class Icon:
    """One thing in one style: its rows in the array of pictures, by colour, and the words for
    it."""

    name: str  # name in the icon sets, "cat-face"
    keywords: tuple[str, ...]
    colour: str | None  # name of its main colour, if it has one
    rows: dict[str, int]  # "": as it is; "green": recoloured


def prepare(work: Path) -> None:
    """Fetch, render and recolour all icons into `work/pictures.npy` (uint8 `[rows, 48, 48, 4]`)
    and `work/icons.json`."""
    folders = sources.fetch(work)
    words = _keywords(folders["keywords"])
    pictures, icons = [], []
    for style in sources.STYLES:
        for name, svg, character in _icons(folders[style]):
            picture = render(svg)
            colour, variants = (None, {}) if name in things.PEOPLE else recolour(picture)
            rows = {key: len(pictures) + i for i, key in enumerate(["", *variants])}
            pictures += [picture, *variants.values()]
            icons.append(
                {"name": name, "keywords": words.get(character, []), "colour": colour, "rows": rows}
            )
    np.save(work / "pictures.npy", np.stack(pictures))
    (work / "icons.json").write_text(json.dumps(icons))


def render(svg: str) -> np.ndarray:
    """One SVG document -> straight RGBA, uint8 `[48, 48, 4]`."""
    import resvg_py

    image = Image.open(
        io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=svg, width=RENDER_PX, height=RENDER_PX)))
    )
    return np.asarray(image.convert("RGBA"))


def _icons(folder: Path) -> list[tuple[str, str, str]]:
    """Name, SVG and character of every wanted icon of a set, in the set's own order."""
    icons = json.loads((folder / "icons.json").read_text())
    character = {
        name: code for code, name in json.loads((folder / "chars.json").read_text()).items()
    }
    found = {}
    for category, names in json.loads((folder / "metadata.json").read_text())["categories"].items():
        for name in names:
            if name in icons["icons"] and things.wanted(name, category):
                found[name] = _document(icons["icons"][name], icons)
    return [
        (name, svg, character.get(name, "").replace("-fe0f", "")) for name, svg in found.items()
    ]


def _document(icon: dict, defaults: dict) -> str:
    """The icon as an SVG document with a square view."""
    width, height = (
        icon.get(key, defaults.get(key, 16)) for key in ("width", "height")
    )  # 16 by the format's rules
    side = max(width, height)
    left, top = icon.get("left", 0) - (side - width) / 2, icon.get("top", 0) - (side - height) / 2
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{left} {top} {side} {side}">{icon["body"]}</svg>'
    )


def _keywords(folder: Path) -> dict[str, list[str]]:
    """Character code -> keywords, without words that name many things ("animal") or a popular
    thing of their own."""
    table = json.loads((folder / "dist" / "emoji-en-US.json").read_text())
    counts: dict[str, int] = {}
    for words in table.values():
        for word in words[1:]:
            counts[word] = counts.get(word, 0) + 1
    named = set(things.POPULAR) | {
        things.called(words[0].replace("_", "-")) for words in table.values()
    }
    named |= set(things.COLOURS)
    return {
        "-".join(f"{ord(c):x}" for c in character if c != "\ufe0f"): [
            word.replace("_", " ")
            for word in words[1:]
            if counts[word] <= 6 and word.replace("_", " ") not in named
        ]
        for character, words in table.items()
    }


def main_hue(hsv: np.ndarray, alpha: np.ndarray) -> tuple[int, np.ndarray] | None:
    """The hue (0..255) that most of a picture's saturated ink has, and the mask of that ink; None
    where there is none.

    Asked of it: a third of the ink is saturated, and 70 % of that lies within the window, so that
    "a red house" is red to the eye as well.
    """
    hue, saturation = hsv[..., 0].astype(int), hsv[..., 1]
    inked = alpha > 127
    vivid = inked & (saturation > 64) & (hsv[..., 2] > 40)
    if vivid.sum() < max(1, 0.33 * inked.sum()):
        return None
    counts = np.bincount(hue[vivid], minlength=256).astype(float)
    reach = range(-HUE_WINDOW, HUE_WINDOW + 1)
    # Weights that fall off, or a single hue would have a plateau of peaks around it.
    peak = int(sum((HUE_WINDOW - abs(by)) * np.roll(counts, by) for by in reach).argmax())
    near = np.abs((hue - peak + 128) % 256 - 128) <= HUE_WINDOW
    return (peak, near & (saturation > 40)) if (vivid & near).sum() >= 0.7 * vivid.sum() else None


def recolour(picture: np.ndarray) -> tuple[str | None, dict[str, np.ndarray]]:
    """Straight RGBA `[h, w, 4]` -> name of its main colour, and the picture in each other colour;
    (None, {}) if mixed."""
    hsv = np.asarray(Image.fromarray(picture[..., :3]).convert("HSV"))
    found = main_hue(hsv, picture[..., 3])
    if found is None:
        return None, {}
    peak, mask = found
    strong = hsv[mask & (picture[..., 3] > 127)]
    saturation, value = np.percentile(strong[:, 1], 80), np.percentile(strong[:, 2], 80)
    own = colour_name(peak * 360 / 256, saturation / 255, value / 255)
    variants = {}
    for name, (hue, saturate, brighten) in things.COLOURS.items():
        if name != own:
            new = hsv.astype(float)
            new[..., 0] = (
                peak
                if hue is None
                else hue * 256 / 360 + 0.3 * ((new[..., 0] - peak + 128) % 256 - 128)
            )
            new[..., 1] *= (
                saturate * 215 / saturation
            )  # 0.85 and 0.95: as vivid as the icon sets' own colours
            new[..., 2] *= brighten * 242 / value
            new = np.where(mask[..., None], new, hsv)
            new[..., 0] %= 256
            rgb = Image.fromarray(new.clip(0, 255).astype(np.uint8), "HSV").convert("RGB")
            variants[name] = np.dstack([np.asarray(rgb), picture[..., 3]])
    return own, variants


def colour_name(hue: float, saturation: float, value: float) -> str:
    """The everyday name of a vivid colour; hue in degrees, the others in [0, 1]."""
    if 5 <= hue < 38 and value < 0.75:
        return "brown"
    if hue < 15 or hue >= 345:
        return "pink" if saturation < 0.5 else "red"
    if hue < 38:
        return "orange"
    for limit, name in ((68, "yellow"), (170, "green"), (252, "blue"), (300, "purple")):
        if hue < limit:
            return name
    return "pink"


class Pictures:
    """All icons of a work folder, and endless random prompts and pictures made of them."""

    def __init__(self, pixels: np.ndarray, icons: list[Icon]):
        """`pixels` is uint8 `[rows, 48, 48, 4]`, straight alpha."""
        self.pixels, self.icons = pixels, icons
        self.by_name: dict[str, list[Icon]] = {}
        for icon in icons:
            self.by_name.setdefault(icon.name, []).append(icon)
        self.names = sorted(self.by_name)
        self.popular = [word for word in things.POPULAR if self._meant(word)]

    @classmethod
    def load(cls, work: Path) -> "Pictures":
        """The folder that `prepare` filled."""
        icons = [
            Icon(**{**e, "keywords": tuple(e["keywords"])})
            for e in json.loads((work / "icons.json").read_text())
        ]
        return cls(np.load(work / "pictures.npy", mmap_mode="r"), icons)

    def _meant(self, word: str) -> list[str]:
        return [name for name in things.POPULAR[word][1].split() if name in self.by_name]

    def choose(self, rng: np.random.Generator) -> Choice:
        """A random prompt and the icon that it names.

        More than half are popular words: the tenth of their table comes eleven times as often as a
        thing that is not in it, the last five times.
        """
        if rng.random() < 0.55 and self.popular:
            word = self.popular[int(len(self.popular) * rng.random() ** 1.5)]
            meant = self._meant(word)
            name = meant[0] if rng.random() < 0.5 else meant[rng.integers(len(meant))]
            synonyms = things.POPULAR[word][0].split(", ")
            noun = synonyms[rng.integers(len(synonyms))] if rng.random() < 0.25 else word
            icon = self._style(name, rng)
        else:
            name = self.names[rng.integers(len(self.names))]
            icon = self._style(name, rng)
            noun = things.called(name)
            if icon.keywords and rng.random() < 0.2:
                noun = icon.keywords[rng.integers(len(icon.keywords))]
        shown, named = self._colour(noun, icon, rng)
        return Choice(
            frame(f"{_synonym(named, rng)} {noun}" if named else noun, rng), icon, shown, named
        )

    def _style(self, name: str, rng: np.random.Generator) -> Icon:
        return self.by_name[name][rng.integers(len(self.by_name[name]))]

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
        tinted: float = 0.0,
        mirrored: float = 0.0,
    ) -> tuple[list[Choice], torch.Tensor]:
        """`count` random choices and their pictures `[count, 3, side, side]` in [0, 1].

        A share of `tinted` lies on pale paper; of those that may, a share of `mirrored` looks the
        other way.
        """
        chosen = [self.choose(rng) for _ in range(count)]
        rows = [choice.icon.rows[choice.shown] for choice in chosen]
        two_sided = [not things.ONE_SIDED.search(choice.icon.name) for choice in chosen]
        mirror = torch.from_numpy((rng.random(count) < mirrored) & two_sided)
        return chosen, place(torch.from_numpy(self.pixels[rows]), side, mirror, rng, tinted)


def _synonym(colour: str, rng: np.random.Generator) -> str:
    words = things.COLOUR_SYNONYMS[colour].split()
    return words[rng.integers(len(words))] if rng.random() < 0.12 else colour


def frame(noun: str, rng: np.random.Generator) -> str:
    """Puts a noun into a random prompt: `a drawing of an apple`."""
    frames = things.HABITS if rng.random() < 0.2 else things.FRAMES
    weights = None if frames is things.HABITS else (0.25, 0.35, 0.14, 0.08, 0.08, 0.03, 0.07)
    return re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", str(rng.choice(frames, p=weights)).format(noun))


def place(
    pixels: torch.Tensor, side: int, mirror: torch.Tensor, rng: np.random.Generator, tinted: float
) -> torch.Tensor:
    """Straight RGBA uint8 `[n, 48, 48, 4]` -> RGB `[n, 3, side, side]` in [0, 1]: each whole,
    with a margin, on paper.

    Scale 0.65 to 0.9 of the canvas, turned by about 5 degrees, shifted within the margin,
    mirrored half the time where `mirror` `[n]` allows; on white, a share of `tinted` on pale
    paper.
    """
    n = len(pixels)
    rgba = pixels.permute(0, 3, 1, 2).float() / 255
    alpha = rgba[:, 3:]
    ink = darken_the_pale(rgba[:, :3], alpha, rng) * alpha

    def uniform(low: float, high: float, *shape: int) -> torch.Tensor:
        return torch.from_numpy(rng.uniform(low, high, (n, *shape)).astype(np.float32))

    scale, shift = uniform(0.68, 0.9), uniform(-1, 1, 2)
    shift = shift * 0.5 * (1 - scale)[:, None]
    angle = torch.from_numpy(rng.normal(0, 0.07, n).astype(np.float32)).clamp(-0.2, 0.2)
    flip = torch.where(mirror, -1.0, 1.0)
    cos, sin = torch.cos(angle) / scale, torch.sin(angle) / scale
    rows = torch.stack([torch.stack([cos * flip, sin * flip], 1), torch.stack([-sin, cos], 1)], 1)
    theta = torch.cat([rows, -rows @ shift[:, :, None]], 2)
    fine = side * (
        2 if side < RENDER_PX else 1
    )  # two samples per pixel and direction where pixels are coarse
    grid = F.affine_grid(theta, [n, 4, fine, fine], align_corners=False)
    layer = F.grid_sample(torch.cat([ink, alpha], 1), grid, align_corners=False)
    if fine > side:
        layer = F.avg_pool2d(layer, 2)
    tint = torch.where(uniform(0, 1, 1) < tinted, uniform(0, 0.2, 3), torch.zeros(n, 3))
    return (layer[:, :3] + (1 - layer[:, 3:]) * (1 - tint)[:, :, None, None]).clamp(0, 1)


def darken_the_pale(
    rgb: torch.Tensor, alpha: torch.Tensor, rng: np.random.Generator
) -> torch.Tensor:
    """Gives clouds, ghosts and doves a grey-blue tone, so that they can be seen on white paper;
    rgb `[n, 3, h, w]`."""
    darkness = ((1 - rgb).mean(1, keepdim=True) * alpha).sum((1, 2, 3)) / alpha.sum(
        (1, 2, 3)
    ).clamp(min=1)
    tone = (
        torch.tensor([0.72, 0.8, 0.9])
        + torch.from_numpy(rng.uniform(-0.05, 0.05, (len(rgb), 3))).float()
    )
    return torch.where((darkness < 0.14)[:, None, None, None], rgb * tone[:, :, None, None], rgb)
