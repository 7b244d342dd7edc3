"""Every predictor, drawing something tiny: what the tests of all predictors share."""

from pathlib import Path
from typing import Any

from scripts import examples

ROOT = Path(__file__).resolve().parent.parent
# Inputs that make a drawing small, where a predictor has them.
TINY = {
    "strokes": 4, "shapes": 8, "steps": 3, "frame_every": 2, "model": "pocket", "width": 32,
    "height": 24, "size": 32, "cells": 3, "count": 2, "tiles": 2, "seconds": 0.2, "fps": 10,
    "frames": 1, "steps_per_frame": 2,
    "marks": 4, "paper": "60x40",
}  # fmt: skip
# Of predictors.outputs: what makes the results small.
SMALL_FILMS = {
    "PREVIEW": 16, "FILM": 16, "PICTURE": 32, "TILE": 16, "FILM_FRAMES": 2, "STROKE_FRAMES": 2,
    "HOLD": 1,
}  # fmt: skip
# Of predictors whose work does not shrink with their inputs: what makes it small.
SMALL_WORK = {
    "restyle": {
        "predictors.restyle.draw": {"LOOK": 64, "SIZES": (28,)},
        "predictors.restyle.transport": {"CELLS": 64},
    },
}


def inputs(name: str, known) -> dict[str, Any]:
    """A predictor's first example, made tiny; files by their paths."""
    example = examples.of(ROOT, name)[0]
    return example | {key: value for key, value in TINY.items() if key in known}
