"""Paths between keyframes: pure functions on arrays, in float64.

A path is asked for by its times, one for each row: at time 2.5 it is halfway from keyframe 2 to
keyframe 3. What is round (a sphere, or the shell near which a Gaussian's samples lie) has
directions and lengths: paths that know it turn the ones and blend the others.

How smooth a path is, its acceleration tells: |x[i + 1] - 2 x[i] + x[i - 1]|, in the units of the
rows per frame squared. Of 5 keyframes drawn from a Gaussian in 512 dimensions, whose radius is
sqrt(512) = 22.6, and 60 frames a leg (tests/test_paths.py):

                 least length,
                 in radii         most acceleration      keyframes
    linear       0.67             0.92, at keyframes     met
    spherical    0.93             0.83, at keyframes     met
    springs      0.90             0.24, as they set off  missed by up to a tenth of the radius
    tangent      0.94             0.03                   met

Nothing here imports torch.
"""

from collections.abc import Callable
from itertools import pairwise
from math import ceil, pi
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64

Rows = Float64[np.ndarray, "rows dim"]
Keys = Float64[np.ndarray, "keyframes dim"]
Times = Float64[np.ndarray, " rows"]

KINDS = ("linear", "spherical", "springs", "tangent")
EASINGS: dict[str, Callable[[Times], Times]] = {
    "none": lambda u: u,
    "smooth": lambda u: u * u * (3 - 2 * u),
    "smoother": lambda u: u**3 * (u * (6 * u - 15) + 10),
}
"""How the time of a leg passes, from 0 to 1: evenly; from rest to rest; that without a jolt."""

# Of the springs, with a leg as the unit of time. A particle at rest, a quarter turn away, sets off
# with STIFFNESS sqrt(2) radius / frames^2: 0.29 in the table's units, less over a frame. After one
# leg of a straight line (1 + 5.7) exp(-5.7) of it are left, 2 %.
STIFFNESS = 33.0
# Critical: the most that does not creep.
DAMPING = 1.0
# The pull of a keyframe a quarter turn away has a part that points inwards, which presses the
# particle below the surface by about stiffness / surface of the radius.
SURFACE = 330.0
# Of the integration, while the faster of the two springs swings by a radian: semi-implicit Euler
# becomes unstable at half a step.
STEPS_PER_RADIAN = 4
# A loop of springs is run until it closes within this part of its size; it takes a lap or two.
LOOP_CLOSES, MOST_LAPS = 1e-9, 100
# In radians: what is nearer to the opposite than this has no way to go but by rounding.
OPPOSITE = 1e-6


def path(
    keys: Keys,
    frames: int,
    kind: str = "tangent",
    *,
    radius: float | None,
    closed: bool = False,
    easing: str = "none",
) -> Rows:
    """A path by the name of its kind.

    Args:
        keys: the keyframes.
        frames: rows for each leg.
        kind: one of KINDS.
        radius: of what is round; None where nothing is, such as a drawing's points.
        closed: go back to the first keyframe, so that the last row leads on to the first.
        easing: one of EASINGS; springs have their own.

    Raises:
        ValueError: what cannot be, in a sentence that begins with the argument.
    """
    if kind not in KINDS:
        raise ValueError(f"kind: {kind!r} is unknown; choose one of {', '.join(KINDS)}")
    if kind == "spherical" and radius is None:
        raise ValueError("kind: spherical needs something round; choose linear or tangent")
    if kind == "springs":
        return springs(keys, frames, radius=radius, closed=closed)
    times = clock(len(keys), frames, closed, easing)
    if kind == "tangent":
        return tangent(keys, times, closed, flat=radius is None)
    return (linear if kind == "linear" else spherical)(keys, times, closed)


def clock(keyframes: int, frames: int, closed: bool = False, easing: str = "none") -> Times:
    """The times of a path with `frames` rows for each leg.

    An open path ends with a row for its last keyframe. A closed one goes back to its first, and
    ends one row before it, where it starts again.

    Raises:
        ValueError: fewer than two keyframes, less than a frame, or an unknown easing.
    """
    if keyframes < 2:
        raise ValueError(f"keyframes: there is {keyframes}, and a path needs two; give another")
    if frames < 1:
        raise ValueError(f"frames: {frames} is too few; give each leg one at least")
    if easing not in EASINGS:
        raise ValueError(f"easing: {easing!r} is unknown; choose one of {', '.join(EASINGS)}")
    row = np.arange((keyframes if closed else keyframes - 1) * frames + (not closed))
    return row // frames + EASINGS[easing](row % frames / frames)


def linear(keys: Keys, times: Times, closed: bool = False) -> Rows:
    """Straight to the next keyframe: through the inside of what is round."""
    here, there, u = _legs(keys, times, closed)
    return keys[here] + u * (keys[there] - keys[here])


def spherical(keys: Keys, times: Times, closed: bool = False) -> Rows:
    """Along the great circle to the next keyframe, while the length blends evenly.

    Shoemake (1985), "Animating Rotation with Quaternion Curves", section 3.3.
    """
    directions, lengths = split(keys, closed)
    here, there, u = _legs(keys, times, closed)
    return slerp(directions[here], directions[there], u) * linear(lengths, times, closed)


