"""What the judge learns from: icons of other hands than the guides', as colour pictures, as line
drawings and as silhouettes, alone, in pairs and up to four at a time, and prompts that name them.

Randomness is a `numpy.random.Generator` that the caller owns.
"""

import colorsys
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFilter
from torch import Tensor

from clipdraw import Weighted, optimise
from clipdraw.scribble import scribble_over
from losses import PictureDistance

from . import colours, data, sources, things
from .icons import document, render

# npm name, version, sha256 of the tarball. Licences in this order: CC-BY-4.0, Apache-2.0,
# CC-BY-4.0, MIT, Apache-2.0, MIT, MIT, CC-BY-4.0, CC-BY-3.0, CC-BY-4.0.
PACKAGES = {
    "emojione": (
        "@iconify-json/emojione",
        "1.2.3",
        "26a14f44284407e8bcde91799388dca2bfd91dbcd55a97f425524a1c5b73610e",
    ),
    "fxemoji": (
        "@iconify-json/fxemoji",
        "1.2.2",
        "f3e72b3c59d05e1db03b7e308d55c0d05bd7ba3f625a90da1b79313c12858eef",
    ),
    "streamline-emojis": (
        "@iconify-json/streamline-emojis",
        "1.2.4",
        "5dac87c876b322500989828c5823143e0100d78881627a2e4081a4b897cbfdbc",
    ),
    "flat-color-icons": (
        "@iconify-json/flat-color-icons",
        "1.2.3",
        "d8878a9b0f02d749bc8671eb7d47882eb711185cbcefbb365cbfb488773c4786",
    ),
    "icon-park": (
        "@iconify-json/icon-park",
        "1.2.4",
        "c1a25212a31602aca93c3fa6f6b3288e89b9d7811afc132dfd78506e9d586b6f",
    ),
    "tabler": (
        "@iconify-json/tabler",
        "1.2.41",
        "3bf99af156d28d05568aff524a35ed1ba238df640a7835a5e02e1f8e439685f6",
    ),
    "ph": (
        "@iconify-json/ph",
        "1.2.2",
        "e3a582a047d9829fc7e8842c660d8065e598d1b68bb58cb68e75a1f1e5a614cc",
    ),
    "emojione-monotone": (
        "@iconify-json/emojione-monotone",
        "1.2.1",
        "40b90004bafb406b59266155ef9b7e1dd67bf2947fc8db8d07388776f4d0d04e",
    ),
    "game-icons": (
        "@iconify-json/game-icons",
        "1.2.4",
        "f5758efb34d91c4f50b941f355f16ee73938625e5996fabc25171288404460a4",
    ),
    "fa6-solid": (
        "@iconify-json/fa6-solid",
        "1.2.4",
        "082c792eaad4751626438773fa7360cb23f495b687cf2dd01b2b0fccc7f6af8b",
    ),
}
COLOURED = ("emojione", "fxemoji", "streamline-emojis", "flat-color-icons")
INKED = ("icon-park", "tabler", "ph", "emojione-monotone", "game-icons", "fa6-solid")

# Endings that tell versions of one picture apart.
VERSION = re.compile(r"-(\d+|one|two|three|four|light|bold|filled|fill)$")
# Drawn thicker, thinner or not at all: a share of the versions is enough.
SKIPPED = re.compile(r"-(thin|duotone|off)$|skin-tone")

