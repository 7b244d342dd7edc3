"""The compiled half of the CUDA backend, in Triton; see `cuda.py` for what calls what.

A *visit* is a layer seen from a tile of 16 x 16 pixels, an *entry* is one of its edges there. Each
visit's coverage is one program's work, so that a small picture keeps a large GPU busy; only laying
visits over each other is left to one program per tile. Visits and entries are listed tile by tile,
in painter's order. Tiles are counted row by row; rows go on through all pictures of the batch.

The same bits come out every time: whatever is added up has a place of its own, and places are added
in an order that depends on nothing but the picture itself. No atomics, no chance, no neighbours in
the batch.
"""

import inspect

import triton
import triton.language as tl

from clipdraw.renderers import layers, reference

TILE = tl.constexpr(16)
# A cell is a tile and so many layers of its picture, in which visits are counted and looked up.
GROUP = tl.constexpr(16)
# Edges that a program looks at together, segments, and entries that it tries to list at once.
EDGES = tl.constexpr(8)
SEGMENTS = tl.constexpr(32)
TRIED = tl.constexpr(32)
# Gradients are added up block by block of tiles; blocks start at multiples of these in a picture.
BLOCK_ROWS = tl.constexpr(16)
BLOCK_COLUMNS = tl.constexpr(4)
POINTS = tl.constexpr(64)

STROKE, EVENODD = tl.constexpr(layers.STROKE), tl.constexpr(layers.EVENODD)
FLATNESS_OF_STROKES = tl.constexpr(reference.FLATNESS_OF_STROKES)
FLATNESS_OF_FILLS = tl.constexpr(reference.FLATNESS_OF_FILLS)
MOST_EDGES = tl.constexpr(reference.MOST_EDGES)
NO_LENGTH = tl.constexpr(reference.NO_LENGTH)
# Half the diagonal of a pixel: no border farther from its centre than this can cut it.
REACH = tl.constexpr(0.5**0.5 + 1e-6)

# What an entry knows of its edge is kept in so many planes of `values`.
VALUES = 8
# What a style [layers, 5] holds: red, green, blue, opacity, and half the width of a stroke. The
# gradients of a visit come in the same order.
STYLE, HALF_WIDTH = tl.constexpr(5), tl.constexpr(4)


def kernel(function):
    """`@triton.jit`, but one machine code for all arguments of a type.

    A variant for numbers and addresses that happen to be divisible by 16 could add in another
    order, so that the same picture would have other bits in another batch.
    """
    parameters = inspect.signature(function).parameters.values()
    names = [one.name for one in parameters if one.annotation is not tl.constexpr]
    return triton.jit(function, do_not_specialize=names, do_not_specialize_on_alignment=names)


# --- Curves and edges -----------------------------------------------------------------------------


@kernel
def measure(
    points, controls, first_segment, kind, path, widths, colors, fills,
    cubics, counts, styles, boxes, clockwise, segments,
):  # fmt: skip
    """For each layer: its control points in a row, edges of each cubic, its style and its box.

    One program per layer. `cubics` [8, segments], `counts` [segments], `styles` [layers, 5],
    `boxes` [layers, 4]: lowest x and y, highest x and y of the control points. `clockwise`
    [layers]: 1 where a fill's winding number is positive on the whole, -1 where it is negative.
    """
    layer = tl.program_id(0).to(tl.int64)
    stroke = tl.load(kind + layer) == STROKE
    flatness = tl.where(
        stroke,
        tl.full((), FLATNESS_OF_STROKES, tl.float64),
        tl.full((), FLATNESS_OF_FILLS, tl.float64),
    )
    low_x = tl.full((SEGMENTS,), float("inf"), points.dtype.element_ty)
    low_y, high_x, high_y = low_x, -low_x, -low_x
    area = tl.full((SEGMENTS,), 0, tl.float64)
    first, last = tl.load(first_segment + layer), tl.load(first_segment + layer + 1)
    for start in range(first, last, SEGMENTS):
        segment = start + tl.arange(0, SEGMENTS)
        here = segment < last
        a = tl.load(controls + 4 * segment, here, 0)
        b = tl.load(controls + 4 * segment + 1, here, 0)
        c = tl.load(controls + 4 * segment + 2, here, 0)
        d = tl.load(controls + 4 * segment + 3, here, 0)
        x = cubics + segment
        lowest, highest, first_x, second_x = gather(points, a, b, c, d, here, x, segments)
        low_x, high_x = tl.minimum(low_x, lowest), tl.maximum(high_x, highest)
        y = x + segments
        lowest, highest, first_y, second_y = gather(points + 1, a, b, c, d, here, y, segments)
        low_y, high_y = tl.minimum(low_y, lowest), tl.maximum(high_y, highest)
        bend = tl.sqrt(tl.maximum(first_x + first_y, second_x + second_y))
        edges = tl.ceil(tl.sqrt(0.75 * bend / flatness))
        edges = tl.where((a == b) & (c == d), 1.0, edges)
        edges = tl.minimum(tl.maximum(edges, 1.0), MOST_EDGES)
        tl.store(counts + segment, edges.to(tl.int32), here)
        area += tl.where(here, area_of(points, a, b, c, d), 0.0)

    tl.store(boxes + 4 * layer, tl.min(low_x, 0))
    tl.store(boxes + 4 * layer + 1, tl.min(low_y, 0))
    tl.store(boxes + 4 * layer + 2, tl.max(high_x, 0))
    tl.store(boxes + 4 * layer + 3, tl.max(high_y, 0))
    tl.store(clockwise + layer, tl.where(tl.sum(area, 0) > 0, -1, 1))
    owner, channel = tl.load(path + layer), tl.arange(0, 4)
    if stroke:
        tl.store(styles + STYLE * layer + channel, tl.load(colors + 4 * owner + channel))
        tl.store(styles + STYLE * layer + HALF_WIDTH, tl.load(widths + owner) / 2)
    else:
        tl.store(styles + STYLE * layer + channel, tl.load(fills + 4 * owner + channel))
        tl.store(styles + STYLE * layer + HALF_WIDTH, 0.0)


