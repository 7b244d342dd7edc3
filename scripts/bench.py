"""What drawing costs: `scripts/bench render` times the renderers, `scripts/bench step` a step of
the loop, `scripts/bench draw` whole drawings, `scripts/bench seeds` several in one pass,
`scripts/bench memory` what each predictor takes at most;
`scripts/bench views` draws with raster and with vector views, and `scripts/bench vectorize`
compares that predictor with vtracer.

Times are medians; compare them within one run only, machines differ and have moods.
"""

import argparse
import json
import os
import platform
import sys
from pathlib import Path

import torch
from rich.console import Console

from scripts.bench_draw import time_drawings
from scripts.bench_memory import measure_memory
from scripts.bench_render import BACKENDS, time_renderers
from scripts.bench_seeds import time_seeds
from scripts.bench_step import time_steps
from scripts.bench_vectorize import compare_vectorizers
from scripts.bench_views import compare_views


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    render = kinds.add_parser("render", help="the renderers, side by side")
    render.add_argument("--strokes", type=int, nargs="+", default=[16, 64, 256, 1024, 4096])
    render.add_argument("--canvas", type=int, nargs="+", default=[224, 512, 1024])
    render.add_argument("--batch", type=int, nargs="+", default=[1, 8, 32])
    render.add_argument("--backend", nargs="+", choices=BACKENDS, help="those that can be had")
    render.add_argument("--json", type=Path, metavar="FILE", help="write the rows here as well")
    step = kinds.add_parser("step", help="where the time of a step of the loop goes")
    kinds.add_parser("draw", help="whole drawings, by preset")
    kinds.add_parser("memory", help="what every predictor takes at most")
    kinds.add_parser("seeds", help="several seeds in one pass beside one after the other")
    views = kinds.add_parser("views", help="drawings with raster and with vector views")
    views.add_argument("--drawings", type=int, default=20, help="how many prompts")
    views.add_argument("--sheet", type=Path, metavar="FILE", help="save them side by side")
    vectorize = kinds.add_parser("vectorize", help="`vectorize` beside vtracer")
    vectorize.add_argument("--sheet", type=Path, metavar="FILE", help="save them side by side")
    for each in (render, step):
        each.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    arguments = parser.parse_args()

    console = Console(width=180 if not sys.stdout.isatty() else None)
    if arguments.kind == "views":
        console.print(compare_views(arguments.drawings, arguments.sheet, machine("cpu")))
        return 0
    if arguments.kind == "vectorize":
        try:
            console.print(compare_vectorizers(arguments.sheet, machine("cpu")))
        except ImportError as error:
            console.print(f"scripts/bench: {error}")
            return 2
        return 0
    if arguments.kind == "draw":
        console.print(time_drawings(f"{machine('cpu')}, medians in seconds"))
        return 0
    if arguments.kind == "memory":
        console.print(measure_memory(machine("cpu")))
        return 0
    if arguments.kind == "seeds":
        console.print(time_seeds(machine("cpu")))
        return 0
    if arguments.device == "cuda" and not torch.cuda.is_available():
        console.print("scripts/bench: torch.cuda.is_available() is false on this machine")
        return 2
    title = f"{machine(arguments.device)}, float32, medians in milliseconds"
    if arguments.kind == "step":
        console.print(time_steps(arguments.device, title))
        return 0
    rows, table = time_renderers(arguments, title)
    console.print(table)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0


def machine(device: str) -> str:
    threads = f"{os.cpu_count()} cores, {torch.get_num_threads()} threads"
    here = f"{platform.machine()} {platform.system()}, {threads}, torch {torch.__version__}"
    return f"{torch.cuda.get_device_name()}, {here}" if device == "cuda" else here


if __name__ == "__main__":
    sys.exit(main())
