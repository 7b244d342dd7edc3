"""Rendering on the CPU: 16 x 16 pixel tiles, compiled with Numba, a hand-written backward pass.

The arithmetic is that of `reference.py`, to which the tests hold it in double precision. What
makes it fast: an edge is looked at only in the tiles that it can reach, the distances of a tile's
pixels are vectorised, and only pixels on a stroke's border pay for exact coverage. What makes it
repeatable is said in `cpu_kernels.py`, and what keeps its memory bounded in `_Scene.bands`.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from clipdraw.drawing import Drawing
from clipdraw.renderers.cpu_kernels import (
    INK,
    TILE,
    Bins,
    Coverage,
    add_slots,
    bin_edges,
    count_edges,
    count_visits,
    flatten,
    paint_tiles,
    pull_flatten,
    pull_tiles,
    signs_of_area,
)
from clipdraw.renderers.layers import STROKE, Layers, layers_of
from clipdraw.renderers.reference import FLATNESS_OF_FILLS, FLATNESS_OF_STROKES

# Tiles that are worked on at once: four megapixels. A batch of 32 pictures of 224 x 224 is a single
# band, a print of 4096 x 4096 is four.
BAND = 1 << 14
# Up to so many visits of a tile by a layer, coverage is kept for the backward pass, two kilobytes
# for each; of more it is worked out twice. 256 scribbles on 224 x 224 make 1000 visits, with which
# a step is a quarter faster; with 4000 it is a tenth, and with 8000 slower: memory is, too.
KEPT = 1 << 12


def render(drawing: Drawing, background: Tensor) -> Tensor:
    """Paint a drawing whose canvas units are pixels; see `reference.render`."""
    size = (drawing.pictures, int(drawing.height), int(drawing.width))
    floats = [drawing.points, drawing.widths, drawing.colors, drawing.fills, background]
    return _Render.apply(size, layers_of(drawing), *floats)


class _Render(torch.autograd.Function):
    @staticmethod
    def forward(ctx, size, layers, *floats):
        ctx.save_for_backward(*floats)
        arrays = (x.detach().cpu().numpy() for x in floats)
        ctx.scene = _Scene(size, layers, any(ctx.needs_input_grad), *arrays)
        return torch.from_numpy(ctx.scene.forward()).to(floats[0].device)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):
        floats = ctx.saved_tensors  # raises where one was changed in place since forward
        pulled = ctx.scene.backward(np.ascontiguousarray(gradient.cpu().numpy()))
        return None, None, *(torch.from_numpy(g).to(f) for g, f in zip(pulled, floats, strict=True))


class _Scene:
    """One call's arrays: what forward works out and backward needs again."""

    def __init__(self, size, layers: Layers, pulled, points, widths, colors, fills, background):
        self.pictures, self.height, self.width = size
        self.layers, self.background, self.pulled = layers, background, pulled
        self.points, self.paths = np.ascontiguousarray(points), len(widths)
        self.is_stroke = layers.kind == STROKE
        self.half_widths = np.where(self.is_stroke, widths[layers.path] / 2, 0).astype(points.dtype)
        # A picture with alpha gets as much of it as any other channel of a fully opaque ink.
        self.ink = np.ones((len(layers.path), len(background) + 1), points.dtype)
        straight = np.where(self.is_stroke[:, None], colors[layers.path], fills[layers.path])
        self.ink[:, [0, 1, 2, -1]] = straight
        flatness = np.where(self.is_stroke, FLATNESS_OF_STROKES, FLATNESS_OF_FILLS)
        self.edges_of_segment = count_edges(self.points, layers, flatness)
        self.lines = flatten(self.points, layers, self.edges_of_segment)
        self.whole = None
        self.clockwise = signs_of_area(*self.lines, layers.kind)

    def bands(self) -> Iterator[tuple[Bins, Coverage]]:
        """The edges of each tile, for some rows of tiles at a time, and room for what they cover.

        However large the picture, lists and slots are no larger than those of a band. A picture
        that is a single one keeps it for the backward pass.
        """
        down, across = -(-self.height // TILE), -(-self.width // TILE)
        total, rows = self.pictures * down, max(BAND // across, 1)
        if total <= rows:
            self.whole = self.whole or self._bin(0, total, down, across)
            yield self.whole
            return
        for first in range(0, total, rows):
            yield self._bin(first, min(first + rows, total), down, across)

    def _bin(self, first: int, last: int, down: int, across: int) -> tuple[Bins, Coverage]:
        kind, picture = self.layers.kind, self.layers.picture
        rows = (first, last, down, across)
        entries = bin_edges(*self.lines, kind, picture, self.half_widths, *rows)
        bins = Bins(first, down, across, self.lines[0], kind, self.clockwise, *entries)
        first_visit = count_visits(bins)
        keeps = self.pulled and last - first == self.pictures * down and first_visit[-1] <= KEPT
        kept = int(first_visit[-1]) if keeps else 0
        return bins, Coverage(
            first_visit,
            alpha=np.empty((kept, TILE * TILE), self.points.dtype),
            clue=np.empty((kept, TILE * TILE), np.int32),
            extent=np.empty((kept, 3), np.int64),
        )

    def _each_tile(self, kernel, bins: Bins, kept: Coverage, *arguments) -> None:
        scene = (bins, self.half_widths, self.ink, self.background, kept)
        _share(len(bins.first_entry) - 1, kernel, *scene, *arguments)

    def forward(self) -> np.ndarray:
        """The picture `[pictures, channels, height, width]`."""
        shape = (self.pictures, len(self.background), self.height, self.width)
        picture = np.empty(shape, self.points.dtype)
        for bins, kept in self.bands():
            self._each_tile(paint_tiles, bins, kept, picture)
        return picture

    def backward(self, gradient) -> list[np.ndarray]:
        """Gradients of points, widths, colours, fills and background from the picture's."""
        layers = self.layers
        d_vertices = np.zeros((len(self.lines[0]), 2))
        d_half_widths, d_ink = np.zeros(len(self.half_widths)), np.zeros(self.ink.shape)
        d_background = np.zeros(len(self.background))
        for bins, kept in self.bands():
            slots = np.zeros((len(bins.layer), INK + self.ink.shape[1]), self.points.dtype)
            behind = np.zeros((len(bins.first_entry) - 1, len(self.background)), self.points.dtype)
            self._each_tile(pull_tiles, bins, kept, gradient, slots, behind)
            add_slots(slots, bins, d_vertices, d_half_widths, d_ink)
            d_background += behind.sum(0, dtype=np.float64)
        d_straight, stroke = d_ink[:, [0, 1, 2, -1]], self.is_stroke
        # A path has at most one layer of either kind, so that nothing is added up here.
        d_widths, d_colors, d_fills = (np.zeros((self.paths, *n)) for n in ((), (4,), (4,)))
        d_widths[layers.path[stroke]] = d_half_widths[stroke] / 2
        d_colors[layers.path[stroke]] = d_straight[stroke]
        d_fills[layers.path[~stroke]] = d_straight[~stroke]
        d_points = pull_flatten(d_vertices, len(self.points), layers, self.edges_of_segment)
        return [d_points, d_widths, d_colors, d_fills, d_background]


def _start_threads() -> None:
    global _threads
    _threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="clipdraw")


_start_threads()
if hasattr(os, "register_at_fork"):  # threads do not survive a fork, and would be waited for
    os.register_at_fork(after_in_child=_start_threads)


def _share(tiles: int, kernel, *arguments) -> None:
    """Run `kernel(first_tile, last_tile, *arguments)` over all tiles.

    On as many threads as torch may use, this one among them.
    """
    workers = min(torch.get_num_threads(), max(tiles, 1))
    # Several chunks a thread, because tiles differ in what lies in them.
    number = min(4 * workers, tiles) if workers > 1 else 1
    bounds = [tiles * i // number for i in range(number + 1)]
    chunks = iter(list(pairwise(bounds)))

    def work():
        for first, last in chunks:
            kernel(first, last, *arguments)

    others = [_threads.submit(work) for _ in range(workers - 1)]
    work()
    for other in others:
        other.result()
