"""Strokes that follow lines: where they start, how they run, and which of them count most."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.interpolate import make_lsq_spline
from torch import Tensor

from clipdraw import Drawing, render
from clipdraw.drawing import Path, assemble
from losses.ink import ink_distance
from predictors.sketch.lines import Lines, Map, along, sample

Points = Float[np.ndarray, "points 2"]

# Lengths in 224ths of the picture's shorter side. No stroke is longer than that; none shorter.
LONGEST, SHORTEST = 160.0, 6.0
# A pen lifts where the line is as faint as this beside where it began, or simply so faint.
FADED, FAINT = 0.35, 0.1
# A pen that steps a pixel turns by no more than this; a line that bends faster has a corner.
STRAIGHTEST = np.cos(np.radians(50))
# How far a stroke may be from the line that it was fitted to, and in how many curves at most.
TOLERANCE, MOST_SEGMENTS = 1.0, 8
# Strokes that are rendered together, each in a picture of its own, and that are tried together.
AT_ONCE, LOOKED_AT = 32, 8


def start_points(
    chance: Map, count: int, generator: torch.Generator
) -> Float[np.ndarray, "2 starts"]:
    """Pixels (x, y), drawn without replacement by their chance; fewer where fewer have one."""
    chances = torch.from_numpy(chance.ravel())
    count = min(count, int((chances > 0).sum()))
    if not count:
        return np.zeros((2, 0))
    pixel = torch.multinomial(chances, count, replacement=False, generator=generator).numpy()
    return np.stack([pixel % chance.shape[1], pixel // chance.shape[1]]).astype(float)


def traced(lines: Lines, starts: Float[np.ndarray, "2 starts"], longest: float) -> list[Points]:
    """The line through each start, both ways, in steps of a pixel.

    Walkers follow the flow, all at once, and keep to the ridge. A line that comes back to its
    start is closed; a longer one than `longest` is cut around its start.
    """
    ways = [walked(lines, starts, sign, int(longest)) for sign in (1, -1)]
    found = []
    for start, forth, back in zip(starts.T, *ways, strict=True):
        returns = np.hypot(*(forth - start).T) < 1.5
        returns[:8] = False
        if returns.any():
            found.append(np.concatenate([start[None], forth[: returns.argmax()], start[None]]))
            continue
        half = int(longest / 2)
        forth, back = forth[: max(half, int(longest) - len(back))], back
        back = back[: int(longest) - len(forth)]
        found.append(np.concatenate([back[::-1], start[None], forth]))
    return found


def walked(
    lines: Lines, starts: Float[np.ndarray, "2 starts"], sign: int, steps: int
) -> list[Points]:
    """Where walkers come through that leave along the flow, or against it, step by step."""
    rows, columns = lines.strength.shape
    last = np.array([[columns - 1], [rows - 1]])
    place, least = starts, np.maximum(FADED * sample(lines.strength, starts), FAINT)
    heading = sign * along(turn(lines, place))
    alive, path, lengths = np.ones(starts.shape[1], bool), [], np.zeros(starts.shape[1], int)
    for _ in range(steps):
        ahead = place + heading
        onward = along(turn(lines, ahead))
        onward = np.where((onward * heading).sum(0) < 0, -onward, onward)
        ahead = ahead + to_ridge(lines, ahead, onward)
        alive &= ((ahead >= 0) & (ahead <= last)).all(0)
        alive &= sample(lines.strength, ahead) >= least
        alive &= (onward * heading).sum(0) >= STRAIGHTEST
        if not alive.any():
            break
        lengths += alive
        # Flow is noisy from pixel to pixel, and a hand is not.
        heading = heading + onward
        heading = heading / np.maximum(np.hypot(*heading), 1e-9)
        place = np.where(alive, ahead, place)
        path.append(place)
    paths = np.stack(path, axis=2) if path else np.zeros((2, starts.shape[1], 0))
    return [way[:, :n].T for way, n in zip(paths.transpose(1, 0, 2), lengths, strict=True)]


def turn(lines: Lines, places: Float[np.ndarray, "2 places"]) -> Float[np.ndarray, "2 places"]:
    """The flow between pixels."""
    return np.stack([sample(part, places) for part in lines.flow])


def to_ridge(lines: Lines, places, heading) -> Float[np.ndarray, "2 places"]:
    """Half of the way to where the line is strongest, within a pixel aside."""
    aside = np.stack([-heading[1], heading[0]])
    offsets = np.array([0, -0.5, 0.5, -1.0, 1.0])
    seen = np.stack([sample(lines.strength, places + offset * aside) for offset in offsets])
    return 0.5 * offsets[seen.argmax(0)] * aside


def fitted(line: Points, most: int = MOST_SEGMENTS) -> Float[Tensor, "points 2"]:
    """A chain of as few cubics as keep within the tolerance, or of `most`: a spline by least
    squares.

    Pixels' centres are whole numbers in a line, and halves on the canvas.
    """
    length = np.concatenate([[0], np.hypot(*np.diff(line, axis=0).T).cumsum()])
    count = max(len(line), 4 * most + 4)
    time = np.linspace(0, 1, count)
    even = np.stack([np.interp(time * length[-1], length, side) for side in line.T], axis=1)
    for segments in range(1, most + 1):
        knots = np.arange(segments + 1) / segments
        spline = make_lsq_spline(time, even, np.concatenate([[0] * 3, knots, [1] * 3]))
        if np.hypot(*(spline(time) - even).T).max() <= TOLERANCE:
            break
    # A cubic's handles lie a third of its derivative from its ends.
    ends, handles = spline(knots), spline.derivative()(knots) / (3 * segments)
    chain = np.stack([ends, ends + handles, np.roll(ends - handles, -1, 0)], axis=1)
    points = chain.reshape(-1, 2)[: 3 * segments + 1] + 0.5
    return torch.from_numpy(points).float()


def pen_drawing(
    strokes: Sequence[Float[Tensor, "_ 2"]], pen: float, width: float, height: float
) -> Drawing:
    """Black strokes of one width, in this order."""
    black, pen = torch.tensor([0.0, 0, 0, 1]), torch.tensor(float(pen))
    return assemble([Path([points], [False], pen, black) for points in strokes], width, height)


def candidates(
    lines: Lines, wanted: Map, count: int, pen: float, unit: float, generator: torch.Generator
) -> Drawing:
    """Strokes to choose from: `count` lines at most, each by itself.

    Starts are drawn without replacement where ink is wanted and lines are strong; what a line has
    passed is not drawn again.
    """
    rows, columns = lines.strength.shape
    starts = start_points(wanted * lines.strength, 8 * count, generator)
    passed, strokes = np.zeros((rows, columns), bool), []
    for line in traced(lines, starts, LONGEST * unit):
        column, row = np.round(line.T).astype(int)
        if passed[row, column].mean() > 0.5:
            continue
        for across in (-1, 0, 1):
            for down in (-1, 0, 1):
                near = (row + down).clip(0, rows - 1), (column + across).clip(0, columns - 1)
                passed[near] = True
        if len(line) >= SHORTEST * unit:
            strokes.append(fitted(line))
        if len(strokes) == count:
            break
    return pen_drawing(strokes, pen, columns, rows)


@torch.no_grad()
def coverage(drawing: Drawing) -> Float[Tensor, "pictures rows columns"]:
    """How much ink a black drawing leaves where, pixel by pixel."""
    return 1 - render(drawing)[:, 0]


@torch.no_grad()
def covers(drawing: Drawing) -> list[Tensor]:
    """What each black stroke covers by itself: sparse, for most of it is paper."""
    found = []
    for some in torch.arange(drawing.paths).split(AT_ONCE):
        alone = drawing.take(some).replace(picture=torch.arange(len(some)), pictures=len(some))
        found += [cover.to_sparse() for cover in coverage(alone)]
    return found


def best_first(
    drawing: Drawing, target: Float[Tensor, "rows columns"], most: int
) -> Int[Tensor, " chosen"]:
    """Numbers of the black strokes that bring ink closest to the target, each after those before
    it.

    A greedy choice: each is the one that takes most off the distance, while there is one that takes
    off any. What a stroke takes off mostly shrinks when others are drawn, so of those that gained
    less before only the best few are looked at again (Minoux 1978).
    """
    left = dict(enumerate(covers(drawing)))
    gains = dict.fromkeys(left, float("inf"))
    ink, chosen = torch.zeros_like(target), []
    distance = ink_distance(ink[None], target[None]).item()
    while left and len(chosen) < most:
        fresh = set()
        while (best := max(left, key=gains.get)) not in fresh:
            look = sorted(left.keys() - fresh, key=gains.get)[-LOOKED_AT:]
            inks = torch.stack([over(ink, left[i]) for i in look])
            apart = ink_distance(inks, target[None]).tolist()
            gains |= {i: distance - there for i, there in zip(look, apart, strict=True)}
            fresh |= set(look)
        if gains[best] <= 0:
            break
        distance -= gains[best]
        ink = over(ink, left.pop(best))
        chosen.append(best)
    return torch.tensor(chosen, dtype=torch.int64)


def over(ink: Float[Tensor, "rows columns"], cover: Tensor) -> Float[Tensor, "rows columns"]:
    """Ink with one more stroke drawn on it."""
    return ink + (1 - ink) * cover.to_dense()


def left_over(drawing: Drawing, target: Float[Tensor, "rows columns"]) -> list[float]:
    """What is left of blank paper's distance from the target after 0, 1, 2, ... black strokes."""
    ink = torch.zeros_like(target)
    apart = [ink_distance(ink[None], target[None]).item()]
    for cover in covers(drawing):
        ink = over(ink, cover)
        apart.append(ink_distance(ink[None], target[None]).item())
    return [distance / apart[0] for distance in apart]
