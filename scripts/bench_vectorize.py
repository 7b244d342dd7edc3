"""`vectorize` beside vtracer, on pictures that scikit-image brings.

Both SVGs are seen through resvg, which neither of them knows, at the size that shapes are compared
at. All of vtracer's settings below are tried. Of its files that are no longer than ours the closest
to the picture stands in the table, and of those that come as close as ours the shortest. Where the
closest has fewer paths than ours, or is closer, we draw once more: with fewer paths than it has,
and about as many curves as ours had.
"""

import importlib
import re
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import NamedTuple

import numpy as np
from PIL import Image
from rich import box
from rich.table import Table

from clipdraw import to_svg
from clipdraw.film import to_image
from predictors.pictures import read_picture
from predictors.vectorize import draw, predict

PICTURES = ("astronaut", "chelsea", "coffee", "hubble_deep_field", "rocket", "logo")
SHAPES = (16, 64, 256)
SIZE = 240
# What its command line offers, and coarser, which makes shorter files.
VTRACER = {
    "mode": ("spline", "polygon"),
    "filter_speckle": (1, 4, 16, 64),
    "color_precision": (4, 6, 8),
    "layer_difference": (8, 16, 32, 64, 96),
    "path_precision": (1,),
}
# "vtracer" and "as close" head its paths, "fewer" ours.
HEADINGS = (
    "picture", "shapes", "paths", "PSNR", "SSIM", "bytes", "s",
    "vtracer", "PSNR", "SSIM", "bytes", "fewer", "PSNR", "bytes", "as close", "bytes",
)  # fmt: skip
# Curves in an outline: the default, the fewest and the most that may be asked for.
SEGMENTS, FEWEST_SEGMENTS, MOST_SEGMENTS = 4, 2, 16
GAP = 8


@dataclass(frozen=True)
class Result:
    """An SVG, and how it compares with the picture that it was made of."""

    seen: Image.Image
    paths: int
    psnr: float
    ssim: float
    bytes: int
    seconds: float


class Row(NamedTuple):
    """None where there is none."""

    ours: Result
    short: Result | None
    """vtracer's closest in as many bytes."""
    close: Result | None
    """vtracer's shortest that is as close."""
    fewer: Result | None
    """Ours with fewer paths than vtracer's closest; None where ours has fewer and is closer."""


def compare_vectorizers(sheet: Path | None, title: str) -> Table:
    """A table, a row for each picture and number of shapes.

    `sheet` shows, for each picture, itself and ours above vtracer's in as many bytes.
    """
    predict.warm_up()
    given, rows = {}, {}
    with TemporaryDirectory() as folder:
        for name in PICTURES:
            given[name] = to_image(read_picture(file_of(name), SIZE, "#ffffff"))
            file = Path(folder, f"{name}.png")
            given[name].save(file)
            theirs = list(traced(file))
            rows[name] = [row(file, shapes, theirs) for shapes in SHAPES]
    if sheet:
        side_by_side(given, rows).save(sheet)
    return table(rows, title)


def row(file: Path, shapes: int, theirs: list[Result]) -> Row:
    """Ours by a number of shapes, and what it is compared with."""
    ours = drawn(file, shapes)
    short, close = rivals(ours, theirs)
    if short is None or (ours.paths < short.paths and ours.psnr >= short.psnr):
        return Row(ours, short, close, None)
    count = max(short.paths - 1, 1)
    segments = round(SEGMENTS * ours.paths / count)
    segments = max(FEWEST_SEGMENTS, min(segments, MOST_SEGMENTS))
    return Row(ours, short, close, drawn(file, count, segments))


