"""The compiled half of the CPU backend; see `cpu.py`. All of it stands in this one file, because
Numba's cache on disk notices a change of the file that a kernel stands in, and of no other.

A tile is 16 x 16 pixels. Every (tile, edge) entry writes its gradient to a slot of its own, and
slots are added in the order of the entries, so that tiles may run on any number of threads.
"""

import math
from typing import NamedTuple

import numba
import numpy as np

from clipdraw.renderers.layers import EVENODD, STROKE
from clipdraw.renderers.reference import MOST_EDGES, NO_LENGTH

TILE = 16
# Half the diagonal of a pixel: no border farther from its centre than this can cut it.
REACH = math.sqrt(0.5) + 1e-6
# An entry's gradient slot: the edge's start and end, then the layer's half width, ink and opacity.
HALF_WIDTH, INK = 4, 5


def compiled(function):
    """Compile at the first call; threads share nothing but read-only arrays, so no lock is held."""
    try:
        return numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:  # nowhere to write the cache to: compile anew in every process
        return numba.njit(nogil=True, error_model="numpy")(function)


class Bins(NamedTuple):
    """All edges, and which of them each tile of some rows must look at. (Kernels take it whole.)"""

    first_row: int
    """Rows of tiles are counted through all pictures; these start here."""
    tiles_down: int
    tiles_across: int
    """In one picture."""
    vertices: np.ndarray
    """`[vertices, 2]`."""
    start_of_edge: np.ndarray
    """`[edges]`: an edge runs from this vertex to the next one."""
    layer_of_edge: np.ndarray
    """`[edges]`, never decreases."""
    kind_of_layer: np.ndarray
    clockwise: np.ndarray
    """`[layers]`: 1 where the winding number's integral is positive, -1 where it is negative."""
    first_entry: np.ndarray
    """`[tiles + 1]`: tile t, row by row, has the entries first[t]:first[t + 1]."""
    edge_of_entry: np.ndarray
    """`[entries]`: within a tile never decreases, so that layers come in painter's order."""


@compiled
def count_edges(points, layers, flatness):
    """Edges that each cubic's polyline needs to stay within its layer's `flatness` of it.

    See `reference.flatten`.
    """
    counts = np.empty(len(layers.controls), np.int64)
    segment = 0
    for chain in range(len(layers.segments)):
        for _ in range(layers.segments[chain]):
            controls = layers.controls[segment]
            if controls[0] == controls[1] and controls[2] == controls[3]:
                counts[segment] = 1
            else:
                bend = 0.0
                for i in range(2):
                    square = 0.0
                    for axis in range(2):
                        d = np.float64(points[controls[i], axis])
                        d -= 2 * np.float64(points[controls[i + 1], axis])
                        d += np.float64(points[controls[i + 2], axis])
                        square += d * d
                    bend = max(bend, square)
                edges = math.sqrt(0.75 * math.sqrt(bend) / flatness[layers.layer[chain]])
                counts[segment] = min(max(math.ceil(edges), 1), MOST_EDGES)
            segment += 1
    return counts


@compiled
def flatten(points, layers, edges_of_segment):
    """All polylines: `vertices`, `start_of_edge` and `layer_of_edge` of `Bins`."""
    edges = edges_of_segment.sum()
    vertices = np.empty((edges + len(layers.segments), 2), points.dtype)
    start_of_edge = np.empty(edges, np.int32)
    layer_of_edge = np.empty(edges, np.int32)
    segment = vertex = edge = 0
    for chain in range(len(layers.segments)):
        vertices[vertex] = points[layers.controls[segment, 0]]
        for _ in range(layers.segments[chain]):
            a, b, c, d = layers.controls[segment]
            count = edges_of_segment[segment]
            for k in range(1, count + 1):
                b0, b1, b2, b3 = bernstein(k / count)
                start_of_edge[edge] = vertex
                layer_of_edge[edge] = layers.layer[chain]
                edge += 1
                vertex += 1
                for axis in range(2):
                    vertices[vertex, axis] = (
                        b0 * points[a, axis] + b1 * points[b, axis]
                        + b2 * points[c, axis] + b3 * points[d, axis]
                    )  # fmt: skip
            segment += 1
        vertex += 1
    return vertices, start_of_edge, layer_of_edge


