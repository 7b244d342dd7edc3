"""Reads SVG files, anybody's, as far as a drawing can hold what is in them.

This is our own, because svgelements (1.9.6) draws a smooth curve after a curve of the other kind
wrongly, lets shapes take over sizes from their surroundings, and rounds colours to eight bits.
"""

import json
import re
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path as File

import defusedxml
import defusedxml.ElementTree
import numpy as np
import torch

from clipdraw.drawing import Drawing, Path, assemble
from clipdraw.svg import UNKNOWN
from clipdraw.svg_shapes import Contour, fit, length, shape, transform
from clipdraw.svg_style import INHERITED, LONGEST_VALUE, SVG, Color, Stylesheet, color, share

# A drawing of ten thousand long strokes is about 5 MB.
LARGEST_FILE = 20_000_000
# What a small file may grow to by its <use>, and how deep it may be. The largest of 46 738 icons
# that we read has 8 001 segments, and editors nest some tens of groups.
MOST_SEGMENTS, MOST_ELEMENTS, DEEPEST = 200_000, 100_000, 100
# `to_svg` keeps four decimals, so that a smaller canvas would be nothing.
SMALLEST_CANVAS, LARGEST_CANVAS = 0.01, 1e6

GROUPS = ("svg", "g", "a", "switch", "symbol")
SHAPES = ("path", "rect", "circle", "ellipse", "line", "polyline", "polygon")
# These draw nothing where they stand.
SILENT = (
    "defs", "desc", "title", "metadata", "style", "view", "clipPath", "mask", "filter", "marker",
    "pattern", "linearGradient", "radialGradient",
)  # fmt: skip
LEFT_OUT = {
    "text": "text", "image": "images", "foreignObject": "foreign objects", "script": "scripts",
    **dict.fromkeys(("animate", "animateTransform", "animateMotion", "set"), "animation"),
}  # fmt: skip
# Properties that change a whole element.
EFFECTS = {
    ("clip-path",): "clip paths", ("mask",): "masks", ("filter",): "filters",
    ("mix-blend-mode",): "blend modes", ("transform-origin",): "origins of transforms",
}  # fmt: skip
MARKERS = ("marker", "marker-start", "marker-mid", "marker-end")
HREFS = ("href", "{http://www.w3.org/1999/xlink}href")
# What people call things; the second is how Inkscape, and whoever follows it, names layers.
NAMES = ("id", "{http://www.inkscape.org/namespaces/inkscape}label")
# Marks the paper that `to_svg` puts first, which nobody else writes like this.
OUR_COLOR = re.compile(r"rgb\([0-9.e+-]++%,[0-9.e+-]++%,[0-9.e+-]++%\)")


def from_svg(file: str | File) -> Drawing:
    """Read a picture from an SVG file, written by `to_svg` or by any other program.

    Read are paths and all basic shapes, filled, stroked or both, in groups with transforms, `use`
    and `symbol`, with styles from attributes, `style` and CSS rules for tags, classes and ids.
    Everything becomes cubics: lines and quadratics exactly, arcs within 0.03 % of their radius.
    The canvas is the `viewBox`, moved to 0 0, or else width and height. The sheet of paper that
    `to_svg` puts behind its drawings is left out: whoever renders says `background` again. In the
    file of another program such a rectangle is a path like all others.

    A drawing has no text, images, gradients, patterns, clip paths, masks, filters, markers, dashes
    or blend modes, and its strokes have round ends and corners. One warning per kind of such things
    says where the first of them was, and what became of it: gradients become the mean of their
    stops, dashes a whole stroke, and most of the rest is left out. The opacity of a group is
    multiplied into its members, which differs where they overlap and is warned of, too. Nothing
    outside of the file is ever opened.

    Args:
        file: where it is; at most 20 MB.

    Raises:
        ValueError: one sentence that says why the file is not a drawing: no SVG at all, numbers
            that cannot be read, nothing to draw, or a file made to grow without end.
    """
    file = File(file)
    root = _parse(file)
    try:
        reader = Reader(root)
        drawing = reader.drawing()
    except ValueError as error:
        raise ValueError(f"{file.name} {error}") from error
    for kind, (first, count) in reader.noticed.items():
        more = f" and {count - 1} more" if count > 1 else ""
        warnings.warn(f"{file.name} has {kind}: {first}{more}", UserWarning, stacklevel=2)
    return drawing