# What the sets call some things; the first word is what they are called here.
SHOWN_AS = {
    "bear": "bear-face",
    "cat": "catside cat-full-face",
    "dinosaur": "dinosaur-rex diplodocus",
    "dog": "dogside sitting-dog",
    "dragon": "dragonhead dragonside dragon-head",
    "earth": "europeafricaglobe earth-africa-europe globe-hemisphere-west",
    "eggplant": "aubergine",
    "fir tree": "evergreen pine-tree tree-evergreen",
    "fox": "fox-face fox-head",
    "frog": "frog-face",
    "hamster": "hamster-face hampster",
    "hot pepper": "chilipepper chili pepper",
    "lion": "lion-face",
    "panda": "panda-face pandaface",
    "pig": "pigside pig-face piggy",
    "rabbit": "bunnyside rabbit-face",
    "robot": "robot-face robot-head robot-golem",
    "santa claus": "fatherchristmas",
    "tiger": "tigerside tiger-head",
    "mouse": "mouseside mouse-face seated-mouse",
    "unicorn": "unicorn-face",
    "whale": "spurtingwhale",
    "wolf": "wolf-face wolfface wolf-head",
    "boat": "sailboat",
    "lightning": "lightning-bolt bolt",
    "light bulb": "lightbulb bulb idea",
    "mountain": "mountains mountain-snow",
    "cup": "coffee-cup coffee teacup",
    "hamburger": "burger",
    "leaf": "fallingleaf falling-leaf oak-leaf",
    "bird": "twitter-bird",
    "truck": "delivery-truck",
    "planet": "ringed-planet saturn",
    "ladybug": "lady-bug ladybird",
    "chair": "wooden-chair armchair",
    "turtle": "sea-turtle",
    "snake": "snake-tongue",
    "cupcake": "muffin",
    "crescent moon": "night-sky moon-stars",
}
# Names that mean something else in these sets: a computer's mouse, a rhombus, a wave of the hand.
MISLEADING = {
    "tabler": "mouse wave diamond date file orange world watch crane seal fly",
    "ph": "mouse wave diamond waves hand cube seal watch orange",
    "icon-park": "mouse diamond wave seal watch platte orange fire-extinguisher face record",
    "fa6-solid": "mouse diamond wave seal fly drum",
    "streamline-emojis": "turkey",
    "game-icons": "mouse diamond seal hand",
}  # fmt: skip

SIDE = 48  # pixels of a kept picture, shown on 40 to 60 of the 64 that the judge sees
FINE = 3 * SIDE  # edges and insides are found at three times the resolution

# The style that a prompt may name, by the kind of the picture.
STYLES = {"lines": "line", "ink": "shadow"}
COUNT_FRAMES = ("{}", "{}", "a drawing of {}", "a picture of {}", "the {}", "{} on white paper")

# How many pictures are repainted, in how many strokes, in how many steps, after dreams of how many
# pixels. A third of a second each; the default drawing has 256 strokes and takes 250 steps.
REPAINTED, STROKES, STROKE_STEPS, DREAMS_PX = 600, (48, 96, 160), 40, (20, 24, 32)

# How often a prompt names two things, or two to four of one.
PAIRS, MANY = 0.14, 0.1
# How often an example is a relative of the one before: another colour, another companion, another
# number. What is alike is what has to be told apart.
RELATIVES = 0.35


@dataclass(frozen=True)
class Icon:
    """One picture of one thing."""

    thing: str
    kind: str  # colour, lines, ink (a silhouette) or strokes
    colour: str | None  # name of its main colour, if it has one
    rows: dict[str, int]  # "": as it is; "green": recoloured
    name: str


@dataclass(frozen=True)
class Part:
    """One thing of an example, as it is shown and as it is named."""

    icon: Icon
    noun: str
    row: int
    named: str  # the colour that the prompt names, or ""
    shown: str | None  # the colour to be seen, if it has a name
    fill: tuple[float, float, float] = (1.0, 1.0, 1.0)
    ink: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Example:
    """A prompt and the parts of the picture that it names: one, two, or the same up to four
    times."""

    prompt: str
    parts: tuple[Part, ...]

    @property
    def things(self) -> tuple[str, ...]:
        return tuple(sorted(part.icon.thing for part in self.parts))


def fits(seen: Example, asked: Example) -> bool:
    """Whether the picture of one example is what the prompt of another asks for."""
    if seen.things != asked.things:
        return False
    shown = {part.icon.thing: part.shown for part in seen.parts}
    return all(part.named in ("", shown[part.icon.thing]) for part in asked.parts)


def prepare(work: Path) -> None:
    """Fetch and render the icons into `work/judge.npy` (uint8 `[rows, 48, 48, 4]`) and
    `work/judge.json`."""
    guides = sources.fetch(work)
    folders = {key: sources.unpack(work / "sources", *package) for key, package in PACKAGES.items()}
    known = names_of_things([guides[style] for style in sources.STYLES])
    pictures: list[np.ndarray] = []
    icons = []

    def add(
        thing: str, name: str, kind: str, colour: str | None, variants: dict[str, np.ndarray]
    ) -> None:
        rows = {key: len(pictures) + i for i, key in enumerate(variants)}
        pictures.extend(variants.values())
        icons.append({"thing": thing, "name": name, "kind": kind, "colour": colour, "rows": rows})

    for package in (*COLOURED, *INKED):
        for thing, name, svg in found_in(package, folders[package], known):
            for kind, colour, variants in versions(package, name, svg):
                add(thing, f"{package}:{name}", kind, colour, variants)
    for icon, colour, picture in repainted(icons, pictures):
        add(icon["thing"], icon["name"], "strokes", colour, {"": picture})
    np.save(work / "judge.npy", np.stack(pictures))
    words = nouns(known, annotations(guides["cldr"]), {icon["thing"] for icon in icons})
    (work / "judge.json").write_text(json.dumps({"icons": icons, "nouns": words}))
    counts = Counter(icon["kind"] for icon in icons)
    print(f"{len({icon['thing'] for icon in icons})} things for the judge in {counts}")


