"""Plotting as a function: settings in, a plot and all that is to be known of it out."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import torch
import vpype

from clipdraw import Drawing
from clipdraw.drawing import Path as OnePath
from clipdraw.drawing import assemble
from predictors import drawings
from predictors.pictures import Color, rgb
from predictors.plotter import files, pace
from predictors.plotter.ink import ink
from predictors.plotter.marks import marks
from predictors.plotter.pens import Pen, read_pens
from predictors.plotter.settings import HATCH, LINE, NOTHING, OUTLINE, PASSES, REFUSE, Settings
from predictors.plotter.sheet import MM, Sheet, sheet

# On which the lines depend.
PACKAGES = ("numpy", "shapely", "torch", "vpype")


@dataclass(frozen=True)
class Plot:
    """What is drawn, and where."""

    drawn: vpype.Document
    """A layer for each pen that draws; in vpype's pixels, of which `sheet.MM` are a mm."""
    sheet: Sheet
    pens: list[Pen]
    paper: Color
    detour: float
    """The way without ink before lines were put in order, m."""
    warnings: list[str]


def plot(settings: Settings, report: Callable[[str, float], None]) -> Plot:
    """Plan everything.

    Args:
        report: Cog's `record_metric`.

    Raises:
        ValueError: an input that will not do; one sentence that begins with its name.
    """
    pens, told, noticed = read_pens(settings.pens), [], Counter()
    drawing = read(settings, told)
    paper = rgb(settings.paper_colour)
    canvas, widest = (drawing.width, drawing.height), max(pen.tip for pen in pens)
    on = sheet(settings.paper, settings.orientation, settings.margin, canvas, widest)
    found = marks(drawing, on, paper, pens, settings, noticed)
    if noticed["transparent"] and settings.transparency == REFUSE:
        raise ValueError(
            f"drawing: {noticed['transparent']} of its fills and strokes are transparent, and ink "
            "is not; choose transparency=density, or make them opaque"
        )
    unsorted = files.document(ink(found, pens, on, settings, noticed, report), pens, on)
    if not unsorted.layers:
        raise ValueError(
            "drawing: nothing of it can be drawn; all is as pale as the paper, hidden or too small"
        )
    detour = sum(ways.sum() for ways in pace.travels(unsorted).values()) / 1000
    drawn = files.ordered(unsorted, pens)
    told += notices(settings, noticed, drawn, pens)
    return Plot(drawn, on, pens, paper, float(detour), told)


def read(settings: Settings, told: list[str]) -> Drawing:
    """The drawing, on its ground if that is another than the paper."""
    try:
        handed = drawings.read_one(settings.drawing)
    except ValueError as error:
        raise ValueError(f"drawing: {error}") from error
    told += [f"the drawing {text}" for text in handed.left_out]
    drawing, ground = handed.drawing, handed.paper
    if ground is None or files.hex_of(ground) == settings.paper_colour.lower():
        return drawing
    colour = files.hex_of(ground)
    told.append(
        f"the drawing is on {colour}, which is drawn as well; paper_colour={colour} leaves it out"
    )
    below = whole(drawing.width, drawing.height, ground)
    return assemble([below, *drawing.each_path()], drawing.width, drawing.height)


def whole(width: float, height: float, colour: Color) -> OnePath:
    """A canvas in one colour."""
    corners = torch.tensor([[0, 0], [width, 0], [width, height], [0, height]])
    sides = corners.roll(-1, 0) - corners
    points = torch.stack([corners, corners + sides / 3, corners + sides * 2 / 3], 1).flatten(0, 1)
    return OnePath([points], [True], width=torch.tensor(0.0), fill=torch.tensor([*colour, 1.0]))


# --- what there is to know ------------------------------------------------------------------------