def names_of_paths(file: str | File) -> list[frozenset[str]]:
    """What each path of `from_svg` is called in its file: the ids, and the names of layers, of its
    element and of all groups around it.

    Raises:
        ValueError: as `from_svg` does.
    """
    file = File(file)
    reader = Reader(_parse(file))
    try:
        reader.drawing()
    except ValueError as error:
        raise ValueError(f"{file.name} {error}") from error
    return reader.names


@dataclass(frozen=True)
class Notes:
    """What `to_svg` writes into a file beside the drawing."""

    paper: tuple[float, float, float] | None
    """Colour of the background; None where it is not said in our way."""
    guides: tuple[str, ...]
    """Names of the models that guided the drawing; UNKNOWN among them for those not written
    down."""


def read_notes(file: str | File) -> Notes:
    """What an SVG file says of its paper and its guides, as far as that can be believed: whoever
    can write a file can write this.

    Raises:
        ValueError: it is no SVG file.
    """
    root = _parse(File(file))
    paper = _paper(root)
    rgba = None if paper is None else color(paper.get("fill"))
    return Notes(rgba and rgba[:3], _guides(root))


def _paper(root: ET.Element) -> ET.Element | None:
    """The sheet of paper that `to_svg` puts first."""
    child = next((c for c in root if _tag(c) not in ("desc", "metadata")), None)
    if child is None or _tag(child) != "rect" or set(child.attrib) != {"width", "height", "fill"}:
        return None
    whole = child.get("width") == child.get("height") == "100%"
    return child if whole and OUR_COLOR.fullmatch(child.get("fill")) else None


def _guides(root: ET.Element) -> tuple[str, ...]:
    try:
        guides = json.loads(root.findtext(f"{{{SVG}}}metadata", ""))["guides"]
    except (ValueError, TypeError, LookupError, RecursionError):
        return (UNKNOWN,)
    told = isinstance(guides, list) and all(isinstance(name, str) for name in guides)
    return tuple(guides) if told else (UNKNOWN,)


def _parse(file: File) -> ET.Element:
    if file.stat().st_size > LARGEST_FILE:
        raise ValueError(f"{file.name} is larger than {LARGEST_FILE // 1_000_000} MB")
    try:
        # A document type alone is harmless, and older programs write one; entities are not.
        root = defusedxml.ElementTree.parse(file).getroot()
    except defusedxml.DefusedXmlException as error:
        raise ValueError(
            f"{file.name} declares entities, which no drawing needs; save it again as plain SVG"
        ) from error
    except (ET.ParseError, UnicodeDecodeError, LookupError, ValueError) as error:
        raise ValueError(f"{file.name} is not an SVG file: {error}") from error
    if root.tag != f"{{{SVG}}}svg":
        raise ValueError(
            f"{file.name} is not an SVG file: its root element is {root.tag!r}, not <svg> with "
            f'xmlns="{SVG}"'
        )
    return root


@dataclass(frozen=True)
class Place:
    """What an element takes over from those around it."""

    style: dict[str, str]
    matrix: np.ndarray
    """To canvas units, 3 x 3."""
    viewport: tuple[float, float]
    """Width and height that percentages refer to."""
    opacity: float = 1.0
    above: tuple[ET.Element, ...] = ()


