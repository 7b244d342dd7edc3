"""What is restyled: a drawing that was handed in, or one that is drawn of a prompt first."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from clipdraw import Drawing
from clipdraw.renderers import WHITE
from predictors.clipdraw import draw as clipdraw
from predictors.clipdraw.settings import Settings
from predictors.drawings import read_one
from predictors.pictures import NARROWEST, Color

# Control points of a drawing: 2048 strokes of three cubics have 20480. Each is compared with all
# cells of the drawing, 120 MB in all.
MOST_POINTS = 30_000


@dataclass(frozen=True)
class Subject:
    """A drawing, on paper."""

    name: str
    drawing: Drawing
    paper: Color
    guides: tuple[str, ...]
    """Models that pulled it towards a prompt."""


def handed_in(file: Path, say: Callable[[str], None]) -> Subject:
    """An SVG of any program.

    Raises:
        ValueError: it cannot be drawn; the message says what would do.
    """
    handed = read_one(file)
    drawing = handed.drawing
    for text in handed.left_out:
        say(f"the drawing {text}")
    if max(drawing.width, drawing.height) > NARROWEST * min(drawing.width, drawing.height):
        raise ValueError(
            f"{handed.name} is a strip of {drawing.width:g} x {drawing.height:g}; cut it so that "
            f"one side is at most {NARROWEST} times the other"
        )
    if len(drawing.points) > MOST_POINTS:
        raise ValueError(
            f"{handed.name} has {len(drawing.points)} control points, but at most {MOST_POINTS} "
            "are restyled; simplify its paths, or take some out"
        )
    return Subject(handed.name, drawing, handed.paper or WHITE, handed.guides)


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