@compiled
def pull_flatten(d_vertices, points, layers, edges_of_segment):
    """The gradient of the control points from that of the vertices."""
    d_points = np.zeros((points, 2))
    segment = vertex = 0
    for chain in range(len(layers.segments)):
        d_points[layers.controls[segment, 0]] += d_vertices[vertex]
        for _ in range(layers.segments[chain]):
            a, b, c, d = layers.controls[segment]
            count = edges_of_segment[segment]
            for k in range(1, count + 1):
                b0, b1, b2, b3 = bernstein(k / count)
                vertex += 1
                for axis in range(2):
                    pulled = d_vertices[vertex, axis]
                    d_points[a, axis] += b0 * pulled
                    d_points[b, axis] += b1 * pulled
                    d_points[c, axis] += b2 * pulled
                    d_points[d, axis] += b3 * pulled
            segment += 1
        vertex += 1
    return d_points


@compiled
def bernstein(t):
    s = 1 - t
    return s * s * s, 3 * t * s * s, 3 * t * t * s, t * t * t


@compiled
def add_slots(slots, bins, d_vertices, d_half_widths, d_ink):
    """Every entry's gradient added up, in the order of the entries and in double precision."""
    channels = d_ink.shape[1]
    for entry in range(len(bins.edge_of_entry)):
        edge = bins.edge_of_entry[entry]
        layer = bins.layer_of_edge[edge]
        vertex = bins.start_of_edge[edge]
        for axis in range(2):
            d_vertices[vertex, axis] += slots[entry, axis]
            d_vertices[vertex + 1, axis] += slots[entry, 2 + axis]
        d_half_widths[layer] += slots[entry, HALF_WIDTH]
        for channel in range(channels):
            d_ink[layer, channel] += slots[entry, INK + channel]


@compiled
def bin_edges(
    vertices, start_of_edge, layer_of_edge, kind, picture, half_widths,
    first_row, last_row, tiles_down, tiles_across,
):  # fmt: skip
    """Which edges each tile of some rows must look at: `first_entry`, `edge_of_entry` of `Bins`.

    A fill's edge is of interest to all tiles to the right of it, as far as the fill reaches. The
    first pass counts, the second fills.
    """
    tiles = (last_row - first_row) * tiles_across
    first = np.zeros(tiles + 1, np.int64)
    filled = np.zeros(tiles, np.int64)
    edges = np.empty(0, np.int32)
    farthest = right_ends(vertices, start_of_edge, layer_of_edge, len(kind))
    for fill in range(2):
        for edge in range(len(start_of_edge)):
            layer = layer_of_edge[edge]
            is_stroke = kind[layer] == STROKE
            reach = half_widths[layer] + 1 if is_stroke else half_widths[layer]
            ax, ay = vertices[start_of_edge[edge]]
            bx, by = vertices[start_of_edge[edge] + 1]
            end = max(ax, bx) + reach if is_stroke else farthest[layer]
            left = max(math.ceil((min(ax, bx) - reach) / TILE) - 1, 0)
            right = min(math.floor(end / TILE), tiles_across - 1)
            above = picture[layer] * tiles_down
            top = max(math.ceil((min(ay, by) - reach) / TILE) - 1, 0) + above
            bottom = min(math.floor((max(ay, by) + reach) / TILE), tiles_down - 1) + above
            for row in range(max(top, first_row), min(bottom, last_row - 1) + 1):
                for column in range(left, right + 1):
                    if is_stroke and not near_tile(ax, ay, bx, by, reach, row - above, column):
                        continue
                    tile = (row - first_row) * tiles_across + column
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
def right_ends(vertices, start_of_edge, layer_of_edge, layers):
    """The largest x of each layer's vertices."""
    farthest = np.full(layers, -np.inf, vertices.dtype)
    for edge in range(len(start_of_edge)):
        vertex, layer = start_of_edge[edge], layer_of_edge[edge]
        x = max(vertices[vertex, 0], vertices[vertex + 1, 0])
        farthest[layer] = max(farthest[layer], x)
    return farthest


