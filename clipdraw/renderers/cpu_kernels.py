"""The compiled half of the CPU backend; see `cpu.py`. All of it stands in this one file, because
Numba's cache on disk notices a change of the file that a kernel stands in, and of no other.

A tile is 16 x 16 pixels. Every (tile, edge) entry writes its gradient to a slot of its own, and
slots are added in the order of the entries, so that tiles may run on any number of threads.
"""

import math
from typing import NamedTuple

import numpy as np

from clipdraw.renderers.compiled import compiled
from clipdraw.renderers.layers import EVENODD, STROKE
from clipdraw.renderers.reference import MOST_EDGES, NO_LENGTH

TILE = 16
PIXEL_BITS, PIXEL = 8, TILE * TILE - 1
# Half the diagonal of a pixel: no border farther from its centre than this can cut it.
REACH = math.sqrt(0.5) + 1e-6
# An entry's gradient slot: the edge's start and end, then the layer's half width, ink and opacity.
HALF_WIDTH, INK = 4, 5


# Rows of the table of a stroke's border pixels.
(
    X, Y, EDGE_X, EDGE_Y, T, DISTANCE, LENGTH, NORMAL_X, NORMAL_Y, ALPHA,
    START_X, START_Y, END_X, END_Y, BORDER,
) = range(15)  # fmt: skip


class Bins(NamedTuple):
    """Which edges each tile of some rows must look at. (Kernels take it whole.)"""

    first_row: int
    """Rows of tiles are counted through all pictures; these start here."""
    tiles_down: int
    tiles_across: int
    """In one picture."""
    vertices: np.ndarray
    """`[vertices, 2]`; an edge runs from a vertex to the next one."""
    kind: np.ndarray
    """`[layers]`: see `Layers`."""
    clockwise: np.ndarray
    """`[layers]`: 1 where the winding number's integral is positive, -1 where it is negative."""
    first_entry: np.ndarray
    """`[tiles + 1]`: tile t, row by row, has the entries first[t]:first[t + 1]."""
    layer: np.ndarray
    """`[entries]`: the layer of each; within a tile in painter's order."""
    vertex: np.ndarray
    """`[entries]`: where the edge of each starts."""


class Coverage(NamedTuple):
    """What the visits of tiles by layers cover, kept for the backward pass, or else empty."""

    first_visit: np.ndarray
    """`[tiles + 1]`: tile t has the visits first[t]:first[t + 1]."""
    alpha: np.ndarray
    """`[visits, 256]`; this and the rest are what `cover` fills and returns."""
    clue: np.ndarray
    """`[visits, 256]`."""
    extent: np.ndarray
    """`[visits, 3]`."""


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
    """All polylines: vertices `[vertices, 2]`, and of each edge the vertex that it starts from (it
    ends at the next one) and its layer, `[edges]` both; layers never decrease."""
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
    for entry in range(len(slots)):
        layer, vertex = bins.layer[entry], bins.vertex[entry]
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
    """Which edges each tile of some rows must look at: the last three fields of `Bins`.

    A fill's edge is of interest to all tiles to the right of it, as far as the fill reaches. Pairs
    of a tile and an edge are found edge by edge, and then sorted by tile.
    """
    tile_of = np.empty(2 * len(start_of_edge), np.int32)
    edge_of = np.empty_like(tile_of)
    count = 0
    farthest = right_ends(vertices, start_of_edge, layer_of_edge, kind)
    for edge in range(len(start_of_edge)):
        layer = layer_of_edge[edge]
        above = picture[layer] * tiles_down
        if above >= last_row or above + tiles_down <= first_row:
            continue
        is_stroke = kind[layer] == STROKE
        reach = half_widths[layer] + 1 if is_stroke else half_widths[layer]
        ax, ay = vertices[start_of_edge[edge]]
        bx, by = vertices[start_of_edge[edge] + 1]
        end = max(ax, bx) + reach if is_stroke else farthest[layer]
        left = max(math.ceil((min(ax, bx) - reach) / TILE) - 1, 0)
        right = min(math.floor(end / TILE), tiles_across - 1)
        top = max(math.ceil((min(ay, by) - reach) / TILE) - 1, 0) + above
        bottom = min(math.floor((max(ay, by) + reach) / TILE), tiles_down - 1) + above
        for row in range(max(top, first_row), min(bottom, last_row - 1) + 1):
            if count + tiles_across > len(tile_of):
                tile_of, edge_of = roomier(tile_of, tiles_across), roomier(edge_of, tiles_across)
            for column in range(left, right + 1):
                if is_stroke and not near_tile(ax, ay, bx, by, reach, row - above, column):
                    continue
                tile_of[count], edge_of[count] = (row - first_row) * tiles_across + column, edge
                count += 1

    first = np.zeros((last_row - first_row) * tiles_across + 1, np.int64)
    for tile in tile_of[:count]:
        first[tile + 1] += 1
    first = np.cumsum(first)
    place_of_next = first.copy()
    entry_layer, entry_vertex = np.empty(count, np.int32), np.empty(count, np.int32)
    for i in range(count):
        entry = place_of_next[tile_of[i]]
        place_of_next[tile_of[i]] += 1
        entry_layer[entry] = layer_of_edge[edge_of[i]]
        entry_vertex[entry] = start_of_edge[edge_of[i]]
    return first, entry_layer, entry_vertex