def package(name: str) -> ModuleType:
    """One of those that only this comparison needs."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"{error}; to compare, pip install resvg_py scikit-image vtracer beside this project"
        ) from error


def file_of(name: str) -> Path:
    """A picture in scikit-image, which downloads nothing for those that are named here."""
    folder = Path(package("skimage").__file__).parent / "data"
    return next(file for file in folder.glob(f"{name}.*") if file.suffix in (".jpg", ".png"))


def drawn(file: Path, shapes: int, segments: int = SEGMENTS) -> Result:
    """Ours, at the default settings but for the number of shapes and of curves in each; films are
    not counted."""
    start = time.perf_counter()
    settings = draw.Settings(image=file, shapes=shapes, segments=segments, size=SIZE)
    plan = draw.plan(settings)
    *_, frame = draw.draw(settings, plan)
    plan = draw.on_best_paper(settings, plan, frame.drawing)
    drawing = draw.finished(settings, plan, frame.drawing)
    seconds = time.perf_counter() - start
    return seen(to_svg(drawing, background=plan.paper), file, seconds)


def traced(file: Path) -> Iterator[Result]:
    """vtracer's, by all settings."""
    vtracer = package("vtracer")
    for values in product(*VTRACER.values()):
        start = time.perf_counter()
        settings = dict(zip(VTRACER, values, strict=True))
        svg = vtracer.convert_raw_image_to_svg(file.read_bytes(), img_format="png", **settings)
        yield seen(svg, file, time.perf_counter() - start)


def seen(svg: str, file: Path, seconds: float) -> Result:
    """An SVG as resvg shows it, beside a picture."""
    metrics = package("skimage.metrics")
    with Image.open(file) as opened:
        given = np.array(opened)
    png = package("resvg_py").svg_to_bytes(svg_string=svg, width=given.shape[1])
    image = Image.open(BytesIO(bytes(png))).convert("RGB")
    shown = np.array(image)
    return Result(
        image,
        paths=len(re.findall("<path", svg)),
        psnr=metrics.peak_signal_noise_ratio(given, shown, data_range=255),
        ssim=metrics.structural_similarity(given, shown, channel_axis=2, data_range=255),
        bytes=len(svg.encode()),
        seconds=seconds,
    )


def rivals(ours: Result, theirs: list[Result]) -> tuple[Result | None, Result | None]:
    """vtracer's closest in as many bytes, and its shortest that is as close."""
    short = [one for one in theirs if one.bytes <= ours.bytes]
    close = [one for one in theirs if one.psnr >= ours.psnr]
    return (
        max(short, key=lambda one: one.psnr, default=None),
        min(close, key=lambda one: one.bytes, default=None),
    )


def table(rows: Mapping[str, list[Row]], title: str) -> Table:
    """All rows, and their means for each number of shapes."""
    printed = Table(title=title, box=box.MARKDOWN)
    for heading in HEADINGS:
        printed.add_column(heading, justify="right")
    for name, results in rows.items():
        for shapes, (ours, short, close, fewer) in zip(SHAPES, results, strict=True):
            printed.add_row(
                name, str(shapes), *cells(ours), f"{ours.seconds:.0f}", *cells(short),
                *([str(fewer.paths), f"{fewer.psnr:.2f}", str(fewer.bytes)] if fewer else "   "),
                *([str(close.paths), str(close.bytes)] if close else "--"),
            )  # fmt: skip
    for i, shapes in enumerate(SHAPES):
        ours, short = zip(
            *((found[i].ours, found[i].short) for found in rows.values()), strict=True
        )
        seconds = statistics.mean(one.seconds for one in ours)
        printed.add_row("mean", str(shapes), *mean(ours), f"{seconds:.0f}", *mean(short), *" " * 5)
    return printed


def cells(one: Result | None) -> list[str]:
    if one is None:
        return ["-"] * 4
    return [str(one.paths), f"{one.psnr:.2f}", f"{one.ssim:.3f}", str(one.bytes)]


def mean(results: Sequence[Result | None]) -> list[str]:
    """The means of PSNR and SSIM, where all have one."""
    if None in results:
        return ["", "-", "-", ""]
    psnr, ssim = (statistics.mean(getattr(one, of) for one in results) for of in ("psnr", "ssim"))
    return ["", f"{psnr:.2f}", f"{ssim:.3f}", ""]


def side_by_side(given: Mapping[str, Image.Image], rows: Mapping[str, list[Row]]) -> Image.Image:
    """Each picture, and to its right ours above vtracer's."""
    sheet = Image.new(
        "RGB", ((SIZE + GAP) * (len(SHAPES) + 1), 2 * (SIZE + GAP) * len(given)), "white"
    )
    for i, name in enumerate(given):
        columns = [
            (given[name], None),
            *((row.ours.seen, row.short and row.short.seen) for row in rows[name]),
        ]
        for x, column in enumerate(columns):
            for y, image in enumerate(column):
                if image:
                    sheet.paste(image, (x * (SIZE + GAP), (2 * i + y) * (SIZE + GAP)))
    return sheet
