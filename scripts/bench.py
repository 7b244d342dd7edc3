"""How long a step of rendering takes: forward, and forward + backward.

The scene is CLIPDraw's own start: strokes of 1 to 3 segments, 2 units wide on a canvas of 224.
Times are medians; compare them within one run only, machines differ and have moods.
"""

import importlib.util
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable

import torch
from rich.console import Console
from rich.table import Table

from clipdraw import Drawing, render, scribble

STROKES = (16, 64, 256, 1024)
SIZES = (224, 512)
SECONDS = 1.0
"""For each figure, after a warm-up; one repetition where that takes longer."""
REFERENCE_UP_TO = 256 * 224 * 224
"""Strokes times pixels: the definition is too slow for more."""


def main() -> int:
    backends = {"cpu": ours("cpu"), "reference": ours("reference")}
    if importlib.util.find_spec("pydiffvg"):
        backends["diffvg"] = diffvg
    title = f"{machine()}, {torch.get_num_threads()} threads, float32, milliseconds"
    table = Table(title=title)
    times_of = [f"{name} {kind}" for name in backends for kind in ("forward", "step")]
    ratios = [f"{name} / cpu" for name in backends if name != "cpu"]
    for heading in ("strokes", "canvas", *times_of, *ratios):
        table.add_column(heading, justify="right")
    for size in SIZES:
        for strokes in STROKES:
            drawing = scribble(strokes, torch.Generator().manual_seed(0))
            times = {
                name: measure(paint, drawing, size)
                for name, paint in backends.items()
                if name != "reference" or strokes * size * size <= REFERENCE_UP_TO
            }
            table.add_row(str(strokes), str(size), *cells(times, backends))
    Console(width=120 if not sys.stdout.isatty() else None).print(table)
    return 0


def cells(times: dict[str, tuple[float, float]], backends) -> list[str]:
    figures = [
        f"{times[name][kind] * 1e3:.2f}" if name in times else "-"
        for name in backends
        for kind in (0, 1)
    ]
    ratios = [
        f"{times[name][1] / times['cpu'][1]:.0f}x" if name in times else "-"
        for name in backends
        if name != "cpu"
    ]
    return figures + ratios


Paint = Callable[[Drawing, int], torch.Tensor]


def ours(backend: str) -> Paint:
    return lambda drawing, size: render(drawing, size, size, backend=backend)


def diffvg(drawing: Drawing, size: int) -> torch.Tensor:
    """The same scene by pydiffvg, as CLIPDraw calls it: 2 x 2 samples, half widths."""
    import pydiffvg

    scale = size / drawing.width
    shapes, groups = [], []
    curves = drawing.points.split((3 * drawing.segments + 1).tolist())
    for i, (points, count) in enumerate(zip(curves, drawing.segments.tolist(), strict=True)):
        shapes.append(
            pydiffvg.Path(
                num_control_points=torch.full((count,), 2, dtype=torch.int32),
                points=points * scale,
                stroke_width=drawing.widths[i] * scale / 2,
                is_closed=False,
            )
        )
        groups.append(
            pydiffvg.ShapeGroup(
                shape_ids=torch.tensor([i]), fill_color=None, stroke_color=drawing.colors[i]
            )
        )
    scene = pydiffvg.RenderFunction.serialize_scene(size, size, shapes, groups)
    rgba = pydiffvg.RenderFunction.apply(size, size, 2, 2, 0, None, *scene)
    return rgba[..., 3:] * rgba[..., :3] + 1 - rgba[..., 3:]


def measure(paint: Paint, drawing: Drawing, size: int) -> tuple[float, float]:
    """Median seconds of forward, and of forward + backward."""
    leaves = {name: x.clone().requires_grad_() for name, x in drawing.floats.items()}
    drawing = drawing.replace(**leaves)
    paint(drawing, size).sum().backward()
    forward, step = [], []
    until = time.perf_counter() + SECONDS
    while not step or time.perf_counter() < until:
        start = time.perf_counter()
        picture = paint(drawing, size)
        forward.append(time.perf_counter() - start)
        (picture - 0.5).square().mean().backward()
        step.append(time.perf_counter() - start)
    return statistics.median(forward), statistics.median(step)


def machine() -> str:
    return f"{platform.machine()} {platform.system()}, {os.cpu_count()} cores"


if __name__ == "__main__":
    sys.exit(main())
