"""Rendering on an NVIDIA GPU: 16 x 16 pixel tiles, compiled with Triton, a hand-written backward.

The arithmetic is that of `reference.py`, to which the tests hold it in double precision, on
machines without a GPU too: with TRITON_INTERPRET=1 the same kernels run on the CPU, one operation
at a time. What is worked on in parallel, and why its bits never change, is said in
`cuda_kernels.py`.
"""

from collections.abc import Iterator
from contextlib import nullcontext
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from clipdraw.drawing import Drawing
from clipdraw.renderers.layers import Layers, layers_of

try:
    from clipdraw.renderers import cuda_kernels as kernels
except ModuleNotFoundError as error:
    if error.name != "triton":
        raise
    raise ImportError(
        "the cuda backend needs Triton, which comes with PyTorch's CUDA builds for Linux; install "
        "such a build, or choose the backend 'cpu'"
    ) from error

TILE, GROUP, POINTS = kernels.TILE.value, kernels.GROUP.value, kernels.POINTS.value
BLOCK_ROWS = kernels.BLOCK_ROWS.value
INTERPRETED = not isinstance(kernels.cover, kernels.triton.JITFunction)
# Visits that are worked on at once, unless one block of rows has more: three planes of 16 x 16
# floats each, 400 megabytes in single precision. 256 scribbles on 224 x 224 make about 1000.
BAND = 1 << 17


def render(drawing: Drawing, background: Tensor) -> Tensor:
    """Paint a drawing whose canvas units are pixels; see `reference.render`.

    A drawing that is not on a GPU is copied there, and its picture and gradients are copied back.
    """
    home = drawing.points.device
    if not INTERPRETED and home.type != "cuda":
        if not torch.cuda.is_available():
            raise ImportError(
                "the cuda backend needs an NVIDIA GPU, and torch.cuda.is_available() is false; "
                "choose the backend 'cpu', or start with TRITON_INTERPRET=1 to try the kernels on "
                "the CPU, slowly"
            )
        drawing, background = drawing.to("cuda"), background.to("cuda")
    size = (drawing.pictures, int(drawing.height), int(drawing.width))
    floats = [drawing.points, drawing.widths, drawing.colors, drawing.fills, background]
    return _Render.apply(size, layers_of(drawing), *floats).to(home)


class _Render(torch.autograd.Function):
    @staticmethod
    def forward(ctx, size, layers, *floats):
        ctx.save_for_backward(*floats)
        with _on_device_of(floats[0]):
            ctx.scene = _Scene(size, layers, *(x.detach().contiguous() for x in floats))
            return ctx.scene.forward()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):
        floats = ctx.saved_tensors  # raises where one was changed in place since forward
        with _on_device_of(gradient):
            pulled = ctx.scene.backward(gradient.contiguous())
        return None, None, *(g.to(f) for g, f in zip(pulled, floats, strict=True))


class _Structure(NamedTuple):
    """What belongs where, int64 on the device: `Layers` and what follows from them."""

    controls: Tensor
    kind: Tensor
    path: Tensor
    picture_of_layer: Tensor
    layer_of_segment: Tensor
    first_segment: Tensor
    """`[layers + 1]`: a layer's segments lie behind each other."""
    first_layer: Tensor
    """`[pictures + 1]`."""
    first_cell: Tensor
    """`[pictures + 1]`: cells are counted picture by picture, tile by tile, group by group."""
    cell_of_block: Tensor
    """`[blocks + 1]`: the first cell of each block of rows of tiles."""
    uses: Tensor
    first_use: Tensor
    """Where control points are used, `uses[first_use[i] : first_use[i + 1]]` for point i."""


class _Band(NamedTuple):
    """Rows of tiles, counted through all pictures, that are worked on at once."""

    first_row: int
    last_row: int
    visits_before: int
    visits: int
    entries_before: int
    entries: int


class _Visits(NamedTuple):
    """The lists of a band, and how its visits cover its pixels; see `cuda_kernels.py`."""

    layer: Tensor
    first_entry: Tensor
    key: Tensor
    values: Tensor
    alpha: Tensor
    clue: Tensor


