"""One edit, as every editor's file in tests/data/timelines has it, and films whose frames can be
told apart."""

from fractions import Fraction
from pathlib import Path

import numpy as np

from journeys.sequence import ZSequence

TIMELINES = Path(__file__).resolve().parent / "data" / "timelines"
FILES = sorted(TIMELINES.iterdir())
KDENLIVE = [file for file in FILES if file.suffix == ".kdenlive"]
# Rows of the two trajectories that the edit is made of.
WALK, BANK = 100, 60
RATE = Fraction(25)


def numbered(rows: int, kind: int = 0, fps: Fraction = RATE) -> ZSequence:
    """A trajectory whose rows have their number, and its kind, written in them."""
    values = np.stack([np.arange(rows), np.full(rows, kind)], axis=1).astype(np.float32)
    return ZSequence(values, "numbers", "euclid", None, fps)


SEQUENCES = {"walk": numbered(WALK), "bank": numbered(BANK, 1)}


def expected() -> list[tuple[str, float] | None]:
    """The trajectory and the row that each frame of the edit shows, worked out by hand; nothing in
    the gap, and where two are mixed, the later one.

    Old editors could not play backwards: their files lack the last ten frames.
    """
    walk = [("walk", row) for row in range(10, 30)]
    # Topmost wins.
    walk[8:13] = [("bank", row) for row in range(40, 45)]
    bank = [("bank", row) for row in range(15)]
    later = [("walk", row) for row in range(50, 70)]
    twice = [("walk", row) for row in range(0, 20, 2)]
    back = [("walk", row) for row in range(99, 89, -1)]
    return [*walk, *[None] * 5, *bank, *later, *twice, *back]


# The cross-fade: its first frame, how many there are, and the row of `bank` that it begins with.
FADE, FADED, FROM = 40, 10, 15
GAP = slice(20, 25)
