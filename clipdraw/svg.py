"""Drawings as SVG: written without loss, and read back.

What is written is plain SVG 1.1 that any browser or editor shows as we do: one `<path>` per
stroke with round caps and joins, on a canvas given by `viewBox`, over an optional `<rect>` of
paper. Colours are percentages, because eight bits would lose what an optimiser found.
"""

import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

import defusedxml
import defusedxml.ElementTree
import torch

from clipdraw.drawing import Drawing
from clipdraw.renderers import WHITE

SVG = "http://www.w3.org/2000/svg"
ET.register_namespace("", SVG)
# A drawing of ten thousand long strokes is about 5 MB.
LARGEST_FILE = 20_000_000


def to_svg(
    drawing: Drawing, *, background: Sequence[float] | None = WHITE, description: str = ""
) -> str:
    """One picture as the text of an SVG file.

    Args:
        drawing: a single picture.
        background: colour of the paper, or None for none.
        description: goes into `<desc>`, for whoever opens the file later.

    Raises:
        ValueError: the drawing holds several pictures.
    """
    if drawing.pictures != 1:
        raise ValueError(f"an SVG holds one picture, this drawing has {drawing.pictures}; split it")
    width, height = _number(drawing.width), _number(drawing.height)
    root = ET.Element(f"{{{SVG}}}svg", width=width, height=height, viewBox=f"0 0 {width} {height}")
    if description:
        # XML has no way to write most control characters, not even escaped.
        clean = "".join(c for c in description if c.isprintable())
        ET.SubElement(root, f"{{{SVG}}}desc").text = clean
    if background is not None:
        ET.SubElement(root, f"{{{SVG}}}rect", width="100%", height="100%", fill=_color(background))
    group = ET.SubElement(
        root, f"{{{SVG}}}g",
        {"fill": "none", "stroke-linecap": "round", "stroke-linejoin": "round"},
    )  # fmt: skip
    curves = drawing.points.detach().split((3 * drawing.segments + 1).tolist())
    widths, colors = drawing.widths.tolist(), drawing.colors.tolist()
    for points, stroke_width, color in zip(curves, widths, colors, strict=True):
        numbers = [_number(x) for x in points.flatten().tolist()]
        ET.SubElement(
            group, f"{{{SVG}}}path",
            {
                "d": f"M{' '.join(numbers[:2])}C{' '.join(numbers[2:])}",
                "stroke": _color(color[:3]),
                "stroke-opacity": f"{color[3]:.6g}",
                "stroke-width": _number(stroke_width),
            },
        )  # fmt: skip
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"


def from_svg(file: str | Path) -> Drawing:
    """Read an SVG file that `to_svg` wrote.

    Raises:
        ValueError: one sentence that says what in the file is not such a drawing.
    """
    file = Path(file)
    if file.stat().st_size > LARGEST_FILE:
        raise ValueError(f"{file.name} is larger than {LARGEST_FILE // 1_000_000} MB")
    try:
        root = defusedxml.ElementTree.parse(file, forbid_dtd=True).getroot()
    except defusedxml.DefusedXmlException as error:
        raise ValueError(
            f"{file.name} declares document types or entities, which a drawing never needs; "
            "save it again as plain SVG"
        ) from error
    except (ET.ParseError, UnicodeDecodeError, ValueError) as error:
        raise ValueError(f"{file.name} is not an SVG file: {error}") from error
    if root.tag != f"{{{SVG}}}svg":
        raise ValueError(f"{file.name} is not an SVG file: its root element is {root.tag!r}")

    width, height = _canvas(root, file.name)
    paths = []
    for element in root.iter():
        kind = str(element.tag).removeprefix(f"{{{SVG}}}")
        if kind == "path":
            paths.append(_path(element, file.name))
        elif kind not in ("svg", "g", "rect", "desc", "title", "metadata"):
            raise ValueError(
                f"{file.name} holds a <{kind}>; only drawings made of strokes (<path>) can be read"
            )
        elif "transform" in element.attrib:
            raise ValueError(f"{file.name} moves its <{kind}> by a transform; apply it first")
    if not paths:
        raise ValueError(f"{file.name} has no strokes")
    points, widths, colors = zip(*paths, strict=True)
    segments = torch.tensor([(len(p) - 1) // 3 for p in points])
    return Drawing(
        points=torch.tensor([xy for p in points for xy in p]),
        segments=segments,
        widths=torch.tensor(widths),
        colors=torch.tensor(colors),
        picture=torch.zeros_like(segments),
        width=width,
        height=height,
    )


def _canvas(root: ET.Element, name: str) -> tuple[float, float]:
    try:
        x, y, width, height = map(float, root.get("viewBox", "").split())
    except ValueError:
        raise ValueError(f"{name} has no viewBox of four numbers") from None
    if x or y or not (0 < width <= 1e6 and 0 < height <= 1e6):
        raise ValueError(
            f"{name} has the viewBox {root.get('viewBox')!r}; it must start at 0 0 and have a size"
        )
    return width, height


def _path(element: ET.Element, name: str) -> tuple[list[list[float]], float, list[float]]:
    """Points, full width and colour of a `<path>` in the one form that `to_svg` writes."""
    d = element.get("d", "")
    match = re.fullmatch(r"M([^A-DF-Za-df-z]*)C([^A-DF-Za-df-z]*)", d.strip())
    try:
        numbers = [float(x) for x in re.split(r"[\s,]+", " ".join(match.groups()).strip())]
        channels = re.fullmatch(r"rgb\((.*)%,(.*)%,(.*)%\)", element.get("stroke", "")).groups()
        color = [float(c) / 100 for c in channels] + [float(element.get("stroke-opacity", "1"))]
        width = float(element.get("stroke-width", "1"))
    except (ValueError, AttributeError):
        raise ValueError(
            f"{name} has a <path> that is not one of our strokes: d={d[:40]!r}, "
            f"stroke={element.get('stroke')!r}"
        ) from None
    if len(numbers) < 8 or len(numbers) % 6 != 2:
        raise ValueError(f"{name} has a <path> of {len(numbers)} numbers; cubics need 2 + 6 n")
    if not all(map(math.isfinite, [*numbers, width, *color])):
        raise ValueError(f"{name} has a <path> with a number that is not finite")
    if width < 0 or not all(0 <= c <= 1 for c in color):
        raise ValueError(f"{name} has a <path> with a negative width or a colour out of range")
    return [numbers[i : i + 2] for i in range(0, len(numbers), 2)], width, color


def _number(x: float) -> str:
    """Within 1e-4 canvas units, without trailing zeros."""
    return f"{x:.4f}".rstrip("0").rstrip(".")


def _color(rgb: Sequence[float]) -> str:
    return "rgb({:.6g}%,{:.6g}%,{:.6g}%)".format(*(100 * float(c) for c in rgb))
