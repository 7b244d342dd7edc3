"""What fast backends paint: a drawing's paths taken apart into layers of one colour each.

A path that is filled and stroked gives two layers, the fill below the stroke; each has its own
polylines, because fills are flattened finer. Every contour becomes a chain of cubics that names
its control points by number, so that a closed contour, or a fill that a straight line closes, is a
chain like any other.
"""

from typing import NamedTuple

import numpy as np

from clipdraw.drawing import Drawing
from clipdraw.renderers.compiled import compiled

STROKE, NONZERO, EVENODD = 0, 1, 2


class Layers(NamedTuple):
    """The structure of a drawing as arrays of int64; floats are not looked at."""

    controls: np.ndarray
    """`[segments, 4]`: the rows of `Drawing.points` that each cubic is made of. Where the middle
    two repeat the outer two it is a straight line."""
    segments: np.ndarray
    """`[chains]`: how many consecutive cubics each polyline is made of."""
    layer: np.ndarray
    """`[chains]`: the layer that each polyline belongs to; never decreases."""
    kind: np.ndarray
    """`[layers]`: `STROKE`, `NONZERO` or `EVENODD`; layers are in painter's order."""
    path: np.ndarray
    """`[layers]`: the path that each layer takes its colour and width from."""
    picture: np.ndarray
    """`[layers]`: the picture that each layer belongs to; never decreases."""


def layers_of(drawing: Drawing) -> Layers:
    """Take a drawing apart."""
    structure = (drawing.segments, drawing.closed, drawing.path, drawing.stroked,
                 drawing.fill_rules, drawing.picture)  # fmt: skip
    return Layers(*_take_apart(*(tensor.numpy() for tensor in structure)))


@compiled
def _take_apart(segments, closed, path, stroked, fill_rules, picture):
    first_contour = np.searchsorted(path, np.arange(len(stroked) + 1))
    points = 3 * segments + 1 - closed
    first_point = np.cumsum(points) - points

    most = 2 * len(segments)  # chains: a path may be filled and stroked
    controls = np.empty((2 * segments.sum() + most, 4), np.int64)
    chain_segments, chain_layer = np.empty(most, np.int64), np.empty(most, np.int64)
    layers = stroked.sum() + (fill_rules > 0).sum()
    kind, layer_path = np.empty(layers, np.int64), np.empty(layers, np.int64)
    row = chain = layer = 0
    for p in range(len(stroked)):
        for is_fill in (True, False):
            if not (fill_rules[p] > 0 if is_fill else stroked[p]):
                continue
            for contour in range(first_contour[p], first_contour[p + 1]):
                before, start = row, first_point[contour]
                for segment in range(segments[contour]):
                    for i in range(4):
                        controls[row, i] = start + 3 * segment + i
                    row += 1
                if closed[contour]:
                    controls[row - 1, 3] = start
                elif is_fill:
                    controls[row, :2] = controls[row - 1, 3]
                    controls[row, 2:] = start
                    row += 1
                chain_segments[chain], chain_layer[chain] = row - before, layer
                chain += 1
            kind[layer], layer_path[layer] = (fill_rules[p] if is_fill else STROKE), p
            layer += 1
    chains = chain_segments[:chain], chain_layer[:chain]
    return controls[:row], *chains, kind, layer_path, picture[layer_path]
