"""Which path of one drawing becomes which of another, and which contour which."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Complex, Float, Int
from scipy.optimize import linear_sum_assignment
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist
from torch import Tensor

from clipdraw.colors import oklab
from clipdraw.drawing import Drawing, Path
from clipdraw.outlines import Chain, area, chain, contour, reverse, sample, there_and_back

# Places on each contour that say how far it is to another.
PLACES = 32
# What differences cost, as ways that points would have to go instead; all are squared and added
# up. As fractions of the canvas's shorter side: from black to white or from clear to opaque, from
# the bottom to the top, from a stroke to a filled shape. And a stroke's width, in canvas units.
# Looked at on drawings of 48 and 256 strokes, on shapes and on icons: with colour three times as
# dear, strokes leave their neighbours to find their like, and white shows between them; with kinds
# a fifth as dear, the sea stretches arms as it becomes a heart. The others matter less.
COLOUR, ORDER, KIND, WIDTH = 0.15, 0.05, 0.5, 2.0
# How far a pair goes at most, as a fraction of the shorter side, before it is better that one
# vanishes and the other grows. Looked at on the same: with no end to it, waves become ears.
FARTHEST = 0.4

Loop = Complex[np.ndarray, " places"]
Pairs = Int[np.ndarray, "pairs 2"]


@dataclass(frozen=True, eq=False)
class Shape:
    """A path as what goes from one place to another: filled, and then all of its contours are
    closed, or else a stroke."""

    path: Path
    chains: list[Chain]
    """Its contours. Closed ones go round as the clock does, but for holes."""
    loops: Complex[np.ndarray, "contours places"]
    """Places equally far apart along each contour; open ones are gone along there and back."""

    @classmethod
    def of(cls, path: Path) -> Shape:
        chains = [
            chain(complex_of(points), closed)
            for points, closed in zip(path.contours, path.closed, strict=True)
        ]
        chains = _clockwise(chains, filled=path.fill is not None)
        loops = [
            sample(z if closed else there_and_back(z), PLACES)
            for z, closed in zip(chains, path.closed, strict=True)
        ]
        return cls(path, chains, np.stack(loops))

    @property
    def loop(self) -> Loop:
        """That of the longest contour."""
        return self.loops[np.abs(np.diff(self.loops)).sum(1).argmax()]

    @property
    def centre(self) -> complex:
        return complex(self.loop.mean())

    @property
    def width(self) -> float:
        """Of the stroke; 0 without one."""
        return 0.0 if self.path.color is None else self.path.width.item()

    @property
    def colour(self) -> Float[Tensor, " 4"]:
        """What is seen of it most: straight RGBA."""
        return self.path.color if self.path.fill is None else self.path.fill

    def closed(self) -> Shape:
        """The same with no open contour: these go there and back."""
        chains = [
            z if closed else there_and_back(z)
            for z, closed in zip(self.chains, self.path.closed, strict=True)
        ]
        return replace(self, chains=chains)

    def drawn(self) -> Path:
        """The path with its contours as they go round here."""
        contours = [
            points_of(contour(z, closed))
            for z, closed in zip(self.chains, self.path.closed, strict=True)
        ]
        return replace(self.path, contours=contours)


def complex_of(points: Float[Tensor, "points 2"]) -> Complex[np.ndarray, " points"]:
    return torch.view_as_complex(points.contiguous()).numpy()


def points_of(places: Complex[np.ndarray, " points"]) -> Float[Tensor, "points 2"]:
    return torch.view_as_real(torch.from_numpy(np.array(places)))


def shapes(drawing: Drawing) -> list[Shape]:
    """What a picture is made of, in painter's order: it looks the same, but shapes are simpler than
    paths.

    Contours that do not touch each other are shapes of their own. An open contour that is filled is
    closed by the line that is its edge, and its stroke becomes a shape on top of it.
    """
    return [
        Shape.of(simple)
        for path in drawing.detach().to("cpu", torch.float64).each_path()
        if path.color is not None or path.fill is not None
        for apart in _apart(path)
        for simple in _simple(apart)
    ]


def _apart(path: Path) -> Iterator[Path]:
    """A path for each group of contours whose boxes touch, strokes included."""
    reach = 0 if path.color is None else path.width / 2
    low = torch.stack([points.amin(0) - reach for points in path.contours])
    high = torch.stack([points.amax(0) + reach for points in path.contours])
    touch = ((low[:, None] <= high) & (high[:, None] >= low)).all(-1)
    count, group = connected_components(touch.numpy())
    for number in range(count):
        members = np.flatnonzero(group == number)
        yield replace(
            path,
            contours=[path.contours[i] for i in members],
            closed=[path.closed[i] for i in members],
        )


def _simple(path: Path) -> list[Path]:
    if path.fill is None or all(path.closed):
        return [path]
    thirds = torch.tensor([[1 / 3], [2 / 3]], dtype=torch.float64)
    contours = [
        points if closed else torch.cat([points, torch.lerp(points[-1:], points[:1], thirds)])
        for points, closed in zip(path.contours, path.closed, strict=True)
    ]
    fill = replace(path, contours=contours, closed=[True] * len(contours), color=None)
    return [fill] if path.color is None else [fill, replace(path, fill=None)]


def _clockwise(chains: list[Chain], filled: bool) -> list[Chain]:
    """Chains that go round as the clock does, so that none is turned inside out on its way.

    Those of a filled path stay as they are to each other: that is what makes holes.
    """
    areas = [area(z) for z in chains]
    signs = [sum(areas)] * len(areas) if filled else areas
    return [reverse(z) if sign < 0 else z for z, sign in zip(chains, signs, strict=True)]


def ways(
    ones: Complex[np.ndarray, "ones places"], others: Complex[np.ndarray, "others places"]
) -> Float[np.ndarray, "ones others"]:
    """The mean squared way from the places of each loop to those of each other, from the best
    start."""
    spectra = np.fft.fft(others)
    follow = np.array(
        [np.fft.ifft(np.fft.fft(one).conj() * spectra).real.max(1) for one in ones]
    ).reshape(len(ones), len(others))
    sizes = [(np.abs(z) ** 2).mean(1) for z in (ones, others)]
    return (sizes[0][:, None] + sizes[1] - 2 * follow / PLACES).clip(min=0)


def traits(shapes: Sequence[Shape], side: float) -> Float[np.ndarray, "shapes traits"]:
    """All that costs besides the way, so that the squared distance is the price."""
    rgba = torch.stack([shape.colour for shape in shapes]).double()
    columns = (
        WIDTH * np.array([[shape.width] for shape in shapes]),
        COLOUR * side * torch.cat([oklab(rgba[:, :3]), rgba[:, 3:]], dim=1).numpy(),
        ORDER * side * np.linspace(0, 1, len(shapes))[:, None],
        KIND * side * np.array([[float(shape.path.fill is not None)] for shape in shapes]),
    )
    return np.concatenate(columns, axis=1)


def sizes(loops: Complex[np.ndarray, "loops places"]) -> Float[np.ndarray, " loops"]:
    """Mean squared distance from the centre."""
    return (np.abs(loops - loops.mean(1, keepdims=True)) ** 2).mean(1)


def assigned(
    cost: Float[np.ndarray, "ones others"],
    leaving: Float[np.ndarray, " ones"],
    arriving: Float[np.ndarray, " others"],
) -> Pairs:
    """Pairs of least cost in all, where one that is left over costs `leaving` or `arriving`.

    At least one pair is made: all gone and all new would be no way from one to the other.
    """
    saved = cost - leaving[:, None] - arriving
    if not (saved < 0).any():
        return np.argwhere(cost == cost.min())[:1]
    # A pair that saves nothing is as good as two that are left over, so that those need no rows
    # and columns of their own.
    pairs = np.stack(linear_sum_assignment(np.minimum(saved, 0)), axis=1)
    return pairs[saved[pairs[:, 0], pairs[:, 1]] < 0]


def paired_shapes(ones: Sequence[Shape], others: Sequence[Shape], side: float) -> Pairs:
    """Which of `ones` becomes which of `others`, on a canvas whose shorter side is `side`."""
    if not ones or not others:
        return np.zeros((0, 2), int)
    loops = [np.stack([shape.loop for shape in shapes]) for shapes in (ones, others)]
    prices = cdist(traits(ones, side), traits(others, side), "sqeuclidean")
    alone = [sizes(z) + (FARTHEST * side) ** 2 / 2 for z in loops]
    return assigned(ways(*loops) + prices, *alone)


def paired_contours(one: Shape, other: Shape) -> Pairs:
    """Which contour becomes which; holes become holes, and never what is around them."""
    cost = ways(one.loops, other.loops)
    if one.path.fill is not None and other.path.fill is not None:
        holes = [np.array([area(z) < 0 for z in shape.chains]) for shape in (one, other)]
        cost[holes[0][:, None] != holes[1]] = np.inf
    return assigned(cost, sizes(one.loops), sizes(other.loops))
