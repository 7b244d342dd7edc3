"""Banks: many samples to choose from, and short journeys between those that were chosen.

The samples of a bank are held for some frames each, so that an editor shows them one after the
other and cuts them like any film. What comes back from the editor is a bank as well: whatever is
held in it is one keyframe.
"""

import re
from math import asin

import numpy as np
from jaxtyping import Float64

from journeys.paths import Keys, Rows, circle, neighbours, path, walk

# Numbers and ranges of them, as people write them: 3, 7-9.
NUMBERS = re.compile(r"\s*(\d{1,6})\s*(?:[-–]\s*(\d{1,6})\s*)?")
# As near as this, in parts of their length, two rows are one: what conforming rounds away.
SAME = 1e-5
# Journeys that need one keyframe only.
AROUND = ("circle", "walk")
# Of a walk, in radians per frame: after 25 it has forgotten half of where it was going, as
# cos(0.23)^25 is a half.
TURN = 0.23
# To find a journey that is new; where most are taken, one may come twice.
TRIES = 20


def samples(
    count: int, dim: int, radius: float, luck: np.random.Generator
) -> Float64[np.ndarray, "count dim"]:
    """Points of a sphere, everywhere as likely as anywhere else (Muller 1959, "A note on a method
    for generating points uniformly on n-dimensional spheres")."""
    rows = luck.standard_normal((count, dim))
    return radius * rows / np.linalg.norm(rows, axis=1, keepdims=True)


def samples_around(
    centres: Keys, spread: float, count: int, luck: np.random.Generator
) -> Float64[np.ndarray, "count dim"]:
    """Neighbours of each centre in turn, at the distance of `neighbours`."""
    return np.concatenate(
        [neighbours(centres[i % len(centres)], spread, 1, luck) for i in range(count)]
    )


def keyframes(rows: Rows) -> Keys:
    """The keyframes of a bank, each once, in the order in which they come first.

    They are the rows that stay the same for two frames or more, so that what lies between two of
    them, such as a cross-fade, is none. Where nothing is held, each row is one.
    """
    same = np.append(_near(rows[1:], rows[:-1]), False)
    begins = same & ~np.append(False, same[:-1])
    found = rows[begins] if begins.any() else rows
    unique: list[np.ndarray] = []
    for row in found:
        if not unique or not _near(np.stack(unique), row[None]).any():
            unique.append(row)
    return np.stack(unique)


def chosen(count: int, keep: str = "", drop: str = "") -> list[int]:
    """Which of so many keyframes are taken, from 0; people count from 1, and write `3, 7-9`.

    Args:
        count: how many there are.
        keep: only these; all of them where it is blank.
        drop: not these.

    Raises:
        ValueError: what is no list of numbers, numbers that there are not, or nothing left.
    """
    kept = set(_numbers(keep, "keep", count)) if keep.strip() else {*range(count)}
    kept -= set(_numbers(drop, "drop", count))
    if not kept:
        raise ValueError("drop: nothing is left of the bank; drop less, or keep more")
    return sorted(kept)


def short_journeys(
    keys: Keys,
    count: int,
    frames: int,
    kind: str,
    spread: float,
    luck: np.random.Generator,
) -> list[tuple[list[int], Rows]]:
    """Journeys drawn at random on a sphere, no two of them through the same keyframes in the same
    order as long as there are others.

    Args:
        keys: the keyframes, all of one length.
        count: how many journeys.
        frames: rows for each leg.
        kind: one of `paths.KINDS`, through two or three keyframes; or one of AROUND: once around a
            keyframe in four legs, or two legs of a walk that starts there.
        spread: how far a circle is from its keyframe, and how far a walk gets in a leg if it does
            not turn; the sine of the angle.
        luck: which journeys.

    Returns:
        For each, the numbers of its keyframes, from 0, and its rows.

    Raises:
        ValueError: too few keyframes.
    """
    if len(keys) < 2 and kind not in AROUND:
        raise ValueError("a journey needs two keyframes, and there is one; keep another")
    fewest, most = (1, 1) if kind in AROUND else (2, min(len(keys), 3))
    made, seen = [], set()
    for _ in range(count):
        for _ in range(TRIES):
            stops = luck.permutation(len(keys))[: luck.integers(fewest, most + 1)].tolist()
            if tuple(stops) not in seen:
                break
        seen.add(tuple(stops))
        if kind == "circle":
            rows = circle(keys[stops[0]], asin(spread), 4 * frames, luck)
        elif kind == "walk":
            rows = walk(keys[stops[0]], 2 * frames, asin(spread) / frames, TURN, luck)
        else:
            radius = float(np.linalg.norm(keys[0]))
            rows = path(keys[stops], frames, kind, radius=radius)
        made.append((stops, rows))
    return made


def _near(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Which rows of a are those of b."""
    apart = np.linalg.norm(a - b, axis=1)
    return apart <= SAME * np.linalg.norm(a, axis=1)


def _numbers(text: str, name: str, count: int) -> list[int]:
    """`3, 7-9` -> 2, 6, 7, 8."""
    found: list[int] = []
    for part in filter(str.strip, text.split(",")):
        match = NUMBERS.fullmatch(part)
        if not match:
            raise ValueError(f"{name}: {part.strip()!r:.40} is no number; write such as '3, 7-9'")
        first = int(match[1])
        last = int(match[2] or first)
        if not 1 <= first <= last <= count:
            raise ValueError(
                f"{name}: there is no {part.strip()}; the bank has the numbers 1 to {count}"
            )
        found += range(first - 1, last)
    return found