@compiled
def roomier(numbers, extra):
    """The same numbers with as many places again, and some, behind them."""
    return np.concatenate((numbers, np.empty(len(numbers) + extra, numbers.dtype)))


@compiled
def right_ends(vertices, start_of_edge, layer_of_edge, kind):
    """The largest x of each fill's vertices."""
    farthest = np.full(len(kind), -np.inf, vertices.dtype)
    for edge in range(len(start_of_edge)):
        vertex, layer = start_of_edge[edge], layer_of_edge[edge]
        if kind[layer] != STROKE:
            x = max(vertices[vertex, 0], vertices[vertex + 1, 0])
            farthest[layer] = max(farthest[layer], x)
    return farthest


@compiled
def signs_of_area(vertices, start_of_edge, layer_of_edge, kind):
    """`clockwise` of `Bins`: the sign of each fill's area, as a polygon of all its edges."""
    area = np.zeros(len(kind))
    for edge in range(len(start_of_edge)):
        layer, vertex = layer_of_edge[edge], start_of_edge[edge]
        if kind[layer] != STROKE:
            ax, ay = np.float64(vertices[vertex, 0]), np.float64(vertices[vertex, 1])
            area[layer] += ay * vertices[vertex + 1, 0] - ax * vertices[vertex + 1, 1]
    return np.where(area >= 0, 1, -1)


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


class Scratch(NamedTuple):
    """Room to work in that a thread uses for one layer of one tile after another."""

    x: np.ndarray
    y: np.ndarray
    """`[256]`: the pixels' centres, from the tile's upper left corner."""
    best: np.ndarray
    """`[256]`: squared distance to the nearest edge, or the winding number's integral."""
    near: np.ndarray
    """`[256]`: the entry of the nearest edge."""
    border: np.ndarray
    """`[BORDER, 256]`: what there is to know of the pixels on a stroke's border."""


@compiled
def scratch(like):
    pixels = TILE * TILE
    centres = np.arange(TILE).astype(like.dtype) + like.dtype.type(0.5)
    x, y = np.empty((TILE, TILE), like.dtype), np.empty((TILE, TILE), like.dtype)
    for i in range(TILE):
        x[:, i] = y[i] = centres[i]
    return Scratch(
        x.ravel(),
        y.ravel(),
        np.empty(pixels, like.dtype),
        np.empty(pixels, np.int32),
        np.empty((BORDER, pixels), like.dtype),
    )


@compiled
def cover(bins, first, last, half_width, x0, y0, room, alpha, clue):
    """How much of each pixel of a tile one layer covers, from its entries `first:last`.

    Fills `alpha` [256] with the coverage, and `clue` [256] with what the backward pass wants to
    know. Returns the first row touched, the last one + 1, and how many pixels are on a border.
    """
    layer = bins.layer[first]
    if bins.kind[layer] == STROKE:
        return cover_stroke(bins, first, last, half_width, x0, y0, room, alpha, clue)
    cover_fill(
        bins, first, last, bins.kind[layer], bins.clockwise[layer], x0, y0, room.best, alpha, clue
    )
    return 0, TILE, 0