@compiled
def signs_of_area(vertices, start_of_edge, layer_of_edge, layers):
    """`clockwise` of `Bins`: the sign of each layer's area, as a polygon of all its edges."""
    area = np.zeros(layers)
    for edge in range(len(start_of_edge)):
        ax, ay = vertices[start_of_edge[edge]]
        bx, by = vertices[start_of_edge[edge] + 1]
        area[layer_of_edge[edge]] += np.float64(ay) * bx - np.float64(ax) * by
    return np.sign(area)


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
def cover(bins, first, last, half_width, x0, y0, scratch, alpha, clue):
    """How much of each pixel of a tile one layer covers, from its entries `first:last`.

    Fills `alpha` [256] with the coverage, and `clue` [256] with what the backward pass wants to
    know of a pixel. `scratch` is [256]. Returns the rows touched.
    """
    kind = bins.kind_of_layer[bins.layer_of_edge[bins.edge_of_entry[first]]]
    if kind == STROKE:
        return cover_stroke(bins, first, last, half_width, x0, y0, scratch, alpha, clue)
    clockwise = bins.clockwise[bins.layer_of_edge[bins.edge_of_entry[first]]]
    return cover_fill(bins, first, last, kind, clockwise, x0, y0, scratch, alpha, clue)


@compiled
def cover_stroke(bins, first, last, half_width, x0, y0, best, alpha, near):
    """How much of each pixel of a tile a stroke covers, from its entries `first:last`.

    Fills `alpha` [256] with the coverage and `near` [256] with the nearest entry where its
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
        inverse = one / length2 if length2 > NO_LENGTH else zero
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
    return bins.start_of_edge[bins.edge_of_entry[entry]]


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
    t = min(max((x * ex + y * ey) / length2, 0.0), 1.0) if length2 > NO_LENGTH else 0.0
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
def cover_fill(bins, first, last, kind, clockwise, x0, y0, winding, alpha, slope):
    """How much of each pixel of a tile a fill covers; see `reference.inside`.

    Fills `alpha` [256] with the coverage and `slope` [256] with its derivative by the winding
    number's integral over the pixel: -1, 0 or 1. `winding` [256] is scratch.
    """
    one, two = winding.dtype.type(1), winding.dtype.type(2)
    winding[:] = 0
    for entry in range(first, last):
        ax, ay, bx, by = edge_in_tile(bins, entry, x0, y0)
        for row in range(*rows_of(ay, by)):
            start, stop, t0, t1 = row_piece(ay, by, row)
            xs = ax + t0 * (bx - ax), ax + t1 * (bx - ax)
            add_reach(winding[row * TILE :][:TILE], stop - start, min(xs), max(xs))
    for i in range(TILE * TILE):
        turns = winding[i]
        if kind == EVENODD:
            turns -= two * np.rint(turns / two)
        # Where nothing is covered yet, a shape grows by winding as most of it does.
        sense = clockwise if turns == 0 else np.sign(turns)
        slope[i] = sense if abs(turns) <= one else 0
        alpha[i] = min(abs(turns), one)
    return 0, TILE


@compiled
def edge_in_tile(bins, entry, x0, y0):
    """The ends of an entry's edge, from a tile's upper left corner (x0, y0), in double."""
    vertex = start_vertex(bins, entry)
    ax, ay = np.float64(bins.vertices[vertex, 0]), np.float64(bins.vertices[vertex, 1])
    bx, by = np.float64(bins.vertices[vertex + 1, 0]), np.float64(bins.vertices[vertex + 1, 1])
    return ax - x0, ay - y0, bx - x0, by - y0


@compiled
def rows_of(ay, by):
    """The rows of a tile that an edge is in, or touches."""
    return max(math.ceil(min(ay, by)) - 1, 0), min(math.floor(max(ay, by)) + 1, TILE)


@compiled
def row_piece(ay, by, row):
    """Where an edge's piece in a row starts and stops, [0, 1] from the row's upper border, and the
    edge's parameters there."""
    start, stop = min(max(ay - row, 0.0), 1.0), min(max(by - row, 0.0), 1.0)
    rise = by - ay
    if abs(rise) <= NO_LENGTH:
        return start, stop, 0.0, 1.0
    t0, t1 = (start - (ay - row)) / rise, (stop - (ay - row)) / rise
    return start, stop, min(max(t0, 0.0), 1.0), min(max(t1, 0.0), 1.0)