def names_of_things(folders: list[Path]) -> dict[str, str]:
    """What the guides are asked for: name in their icon sets -> what it is called here. Of their
    sets only the names are read."""
    popular = {name: word for word, (_, names) in reversed(things.POPULAR.items())
               for name in names.split()}  # fmt: skip
    names = set()
    for folder in folders:
        categories = json.loads((folder / "metadata.json").read_text())["categories"]
        names |= {n for c, members in categories.items() for n in members if things.wanted(n, c)}
    return {name: popular.get(name) or things.called(name) for name in sorted(names)}


def found_in(kind: str, folder: Path, known: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    """Thing, name and SVG of every icon of a set that shows a known thing."""
    table = {squeezed(called): called for called in known.values()}
    table |= {squeezed(name): called for name, called in known.items()}
    for called, names in SHOWN_AS.items():
        table |= {squeezed(name): called for name in names.split()}
    for word in MISLEADING.get(kind, "").split():
        table.pop(squeezed(word), None)
    icons = json.loads((folder / "icons.json").read_text())
    for name in icons["icons"]:
        thing = table.get(squeezed(name)) or table.get(squeezed(VERSION.sub("", name)))
        if thing and not SKIPPED.search(name):
            yield thing, name, document(icons["icons"][name], icons)


def squeezed(name: str) -> str:
    """Letters and digits alone: sets write `hot-beverage` and `hotbeverage`."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def shrunk(fine: np.ndarray) -> np.ndarray:
    """Straight RGBA `[144, 144, 4]` -> `[48, 48, 4]`, each pixel the mean of nine."""
    alpha = fine[..., 3:].astype(float)
    layer = np.concatenate([fine[..., :3] * alpha, alpha], 2)
    layer = layer.reshape(SIDE, 3, SIDE, 3, 4).mean((1, 3))
    rgb = layer[..., :3] / layer[..., 3:].clip(1e-6)
    return np.concatenate([rgb, layer[..., 3:]], 2).round().clip(0, 255).astype(np.uint8)


def versions(
    kind: str, name: str, svg: str
) -> Iterator[tuple[str, str | None, dict[str, np.ndarray]]]:
    """Kind, main colour and pictures by colour of all that one icon gives."""
    if kind in COLOURED:
        fine = render(svg, FINE)
        picture = shrunk(fine)
        colour, variants = colours.recolour(picture)
        yield "colour", colour, {"": picture, **variants}
        yield "lines", None, {"": shrunk(outlined(fine))}
    else:
        fine = render(svg.replace("#2F88FF", "#fff").replace("#43CCF8", "#fff"), FINE)
        silhouette = kind in ("game-icons", "fa6-solid", "emojione-monotone") or "fill" in name
        yield "ink" if silhouette else "lines", None, {"": shrunk(inside_white(fine))}


def outlined(fine: np.ndarray) -> np.ndarray:
    """A colour picture as a line drawing: black where colours or the picture end and where it is
    dark, white elsewhere inside; straight RGBA."""
    alpha = fine[..., 3:] / 255
    rgb = np.pad(fine[..., :3] * alpha + 255 * (1 - alpha), ((1, 1), (1, 1), (0, 0)), "edge")
    steps = [abs(rgb[1:-1, 1:-1] - rgb[1 + y : 1 + FINE + y, 1 + x : 1 + FINE + x]).max(2)
             for y, x in ((0, 1), (1, 0))]  # fmt: skip
    inked = np.pad(alpha[..., 0] > 0.5, 1)
    ends = inked[1:-1, 1:-1] & ~(inked[:-2, 1:-1] & inked[2:, 1:-1] & inked[1:-1, :-2]
                                 & inked[1:-1, 2:])  # fmt: skip
    edges = Image.fromarray(((np.maximum(*steps) > 40) | ends).astype(np.uint8) * 255)
    lines = np.asarray(edges.filter(ImageFilter.MaxFilter(3))) > 0
    lines |= (fine[..., :3].max(2) < 75) & inked[1:-1, 1:-1]
    white = np.where(lines, 0, 255).astype(np.uint8)
    opaque = np.where(lines | inked[1:-1, 1:-1], 255, 0).astype(np.uint8)
    return np.dstack([white, white, white, opaque])


def inside_white(fine: np.ndarray) -> np.ndarray:
    """A black drawing on nothing -> the same, white where its lines close around; straight RGBA."""
    alpha = fine[..., 3] / 255
    dark = alpha * (1 - fine[..., :3].max(2) / 255)
    # A copy: what `fromarray` gives shares memory that may not be written.
    paper = Image.fromarray(np.pad(alpha > 0.3, 1).astype(np.uint8) * 255).copy()
    ImageDraw.floodfill(paper, (0, 0), 128)
    outside = np.asarray(paper)[1:-1, 1:-1] == 128
    opaque = np.where(outside, alpha, 1.0)
    white = 1 - dark / opaque.clip(1e-6)
    return (np.dstack([white, white, white, opaque]).clip(0, 1) * 255).round().astype(np.uint8)


def repainted(
    icons: list[dict], pictures: list[np.ndarray]
) -> Iterator[tuple[dict, str | None, np.ndarray]]:
    """A sample of the colour pictures in the strokes of our own renderer, as a drawing that follows
    a coarse dream of them: icon, colour, straight RGBA `[48, 48, 4]`."""
    rng, generator = np.random.default_rng(0), torch.Generator().manual_seed(0)
    popular = set(things.POPULAR)
    coloured = [icon for icon in icons if icon["kind"] == "colour"]
    weights = np.array([3.0 if icon["thing"] in popular else 1.0 for icon in coloured])
    for number in rng.choice(len(coloured), REPAINTED, p=weights / weights.sum()):
        icon = coloured[number]
        shown = str(rng.choice(list(icon["rows"]))) if rng.random() < 0.6 else ""
        picture = torch.from_numpy(pictures[icon["rows"][shown]]).permute(2, 0, 1).float() / 255
        page = F.pad(picture[:3] * picture[3:] + 1 - picture[3:], (4, 4, 4, 4), value=1.0)
        coarse = F.interpolate(
            page[None], int(rng.choice(DREAMS_PX)), mode="bilinear", antialias=True
        )[0]
        drawn = strokes_over(coarse, int(rng.choice(STROKES)), generator)
        yield icon, shown or icon["colour"], off_paper(drawn)


def strokes_over(picture: Tensor, strokes: int, generator: torch.Generator) -> Tensor:
    """A coarse picture `[3, side, side]` followed by strokes, as the default drawing follows its
    dream: `[3, 48, 48]`."""
    start = scribble_over(picture, strokes, generator, stroke_width=8.0)
    target = F.interpolate(picture[None], SIDE, mode="bicubic").clamp(0, 1)
    terms = {"dream": Weighted(100.0, PictureDistance(target))}
    frames = optimise(start, terms, steps=STROKE_STEPS, generators=[generator], size=(SIDE, SIDE))
    for frame in frames:
        last = frame.picture
    return last[0]


def off_paper(picture: Tensor) -> np.ndarray:
    """What lies on white paper, as straight RGBA that gives the same on white again."""
    alpha = 1 - picture.amin(0, keepdim=True)
    rgb = (picture - (1 - alpha)) / alpha.clamp(min=1e-3)
    rgba = torch.cat([rgb, alpha]).clamp(0, 1).permute(1, 2, 0)
    return (rgba * 255).round().byte().numpy()


def annotations(folder: Path) -> dict[str, list[str]]:
    """Name of an emoji as icon sets write it -> its keywords, by Unicode's CLDR."""
    file = folder / "annotations" / "en" / "annotations.json"
    table = json.loads(file.read_text())["annotations"]["annotations"]
    return {
        squeezed(entry["tts"][0]): [word.lower() for word in entry.get("default", [])]
        for entry in table.values()
        if "tts" in entry
    }


def nouns(
    known: dict[str, str], keywords: dict[str, list[str]], shown: set[str]
) -> dict[str, list[str]]:
    """Thing -> words for it, the usual one first: names, synonyms of popular things, and keywords
    that name few things ("animal" names many)."""
    counts: dict[str, int] = {}
    for words in keywords.values():
        for word in words:
            counts[word] = counts.get(word, 0) + 1
    taken = {*known.values(), *things.POPULAR, *things.COLOURS}
    found: dict[str, dict[str, None]] = {thing: {thing: None} for thing in sorted(shown)}
    for word, (synonyms, _) in things.POPULAR.items():
        if word in found:
            found[word] |= dict.fromkeys(synonyms.split(", "))
    for name, thing in known.items():
        if thing in found:
            if things.called(name) not in things.POPULAR:
                found[thing][things.called(name)] = None
            usual = [w for w in keywords.get(squeezed(name), []) if counts[w] <= 4]
            found[thing] |= dict.fromkeys(w for w in usual if w not in taken)
    return {thing: list(words) for thing, words in found.items()}


class Pictures:
    """All icons of a work folder, and endless random examples made of them."""

    def __init__(self, pixels: np.ndarray, icons: list[Icon], words: dict[str, list[str]]):
        """`pixels` is uint8 `[rows, 48, 48, 4]`, straight alpha."""
        self.pixels, self.icons, self.nouns = pixels, icons, words
        self.by_thing: dict[str, dict[str, list[Icon]]] = {}
        for icon in icons:
            self.by_thing.setdefault(icon.thing, {}).setdefault(icon.kind, []).append(icon)
        self.things = sorted(self.by_thing)
        self.popular = [word for word in things.POPULAR if word in self.by_thing]

    @classmethod
    def load(cls, work: Path) -> "Pictures":
        """The folder that `prepare` filled."""
        kept = json.loads((work / "judge.json").read_text())
        icons = [Icon(**entry) for entry in kept["icons"]]
        return cls(np.load(work / "judge.npy", mmap_mode="r"), icons, kept["nouns"])

    def choose(self, rng: np.random.Generator, before: Example | None = None) -> Example:
        """A random example; a relative of the one `before`, if there is one."""
        first = before.parts[0].icon.thing if before else None
        kind = str(rng.choice(["one", "pair", "many"], p=[1 - PAIRS - MANY, PAIRS, MANY]))
        if before and len(before.parts) == 1 and rng.random() < 0.4:
            kind = "pair" if rng.random() < 0.6 else "many"
        part = self.part(rng, first, coloured=before is not None)
        if kind == "pair":
            return self._pair(rng, part)
        if kind == "many":
            return self._many(rng, part)
        return Example(framed(phrase(part, rng), part.icon.kind, rng), (part,))

    def _pair(self, rng: np.random.Generator, part: Part) -> Example:
        for _ in range(10):
            other = self.part(rng, kind=part.icon.kind)
            if other.icon.thing != part.icon.thing:
                break
        else:
            return self._many(rng, part)
        first, second = (part, other) if rng.random() < 0.5 else (other, part)
        noun = f"{phrase(first, rng)} and a {phrase(second, rng)}"
        return Example(framed(noun, first.icon.kind, rng), (first, second))

    def _many(self, rng: np.random.Generator, part: Part) -> Example:
        count = int(rng.integers(2, 5))
        noun = f"{things.NUMBERS[count - 2]} {things.plural(phrase(part, rng))}"
        return Example(str(rng.choice(COUNT_FRAMES)).format(noun), (part,) * count)

    def part(
        self,
        rng: np.random.Generator,
        thing: str | None = None,
        kind: str | None = None,
        coloured: bool = False,
    ) -> Part:
        """A random picture of a thing, a popular one half the time, in a colour or its own."""
        if thing is None:
            popular = rng.random() < 0.5
            thing = (
                self.popular[int(len(self.popular) * rng.random() ** 1.2)]
                if popular
                else self.things[rng.integers(len(self.things))]
            )
        kinds = self.by_thing[thing]
        if kind not in kinds:
            weights = np.array([KINDS[k] for k in kinds])
            kind = str(rng.choice(list(kinds), p=weights / weights.sum()))
        icon = kinds[kind][rng.integers(len(kinds[kind]))]
        words = self.nouns[thing]
        noun = words[0] if rng.random() < 0.5 else words[rng.integers(len(words))]
        return self.coloured(icon, noun, rng, 0.7 if coloured else 0.4)

    def coloured(self, icon: Icon, noun: str, rng: np.random.Generator, share: float) -> Part:
        """The icon in its own colours or, a `share` of the time, in another one that its prompt
        may name."""
        mute = bool(set(noun.split()) & set(things.COLOURS))
        if mute or rng.random() > share:
            named = icon.colour or ""
            named = named if not mute and rng.random() < 0.3 else ""
            # A silhouette is black; whoever asks for a black cat may be shown it.
            shown = "black" if icon.kind == "ink" else icon.colour
            return Part(icon, noun, icon.rows[""], named, shown)
        if icon.kind in ("lines", "ink"):
            colour = list(things.COLOURS)[rng.integers(len(things.COLOURS))]
            named = colour if rng.random() < 0.85 else ""
            rgb = shade(colour, rng)
            if icon.kind == "ink":
                return Part(icon, noun, icon.rows[""], named, colour, ink=rgb)
            dark = float(rng.uniform(0, 0.6))
            ink = tuple(dark * value for value in rgb)
            return Part(icon, noun, icon.rows[""], named, colour, fill=rgb, ink=ink)
        others = [name for name in icon.rows if name]
        if not others:
            return Part(icon, noun, icon.rows[""], icon.colour or "", icon.colour)
        colour = others[rng.integers(len(others))]
        return Part(icon, noun, icon.rows[colour], colour if rng.random() < 0.9 else "", colour)

    def batch(
        self, count: int, side: int, rng: np.random.Generator
    ) -> tuple[list[Example], Tensor]:
        """`count` random examples and their pictures `[count, 3, side, side]` in [0, 1]."""
        chosen: list[Example] = []
        for _ in range(count):
            before = chosen[-1] if chosen and rng.random() < RELATIVES else None
            chosen.append(self.choose(rng, before))
        return chosen, composed(self.pixels, chosen, side, rng)


# How often a thing is shown how, where it can be.
KINDS = {"colour": 1.0, "strokes": 0.8, "lines": 0.6, "ink": 0.3}


def phrase(part: Part, rng: np.random.Generator) -> str:
    """The noun with its colour, if that is named; now and then by another word for the colour."""
    if not part.named:
        return part.noun
    words = things.COLOUR_SYNONYMS[part.named].split()
    colour = words[rng.integers(len(words))] if rng.random() < 0.12 else part.named
    return f"{colour} {part.noun}"


def framed(noun: str, kind: str, rng: np.random.Generator) -> str:
    """The noun in a random frame, with the article that fits: `a drawing of an apple`."""
    if kind in STYLES and rng.random() < 0.4:
        frames, shares = things.STYLE_FRAMES[STYLES[kind]], None
    elif rng.random() < 0.15:
        frames, shares = things.HABITS, None
    else:
        frames, shares = things.FRAMES, things.FRAME_SHARES
    return things.article(str(rng.choice(frames, p=shares)).format(noun))


def shade(colour: str, rng: np.random.Generator) -> tuple[float, float, float]:
    """A shade of a named colour, RGB in [0, 1]."""
    hue, saturate, brighten = things.COLOURS[colour]
    hue = 0.0 if hue is None else hue / 360 + rng.uniform(-0.02, 0.02)
    saturation = min(1.0, 0.85 * saturate * rng.uniform(0.75, 1.15))
    return colorsys.hsv_to_rgb(
        hue % 1, saturation, min(1.0, 0.95 * brighten * rng.uniform(0.8, 1.06))
    )


def places(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Scales `[count]` and middles `[count, 2]` of the parts of a picture, in halves of its
    side."""
    if count == 1:
        scale = rng.uniform(0.62, 0.96, 1)
        return scale, rng.uniform(-0.5, 0.5, (1, 2)) * (1 - scale)
    if count == 2:
        turn = rng.normal(0, 0.5) + (np.pi / 2 if rng.random() < 0.2 else 0)
        along = np.array([np.cos(turn), np.sin(turn)]) * rng.uniform(0.42, 0.5)
        scale = rng.uniform(0.34, 0.54, 2)
        return scale, np.stack([-along, along])
    if rng.random() < 0.35:
        middles = np.stack([np.linspace(-1, 1, count) * (1 - 1 / count), np.zeros(count)], 1)
        return np.full(count, 0.95 / count), middles + rng.normal(0, 0.04, (count, 2))
    if count == 4:
        middles = np.array([(-1, -1), (1, -1), (-1, 1), (1, 1)]) * 0.46
    else:
        middles = np.array([(-1, 0.8), (1, 0.8), (0, -0.9)]) * 0.46
        middles = middles * (1, rng.choice([-1, 1]))
    return rng.uniform(0.38, 0.46) * np.ones(count), middles + rng.normal(0, 0.04, (count, 2))


def composed(
    pixels: np.ndarray, examples: list[Example], side: int, rng: np.random.Generator
) -> Tensor:
    """The parts of each example in their places on white or pale paper: `[n, 3, side, side]`."""
    parts = [part for example in examples for part in example.parts]
    layers = inked(pixels, parts, rng)
    where = [places(len(example.parts), rng) for example in examples]
    scale = torch.from_numpy(np.concatenate([s for s, _ in where])).float()
    middle = torch.from_numpy(np.concatenate([m for _, m in where])).float()
    one_sided = np.array([bool(things.ONE_SIDED.search(part.icon.name)) for part in parts])
    flip = torch.from_numpy(np.where((rng.random(len(parts)) < 0.5) & ~one_sided, -1.0, 1.0))
    layers = F.grid_sample(
        layers, warped(scale, middle, flip.float(), side, rng), align_corners=False
    )
    tints = np.where(
        rng.random((len(examples), 1)) < 0.3, rng.uniform(0, 0.2, (len(examples), 3)), 0
    )
    page = (1 - torch.from_numpy(tints).float())[:, :, None, None].repeat(1, 1, side, side)
    order = np.concatenate([np.arange(len(example.parts)) for example in examples])
    owner = np.repeat(np.arange(len(examples)), [len(example.parts) for example in examples])
    for turn in range(order.max() + 1):
        now = np.flatnonzero(order == turn)
        layer, on = layers[torch.from_numpy(now)], torch.from_numpy(owner[now])
        page[on] = layer[:, :3] + (1 - layer[:, 3:]) * page[on]
    return page.clamp(0, 1)


def inked(pixels: np.ndarray, parts: list[Part], rng: np.random.Generator) -> Tensor:
    """The pictures of the parts in their colours, premultiplied RGBA `[n, 4, 48, 48]`."""
    rgba = torch.from_numpy(pixels[[part.row for part in parts]]).permute(0, 3, 1, 2).float() / 255
    rgb, alpha = rgba[:, :3], rgba[:, 3:]
    fill, ink = (
        torch.tensor([getattr(part, name) for part in parts])[:, :, None, None]
        for name in ("fill", "ink")
    )
    pale = torch.tensor([part.icon.kind == "colour" for part in parts])
    pale &= torch.from_numpy(rng.random(len(parts)) < 0.6)
    toned = data.darken_the_pale(rgb, alpha, rng)
    rgb = torch.where(pale[:, None, None, None], toned, ink + rgb * (fill - ink))
    return torch.cat([rgb * alpha, alpha], 1)


def warped(
    scale: Tensor, middle: Tensor, flip: Tensor, side: int, rng: np.random.Generator
) -> Tensor:
    """Where each pixel of a part is to be looked up: turned, in perspective, and bent a little as
    by an unsteady hand; `[n, side, side, 2]`."""
    n = len(scale)

    def normal(deviation: float, *shape: int) -> Tensor:
        return torch.from_numpy(rng.normal(0, deviation, (n, *shape)).astype(np.float32))

    angle, shear, stretch = normal(0.1), normal(0.06), normal(0.08).exp()
    cos, sin = torch.cos(angle) / scale, torch.sin(angle) / scale
    rows = torch.stack(
        [
            torch.stack([cos * flip * stretch, (sin + shear / scale) * flip], 1),
            torch.stack([-sin, cos / stretch], 1),
        ],
        1,
    )
    theta = torch.cat([rows, -rows @ middle[:, :, None]], 2)
    grid = F.affine_grid(theta, [n, 1, side, side], align_corners=False)
    bend = normal(0.05, 2, 4, 4) * torch.from_numpy(rng.random((n, 1, 1, 1), np.float32) * 2)
    bend = F.interpolate(bend, size=side, mode="bilinear", align_corners=True)
    lean = (grid * normal(0.06, 1, 1, 2)).sum(3, keepdim=True)
    return grid * (1 + lean) + bend.permute(0, 2, 3, 1)
