"""Chains of cubics, and how two of them get the same number of cubics without changing shape.

A chain is a contour of a drawing as complex numbers x + iy, `[cubics, 4]`: each cubic begins at the
point where the one before it ends. A closed chain ends where it begins. A position on a chain is a
number: 2.25 is a quarter of the third cubic's parameter. All is done in double precision.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex, Float, Int

Chain = Complex[np.ndarray, "_ 4"]
Places = Complex[np.ndarray, " places"]

# Chords that stand for each cubic where lengths are measured.
CHORDS = 16
# Of a chain's length: joints of two chains that are no further apart become one another, so that
# neither gets a joint right beside its own. (On icons nothing of this is seen, up to four times as
# much.)
SNAP = 1 / 64
# Places on two closed chains that are compared where a start is looked for.
PLACES = 64
# What half a turn costs where a start is looked for, on a scale where 1 is between forms that are
# the same and forms that have nothing in common. Looked at on icons: at 0 a bookmark spins as it
# becomes a cloud, at 5 the arrow of a compass collapses as it becomes a fish.
TURNING = 0.5


def chain(points: Complex[np.ndarray, " points"], closed: bool) -> Chain:
    """A contour as a drawing holds it."""
    points = np.append(points, points[:1]) if closed else points
    return np.lib.stride_tricks.sliding_window_view(points, 4)[::3]


def contour(chained: Chain, closed: bool) -> Complex[np.ndarray, " points"]:
    """What `chain` was given."""
    points = chained[:, :3].ravel()
    return points if closed else np.append(points, chained[-1, 3])


def reverse(chained: Chain) -> Chain:
    """The other way round."""
    return chained[::-1, ::-1]


def there_and_back(chained: Chain) -> Chain:
    """An open chain as a closed one that encloses nothing. A stroke along it looks the same."""
    return np.concatenate([chained, reverse(chained)])


def at(chained: Chain, positions: Float[np.ndarray, " places"]) -> Places:
    """The points at these positions."""
    cubic = np.minimum(positions.astype(int), len(chained) - 1)
    u = positions - cubic
    return _blossom(chained[cubic], u, u, u)


def cut(chained: Chain, ends: Float[np.ndarray, " ends"]) -> Chain:
    """The same curve in other pieces, which end at these positions.

    Args:
        ends: rising from 0 to the number of cubics; all joints are among them.
    """
    cubic = np.minimum((ends[1:] + ends[:-1]) // 2, len(chained) - 1).astype(int)
    u, v = ends[:-1] - cubic, ends[1:] - cubic
    whole = chained[cubic]
    return np.stack([_blossom(whole, *(v,) * k, *(u,) * (3 - k)) for k in range(4)], axis=1)


def _blossom(cubics: Chain, *parameters: Float[np.ndarray, " cubics"]) -> Places:
    """De Casteljau's algorithm with a parameter of its own in each of its three rounds.

    The control points of the part from u to v are those at (u, u, u), (u, u, v), (u, v, v) and
    (v, v, v) (Ramshaw 1989, "Blossoms are polar forms").
    """
    for u in parameters:
        cubics = (1 - u)[:, None] * cubics[:, :-1] + u[:, None] * cubics[:, 1:]
    return cubics[:, 0]


class Ruler:
    """Measures lengths along a chain, as fractions of all of it."""

    def __init__(self, chained: Chain):
        self.positions = np.arange(len(chained) * CHORDS + 1) / CHORDS
        chords = np.abs(np.diff(at(chained, self.positions)))
        # In a chain that is a single point, all cubics count as equally long.
        lengths = np.append(0, (chords + max(chords.sum(), 1.0) * 1e-9).cumsum())
        self.fractions = lengths / lengths[-1]

    def position(self, fractions: Float[np.ndarray, " places"]) -> Float[np.ndarray, " places"]:
        """Where so much of the chain lies behind."""
        return np.interp(fractions, self.fractions, self.positions)

    def joints(self) -> Float[np.ndarray, " joints"]:
        """How much lies behind each joint, from 0 to 1."""
        return self.fractions[::CHORDS]


def sample(chained: Chain, count: int) -> Places:
    """So many points of a closed chain, equally far apart along it, the first at its start."""
    return at(chained, Ruler(chained).position(np.arange(count) / count))


def area(chained: Chain) -> float:
    """What a closed chain encloses; above 0 where it goes from the x axis towards the y axis."""
    here = at(chained, np.arange(len(chained) * CHORDS) / CHORDS)
    return float((here.conj() * np.roll(here, -1)).imag.sum() / 2)


def turned(chained: Chain, other: Chain) -> Chain:
    """The closed chain `other`, started where it follows the closed chain `chained` best.

    The squared distance between points equally far along both is least, after the turn and the
    shift that make it least, with TURNING to hold them back. All starts are compared by Fourier
    transforms.
    """
    here, there = (z - z.mean() for z in (sample(chained, PLACES), sample(other, PLACES)))
    follows = np.fft.ifft(np.fft.fft(here).conj() * np.fft.fft(there))
    most = np.sqrt((np.abs(here) ** 2).sum() * (np.abs(there) ** 2).sum())
    start = np.argmax(np.abs(follows) - TURNING * most * (np.angle(follows) / np.pi) ** 2)
    return _started(other, start / PLACES)


def _started(chained: Chain, fraction: float) -> Chain:
    """A closed chain that starts a fraction of its length further on, at a joint if one is near."""
    ruler = Ruler(chained)
    gap = np.abs(ruler.joints() - fraction)
    if gap.min() <= SNAP:
        return np.roll(chained, -gap.argmin(), axis=0)
    position = ruler.position(np.array([fraction]))
    ends = np.sort(np.append(np.arange(len(chained) + 1), position))
    return np.roll(cut(chained, ends), -int(position[0]) - 1, axis=0)


def along(chained: Chain, other: Chain) -> Chain:
    """The open chain `other`, reversed if that shortens the way from `chained` to it."""
    here, there = (
        at(z, Ruler(z).position(np.linspace(0, 1, PLACES))) for z in (chained, other)
    )  # fmt: skip
    ways = [(np.abs(here - way) ** 2).sum() for way in (there, there[::-1])]
    return other if ways[0] <= ways[1] else reverse(other)


def even(one: Chain, other: Chain) -> tuple[Chain, Chain]:
    """Both with the same number of cubics, and the same shapes as before.

    Each gets a joint wherever the other has one, at about the same fraction of its length: joints
    of both that are near each other count as one, and those between them are shared out.
    """
    rulers = Ruler(one), Ruler(other)
    first, second = (ruler.joints() for ruler in rulers)
    near = _near(first, second)
    x, y = first[near[:, 0]], second[near[:, 1]]
    alone, too = np.delete(first, near[:, 0]), np.delete(second, near[:, 1])
    joints = [x, alone, np.interp(too, y, x)], [y, np.interp(alone, x, y), too]
    return tuple(
        cut(chained, ruler.position(np.sort(np.concatenate(parts))))
        for chained, ruler, parts in zip((one, other), rulers, joints, strict=True)
    )


def _near(
    one: Float[np.ndarray, " joints"], other: Float[np.ndarray, " others"]
) -> Int[np.ndarray, "pairs 2"]:
    """Joints within SNAP of each other, rising in both; those at the ends belong together."""
    pairs, i, j = [(0, 0)], 1, 1
    while i < len(one) - 1 and j < len(other) - 1:
        if abs(one[i] - other[j]) <= SNAP:
            pairs.append((i, j))
        i, j = i + (one[i] <= other[j] + SNAP), j + (other[j] <= one[i] + SNAP)
    return np.array([*pairs, (len(one) - 1, len(other) - 1)])