@compiled
def add_reach(row_winding, height, low_x, high_x):
    """Add what lies to the right of a piece of an edge to the 16 pixels of a row.

    See `reference.mean_reach`.
    """
    like = row_winding.dtype.type
    height, length = like(height), like(high_x - low_x)
    half, one = like(0.5), like(1)
    if high_x < 0:
        row_winding += height
    elif low_x <= TILE and length > NO_LENGTH:
        inverse = one / length
        for column in range(TILE):
            high = like(column + 1 - low_x)
            t0, t1 = within((high - one) * inverse), within(high * inverse)
            mean = t0 + (t1 - t0) * (high - half * (t0 + t1) * length)
            row_winding[column] += height * mean
    elif low_x <= TILE:
        for column in range(TILE):
            row_winding[column] += height * within(like(column + 1 - low_x))


@compiled
def pull_fill(bins, first, last, slope, x0, y0, d_alpha, slots):
    """Gradient of a fill's edges, into their slots, from that of its coverage."""
    d_winding = np.empty(TILE * TILE, d_alpha.dtype)
    for i in range(TILE * TILE):
        d_winding[i] = d_alpha[i] * slope[i]
    for entry in range(first, last):
        ax, ay, bx, by = edge_in_tile(bins, entry, x0, y0)
        run, rise = bx - ax, by - ay
        slanted = abs(rise) > NO_LENGTH
        slot = slots[entry]
        for row in range(*rows_of(ay, by)):
            start, stop, t0, t1 = row_piece(ay, by, row)
            xs = ax + t0 * run, ax + t1 * run
            d_height, d_low, d_high = pull_reach(
                d_winding[row * TILE :][:TILE], stop - start, min(xs), max(xs)
            )
            d_x0, d_x1 = (d_low, d_high) if xs[0] < xs[1] else (d_high, d_low)
            slot[0] += d_x0 * (1 - t0) + d_x1 * (1 - t1)
            slot[2] += d_x0 * t0 + d_x1 * t1
            # An end inside the row moves up and down; elsewhere the row's border cuts the edge at
            # another parameter.
            start_moves, stop_moves = slope_of_keep(ay - row), slope_of_keep(by - row)
            slot[1] -= d_height * start_moves
            slot[3] += d_height * stop_moves
            if slanted:
                d_t0 = d_x0 * run / rise * (1 - start_moves)
                d_t1 = d_x1 * run / rise * (1 - stop_moves)
                slot[1] -= d_t0 * (1 - t0) + d_t1 * (1 - t1)
                slot[3] -= d_t0 * t0 + d_t1 * t1


