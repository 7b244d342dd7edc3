"""Rendering on the CPU: 16 x 16 pixel tiles, compiled with Numba, a hand-written backward pass.

The arithmetic is that of `reference.py`, to which the tests hold it in double precision. What
makes it fast: an edge is looked at only in the tiles that it can reach, the distances of a tile's
pixels are vectorised, and only pixels on a stroke's border pay for exact coverage.

What makes it repeatable: every (tile, edge) entry writes its gradient to a slot of its own, and
slots are added in the order of the entries. Tiles may run on any number of threads.
"""

import math
import os
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import NamedTuple

import numba
import numpy as np
import torch
from torch import Tensor

from clipdraw.drawing import Drawing
from clipdraw.renderers.reference import FLATNESS_OF_STROKES, MOST_EDGES, NO_LENGTH

TILE = 16
# Half the diagonal of a pixel: no border farther from its centre than this can cut it.
REACH = math.sqrt(0.5) + 1e-6
# An entry's gradient slot: the edge's start and end, then half width, red, green, blue, alpha.
SLOT = 9

# Threads share nothing but read-only arrays: a kernel holds no lock while it runs.
compiled = numba.njit(cache=True, nogil=True, error_model="numpy")
threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="clipdraw")


def render(drawing: Drawing, background: Tensor) -> Tensor:
    """Paint a drawing whose canvas units are pixels; see `reference.render`."""
    layout = (int(drawing.height), int(drawing.width), drawing.pictures)
    paths = (drawing.segments.cpu().numpy(), drawing.picture.cpu().numpy())
    floats = [drawing.points, drawing.widths / 2, drawing.colors, background]
    return _Render.apply(layout, paths, *floats)


class _Render(torch.autograd.Function):
    @staticmethod
    def forward(ctx, layout, paths, *floats):
        ctx.save_for_backward(*floats)
        ctx.scene = _Scene(layout, paths, *floats)
        return torch.from_numpy(ctx.scene.forward()).to(floats[0].device)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):
        floats = ctx.saved_tensors  # raises where one was changed in place since forward
        pulled = ctx.scene.backward(np.ascontiguousarray(gradient.cpu().numpy()))
        return None, None, *(torch.from_numpy(g).to(f) for g, f in zip(pulled, floats, strict=True))


class Bins(NamedTuple):
    """All edges, and which of them each tile must look at. (Kernels take it whole.)"""

    tiles_down: int
    tiles_across: int
    vertices: np.ndarray
    """`[edges + paths, 2]`: edge e of path p runs from vertex e + p to the next one."""
    path_of_edge: np.ndarray
    """`[edges]`, never decreases."""
    first_entry: np.ndarray
    """`[tiles + 1]`: tile t (all pictures, row by row) has the entries first[t]:first[t + 1]."""
    edge_of_entry: np.ndarray
    """`[entries]`: within a tile never decreases, so that paths come in painter's order."""


