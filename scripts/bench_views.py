"""Raster views against vector views: the same drawings at the default settings with either.

The likeness is the cosine of the finished drawing with its prompt by the judge, which guides none.
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from PIL import Image
from rich.progress import track
from rich.table import Table

from clipdraw import Drawing, render
from clipdraw.film import to_image
from clipdraw.views import VectorViews
from losses.judge import Judge, load_judge
from predictors.clipdraw.draw import Plan, Settings, choose, draw, plan
from scripts.score import PROMPTS, read_prompts

SIDE = 192


def compare_views(drawings: int, sheet: Path | None, title: str) -> Table:
    """A table of the first so many prompts that `scripts/score` draws; `sheet` shows both drawings
    of each."""
    prompts = [asked.prompt for asked in read_prompts(PROMPTS)][:drawings]
    judge, rows, tiles = load_judge(), [], []
    for seed, prompt in enumerate(track(prompts, transient=True)):
        settings = Settings(prompt=prompt, model="pocket", seed=seed).resolved()
        row = []
        for drawn in both(settings):
            start = time.perf_counter()
            *_, last = draw(settings, drawn)
            seconds = time.perf_counter() - start
            drawing = choose(settings, drawn, last).drawing
            row.append((likeness(judge, drawing, prompt), seconds))
            tiles.append(to_image(render(drawing, SIDE, SIDE)[0]))
        rows.append(row)
    if sheet:
        save(tiles, sheet)
    return table(prompts, rows, title)


def likeness(judge: Judge, drawing: Drawing, prompt: str) -> float:
    seen = judge.embed_image(render(drawing, judge.size, judge.size))
    return (seen @ judge.embed_text([prompt]).T).item()


def both(settings: Settings) -> Iterator[Plan]:
    """The plan with raster views and the same with vector views."""
    for kind in (lambda views: views, VectorViews):
        drawn = plan(settings, say=lambda line: None)
        weighted = drawn.terms["distillation"]
        late = weighted.term
        term = replace(late, term=replace(late.term, views=kind(late.term.views)))
        yield replace(drawn, terms={**drawn.terms, "distillation": weighted._replace(term=term)})


def save(tiles: list[Image.Image], file: Path) -> None:
    """Two columns: raster views on the left, vector views on the right."""
    page = Image.new("RGB", (2 * SIDE, len(tiles) // 2 * SIDE), "white")
    for i, tile in enumerate(tiles):
        page.paste(tile, (i % 2 * SIDE, i // 2 * SIDE))
    page.save(file)


def table(prompts: list[str], rows: list, title: str) -> Table:
    printed = Table(title=title)
    for heading in ("prompt", "raster views", "vector views", "raster s", "vector s"):
        printed.add_column(heading, justify="right")
    for prompt, ((a, s), (b, t)) in zip(prompts, rows, strict=True):
        printed.add_row(prompt, f"{a:.3f}", f"{b:.3f}", f"{s:.1f}", f"{t:.1f}")
    figures = torch.tensor(rows)
    means = figures.mean(0)
    printed.add_row(
        f"mean of {len(prompts)}", f"{means[0, 0]:.4f}", f"{means[1, 0]:.4f}",
        f"{means[0, 1]:.1f}", f"{means[1, 1]:.1f}", end_section=True,
    )  # fmt: skip
    better = (figures[:, 1, 0] > figures[:, 0, 0]).sum()
    printed.add_row("better", str(len(prompts) - int(better)), str(int(better)), "", "")
    return printed
