"""Morphing as a function: settings in, drawings at any moment out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from clipdraw import Drawing, render
from clipdraw.morph import between
from clipdraw.renderers import WHITE
from predictors.drawings import Handed, read
from predictors.pictures import Color, rgb

# How much of the way is over after so much of the time.
EASINGS = {
    # Starts and ends at rest (Hermite's cubic).
    "smooth": lambda time: time**2 * (3 - 2 * time),
    "linear": lambda time: time,
    "start slowly": lambda time: time**2,
    "end slowly": lambda time: 1 - (1 - time) ** 2,
}
# The costs of all pairs of two drawings of 2048 shapes take 34 MB, and to choose among them fifteen
# seconds.
MOST_CONTOURS = 2048
MOST_DRAWINGS = 20


@dataclass(frozen=True)
class Settings:
    """The inputs, under the same names."""

    drawing: Path
    other: Path
    seconds: float = 2.5
    hold: float = 0.5
    keyframes: int = 5
    easing: str = "smooth"
    loop: bool = False
    fps: int = 25
    size: int = 448
    background: str | None = None


@dataclass(frozen=True)
class Moment:
    """How it looks at some moment."""

    drawing: Drawing
    paper: Color

    def seen(self, height: int, width: int) -> Float[Tensor, "3 {height} {width}"]:
        with torch.no_grad():
            return render(self.drawing, height, width, background=self.paper)[0]


@dataclass(frozen=True)
class Plan:
    """All drawings on the canvas of the first, and the ways between them."""

    handed: list[Handed]
    papers: list[Color]
    """Of each drawing; the first one's once more for a way back to it."""
    legs: list[Callable[[float], Drawing]]
    """From each drawing to the next."""

    def at(self, place: float) -> Moment:
        """What is seen at a place on the way: 0 at the first drawing, 1 at the second."""
        leg = min(int(place), len(self.legs) - 1)
        t = place - leg
        before, after = self.papers[leg : leg + 2]
        paper = tuple((1 - t) * x + t * y for x, y in zip(before, after, strict=True))
        return Moment(self.legs[leg](t), paper)


def plan(settings: Settings, say: Callable[[str], None] = print) -> Plan:
    """Read the drawings and match their paths.

    Raises:
        ValueError: an input at fault, by name.
    """
    return planned(handed_in(settings), settings.background, settings.loop, say)


def planned(
    handed: list[Handed],
    background: str | None,
    loop: bool,
    say: Callable[[str], None] = print,
) -> Plan:
    """Match the paths of drawings that follow each other."""
    for each in handed:
        for left_out in each.left_out:
            say(f"{each.name} {left_out}")
    papers = [each.paper or WHITE for each in handed]
    if background is not None:
        papers = [rgb(background)] * len(handed)
    first = handed[0].drawing
    drawings = [each.drawing.fitted(first.width, first.height) for each in handed]
    if loop:
        drawings, papers = [*drawings, first], [*papers, papers[0]]
    names = [each.name for each in handed] + [handed[0].name] * loop
    for one, other in pairwise(names):
        say(f"matching {one} with {other}")
    return Plan(handed, papers, [between(one, other) for one, other in pairwise(drawings)])


def handed_in(settings: Settings) -> list[Handed]:
    """The drawings of both inputs, each an SVG or a zip of some, in order."""
    handed = []
    for name in ("drawing", "other"):
        try:
            found = read(getattr(settings, name))
            for each in found:
                check(each)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
        handed += found
    if len(handed) > MOST_DRAWINGS:
        raise ValueError(
            f"drawing and other hold {len(handed)} drawings, but at most {MOST_DRAWINGS} become "
            "each other in one film; leave some out"
        )
    return handed


def check(handed: Handed) -> None:
    """Raise a ValueError, a sentence, where a drawing cannot be morphed."""
    if handed.drawing is None:
        raise ValueError(
            f"{handed.name} is made of pixels; let vectorize or paint draw it, and morph the "
            "drawing.svg that they hand out"
        )
    contours = len(handed.drawing.segments)
    if contours > MOST_CONTOURS:
        raise ValueError(
            f"{handed.name} has {contours} contours, but at most {MOST_CONTOURS} can be matched; "
            "draw it with fewer"
        )


def places(settings: Settings, legs: int) -> Iterator[float]:
    """Where each frame of the film is on the way."""
    frames, held = (
        max(round(settings.seconds * settings.fps), 1),
        round(settings.hold * settings.fps),
    )
    ease = EASINGS[settings.easing]
    yield from [0.0] * max(held, 1)
    for leg in range(legs):
        yield from (leg + ease(frame / frames) for frame in range(1, frames))
        # A film that goes round begins with its end.
        if leg < legs - 1 or not settings.loop:
            yield from [float(leg + 1)] * max(held, 1)


def keys(settings: Settings, legs: int) -> list[float]:
    """Where the keyframes are: evenly on the way, each drawing once."""
    steps = settings.keyframes - 1
    return [key / steps for key in range(legs * steps + (not settings.loop))]
