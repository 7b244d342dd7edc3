"""The predictor `plotter`: which pen draws what, what hides what, and files that agree."""

import json
import re
import zipfile
from collections import Counter
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import shapely
import torch
from defusedxml import ElementTree
from PIL import Image

from clipdraw import from_svg, scribble, to_svg
from predictors.plotter import files, marks, pace, pens, predict, sheet
from predictors.plotter.plot import figures, plot, summary
from predictors.plotter.polylines import length
from predictors.plotter.settings import Settings
from scripts import form
from scripts.predict import main
from tests.tiny import ROOT

SHELL = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 80 60">{}</svg>'
BLACK, RED_BLACK = "black 0.5", "red 0.4, black 0.5"
SQUARE = '<path fill="{}" d="M{} {}h{side}v{side}h-{side}z" {more}/>'
LINE = '<path fill="none" stroke="{}" stroke-width="{width}" stroke-linecap="round" d="M{} {}h{}"/>'
WHITE = (1.0, 1.0, 1.0)


def square(fill, x, y, side, more="") -> str:
    return SQUARE.format(fill, x, y, side=side, more=more)


def line(stroke, x, y, length, width=0.5) -> str:
    return LINE.format(stroke, x, y, length, width=width)


@pytest.fixture
def plotted(tmp_path):
    """Plots what is in an SVG of 80 x 60 units on 100 x 80 mm, where a unit is a mm: 9.75 mm of
    margin, and half a tip of 0.5."""

    def run(content: str, **inputs):
        file = tmp_path / "a.svg"
        file.write_text(content if content.startswith("<svg") else SHELL.format(content))
        return plot(settings(file, **inputs), lambda *_: None)

    return run


def settings(file: Path, **inputs) -> Settings:
    return Settings(**{"drawing": file, "paper": "100x80", "margin": 9.75, "pens": BLACK, **inputs})


def lines_of(plotted) -> dict[str, list[np.ndarray]]:
    """Lines in units of the drawing, by the names of their pens."""
    found = dict(files.lines_of(plotted.drawn))
    return {plotted.pens[n - 1].name: [line - 10 for line in own] for n, own in found.items()}


def inked(lines, tip) -> shapely.Geometry:
    """What a pen leaves on the paper."""
    return shapely.union_all([shapely.LineString(line).buffer(tip / 2) for line in lines])


# ---- pens


