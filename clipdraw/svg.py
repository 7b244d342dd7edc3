"""Drawings as SVG, written without loss; `svg_reader` reads them back.

What is written is plain SVG 1.1 that any browser or editor shows as we do: one `<path>` per path,
strokes with round caps and joins, on a canvas given by `viewBox`, over an optional `<rect>` of
paper. Colours are percentages, because eight bits would lose what an optimiser found.
"""

import json
import xml.etree.ElementTree as ET
from collections.abc import Sequence

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
        ET.SubElement(root, f"{{{SVG}}}rect", width="100%", height="100%", fill=_color(background))
    group = ET.SubElement(
        root, f"{{{SVG}}}g",
        {"fill": "none", "stroke-linecap": "round", "stroke-linejoin": "round"},
    )  # fmt: skip
    for path in drawing.detach().each_path():
        ET.SubElement(group, f"{{{SVG}}}path", _attributes(path))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"


def _attributes(path: Path) -> dict[str, str]:
    """Those of a `<path>` in the group, where nothing is filled and strokes end round."""
    contours = zip(path.contours, path.closed, strict=True)
    attributes = {"d": "".join(_data(*contour) for contour in contours)}
    if path.fill is not None:
        *rgb, alpha = path.fill.tolist()
        attributes |= {"fill": _color(rgb), "fill-opacity": f"{alpha:.6g}"}
        if path.fill_rule != "nonzero":
            attributes["fill-rule"] = path.fill_rule
    if path.color is None:
        return attributes | {"stroke": "none"}
    *rgb, alpha = path.color.tolist()
    return attributes | {
        "stroke": _color(rgb),
        "stroke-opacity": f"{alpha:.6g}",
        "stroke-width": _number(path.width.item()),
    }


def _data(points: Tensor, closed: bool) -> str:
    """Path data of a contour; a closed one is led back to its start before it says so."""
    points = points.tolist()
    first, *rest = [" ".join(map(_number, xy)) for xy in [*points, *points[: int(closed)]]]
    return f"M{first}C{' '.join(rest)}" + "Z" * closed


def _number(x: float) -> str:
    """Within 1e-4 canvas units, without trailing zeros, and never -0."""
    return f"{x:z.4f}".rstrip("0").rstrip(".")


def _color(rgb: Sequence[float]) -> str:
    return "rgb({:.6g}%,{:.6g}%,{:.6g}%)".format(*(100 * float(c) for c in rgb))
