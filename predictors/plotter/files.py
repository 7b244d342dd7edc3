"""From lines to files: SVG and HPGL as vpype writes them, G-code, and a picture of the plot."""

import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
import vpype
import vpype_cli
from jaxtyping import Float
from torch import Tensor

from clipdraw import Drawing, render
from predictors.outputs import size
from predictors.pictures import Color
from predictors.plotter.pens import Pen
from predictors.plotter.polylines import Line
from predictors.plotter.settings import GENERIC, Settings
from predictors.plotter.sheet import MM, NAMED, Sheet

# Longer side of the picture in pixels: a tip of 0.4 mm on A4 is three of them wide.
PICTURE = 2000
# What polylines are simplified by, mm. All that a drawing goes through stays below a step of a
# plotter, 0.025.
SIMPLER = "0.01mm"
# Decimals of a pixel, of which vpype has 96 to the inch: 0.003 mm.
DECIMALS = 2
# Up to so many lines of a pen the way without ink is made a sixth shorter, which takes a second.
FEW = 1000
# A greedy way through so many takes minutes.
MOST_LINES = 200_000
# What vpype is to know of the generic plotter.
DESCRIPTION = Path(__file__).parent / "generic.toml"


# --- vpype's document -----------------------------------------------------------------------------


def document(lines: Sequence[Sequence[Line]], pens: Sequence[Pen], sheet: Sheet) -> vpype.Document:
    """Lines as vpype has them: a layer for each pen that draws, numbered as the pens are."""
    made = vpype.Document(page_size=(sheet.width * MM, sheet.height * MM))
    for number, (pen, own) in enumerate(zip(pens, lines, strict=True), start=1):
        if own:
            layer = vpype.LineCollection([line @ (MM, MM * 1j) for line in own])
            layer.set_property(vpype.METADATA_FIELD_NAME, f"{number} {pen.name}")
            layer.set_property(vpype.METADATA_FIELD_COLOR, hex_of(pen.colour))
            layer.set_property(vpype.METADATA_FIELD_PEN_WIDTH, pen.tip * MM)
            for part in ("linecap", "linejoin"):
                layer.set_property(f"svg_stroke-{part}", "round")
            made.add(layer, number, with_metadata=True)
    return made


def ordered(drawn: vpype.Document, pens: Sequence[Pen]) -> vpype.Document:
    """The same with ends that meet joined, and a short way from line to line.

    Raises:
        ValueError: so many lines that this would take very long.
    """
    count = sum(map(len, drawn.layers.values()))
    if count > MOST_LINES:
        raise ValueError(
            f"drawing: it becomes {count:,} lines, but at most {MOST_LINES:,} can be put in order; "
            "choose a larger hatch_spacing, or simplify it"
        )
    steps = []
    for number, layer in drawn.layers.items():
        # Half a tip further on, the pen is still on its own ink.
        steps.append(f"linemerge --layer {number} --tolerance {pens[number - 1].tip / 2}mm")
        steps.append(f"linesimplify --layer {number} --tolerance {SIMPLER}")
        steps.append(f"linesort --layer {number} {'--two-opt' if len(layer) <= FEW else ''}")
    made = vpype_cli.execute(" ".join(steps), drawn)
    for layer in made.layers.values():
        layer.lines[:] = [np.round(line, DECIMALS) for line in layer]
    return made


def lines_of(drawn: vpype.Document) -> Iterator[tuple[int, list[Line]]]:
    """The number of each pen that draws, and its lines in mm, in the order of plotting."""
    for number in sorted(drawn.layers):
        yield number, [vpype.as_vector(line) / MM for line in drawn.layers[number]]


# --- text -----------------------------------------------------------------------------------------


def svg(drawn: vpype.Document, source: str) -> str:
    """An SVG with a named layer for each pen, as Inkscape and plotters' drivers have them."""
    text = io.StringIO()
    vpype.write_svg(text, drawn, source_string=source, use_svg_metadata=True, set_date=False)
    return text.getvalue()


