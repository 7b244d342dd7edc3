"""Icons become rows of pictures: fetched, rendered, drawn in other styles, recoloured and named."""

import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from . import sources, styles, things
from .colours import recolour

# Pixels of a rendered icon: a third more than the prior's 48, so that an icon placed at 0.72 to 0.9
# of the canvas is sharp there, and as many as the encoder's.
RENDER_PX = 64

# A word that stands for more things than this says little about any of them.
MOST_MEANINGS = 6


def prepare(work: Path) -> None:
    """Fetch, render, recolour and repaint all icons into `work/pictures.npy` (uint8
    `[rows, 64, 64, 4]`) and `work/icons.json`."""
    folders = sources.fetch(work)
    words = _keywords(folders)
    generator = torch.Generator().manual_seed(0)
    rows: list[np.ndarray] = []
    icons = []

    def add(name: str, style: str, keywords: list[str], picture: np.ndarray, tinted: bool) -> None:
        colour, variants = recolour(picture) if tinted else (None, {})
        where = {key: len(rows) + i for i, key in enumerate(["", *variants])}
        rows.extend([picture, *variants.values()])
        icons.append(
            {"name": name, "style": style, "keywords": keywords, "colour": colour, "rows": where}
        )

    for style in sources.STYLES:
        for name, svg, character in _icons(folders[style]):
            keywords, tinted = words.get(character, []), name not in things.PEOPLE
            picture = render(svg)
            add(name, style, keywords, picture, tinted)
            if style == "noto":
                add(name, "watercolour", keywords, styles.wash(picture, generator), tinted)
            else:
                # Noto's shading would be lines upon lines.
                add(name, "line", keywords, render(styles.line_art(svg)), tinted=False)
    keywords = {icon["name"]: icon["keywords"] for icon in icons}
    for name, style, svg in _glyphs(folders, set(keywords)):
        add(name, style, keywords[name], render(svg), tinted=False)
    np.save(work / "pictures.npy", np.stack(rows))
    (work / "icons.json").write_text(json.dumps(icons))
    counts = Counter(icon["style"] for icon in icons)
    print(f"{len(keywords)} things in {len(icons)} pictures, {len(rows)} with colours: {counts}")


def render(svg: str, side: int = RENDER_PX) -> np.ndarray:
    """One SVG document -> straight RGBA, uint8 `[side, side, 4]`."""
    import resvg_py

    png = bytes(resvg_py.svg_to_bytes(svg_string=svg, width=side, height=side))
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))


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
                found[name] = document(icons["icons"][name], icons)
    return [
        (name, svg, character.get(name, "").replace("-fe0f", "")) for name, svg in found.items()
    ]


def document(icon: dict, defaults: dict) -> str:
    """The icon as an SVG document with a square view."""
    # 16 by the format's rules.
    width, height = (icon.get(key, defaults.get(key, 16)) for key in ("width", "height"))
    side = max(width, height)
    left, top = icon.get("left", 0) - (side - width) / 2, icon.get("top", 0) - (side - height) / 2
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{left} {top} {side} {side}">{icon["body"]}</svg>'
    )


def _glyphs(folders: dict[str, Path], names: set[str]) -> Iterator[tuple[str, str, str]]:
    """Name, style and SVG of the icons in one ink that show a thing of the icon sets: those of
    lucide and mdi's outlines are lines, the rest of mdi are shadows."""
    words = {things.called(name): name for name in sorted(names)}
    words |= {
        word: meant.split()[0]
        for word, (_, meant) in things.POPULAR.items()
        if meant.split()[0] in names
    }
    for package, inside in (("lucide", "icons"), ("mdi", "svg")):
        for file in sorted((folders[package] / inside).glob("*.svg")):
            word = re.sub("-(outline|variant)", "", file.stem).replace("-", " ")
            if word in words and not things.HOMONYMS.fullmatch(f"{package} {word}"):
                lines = package == "lucide" or "outline" in file.stem
                yield words[word], "line" if lines else "shadow", file.read_text()


def _keywords(folders: dict[str, Path]) -> dict[str, list[str]]:
    """Character code -> keywords, without words that name many things ("animal") or a popular
    thing of their own."""
    table = json.loads((folders["emojilib"] / "dist" / "emoji-en-US.json").read_text())
    found = {
        character: [word.replace("_", " ") for word in words] for character, words in table.items()
    }
    cldr = json.loads((folders["cldr"] / "annotations" / "en" / "annotations.json").read_text())
    for character, words in cldr["annotations"]["annotations"].items():
        if character in found:
            found[character] += [w for w in words["default"] if w not in found[character]]
    counts = Counter(word for words in found.values() for word in words[1:])
    named = set(things.POPULAR) | set(things.COLOURS)
    named |= {things.called(words[0].replace(" ", "-")) for words in found.values()}
    return {
        "-".join(f"{ord(c):x}" for c in character if c != "\ufe0f"): [
            word for word in words[1:] if counts[word] <= MOST_MEANINGS and word not in named
        ]
        for character, words in found.items()
    }