class _Scene:
    """One call's tensors: what forward works out and backward needs again."""

    def __init__(self, size, layers: Layers, points, widths, colors, fills, background):
        self.pictures, self.height, self.width = size
        self.down, self.across = -(-self.height // TILE), -(-self.width // TILE)
        self.points, self.background, self.paths = points, background, len(widths)
        # In double precision a program's pixels fill the registers of twice as many threads.
        self.warps = 8 if points.dtype == torch.float64 else 4
        self._take_structure(layers)
        self._measure(widths, colors, fills)
        self._count()

    def _take_structure(self, layers: Layers) -> None:
        """Everything that follows from the structure alone, in one copy to the device."""
        number = np.arange(self.pictures + 1)
        ends = np.concatenate([[0], layers.segments.cumsum()])
        chains = np.searchsorted(layers.layer, np.arange(len(layers.kind) + 1))
        self.first_segment = ends[chains]
        self.first_layer = np.searchsorted(layers.picture, number)
        groups = -(-np.diff(self.first_layer) // GROUP)
        first_cell = np.concatenate([[0], (groups * self.down * self.across).cumsum()])
        self.groups, self.cells = int(groups.max(initial=0)), int(first_cell[-1])
        block = np.arange(0, self.down, BLOCK_ROWS)
        cell_of_block = first_cell[:-1, None] + groups[:, None] * self.across * block
        self.row_of_block = (number[:-1, None] * self.down + block).ravel().tolist()
        used = layers.controls.ravel()
        structure = _Structure(
            controls=used,
            kind=layers.kind,
            path=layers.path,
            picture_of_layer=layers.picture,
            layer_of_segment=np.repeat(layers.layer, layers.segments),
            first_segment=self.first_segment,
            first_layer=self.first_layer,
            first_cell=first_cell,
            cell_of_block=np.append(cell_of_block, first_cell[-1]),
            uses=np.argsort(used, kind="stable"),
            first_use=np.append(0, np.bincount(used, minlength=len(self.points)).cumsum()),
        )
        packed = torch.from_numpy(np.concatenate(structure).astype(np.int64, copy=False))
        if self.points.is_cuda:  # from pinned memory the copy does not wait for the GPU
            packed = packed.pin_memory().to(self.points.device, non_blocking=True)
        self.structure = _Structure(*packed.split([len(array) for array in structure]))

    def _measure(self, widths, colors, fills) -> None:
        s, layers = self.structure, len(self.structure.kind)
        self.segments = len(s.layer_of_segment)
        self.cubics = self.points.new_empty(8, self.segments)
        self.counts = self.points.new_empty(self.segments, dtype=torch.int32)
        self.styles, self.boxes = self.points.new_empty(layers, 5), self.points.new_empty(layers, 4)
        self.clockwise = self.points.new_empty(layers)
        _run(
            kernels.measure, layers, 1,
            self.points, s.controls, s.first_segment, s.kind, s.path, widths, colors, fills,
            self.cubics, self.counts, self.styles, self.boxes, self.clockwise, self.segments,
        )  # fmt: skip

    def _count(self) -> None:
        """How many visits and entries come before each cell, and from that the bands.

        Here, and nowhere else, the GPU is waited for.
        """
        counts = self.points.new_empty((2, self.cells), dtype=torch.int64)
        self.before = self.points.new_zeros((2, self.cells + 1), dtype=torch.int64)
        nothing = (counts, counts, counts, self.points)
        self._bin(_Band(0, self.pictures * self.down, 0, 0, 0, 0), *counts, *nothing, LIST=False)
        for before, count in zip(self.before, counts, strict=True):
            torch.cumsum(count, 0, out=before[1:])
        visits, entries = self.before[:, self.structure.cell_of_block].tolist()
        self.bands = list(self._bands(visits, entries))
        self.kept = None

    def _bands(self, visits: list[int], entries: list[int]) -> Iterator[_Band]:
        """As many blocks of rows at a time as there is room for, so that memory is bounded.

        Gradients are added up block by block, so that it does not show in them which blocks make a
        band.
        """
        rows = [*self.row_of_block, self.pictures * self.down]
        first = 0
        for last in range(1, len(rows)):
            if last == len(rows) - 1 or visits[last + 1] - visits[first] > BAND:
                yield _Band(
                    rows[first], rows[last],
                    visits[first], visits[last] - visits[first],
                    entries[first], entries[last] - entries[first],
                )  # fmt: skip
                first = last

    def _bin(self, band: _Band, visits, entries, layer, first_entry, key, values, LIST) -> None:
        s = self.structure
        tiles = (band.last_row - band.first_row) * self.across
        _run(
            kernels.bin_edges, tiles * self.groups, 1,
            self.cubics, self.counts, self.styles, self.boxes, s.kind, s.first_segment,
            s.first_layer, s.first_cell, visits, entries, layer, first_entry, key, values,
            band.first_row, band.visits_before, band.entries_before, band.entries, self.segments,
            self.down, self.across, self.groups, LIST=LIST,
        )  # fmt: skip

    def _visit(self, band: _Band) -> _Visits:
        """List a band's visits and entries, and work out what the visits cover."""
        if self.kept is not None:
            return self.kept
        number = {"dtype": torch.int64}
        found = _Visits(
            layer=self.points.new_empty(band.visits, **number),
            first_entry=self.points.new_empty(band.visits, **number),
            key=self.points.new_empty(band.entries, **number),
            values=self.points.new_empty(kernels.VALUES, band.entries),
            alpha=self.points.new_empty(band.visits, TILE, TILE),
            clue=self.points.new_empty(band.visits, TILE, TILE, dtype=torch.int32),
        )
        self._bin(band, *self.before, *found[:4], LIST=True)
        _run(
            kernels.cover, band.visits, self.warps,
            self.structure.kind, self.styles, self.clockwise, found.layer, found.first_entry,
            found.values, found.alpha, found.clue, band.visits, band.entries,
        )  # fmt: skip
        if len(self.bands) == 1:
            self.kept = found
        return found

    def _composite(self, kernel, band: _Band, found: _Visits, *tensors) -> None:
        s = self.structure
        _run(
            kernel, (band.last_row - band.first_row) * self.across, self.warps,
            self.styles, self.background, s.first_layer, s.first_cell, self.before[0],
            found.layer, found.alpha, *tensors, band.first_row, band.visits_before,
            self.down, self.across, len(self.background), self.height, self.width,
        )  # fmt: skip

    def forward(self) -> Tensor:
        """The picture `[pictures, channels, height, width]`."""
        shape = (self.pictures, len(self.background), self.height, self.width)
        picture = self.points.new_empty(shape)
        for band in self.bands:
            self._composite(kernels.composite, band, self._visit(band), picture)
        return picture

    def backward(self, gradient: Tensor) -> list[Tensor]:
        """Gradients of points, widths, colours, fills and background from the picture's."""
        double = {"dtype": torch.float64}
        d_paths = self.points.new_zeros((2, self.paths, 5), **double)
        d_cubics = self.points.new_zeros((4 * self.segments, 2), **double)
        d_background = self.points.new_zeros(4, **double)
        for band in self.bands:
            d_background += self._pull(band, gradient, d_paths, d_cubics).sum(0, **double)
        d_points = torch.empty_like(self.points)
        _run(
            kernels.add_points, -(-len(d_points) // POINTS), 2,
            d_cubics, self.structure.uses, self.structure.first_use, d_points, len(d_points),
        )  # fmt: skip
        d_strokes, d_fills = d_paths
        channels = len(self.background)
        return [
            d_points, d_strokes[:, 4] / 2, d_strokes[:, :4], d_fills[:, :4], d_background[:channels]
        ]  # fmt: skip

    def _pull(self, band: _Band, gradient, d_paths, d_cubics) -> Tensor:
        """Add a band's gradients; returns those of its tiles' paper `[tiles, 4]`."""
        s, found = self.structure, self._visit(band)
        d_alpha = torch.empty_like(found.alpha)
        d_styles = self.points.new_empty(band.visits, 5)
        slots = self.points.new_empty(band.entries, 4)
        d_paper = self.points.new_empty((band.last_row - band.first_row) * self.across, 4)
        drawn = (gradient, d_alpha, d_styles, d_paper)
        self._composite(kernels.pull_composite, band, found, *drawn)
        _run(
            kernels.pull_cover, band.visits, self.warps,
            s.kind, self.styles, found.layer, found.first_entry, found.values, found.clue, d_alpha,
            d_styles, slots, band.visits, band.entries,
        )  # fmt: skip

        first, last = band.first_row // self.down, -(-band.last_row // self.down)
        first, last = int(self.first_layer[first]), int(self.first_layer[last])
        rows = (band.first_row, band.last_row, band.visits_before)
        _run(
            kernels.add_layers, last - first, 2,
            self.styles, self.boxes, s.kind, s.path, s.picture_of_layer, s.first_layer,
            s.first_cell, self.before[0], found.layer, d_styles, d_paths, first, *rows,
            self.down, self.across, self.paths,
        )  # fmt: skip
        first, last = int(self.first_segment[first]), int(self.first_segment[last])
        _run(
            kernels.add_segments, last - first, 1,
            self.cubics, self.counts, self.styles, self.boxes, s.kind, s.picture_of_layer,
            s.layer_of_segment, s.first_layer, s.first_cell, self.before[0], found.layer,
            found.first_entry, found.key, slots, d_cubics, first, *rows, band.visits, band.entries,
            self.segments, self.down, self.across,
        )  # fmt: skip
        return d_paper


def _run(kernel, programs: int, warps: int, *arguments, **constants) -> None:
    """Start a kernel. Products and sums stay apart, or bits would depend on how it is compiled."""
    if programs:
        kernel[(programs,)](*arguments, **constants, num_warps=warps, enable_fp_fusion=False)


def _on_device_of(tensor: Tensor):
    """Triton starts kernels on the current device; make that the tensor's."""
    return torch.cuda.device(tensor.device) if tensor.is_cuda else nullcontext()
