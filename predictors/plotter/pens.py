"""Pens: what people write of them, and which of them draws which colour."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int

from clipdraw.colors import oklab
from clipdraw.svg_style import color
from predictors.pictures import Color

# More than any carousel holds, and more than anybody changes by hand.
MOST_PENS = 16
# Millimetres: of a technical pen, and of a wide marker.
THINNEST, THICKEST = 0.05, 10.0
LONGEST_NAME = 30
PEN = re.compile(r"([A-Za-z][A-Za-z0-9 _-]*?)(?: (#[0-9a-fA-F]{6}))? (\d{1,3}(?:\.\d{1,4})?)")
# CIE94 takes a difference of CIELAB's chroma C for 1 / (1 + 0.045 C) of itself; 385 units of that
# are one of Oklab's (least squares over sRGB). Without it, a greyish blue sea is a black pen's.
DULLED = 0.045 * 385
# How much colour that is lost counts beside distance. With 0 a sea (#225a7a) and an evening sky
# (#4a3f6b) are a black pen's, not the blue one's; with 1 a grey (#a0a0b0) is the blue one's.
HUE = 0.7
# From here on a colour is called another one than what its pen makes of it. Of red, blue and black
# pens, red draws pink and brown (0.02, 0.03), and black olive green (0.07).
FAR = 0.06

# As people see it: lightness, green to red, blue to yellow; less the paper's.
Tone = Float[np.ndarray, "3"]


@dataclass(frozen=True)
class Pen:
    """What stands in a holder."""

    name: str
    colour: Color
    """Of its ink on the paper, [0, 1]."""
    tip: float
    """Width of its line, mm."""


def read_pens(text: str) -> list[Pen]:
    """The pens of a line such as `black 0.5, brick #d62828 0.8`, in that order.

    Raises:
        ValueError: one sentence that quotes what cannot be read.
    """
    parts = [" ".join(part.split()) for part in text.split(",")]
    if len(parts) > MOST_PENS:
        raise ValueError(f"pens: there are {len(parts)}, but at most {MOST_PENS} are used; choose")
    pens = [_read_pen(part) for part in parts]
    names = [pen.name.lower() for pen in pens]
    for pen in pens:
        if names.count(pen.name.lower()) > 1:
            raise ValueError(f"pens: {pen.name!r} is there twice; give one of them another name")
    return pens


def _read_pen(text: str) -> Pen:
    match = PEN.fullmatch(text)
    if match is None:
        raise ValueError(
            f"pens: {text[:40]!r} is no pen; write a name, a colour unless the name is one, and "
            "the width of the tip in mm, as in 'black 0.5, brick #d62828 0.8'"
        )
    name, written, tip = match[1], match[2], float(match[3])
    if len(name) > LONGEST_NAME:
        raise ValueError(f"pens: {name[:40]!r} is a name of more than {LONGEST_NAME} letters")
    rgba = color(written or name)
    if rgba is None or rgba[3] < 1:
        raise ValueError(
            f"pens: {name!r} is no colour that is known by its name; write which it is, as in "
            f"'{name} #d62828 {match[3]}'"
        )
    if not THINNEST <= tip <= THICKEST:
        raise ValueError(
            f"pens: {name!r} has a tip of {tip:g} mm; one from {THINNEST:g} to {THICKEST:g} is "
            "possible"
        )
    return Pen(name, rgba[:3], tip)


class Chosen(NamedTuple):
    """The pen for each of some colours."""

    pen: Int[np.ndarray, " n"]
    """Its position in the list."""
    density: Float[np.ndarray, " n"]
    """How dense its lines should be: 0 for bare paper, 1 for its densest."""
    distance: Float[np.ndarray, " n"]
    """From what the pen can make of it; from black to white it is 1."""
    tone: Float[np.ndarray, "n 3"]
    """The colours as people see them, less the paper's."""


def choose(colours: Float[np.ndarray, "n 3"], paper: Color, pens: Sequence[Pen]) -> Chosen:
    """The pens that come nearest to colours.

    The tones that a pen can hatch lie, as people see them, on about a straight line from the paper
    to its ink. Nearest is the pen whose line, drawn on beyond the ink, passes nearest to a colour:
    so pink is thin red, and navy a blue that cannot be dark enough. Density is how far along the
    line that is. A hue that gets lost counts in addition, and of equal pens the first is taken.
    """
    ground = perceived(np.array([paper]))
    wanted = perceived(colours) - ground
    inks = perceived(np.array([pen.colour for pen in pens])) - ground
    # An ink of the paper's colour draws nothing.
    density = np.maximum(wanted @ inks.T / np.maximum((inks**2).sum(1), 1e-6), 0)
    distance = np.linalg.norm(wanted[:, None] - density[..., None] * inks, axis=2)
    chroma, hues = (np.linalg.norm(x[:, 1:], axis=1) for x in (wanted, inks))
    kept = wanted[:, 1:] @ inks[:, 1:].T / np.maximum(hues, 1e-6)
    lost = chroma[:, None] - np.maximum(kept, 0)
    pen, each = (distance + HUE * lost).argmin(1), np.arange(len(colours))
    return Chosen(pen, density[each, pen].clip(max=1), distance[each, pen], wanted)


def perceived(srgb: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
    """Lightness, green to red and blue to yellow, in which distances are about as people see them:
    Oklab, with its strong colours brought together as CIE94 does."""
    lab = oklab(torch.from_numpy(srgb).double()).numpy()
    chroma = DULLED * np.linalg.norm(lab[:, 1:], axis=1, keepdims=True)
    lab[:, 1:] *= np.log1p(chroma) / np.maximum(chroma, 1e-9)
    return lab