@compiled
def cover_stroke(bins, first, last, half_width, x0, y0, room, alpha, clue):
    """How much of each pixel of a tile a stroke covers; see `cover`.

    Only pixels that its border crosses pay for exact coverage. `clue` lists them: the number of the
    pixel, and above its bits the nearest entry, counted from `first`.
    """
    top, bottom = find_nearest(bins, first, last, half_width, x0, y0, room)
    best, near, border = room.best, room.near, room.border
    outside = best.dtype.type((half_width + REACH) ** 2)
    inside = best.dtype.type(max(half_width - REACH, 0) ** 2)
    count = 0
    for i in range(top * TILE, bottom * TILE):
        alpha[i] = best[i] < inside
        clue[count] = (near[i] - first) << PIXEL_BITS | i
        count += (best[i] >= inside) & (best[i] < outside)
    find_border(bins, first, clue, count, x0, y0, room)
    cover_border(border, count, best.dtype.type(half_width))
    for k in range(count):
        alpha[clue[k] & PIXEL] = border[ALPHA, k]
    return top, bottom, count


@compiled
def find_nearest(bins, first, last, half_width, x0, y0, room):
    """Fill `room.best` and `room.near` in the rows that a stroke reaches; returns these rows."""
    best = room.best
    # An int64 or a literal among float32s would make the hot loop double, and half as fast.
    zero, one = best.dtype.type(0), best.dtype.type(1)
    tile_x, tile_y = best.dtype.type(x0), best.dtype.type(y0)
    best[:] = np.inf
    top, bottom = TILE, 0
    reach = half_width + 1
    for entry in range(first, last):
        vertex = bins.vertex[entry]
        ax, ay = bins.vertices[vertex, 0] - tile_x, bins.vertices[vertex, 1] - tile_y
        ex = bins.vertices[vertex + 1, 0] - tile_x - ax
        ey = bins.vertices[vertex + 1, 1] - tile_y - ay
        length2 = ex * ex + ey * ey
        inverse = one / length2 if length2 > NO_LENGTH else zero
        start = max(math.floor(min(ay, ay + ey) - reach), 0)
        stop = min(math.floor(max(ay, ay + ey) + reach) + 1, TILE)
        top, bottom = min(top, start), max(bottom, stop)
        rows = slice(start * TILE, max(stop, start) * TILE)
        # Slices, because an index that could be negative keeps the loop from being vectorised.
        xs, ys, nearest, nearest_entry = room.x[rows], room.y[rows], best[rows], room.near[rows]
        for i in range(len(nearest)):
            x, y = xs[i] - ax, ys[i] - ay
            t = (x * ex + y * ey) * inverse
            t = zero if t < zero else t
            t = one if t > one else t
            dx, dy = x - t * ex, y - t * ey
            distance2 = dx * dx + dy * dy
            if distance2 < nearest[i]:
                nearest[i] = distance2
                nearest_entry[i] = entry
    return top, bottom


@compiled
def find_border(bins, first, clue, count, x0, y0, room):
    """Fill the table of a stroke's border pixels, as far as LENGTH."""
    border = room.border
    xs, ys, edge_xs, edge_ys = border[X], border[Y], border[EDGE_X], border[EDGE_Y]
    for k in range(count):
        pixel, vertex = clue[k] & PIXEL, bins.vertex[first + (clue[k] >> PIXEL_BITS)]
        ax, ay = bins.vertices[vertex, 0], bins.vertices[vertex, 1]
        xs[k] = x0 + room.x[pixel] - ax
        ys[k] = y0 + room.y[pixel] - ay
        edge_xs[k] = bins.vertices[vertex + 1, 0] - ax
        edge_ys[k] = bins.vertices[vertex + 1, 1] - ay
    look_towards(border, count)


