"""Whole drawings by preset: what a person waits for, films not counted."""

import statistics
import time

from rich.table import Table

from losses import load_encoder
from predictors.clipdraw.draw import Settings, choose, draw, plan

PROMPTS = ("a red heart", "a house", "a cat")
PRESETS = ("quick", "default")


def time_drawings(title: str) -> Table:
    """Seconds of dreaming, of drawing and of both for one prompt after another, medians."""
    load_encoder("pocket")
    drawn("quick", "a warm-up", seed=0)
    printed = Table(title=title)
    for heading in ("preset", "dreaming", "drawing", "in all", "times quick"):
        printed.add_column(heading, justify="right")
    quick = None
    for preset in PRESETS:
        rows = [drawn(preset, prompt, seed) for seed, prompt in enumerate(PROMPTS)]
        dreaming, drawing, whole = (statistics.median(column) for column in zip(*rows, strict=True))
        quick = quick or whole
        figures = (f"{seconds:.2f}" for seconds in (dreaming, drawing, whole))
        printed.add_row(preset, *figures, f"{whole / quick:.1f}")
    return printed


def drawn(preset: str, prompt: str, seed: int) -> tuple[float, float, float]:
    """Draw; the seconds until the first step, from there to the choice at the end, and both."""
    settings = Settings(prompt=prompt, preset=preset, model="pocket", seed=seed).resolved()
    start = time.perf_counter()
    planned = plan(settings, say=lambda line: None)
    dreamt = time.perf_counter()
    *_, last = draw(settings, planned)
    choose(settings, planned, last)
    end = time.perf_counter()
    return dreamt - start, end - dreamt, end - start
