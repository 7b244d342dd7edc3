"""The line drawing that a picture asks for: where a pen would leave ink, and which way it would go.

Lines are those of Kang, Lee and Chui (2007), "Coherent Line Drawing": differences of Gaussians
across the flow of a picture, gathered along it, so that hair and grass fade and outlines stay.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage
from torch import Tensor

from clipdraw.colors import oklab

Map = Float[np.ndarray, "rows columns"]
Flow = Float[np.ndarray, "2 rows columns"]
"""Which way lines run in each place: cosine and sine of twice the angle from the x axis, so that a
line and its reverse are one."""
Vectors = Float[np.ndarray, "2 rows columns"]
"""(x, y) for each pixel."""

# Lengths in 224ths of the picture's shorter side. Of lines: the deviation of the Gaussian that they
# are seen with when there are 24 strokes, and of the one along the flow that gathers them.
LINE, ALONG = 1.5, 7.0
# The wider Gaussian by the narrower one: closest to a Laplacian (Marr and Hildreth 1980).
WIDER = 1.6
# Green against red and blue against yellow, in Oklab's units, beside light against dark.
CHROMA = 1.0
# A line counts by how it stands out among those around it, within this distance.
AROUND = 28.0
# Darkness that is no line: a tenth of the step from black to white is one for certain, of which
# difference of Gaussians shows a tenth.
FAINTEST = 0.01
# Dark spots, such as pupils and mouths, are what a disc of this radius does not fit into.
SPOT = 7.0
# The strongest ridges want as much ink; a stroke of which less than half is wanted does not pay for
# its own. Strengths are raised to such a power, within bounds, that half or more is wanted of as
# many ridges as strokes of this length can draw.
MOST_INK, LENGTH = 1.5, 60.0
POWERS = (0.4, 1.2)
# And beside the ridge, by strength: broad lines ask for a broad stroke, or for two.
BESIDE = 0.8


@dataclass(frozen=True, eq=False)
class Lines:
    """What a pen has to follow."""

    ink: Map
    """How much ink a pixel wants: 0 none, 1 a stroke's, up to MOST_INK where it matters most."""
    strength: Map
    """Of the lines in and near a pixel, in [0, 1]."""
    flow: Flow


def lines_of(
    picture: Float[Tensor, "3 height width"], weight: Map, strokes: int, unit: float, pen: float
) -> Lines:
    """Read a picture as a line drawing: a bold one for few strokes, finer for many.

    Args:
        picture: RGB in [0, 1].
        weight: how much lines count in each place, in [0, 1].
        strokes: how many there are to draw it.
        unit: a 224th of the picture's shorter side, pixels.
        pen: the width of a stroke, pixels.
    """
    # Four times as many strokes see lines that are 0.7 times as wide.
    scale = LINE * unit * (24 / strokes) ** 0.25
    colours = oklab(picture.flatten(1).T).T.reshape(picture.shape).double().numpy()
    flow = flow_of(colours, scale)
    dark = dark_lines(colours, flow, scale, ALONG * unit)
    strength = standing_out(dark, AROUND * unit) * weight
    spots = dark_spots(colours[0], SPOT * unit) * weight
    on_ridge = ridge(strength, flow)
    power = power_of(strength[on_ridge], strokes * LENGTH * unit)
    drawn = MOST_INK * thickened(strength**power, on_ridge, pen)
    return Lines(np.maximum.reduce([drawn, BESIDE * strength, spots]), strength, flow)


def flow_of(colours: Float[np.ndarray, "channels rows columns"], scale: float) -> Flow:
    """Along edges, by the structure tensor of all channels, averaged over twice the scale."""
    across = [ndimage.gaussian_filter(c, scale, order=(0, 1)) for c in colours]
    down = [ndimage.gaussian_filter(c, scale, order=(1, 0)) for c in colours]
    cosine = sum(y * y - x * x for x, y in zip(across, down, strict=True))
    sine = sum(-2 * x * y for x, y in zip(across, down, strict=True))
    smooth = np.stack([ndimage.gaussian_filter(x, 2 * scale) for x in (cosine, sine)])
    length = np.hypot(*smooth)
    # Where nothing flows, lines run along the x axis.
    return np.where(length > 0, smooth / np.where(length > 0, length, 1), [[[1.0]], [[0.0]]])


def along(flow: Flow) -> Vectors:
    """Unit vectors (x, y) along the flow."""
    angle = np.arctan2(flow[1], flow[0]) / 2
    return np.stack([np.cos(angle), np.sin(angle)])