def notices(
    settings: Settings, noticed: Counter, drawn: vpype.Document, pens: list[Pen]
) -> list[str]:
    """What does not come out as it was drawn, and what should be known before plotting."""
    fills = {
        HATCH: "hatched",
        PASSES: "as outlines within each other",
        OUTLINE: "as outlines, not filled",
    }[settings.fills]
    strokes = {
        HATCH: "hatched, or in several passes where they are narrow",
        PASSES: "in several passes",
        LINE: "as single lines",
    }[settings.wide_strokes]
    below = "they hide nothing" if settings.occlude == NOTHING else "what lies below is hidden"
    texts = {
        "fills": f"fills, {fills}",
        "wide": f"strokes wider than their pen's tip, {strokes}",
        "thin": "strokes thinner than their pen's tip, which come out wider",
        "transparent": "transparent fills and strokes, for which fewer lines stand; those of at "
        "least half opacity hide what lies below them",
        "far": "fills and strokes of a colour that none of the pens has",
        "pale": f"fills and strokes as pale as the paper, which are not drawn; {below}",
        "hidden": "fills and strokes that others hide, which are not drawn",
        "cut": "fills and strokes beyond the edge of the drawing, which are cut off there",
        "faint": "areas too small and too faint to be hatched, which are left out",
        "scraps": "ends shorter than a tip beside what hides the rest, which are left out",
    }
    told = [f"{text}: {noticed[kind]}" for kind, text in texts.items() if noticed[kind]]
    unused = [pen.name for number, pen in enumerate(pens, 1) if number not in drawn.layers]
    return told + [f"pens that draw nothing: {', '.join(unused)}"] * bool(unused)


def figures(plotted: Plot, settings: Settings, said: Sequence[str]) -> dict[str, Any]:
    """All numbers, as JSON has them: metres, minutes and millimetres.

    Args:
        said: warnings of the files.
    """
    drawn, on = plotted.drawn, plotted.sheet
    each = by_pen(plotted, settings)
    left, top, right, bottom = (side / MM for side in drawn.bounds())
    totals = {
        name: sum(one[name] for one in each)
        for name in ("minutes", "lines", "pen_down_m", "pen_up_m")
    }
    return rounded(
        {
            "measures": {
                **totals,
                "pen_up_before_sorting_m": plotted.detour,
                "pen_changes": len(drawn.layers) - 1,
            },
            "paper": {"name": on.name, "width_mm": on.width, "height_mm": on.height},
            "drawing": {"mm_per_unit": on.scale, "left_mm": on.left, "top_mm": on.top},
            "ink": {"left_mm": left, "top_mm": top, "right_mm": right, "bottom_mm": bottom},
            "pens": each,
            "warnings": [*plotted.warnings, *said],
            "inputs": {**asdict(settings), "drawing": settings.drawing.name},
            "versions": {name: version(name) for name in PACKAGES},
        }
    )


def by_pen(plotted: Plot, settings: Settings) -> list[dict[str, Any]]:
    """What each pen draws, and how long that takes."""
    ways, each = pace.travels(plotted.drawn), []
    for number, pen in enumerate(plotted.pens, 1):
        lines = pace.lengths(plotted.drawn.layers.get(number, []))
        air = ways.get(number, lines)
        time = pace.seconds(lines, settings.draw_speed, pace.DRAWING)
        time += pace.seconds(air, settings.travel_speed, pace.TRAVELLING)
        time += 2 * pace.LIFT * len(lines)
        each.append(
            {
                "pen": number,
                "name": pen.name,
                "colour": files.hex_of(pen.colour),
                "tip_mm": pen.tip,
                "lines": len(lines),
                "pen_down_m": lines.sum() / 1000,
                "pen_up_m": air.sum() / 1000,
                "minutes": time / 60,
            }
        )
    return each


def rounded(value: Any) -> Any:
    """Numbers for people: what is further right depends on the machine."""
    if isinstance(value, dict):
        return {name: rounded(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [rounded(inner) for inner in value]
    return round(float(value), 3) if isinstance(value, float) else value


def summary(found: dict[str, Any]) -> str:
    """The answers to what people ask first, then all warnings."""
    paper, box, of = found["paper"], found["ink"], found["measures"]
    width, height = box["right_mm"] - box["left_mm"], box["bottom_mm"] - box["top_mm"]
    changes = of["pen_changes"]
    lines = [
        f"{width:.0f} x {height:.0f} mm of ink on {paper['name']}, {paper['width_mm']:g} x "
        f"{paper['height_mm']:g} mm",
        f"{of['minutes']:.0f} minutes, and {changes} pen change{'s' * (changes != 1)}",
        f"{of['pen_down_m']:.1f} m of ink in {of['lines']} lines, {of['pen_up_m']:.1f} m through "
        f"the air ({of['pen_up_before_sorting_m']:.1f} m before lines were sorted)",
        *found["warnings"],
    ]
    return "\n".join(lines)
