"""What an SVG file says about the looks of its elements: attributes, CSS rules, colours."""

import colorsys
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from PIL.ImageColor import colormap

from clipdraw.svg_shapes import COMMA, NUMBER

SVG = "http://www.w3.org/2000/svg"
# The properties that a picture depends on, and what they are where nobody sets them.
INHERITED = {
    "fill": "black", "fill-opacity": "1", "fill-rule": "nonzero", "stroke": "none",
    "stroke-opacity": "1", "stroke-width": "1", "stroke-linecap": "butt",
    "stroke-linejoin": "miter", "stroke-dasharray": "none", "color": "black",
    "visibility": "visible", "paint-order": "normal", "marker-start": "none",
    "marker-mid": "none", "marker-end": "none", "marker": "none",
}  # fmt: skip
NOT_INHERITED = {
    "opacity": "1", "display": "inline", "clip-path": "none", "mask": "none", "filter": "none",
    "mix-blend-mode": "normal", "stop-color": "black", "stop-opacity": "1", "transform": "",
    "transform-origin": "", "vector-effect": "none",
}  # fmt: skip
# Rules times elements, so that no small file keeps a reader busy for more than some seconds.
MOST_MATCHES = 5_000_000
# No colour, number or reference is longer; an element may be read 100 000 times by its <use>.
LONGEST_VALUE = 500

Color = tuple[float, float, float, float]


@dataclass(frozen=True)
class Rule:
    """`tag.class#id { ... }`"""

    tag: str
    classes: frozenset[str]
    id: str
    declarations: Mapping[str, str]

    def matches(self, tag: str, classes: set[str], id: str) -> bool:
        """Whether an element is meant."""
        return self.tag in ("", "*", tag) and self.classes <= classes and self.id in ("", id)

    @property
    def rank(self) -> tuple[int, int, int]:
        """A rule with a higher one wins."""
        return bool(self.id), len(self.classes), self.tag not in ("", "*")


class Stylesheet:
    """The declared properties of every element of a file."""

    def __init__(self, root: Element, warn: Callable[[str, str], None]):
        texts = [element.text or "" for element in root.iter(f"{{{SVG}}}style")]
        rules = [rule for text in texts for rule in _rules(text, warn)]
        count = sum(1 for _ in root.iter())
        if len(rules) * count > MOST_MATCHES:
            raise ValueError(
                f"has {len(rules)} CSS rules for {count} elements; a drawing needs far fewer"
            )
        self._rules = sorted(rules, key=lambda rule: rule.rank)
        self._declared: dict[Element, dict[str, str]] = {}

    def declared(self, element: Element) -> dict[str, str]:
        """What attributes, rules and `style` say, the later ones over the earlier ones."""
        if element not in self._declared:
            self._declared[element] = self._collect(element)
        return self._declared[element]

    def _collect(self, element: Element) -> dict[str, str]:
        attributes = {k: v.strip() for k, v in element.attrib.items()}
        tag, classes = element.tag.removeprefix(f"{{{SVG}}}"), attributes.get("class", "").split()
        sources = [
            attributes,
            *(
                rule.declarations
                for rule in self._rules
                if rule.matches(tag, set(classes), attributes.get("id", ""))
            ),
            _declarations(attributes.get("style", "")),
        ]
        plain, important = {}, {}
        for name, text in (item for source in sources for item in source.items()):
            if name in INHERITED or name in NOT_INHERITED:
                value, mark, _ = text.partition("!")
                value = value if name == "transform" else value[:LONGEST_VALUE]
                (important if mark else plain)[name] = value.strip()
        return plain | important

    def style(self, element: Element, parent: Mapping[str, str]) -> dict[str, str]:
        """All properties of an element, given those of its parent."""
        declared = self.declared(element)
        style = {**NOT_INHERITED, **{name: parent[name] for name in INHERITED}}
        for name, value in declared.items():
            style[name] = parent[name] if value == "inherit" else value
        return style


def _declarations(text: str) -> dict[str, str]:
    """`fill: red; stroke: none` as a dictionary."""
    pairs = (item.split(":", 1) for item in text.split(";") if ":" in item)
    return {name.strip().lower(): value.strip() for name, value in pairs}


def _rules(text: str, warn: Callable[[str, str], None]) -> Iterator[Rule]:
    """The rules of a style sheet, in order; what is more than tag, class and id is warned of."""
    head, *comments = text.split("/*")
    text = head + "".join(comment.partition("*/")[2] for comment in comments)
    heads: list[str] = []
    last = ""
    for piece in re.split(r"([{}])", text):
        if piece == "{":
            *statements, head = last.split(";")
            heads.append(head.strip())
            for rule in (text.strip() for text in [*statements, head] if "@" in text):
                warn("CSS rules with an @", f"{rule[:40]!r}")
        elif piece == "}" and heads:
            if len(heads) == 1 and not heads[0].startswith("@"):
                yield from _selected(heads[0], _declarations(last), warn)
            heads.pop()
        last = piece if piece not in "{}" else ""


def _selected(
    selectors: str, declarations: Mapping[str, str], warn: Callable[[str, str], None]
) -> Iterator[Rule]:
    for selector in map(str.strip, selectors.split(",")):
        parts = re.match(r"([\w-]*+|\*)((?:[.#][\w-]++)*+)$", selector)
        if not selector or parts is None:
            warn("CSS selectors other than tags, classes and ids", f"{selector[:40]!r}")
            continue
        names = re.findall(r"[.#][\w-]++", parts[2])
        ids = [name[1:] for name in names if name[0] == "#"]
        classes = frozenset(name[1:] for name in names if name[0] == ".")
        yield Rule(parts[1], classes, ids[0] if ids else "", declarations)


def share(text: str) -> float | None:
    """A number or a percentage as a share, kept within [0, 1]; None if it cannot be read."""
    match = re.fullmatch(rf"({NUMBER})(%?)", text)
    if match is None:
        return None
    return min(max(float(match[1]) / (100 if match[2] else 1), 0.0), 1.0)


def color(text: str) -> Color | None:
    """Straight RGBA of a CSS colour with all of its precision; None if it cannot be read."""
    text = text.strip().lower()
    if text == "transparent":
        return 0.0, 0.0, 0.0, 0.0
    text = colormap.get(text, text)
    if isinstance(text, tuple):  # Pillow's getrgb keeps what it has worked out in its table
        text = "#" + bytes(text).hex()
    if match := re.fullmatch(r"#([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})", text):
        digits = match[1] if len(match[1]) > 4 else "".join(2 * digit for digit in match[1])
        channels = [int(digits[i : i + 2], 16) / 255 for i in range(0, len(digits), 2)]
        return (*channels, 1.0)[:4]
    part = rf"{COMMA}({NUMBER}%?)"
    match = re.fullmatch(rf"(rgb|hsl)a?\({part}(?:deg)?{part}{part}(?:\s*[,/]{part})?\s*\)", text)
    if match is None:
        return None
    parts = match.groups()[1:4]
    alpha = share(match[5]) if match[5] else 1.0
    if match[1] == "rgb":
        channels = [share(c if c[-1] == "%" else f"{min(float(c), 255) / 2.55}%") for c in parts]
    else:
        hue = float(parts[0].rstrip("%")) / 360 % 1
        channels = colorsys.hls_to_rgb(hue, share(parts[2]), share(parts[1]))
    return (*channels, alpha)