class _Scene:
    """One call's arrays: what forward works out and backward needs again."""

    def __init__(self, layout, paths, points, half_widths, colors, background):
        self.height, self.width, self.pictures = layout
        self.segments, picture = paths
        self.points, self.half_widths, self.colors, self.background = (
            np.ascontiguousarray(x.detach().cpu().numpy())
            for x in (points, half_widths, colors, background)
        )
        self.edges_of_segment = count_edges(self.points, self.segments)
        vertices, path_of_edge = flatten(self.points, self.segments, self.edges_of_segment)
        grid = (-(-self.height // TILE), -(-self.width // TILE))
        entries = bin_edges(vertices, path_of_edge, self.half_widths, picture, *grid, self.pictures)
        self.bins = Bins(*grid, vertices, path_of_edge, *entries)
        self.tiles = self.pictures * grid[0] * grid[1]

    def _each_chunk(self, kernel, *arguments):
        """Run `kernel(first_tile, last_tile, *arguments)` over all tiles.

        On as many threads as torch may use, this one among them.
        """
        workers = torch.get_num_threads()
        # Several chunks a thread, because tiles differ in what lies in them.
        bounds = np.linspace(0, self.tiles, 4 * workers + 1 if workers > 1 else 2).astype(int)
        chunks = iter(list(pairwise(bounds.tolist())))

        def work():
            for first, last in chunks:
                kernel(first, last, *arguments)

        others = [threads.submit(work) for _ in range(workers - 1)]
        work()
        for other in others:
            other.result()

    def forward(self):
        picture = np.empty((self.pictures, 3, self.height, self.width), self.points.dtype)
        self._each_chunk(
            paint_tiles, self.bins, self.half_widths, self.colors, self.background, picture
        )
        return picture

    def backward(self, gradient):
        slots = np.zeros((len(self.bins.edge_of_entry), SLOT), self.points.dtype)
        behind = np.zeros((self.tiles, 3), self.points.dtype)
        ink = (self.half_widths, self.colors, self.background)
        self._each_chunk(pull_tiles, self.bins, *ink, gradient, slots, behind)
        d_vertices, d_half_widths, d_colors = add_slots(slots, self.bins, len(self.segments))
        d_points = pull_flatten(d_vertices, len(self.points), self.segments, self.edges_of_segment)
        return d_points, d_half_widths, d_colors, behind.sum(0, dtype=np.float64)


@compiled
def count_edges(points, segments):
    """Edges that each segment's polyline needs; see `reference.flatten`."""
    counts = np.empty(segments.sum(), np.int64)
    segment = point = 0
    for path in range(len(segments)):
        for _ in range(segments[path]):
            bend = 0.0
            for i in range(point, point + 2):
                x = np.float64(points[i, 0]) - 2 * np.float64(points[i + 1, 0])
                y = np.float64(points[i, 1]) - 2 * np.float64(points[i + 1, 1])
                x += np.float64(points[i + 2, 0])
                y += np.float64(points[i + 2, 1])
                bend = max(bend, x * x + y * y)
            edges = math.ceil(math.sqrt(0.75 * math.sqrt(bend) / FLATNESS_OF_STROKES))
            counts[segment] = min(max(edges, 1), MOST_EDGES)
            segment += 1
            point += 3
        point += 1
    return counts


@compiled
def flatten(points, segments, edges_of_segment):
    """All polylines: `vertices` and `path_of_edge` of `Bins`."""
    edges = edges_of_segment.sum()
    vertices = np.empty((edges + len(segments), 2), points.dtype)
    path_of_edge = np.empty(edges, np.int64)
    segment = point = vertex = edge = 0
    for path in range(len(segments)):
        vertices[vertex] = points[point]
        for _ in range(segments[path]):
            count = edges_of_segment[segment]
            for k in range(1, count + 1):
                t = k / count
                s = 1 - t
                b0, b1, b2, b3 = s * s * s, 3 * t * s * s, 3 * t * t * s, t * t * t
                vertex += 1
                for axis in range(2):
                    vertices[vertex, axis] = (
                        b0 * points[point, axis] + b1 * points[point + 1, axis]
                        + b2 * points[point + 2, axis] + b3 * points[point + 3, axis]
                    )  # fmt: skip
                path_of_edge[edge] = path
                edge += 1
            segment += 1
            point += 3
        vertex += 1
        point += 1
    return vertices, path_of_edge


@compiled
def pull_flatten(d_vertices, points, segments, edges_of_segment):
    """The gradient of the control points from that of the vertices."""
    d_points = np.zeros((points, 2))
    segment = point = vertex = 0
    for path in range(len(segments)):
        d_points[point] += d_vertices[vertex]
        for _ in range(segments[path]):
            count = edges_of_segment[segment]
            for k in range(1, count + 1):
                t = k / count
                s = 1 - t
                vertex += 1
                for axis in range(2):
                    d = d_vertices[vertex, axis]
                    d_points[point, axis] += s * s * s * d
                    d_points[point + 1, axis] += 3 * t * s * s * d
                    d_points[point + 2, axis] += 3 * t * t * s * d
                    d_points[point + 3, axis] += t * t * t * d
            segment += 1
            point += 3
        vertex += 1
        point += 1
    return d_points


@compiled
def add_slots(slots, bins, paths):
    """Every entry's gradient added up, in the order of the entries and in double precision."""
    d_vertices = np.zeros((len(bins.vertices), 2))
    d_half_widths = np.zeros(paths)
    d_colors = np.zeros((paths, 4))
    for entry in range(len(bins.edge_of_entry)):
        edge = bins.edge_of_entry[entry]
        path = bins.path_of_edge[edge]
        for axis in range(2):
            d_vertices[edge + path, axis] += slots[entry, axis]
            d_vertices[edge + path + 1, axis] += slots[entry, 2 + axis]
        d_half_widths[path] += slots[entry, 4]
        for channel in range(4):
            d_colors[path, channel] += slots[entry, 5 + channel]
    return d_vertices, d_half_widths, d_colors


@compiled
def bin_edges(vertices, path_of_edge, half_widths, picture, tiles_down, tiles_across, pictures):
    """Which edges each tile must look at: `first_entry` and `edge_of_entry` of `Bins`.

    The first pass counts, the second fills.
    """
    tiles = pictures * tiles_down * tiles_across
    first = np.zeros(tiles + 1, np.int64)
    filled = np.zeros(tiles, np.int64)
    edges = np.empty(0, np.int32)
    for fill in range(2):
        for edge in range(len(path_of_edge)):
            path = path_of_edge[edge]
            reach = half_widths[path] + 1
            ax, ay = vertices[edge + path]
            bx, by = vertices[edge + path + 1]
            left = max(math.floor((min(ax, bx) - reach) / TILE), 0)
            right = min(math.floor((max(ax, bx) + reach) / TILE), tiles_across - 1)
            top = max(math.floor((min(ay, by) - reach) / TILE), 0)
            bottom = min(math.floor((max(ay, by) + reach) / TILE), tiles_down - 1)
            for row in range(top, bottom + 1):
                for column in range(left, right + 1):
                    if not near_tile(ax, ay, bx, by, reach, row, column):
                        continue
                    tile = (picture[path] * tiles_down + row) * tiles_across + column
                    if fill:
                        edges[first[tile] + filled[tile]] = edge
                        filled[tile] += 1
                    else:
                        first[tile + 1] += 1
        if not fill:
            first = np.cumsum(first)
            edges = np.empty(first[-1], np.int32)
    return first, edges


@compiled
def near_tile(ax, ay, bx, by, reach, row, column):
    """Whether the circle around a tile comes within `reach` of an edge (long edges are slanted)."""
    x, y = (column + 0.5) * TILE - ax, (row + 0.5) * TILE - ay
    ex, ey = bx - ax, by - ay
    length2 = ex * ex + ey * ey
    t = min(max((x * ex + y * ey) / length2, 0.0), 1.0) if length2 > 0 else 0.0
    x, y = x - t * ex, y - t * ey
    around = reach + TILE * math.sqrt(0.5)
    return x * x + y * y <= around * around


@compiled
def cover(bins, first, last, half_width, x0, y0, best, alpha, near):
    """How much of each pixel of a tile one path covers, from its entries `first:last`.

    Fills `alpha` [256] with the coverage and `near` [256] with the nearest entry where the path's
    border crosses the pixel, -1 elsewhere. `best` [256] is scratch. Returns the rows touched.
    """
    # An int64 or a literal among float32s would make the hot loop double, and half as fast.
    zero, one, half = best.dtype.type(0), best.dtype.type(1), best.dtype.type(0.5)
    tile_x, tile_y = best.dtype.type(x0), best.dtype.type(y0)
    best[:] = np.inf
    alpha[:] = 0
    near[:] = -1
    top, bottom = TILE, 0
    columns = np.arange(TILE).astype(best.dtype) + half
    reach = half_width + 1
    for entry in range(first, last):
        vertex = start_vertex(bins, entry)
        ax, ay = bins.vertices[vertex, 0] - tile_x, bins.vertices[vertex, 1] - tile_y
        ex = bins.vertices[vertex + 1, 0] - tile_x - ax
        ey = bins.vertices[vertex + 1, 1] - tile_y - ay
        length2 = ex * ex + ey * ey
        inverse = one / length2 if length2 > NO_LENGTH**2 else zero
        start = max(math.floor(min(ay, ay + ey) - reach), 0)
        stop = min(math.floor(max(ay, ay + ey) + reach) + 1, TILE)
        top, bottom = min(top, start), max(bottom, stop)
        for row in range(start, stop):
            y = best.dtype.type(row) + half - ay
            # Slices, because an index that could be negative keeps the loop from being vectorised.
            row_best, row_near = best[row * TILE :][:TILE], near[row * TILE :][:TILE]
            for column in range(TILE):
                x = columns[column] - ax
                t = (x * ex + y * ey) * inverse
                t = zero if t < zero else t
                t = one if t > one else t
                dx, dy = x - t * ex, y - t * ey
                distance2 = dx * dx + dy * dy
                if distance2 < row_best[column]:
                    row_best[column] = distance2
                    row_near[column] = entry

    outside = (half_width + REACH) ** 2
    inside = max(half_width - REACH, 0) ** 2
    for i in range(top * TILE, bottom * TILE):
        if best[i] >= outside:
            near[i] = -1
        elif best[i] < inside:
            alpha[i] = 1
            near[i] = -1
        else:
            px, py = x0 + i % TILE + 0.5, y0 + i // TILE + 0.5
            distance, nx, ny, _, _ = towards(px, py, bins.vertices, start_vertex(bins, near[i]))
            alpha[i] = half_plane(half_width - distance, nx, ny) - half_plane(
                -half_width - distance, nx, ny
            )
    return top, bottom


@compiled
def start_vertex(bins, entry):
    """The vertex that an entry's edge starts from."""
    edge = bins.edge_of_entry[entry]
    return edge + bins.path_of_edge[edge]


@compiled
def towards(px, py, vertices, vertex):
    """Signed distance of a pixel's centre from an edge, the unit normal, t, and the length.

    The length is the edge's own where the nearest point lies inside it, and the distance from its
    end where that is nearest (t is 0 or 1).
    """
    ax, ay = np.float64(vertices[vertex, 0]), np.float64(vertices[vertex, 1])
    ex, ey = vertices[vertex + 1, 0] - ax, vertices[vertex + 1, 1] - ay
    x, y = px - ax, py - ay
    length2 = ex * ex + ey * ey
    t = min(max((x * ex + y * ey) / length2, 0.0), 1.0) if length2 > NO_LENGTH**2 else 0.0
    if 0 < t < 1:
        length = math.sqrt(length2)
        nx, ny = -ey / length, ex / length
    else:
        x, y = x - t * ex, y - t * ey
        length = math.sqrt(x * x + y * y)
        nx, ny = (x / length, y / length) if length > NO_LENGTH else (1.0, 0.0)
    return x * nx + y * ny, nx, ny, t, length


@compiled
def half_plane(x, nx, ny):
    """The part of a unit square below a straight border; see `reference.half_plane`."""
    wide, narrow = max(abs(nx), abs(ny)), min(abs(nx), abs(ny))
    flat = (wide - narrow) / 2
    on_slope = min(max(abs(x) - flat, 0.0), narrow)
    slope = on_slope - on_slope * on_slope / (2 * (narrow if narrow > NO_LENGTH else 1.0))
    return 0.5 + math.copysign((min(abs(x), flat) + slope) / wide, x)


@compiled
def pull_half_plane(x, nx, ny):
    """Derivatives of `half_plane` in x and in the angle of the normal."""
    wide, narrow = max(abs(nx), abs(ny)), min(abs(nx), abs(ny))
    flat = (wide - narrow) / 2
    if abs(x) >= flat + narrow:
        return 0.0, 0.0
    if abs(nx) >= abs(ny):
        d_wide, d_narrow = -math.copysign(ny, nx * ny), math.copysign(nx, nx * ny)
    else:
        d_wide, d_narrow = math.copysign(nx, nx * ny), -math.copysign(ny, nx * ny)
    on_slope = max(abs(x) - flat, 0.0)
    share = on_slope / narrow if narrow > NO_LENGTH else 0.0
    area = (min(abs(x), flat) + on_slope * (1 - share / 2)) / wide
    turn = (share * (d_wide - d_narrow) / 2 + share * share / 2 * d_narrow - area * d_wide) / wide
    return (1 - share) / wide, turn if x > 0 else -turn


@compiled
def paint_tiles(first_tile, last_tile, bins, half_widths, colors, background, picture):
    """Composite each tile's paths from the back to the front."""
    alpha = np.empty(TILE * TILE, picture.dtype)
    near = np.empty(TILE * TILE, np.int32)
    best = np.empty(TILE * TILE, picture.dtype)
    below = np.empty((3, TILE * TILE), picture.dtype)
    for tile in range(first_tile, last_tile):
        index, x0, y0 = place(bins, tile)
        fill(below, background)
        first, end = bins.first_entry[tile], bins.first_entry[tile + 1]
        while first < end:
            path, last = same_path(bins, first, end)
            top, bottom = cover(bins, first, last, half_widths[path], x0, y0, best, alpha, near)
            lay_over(below, alpha, colors[path], top, bottom)
            first = last
        write_tile(below, picture[index], x0, y0)


@compiled
def pull_tiles(
    first_tile, last_tile, bins, half_widths, colors, background, gradient, slots, behind
):
    """The gradient of each tile into its entries' slots, and of its paper into `behind`.

    The picture is composited again; what lay below each path is kept. Then paths are visited from
    the front to the back: the light that reaches one has passed all those in front of it.
    """
    most = most_paths(first_tile, last_tile, bins)
    alpha = np.empty((most, TILE * TILE), gradient.dtype)
    near = np.empty((most, TILE * TILE), np.int32)
    best = np.empty(TILE * TILE, gradient.dtype)
    below = np.empty((most + 1, 3, TILE * TILE), gradient.dtype)
    light = np.empty((3, TILE * TILE), gradient.dtype)
    d_alpha = np.empty(TILE * TILE, gradient.dtype)
    visits = np.empty((most, 4), np.int64)
    for tile in range(first_tile, last_tile):
        index, x0, y0 = place(bins, tile)
        fill(below[0], background)
        first, end = bins.first_entry[tile], bins.first_entry[tile + 1]
        count = 0
        while first < end:
            path, last = same_path(bins, first, end)
            top, bottom = cover(
                bins, first, last, half_widths[path], x0, y0, best, alpha[count], near[count]
            )
            visits[count] = path, first, top, bottom
            below[count + 1] = below[count]
            count += 1
            lay_over(below[count], alpha[count - 1], colors[path], top, bottom)
            first = last

        read_tile(gradient[index], light, x0, y0)
        for visit in range(count - 1, -1, -1):
            path, first, top, bottom = visits[visit]
            slot = slots[first]
            pull_over(alpha[visit], below[visit], light, colors[path], slot, d_alpha, top, bottom)
            slot[4] += pull_cover(
                bins, near[visit], half_widths[path], x0, y0, d_alpha, slots, top, bottom
            )
        for channel in range(3):
            behind[tile, channel] = light[channel].sum()


@compiled
def place(bins, tile):
    """A tile's picture, and the pixel in its upper left corner (x, y)."""
    row, column = tile // bins.tiles_across, tile % bins.tiles_across
    return row // bins.tiles_down, column * TILE, row % bins.tiles_down * TILE


@compiled
def same_path(bins, first, end):
    """The path of entry `first`, and the end of the run of entries that belong to it."""
    path = bins.path_of_edge[bins.edge_of_entry[first]]
    last = first + 1
    while last < end and bins.path_of_edge[bins.edge_of_entry[last]] == path:
        last += 1
    return path, last


@compiled
def most_paths(first_tile, last_tile, bins):
    """The largest number of paths in one of these tiles."""
    most = 0
    for tile in range(first_tile, last_tile):
        first, end = bins.first_entry[tile], bins.first_entry[tile + 1]
        paths = 0
        while first < end:
            _, first = same_path(bins, first, end)
            paths += 1
        most = max(most, paths)
    return most


@compiled
def fill(tile_picture, color):
    for channel in range(3):
        tile_picture[channel] = color[channel]


@compiled
def write_tile(tile_picture, picture, x0, y0):
    _, height, width = picture.shape
    for channel in range(3):
        for y in range(min(TILE, height - y0)):
            for x in range(min(TILE, width - x0)):
                picture[channel, y0 + y, x0 + x] = tile_picture[channel, y * TILE + x]


@compiled
def read_tile(picture, tile_picture, x0, y0):
    """The opposite of `write_tile`; zero where the tile reaches beyond the picture."""
    _, height, width = picture.shape
    tile_picture[:] = 0
    for channel in range(3):
        for y in range(min(TILE, height - y0)):
            for x in range(min(TILE, width - x0)):
                tile_picture[channel, y * TILE + x] = picture[channel, y0 + y, x0 + x]


@compiled
def lay_over(below, alpha, color, top, bottom):
    """Lay a colour over what lies below, as far as it covers it."""
    alpha = alpha[top * TILE : bottom * TILE]
    for channel in range(3):
        under = below[channel, top * TILE : bottom * TILE]
        for i in range(len(alpha)):
            under[i] += (color[channel] - under[i]) * (color[3] * alpha[i])


@compiled
def pull_over(alpha, below, light, color, slot, d_alpha, top, bottom):
    """Gradient of one path's colour, opacity and coverage; dims the light for those below it."""
    opacity = color[3]
    alpha, d_alpha = alpha[top * TILE : bottom * TILE], d_alpha[top * TILE : bottom * TILE]
    d_alpha[:] = 0
    for channel in range(3):
        lit = light[channel, top * TILE : bottom * TILE]
        under = below[channel, top * TILE : bottom * TILE]
        d_opacity, d_channel = 0.0, 0.0
        for i in range(len(alpha)):
            shown = lit[i] * alpha[i]
            d_channel += shown
            d_opacity += shown * (color[channel] - under[i])
        slot[5 + channel] += opacity * d_channel
        slot[8] += d_opacity
        for i in range(len(alpha)):
            d_alpha[i] += opacity * lit[i] * (color[channel] - under[i])
            lit[i] -= lit[i] * (alpha[i] * opacity)


@compiled
def pull_cover(bins, near, half_width, x0, y0, d_alpha, slots, top, bottom):
    """Gradient of one path's edges, into their slots, and of its half width, from that of its
    coverage.

    Moving a border along its normal and turning it are the two ways in which an edge changes
    coverage. Inside an edge both ends share them by t; at one of its ends, that end takes all.
    """
    d_half_width = 0.0
    for i in range(top * TILE, bottom * TILE):
        if near[i] < 0:
            continue
        px, py = x0 + i % TILE + 0.5, y0 + i // TILE + 0.5
        distance, nx, ny, t, length = towards(px, py, bins.vertices, start_vertex(bins, near[i]))
        ahead, turn_ahead = pull_half_plane(half_width - distance, nx, ny)
        back, turn_back = pull_half_plane(-half_width - distance, nx, ny)
        d_half_width += d_alpha[i] * (ahead + back)
        move, turn = d_alpha[i] * (back - ahead), d_alpha[i] * (turn_ahead - turn_back)
        slot = slots[near[i]]
        if 0 < t < 1:
            to_start, to_end = -(1 - t) * move - turn / length, -t * move + turn / length
            slot[0] += to_start * nx
            slot[1] += to_start * ny
            slot[2] += to_end * nx
            slot[3] += to_end * ny
        else:
            turn = turn / length if length > NO_LENGTH else 0.0
            end = 0 if t == 0 else 2
            slot[end] += -move * nx + turn * ny
            slot[end + 1] += -move * ny - turn * nx
    return d_half_width
