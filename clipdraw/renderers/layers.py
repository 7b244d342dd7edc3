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
    structure = (
        drawing.segments, drawing.closed, drawing.path, drawing.stroked, drawing.fill_rules,
        drawing.picture,
    )  # fmt: skip
    return Layers(*_take_apart(*(tensor.numpy() for tensor in structure)))


@compiled
def _take_apart(segments, closed, path, stroked, fill_rules, picture):
    most_chains = 2 * len(segments)  # a path may be filled and stroked
    controls = np.empty((2 * segments.sum() + most_chains, 4), np.int64)
    chain_segments = np.empty(most_chains, np.int64)
    chain_layer = np.empty(most_chains, np.int64)
    layers = stroked.sum() + (fill_rules > 0).sum()
    kind = np.empty(layers, np.int64)
    layer_path = np.empty(layers, np.int64)
    contour = point = control = chain = layer = 0
    for p in range(len(stroked)):
        for is_fill in (True, False):
            if not (fill_rules[p] > 0 if is_fill else stroked[p]):
                continue
            last_contour, last_point = contour, point
            while last_contour < len(segments) and path[last_contour] == p:
                count = segments[last_contour]
                for i in range(count):
                    for j in range(4):
                        controls[control, j] = last_point + 3 * i + j
                    control += 1
                end = last_point + 3 * count
                if closed[last_contour]:
                    controls[control - 1, 3] = last_point
                elif is_fill:
                    controls[control, :2] = end
                    controls[control, 2:] = last_point
                    control += 1
                    count += 1
                chain_segments[chain] = count
                chain_layer[chain] = layer
                chain += 1
                last_point = end if closed[last_contour] else end + 1
                last_contour += 1
            kind[layer] = fill_rules[p] if is_fill else STROKE
            layer_path[layer] = p
            layer += 1
        while contour < len(segments) and path[contour] == p:
            point += 3 * segments[contour] + (0 if closed[contour] else 1)
            contour += 1
    return (
        controls[:control], chain_segments[:chain], chain_layer[:chain],
        kind, layer_path, picture[layer_path],
    )  # fmt: skip
