"""The most memory that each predictor takes: the largest inputs that its form allows, few steps."""

import tempfile
import zipfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from rich import box
from rich.table import Table

from clipdraw import scribble, to_svg
from journeys.sequence import ZSequence, save
from journeys.timeline import timecode
from predictors.conform.edit import MOST_NUMBERS
from predictors.drawings import ALLOWED
from predictors.morph.morph import MOST_CONTOURS
from predictors.restyle.subject import MOST_POINTS
from scripts import examples, form
from scripts.alone import alone

ROOT = Path(__file__).resolve().parent.parent
# Of a square picture, pixels: nearly as many as `predictors.pictures` reads.
SIDE = 9400
# Of a trajectory: numbers in a row, and frames per second.
DIM, RATE = 2048, Fraction(25)
# Strokes: nearly as many elements as `clipdraw.from_svg` reads.
DASHES = 99_000
# Inputs that take time and no memory, and those that exclude others at their largest.
FEW = {"steps": 3, "frame_every": 10000, "model": "pocket"}
UNTOLD = {*FEW, "seed"}
# How else a predictor's form is filled in; a predictor may have several cases.
CASES: dict[str, list[dict[str, Any]]] = {
    "clipdraw": [
        {"seeds": 1, "width": 2048, "height": 2048},
        # As many steps as a film has frames, all of which are remembered.
        {"seeds": 64, "keep": 64, "strokes": 256, "width": 224, "height": 224, "steps": 100},
    ],
    # As many frames as there may be; samples, because they are decoded once.
    "bank": [{"count": 1000, "frames": 15}],
    # The encoder looks at views of all tries, too.
    "sketch": [{"layers": "0,1,2,3", "steps": 100}],
    "grid": [{"cells": 9, "strokes": 202, "steps": 100}],
    # Three keyframes, and nearly as many frames as there may be.
    "journey": [{"frames": 1000, "hold": 333, "steps_per_frame": 1}],
    # Many lines cost more than long ones.
    "plotter": [{"paper": "a2", "pens": "black 0.3"}],
    # As many steps as a film has frames.
    "restyle": [{"strength": 100.0, "steps": 100}],
}


def measure_memory(title: str) -> Table:
    """A row for each predictor and case, in a process of its own, whose peak is its memory."""
    printed = Table(title=title, box=box.MARKDOWN)
    for heading in ("predictor", "inputs", "MB at most"):
        printed.add_column(heading, justify="right" if heading.startswith("MB") else "left")
    for name in form.predictors(ROOT):
        for case in CASES.get(name, [{}]):
            inputs = largest(name) | case
            _, megabytes = alone(ran, name, inputs)
            counts = {k: v for k, v in inputs.items() if type(v) is int and k not in UNTOLD}
            told = " ".join(f"{k}={v}" for k, v in counts.items())
            printed.add_row(name, told, f"{megabytes:.0f}")
    return printed


def largest(name: str) -> dict[str, Any]:
    """A predictor's first example with every whole number at its upper bound."""
    fields = form.fields(form.load(ROOT, name).run)
    most = {k: int(f.info.le) for k, f in fields.items() if f.type is int and f.info.le is not None}
    return examples.of(ROOT, name)[0] | most | {k: v for k, v in FEW.items() if k in fields}


def ran(name: str, inputs: dict[str, Any]) -> None:
    """Run a predictor to its end, with a picture of SIDE x SIDE for each picture, and with the
    largest file that it takes of any other kind."""
    with tempfile.TemporaryDirectory() as folder:
        for picture in {"image", "style"} & inputs.keys():
            file = Path(folder, "large.png")
            Image.open(inputs[picture]).resize((SIDE, SIDE)).save(file, compress_level=1)
            inputs = inputs | {picture: str(file)}
        if name in FILES:
            inputs = inputs | FILES[name](Path(folder))
        for _ in examples.run(ROOT, name, inputs):
            pass


def _dashes(folder: Path) -> dict[str, str]:
    """For a plot, as many short strokes as an SVG may have."""
    luck = np.random.default_rng(0)
    ends = zip(luck.uniform(0, 590, (DASHES, 2)), luck.uniform(-3, 3, (DASHES, 2)), strict=True)
    paths = "".join(f'<path d="M{x:.1f} {y:.1f}l{a:.1f} {b:.1f}"/>' for (x, y), (a, b) in ends)
    svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 594 594">'
    group = '<g fill="none" stroke="#000" stroke-width="0.4">'
    (folder / "dashes.svg").write_text(f"{svg}{group}{paths}</g></svg>")
    return {"drawing": str(folder / "dashes.svg")}


def _strokes(count: int, file: Path) -> str:
    """So many strokes as an SVG."""
    file.write_text(to_svg(scribble(count, torch.Generator().manual_seed(count))))
    return str(file)


def _points(folder: Path) -> dict[str, str]:
    """As many strokes as may be restyled, of 4, 7 or 10 control points and a few more."""
    strokes = scribble(3 * MOST_POINTS // 22, torch.Generator().manual_seed(0))
    few = strokes.path_of_point.bincount().cumsum(0) <= MOST_POINTS
    (folder / "points.svg").write_text(to_svg(strokes.select(few)))
    return {"drawing": str(folder / "points.svg")}


def _two(folder: Path) -> dict[str, str]:
    """Two drawings for a morph."""
    names = ("drawing", "other")
    return {k: _strokes(MOST_CONTOURS - i, folder / f"{k}.svg") for i, k in enumerate(names)}


def _class(folder: Path) -> dict[str, str]:
    """As many drawings as may be in a zip, of as many strokes as it has room for."""
    drawing = _strokes(1500, folder / "one.svg")
    with zipfile.ZipFile(folder / "class.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        for number in range(ALLOWED.members):
            packed.write(drawing, f"{number}.svg")
    return {"drawing": str(folder / "class.zip")}


def _edit(folder: Path) -> dict[str, str]:
    """One trajectory that is as large as a result may be, slowed down so that all of it is made."""
    rows = MOST_NUMBERS // DIM
    luck = np.random.default_rng(0).standard_normal((rows, DIM), np.float32)
    radius = float(np.sqrt(DIM))
    files = save(ZSequence(luck, "embedding", "gaussian", radius, RATE), folder / "walk.npy")
    with zipfile.ZipFile(folder / "walk.zip", "w") as packed:
        for file in files:
            packed.write(file, file.name)
    span = f"{timecode(0, RATE)} {timecode(rows, RATE)}"
    half = f"M2 WALK {float(RATE / 2)} {timecode(0, RATE)}"
    (folder / "edit.edl").write_text(f"001 WALK V C {span} {span}\n{half}\n")
    return {"timeline": str(folder / "edit.edl"), "sequences": str(folder / "walk.zip")}


FILES: dict[str, Callable[[Path], dict[str, str]]] = {
    "conform": _edit,
    "morph": _two,
    "plotter": _dashes,
    "restyle": _points,
    "score": _class,
}