def test_pens_are_read_in_their_order():
    found = pens.read_pens("black 0.5,  Brick Red #d62828  0.8, dark-green #0a3d0a 1")
    assert [(pen.name, pen.tip) for pen in found] == [
        ("black", 0.5), ("Brick Red", 0.8), ("dark-green", 1.0)]  # fmt: skip
    assert found[0].colour == (0, 0, 0)
    assert found[1].colour == pytest.approx((0xD6 / 255, 0x28 / 255, 0x28 / 255))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "pens: '' is no pen; write a name, a colour unless the name is one"),
        ("black", "pens: 'black' is no pen"),
        ("black 0.5,", "pens: '' is no pen"),
        ("black 0.5mm", "pens: 'black 0.5mm' is no pen"),
        ("black #fff 0.5", "pens: 'black #fff 0.5' is no pen"),
        ("(x) 0.5", "pens: '(x) 0.5' is no pen"),
        ("schwarz 0.5", "pens: 'schwarz' is no colour that is known by its name; write which"),
        ("transparent 0.5", "pens: 'transparent' is no colour"),
        ("black 0.01", "pens: 'black' has a tip of 0.01 mm; one from 0.05 to 10 is possible"),
        ("black 11", "pens: 'black' has a tip of 11 mm"),
        ("black 0.5, Black 1", "pens: 'black' is there twice; give one of them another name"),
        ("a" * 31 + " #000000 1", "is a name of more than 30 letters"),
        (", ".join(f"p{i} #000000 1" for i in range(17)), "pens: there are 17, but at most 16"),
    ],
)  # fmt: skip
def test_pens_that_cannot_be_are_refused_in_a_sentence(text, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        pens.read_pens(text)


def chosen(colour, text, paper=WHITE):
    known = pens.read_pens(text)
    rgb = pens.color(colour)[:3]
    found = pens.choose(np.array([rgb]), paper, known)
    return known[found.pen[0]].name, found.density[0]


def test_density_is_how_far_a_grey_is_from_white_to_black():
    """Oklab's lightness of a grey is the cube root of its light: 1/2 of 1/8, and 3/4 of 27/64."""
    for light, density in ((1 / 8, 1 / 2), (27 / 64, 1 / 4), (0.0, 1.0), (1.0, 0.0)):
        grey = 12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055
        found = pens.choose(np.array([[grey] * 3]), WHITE, pens.read_pens(BLACK))
        assert found.density[0] == pytest.approx(density, abs=1e-3)
        assert np.linalg.norm(found.tone[0]) == pytest.approx(density, abs=1e-3)


def test_each_pen_draws_its_own_colour_densely():
    for name in ("red", "green", "blue", "orange", "black"):
        assert chosen(name, "red 1, green 1, blue 1, orange 1, black 1") == (name, pytest.approx(1))


@pytest.mark.parametrize(
    ("colour", "pen"),
    [("pink", "red"), ("maroon", "red"), ("navy", "blue"), ("skyblue", "blue"), ("grey", "black"),
     ("gold", "yellow"), ("darkgreen", "green"), ("#225a7a", "blue"), ("#4a3f6b", "blue"),
     ("#a0a0b0", "black"), ("#4a2c23", "black")],
)  # fmt: skip
def test_paler_and_darker_colours_go_to_the_pen_that_people_would_take(colour, pen):
    assert chosen(colour, Settings.pens)[0] == pen


def test_of_equal_pens_the_first_is_taken_and_paper_needs_none():
    assert chosen("red", "fine #ff0000 0.1, bold #ff0000 1")[0] == "fine"
    assert chosen("#fdf6e3", BLACK, paper=pens.color("#fdf6e3")[:3])[1] == 0
    assert chosen("white", "white 1, black 1", paper=(0, 0, 0)) == ("white", pytest.approx(1))


# ---- the sheet


@pytest.mark.parametrize(
    ("paper", "orientation", "canvas", "size"),
    [
        ("a5", "portrait", (30, 20), (148, 210)),
        ("a5", "auto", (30, 20), (210, 148)),
        ("a5", "auto", (20, 30), (148, 210)),
        ("a6", "landscape", (20, 30), (148, 105)),
        ("letter", "portrait", (1, 1), (215.9, 279.4)),
        ("300x200.5", "auto", (20, 30), (200.5, 300)),
    ],
)
def test_a_sheet_lies_as_it_shall(paper, orientation, canvas, size):
    found = sheet.sheet(paper, orientation, 9.5, canvas, tip=1.0)
    assert (found.width, found.height) == pytest.approx(size)
    x, y = found.place(torch.tensor([[0.0, 0.0], list(canvas)]).double()).T.tolist()
    # As large as the margins allow, in the middle.
    assert x[0] == pytest.approx(size[0] - x[1]) and y[0] == pytest.approx(size[1] - y[1])
    assert min(x[0], y[0]) == pytest.approx(10)


@pytest.mark.parametrize(
    ("paper", "margin", "words"),
    [
        ("a7", 0, "paper: 'a7' is no size; write one of a6, a5, a4"),
        ("1.2.3x4", 0, "paper: '1.2.3x4' is no size"),
        ("10x300", 0, "paper: 10x300 has a side beyond 20 to 1189 mm"),
        ("300x2000", 0, "paper: 300x2000 has a side beyond"),
        (
            "a6",
            50,
            "margin: 50 mm on each side and a tip of 0.4 mm leave less than 10 mm of 105 x 148",
        ),
    ],
)
def test_a_sheet_that_cannot_be_is_refused(paper, margin, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        sheet.sheet(paper, "auto", margin, (1, 1), tip=0.4)


# ---- areas


def ring(*corners) -> np.ndarray:
    return np.array([*corners, corners[0]], float)


OUTER, INNER = ring((0, 0), (6, 0), (6, 6), (0, 6)), ring((2, 2), (4, 2), (4, 4), (2, 4))
BOW = ring((0, 0), (4, 4), (4, 0), (0, 4))


@pytest.mark.parametrize(
    ("rings", "rule", "area"),
    [
        ([OUTER], "nonzero", 36),
        ([OUTER, INNER], "nonzero", 36),
        ([OUTER, INNER[::-1]], "nonzero", 32),
        ([OUTER, INNER], "evenodd", 32),
        ([OUTER, OUTER + 3], "nonzero", 63),
        ([OUTER, OUTER + 3], "evenodd", 54),
        ([BOW], "nonzero", 8),
        ([np.array([[0, 0], [3.0, 3]])], "nonzero", 0),
        ([], "nonzero", 0),
    ],
)  # fmt: skip
def test_areas_follow_svg_s_fill_rules(rings, rule, area):
    assert marks.filled(rings, rule).area == pytest.approx(area)


def test_crossings_are_counted():
    assert marks.count_crossings([OUTER]) == 0
    assert marks.count_crossings([BOW]) == 1
    x = np.arange(40) * 0.1
    comb = np.stack([np.repeat(x, 2), np.tile([0, 1, 1, 0], 20)], 1)
    across = np.array([[-1, 0.5], [5, 0.5]])
    assert marks.count_crossings([comb, across]) == pytest.approx(40, abs=3)


def test_colours_are_seen_as_they_show_and_alone_where_they_do_not(tmp_path):
    """A half transparent red lies over blue on one side, over the paper on the other."""
    file = tmp_path / "a.svg"
    shapes = (
        square("#00f", 0, 0, 30), square("#f00", 15, 0, 30, 'fill-opacity="0.6"'),
        square("#0f0", 5, 40, 6), square("#000", 4, 39, 10),
    )  # fmt: skip
    file.write_text(SHELL.format("".join(shapes)))
    _, fills = marks.seen(from_svg(file), WHITE)
    assert fills[0].tolist() == [0, 0, 1]
    expected = 0.6 * np.array([1, 0, 0]) + 0.2 * np.array([0, 0, 1]) + 0.2 * np.ones(3)
    assert fills[1].tolist() == pytest.approx(expected, abs=0.02)
    assert fills[2].tolist() == [0, 1, 0], "hidden"


# ---- strokes


@pytest.mark.parametrize(
    ("width", "passes"), [(0.2, 1), (0.7, 1), (0.8, 2), (1.0, 2), (1.2, 3), (1.5, 3)]
)
def test_a_stroke_is_a_line_or_several_by_its_width(plotted, width, passes):
    """With a tip of 0.5: up to 0.75 one line, below two spacings of 0.8 lines along it."""
    (lines,) = lines_of(plotted(line("#000", 20, 30, 40, width))).values()
    across = shapely.LineString([(40, 0), (40, 60)])
    met = [shapely.LineString(one).intersection(across) for one in lines]
    heights = sorted(point.y for some in met for point in shapely.get_parts(some))
    assert len(heights) == passes
    if passes > 1:
        assert heights[0] - 0.25 == pytest.approx(30 - width / 2, abs=0.01)
        assert heights[-1] + 0.25 == pytest.approx(30 + width / 2, abs=0.01)


def test_a_wide_stroke_is_hatched(plotted):
    """40 mm, 1.7 wide, by lines that 45 degrees make 0.8 sqrt(2) = 1.13 apart along it: 35."""
    (lines,) = lines_of(plotted(line("#000", 20, 30, 40, 1.7), outlines=False)).values()
    assert len(lines) == pytest.approx(35, abs=2)
    for one in lines:
        (x0, y0), (x1, y1) = one
        assert (y1 - y0) / (x1 - x0) == pytest.approx(-1, abs=0.05), "to the right it rises"


def test_passes_cover_a_stroke_and_nothing_else(plotted):
    curve = '<path fill="none" stroke="#000" stroke-width="6" d="M10 30C30 0 40 60 70 30"/>'
    (lines,) = lines_of(plotted(curve, wide_strokes="passes")).values()
    t = np.linspace(0, 1, 400)[:, None]
    corners = np.array([[10, 30], [30, 0], [40, 60], [70, 30]])
    spine = sum(
        n * t**i * (1 - t) ** (3 - i) * corner
        for i, (n, corner) in enumerate(zip((1, 3, 3, 1), corners, strict=True))
    )
    whole, left = shapely.LineString(spine).buffer(3), inked(lines, 0.5)
    assert left.difference(whole.buffer(0.03)).area == pytest.approx(0, abs=1e-3)
    # Some five hundredths of a mm stay bare at the round ends, 0.22 %.
    assert whole.difference(left).area < 0.005 * whole.area


# ---- fills


@pytest.mark.parametrize(("angle", "spacing"), [(0, 2.0), (45, 1.0), (-60, 0.8), (180, 1.0)])
def test_lines_of_a_hatching_rise_by_its_angle_and_lie_a_spacing_apart(plotted, angle, spacing):
    content = square("#000", 20, 10, 40)
    found = plotted(content, hatch_angle=angle, hatch_spacing=spacing, outlines=False)
    (lines,) = lines_of(found).values()
    along = np.array([np.cos(np.radians(angle)), -np.sin(np.radians(angle))])
    across = np.array([-along[1], along[0]])
    for one in lines:
        assert np.ptp(one @ across) < 0.02
    places = np.sort([one[0] @ across for one in lines])
    assert np.diff(places) == pytest.approx(spacing, abs=0.02)
    corners = np.array([[20, 10], [60, 10], [60, 50], [20, 50]]) @ across
    assert len(lines) == pytest.approx((np.ptp(corners) - 0.5) / spacing, abs=1)


def test_half_as_dark_is_twice_as_far_apart_and_lines_go_on_in_the_darker(plotted):
    """Oklab's lightness of #636363 is 1/2, that of #000 0 and that of #aeaeae 3/4."""
    for fill, apart in (("#000", 1.0), ("#636363", 2.0), ("#aeaeae", 4.0)):
        found = plotted(square(fill, 20, 10, 40), hatch_spacing=1, hatch_angle=0, outlines=False)
        (lines,) = lines_of(found).values()
        heights = np.sort([one[0, 1] for one in lines])
        assert np.diff(heights) == pytest.approx(apart, abs=0.02)
    both = square("#000", 10, 10, 20) + square("#636363", 30, 10, 20)
    (lines,) = lines_of(plotted(both, hatch_spacing=1, hatch_angle=0, outlines=False)).values()
    # Half a tip is left on each side.
    lengths = Counter(round(length(one), 1) for one in lines)
    assert set(lengths) == {19.5, 39.5} and abs(lengths[19.5] - lengths[39.5]) <= 1


def test_passes_fill_an_area_to_its_edge_and_outlines_leave_it_empty(plotted):
    content, whole = square("#000", 20, 10, 30), shapely.box(20, 10, 50, 40)
    filled = inked(lines_of(plotted(content, fills="passes"))["black"], 0.5)
    assert filled.difference(whole.buffer(0.02)).area == pytest.approx(0, abs=1e-3)
    assert whole.difference(filled).area < 0.005 * whole.area
    (outline,) = lines_of(plotted(content, fills="outline"))["black"]
    assert length(outline) == pytest.approx(120, abs=0.1)


def test_a_hatched_area_has_an_outline_whose_ink_ends_where_it_does(plotted):
    lines = lines_of(plotted(square("#000", 20, 10, 30), outlines=True))["black"]
    x0, y0, x1, y1 = shapely.MultiLineString(lines).bounds
    assert (x0, y0, x1, y1) == pytest.approx((20.25, 10.25, 49.75, 39.75), abs=0.03)


def test_fills_of_one_tone_and_two_colours_are_told_apart_by_a_line(plotted):
    """One pen hatches both alike. Two that look the same become one."""

    def between(left, right):
        content = square(left, 10, 10, 20) + square(right, 30, 10, 20)
        lines = shapely.MultiLineString(lines_of(plotted(content))["black"])
        return lines.intersection(shapely.box(29.9, 10, 30.1, 30)).length

    assert between("#8b0000", "#003c8c") > 15
    assert between("#8b0000", "#8c0101") < 10, "only where lines cross"


# ---- what hides what


def test_what_lies_on_top_hides_what_lies_below(plotted):
    content = square("#000", 10, 10, 40) + square("#f00", 20, 20, 20)
    for occlude in ("opaque", "paper", "nothing"):
        found = lines_of(plotted(content, pens=RED_BLACK, occlude=occlude, outlines=False))
        black = shapely.MultiLineString(found["black"])
        hidden = black.intersection(shapely.box(20.1, 20.1, 39.9, 39.9)).length
        assert (hidden < 0.1) == (occlude == "opaque")


def test_paper_on_top_is_left_bare(plotted):
    content = square("#000", 10, 10, 40) + square("#fff", 20, 20, 20)
    for occlude in ("opaque", "paper", "nothing"):
        (lines,) = lines_of(plotted(content, occlude=occlude)).values()
        inside = inked(lines, 0.5).intersection(shapely.box(20.1, 20.1, 39.9, 39.9))
        assert (inside.area < 0.1) == (occlude != "nothing")


def test_transparency_becomes_density_or_is_refused(plotted):
    """Half of black on white looks like #808080, which is nearer to half as dense than to all."""
    content = square("#000", 20, 10, 40, 'fill-opacity="0.6"')
    found = plotted(content, hatch_spacing=1, hatch_angle=0, outlines=False)
    (lines,) = lines_of(found).values()
    assert len(lines) == pytest.approx(20, abs=1)
    assert any(text.startswith("transparent fills and strokes") for text in found.warnings)
    with pytest.raises(ValueError, match=r"drawing: 1 of its fills and strokes are transparent, "):
        plotted(content, transparency="refuse")
    plotted(square("#000", 20, 10, 40), transparency="refuse")


@pytest.mark.parametrize("wide_strokes", ["hatch", "passes", "line"])
@pytest.mark.parametrize("seed", [0, 1])
def test_no_pen_is_down_where_nothing_is_drawn(tmp_path, seed, wide_strokes):
    """Joining lines may take a pen half a tip further, between two that are there."""
    file, luck = tmp_path / "a.svg", torch.Generator().manual_seed(seed)
    drawing = scribble(12, luck, width=80, height=60)
    file.write_text(to_svg(drawing.replace(widths=drawing.widths * torch.rand(12, generator=luck))))
    given = settings(file, pens="red 0.5, blue 0.5, black 0.5", wide_strokes=wide_strokes)
    found = plot(given, lambda *_: None)
    of = marks.marks(from_svg(file), found.sheet, WHITE, found.pens, given, Counter())
    cover = shapely.union_all([mark.cover for mark in of]).buffer(0.5 / 4 + 0.05)
    for _, lines in files.lines_of(found.drawn):
        assert shapely.covers(cover, [shapely.LineString(one) for one in lines]).all()


# ---- the sheet's edge


def test_no_ink_is_on_the_margins_and_a_frame_along_the_edge_is_drawn(plotted):
    """Everything sticks out of the canvas; the frame is the canvas itself."""
    frame = '<path fill="none" stroke="#000" stroke-width="0.5" d="M0 0h80v60h-80z"/>'
    content = square("#000", -20, -20, 50) + line("#f00", -30, 50, 200, 9) + frame
    for way in ("hatch", "passes"):
        found = plotted(content, pens="red 0.5, black 0.5", fills=way, wide_strokes=way)
        left, top, right, bottom = (side / sheet.MM for side in found.drawn.bounds())
        assert min(left, top) > 10 - 0.02 and right < 90.02 and bottom < 70.02
        assert (left, top, right, bottom) == pytest.approx((10, 10, 90, 70), abs=0.02)
    assert any("beyond the edge" in text for text in found.warnings)


# ---- order


def test_lines_in_order_take_a_short_way(plotted):
    """Thirty dashes in a random order: in order it is about as far as they are apart."""
    places = np.random.default_rng(0).permutation(30)
    found = plotted("".join(line("#000", 5 + 2 * x, 5 + x, 1.5) for x in places.tolist()))
    before, after = found.detour, sum(w.sum() for w in pace.travels(found.drawn).values()) / 1000
    assert after < before / 3
    # There and back across 60 x 30 mm, with the corner's ways.
    assert after == pytest.approx(0.2, abs=0.05)


def test_ends_that_meet_become_one_line(plotted):
    content = line("#000", 10, 30, 20) + line("#000", 50, 30, 20) + line("#000", 30, 30, 20)
    (lines,) = lines_of(plotted(content)).values()
    assert len(lines) == 1 and length(lines[0]) == pytest.approx(60, abs=0.1)


# ---- files that agree


TWO = square("#f00", 10, 10, 20, "") + line("#000", 15, 50, 40)


def test_the_svg_has_a_layer_for_each_pen_in_mm(plotted):
    found = plotted(TWO, pens=RED_BLACK)
    root = ElementTree.fromstring(files.svg(found.drawn, "a.svg"))
    svg, inkscape = (
        "{http://www.w3.org/2000/svg}",
        "{http://www.inkscape.org/namespaces/inkscape}",
    )
    assert (root.get("width"), root.get("height")) == ("10.0cm", "8.0cm")
    layers = root.findall(f"{svg}g")
    assert [layer.get(f"{inkscape}label") for layer in layers] == ["1 red", "2 black"]
    assert [layer.get(f"{inkscape}groupmode") for layer in layers] == ["layer"] * 2
    assert [layer.get("stroke") for layer in layers] == ["#ff0000", "#000000"]


def gcode_of(found, **inputs) -> list[str]:
    given = Settings(drawing=Path("a.svg"), **inputs)
    return files.gcode(found.drawn, found.sheet, found.pens, given).splitlines()


def test_gcode_is_in_mm_from_the_lower_left_corner(plotted):
    found = plotted(line("#000", 15, 50, 40))
    start, end = ("X25.000 Y20.000", "X65.000 Y20.000")
    lines = gcode_of(found, draw_speed=30)
    assert lines[:4] == ["; 100x80, 100 x 80 mm", "G21", "G90", "G0 Z5"]
    assert lines[4:] == [
        "; pen 1: black 0.5 mm", f"G0 {start}", "G0 Z0", f"G1 {end} F1800", "G0 Z5",
        "G0 X0 Y0", "M2",
    ]  # fmt: skip


def test_gcode_waits_for_each_pen_and_has_one_s_own_commands(plotted):
    lines = gcode_of(plotted(TWO, pens=RED_BLACK), pen_down="M3 S40 | G4 P0.2", pen_up="M5")
    assert lines.count("M0") == 1 and lines[lines.index("M0") + 1] == "; pen 2: black 0.5 mm"
    downs = [i for i, text in enumerate(lines) if text == "M3 S40"]
    assert downs and all(lines[i + 1] == "G4 P0.2" for i in downs)
    assert all(lines[i - 1].startswith("G0 X") for i in downs), "above a line's beginning"
    assert lines[lines.index("M0") - 1] == "M5", "the pen is up while it is changed"


def hpgl_lines(text: str) -> dict[int, list[np.ndarray]]:
    """By pens, in a plotter's units: to the first point with the pen up, then down."""
    found, pen = {}, 0
    for command in text.replace("\n", "").split(";"):
        name, numbers = command[:2], [int(x) for x in command[2:].split(",") if x]
        if name == "SP":
            pen = numbers[0]
        elif name == "PU" and len(numbers) == 2:
            start = numbers
        elif name == "PD":
            found.setdefault(pen, []).append(np.array([*start, *numbers]).reshape(-1, 2))
    return found


def test_hpgl_draws_the_lines_of_the_gcode(plotted):
    """The generic plotter's unit is HP-GL's, 0.025 mm."""
    found = plotted(TWO, pens=RED_BLACK)
    text, _ = files.hpgl(found.drawn, found.sheet, "generic")
    units = hpgl_lines(text)
    assert text.startswith("IN;") and list(units) == [1, 2]
    for number, lines in files.lines_of(found.drawn):
        assert len(units[number]) == len(lines)
        for one, own in zip(units[number], lines, strict=True):
            up = [0, 80] + own * [1, -1]
            assert one[[0, -1]] * 0.025 == pytest.approx(up[[0, -1]], abs=0.026)


@pytest.mark.parametrize("orientation", ["portrait", "landscape"])
def test_hpgl_for_a_device_lies_on_its_paper(plotted, orientation):
    """A line from left to right; the long side of A4 is x on an HP 7475A, whose unit is 0.0249 mm,
    and a sheet that stands is turned."""
    thin = line("#000", 10, 30, 60, 0.1)
    found = plotted(thin, paper="a4", orientation=orientation, margin=20)
    text, told = files.hpgl(found.drawn, found.sheet, "hp7475a")
    ((one,),) = hpgl_lines(text).values()
    along = 0 if orientation == "landscape" else 1
    spans = np.ptp(one, axis=0)
    assert spans[along] * 0.02488 == pytest.approx(60 * found.sheet.scale, rel=1e-2)
    assert spans[1 - along] <= 1
    assert (one >= 0).all() and (one <= [11040, 7721]).all()
    assert told == ["hp7475a: The plotter must be configured in Metric mode."]


def test_what_a_device_cannot_do_is_said(plotted):
    wide = square("#000", 0, 0, 80)
    found = plotted(wide, paper="a4", margin=1)
    text, told = files.hpgl(found.drawn, found.sheet, "hp7475a")
    assert text and told[-1].startswith("hp7475a cannot reach all of it, and plot.hpgl has a part")
    found = plotted(wide)
    text, told = files.hpgl(found.drawn, found.sheet, "hp7475a")
    assert text is None
    assert told == [
        "there is no plot.hpgl, because hp7475a takes no 100x80, but a4, a3, letter, tabloid"
    ]
    many = ", ".join(f"pen{i} #{i:02x}0000 0.5" for i in range(6))
    found = plotted(wide, paper="a4", pens=f"{many}, black 0.5")
    assert not any(
        "holds 6 pens" in text for text in files.hpgl(found.drawn, found.sheet, "hp7475a")[1]
    )


# ---- minutes and metres


def test_seconds_follow_from_speed_and_acceleration():
    """At 100 mm/s² up to 10 mm/s: 1 mm is the way to speed up and slow down, 0.2 s; 11 mm take one
    second more; 0.25 mm take half as long as 1 mm."""
    for way, expected in ((1.0, 0.2), (11.0, 1.2), (0.25, 0.1), (0.0, 0.0)):
        assert pace.seconds(np.array([way]), 10, 100) == pytest.approx(expected)


def test_figures_are_those_of_the_plot(plotted):
    """One line of 40 mm, 25 mm from the left and 20 mm from below; 50 and 150 mm/s."""
    found = plotted(line("#000", 15, 50, 40))
    of = figures(found, settings(Path("a.svg")), [])
    measures = of["measures"]
    there, back = np.hypot(25, 20), np.hypot(65, 20)
    assert measures["lines"] == 1 and measures["pen_changes"] == 0
    assert measures["pen_down_m"] == pytest.approx(0.04, abs=1e-3)
    assert measures["pen_up_m"] == pytest.approx((there + back) / 1000, abs=1e-3)
    seconds = 40 / 50 + 50 / pace.DRAWING + 2 * pace.LIFT
    seconds += (there + back) / 150 + 2 * 150 / pace.TRAVELLING
    assert measures["minutes"] == pytest.approx(seconds / 60, abs=1e-3)
    assert of["ink"] == pytest.approx(
        {"left_mm": 25, "top_mm": 60, "right_mm": 65, "bottom_mm": 60}, abs=0.01
    )
    assert sum(pen["pen_up_m"] for pen in of["pens"]) == pytest.approx(
        measures["pen_up_m"], abs=2e-3
    )
    said = summary(of).splitlines()
    assert said[0] == "40 x 0 mm of ink on 100x80, 100 x 80 mm"
    assert said[1] == "0 minutes, and 0 pen changes"
    assert said[2].startswith("0.0 m of ink in 1 lines, 0.1 m through the air")


@pytest.mark.parametrize(
    ("content", "inputs", "words"),
    [
        (square("#000", 0, 0, 9), {}, "fills, hatched: 1"),
        (square("#000", 0, 0, 9), {"fills": "passes"}, "fills, as outlines within each other: 1"),
        (line("#000", 9, 9, 9, 5), {}, "strokes wider than their pen's tip, hatched, or in"),
        (line("#000", 9, 9, 9, 5), {"wide_strokes": "line"}, "strokes wider than their pen"),
        (line("#000", 9, 9, 9, 0.1), {}, "strokes thinner than their pen's tip, which come out "),
        (line("#000", 9, 9, 9) + line("#fff", 5, 5, 5), {}, "fills and strokes as pale as the "),
        (square("#0f0", 0, 0, 9), {}, "fills and strokes of a colour that none of the pens has: 1"),
        (square("#000", 5, 5, 2) + square("#000", 0, 0, 9), {}, "fills and strokes that others "),
        (line("#000", 9, 9, 9), {"pens": RED_BLACK}, "pens that draw nothing: red"),
    ],
)  # fmt: skip
def test_what_does_not_come_out_as_drawn_is_said(plotted, content, inputs, words):
    assert any(text.startswith(words) for text in plotted(content, **inputs).warnings)


def test_a_ground_is_drawn_unless_it_is_the_paper(plotted, tmp_path):
    drawing = scribble(3, torch.Generator().manual_seed(0), width=80, height=60)
    text = to_svg(drawing, background=(1.0, 0.5, 0.0))
    found = plotted(text)
    assert found.warnings[0] == (
        "the drawing is on #ff8000, which is drawn as well; paper_colour=#ff8000 leaves it out"
    )
    assert not any(
        "drawn as well" in text for text in plotted(text, paper_colour="#FF8000").warnings
    )


# ---- what cannot be plotted


def test_inputs_that_cannot_be_plotted_are_refused_in_a_sentence(plotted, tmp_path):
    picture, packed = tmp_path / "p.png", tmp_path / "two.zip"
    Image.new("RGB", (8, 6)).save(picture)
    with zipfile.ZipFile(packed, "w") as two:
        for name in ("a.svg", "b.svg"):
            two.writestr(name, SHELL.format(line("#000", 9, 9, 9)))
    for file, words in (
        (picture, "drawing: p.png is made of pixels; let vectorize or paint draw it"),
        (packed, "drawing: the zip has 2 drawings; give one, and then another"),
        (ROOT / "LICENSE", "drawing: LICENSE is no drawing; give an SVG"),
    ):
        with pytest.raises(ValueError, match=re.escape(words)):
            plot(settings(file), lambda *_: None)
    with pytest.raises(ValueError, match=r"drawing: nothing of it can be drawn; all is as pale as"):
        plotted(line("#fff", 9, 9, 9))


@pytest.mark.parametrize(
    ("name", "most", "words"),
    [
        ("marks.MOST_EDGES", 3, "drawing: it has more than 3 edges on this sheet"),
        ("marks.MOST_CROSSINGS", -1, "or its paths cross themselves more than -1 times"),
        ("ink.MOST_INK", 0.1, "drawing: it needs more than 0.1 m of line"),
        ("ink.MOST_CORNERS", 3, "drawing: so much of it lies over each other that it would take"),
        ("files.MOST_LINES", 3, "but at most 3 can be put in order; choose a larger hatch_spacing"),
    ],
)  # fmt: skip
def test_more_than_can_be_worked_out_is_refused(plotted, monkeypatch, name, most, words):
    monkeypatch.setattr(f"predictors.plotter.{name}", most)
    with pytest.raises(ValueError, match=re.escape(words)):
        plotted(square("#000", 0, 0, 40))


# ---- the predictor


def test_the_form_s_defaults_are_the_function_s():
    known = form.fields(form.load(ROOT, "plotter").run)
    defaults = {field.name: field.default for field in fields(Settings)}
    assert list(known) == list(defaults)
    assert all(known[name].info.default == defaults[name] for name in list(known)[1:])


def test_the_predictor_hands_out_its_files_or_none(tmp_path, capsys):
    file, out = tmp_path / "a.svg", tmp_path / "out"
    file.write_text(SHELL.format(TWO))
    given = ["plotter", "-i", f"drawing=@{file}", "-i", "pens=red 0.4, black 0.5"]
    assert main([*given, "-o", str(out)], ROOT) == 0
    names = {"plot.svg", "plot.hpgl", "plot.gcode", "plot.json", "plot.png"}
    assert {one.name for one in out.iterdir()} == names
    found = json.loads((out / "plot.json").read_text())
    assert [pen["name"] for pen in found["pens"]] == ["red", "black"]
    assert found["measures"]["lines"] == from_svg(out / "plot.svg").paths
    said = capsys.readouterr()
    assert "m through the air" in said.out + said.err
    assert main([*given, "-i", "margin=150", "-o", str(tmp_path / "none")], ROOT) != 0
    assert not list((tmp_path / "none").glob("*"))
    assert "margin: 150 mm on each side" in capsys.readouterr().err


def test_the_setup_plots_a_line():
    predict.warm_up.__wrapped__()