@triton.jit
def gather(points, a, b, c, d, here, cubics, segments):
    """Copy one coordinate of cubics; its lowest and highest, and both second differences squared.

    Lanes that are not `here` get the coordinate of the first point in place of one of their own.
    """
    p, q = tl.load(points + 2 * a), tl.load(points + 2 * b)
    r, s = tl.load(points + 2 * c), tl.load(points + 2 * d)
    tl.store(cubics, p, here)
    tl.store(cubics + 2 * segments, q, here)
    tl.store(cubics + 4 * segments, r, here)
    tl.store(cubics + 6 * segments, s, here)
    low = tl.minimum(tl.minimum(p, q), tl.minimum(r, s))
    high = tl.maximum(tl.maximum(p, q), tl.maximum(r, s))
    low, high = tl.where(here, low, float("inf")), tl.where(here, high, float("-inf"))
    first = p.to(tl.float64) - 2 * q.to(tl.float64) + r.to(tl.float64)
    second = q.to(tl.float64) - 2 * r.to(tl.float64) + s.to(tl.float64)
    return low, high, first * first, second * second


@triton.jit
def area_of(points, a, b, c, d):
    """Ten times the integral of x dy - y dx along cubics."""
    area = 6 * cross(points, a, b) + 3 * cross(points, a, c) + cross(points, a, d)
    return area + 3 * cross(points, b, c) + 3 * cross(points, b, d) + 6 * cross(points, c, d)


@triton.jit
def cross(points, a, b):
    ax, ay = tl.load(points + 2 * a).to(tl.float64), tl.load(points + 2 * a + 1).to(tl.float64)
    bx, by = tl.load(points + 2 * b).to(tl.float64), tl.load(points + 2 * b + 1).to(tl.float64)
    return ax * by - ay * bx


@triton.jit
def bernstein(t):
    s = 1 - t
    return s * s * s, 3 * t * s * s, 3 * t * t * s, t * t * t


@triton.jit
def point_on(cubics, segments, segment, k, edges):
    """Vertices k of the polyline of a cubic: x and y, rounded to the drawing's precision.

    Always worked out anew, in double: all polylines together would need memory that nobody could
    allot without waiting for the GPU to count.
    """
    b0, b1, b2, b3 = bernstein(k.to(tl.float64) / edges.to(tl.float64))
    cubic = cubics + segment
    x = b0 * tl.load(cubic) + b1 * tl.load(cubic + 2 * segments)
    x += b2 * tl.load(cubic + 4 * segments) + b3 * tl.load(cubic + 6 * segments)
    cubic += segments
    y = b0 * tl.load(cubic) + b1 * tl.load(cubic + 2 * segments)
    y += b2 * tl.load(cubic + 4 * segments) + b3 * tl.load(cubic + 6 * segments)
    return x.to(cubics.dtype.element_ty), y.to(cubics.dtype.element_ty)


# --- Which tiles look at which edges --------------------------------------------------------------


@triton.jit
def tiles_between(low, high, reach, tiles):
    """First and last tile along one axis within reach of [low, high]; last < first for none."""
    first = tl.floor((low - reach) / TILE)
    last = tl.floor((high + reach) / TILE)
    first, last = tl.maximum(first, 0), tl.maximum(last, -1)
    return tl.minimum(first, tiles).to(tl.int32), tl.minimum(last, tiles - 1).to(tl.int32)


@triton.jit
def tiles_of_edge(ax, ay, bx, by, stroke, reach, farthest, tiles_down, tiles_across):
    """The rectangle of tiles that an edge may matter to: left, right, top and bottom, inclusive.

    A fill's edge matters to all tiles to the right of it, as far as the fill reaches.
    """
    end = tl.where(stroke, tl.maximum(ax, bx), farthest)
    left, right = tiles_between(tl.minimum(ax, bx), end, reach, tiles_across)
    top, bottom = tiles_between(tl.minimum(ay, by), tl.maximum(ay, by), reach, tiles_down)
    return left, right, top, bottom


@triton.jit
def near_tile(ax, ay, bx, by, reach, row, column):
    """Whether the circle around a tile comes within `reach` of an edge (long edges are slanted)."""
    x, y = (column + 0.5) * TILE - ax, (row + 0.5) * TILE - ay
    ex, ey = bx - ax, by - ay
    length2 = ex * ex + ey * ey
    t = (x * ex + y * ey) / tl.where(length2 > 0, length2, 1)
    t = tl.minimum(tl.maximum(t, 0), 1)
    x, y = x - t * ex, y - t * ey
    around = reach + TILE * 0.7072
    return x * x + y * y <= around * around


@triton.jit
def place(program, first_row, tiles_down, tiles_across):
    """The picture of a band's tile, and its row and column there."""
    row = first_row + program // tiles_across
    return row // tiles_down, row % tiles_down, program % tiles_across


@triton.jit
def cells_of(picture, first_layer, first_cell):
    """Of a picture: its first cell, cells in each tile, and its first and last layer."""
    first, last = tl.load(first_layer + picture), tl.load(first_layer + picture + 1)
    return tl.load(first_cell + picture), (last - first + GROUP - 1) // GROUP, first, last


@kernel
def bin_edges(
    cubics, counts, styles, boxes, kind, first_segment, first_layer, first_cell,
    visits_of_cell, entries_of_cell, layer_of_visit, first_entry, key_of_entry, values,
    first_row, visits_before, entries_before, entries, segments, tiles_down, tiles_across, groups,
    LIST: tl.constexpr,
):  # fmt: skip
    """Count the visits and entries of each cell in a band; or list them, once there is room.

    One program per tile and group of layers. Counting writes `visits_of_cell` and
    `entries_of_cell` [cells]; listing reads there how many come before each cell, in all bands.
    """
    program, group = tl.program_id(0) // groups, tl.program_id(0) % groups
    picture, row, column = place(program, first_row, tiles_down, tiles_across)
    cell, per_tile, first, last = cells_of(picture, first_layer, first_cell)
    cell += (row * tiles_across + column) * per_tile + group
    if group < per_tile:
        first += group * GROUP
        visit, entry = tl.full((), 0, tl.int64), tl.full((), 0, tl.int64)
        if LIST:
            visit = tl.load(visits_of_cell + cell) - visits_before
            entry = tl.load(entries_of_cell + cell) - entries_before
        for layer in range(first, tl.minimum(first + GROUP, last)):
            begun = entry
            stroke, reach, farthest = reach_of(kind, styles, boxes, layer)
            if sees(boxes + 4 * layer, reach, row, column, tiles_down, tiles_across):
                entry = bin_layer(
                    cubics, counts, first_segment, key_of_entry, values, layer, entry,
                    stroke, reach, farthest, row, column, entries, segments,
                    tiles_down, tiles_across, LIST,
                )  # fmt: skip
            if entry > begun:
                if LIST:
                    tl.store(layer_of_visit + visit, layer)
                    tl.store(first_entry + visit, begun)
                visit += 1
        if not LIST:
            tl.store(visits_of_cell + cell, visit)
            tl.store(entries_of_cell + cell, entry)


