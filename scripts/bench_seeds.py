"""Several seeds in one pass beside one after the other: seconds and memory, films not counted."""

import time

from rich.table import Table

from losses import load_encoder
from losses.judge import load_judge
from predictors.clipdraw.draw import Settings
from predictors.clipdraw.seeds import Race, runs_of
from scripts.alone import alone

PROMPT, SEEDS, KEEP = "a cat", 16, 4
# What is drawn in one process each: (what it is called, seeds, those drawn to the end, times).
CASES = (
    ("one seed", 1, 1, 1),
    (f"{SEEDS} seeds, one after the other", 1, 1, SEEDS),
    (f"{SEEDS} in one pass, all kept", SEEDS, SEEDS, 1),
    (f"{SEEDS} in one pass, {KEEP} kept", SEEDS, KEEP, 1),
)


def time_seeds(title: str) -> Table:
    """A row for each case, in a process of its own, whose peak is its memory."""
    printed = Table(title=title)
    for heading in ("what is drawn", "seconds", "times one", "MB at most"):
        printed.add_column(heading, justify="left" if heading.startswith("what") else "right")
    one = None
    for name, seeds, keep, times in CASES:
        seconds, megabytes = alone(drawn, seeds, keep, times)
        one = one or seconds
        printed.add_row(name, f"{seconds:.1f}", f"{seconds / one:.1f}", f"{megabytes:.0f}")
    return printed


def drawn(seeds: int, keep: int, times: int) -> float:
    """The seconds of drawing seeds so many times."""
    load_encoder("pocket"), load_judge()
    race(1, 1, 0, strokes=8, steps=2)
    start = time.perf_counter()
    for number in range(times):
        race(seeds, keep, number)
    return time.perf_counter() - start


def race(seeds: int, keep: int, first: int, **changes) -> None:
    settings = Settings(prompt=PROMPT, model="pocket", seed=first, **changes).resolved()
    running = Race(runs_of(settings, seeds, say=lambda line: None), keep)
    *_, last = running.frames()
    running.results(last)
