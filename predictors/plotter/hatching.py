"""Parallel lines across areas, and the outlines of these. Millimetres."""

from collections import Counter
from collections.abc import Sequence
from math import ceil

import numpy as np
import shapely
from shapely import affinity

from predictors.plotter.marks import LEVELS, PALE
from predictors.plotter.pens import Tone
from predictors.plotter.polylines import Line, cut, length, polylines
from predictors.plotter.settings import Settings

# Hairs between areas that touch, mm: closed, or half a tip of paper would show on both sides.
HAIR = 0.01


def hatching(
    areas: Sequence[Sequence[shapely.Geometry]],
    fills: Sequence[tuple[shapely.Geometry, Tone]],
    tip: float,
    shift: float,
    settings: Settings,
    noticed: Counter,
) -> list[Line]:
    """Parallel lines across the areas of one pen, given for each level, and their outlines.

    All lines are those of one grid; from one level to the next every second one is left out. So
    neighbours of one tone become one, and lines go on in darker ones.

    Args:
        fills: those areas that are fills, with their colours, each of which gets outlines of its
            own; those of strokes, which often paint a tone together, are only where the tone ends.
        shift: of the grid, in spacings.
    """
    lines, outlines, whole, denser = [], [], shapely.Polygon(), shapely.Polygon()
    for order, own in enumerate(map(shapely.union_all, areas)):
        whole = whole.union(own)
        region = whole.buffer(HAIR)
        middle = region.buffer(-tip / 2 - HAIR)
        if middle.is_empty:
            continue
        # Turned so that its lines lie as they are written.
        turned = affinity.rotate(middle, settings.hatch_angle, origin=(0, 0))
        across = shapely.intersection(grid(turned.bounds, order, shift, settings), turned)
        lines += polylines(affinity.rotate(across, -settings.hatch_angle, origin=(0, 0)))
        if settings.outlines:
            ring = region.difference(denser).buffer(-tip / 2 - HAIR).boundary
            outlines += apart_from(outlines, ring, tip)
        denser = region
    for area in alike(fills) if settings.outlines else []:
        outlines += apart_from(outlines, area.boundary, tip)
    return lines + outlines + missed(areas, lines + outlines, settings, noticed)


def grid(
    box: tuple[float, float, float, float], order: int, shift: float, settings: Settings
) -> shapely.Geometry:
    """The level lines in a box that are in hatchings up to a level, and in no sparser ones."""
    left, top, right, bottom = box
    first, last = (y / settings.hatch_spacing - shift for y in (top, bottom))
    lines = np.arange(ceil(first), last)
    step = 2**order
    lines = lines[lines % (2 * step) == step if order < LEVELS - 1 else lines % step == 0]
    y = (lines + shift) * settings.hatch_spacing
    ends = [np.stack([np.full_like(y, x), y], 1) for x in (left - 1, right + 1)]
    return shapely.multilinestrings(shapely.linestrings(np.stack(ends, 1)))


def alike(fills: Sequence[tuple[shapely.Geometry, Tone]]) -> list[shapely.Geometry]:
    """Areas of one colour, as far as people tell colours apart, each of one fill or of several."""
    groups = []
    for area, tone in fills:
        for own, first in groups:
            if np.linalg.norm(tone - first) < PALE:
                own.append(area)
                break
        else:
            groups.append(([area], tone))
    return [shapely.union_all(own).buffer(HAIR) for own, _ in groups]


def apart_from(lines: Sequence[Line], outline: shapely.Geometry, tip: float) -> list[Line]:
    """The parts of an outline that have none of some lines beside them."""
    if not lines:
        return polylines(outline)
    there = shapely.buffer(
        shapely.multilinestrings(list(map(shapely.linestrings, lines))), 1.5 * tip
    )
    pieces = [piece for line in polylines(outline) for piece in cut(line, there)]
    return [piece for piece in pieces if length(piece) >= tip]


def missed(
    areas: Sequence[Sequence[shapely.Geometry]],
    lines: Sequence[Line],
    settings: Settings,
    noticed: Counter,
) -> list[Line]:
    """A line through the middle of each area that no line meets, unless it is so small that this
    makes it more than twice as dark as it is."""
    tree = shapely.STRtree([shapely.linestrings(line) for line in lines])
    found = []
    for level, some in enumerate(areas):
        some = np.array(some, dtype=object)
        some = np.delete(some, tree.query(some, predicate="intersects")[0])
        large = shapely.area(some) >= (settings.hatch_spacing * 2**level / 2) ** 2
        noticed["faint"] += int((~large).sum())
        for area in some[large]:
            middle = shapely.point_on_surface(area)
            ray = shapely.LineString([(middle.x - 1e4, middle.y), (middle.x + 1e4, middle.y)])
            ray = affinity.rotate(ray, -settings.hatch_angle)
            found.append(max(polylines(area.intersection(ray)), key=length))
    return found