@triton.jit
def reach_of(kind, styles, boxes, layer):
    """Whether a layer is a stroke, how far beyond its edges it reaches, and its highest x."""
    half_width = tl.load(styles + STYLE * layer + HALF_WIDTH)
    return tl.load(kind + layer) == STROKE, half_width + 1, tl.load(boxes + 4 * layer + 2)


@triton.jit
def sees(box, reach, row, column, tiles_down, tiles_across):
    """Whether a tile comes within reach of a box."""
    left, right = tiles_between(tl.load(box), tl.load(box + 2), reach, tiles_across)
    top, bottom = tiles_between(tl.load(box + 1), tl.load(box + 3), reach, tiles_down)
    return (column >= left) & (column <= right) & (row >= top) & (row <= bottom)


@triton.jit
def bin_layer(
    cubics, counts, first_segment, key_of_entry, values, layer, entry,
    stroke, reach, farthest, row, column, entries, segments,
    tiles_down, tiles_across, LIST: tl.constexpr,
):  # fmt: skip
    """Count or list a layer's entries in a tile; `entry` grows by their number."""
    first, last = tl.load(first_segment + layer), tl.load(first_segment + layer + 1)
    lane = tl.arange(0, SEGMENTS)
    for start in range(first, last, SEGMENTS):
        low_x, high_x = hull(cubics, segments, start + lane, start + lane < last)
        low_y, high_y = hull(cubics + segments, segments, start + lane, start + lane < last)
        left, right, top, bottom = tiles_of_edge(
            low_x, low_y, high_x, high_y, stroke, reach, farthest, tiles_down, tiles_across
        )
        near = (column >= left) & (column <= right) & (row >= top) & (row <= bottom)
        near &= start + lane < last
        chosen = tl.min(tl.where(near, lane, SEGMENTS), 0)
        while chosen < SEGMENTS:
            entry = bin_segment(
                cubics, counts, key_of_entry, values, start + chosen, entry,
                stroke, reach, farthest, row, column, entries, segments,
                tiles_down, tiles_across, LIST,
            )  # fmt: skip
            chosen = tl.min(tl.where(near & (lane > chosen), lane, SEGMENTS), 0)
    return entry


@triton.jit
def hull(cubics, segments, segment, here):
    """The lowest and the highest of one coordinate of cubics' control points."""
    p = tl.load(cubics + segment, here, 0)
    q = tl.load(cubics + segment + 2 * segments, here, 0)
    r = tl.load(cubics + segment + 4 * segments, here, 0)
    s = tl.load(cubics + segment + 6 * segments, here, 0)
    low = tl.minimum(tl.minimum(p, q), tl.minimum(r, s))
    return low, tl.maximum(tl.maximum(p, q), tl.maximum(r, s))


@triton.jit
def bin_segment(
    cubics, counts, key_of_entry, values, segment, entry,
    stroke, reach, farthest, row, column, entries, segments,
    tiles_down, tiles_across, LIST: tl.constexpr,
):  # fmt: skip
    """Count or list a segment's entries in a tile; `entry` grows by their number."""
    edges = tl.load(counts + segment)
    for start in range(0, edges, TRIED):
        k = start + tl.arange(0, TRIED)
        ax, ay = point_on(cubics, segments, segment, k, edges)
        bx, by = point_on(cubics, segments, segment, k + 1, edges)
        left, right, top, bottom = tiles_of_edge(
            ax, ay, bx, by, stroke, reach, farthest, tiles_down, tiles_across
        )
        listed = (column >= left) & (column <= right) & (row >= top) & (row <= bottom)
        listed &= k < edges
        if stroke:
            listed &= near_tile(ax, ay, bx, by, reach, row, column)
        if LIST:
            spot = entry + tl.cumsum(listed.to(tl.int32), 0) - 1
            tl.store(key_of_entry + spot, segment * MOST_EDGES + k, listed)
            list_values(
                values + spot, entries, listed, stroke,
                ax.to(tl.float64) - column * TILE, ay.to(tl.float64) - row * TILE,
                bx.to(tl.float64) - column * TILE, by.to(tl.float64) - row * TILE,
            )  # fmt: skip
        entry += tl.sum(listed.to(tl.int32), 0)
    return entry


@triton.jit
def list_values(values, entries, listed, stroke, ax, ay, bx, by):
    """What an entry knows of its edge, from the tile's upper left corner (ends in double).

    Its two ends; and for strokes the way e from start to end, 0 where it has no length, and dot and
    cross product of e with the way from the start to the corner. The products change little within
    a tile; what single precision loses of them far from an edge's ends is lost here once.
    """
    tl.store(values, ax, listed)
    tl.store(values + entries, ay, listed)
    tl.store(values + 2 * entries, bx, listed)
    tl.store(values + 3 * entries, by, listed)
    if stroke:
        ex, ey = bx - ax, by - ay
        some = ex * ex + ey * ey > NO_LENGTH
        ex, ey = tl.where(some, ex, 0.0), tl.where(some, ey, 0.0)
        tl.store(values + 4 * entries, ex, listed)
        tl.store(values + 5 * entries, ey, listed)
        tl.store(values + 6 * entries, -ax * ex - ay * ey, listed)
        tl.store(values + 7 * entries, ax * ey - ay * ex, listed)


# --- Coverage -------------------------------------------------------------------------------------


@triton.jit
def entries_of_visit(first_entry, visit, visits, entries):
    """The first entry of a visit, and the one after its last."""
    last = tl.load(first_entry + visit + 1, visit + 1 < visits, entries)
    return tl.load(first_entry + visit), last