def bearings(flow: Flow) -> tuple[Vectors, Vectors, Vectors]:
    """Of every pixel: where it is, and unit vectors along the flow and across, each (x, y)."""
    rows, columns = flow.shape[1:]
    here = np.stack(np.meshgrid(np.arange(columns), np.arange(rows))).astype(float)
    forth = along(flow)
    return here, forth, np.stack([-forth[1], forth[0]])


def sample(values: Map, places: Float[np.ndarray, "2 ..."]) -> Float[np.ndarray, ...]:
    """Between pixels, whose centres are whole numbers (x, y); beyond the border as on it."""
    return ndimage.map_coordinates(values, places[::-1], order=1, mode="nearest")


def dark_lines(
    colours: Float[np.ndarray, "3 rows columns"], flow: Flow, scale: float, length: float
) -> Map:
    """How much darker, greener or bluer a place is than what lies beside it, seen along the flow.

    Of an edge, its darker side is a line.

    Args:
        colours: in Oklab.
        flow: which way lines run.
        scale: the deviation of the narrower Gaussian across, pixels.
        length: of the one along, pixels.
    """
    here, forth, aside = bearings(flow)
    seen = np.zeros_like(colours)
    reach = int(np.ceil(3 * WIDER * scale))
    for offset, share in zip(*centre_surround(reach, scale), strict=True):
        seen += share * np.stack([sample(c, here + offset * aside) for c in colours])

    gathered, total = seen.copy(), 1.0
    for sign in (1, -1):
        place, heading = here.copy(), sign * forth
        for step in range(1, int(2 * length) + 1):
            place = place + heading
            turned = along(np.stack([sample(f, place) for f in flow]))
            heading = np.where((turned * heading).sum(0) < 0, -turned, turned)
            share = np.exp(-(step**2) / (2 * length**2))
            gathered += share * np.stack([sample(s, place) for s in seen])
            total += share
    light, *chroma = np.maximum(-gathered / total, 0)
    return light + CHROMA * np.maximum(*chroma)


def centre_surround(reach: int, scale: float):
    """Offsets, and the weights of a narrow Gaussian less those of a wider one."""
    offsets = np.arange(-reach, reach + 1)
    narrow, wide = (np.exp(-(offsets**2) / (2 * s**2)) for s in (scale, WIDER * scale))
    return offsets, narrow / narrow.sum() - wide / wide.sum()


def standing_out(dark: Map, around: float) -> Map:
    """In [0, 1]: darkness by the square root of what is usual around a place."""
    usual = np.sqrt(ndimage.gaussian_filter(dark**2, around))
    found = dark / np.sqrt(usual + 0.15 * usual.max() + FAINTEST**2)
    sure = found[dark > FAINTEST]
    if not sure.size:
        return np.zeros_like(dark)
    return np.clip(np.tanh(1.5 * found / np.quantile(sure, 0.8)) - 0.05, 0, 1)


def ridge(strength: Map, flow: Flow) -> Bool[np.ndarray, "rows columns"]:
    """Where a line is at least as strong as a pixel to either side."""
    here, _, aside = bearings(flow)
    beside = np.maximum(sample(strength, here + aside), sample(strength, here - aside))
    return (strength >= beside) & (strength > 0)


def power_of(strengths: Float[np.ndarray, " pixels"], length: float) -> float:
    """The power that makes half a stroke's ink of the strength that so many pixels reach."""
    if len(strengths) <= length:
        return POWERS[0]
    reached = np.partition(strengths, -round(length))[-round(length)]
    return float(np.clip(np.log(0.5 / MOST_INK) / np.log(np.clip(reached, 1e-3, 0.99)), *POWERS))


def thickened(strength: Map, on_ridge: Bool[np.ndarray, "rows columns"], pen: float) -> Map:
    """The strength of ridges, as wide as a pen draws."""
    if not on_ridge.any():
        return np.zeros_like(strength)
    distance, (row, column) = ndimage.distance_transform_edt(~on_ridge, return_indices=True)
    return strength[row, column] * np.clip(pen / 2 + 0.5 - distance, 0, 1)


def dark_spots(lightness: Map, radius: float) -> Map:
    """In [0, 1]: what closing with a disc fills in (a black top-hat, Serra 1982)."""
    smooth = ndimage.gaussian_filter(lightness, radius / 6)
    reach = int(radius)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    filled = ndimage.grey_closing(smooth, footprint=x**2 + y**2 <= radius**2)
    return np.clip(6 * (filled - smooth) - 0.5, 0, 1)