@compiled
def pull_reach(d_row, height, low_x, high_x):
    """Derivatives of what `add_reach` adds in the height of the piece and in its two x."""
    like = d_row.dtype.type
    zero, one, half = like(0), like(1), like(0.5)
    d_height, d_low, d_high = zero, zero, zero
    if high_x < 0:
        for column in range(TILE):
            d_height += d_row[column]
    elif low_x <= TILE and high_x - low_x > NO_LENGTH:
        length = like(high_x - low_x)
        inverse = one / length
        for column in range(TILE):
            high = like(column + 1 - low_x)
            t0, t1 = within((high - one) * inverse), within(high * inverse)
            middle = half * (t0 + t1)
            d_height += d_row[column] * (t0 + (t1 - t0) * (high - middle * length))
            d_low -= d_row[column] * (t1 - t0) * (one - middle)
            d_high -= d_row[column] * (t1 - t0) * middle
    elif low_x <= TILE:
        for column in range(TILE):
            high = like(column + 1 - low_x)
            d_height += d_row[column] * within(high)
            d_low -= d_row[column] * half * like(slope_of_keep(high))
        d_high = d_low
    return d_height, d_low * height, d_high * height


@compiled
def slope_of_keep(x):
    """The derivative of x within [0, 1]; see `reference.keep`."""
    return 0.5 * (np.sign(x) - np.sign(x - 1))


@compiled
def within(t):
    return min(max(t, type(t)(0)), type(t)(1))


@compiled
def pull_stroke(bins, near, half_width, x0, y0, d_alpha, slots, top, bottom):
    """Gradient of one stroke's edges, into their slots, and of its half width, from that of its
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


@compiled
def paint_tiles(first_tile, last_tile, bins, half_widths, ink, background, picture):
    """Composite each tile's layers from the back to the front."""
    alpha = np.empty(TILE * TILE, picture.dtype)
    clue = np.empty(TILE * TILE, np.int32)
    best = np.empty(TILE * TILE, picture.dtype)
    below = np.empty((len(background), TILE * TILE), picture.dtype)
    for tile in range(first_tile, last_tile):
        index, x0, y0 = place(bins, tile)
        fill(below, background)
        first, end = bins.first_entry[tile], bins.first_entry[tile + 1]
        while first < end:
            layer, last = same_layer(bins, first, end)
            top, bottom = cover(bins, first, last, half_widths[layer], x0, y0, best, alpha, clue)
            lay_over(below, alpha, ink[layer], top, bottom)
            first = last
        write_tile(below, picture[index], x0, y0)


@compiled
def pull_tiles(first_tile, last_tile, bins, half_widths, ink, background, gradient, slots, behind):
    """The gradient of each tile into its entries' slots, and of its paper into `behind`.

    The picture is composited again; what lay below each layer is kept. Then layers are visited from
    the front to the back: the light that reaches one has passed all those in front of it.
    """
    most = most_layers(first_tile, last_tile, bins)
    alpha = np.empty((most, TILE * TILE), gradient.dtype)
    clue = np.empty((most, TILE * TILE), np.int32)
    best = np.empty(TILE * TILE, gradient.dtype)
    below = np.empty((most + 1, len(background), TILE * TILE), gradient.dtype)
    light = np.empty((len(background), TILE * TILE), gradient.dtype)
    d_alpha = np.empty(TILE * TILE, gradient.dtype)
    visits = np.empty((most, 5), np.int64)
    for tile in range(first_tile, last_tile):
        index, x0, y0 = place(bins, tile)
        fill(below[0], background)
        first, end = bins.first_entry[tile], bins.first_entry[tile + 1]
        count = 0
        while first < end:
            layer, last = same_layer(bins, first, end)
            top, bottom = cover(
                bins, first, last, half_widths[layer], x0, y0, best, alpha[count], clue[count]
            )
            visits[count] = layer, first, last, top, bottom
            below[count + 1] = below[count]
            count += 1
            lay_over(below[count], alpha[count - 1], ink[layer], top, bottom)
            first = last

        read_tile(gradient[index], light, x0, y0)
        for visit in range(count - 1, -1, -1):
            layer, first, last, top, bottom = visits[visit]
            slot = slots[first]
            pull_over(alpha[visit], below[visit], light, ink[layer], slot, d_alpha, top, bottom)
            if bins.kind_of_layer[layer] == STROKE:
                slot[HALF_WIDTH] += pull_stroke(
                    bins, clue[visit], half_widths[layer], x0, y0, d_alpha, slots, top, bottom
                )
            else:
                pull_fill(bins, first, last, clue[visit], x0, y0, d_alpha, slots)
        for channel in range(len(background)):
            behind[tile, channel] = light[channel].sum()