@triton.jit
def pixels_of_visit(visit):
    """Where a visit's 16 x 16 pixels are in planes of [visits, 16, 16]."""
    row, column = tl.arange(0, TILE)[:, None], tl.arange(0, TILE)[None, :]
    return visit * (TILE * TILE) + row * TILE + column


@triton.jit
def centres(like):
    """y [16, 1] and x [1, 16] of pixels' centres, from the upper left corner of their tile."""
    centre = (tl.arange(0, TILE) + 0.5).to(like.dtype.element_ty)
    return centre[:, None], centre[None, :]


@kernel
def cover(
    kind, styles, clockwise, layer_of_visit, first_entry, values, alpha, clue, visits, entries
):  # fmt: skip
    """How much of each pixel a visit covers, `alpha` [visits, 16, 16]. One program per visit.

    And what the backward pass wants to know, `clue` [visits, 16, 16]: of a stroke's border, which
    of the visit's entries is nearest, -1 elsewhere; of a fill, the derivative of its coverage by
    the winding number's integral over the pixel: -1, 0 or 1.
    """
    visit = tl.program_id(0).to(tl.int64)
    layer = tl.load(layer_of_visit + visit)
    first, last = entries_of_visit(first_entry, visit, visits, entries)
    pixel = pixels_of_visit(visit)
    y, x = centres(values)
    rule = tl.load(kind + layer)
    if rule == STROKE:
        half_width = tl.load(styles + STYLE * layer + HALF_WIDTH)
        covered, near = cover_stroke(values, entries, first, last, half_width, y, x)
        tl.store(alpha + pixel, covered)
        tl.store(clue + pixel, near)
    else:
        winding = wind(values, entries, first, last, y, x)
        covered, slope = cover_fill(winding, rule, tl.load(clockwise + layer))
        tl.store(alpha + pixel, covered)
        tl.store(clue + pixel, slope.to(tl.int32))


@triton.jit
def cover_stroke(values, entries, first, last, half_width, y, x):
    """Coverage [16, 16] of a stroke, and its clue; see `reference.along`."""
    best, near = nearest_edge(values, entries, first, last, y, x)
    distance, nx, ny, _, _, _ = towards(values, entries, first + near, near >= 0, y, x)
    ahead = half_plane(half_width - distance, nx, ny)
    covered = ahead - half_plane(-half_width - distance, nx, ny)
    outside, inside = half_width + REACH, tl.maximum(half_width - REACH, 0)
    covered = tl.where(best < inside * inside, 1.0, covered)
    covered = tl.where(best >= outside * outside, 0.0, covered)
    border = (best >= inside * inside) & (best < outside * outside)
    return covered, tl.where(border, near, -1)


@triton.jit
def nearest_edge(values, entries, first, last, y, x):
    """Squared distance [16, 16] of pixels from a stroke's nearest edge, and which that is.

    Of equally near edges the first one counts. An end that two edges share is equally near by both.
    """
    best = tl.full((TILE, TILE), float("inf"), values.dtype.element_ty)
    near = tl.full((TILE, TILE), -1, tl.int32)
    lane = tl.arange(0, EDGES)[None, None, :]
    y, x = y[:, :, None], x[:, :, None]
    for start in range(first, last, EDGES):
        here = start + lane < last
        ex, ey, dot, cross, from_x, from_y = way_from(values, entries, start + lane, here, y, x)
        length2 = ex * ex + ey * ey
        inverse = 1 / tl.where(length2 > 0, length2, 1.0)
        inside = (dot > 0) & (dot < length2)
        distance2 = tl.where(inside, cross * cross * inverse, from_x * from_x + from_y * from_y)
        distance2 = tl.where(here, distance2, float("inf"))
        least = tl.min(distance2, 2)
        which = tl.min(tl.where(distance2 == least[:, :, None], lane, EDGES), 2)
        closer = least < best
        near = tl.where(closer, which + (start - first).to(tl.int32), near)
        best = tl.where(closer, least, best)
    return best, near


@triton.jit
def way_from(values, entries, entry, here, y, x):
    """Of edges: the way from start to end; its dot and cross product with the way from the start to
    pixels' centres; and the way there from the start, or from the end where that is nearer."""
    values += entry
    ax, ay = tl.load(values, here, 0), tl.load(values + entries, here, 0)
    bx, by = tl.load(values + 2 * entries, here, 0), tl.load(values + 3 * entries, here, 0)
    ex, ey = tl.load(values + 4 * entries, here, 0), tl.load(values + 5 * entries, here, 0)
    dot = tl.load(values + 6 * entries, here, 0) + (x * ex + y * ey)
    cross = tl.load(values + 7 * entries, here, 0) + (y * ex - x * ey)
    return ex, ey, dot, cross, x - tl.where(dot > 0, bx, ax), y - tl.where(dot > 0, by, ay)


@triton.jit
def towards(values, entries, entry, here, y, x):
    """Pixels' signed distance from their nearest edge, the unit normal (x, y), t, whether t is
    inside (0, 1), and the length.

    The length is the edge's own where the nearest point lies inside it, and the distance from its
    end where that is nearest.
    """
    ex, ey, dot, cross, from_x, from_y = way_from(values, entries, entry, here, y, x)
    length2 = ex * ex + ey * ey
    inside = (dot > 0) & (dot < length2)
    t = tl.where(inside, dot / tl.where(inside, length2, 1.0), (dot > 0).to(dot.dtype))
    length = tl.sqrt(tl.where(inside, length2, from_x * from_x + from_y * from_y))
    some = length > NO_LENGTH
    safe = tl.where(some, length, 1.0)
    nx = tl.where(some, tl.where(inside, -ey, from_x) / safe, 1.0)
    ny = tl.where(some, tl.where(inside, ex, from_y) / safe, 0.0)
    distance = tl.where(inside, cross / safe, from_x * nx + from_y * ny)
    return distance, nx, ny, t, inside, length


@triton.jit
def half_plane(x, nx, ny):
    """The part of a unit square below a straight border; see `reference.half_plane`."""
    wide, narrow = tl.maximum(tl.abs(nx), tl.abs(ny)), tl.minimum(tl.abs(nx), tl.abs(ny))
    flat = (wide - narrow) / 2
    on_slope = tl.minimum(tl.maximum(tl.abs(x) - flat, 0), narrow)
    slope = on_slope - on_slope * on_slope / (2 * tl.where(narrow > NO_LENGTH, narrow, 1.0))
    area = (tl.minimum(tl.abs(x), flat) + slope) / wide
    return 0.5 + tl.where(x < 0, -area, area)


