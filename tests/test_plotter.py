"""The predictor `plotter`: which pen draws what, what hides what, and files that agree."""

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import shapely
import torch
from hypothesis import given
from hypothesis import strategies as st

from clipdraw import Drawing, from_svg, scribble, to_svg
from predictors.plotter import files, ink, marks, pace, pens, predict, sheet
from predictors.plotter.plot import figures, plot, read, summary
from predictors.plotter.settings import Settings
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
    """Plots what is in an SVG of 80 x 60 units on 100 x 80 mm: a unit is a mm, and 10 mm is left."""

    def run(content: str, **inputs):
        file = tmp_path / "a.svg"
        file.write_text(content if content.startswith("<svg") else SHELL.format(content))
        return plot(settings(file, **inputs), lambda *_: None)

    return run


def settings(file: Path, **inputs) -> Settings:
    return Settings(**{"drawing": file, "paper": "100x80", "pens": BLACK, **inputs})


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
    assert found[0].colour == (0, 0, 0) and found[1].colour == pytest.approx((214 / 255, *[40 / 255] * 2))


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
        (", ".join(f"p{i} #00000{i % 10} 1" for i in range(17)), "pens: there are 17, but at most 16"),
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
     ("gold", "yellow"), ("darkgreen", "green")],
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
    found = sheet.sheet(paper, orientation, 10, canvas)
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
        ("a6", 50, "margin: 50 mm on each side leave less than 10 mm of 105 x 148 mm"),
    ],
)
def test_a_sheet_that_cannot_be_is_refused(paper, margin, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        sheet.sheet(paper, "auto", margin, (1, 1))


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
    ("width", "way", "passes"),
    [(0.2, "one line", 1), (0.7, "one line", 1), (0.8, "passes", 2), (1.0, "passes", 2),
     (1.2, "passes", 3), (1.7, "hatch", 0)],
)  # fmt: skip
def test_a_stroke_is_a_line_several_or_hatched_by_its_width(plotted, width, way, passes):
    """With a tip of 0.5: up to 0.75 one line, below two spacings of 0.8 lines along it."""
    (lines,) = lines_of(plotted(line("#000", 20, 30, 40, width), outlines=False)).values()
    if way == "hatch":
        assert len(lines) > 40
        return
    across = shapely.LineString([(40, 0), (40, 60)])
    heights = sorted({round(p.y, 2) for one in lines for p in points_on(one, across)})
    assert len(heights) == passes
    if passes > 1:
        assert heights[0] - 0.25 == pytest.approx(30 - width / 2, abs=0.01)
        assert heights[-1] + 0.25 == pytest.approx(30 + width / 2, abs=0.01)


def points_on(polyline, other) -> list[shapely.Point]:
    met = shapely.LineString(polyline).intersection(other)
    return list(shapely.get_parts(met))


def test_passes_cover_a_stroke_and_nothing_else(plotted):
    curve = '<path fill="none" stroke="#000" stroke-width="6" d="M10 30C30 0 40 60 70 30"/>'
    (lines,) = lines_of(plotted(curve, wide_strokes="passes")).values()
    ink_ = inked(lines, 0.5)
    whole = shapely.LineString(lines[0]).envelope  # any geometry
    spine = marks.wide(spine_of(curve), 6)
    assert ink_.difference(spine.buffer(0.03)).area == pytest.approx(0, abs=1e-3)
    assert spine.difference(ink_).area < 0.002 * spine.area
    assert whole.area > 0