@compiled
def place(bins, tile):
    """A tile's picture, and the pixel in its upper left corner (x, y)."""
    row, column = bins.first_row + tile // bins.tiles_across, tile % bins.tiles_across
    return row // bins.tiles_down, column * TILE, row % bins.tiles_down * TILE


@compiled
def same_layer(bins, first, end):
    """The layer of entry `first`, and the end of the run of entries that belong to it."""
    layer = np.int64(bins.layer_of_edge[bins.edge_of_entry[first]])
    last = first + 1
    while last < end and bins.layer_of_edge[bins.edge_of_entry[last]] == layer:
        last += 1
    return layer, last


@compiled
def most_layers(first_tile, last_tile, bins):
    """The largest number of layers in one of these tiles."""
    most = 0
    for tile in range(first_tile, last_tile):
        first, end = bins.first_entry[tile], bins.first_entry[tile + 1]
        layers = 0
        while first < end:
            _, first = same_layer(bins, first, end)
            layers += 1
        most = max(most, layers)
    return most


@compiled
def fill(tile_picture, color):
    for channel in range(len(color)):
        tile_picture[channel] = color[channel]


@compiled
def write_tile(tile_picture, picture, x0, y0):
    channels, height, width = picture.shape
    for channel in range(channels):
        for y in range(min(TILE, height - y0)):
            for x in range(min(TILE, width - x0)):
                picture[channel, y0 + y, x0 + x] = tile_picture[channel, y * TILE + x]


@compiled
def read_tile(picture, tile_picture, x0, y0):
    """The opposite of `write_tile`; zero where the tile reaches beyond the picture."""
    channels, height, width = picture.shape
    tile_picture[:] = 0
    for channel in range(channels):
        for y in range(min(TILE, height - y0)):
            for x in range(min(TILE, width - x0)):
                tile_picture[channel, y * TILE + x] = picture[channel, y0 + y, x0 + x]


@compiled
def lay_over(below, alpha, ink, top, bottom):
    """Lay an ink over what lies below, as far as it covers it."""
    alpha = alpha[top * TILE : bottom * TILE]
    channels = len(below)
    opacity = ink[channels]
    for channel in range(channels):
        under = below[channel, top * TILE : bottom * TILE]
        for i in range(len(alpha)):
            under[i] += (ink[channel] - under[i]) * (opacity * alpha[i])


@compiled
def pull_over(alpha, below, light, ink, slot, d_alpha, top, bottom):
    """Gradient of one layer's ink, opacity and coverage; dims the light for those below it."""
    channels = len(below)
    opacity = ink[channels]
    alpha, d_alpha = alpha[top * TILE : bottom * TILE], d_alpha[top * TILE : bottom * TILE]
    d_alpha[:] = 0
    for channel in range(channels):
        lit = light[channel, top * TILE : bottom * TILE]
        under = below[channel, top * TILE : bottom * TILE]
        d_opacity, d_channel = 0.0, 0.0
        for i in range(len(alpha)):
            shown = lit[i] * alpha[i]
            d_channel += shown
            d_opacity += shown * (ink[channel] - under[i])
        slot[INK + channel] += opacity * d_channel
        slot[INK + channels] += d_opacity
        for i in range(len(alpha)):
            d_alpha[i] += opacity * lit[i] * (ink[channel] - under[i])
            lit[i] -= lit[i] * (alpha[i] * opacity)