@triton.jit
def pull_half_plane(x, nx, ny):
    """Derivatives of `half_plane` in x and in the angle of the normal."""
    wide, narrow = tl.maximum(tl.abs(nx), tl.abs(ny)), tl.minimum(tl.abs(nx), tl.abs(ny))
    flat = (wide - narrow) / 2
    # Turning towards a diagonal makes the wide component narrower and the narrow one wider.
    towards_diagonal = ((nx < 0) == (ny < 0)) == (tl.abs(nx) >= tl.abs(ny))
    d_wide = tl.where(towards_diagonal, -narrow, narrow)
    d_narrow = tl.where(towards_diagonal, wide, -wide)
    on_slope = tl.maximum(tl.abs(x) - flat, 0)
    share = tl.where(narrow > NO_LENGTH, on_slope / tl.where(narrow > NO_LENGTH, narrow, 1.0), 0.0)
    area = (tl.minimum(tl.abs(x), flat) + on_slope * (1 - share / 2)) / wide
    turn = (share * (d_wide - d_narrow) / 2 + share * share / 2 * d_narrow - area * d_wide) / wide
    cut = tl.abs(x) < flat + narrow
    return tl.where(cut, (1 - share) / wide, 0.0), tl.where(cut, tl.where(x > 0, turn, -turn), 0.0)


@triton.jit
def wind(values, entries, first, last, y, x):
    """The winding number of a fill, integrated over each pixel [16, 16]; see `reference.inside`."""
    winding = tl.full((TILE, TILE), 0, values.dtype.element_ty)
    lane = tl.arange(0, EDGES)[None, :]
    for start in range(first, last, EDGES):
        ax, ay, bx, by = fill_edge(values, entries, start + lane, start + lane < last)
        height, x0, x1, _, _ = row_pieces(ax, ay, bx, by, y - 0.5)
        mean, _, _ = mean_reach(x0, x1, x)
        winding += tl.sum(height[:, None, :] * mean, 2)
    return winding


@triton.jit
def fill_edge(values, entries, entry, here):
    """The ends of entries' edges, from the tile's corner; of no height where there is no entry."""
    values += entry
    ax, ay = tl.load(values, here, 0), tl.load(values + entries, here, 0)
    return ax, ay, tl.load(values + 2 * entries, here, 0), tl.load(values + 3 * entries, here, 0)


@triton.jit
def row_pieces(ax, ay, bx, by, row):
    """Edges' pieces in rows of pixels [16, edges]: height, x of both ends, and t of both ends."""
    start = tl.minimum(tl.maximum(ay - row, 0), 1)
    stop = tl.minimum(tl.maximum(by - row, 0), 1)
    rise = by - ay
    slanted = tl.abs(rise) > NO_LENGTH
    rise = tl.where(slanted, rise, 1.0)
    t0 = tl.where(slanted, within((start - (ay - row)) / rise), 0.0)
    t1 = tl.where(slanted, within((stop - (ay - row)) / rise), 1.0)
    return stop - start, ax + t0 * (bx - ax), ax + t1 * (bx - ax), t0, t1


@triton.jit
def mean_reach(x0, x1, x):
    """How far right of pieces [16, edges] each pixel of their row reaches, [16, 16, edges].

    The mean, its derivative by how far the pieces' left ends are to the left, and that of their
    right ends; see `reference.mean_reach`.
    """
    low = tl.minimum(x0, x1)
    length = (tl.maximum(x0, x1) - low)[:, None, :]
    slanted = length > NO_LENGTH
    pace = 1 / tl.where(slanted, length, 1.0)
    high = (x + 0.5)[:, :, None] - low[:, None, :]
    t0 = tl.where(slanted, within((high - 1) * pace), sign(high - 1) / 2 + 0.5)
    t1 = tl.where(slanted, within(high * pace), sign(high) / 2 + 0.5)
    middle = tl.where(slanted, (t0 + t1) / 2, 0.5)
    return t0 + (t1 - t0) * (high - middle * length), (t1 - t0) * (1 - middle), (t1 - t0) * middle


@triton.jit
def within(t):
    return tl.minimum(tl.maximum(t, 0), 1)


@triton.jit
def sign(x):
    return (x > 0).to(x.dtype) - (x < 0).to(x.dtype)


@triton.jit
def cover_fill(winding, rule, clockwise):
    """Coverage of a fill, and its derivative by the winding number.

    Where nothing is covered yet, a shape grows by winding as most of it does.
    """
    half = winding / 2
    even = tl.floor(half + 0.5)  # halves are rounded to an even number, as torch.round does
    even -= ((even == half + 0.5) & (even - 2 * tl.floor(even / 2) == 1)).to(even.dtype)
    turns = tl.where(rule == EVENODD, winding - 2 * even, winding)
    sense = tl.where(turns == 0, clockwise, sign(turns))
    return tl.minimum(tl.abs(turns), 1), tl.where(tl.abs(turns) <= 1, sense, 0.0)


# --- One layer over the other ---------------------------------------------------------------------


@triton.jit
def visits_of_tile(
    visits_of_cell, visits_before, picture, row, column, first_layer, first_cell, tiles_across
):  # fmt: skip
    """The first visit of a tile, and the one after its last."""
    cell, per_tile, _, _ = cells_of(picture, first_layer, first_cell)
    cell += (row * tiles_across + column) * per_tile
    first = tl.load(visits_of_cell + cell) - visits_before
    return first, tl.load(visits_of_cell + cell + per_tile) - visits_before


@triton.jit
def pixels_of_tile(picture, row, column, channels, height, width):
    """Where a tile's pixels are in `[pictures, channels, height, width]`, and which there are.

    Both [4, 16, 16]: a picture without alpha has a fourth channel that is not there.
    """
    channel = tl.arange(0, 4)[:, None, None]
    y = row * TILE + tl.arange(0, TILE)[None, :, None]
    x = column * TILE + tl.arange(0, TILE)[None, None, :]
    there = (channel < channels) & (y < height) & (x < width)
    return ((picture.to(tl.int64) * channels + channel) * height + y) * width + x, there


