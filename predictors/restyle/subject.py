"""What is restyled: a drawing that was handed in, or one that is drawn of a prompt first."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from clipdraw import Drawing, from_svg
from clipdraw.renderers import WHITE
from clipdraw.svg_reader import read_notes
from predictors.clipdraw import draw as clipdraw
from predictors.clipdraw.settings import Settings
from predictors.handed import local
from predictors.pictures import NARROWEST

# Control points of a drawing: 2048 strokes of three cubics have 20480. Each is compared with all
# cells of the drawing, 120 MB in all.
MOST_POINTS = 30_000


@dataclass(frozen=True)
class Subject:
    """A drawing, on paper."""

    name: str
    drawing: Drawing
    paper: tuple[float, float, float]
    guides: tuple[str, ...]
    """Models that pulled it towards a prompt."""


def handed_in(file: Path, say: Callable[[str], None]) -> Subject:
    """An SVG of any program.

    Raises:
        ValueError: it cannot be drawn; the message says what would do.
    """
    with warnings.catch_warnings(record=True, action="always") as left_out:
        drawing = from_svg(local(file))
    for warning in left_out:
        say(str(warning.message))
    if max(drawing.width, drawing.height) > NARROWEST * min(drawing.width, drawing.height):
        raise ValueError(
            f"{file.name} is a strip of {drawing.width:g} x {drawing.height:g}; cut it so that one "
            f"side is at most {NARROWEST} times the other"
        )
    if len(drawing.points) > MOST_POINTS:
        raise ValueError(
            f"{file.name} has {len(drawing.points)} control points, but at most {MOST_POINTS} are "
            "restyled; simplify its paths, or take some out"
        )
    notes = read_notes(file)
    return Subject(file.name, drawing, notes.paper or WHITE, notes.guides)


def drawn(prompt: str, seed: int, model: str, say: Callable[[str], None]) -> Subject:
    """What `clipdraw` draws of a prompt by its default preset.

    Raises:
        ValueError: the prompt or the model is at fault.
        RuntimeError: weights that cannot be had.
    """
    settings = Settings(prompt, seed=seed, model=model).resolved()
    plan = clipdraw.plan(settings, say)
    say(f"drawing {prompt!r} in {settings.steps} steps")
    *_, frame = clipdraw.draw(settings, plan)
    chosen = clipdraw.choose(settings, plan, frame).drawing.to("cpu")
    return Subject(prompt, chosen, settings.paper, tuple(clipdraw.guides(settings, plan)))