@compiled
def look_towards(border, count):
    """From X, Y, EDGE_X and EDGE_Y the rows that follow: how each pixel sees its nearest edge.

    See `reference.along`. LENGTH is the edge's own where the nearest point lies inside of it, and
    the distance from its end where that is nearest. Here and below one row is one array, and there
    are no branches, so that many pixels are worked on at once.
    """
    like = border.dtype.type
    zero, one, shortest = like(0), like(1), like(NO_LENGTH)
    xs, ys, edge_xs, edge_ys = border[X], border[Y], border[EDGE_X], border[EDGE_Y]
    ts, distances, lengths = border[T], border[DISTANCE], border[LENGTH]
    normal_xs, normal_ys = border[NORMAL_X], border[NORMAL_Y]
    for k in range(count):
        edge_x, edge_y = edge_xs[k], edge_ys[k]
        length2 = edge_x * edge_x + edge_y * edge_y
        has_length = length2 > shortest
        t = (xs[k] * edge_x + ys[k] * edge_y) / (length2 if has_length else one)
        t = within(t) if has_length else zero
        x, y = xs[k] - t * edge_x, ys[k] - t * edge_y
        beside = (t > zero) & (t < one)
        to_x, to_y = (-edge_y if beside else x), (edge_x if beside else y)
        length = np.sqrt(to_x * to_x + to_y * to_y)
        somewhere = length > shortest
        safe = length if somewhere else one
        normal_x, normal_y = (
            (to_x / safe if somewhere else one),
            (to_y / safe if somewhere else zero),
        )
        ts[k], lengths[k], distances[k] = t, length, x * normal_x + y * normal_y
        normal_xs[k], normal_ys[k] = normal_x, normal_y


@compiled
def cover_border(border, count, half_width):
    """The row ALPHA from those of `look_towards`: how much of each pixel the stroke covers."""
    distances, alphas = border[DISTANCE], border[ALPHA]
    normal_xs, normal_ys = border[NORMAL_X], border[NORMAL_Y]
    for k in range(count):
        wide, narrow = sides(normal_xs[k], normal_ys[k])
        ahead = half_plane(half_width - distances[k], wide, narrow)
        alphas[k] = ahead - half_plane(-half_width - distances[k], wide, narrow)


@compiled
def sides(normal_x, normal_y):
    """A unit normal's larger and smaller component, by size."""
    x, y = abs(normal_x), abs(normal_y)
    return (x, y) if x > y else (y, x)


@compiled
def half_plane(x, wide, narrow):
    """The part of a pixel before a straight border; see `reference.half_plane`."""
    like = type(x)
    flat = (wide - narrow) * like(0.5)
    far = abs(x)
    slope = min(max(far - flat, like(0)), narrow)
    slope -= slope * slope * like(0.5) / (narrow if narrow > like(NO_LENGTH) else like(1))
    area = (min(far, flat) + slope) / wide
    return like(0.5) + (area if x > 0 else -area)


@compiled
def pull_half_plane(x, wide, narrow, d_wide, d_narrow):
    """Derivatives of `half_plane` in x, and in what turns the normal, which changes its components
    by `d_wide` and `d_narrow`."""
    like = type(x)
    zero, one, half = like(0), like(1), like(0.5)
    flat = (wide - narrow) * half
    far = abs(x)
    crosses = far < flat + narrow
    slope = min(max(far - flat, zero), narrow)
    share = slope / narrow if narrow > like(NO_LENGTH) else zero
    area = (min(far, flat) + slope * (one - share * half)) / wide
    turn = (share * (d_wide - d_narrow) + share * share * d_narrow) * half - area * d_wide
    turn = turn / wide if x > 0 else -turn / wide
    return ((one - share) / wide if crosses else zero), (turn if crosses else zero)


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