class Reader:
    """Walks through a file once and collects its paths, and what it could not keep."""

    def __init__(self, root: ET.Element):
        self.root = root
        self.paths: list[Path] = []
        self.names: list[frozenset[str]] = []
        self.noticed: dict[str, tuple[str, int]] = {}
        self._by_id = {element.get("id"): element for element in reversed(list(root.iter()))}
        self._sheet = Stylesheet(root, self.notice)
        # What takes long to read is read once, however often it is used.
        self._shapes: dict[tuple, list[Contour]] = {}
        self._transforms: dict[str, np.ndarray] = {}
        self._means: dict[tuple, Color | None] = {}
        self._elements = self._segments = 0

    def drawing(self) -> Drawing:
        """The whole picture."""
        x, y, width, height = self._canvas()
        if (paper := _paper(self.root)) is not None:
            self.root.remove(paper)
        shift = np.array([[1.0, 0, -x], [0, 1, -y], [0, 0, 1]])
        self._element(self.root, Place(INHERITED, shift, (width, height)))
        if not self.paths:
            left_out = "".join(f"; it has {kind}" for kind in self.noticed)
            raise ValueError(f"has nothing to draw{left_out}")
        drawing = assemble(self.paths, width, height)
        if not all(value.isfinite().all() for value in (drawing.points, drawing.widths)):
            raise ValueError("has a path that a transform moves to infinity")
        return drawing

    def notice(self, kind: str, where: ET.Element | str) -> None:
        """Remember something that a drawing cannot hold, for a warning."""
        first, count = self.noticed.get(
            kind, (where if isinstance(where, str) else _name(where), 0)
        )
        self.noticed[kind] = first, count + 1

    def _canvas(self) -> tuple[float, float, float, float]:
        """x, y, width, height; a window of another shape than the viewBox is not kept."""
        try:
            window = [length(self.root.get(name, "?"), np.nan) for name in ("width", "height")]
        except ValueError:
            window = [np.nan, np.nan]
        if "viewBox" in self.root.attrib:
            text = f"viewBox {self.root.get('viewBox')[:40]!r}"
            box = _view_box(self.root.get("viewBox"))
            if abs(window[0] * box[3] - window[1] * box[2]) > 0.01 * abs(window[0] * box[3]):
                self.notice("a window of another shape than its viewBox, not kept", self.root)
        else:
            text = f"width {self.root.get('width')!r} and height {self.root.get('height')!r}"
            box = (0.0, 0.0, *window)
        if not all(SMALLEST_CANVAS <= side <= LARGEST_CANVAS for side in box[2:]):
            raise ValueError(
                f"has the {text}; a viewBox of four numbers is expected, with sizes from "
                f"{SMALLEST_CANVAS} to {LARGEST_CANVAS:.0f}"
            )
        return box

    def _element(self, element: ET.Element, around: Place) -> None:
        """Draw one element and all that is in it."""
        tag = _tag(element)
        self._elements += 1
        if self._elements > MOST_ELEMENTS or len(around.above) > DEEPEST:
            raise ValueError(
                f"has more than {MOST_ELEMENTS} elements, or more than {DEEPEST} inside each other,"
                " counting every <use>; a drawing has fewer"
            )
        if tag in LEFT_OUT:
            self.notice(f"{LEFT_OUT[tag]}, left out", element)
        elif tag not in (*GROUPS, *SHAPES, *SILENT, "use", None):
            self.notice("elements that are not known, left out", element)
        if tag not in (*GROUPS, *SHAPES, "use"):
            return
        style = self._sheet.style(element, around.style)
        if style["display"] == "none":
            return
        self._notice_effects(element, style)
        if style["transform"] not in self._transforms:
            self._transforms[style["transform"]] = transform(style["transform"])
        opacity = self._share(style, "opacity")
        here = replace(
            around,
            style=style,
            matrix=around.matrix @ self._transforms[style["transform"]],
            opacity=around.opacity * opacity,
            above=(*around.above, element),
        )
        count = len(self.paths)
        if tag == "use":
            self._use(element, here)
        elif tag in SHAPES:
            self._shape(element, tag, here)
        else:
            self._group(element, tag, here)
        new = self.paths[count:]
        if tag in SHAPES:
            names = (e.get(name) for e in here.above for name in NAMES)
            self.names += [frozenset(filter(None, names))] * len(new)
        if opacity < 1 and sum((p.fill is not None) + (p.color is not None) for p in new) > 1:
            self.notice("opacity of several things together, given to each of them", element)

    def _group(self, element: ET.Element, tag: str, here: Place) -> None:
        children, count, edges = list(element), len(self.paths), None
        used = tag == "symbol" and _tag(here.above[-2]) == "use"
        if tag == "symbol" and not used:
            return
        if tag == "switch":
            self.notice("a choice between several things, of which the first was taken", element)
            asks = ("systemLanguage", "requiredFeatures", "requiredExtensions")
            children = [c for c in children if not any(name in c.attrib for name in asks)][:1]
        if used or (tag == "svg" and element is not self.root):
            here, edges = self._window(element, here, here.above[-2] if used else element)
        for child in children:
            self._element(child, here)
        if edges is not None and _leaves(edges, self.paths[count:]):
            self.notice("things cut off at the edges of a part of it, drawn whole", element)

    def _use(self, element: ET.Element, here: Place) -> None:
        target = self._refer(_href(element), element)
        if target is None:
            return
        if target in here.above:
            raise ValueError(f"has a {_name(element)} that contains itself")
        x = length(element.get("x", "0"), here.viewport[0])
        y = length(element.get("y", "0"), here.viewport[1])
        here = replace(here, matrix=here.matrix @ np.array([[1, 0, x], [0, 1, y], [0, 0, 1]]))
        self._element(target, here)

    def _window(
        self, element: ET.Element, here: Place, sized_by: ET.Element
    ) -> tuple[Place, torch.Tensor]:
        """The place inside of a nested <svg> or a <symbol>, and its corners on the canvas."""
        wholes = dict(zip("xy", here.viewport, strict=True))
        width = length(sized_by.get("width", "100%"), wholes["x"])
        height = length(sized_by.get("height", "100%"), wholes["y"])
        x, y = 0.0, 0.0
        if element is sized_by:
            x, y = (length(element.get(name, "0"), wholes[name]) for name in "xy")
        box = (0.0, 0.0, width, height)
        if "viewBox" in element.attrib:
            box = _view_box(element.get("viewBox"))
        if min(width, height, *box[2:]) <= 0:
            raise ValueError(f"has a {_name(element)} without a size")
        how = element.get("preserveAspectRatio", "")[:LONGEST_VALUE]
        inner = here.matrix @ fit(box, (x, y, width, height), how)
        corners = [complex(x + i * width, y + j * height) for i in (0, 1) for j in (0, 1)]
        return replace(here, matrix=inner, viewport=box[2:]), _moved(corners, here.matrix)

    def _shape(self, element: ET.Element, tag: str, here: Place) -> None:
        style = here.style
        if style["visibility"] != "visible":
            return
        key = element, here.viewport
        if key not in self._shapes:
            self._shapes[key] = shape(element, tag, here.viewport)
        contours = self._shapes[key]
        if any(style[name] not in ("none", "") for name in MARKERS):
            self.notice("markers, left out", element)
        self._segments += sum((len(points) - (not closed)) // 3 for points, closed in contours)
        if self._segments > MOST_SEGMENTS:
            raise ValueError(f"has more than {MOST_SEGMENTS} segments, counting every <use>")
        fill, stroke = (self._paint(name, element, here) for name in ("fill", "stroke"))
        if not contours or not (fill or stroke):
            return
        made = Path(
            contours=[_moved(points, here.matrix) for points, _ in contours],
            closed=[closed for _, closed in contours],
            width=torch.tensor(self._stroke_width(element, here) if stroke else 0.0),
            color=stroke and torch.tensor(stroke),
            fill=fill and torch.tensor(fill),
            fill_rule="evenodd" if style["fill-rule"] == "evenodd" else "nonzero",
        )
        if stroke:
            self._notice_pen(element, style, made)
        if fill and stroke and style["paint-order"].startswith("stroke"):
            self.paths += [replace(made, fill=None), replace(made, color=None)]
        else:
            self.paths.append(made)

    def _stroke_width(self, element: ET.Element, here: Place) -> float:
        diagonal = float(np.hypot(*here.viewport)) / 2**0.5
        width = length(here.style["stroke-width"], diagonal)
        if width < 0:
            raise ValueError(f"has a {_name(element)} with the negative stroke-width {width:g}")
        if here.style["vector-effect"] == "non-scaling-stroke":
            return width
        scales = np.linalg.svd(here.matrix[:2, :2], compute_uv=False)
        if scales[0] > 1.01 * scales[1]:
            self.notice("strokes that a transform makes unevenly wide, drawn evenly", element)
        return width * float(np.sqrt(scales.prod()))

    def _paint(self, name: str, element: ET.Element, here: Place) -> Color | None:
        """Straight RGBA of the fill or the stroke with all opacities, None for none."""
        text = here.style[name]
        if match := re.match(r"url\(\s*+['\"]?([^'\")]*+)['\"]?\s*+\)", text):
            paint = self._server(match[1], text[match.end() :].strip(), element, here.style)
        else:
            paint = self._color(text, here.style, INHERITED[name])
        if paint is None:
            return None
        opacity = self._share(here.style, f"{name}-opacity") * here.opacity
        return (*paint[:3], paint[3] * opacity)

    def _color(self, text: str, style: dict[str, str], default: str) -> Color | None:
        if text.lower() == "currentcolor":
            text = style["color"]
        if text.lower() in ("none", ""):
            return None
        found = color(text)
        if found is None:
            self.notice(f"colours that cannot be read, taken for {default}", f"{text[:40]!r}")
            return color(default)
        return found

    def _server(
        self, url: str, otherwise: str, element: ET.Element, style: dict[str, str]
    ) -> Color | None:
        """What stands for a gradient, a pattern, or a reference into nothing."""
        server = self._refer(url, element)
        if server is not None and _tag(server) in ("linearGradient", "radialGradient"):
            self.notice("gradients, each drawn as the mean of its stops' colours", server)
            key = server, style["color"]
            if key not in self._means:
                self._means[key] = self._mean_of_stops(server, style)
            return self._means[key]
        if server is not None:
            self.notice("patterns as paint, left out", server)
        return self._color(otherwise, style, "none") if otherwise else None

    def _mean_of_stops(self, gradient: ET.Element, style: dict[str, str]) -> Color | None:
        """Alpha is averaged, and colours as far as they are there."""
        seen = []
        while gradient is not None and gradient not in seen and len(seen) < DEEPEST:
            stops = [child for child in gradient if _tag(child) == "stop"]
            if stops:
                break
            seen.append(gradient)  # its stops may be those of another gradient
            gradient = self._refer(_href(gradient), gradient)
        else:
            return None
        colors = []
        for stop in stops:
            own = self._sheet.style(stop, style)
            rgba = self._color(own["stop-color"], own, "black") or (0.0, 0.0, 0.0, 0.0)
            colors.append((*rgba[:3], rgba[3] * self._share(own, "stop-opacity")))
        colors = np.array(colors)
        alpha = colors[:, 3].mean()
        rgb = (colors[:, :3] * colors[:, 3:]).mean(axis=0) / alpha if alpha else colors[0, :3]
        return (*map(float, rgb), float(alpha))

    def _share(self, style: dict[str, str], name: str) -> float:
        value = share(style[name])
        if value is None:
            self.notice("opacities that cannot be read, taken for 1", f"{style[name][:40]!r}")
            return 1.0
        return value

    def _refer(self, url: str, element: ET.Element) -> ET.Element | None:
        """The element that a reference means; None, and a notice, where there is none here."""
        if not url:
            return None
        found = self._by_id.get(url[1:]) if url.startswith("#") else None
        if found is None:
            kind = "references into nothing" if url.startswith("#") else "references to other files"
            self.notice(f"{kind}, left out", f"{_name(element)} refers to {url[:40]!r}")
        return found

    def _notice_effects(self, element: ET.Element, style: dict[str, str]) -> None:
        for names, kind in EFFECTS.items():
            if any(style[name] not in ("none", "normal", "") for name in names):
                self.notice(f"{kind}, left out", element)

    def _notice_pen(self, element: ET.Element, style: dict[str, str], made: Path) -> None:
        """What of a stroke's looks is not kept."""
        if style["stroke-dasharray"] not in ("none", "0", ""):
            self.notice("dashes, drawn as whole strokes", element)
        ends = not all(made.closed) and style["stroke-linecap"] != "round"
        corners = any(len(points) > 4 for points in made.contours)
        if ends or (corners and style["stroke-linejoin"] != "round"):
            self.notice("strokes with other than round ends and corners, drawn round", element)


def _tag(element: ET.Element) -> str | None:
    """The element's name, None if it is of another language than SVG."""
    return element.tag.removeprefix(f"{{{SVG}}}") if element.tag.startswith(f"{{{SVG}}}") else None


def _name(element: ET.Element) -> str:
    """For messages: `<use id="a">`."""
    return (
        f"<{_tag(element)} id={element.get('id')!r}>"
        if "id" in element.attrib
        else (f"<{_tag(element)}>")
    )


def _href(element: ET.Element) -> str:
    return next(
        (element.get(name)[:LONGEST_VALUE].strip() for name in HREFS if name in element.attrib), ""
    )


def _view_box(text: str) -> tuple[float, float, float, float]:
    try:
        x, y, width, height = (
            length(number, np.nan) for number in re.split(r"[\s,]+", text.strip())
        )
    except ValueError:
        raise ValueError(f"has the viewBox {text[:40]!r}; four numbers are expected") from None
    return x, y, width, height


def _moved(points: Sequence[complex], matrix: np.ndarray) -> torch.Tensor:
    xy = np.array(points).view(np.float64).reshape(-1, 2)
    return torch.from_numpy(xy @ matrix[:2, :2].T + matrix[:2, 2]).float()


def _leaves(corners: torch.Tensor, paths: Sequence[Path]) -> bool:
    """Whether paths reach beyond the box around these corners by more than a hundredth of it."""
    low, high = corners.amin(0), corners.amax(0)
    slack = 0.01 * (high - low)
    points = torch.cat([torch.zeros(0, 2), *(p for path in paths for p in path.contours)])
    return bool(((points < low - slack) | (points > high + slack)).any())
