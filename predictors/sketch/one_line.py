"""A drawing without lifting the pen."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import zoom
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra
from torch import Tensor

from clipdraw import Drawing
from predictors.sketch.lines import Map
from predictors.sketch.saliency import neighbours
from predictors.sketch.strokes import Points, fitted, pen_drawing

# Longer side of the grid on which a pen finds its way, in places.
COARSE = 128
# A way over blank paper is so many times as long as one along a line.
BLANK = 20.0
# Points on each curve, and canvas units to each curve of the line: enough for its bends.
ON_CURVE, CURVE = 8, 10.0


def one_line(drawing: Drawing, ink: Map) -> Drawing:
    """All strokes as one path, joined by ways that follow lines where they can.

    It begins with the first stroke. The next is the one whose nearer end is the nearest, by
    shortest paths over the picture (Dijkstra 1959) on which blank paper is far. A smooth line is
    fitted to all.
    """
    first, *left = [points_on(path.contours[0]) for path in drawing.each_path()]
    line, ways = [first], Ways(ink)
    while left:
        end = line[-1][-1]
        away, before = ways.starting(end)
        # A stroke may be drawn from either end.
        both = [(stroke, i) for i, one in enumerate(left) for stroke in (one, one[::-1])]
        stroke, i = min(both, key=lambda way: away[ways.node(way[0][0])])
        left.pop(i)
        line += [ways.back(before, stroke[0]), stroke]
    line = np.concatenate(line)
    length = np.hypot(*np.diff(line, axis=0).T).sum()
    chain = fitted(line, max(round(length / CURVE), 1))
    return pen_drawing([chain], drawing.widths.mean().item(), drawing.width, drawing.height)


def points_on(chain: Tensor) -> Points:
    """Points along a chain of cubics, where those of a line lie: pixels' centres are whole
    numbers."""
    t = np.linspace(0, 1, ON_CURVE)[:, None]
    weights = np.concatenate([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3], axis=1)
    points = chain.double().numpy() - 0.5
    cubics = np.stack([points[i : i + 4] for i in range(0, len(points) - 1, 3)])
    on_curves = weights @ cubics
    return np.concatenate([on_curves[0, :1], on_curves[:, 1:].reshape(-1, 2)])


class Ways:
    """Shortest ways of a pen over a picture."""

    def __init__(self, ink: Map):
        self.step = max(max(ink.shape) / COARSE, 1.0)
        wanted = zoom(ink, 1 / self.step, order=1, grid_mode=True, mode="nearest").clip(0, 1)
        self.rows, self.columns = wanted.shape
        cost = (1 + (BLANK - 1) * (1 - wanted)).ravel()
        one, other = neighbours(self.rows, self.columns)
        lengths = np.hypot(*(self.places(one) - self.places(other)).T)
        lengths = lengths * (cost[one] + cost[other]) / 2
        self.graph = coo_array((lengths, (one, other)), shape=(wanted.size,) * 2).tocsr()

    def places(self, nodes: np.ndarray) -> Points:
        """Where places of the grid lie in the picture."""
        grid = np.stack([nodes % self.columns, nodes // self.columns], axis=-1)
        return (grid + 0.5) * self.step - 0.5

    def node(self, point: np.ndarray) -> int:
        """The place of the grid that a point of the picture is in."""
        last = (self.columns - 1, self.rows - 1)
        column, row = np.floor((point + 0.5) / self.step).astype(int).clip(0, last)
        return int(row * self.columns + column)

    def starting(self, point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How far every place is, and the one before it on the way there."""
        node = self.node(point)
        return dijkstra(self.graph, directed=False, indices=node, return_predecessors=True)

    def back(self, before: np.ndarray, point: np.ndarray) -> Points:
        """What lies between, on the way from the start to a point."""
        nodes = [self.node(point)]
        while before[nodes[-1]] >= 0:
            nodes.append(before[nodes[-1]])
        return self.places(np.array(nodes[-2:0:-1], dtype=int))