@triton.jit
def paper(background, channels):
    """A tile [4, 16, 16] of nothing but background."""
    channel = tl.arange(0, 4)[:, None, None]
    color = tl.load(background + channel, channel < channels, 0)
    return color + tl.full((4, TILE, TILE), 0, background.dtype.element_ty)


@triton.jit
def ink_of(styles, layer):
    """A layer's ink [4, 1, 1], fully opaque where there is alpha, and its opacity."""
    channel = tl.arange(0, 4)[:, None, None]
    ink = tl.load(styles + STYLE * layer + channel, channel < 3, 1)
    return ink, tl.load(styles + STYLE * layer + 3)


@kernel
def composite(
    styles, background, first_layer, first_cell, visits_of_cell, layer_of_visit, alpha, painted,
    first_row, visits_before, tiles_down, tiles_across, channels, height, width,
):  # fmt: skip
    """Lay each tile's visits over the background, back to front. One program per tile."""
    picture, row, column = place(tl.program_id(0), first_row, tiles_down, tiles_across)
    first, last = visits_of_tile(
        visits_of_cell, visits_before, picture, row, column, first_layer, first_cell, tiles_across
    )
    below = paper(background, channels)
    for visit in range(first, last):
        ink, opacity = ink_of(styles, tl.load(layer_of_visit + visit))
        covered = tl.load(alpha + pixels_of_visit(visit))
        below += (ink - below) * (opacity * covered)[None, :, :]
    pixel, there = pixels_of_tile(picture, row, column, channels, height, width)
    tl.store(painted + pixel, below, there)


@kernel
def pull_composite(
    styles, background, first_layer, first_cell, visits_of_cell, layer_of_visit, alpha, gradient,
    d_alpha, d_styles, d_paper,
    first_row, visits_before, tiles_down, tiles_across, channels, height, width,
):  # fmt: skip
    """Gradients of each visit's coverage and colour, and of each tile's paper.

    From the front to the back: how much of the light passes all layers in front of a visit, kept
    in `d_alpha` [visits, 16, 16]. Then from the back to the front: what lies below each visit, and
    with both its gradients. (Below cannot be worked out from above: nothing shines through an
    opaque layer.) `d_styles` is [visits, 5] without the width, `d_paper` [tiles, 4]. One program
    per tile.
    """
    picture, row, column = place(tl.program_id(0), first_row, tiles_down, tiles_across)
    first, last = visits_of_tile(
        visits_of_cell, visits_before, picture, row, column, first_layer, first_cell, tiles_across
    )
    pixel, there = pixels_of_tile(picture, row, column, channels, height, width)
    light = tl.load(gradient + pixel, there, 0)
    passing = tl.full((TILE, TILE), 1, light.dtype)
    for step in range(0, last - first):
        visit = last - 1 - step
        spot = pixels_of_visit(visit)
        opacity = tl.load(styles + STYLE * tl.load(layer_of_visit + visit) + 3)
        tl.store(d_alpha + spot, passing)
        passing -= passing * (tl.load(alpha + spot) * opacity)
    channel = tl.arange(0, 4)
    tl.store(d_paper + 4 * tl.program_id(0) + channel, over_pixels(light * passing[None, :, :]))

    tl.debug_barrier()  # other threads of this program may read what one has written
    below = paper(background, channels)
    for visit in range(first, last):
        spot = pixels_of_visit(visit)
        ink, opacity = ink_of(styles, tl.load(layer_of_visit + visit))
        covered = tl.load(alpha + spot)
        lit = light * tl.load(d_alpha + spot)[None, :, :]
        pulled = tl.sum(lit * (ink - below), 0)
        shown = over_pixels(lit * covered[None, :, :])
        style = d_styles + STYLE * visit
        tl.store(style + channel, opacity * shown, channel < 3)
        tl.store(style + 3, tl.sum(pulled * covered))
        tl.store(d_alpha + spot, opacity * pulled)
        below += (ink - below) * (opacity * covered)[None, :, :]


@triton.jit
def over_pixels(x):
    """The sum of [n, 16, 16] over all pixels, [n]."""
    return tl.sum(tl.sum(x, 2), 1)


# --- From coverage to edges -----------------------------------------------------------------------


@kernel
def pull_cover(
    kind, styles, layer_of_visit, first_entry, values, clue, d_alpha,
    d_styles, slots, visits, entries,
):  # fmt: skip
    """Gradients of each visit's entries, `slots` [entries, 4], and of its half width.

    A slot has x and y of the edge's start, then of its end. One program per visit.
    """
    visit = tl.program_id(0).to(tl.int64)
    layer = tl.load(layer_of_visit + visit)
    first, last = entries_of_visit(first_entry, visit, visits, entries)
    pixel = pixels_of_visit(visit)
    pulled, hint = tl.load(d_alpha + pixel), tl.load(clue + pixel)
    y, x = centres(values)
    d_half_width = d_styles + STYLE * visit + HALF_WIDTH
    if tl.load(kind + layer) == STROKE:
        half_width = tl.load(styles + STYLE * layer + HALF_WIDTH)
        widened = pull_stroke(values, entries, first, last, half_width, y, x, pulled, hint, slots)
        tl.store(d_half_width, widened)
    else:
        pull_fill(values, entries, first, last, y, x, pulled * hint.to(pulled.dtype), slots)
        tl.store(d_half_width, 0.0)


@triton.jit
def pull_stroke(values, entries, first, last, half_width, y, x, d_alpha, near, slots):
    """A stroke's slots; returns the gradient of its half width.

    Moving a border along its normal and turning it are the two ways in which an edge changes
    coverage. Inside an edge both ends share them by t; at one of its ends, that end takes all.
    """
    border = near >= 0
    distance, nx, ny, t, inside, length = towards(values, entries, first + near, border, y, x)
    ahead, turn_ahead = pull_half_plane(half_width - distance, nx, ny)
    back, turn_back = pull_half_plane(-half_width - distance, nx, ny)
    d_alpha = tl.where(border, d_alpha, 0.0)
    move = d_alpha * (back - ahead)
    some = length > NO_LENGTH
    turn = tl.where(some, d_alpha * (turn_ahead - turn_back) / tl.where(some, length, 1.0), 0.0)
    # An end moves along the normal, and about it: for an end that is nearest, across the normal.
    from_start = tl.where(inside, -(1 - t) * move - turn, -(1 - t) * move)
    from_end = tl.where(inside, turn - t * move, -t * move)
    turn_start, turn_end = tl.where(inside, 0.0, (1 - t) * turn), tl.where(inside, 0.0, t * turn)
    pulled = four(
        from_start * nx + turn_start * ny, from_start * ny - turn_start * nx,
        from_end * nx + turn_end * ny, from_end * ny - turn_end * nx,
    )  # fmt: skip
    pulled = tl.reshape(pulled, (TILE * TILE, 1, 4))
    near = tl.reshape(near, (TILE * TILE, 1, 1))
    for start in range(first, last, EDGES):
        lane = start + tl.arange(0, EDGES)
        mine = near == (lane - first)[None, :, None].to(tl.int32)
        store_slots(slots, lane, last, tl.sum(tl.where(mine, pulled, 0.0), 0))
    return tl.sum(d_alpha * (ahead + back))


