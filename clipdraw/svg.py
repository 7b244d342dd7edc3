"""Drawings as SVG, written without loss; `svg_reader` reads them back.

What is written is plain SVG 1.1 that any browser or editor shows as we do: one `<path>` per path,
strokes with round caps and joins, on a canvas given by `viewBox`, over an optional `<rect>` of
paper. Colours are percentages, because eight bits would lose what an optimiser found; those that
eight bits hold are written as #rrggbb. Curves are relative to their start, which is shorter.
"""

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence

import numpy as np
from torch import Tensor

from clipdraw.drawing import Drawing, Path
from clipdraw.renderers import WHITE
from clipdraw.svg_style import SVG

ET.register_namespace("", SVG)
# Stands among the guides of a drawing for those that nobody wrote down.
UNKNOWN = "unknown"


def to_svg(
    drawing: Drawing,
    *,
    background: Sequence[float] | None = WHITE,
    description: str = "",
    guides: Sequence[str] = (UNKNOWN,),
) -> str:
    """One picture as the text of an SVG file.

    Args:
        drawing: a single picture.
        background: colour of the paper, or None for none.
        description: goes into `<desc>`, for whoever opens the file later.
        guides: names of the models that pulled the drawing towards a prompt, and are no judges of
            it; they go into `<metadata>`. Empty where none did.

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
    if tuple(guides) != (UNKNOWN,):
        told = json.dumps({"guides": list(guides)})
        ET.SubElement(root, f"{{{SVG}}}metadata").text = told
    if background is not None:
        paper = {"width": "100%", "height": "100%", "fill": _percentages(background)}
        ET.SubElement(root, f"{{{SVG}}}rect", paper)
    ends = {"stroke-linecap": "round", "stroke-linejoin": "round"} if drawing.stroked.any() else {}
    group = ET.SubElement(root, f"{{{SVG}}}g", {"fill": "none"} | ends)
    for path in drawing.detach().each_path():
        ET.SubElement(group, f"{{{SVG}}}path", _attributes(path))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"


def _attributes(path: Path) -> dict[str, str]:
    """Those of a `<path>` in the group, where nothing is filled and strokes end round."""
    contours = zip(path.contours, path.closed, strict=True)
    attributes = {"d": "".join(_data(*contour) for contour in contours)}
    if path.fill is not None:
        attributes |= _paint("fill", path.fill)
        if path.fill_rule != "nonzero":
            attributes["fill-rule"] = path.fill_rule
    if path.color is not None:
        attributes |= _paint("stroke", path.color)
        attributes["stroke-width"] = _number(path.width.item())
    return attributes


def _paint(kind: str, rgba: Tensor) -> dict[str, str]:
    """Attributes of a fill or stroke."""
    *rgb, alpha = rgba.tolist()
    opacity = f"{alpha:.6g}"
    return {kind: _color(rgb)} | ({f"{kind}-opacity": opacity} if opacity != "1" else {})


def _data(points: Tensor, closed: bool) -> str:
    """Path data of a contour; a closed one is led back to its start before it says so.

    Numbers are rounded before they are made relative, so that nothing adds up.
    """
    joined = np.append(points, points[:1], axis=0) if closed else points.numpy()
    rounded = np.round(joined.astype(np.float64), 4)
    moves = rounded[1:].reshape(-1, 3, 2) - rounded[:-1:3, None]
    return f"M{_numbers(rounded[0])}c{_numbers(moves.ravel())}" + "Z" * closed


def _numbers(values: Iterable[float]) -> str:
    """With as few characters as they can be told apart by: 0.5 -2 as .5-2."""
    text = re.sub(r"(?<![0-9])0\.", ".", " ".join(map(_number, values)))
    return text.replace(" -", "-")


def _number(x: float) -> str:
    """Within 1e-4 canvas units, without trailing zeros, and never -0."""
    return f"{x:z.4f}".rstrip("0").rstrip(".")


def _color(rgb: Sequence[float]) -> str:
    """As eight bits a channel where that is as good as percentages."""
    levels = [min(max(round(255 * c), 0), 255) for c in rgb]
    if all(abs(255 * c - level) < 1e-4 for c, level in zip(rgb, levels, strict=True)):
        return "#{:02x}{:02x}{:02x}".format(*levels)
    return _percentages(rgb)


def _percentages(rgb: Sequence[float]) -> str:
    return "rgb({:.6g}%,{:.6g}%,{:.6g}%)".format(*(100 * float(c) for c in rgb))