@compiled
def edge_in_tile(bins, entry, x0, y0):
    """The ends of an entry's edge, from a tile's upper left corner (x0, y0), in double."""
    vertex = bins.vertex[entry]
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
def pull_stroke(bins, first, clue, count, half_width, x0, y0, room, d_alpha, slots):
    """Gradient of one stroke's edges, into their slots, and of its half width, from that of its
    coverage."""
    find_border(bins, first, clue, count, x0, y0, room)
    border = room.border
    for k in range(count):
        border[ALPHA, k] = d_alpha[clue[k] & PIXEL]
    pull_border(border, count, d_alpha.dtype.type(half_width))
    d_half_width = 0.0
    for k in range(count):
        slot = slots[first + (clue[k] >> PIXEL_BITS)]
        for i in range(4):
            slot[i] += border[START_X + i, k]
        d_half_width += border[ALPHA, k]
    return d_half_width


@compiled
def pull_border(border, count, half_width):
    """From the gradient in the row ALPHA, that of the half width in its place, and those of the
    nearest edge's ends in START_X and the three rows that follow.

    Moving a border along its normal and turning it are the two ways in which an edge changes
    coverage. Beside an edge both ends share them by t; at one of its ends, that end takes all.
    """
    like = border.dtype.type
    zero, one = like(0), like(1)
    d_alphas, distances, lengths, ts = border[ALPHA], border[DISTANCE], border[LENGTH], border[T]
    normal_xs, normal_ys = border[NORMAL_X], border[NORMAL_Y]
    start_xs, start_ys = border[START_X], border[START_Y]
    end_xs, end_ys = border[END_X], border[END_Y]
    for k in range(count):
        nx, ny, t = normal_xs[k], normal_ys[k], ts[k]
        wide, narrow = sides(nx, ny)
        sense = one if nx * ny > 0 else -one
        d_wide, d_narrow = (
            (-narrow * sense, wide * sense)
            if abs(nx) > abs(ny)
            else (narrow * sense, -wide * sense)
        )
        ahead, turn_ahead = pull_half_plane(
            half_width - distances[k], wide, narrow, d_wide, d_narrow
        )
        back, turn_back = pull_half_plane(
            -half_width - distances[k], wide, narrow, d_wide, d_narrow
        )
        move, turn = d_alphas[k] * (back - ahead), d_alphas[k] * (turn_ahead - turn_back)
        d_alphas[k] *= ahead + back
        turn = turn / lengths[k] if lengths[k] > like(NO_LENGTH) else zero
        beside = (t > zero) & (t < one)
        # At an end the normal turns with the point itself, beside the edge with both of its ends.
        along_start = (t - one) * move - turn if beside else -move
        along_end = -t * move + turn if beside else -move
        across = zero if beside else turn
        is_start, is_end = (one if beside | (t == zero) else zero), (one if t > zero else zero)
        start_xs[k] = is_start * (along_start * nx + across * ny)
        start_ys[k] = is_start * (along_start * ny - across * nx)
        end_xs[k] = is_end * (along_end * nx + across * ny)
        end_ys[k] = is_end * (along_end * ny - across * nx)


@compiled
def paint_tiles(first_tile, last_tile, bins, half_widths, ink, background, kept, picture):
    """Composite each tile's layers from the back to the front; keep what they cover, if there is
    room in `kept`."""
    keeps = len(kept.alpha) > 0
    room = scratch(picture)
    alpha = np.empty(TILE * TILE, picture.dtype)
    clue = np.empty(TILE * TILE, np.int32)
    below = np.empty((len(background), TILE * TILE), picture.dtype)
    for tile in range(first_tile, last_tile):
        index, x0, y0 = place(bins, tile)
        fill(below, background)
        first, end = bins.first_entry[tile], bins.first_entry[tile + 1]
        visit = kept.first_visit[tile]
        while first < end:
            layer, last = same_layer(bins, first, end)
            if keeps:
                alpha, clue = kept.alpha[visit], kept.clue[visit]
            extent = cover(bins, first, last, half_widths[layer], x0, y0, room, alpha, clue)
            if keeps:
                for i in range(3):
                    kept.extent[visit, i] = extent[i]
            lay_over(below, alpha, ink[layer], extent[0], extent[1])
            visit += 1
            first = last
        write_tile(below, picture[index], x0, y0)


