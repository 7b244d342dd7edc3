"""The renderers side by side, on CLIPDraw's own start: strokes of 1 to 3 segments, 2 units wide on
a canvas of 224, the same in every picture of a batch but for its seed.

Every figure comes from a process of its own, so that its peak of memory is its own too.
"""

import statistics
import sys
import time
from argparse import Namespace
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import torch
from rich.progress import track
from rich.table import Table

from clipdraw import Drawing, render, scribble
from clipdraw.drawing import join

BACKENDS = ("cpu", "cuda", "reference", "diffvg")
SECONDS = 1.0
"""For each scene, after a warm-up; at least three repetitions, or one that takes SLOW or more."""
SLOW = 4.0
DEAREST = {"reference": 256 * 224 * 224, "diffvg": 1024 * 512 * 512}
"""Strokes times pixels times pictures: those that are too slow for more are left out there."""


def time_renderers(arguments: Namespace, title: str) -> tuple[list[dict], Table]:
    """The rows of `--json`, and the table that is printed."""
    backends = arguments.backend or [arguments.device, "reference", "diffvg"]
    scenes = [
        (backend, arguments.device, strokes, canvas, batch)
        for canvas in arguments.canvas
        for batch in arguments.batch
        for strokes in arguments.strokes
        for backend in backends
        if strokes * canvas * canvas * batch <= DEAREST.get(backend, float("inf"))
    ]
    rows = []
    # No process does two scenes. Not a fork, which a GPU would not survive.
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as processes:
        for row in track(processes.map(time_scene, scenes), total=len(scenes), transient=True):
            rows += [row] if row else []
    return rows, table(rows, backends[0], title)


def time_scene(scene: tuple) -> dict | None:
    """One row; None where the backend cannot be had."""
    backend, device, strokes, canvas, batch = scene
    drawings = [scribble(strokes, torch.Generator().manual_seed(seed)) for seed in range(batch)]
    drawing = join(drawings).to(device)
    leaves = {name: x.clone().requires_grad_() for name, x in drawing.floats.items()}
    drawing = drawing.replace(**leaves)
    try:
        # Compiles what has to be, on a picture that needs no memory to speak of.
        paint(drawing.split()[0], 32, backend).sum().backward()
    except ImportError:
        return None
    before = peak_bytes(device)
    cotangent = torch.randn(batch, 3, canvas, canvas).to(device)
    forward, step = [], []
    until = time.perf_counter() + SECONDS
    while not step or (len(step) < 3 and step[0] < SLOW) or time.perf_counter() < until:
        start = now(device)
        picture = paint(drawing, canvas, backend)
        forward.append(now(device) - start)
        picture.backward(cotangent)
        step.append(now(device) - start)
    return {
        "backend": backend,
        "device": device,
        "dtype": "float32",
        "strokes": strokes,
        "canvas": canvas,
        "batch": batch,
        "forward_ms": round(1e3 * statistics.median(forward), 3),
        "step_ms": round(1e3 * statistics.median(step), 3),
        "peak_mb": round((peak_bytes(device) - before) / 1e6, 1),
    }


def paint(drawing: Drawing, canvas: int, backend: str) -> torch.Tensor:
    return render(drawing, canvas, canvas, backend=backend)


def now(device: str) -> float:
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def peak_bytes(device: str) -> int:
    """The most memory that this process ever had, of the GPU's or of its own."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    import resource  # not on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )


def table(rows: list[dict], first: str, title: str) -> Table:
    """A line per scene, with the steps of other backends as multiples of the first one's."""
    others = sorted({row["backend"] for row in rows} - {first})
    printed = Table(title=title)
    for heading in ("strokes", "canvas", "batch", f"{first} forward", "step", "peak MB"):
        printed.add_column(heading, justify="right")
    for other in others:
        printed.add_column(f"{other} step", justify="right")
        printed.add_column("ratio", justify="right")
    scenes = {(row["canvas"], row["batch"], row["strokes"]): {} for row in rows}
    for row in rows:
        scenes[row["canvas"], row["batch"], row["strokes"]][row["backend"]] = row
    for (canvas, batch, strokes), by_backend in scenes.items():
        cells = [str(strokes), str(canvas), str(batch)]
        base = by_backend.get(first)
        cells += (
            [f"{base['forward_ms']:.2f}", f"{base['step_ms']:.2f}", f"{base['peak_mb']:.0f}"]
            if base
            else ["-"] * 3
        )
        for other in others:
            row = by_backend.get(other)
            cells.append(f"{row['step_ms']:.1f}" if row else "")
            cells.append(f"{row['step_ms'] / base['step_ms']:.0f}x" if row and base else "")
        printed.add_row(*cells)
    return printed