@triton.jit
def four(start_x, start_y, end_x, end_y):
    """The parts of slots side by side, [..., 2, 2]."""
    return tl.join(tl.join(start_x, end_x), tl.join(start_y, end_y))


@triton.jit
def store_slots(slots, entry, last, pulled):
    """Write [edges, 4] to the slots of entries, as far as there are any."""
    part = tl.arange(0, 4)[None, :]
    tl.store(slots + 4 * entry[:, None] + part, pulled, (entry < last)[:, None])


@triton.jit
def pull_fill(values, entries, first, last, y, x, d_winding, slots):
    """A fill's slots, from the gradient of its winding number [16, 16]."""
    row = y - 0.5
    d_winding = d_winding[:, :, None]
    for start in range(first, last, EDGES):
        lane = start + tl.arange(0, EDGES)
        ax, ay, bx, by = fill_edge(values, entries, lane[None, :], lane[None, :] < last)
        height, x0, x1, t0, t1 = row_pieces(ax, ay, bx, by, row)
        mean, by_low, by_high = mean_reach(x0, x1, x)
        d_height = tl.sum(d_winding * mean, 1)
        d_low = -height * tl.sum(d_winding * by_low, 1)
        d_high = -height * tl.sum(d_winding * by_high, 1)
        d_x0, d_x1 = tl.where(x0 < x1, d_low, d_high), tl.where(x0 < x1, d_high, d_low)
        # An end inside the row moves up and down; elsewhere the row's border cuts the edge at
        # another parameter.
        slanted = tl.abs(by - ay) > NO_LENGTH
        slope = tl.where(slanted, (bx - ax) / tl.where(slanted, by - ay, 1.0), 0.0)
        start_moves, end_moves = slope_of_keep(ay - row), slope_of_keep(by - row)
        d_t0, d_t1 = d_x0 * slope * (1 - start_moves), d_x1 * slope * (1 - end_moves)
        pulled = four(
            d_x0 * (1 - t0) + d_x1 * (1 - t1),
            -d_height * start_moves - d_t0 * (1 - t0) - d_t1 * (1 - t1),
            d_x0 * t0 + d_x1 * t1,
            d_height * end_moves - d_t0 * t0 - d_t1 * t1,
        )
        pulled = tl.reshape(pulled, (TILE, EDGES, 4))
        store_slots(slots, lane, last, tl.sum(pulled, 0))


@triton.jit
def slope_of_keep(x):
    """The derivative of x within [0, 1]; see `reference.keep`."""
    return (sign(x) - sign(x - 1)) / 2


# --- Adding up ------------------------------------------------------------------------------------


@triton.jit
def find(keys, first, last, key, there):
    """Where `key` is among the rising keys[first:last], and whether it is there."""
    low, high = first, tl.where(there, last, first)
    while tl.max(high - low) > 0:
        unsure, middle = low < high, (low + high) // 2
        below = tl.load(keys + middle, unsure, 0) < key
        low, high = tl.where(unsure & below, middle + 1, low), tl.where(below, high, middle)
        high = tl.where(unsure, high, low)
    there &= low < last
    return low, there & (tl.load(keys + low, there, 0) == key)


@triton.jit
def find_visits(
    visits_of_cell, visits_before, layer_of_visit, layer, cell, there
):  # fmt: skip
    """The visit of a layer in each of some cells, and whether there is one."""
    first = tl.load(visits_of_cell + cell, there, 0) - visits_before
    last = tl.load(visits_of_cell + cell + 1, there, 0) - visits_before
    return find(layer_of_visit, first, last, layer, there)


@triton.jit
def rows_in_band(picture, first_row, last_row, tiles_down):
    """The rows of tiles of a picture that are in a band: first, and one after the last."""
    first = tl.maximum(first_row - picture * tiles_down, 0)
    return first, tl.minimum(last_row - picture * tiles_down, tiles_down)