@compiled
def pull_tiles(
    first_tile, last_tile, bins, half_widths, ink, background, kept, gradient, slots, behind
):
    """The gradient of each tile into its entries' slots, and of its paper into `behind`.

    The picture is composited again; what lay below each layer is kept. Then layers are visited from
    the front to the back: the light that reaches one has passed all those in front of it.
    """
    visits_of_tile = np.diff(kept.first_visit[first_tile : last_tile + 1])
    most = visits_of_tile.max() if len(visits_of_tile) else 0
    keeps = len(kept.alpha) > 0
    room = scratch(gradient)
    alpha, clue = kept.alpha, kept.clue
    if not keeps:
        alpha = np.empty((most, TILE * TILE), gradient.dtype)
        clue = np.empty((most, TILE * TILE), np.int32)
    below = np.empty((most + 1, len(background), TILE * TILE), gradient.dtype)
    light = np.empty((len(background), TILE * TILE), gradient.dtype)
    d_alpha = np.empty(TILE * TILE, gradient.dtype)
    visits = np.empty((most, 6), np.int64)
    for tile in range(first_tile, last_tile):
        index, x0, y0 = place(bins, tile)
        fill(below[0], background)
        first, end = bins.first_entry[tile], bins.first_entry[tile + 1]
        number, start = 0, kept.first_visit[tile] if keeps else 0
        while first < end:
            layer, last = same_layer(bins, first, end)
            visit = start + number
            if keeps:
                top, bottom, count = kept.extent[visit]
            else:
                top, bottom, count = cover(
                    bins, first, last, half_widths[layer], x0, y0, room, alpha[visit], clue[visit]
                )
            visits[number] = layer, first, last, top, bottom, count
            below[number + 1] = below[number]
            number += 1
            lay_over(below[number], alpha[visit], ink[layer], top, bottom)
            first = last

        read_tile(gradient[index], light, x0, y0)
        for above in range(number - 1, -1, -1):
            layer, first, last, top, bottom, count = visits[above]
            slot, visit = slots[first], start + above
            pull_over(alpha[visit], below[above], light, ink[layer], slot, d_alpha, top, bottom)
            if bins.kind[layer] == STROKE:
                slot[HALF_WIDTH] += pull_stroke(
                    bins, first, clue[visit], count, half_widths[layer], x0, y0,
                    room, d_alpha, slots,
                )  # fmt: skip
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
    layer = np.int64(bins.layer[first])
    last = first + 1
    while last < end and bins.layer[last] == layer:
        last += 1
    return layer, last


@compiled
def count_visits(bins):
    """`first_visit` of `Coverage`: layers that visit each tile, added up."""
    tiles = len(bins.first_entry) - 1
    first_visit = np.zeros(tiles + 1, np.int64)
    for tile in range(tiles):
        first, end = bins.first_entry[tile], bins.first_entry[tile + 1]
        first_visit[tile + 1] = first_visit[tile]
        while first < end:
            _, first = same_layer(bins, first, end)
            first_visit[tile + 1] += 1
    return first_visit


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


@compiled(fastmath={"reassoc"})  # sums of many at once; in an order that the compiler fixes
def pull_over(alpha, below, light, ink, slot, d_alpha, top, bottom):
    """Gradient of one layer's ink, opacity and coverage; dims the light for those below it."""
    channels = len(below)
    opacity = ink[channels]
    alpha, d_alpha = alpha[top * TILE : bottom * TILE], d_alpha[top * TILE : bottom * TILE]
    d_alpha[:] = 0
    for channel in range(channels):
        lit = light[channel, top * TILE : bottom * TILE]
        under = below[channel, top * TILE : bottom * TILE]
        d_opacity = d_channel = alpha.dtype.type(0)
        for i in range(len(alpha)):
            shown = lit[i] * alpha[i]
            d_channel += shown
            d_opacity += shown * (ink[channel] - under[i])
        slot[INK + channel] += opacity * d_channel
        slot[INK + channels] += d_opacity
        for i in range(len(alpha)):
            d_alpha[i] += opacity * lit[i] * (ink[channel] - under[i])
            lit[i] -= lit[i] * (alpha[i] * opacity)