def tangent(keys: Keys, times: Times, closed: bool = False, flat: bool = False) -> Rows:
    """A smooth path that meets each keyframe: by cubics on the sphere, and others for the length.

    Each leg is a cubic by de Casteljau's construction, with great circles for its straight lines
    (Shoemake 1985, section 4.2). Its tangents are Catmull and Rom's: at a keyframe, half of the way
    to the next less half of the way to the one before; at an open end, all of the way to the only
    neighbour.

    Args:
        flat: the same by straight lines, where nothing is round.
    """
    if flat:
        return _cubics(keys, times, closed, FLAT)
    directions, lengths = split(keys, closed)
    return _cubics(directions, times, closed, ROUND) * _cubics(lengths, times, closed, FLAT)


def springs(
    keys: Keys,
    frames: int,
    *,
    radius: float | None,
    closed: bool = False,
    stiffness: float = STIFFNESS,
    damping: float = DAMPING,
    surface: float = SURFACE,
) -> Rows:
    """A particle tied to the next keyframe and to the surface; it never stops at once.

        a = k (target - x) - 2 zeta sqrt(k) v + k_s (R - |x|) x / |x|

    by semi-implicit Euler, from rest on the first keyframe. It comes near each keyframe when its
    leg ends, and meets none. (After Akten, Fiebrink and Grierson 2018, "Deep Meditations", who
    tie a particle to the next keyframe and to the hypersphere.)

    Args:
        frames: rows for each leg.
        radius: R; None for no surface.
        stiffness, damping, surface: k, zeta and k_s, with a leg as the unit of time.
    """
    targets = np.roll(keys, -1, axis=0) if closed else keys[1:]
    clock(len(keys), frames, closed)  # refuses what is no path
    if radius:
        split(keys, closed)
    fastest = np.sqrt(max(stiffness, surface if radius else 0)) * max(damping, 1)
    steps = ceil(STEPS_PER_RADIAN * fastest / frames)
    x, v, dt = keys[0].copy(), np.zeros_like(keys[0]), 1 / (frames * steps)
    for _ in range(MOST_LAPS if closed else 1):
        start, rows = np.stack([x, v]), [x]
        for target in targets:
            for _ in range(frames):
                for _ in range(steps):
                    a = stiffness * (target - x) - 2 * damping * np.sqrt(stiffness) * v
                    if radius:
                        length = np.linalg.norm(x)
                        a += surface * (radius / length - 1) * x
                    v = v + a * dt
                    x = x + v * dt
                rows.append(x)
        if np.abs(np.stack([x, v]) - start).max() < LOOP_CLOSES * np.abs(keys).max():
            break
    return np.stack(rows[:-1] if closed else rows)


def even_times(distances: Float64[np.ndarray, " gaps"], rows: int, closed: bool = False) -> Times:
    """When to look at a path so that equally much changes from one row to the next.

    The times are those of `spherical` or `linear` with the path's rows for keyframes.

    Args:
        distances: between each row of the path and the next one, by any measure, such as between
            the pictures of them; of a closed path, also from the last row to the first.
        rows: how many times.
    """
    passed = np.concatenate([[0.0], np.cumsum(distances)])
    if not passed[-1] > 0:
        passed = np.arange(len(passed), dtype=float)
    return np.interp(
        np.linspace(0, passed[-1], rows, endpoint=not closed), passed, np.arange(len(passed))
    )


def circle(
    centre: Float64[np.ndarray, " dim"], angle: float, frames: int, luck: np.random.Generator
) -> Rows:
    """Once around a point of a sphere, in a random plane, at a distance.

    Args:
        centre: its length is the sphere's radius.
        angle: from the centre, in radians; pi / 2 is a great circle.
        frames: rows; after the last comes the first.
        luck: which plane.
    """
    directions, length = split(centre[None])
    across = luck.standard_normal((2, len(centre)))
    _, first, second = np.linalg.qr(np.concatenate([directions, across]).T).Q.T
    turn = 2 * pi * np.arange(frames)[:, None] / frames
    return length * exp(directions, angle * (np.cos(turn) * first + np.sin(turn) * second))


def walk(
    start: Float64[np.ndarray, " dim"],
    frames: int,
    step: float,
    turn: float,
    luck: np.random.Generator,
) -> Rows:
    """A stroll on a sphere at constant speed, its direction kept by parallel transport.

    Args:
        start: the first row; its length is the sphere's radius.
        frames: rows.
        step: from row to row, in radians.
        turn: how far the direction turns from row to row, in radians, towards somewhere random; 0
            walks a great circle, pi / 2 forgets where it was going.
        luck: where it turns to.
    """
    directions, length = split(start[None])
    here = directions[0]
    ahead = _across(luck.standard_normal(len(start)), here)
    rows = []
    for _ in range(frames):
        rows.append(here)
        # Along its own great circle a direction stays a direction: the circle's, a step on.
        here, ahead = (
            np.cos(step) * here + np.sin(step) * ahead,
            np.cos(step) * ahead - np.sin(step) * here,
        )
        aside = _across(_across(luck.standard_normal(len(start)), here), ahead)
        ahead = np.cos(turn) * ahead + np.sin(turn) * aside
    return length * np.stack(rows)