@kernel
def add_layers(
    styles, boxes, kind, path, picture_of_layer, first_layer, first_cell,
    visits_of_cell, layer_of_visit, d_styles, d_paths, first_of_band,
    first_row, last_row, visits_before, tiles_down, tiles_across, paths,
):  # fmt: skip
    """Add the gradients of each layer's visits in a band to `d_paths` [2, paths, 5], in double.

    Strokes first, then fills: a path has at most one layer of either kind. One program per layer.
    """
    layer = first_of_band + tl.program_id(0)
    picture = tl.load(picture_of_layer + layer)
    cell, per_tile, first, _ = cells_of(picture, first_layer, first_cell)
    cell += (layer - first) // GROUP
    stroke, reach, farthest = reach_of(kind, styles, boxes, layer)
    left, right = tiles_between(tl.load(boxes + 4 * layer), farthest, reach, tiles_across)
    low, high = tl.load(boxes + 4 * layer + 1), tl.load(boxes + 4 * layer + 3)
    top, bottom = tiles_between(low, high, reach, tiles_down)
    first, last = rows_in_band(picture, first_row, last_row, tiles_down)
    top, bottom = tl.maximum(top, first), tl.minimum(bottom, last - 1)
    part = tl.arange(0, 8)[None, None, :]
    sums = tl.where(stroke, 0, paths) + tl.load(path + layer)
    sums = d_paths + STYLE * sums + tl.arange(0, 8)
    total = tl.load(sums, tl.arange(0, 8) < STYLE, 0)
    for block in range(top // BLOCK_ROWS * BLOCK_ROWS, bottom + 1, BLOCK_ROWS):
        row = block + tl.arange(0, BLOCK_ROWS)[:, None]
        for start in range(left, right + 1, BLOCK_COLUMNS):
            column = start + tl.arange(0, BLOCK_COLUMNS)[None, :]
            there = (row >= top) & (row <= bottom) & (column <= right)
            spot = cell + (row * tiles_across + column) * per_tile
            visit, there = find_visits(
                visits_of_cell, visits_before, layer_of_visit, layer, spot, there
            )
            found = there[:, :, None] & (part < STYLE)
            some = tl.load(d_styles + STYLE * visit[:, :, None] + part, found, 0)
            total += tl.sum(tl.sum(some.to(tl.float64), 1), 0)
    tl.store(sums, total, tl.arange(0, 8) < STYLE)


@kernel
def add_segments(
    cubics, counts, styles, boxes, kind, picture_of_layer, layer_of_segment,
    first_layer, first_cell, visits_of_cell, layer_of_visit, first_entry, key_of_entry, slots,
    d_cubics, first_of_band, first_row, last_row, visits_before, visits, entries, segments,
    tiles_down, tiles_across,
):  # fmt: skip
    """Add the gradients of each segment's entries in a band to `d_cubics` [segments, 4, 2].

    In double. One program per segment.
    """
    segment = first_of_band + tl.program_id(0)
    layer = tl.load(layer_of_segment + segment)
    picture = tl.load(picture_of_layer + layer)
    cell, per_tile, first, _ = cells_of(picture, first_layer, first_cell)
    cell += (layer - first) // GROUP
    stroke, reach, farthest = reach_of(kind, styles, boxes, layer)
    first, last = rows_in_band(picture, first_row, last_row, tiles_down)
    low, high = hull(cubics + segments, segments, segment, True)
    top, bottom = tiles_between(low, high, reach, tiles_down)
    top, bottom = tl.maximum(top, first), tl.minimum(bottom, last - 1)
    edges = tl.load(counts + segment)
    control, part, axis = tl.arange(0, 4)[:, None, None], tl.arange(0, 4), tl.arange(0, 2)
    sums = d_cubics + 8 * segment + 2 * tl.arange(0, 4)[:, None] + axis[None, :]
    total = tl.load(sums)
    for block in range(top // BLOCK_ROWS * BLOCK_ROWS, bottom + 1, BLOCK_ROWS):
        for start in range(0, edges, EDGES):
            k = start + tl.arange(0, EDGES)
            ax, ay = point_on(cubics, segments, segment, k, edges)
            bx, by = point_on(cubics, segments, segment, k + 1, edges)
            left, right, up, down = tiles_of_edge(
                ax, ay, bx, by, stroke, reach, farthest, tiles_down, tiles_across
            )
            up, down = tl.maximum(up, block), tl.minimum(down, block + BLOCK_ROWS - 1)
            up, down = tl.maximum(up, first).to(tl.int32), tl.minimum(down, last - 1).to(tl.int32)
            down = tl.where(k < edges, down, -1)
            pulled = add_slots(
                visits_of_cell, layer_of_visit, first_entry, key_of_entry, slots,
                layer, segment * MOST_EDGES + k, cell, per_tile, left, right, up, down,
                visits_before, visits, entries, tiles_across,
            )  # fmt: skip
            vertex = k[None, :, None] + part[None, None, :] // 2
            pulled = tl.sum(weight(control, vertex, edges) * pulled[None, :, :], 1)
            total += tl.sum(tl.reshape(pulled, (4, 2, 2)), 1)
    tl.store(sums, total)


@triton.jit
def weight(control, k, edges):
    """How much a control point (0 to 3) moves vertex k of a polyline."""
    b0, b1, b2, b3 = bernstein(k.to(tl.float64) / edges.to(tl.float64))
    outer, inner = tl.where(control == 0, b0, b3), tl.where(control == 1, b1, b2)
    return tl.where((control == 0) | (control == 3), outer, inner)


@triton.jit
def add_slots(
    visits_of_cell, layer_of_visit, first_entry, key_of_entry, slots,
    layer, key, cell, per_tile, left, right, up, down,
    visits_before, visits, entries, tiles_across,
):  # fmt: skip
    """Gradients of edges, [edges, 4], added up over a rectangle of tiles each."""
    total = tl.full((EDGES, 4), 0, tl.float64)
    part = tl.arange(0, 4)[None, None, :]
    rows, columns = tl.max(down - up, 0) + 1, tl.max(right - left, 0) + 1
    for i in range(0, rows):
        for j in range(0, columns, BLOCK_COLUMNS):
            row = (up + i)[:, None]
            column = left[:, None] + j + tl.arange(0, BLOCK_COLUMNS)[None, :]
            there = (row <= down[:, None]) & (column <= right[:, None])
            spot = cell + (row * tiles_across + column) * per_tile
            visit, there = find_visits(
                visits_of_cell, visits_before, layer_of_visit, layer, spot, there
            )
            first = tl.load(first_entry + visit, there, 0)
            last = tl.load(first_entry + visit + 1, there & (visit + 1 < visits), entries)
            entry, there = find(key_of_entry, first, last, key[:, None], there)
            slot = tl.load(slots + 4 * entry[:, :, None] + part, there[:, :, None], 0)
            total += tl.sum(slot.to(tl.float64), 1)
    return total


@kernel
def add_points(d_cubics, uses, first_use, d_points, points):
    """The gradient of each control point, added up over the segments that use it, in their order.

    `uses` are rows of `d_cubics` [4 x segments, 2], those of a point behind each other.
    """
    point = tl.program_id(0) * POINTS + tl.arange(0, POINTS)
    here = point < points
    first, last = tl.load(first_use + point, here, 0), tl.load(first_use + point + 1, here, 0)
    x = tl.full((POINTS,), 0, tl.float64)
    y = x
    for i in range(0, tl.max(last - first, 0)):
        used = first + i < last
        row = tl.load(uses + first + i, used, 0)
        x += tl.load(d_cubics + 2 * row, used, 0)
        y += tl.load(d_cubics + 2 * row + 1, used, 0)
    tl.store(d_points + 2 * point, x, here)
    tl.store(d_points + 2 * point + 1, y, here)