def hpgl(drawn: vpype.Document, sheet: Sheet, device: str) -> tuple[str | None, list[str]]:
    """The plot in HPGL, if the device takes that paper, and what there is to know about it."""
    if device == GENERIC and GENERIC not in vpype.config_manager.get_plotter_list():
        vpype.config_manager.load_config_file(str(DESCRIPTION))
    plotter = vpype.config_manager.get_plotter_config(device)
    paper = plotter.paper_config(sheet.name) or plotter.paper_config("any size")
    if paper is None:
        sizes = ", ".join(name for name in NAMED if plotter.paper_config(name))
        return None, [f"there is no plot.hpgl, because {device} takes no {sheet.name}, but {sizes}"]

    def write(drawn: vpype.Document) -> str:
        text, turned = io.StringIO(), sheet.landscape
        vpype.write_hpgl(text, drawn, paper.name, turned, False, device, None, True, True)
        return text.getvalue()

    said = [f"{device}: {' '.join(info.split())}" for info in (plotter.info, paper.info) if info]
    if (last := max(drawn.layers)) > plotter.pen_count:
        said.append(
            f"{device} holds {plotter.pen_count} pens: pen {last} takes another one's place"
        )
    left, top, right, bottom = drawn.bounds()
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    box = vpype.Document(page_size=drawn.page_size)
    box.add([[complex(*corner) for corner in corners]], 1)
    # vpype cuts away without a word what the device cannot reach.
    if not re.search(r"PD(-?\d+,-?\d+,?){4};PU[^;]*;SP0", write(box)):
        said.append(
            f"{device} cannot reach all of it, and plot.hpgl has a part; choose a larger margin"
        )
    return write(drawn), said


def gcode(drawn: vpype.Document, sheet: Sheet, pens: Sequence[Pen], settings: Settings) -> str:
    """The plot in G-code, as GRBL, Marlin and their like read it.

    Millimetres (G21) in absolute coordinates (G90) from the sheet's lower left corner, x right, y
    up. G0 to a line, pen down, G1 along it, the first with F in mm/min, pen up. M0, a pause, before
    each pen but the first. In the end G0 back to the corner, and M2.
    """
    down, up = (
        [command.strip() for command in text.split("|")]
        for text in (settings.pen_down, settings.pen_up)
    )
    out = [f"; {sheet.name}, {sheet.width:g} x {sheet.height:g} mm", "G21", "G90", *up]
    for changes, (number, lines) in enumerate(lines_of(drawn)):
        pen = pens[number - 1]
        out += ["M0"] * (changes > 0) + [f"; pen {number}: {pen.name} {pen.tip:g} mm"]
        for line in lines:
            first, second, *rest = (f"X{x:z.3f} Y{sheet.height - y:z.3f}" for x, y in line.tolist())
            feed = f"F{60 * settings.draw_speed:g}"
            out += [f"G0 {first}", *down, f"G1 {second} {feed}", *(f"G1 {xy}" for xy in rest), *up]
    return "\n".join([*out, "G0 X0 Y0", "M2", ""])


# --- picture --------------------------------------------------------------------------------------


def picture(
    drawn: vpype.Document, pens: Sequence[Pen], sheet: Sheet, paper: Color
) -> Float[Tensor, "3 height width"]:
    """The plot as it will look: the lines of each pen with the width of its tip, in its colour."""
    used = list(lines_of(drawn))
    lines = [line for _, own in used for line in own]
    counts = torch.tensor([len(own) for _, own in used])
    plot = Drawing(
        points=torch.from_numpy(np.concatenate([_cubics(line) for line in lines])).float(),
        segments=torch.tensor([len(line) - 1 for line in lines]),
        widths=torch.tensor([pens[number - 1].tip for number, _ in used]),
        colors=torch.tensor([(*pens[number - 1].colour, 1.0) for number, _ in used]),
        picture=torch.zeros(len(used), dtype=torch.int64),
        width=sheet.width,
        height=sheet.height,
        path=torch.arange(len(used)).repeat_interleave(counts),
    )
    with torch.no_grad():
        return render(plot, *size(plot, PICTURE), background=paper)[0]


def _cubics(line: Line) -> Float[np.ndarray, "points 2"]:
    """A polyline as control points: the handles of each cubic lie on its chord."""
    starts, third = line[:-1], np.diff(line, axis=0) / 3
    return np.concatenate([*np.stack([starts, starts + third, starts + 2 * third], 1), line[-1:]])


def hex_of(colour: Color) -> str:
    return "#" + bytes(round(255 * channel) for channel in colour).hex()