def neighbours(
    centre: Float64[np.ndarray, " dim"], spread: float, count: int, luck: np.random.Generator
) -> Rows:
    """Points around another that are as long as it is: sqrt(1 - s^2) z + s e.

    e is a Gaussian sample of z's length, less the little of it that points along z. So the points
    lie on the shell exactly, all at the angle asin(s) from z.

    Args:
        centre: z.
        spread: s, from 0, which stays, to 1, which knows nothing of the centre.
        count: rows.
        luck: e.

    Raises:
        ValueError: a spread that is not in [0, 1].
    """
    if not 0 <= spread <= 1:
        raise ValueError(f"spread: {spread} is not between 0 and 1; choose a number that is")
    directions, length = split(centre[None])
    e = _across(luck.standard_normal((count, len(centre))), directions)
    return length * (np.sqrt(1 - spread**2) * directions + spread * e)


def split(keys: Keys, closed: bool = False) -> tuple[Keys, Float64[np.ndarray, "keyframes 1"]]:
    """Directions of length 1, and lengths.

    Raises:
        ValueError: a keyframe that is zero, or opposite the next: every great circle leads there.
    """
    lengths = np.linalg.norm(keys, axis=1, keepdims=True)
    if not lengths.all():
        raise ValueError(
            f"keyframes: number {lengths.argmin()} is zero, which is no direction; leave it out"
        )
    directions = keys / lengths
    ahead = np.roll(directions, -1, axis=0)[: None if closed else -1]
    opposite = angles(directions[: len(ahead)], ahead) > pi - OPPOSITE
    if opposite.any():
        raise ValueError(
            f"keyframes: from number {opposite.argmax()} the next is right across the sphere, and "
            "every way is as short; put a keyframe between them"
        )
    return directions, lengths


def angles(a: Rows, b: Rows) -> Float64[np.ndarray, "rows 1"]:
    """Between directions, in radians; exact for small ones and large ones (Kahan 2006, section 12,
    "How Futile are Mindless Assessments of Roundoff")."""
    apart, along = (np.linalg.norm(x, axis=1, keepdims=True) for x in (a - b, a + b))
    return 2 * np.arctan2(apart, along)


def log(x: Rows, y: Rows) -> Rows:
    """The way from direction x to direction y: as long as their angle, at right angles to x."""
    return angles(x, y) * _across(y, x)


def exp(x: Float64[np.ndarray, "#rows dim"], way: Rows) -> Rows:
    """Where a way leads from a direction x: `exp(x, log(x, y)) = y`."""
    angle = np.linalg.norm(way, axis=1, keepdims=True)
    # numpy's sinc has a pi in it.
    return np.cos(angle) * x + np.sinc(angle / pi) * way


def slerp(a: Rows, b: Rows, u: Float64[np.ndarray, "#rows 1"]) -> Rows:
    """From directions a (u = 0) to directions b (u = 1) along great circles."""
    return exp(a, u * log(a, b))


class Space(NamedTuple):
    """What de Casteljau's construction needs to know of a space."""

    exp: Callable[[Rows, Rows], Rows]
    log: Callable[[Rows, Rows], Rows]


ROUND = Space(exp, log)
FLAT = Space(np.add, lambda x, y: y - x)


def _cubics(keys: Keys, times: Times, closed: bool, space: Space) -> Rows:
    """Cubics with Catmull and Rom's tangents; keys of a round space are directions."""
    ahead = space.log(keys, np.roll(keys, -1, axis=0))
    behind = space.log(keys, np.roll(keys, 1, axis=0))
    tangents = (ahead - behind) / 2
    if not closed:
        tangents[0], tangents[-1] = ahead[0], -behind[-1]
    here, there, u = _legs(keys, times, closed)
    points = [
        keys[here],
        space.exp(keys[here], tangents[here] / 3),
        space.exp(keys[there], -tangents[there] / 3),
        keys[there],
    ]
    while len(points) > 1:
        points = [space.exp(a, u * space.log(a, b)) for a, b in pairwise(points)]
    return points[0]


def _legs(
    keys: Keys, times: Times, closed: bool
) -> tuple[Int64[np.ndarray, " rows"], Int64[np.ndarray, " rows"], Float64[np.ndarray, "rows 1"]]:
    """For each time the keyframes before and after it, and how much of the leg has passed."""
    legs = len(keys) if closed else len(keys) - 1
    here = np.clip(times.astype(np.int64), 0, legs - 1)
    return here, (here + 1) % len(keys), (times - here)[:, None]


def _across(way: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """The part of a way at right angles to a direction, of length 1; zero if there is none."""
    way = way - (way * direction).sum(-1, keepdims=True) * direction
    length = np.linalg.norm(way, axis=-1, keepdims=True)
    return way / np.where(length > 0, length, 1)
