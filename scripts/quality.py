"""What every predictor makes of its examples, in numbers, and what the centre penalty does:
`scripts/quality` runs them all and writes docs/quality.md, a quarter of an hour on two cores.

Nothing is picked. A predictor's own measures are those in the JSON that it hands out, under
`measures`; seconds include films and whatever else is handed out, and what is loaded at first.
"""

import json
import platform
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

from clipdraw import Drawing, from_svg, to_svg
from losses.judge import load_judge
from predictors.clipdraw import draw
from predictors.drawings import read
from predictors.score.score import composition
from scripts import examples, form
from scripts.bench import machine
from scripts.gallery import command

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("torch", "numpy", "numba", "scipy", "open_clip_torch")
# The centre penalty on and off, with our preset and with the one of the predictor that had it
# first; that one is shortened, and its guide is pocket, so that it draws no more than confetti.
CENTRED = {
    "default": {},
    "replicate-2022": {"preset": "replicate-2022", "steps": 100},
}
PROMPTS = ("a red heart", "a house", "a cat", "a tree", "a fish", "a star", "a boat", "a butterfly")
HEAD = """# Quality in numbers

`scripts/quality` ran every example of every predictor and wrote this page; nothing is picked, and
every line below draws the same again, to the last bit on one machine. What drawings look like
shows [the gallery](gallery/README.md). R-precision over a hundred prompts stands in the
[README](../README.md), `vectorize` beside vtracer on
[its page](../predictors/vectorize/README.md), and renderers beside each other in
[renderer.md](renderer.md).
"""


@dataclass(frozen=True)
class Row:
    """One example."""

    line: str
    """What draws it."""
    measures: Mapping[str, float]
    seconds: float
    paths: int | None
    bytes: int | None
    """Of its drawing.svg; None where it hands out none."""


def main(argv: Sequence[str], root: Path = ROOT) -> int:
    """The command line; returns the exit code."""
    if argv:
        print("usage: scripts/quality, which takes them all", file=sys.stderr)
        return 2
    rows = {}
    for name in form.predictors(root):
        rows[name] = []
        for inputs in examples.of(root, name):
            rows[name].append(ran(root, name, inputs))
            print(f"{rows[name][-1].line}: {rows[name][-1].seconds:.0f} s", flush=True)
    centred = centre_rows()
    (root / "docs/quality.md").write_text(page(root, rows, centred), encoding="utf-8")
    return 0


def ran(root: Path, name: str, inputs: dict[str, Any]) -> Row:
    """Run an example to its end."""
    start = perf_counter()
    measures, paths, size = {}, None, None
    # Files are read as they come: when the predictor is gone, they are as well.
    for file in examples.run(root, name, inputs):
        if file.suffix == ".json":
            measures |= json.loads(file.read_text(encoding="utf-8")).get("measures", {})
        if file.name == "drawing.svg":
            paths, size = from_svg(file).paths, file.stat().st_size
    return Row(command(root, name, inputs), measures, perf_counter() - start, paths, size)


def centre_rows() -> list[list[str]]:
    """For each preset, with and without the penalty: the share of ink within the circle and the
    judge's cosine, means and the least of all prompts."""
    judge, rows = load_judge(), []
    for preset, changes in CENTRED.items():
        for weight in (0.001, 0.0):
            found = [measured(judge, prompt, centre_weight=weight, **changes) for prompt in PROMPTS]
            ink, liked = zip(*found, strict=True)
            shares = [f"{share:.1%}" for share in (statistics.mean(ink), min(ink))]
            likes = f"{statistics.mean(liked):.3f}"
            rows.append([preset, "on" if weight else "off", *shares, likes])
            print(f"centre penalty: {' '.join(rows[-1])}", flush=True)
    return rows


def measured(judge, prompt: str, **changes) -> tuple[float, float]:
    """The share of a drawing's ink within the circle, and the judge's cosine."""
    settings = draw.Settings(prompt=prompt, model="pocket", **changes).resolved()
    plan = draw.plan(settings, say=lambda _: None)
    *_, last = draw.draw(settings, plan)
    drawing = draw.choose(settings, plan, last).drawing
    return ink_in_circle(drawing), draw.likes(judge, settings, drawing)


def ink_in_circle(drawing: Drawing) -> float:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "drawing.svg")
        file.write_text(to_svg(drawing), encoding="utf-8")
        return composition(read(file)[0])["ink_in_circle"] or 0.0


def page(root: Path, rows: Mapping[str, Sequence[Row]], centred: Sequence[Sequence[str]]) -> str:
    """The whole page."""
    parts = [HEAD]
    for name, found in rows.items():
        parts.append(f"## [{name}](../predictors/{name}/README.md)\n\n{form.summary(root, name)}\n")
        parts.append(table(("", "measures", "s", "paths", "SVG bytes"), map(cells, found)))
    parts.append(
        "## The centre penalty, on and off\n\n"
        f"{len(PROMPTS)} prompts ({', '.join(PROMPTS)}), seed 0: the share of ink within the "
        "circle of 75/224 of the canvas, in the mean and at least, and the judge's cosine with the "
        "prompt. `default` is our preset; `replicate-2022` is that of the predictor that had the "
        "penalty first, here with `pocket` for CLIP and 100 steps: it draws confetti, and shows "
        "where that lies.\n"
    )
    heads = ("preset", "penalty", "ink within, mean", "at least", "liked by the judge")
    parts.append(table(heads, centred))
    versions = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    parts.append(
        f"{machine('cpu')}, Python {platform.python_version()}, {versions}; seeds are 0 where a "
        "line names no other. Seconds are of one run each, on a shared machine.\n"
    )
    return "\n".join(parts)


def cells(row: Row) -> list[str]:
    told = ", ".join(f"{name} {value:.4g}" for name, value in row.measures.items())
    line = row.line.replace("|", r"\|")
    counts = ("" if count is None else str(count) for count in (row.paths, row.bytes))
    return [f"`{line}`", told, f"{row.seconds:.0f}", *counts]


def table(heads: Sequence[str], rows) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
