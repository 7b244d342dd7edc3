"""Where shapes are missing: regions of one colour error, and smooth outlines of these."""

from dataclasses import dataclass
from math import pi

import numpy as np
import shapely
import torch
from jaxtyping import Bool, Float, Int
from scipy.ndimage import gaussian_filter
from torch import Tensor

from clipdraw import Drawing

# Errors that round to the same multiples of one of these, channel by channel, are one region's: of
# the three, that one is taken whose regions gain most. The six pictures of `bench_vectorize` in 16
# shapes reach 22.7 dB in the mean so, and 22.3 dB with 0.2 alone.
STEPS = (0.1, 0.2, 0.3)
# Pixels: errors are blurred by so much before that, or grain would tear regions up. Five of the
# pictures in 64 shapes are 0.05 dB further away without, and 0.1 dB with 2.
GRAIN = 1.0
# Pixels: what is narrower than twice as much does not belong to a region's outline. With 1, 2 and 3
# the six pictures in 16 shapes are equally close: 22.5, 22.4 and 22.5 dB.
ROUNDING = 2.0
# Places along an outline at which its harmonics are measured.
PLACES = 256


@dataclass(frozen=True)
class Regions:
    """Connected regions of a picture, and what is gained when they are painted."""

    of: Int[np.ndarray, "height width"]
    """The number of each pixel's region."""
    best: list[int]
    """Those that gain most, the best one first."""
    colours: Float[Tensor, "best 3"]
    """The mean of each of these."""
    gain: float
    """By how much the squared error falls, summed over all pixels, when these get their colours."""


def shapes_where_missing(
    target: Float[Tensor, "3 height width"],
    now: Float[Tensor, "3 height width"],
    count: int,
    segments: int,
) -> Drawing:
    """Shapes over the connected regions that gain most, the best one at the bottom.

    LIVE takes the largest regions, and circles over their centres. There are fewer shapes where
    fewer regions gain anything.
    """
    _, height, width = target.shape
    found = max((regions(target, now, count, step) for step in STEPS), key=lambda some: some.gain)
    outlines = [outline(found.of == number, segments) for number in found.best]
    points = torch.tensor(np.array(outlines), dtype=torch.float32).view(-1, 3 * segments, 2)
    return filled(points, found.colours, width, height)


def regions(
    target: Float[Tensor, "3 height width"],
    now: Float[Tensor, "3 height width"],
    count: int,
    step: float,
) -> Regions:
    """At most `count` regions whose errors are alike."""
    _, height, width = target.shape
    error = gaussian_filter((target - now).numpy(), GRAIN, axes=(1, 2), mode="nearest")
    region = components(torch.from_numpy(error / step).round().long())
    pixels = torch.bincount(region)

    def sums(values: Float[Tensor, "rows pixels"]) -> Float[Tensor, "regions rows"]:
        zeros = torch.zeros(len(pixels), len(values), dtype=torch.float64)
        return zeros.index_add(0, region, values.T.double())

    colours = sums(target.flatten(1)) / pixels[:, None]
    before = (target - now).square().flatten(1).sum(0)
    after = (target.flatten(1) - colours[region].T).square().sum(0)
    gains = sums((before - after)[None])[:, 0]
    best = gains.argsort(descending=True, stable=True)[:count]
    best = best[gains[best] > 0]
    return Regions(
        region.view(height, width).numpy(),
        best.tolist(),
        colours[best].float(),
        gains[best].sum().item(),
    )


def components(kinds: Int[Tensor, "channels height width"]) -> Int[Tensor, " pixels"]:
    """The connected region that each pixel is in, counted from 0; pixels of one region agree in all
    channels and hang together by their sides."""
    _, height, width = kinds.shape
    pixel = torch.arange(height * width).view(height, width)
    across = (kinds[:, :, 1:] == kinds[:, :, :-1]).all(0)
    down = (kinds[:, 1:] == kinds[:, :-1]).all(0)
    one = torch.cat([pixel[:, 1:][across], pixel[1:][down]])
    other = torch.cat([pixel[:, :-1][across], pixel[:-1][down]])
    least = pixel.flatten()
    while True:
        # The lowest number that a neighbour knows goes to whom either points to, and pointers are
        # followed: chains halve each time, where passing on alone would take a step a pixel.
        low = torch.minimum(least[one], least[other])
        new = least.scatter_reduce(0, least[one], low, "amin")
        new = new.scatter_reduce(0, least[other], low, "amin")
        new = new[new]
        if torch.equal(new, least):
            return least.unique(return_inverse=True)[1]
        least = new


def outline(
    region: Bool[np.ndarray, "height width"], segments: int
) -> Float[np.ndarray, "points 2"]:
    """A smooth closed contour of so many cubics about a connected region; holes are covered.

    Of a region that is narrow everywhere it is an ellipse.
    """
    rows, left = np.nonzero(np.diff(region, axis=1, prepend=False) & region)
    right = np.nonzero(np.diff(region, axis=1, append=False) & region)[1] + 1
    whole = shapely.union_all(shapely.box(left, rows, right, rows + 1))
    rounded = whole.buffer(-ROUNDING).buffer(ROUNDING)
    if rounded.is_empty:
        return smooth(whole.exterior, 1, segments)
    largest = max(shapely.get_parts(rounded), key=shapely.area)
    return smooth(largest.exterior, max(segments // 2, 1), segments)


def smooth(
    ring: shapely.LinearRing, harmonics: int, segments: int
) -> Float[np.ndarray, "points 2"]:
    """A closed contour of so many cubics nearly along a ring.

    The ring goes round as a complex number, which is a sum of harmonics (Kuhl and Giardina 1982,
    "Elliptic Fourier features of a closed contour"). The first is an ellipse.
    """
    places = np.arange(PLACES) / PLACES
    x, y = shapely.get_coordinates(ring.interpolate(places, normalized=True)).T
    turns = np.fft.fftfreq(PLACES, 1 / PLACES)
    amplitudes = np.fft.fft(x + 1j * y, norm="forward") * (np.abs(turns) <= harmonics)
    waves = amplitudes * np.exp(2j * pi * np.outer(np.arange(segments) / segments, turns))
    joints = waves.sum(1)
    # A cubic's handles are a third of its derivative away from its ends.
    reach = (waves * 2j * pi * turns).sum(1) / (3 * segments)
    points = np.stack([joints, joints + reach, np.roll(joints - reach, -1)], axis=1).ravel()
    return np.stack([points.real, points.imag], axis=1)


def filled(
    outlines: Float[Tensor, "shapes points 2"],
    colours: Float[Tensor, "shapes 3"],
    width: float,
    height: float,
) -> Drawing:
    """Closed contours as opaque shapes without strokes."""
    shapes, points, _ = outlines.shape
    return Drawing(
        points=outlines.flatten(0, 1),
        segments=torch.full((shapes,), points // 3),
        widths=torch.zeros(shapes),
        colors=torch.zeros(shapes, 4),
        picture=torch.zeros(shapes, dtype=torch.int64),
        width=float(width),
        height=float(height),
        closed=torch.ones(shapes, dtype=torch.bool),
        stroked=torch.zeros(shapes, dtype=torch.bool),
        fill_rules=torch.ones(shapes, dtype=torch.int64),
        fills=torch.cat([colours, torch.ones(shapes, 1)], dim=1),
    )
