"""A drawing without lifting the pen."""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import zoom
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra
from torch import Tensor

from clipdraw import Drawing
from predictors.sketch.lines import Map
from predictors.sketch.saliency import neighbours
from predictors.sketch.strokes import fitted, pen_drawing

# Longer side of the grid on which a pen finds its way, in places.
COARSE = 128
# A way over blank paper is so many times as long as one along a line.
BLANK = 20.0


def one_line(drawing: Drawing, ink: Map) -> Drawing:
    """All strokes as one path, joined by ways that follow lines where they can.

    It begins with the first stroke. The next is the one whose nearer end is the nearest, by
    shortest paths over the picture (Dijkstra 1959) on which blank paper is far.
    """
    left = [path.contours[0] for path in drawing.each_path()]
    line = left.pop(0)
    ways = Ways(ink)
    while left:
        away, before = ways.from_place(line[-1])
        ends = [(stroke[side], i, side) for i, stroke in enumerate(left) for side in (0, -1)]
        end, i, side = min(ends, key=lambda one: away[ways.node(one[0])])
        stroke = left.pop(i)
        way = ways.back(before, line[-1], end)
        line = torch.cat([line, way[1:-1], stroke if side == 0 else stroke.flip(0)])
    pen = drawing.widths.mean().item()
    return pen_drawing([line], pen, drawing.width, drawing.height)


class Ways:
    """Shortest ways of a pen over a picture."""

    def __init__(self, ink: Map):
        self.step = max(max(ink.shape) / COARSE, 1.0)
        wanted = zoom(ink, 1 / self.step, order=1, grid_mode=True, mode="nearest").clip(0, 1)
        self.rows, self.columns = wanted.shape
        cost = (1 + (BLANK - 1) * (1 - wanted)).ravel()
        one, other = neighbours(self.rows, self.columns)
        apart = np.hypot(one // self.columns - other // self.columns, one % self.columns - other % self.columns)
        lengths = apart * (cost[one] + cost[other]) / 2
        self.graph = coo_array((lengths, (one, other)), shape=(wanted.size,) * 2).tocsr()

    def node(self, place: Tensor) -> int:
        """The place on the grid that a point (x, y) of the canvas is in."""
        x, y = (place / self.step).long().tolist()
        return min(max(y, 0), self.rows - 1) * self.columns + min(max(x, 0), self.columns - 1)

    def from_place(self, place: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """How far all places are, and the one before each on the way there."""
        return dijkstra(self.graph, directed=False, indices=self.node(place), return_predecessors=True)

    def back(self, before: np.ndarray, start: Tensor, end: Tensor) -> Tensor:
        """The way from one point to another as a chain of cubics."""
        nodes = [self.node(end)]
        while before[nodes[-1]] >= 0:
            nodes.append(before[nodes[-1]])
        inner = np.array(nodes[-2:0:-1], dtype=int)
        places = (np.stack([inner % self.columns, inner // self.columns], 1) + 0.5) * self.step
        ends = torch.stack([start, end])
        if not len(places):
            return torch.stack([torch.lerp(start, end, share) for share in (0, 1 / 3, 2 / 3, 1)])
        line = np.concatenate([ends[:1].numpy(), places, ends[1:].numpy()])
        chain = fitted(line - 0.5)
        chain[0], chain[-1] = ends
        return chain
