"""How a person writes what to draw: `a red fox | a forest:0.5`."""

import math
from typing import NamedTuple

# A person fills in a form by hand; beyond these the input is a mistake, or an attack.
MOST_PARTS = 16
MOST_CHARACTERS = 1000


class Prompt(NamedTuple):
    """A text and how much it counts."""

    text: str
    weight: float


def parse_prompts(text: str, name: str = "prompt") -> list[Prompt]:
    """Texts and weights from one line: `|` separates them, and `:number` at the end weighs.

    A weight is 1 when left out, and below 0 to push away. A colon that no number follows belongs
    to the text. A text that ends in a colon and a number needs a weight of its own: `at 12:30:1`.

    Args:
        text: what a person wrote.
        name: of the input that it was written into, for errors.

    Raises:
        ValueError: nothing written, a part without words, too much, or an infinite weight.
    """
    if len(text) > MOST_CHARACTERS:
        raise ValueError(
            f"{name} is {len(text)} characters long, but at most {MOST_CHARACTERS} are read; "
            "shorten it"
        )
    if not text.strip():
        raise ValueError(f"{name} is empty, got {text!r}; write what to draw, such as 'a red fox'")
    parts = text.split("|")
    if len(parts) > MOST_PARTS:
        raise ValueError(
            f"{name} has {len(parts)} parts, but at most {MOST_PARTS} are read; use fewer '|'"
        )
    return [_weigh(part.strip(), text, name) for part in parts]


def _weigh(part: str, text: str, name: str) -> Prompt:
    """One part of the line `text`, apart from its weight."""
    words, colon, number = part.rpartition(":")
    try:
        weight = float(number)
    except ValueError:
        weight, words = 1.0, part
    else:
        if not colon:
            weight, words = 1.0, part
    if not words.strip():
        raise ValueError(
            f"{name} has a part without words, got {text!r}; write something on both sides of "
            "each '|' and in front of each weight"
        )
    if not math.isfinite(weight):
        raise ValueError(
            f"{name} has the weight {number.strip()} in {part!r}, but a weight is a finite number; "
            "write one such as 'a red fox:0.5'"
        )
    return Prompt(words.strip(), weight)
