"""From marks to lines: what hides what, hatching, passes and outlines. All in mm."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from math import ceil

import numpy as np
import shapely

from predictors.plotter.hatching import HAIR, hatching
from predictors.plotter.marks import DOT, FLATNESS, LEVELS, NO_PEN, Mark, wide
from predictors.plotter.pens import Pen
from predictors.plotter.polylines import Line, cut, length, polylines
from predictors.plotter.settings import (
    HATCH,
    LINE,
    NOTHING,
    OPAQUE,
    OUTLINE,
    PAPER,
    PASSES,
    Settings,
)
from predictors.plotter.sheet import Sheet

# Neighbouring lines of a solid area overlap by this share, so that no paper shows between them.
OVERLAP = 0.05
# Metres, eleven hours at 50 mm/s; and so many before what is hidden is cut away.
MOST_INK, MOST_UNCUT = 2_000, 20_000
# What lies over each other is worked out in tiles, so many along the longer side. For 2048 strokes
# that paint a photograph that takes 2 s with 8, 5 s with 32, and 18 s with 1.
TILES = 8
# Corners of what is looked at there, summed over all marks: some minutes. That photograph has
# 1.5 million, and 2048 strokes across the whole sheet, at random, have 14.
MOST_CORNERS = 100_000_000


def ink(
    marks: Sequence[Mark],
    pens: Sequence[Pen],
    sheet: Sheet,
    settings: Settings,
    noticed: Counter,
    report: Callable[[str, float], None],
) -> list[list[Line]]:
    """The lines of each pen, in painter's order, with all that is hidden cut away.

    Args:
        marks: in painter's order.
        noticed: counts, by kind, what does not come out as it was drawn.
        report: Cog's `record_metric`.

    Raises:
        ValueError: more ink than a plotter could lay, or more overlaps than can be worked out.
    """
    found: list[list[Line]] = [[] for _ in pens]
    hatched, fills = [[[] for _ in range(LEVELS)] for _ in pens], [[] for _ in pens]
    metres = uncut = 0.0
    for mark, shown, hidden in visible(marks, sheet, settings, noticed, report):
        number, level = mark.look.pen, mark.look.level
        tip = pens[number].tip
        metres += expected(mark, shown, tip, settings) / 1000
        uncut += expected(mark, mark.cover, tip, settings) / 1000
        if metres > MOST_INK or uncut > MOST_UNCUT:
            raise ValueError(
                f"drawing: it needs more than {MOST_INK:,} m of line, or {MOST_UNCUT:,} m before "
                "what is hidden is cut away; choose a larger hatch_spacing, hatch instead of "
                "passes, wider pens or smaller paper"
            )
        if mark.way == HATCH:
            hatched[number][level].append(shown)
            fills[number] += [(shown, mark.look.tone)] * (mark.spine is None)
        else:
            found[number] += reversed(drawn(mark, shown, hidden, tip, sheet, noticed))
    for number, pen in enumerate(pens):
        found[number].reverse()
        # Where one pen's lines are over another's they lie beside each other.
        shift = number / len(pens)
        found[number] += hatching(hatched[number], fills[number], pen.tip, shift, settings, noticed)
    return found


# --- what hides what ------------------------------------------------------------------------------


def visible(
    marks: Sequence[Mark], sheet: Sheet, settings: Settings, noticed: Counter, report: Callable
) -> Iterator[tuple[Mark, shapely.Geometry, shapely.Geometry]]:
    """The marks that a pen draws and that are not all hidden, from the top to the bottom, each with
    the part of its area that shows and with all that lies over it there.

    A single line hides nothing: to cut others beside it takes more time than it is worth.
    """
    covers = shapely.simplify(np.array([mark.cover for mark in marks]), FLATNESS / 2)
    inside = shapely.covers(sheet.frame.buffer(DOT), covers)
    noticed["cut"] += int((~inside).sum())
    tiles, corners = tiles_of(sheet.frame), 0
    tree, hidden = shapely.STRtree(tiles), np.full(len(tiles), shapely.Polygon())
    for number in reversed(range(len(marks))):
        report("step", len(marks) - number)
        report("steps", len(marks))
        mark, near = marks[number], tree.query(covers[number], predicate="intersects")
        # An intersection takes 8 s for a spiral of 200 turns where clipping takes a hundredth. The
        # lines go in which areas touch tiles from outside.
        parts = [shapely.clip_by_rect(covers[number], *tiles[tile].bounds) for tile in near]
        parts = shapely.buffer(parts, 0)
        corners += int(shapely.get_num_coordinates([*parts, *hidden[near]]).sum())
        if corners > MOST_CORNERS:
            raise ValueError(
                "drawing: so much of it lies over each other that it would take hours to work out "
                "what shows; choose occlude=nothing, or simplify it"
            )
        shown = shapely.union_all(shapely.difference(parts, hidden[near]))
        if shown.is_empty:
            noticed["hidden"] += len(near) > 0
            continue
        if mark.look.pen != NO_PEN:
            yield mark, shown, shapely.union_all(hidden[near])
        kind = {OPAQUE: True, PAPER: mark.look.pen == NO_PEN, NOTHING: False}[settings.occlude]
        if kind and mark.look.opaque and mark.way != LINE:
            hidden[near] = shapely.union(hidden[near], parts)


def tiles_of(frame: shapely.Geometry) -> np.ndarray:
    """Squares, but for those at the right and the lower edge, that make up a rectangle."""
    left, top, right, bottom = frame.bounds
    side = max(right - left, bottom - top) / TILES
    x, y = np.meshgrid(np.arange(left, right, side), np.arange(top, bottom, side))
    return shapely.box(x, y, np.minimum(x + side, right), np.minimum(y + side, bottom)).ravel()


# --- lines ----------------------------------------------------------------------------------------


def expected(mark: Mark, shown: shapely.Geometry, tip: float, settings: Settings) -> float:
    """About how long the lines of a mark are, mm, before they are worked out."""
    if mark.way == HATCH:
        return shown.area / (settings.hatch_spacing * 2**mark.look.level)
    if mark.way == PASSES:
        return shown.area / (tip * 2**mark.look.level)
    return shown.length / (2 if mark.way == LINE else 1)


def drawn(
    mark: Mark,
    shown: shapely.Geometry,
    hidden: shapely.Geometry,
    tip: float,
    sheet: Sheet,
    noticed: Counter,
) -> list[Line]:
    """The lines of a mark that is not hatched."""
    apart = tip * 2**mark.look.level
    if mark.way == PASSES and mark.spine is None:
        return rings(shown, tip, apart)
    if mark.way == OUTLINE:
        whole = mark.cover.boundary
    else:
        whole = mark.spine if mark.way == LINE else passes(mark, tip, apart)
    # A hair more than the canvas: shapely drops lines that run along a rectangle's sides.
    whole = polylines(shapely.clip_by_rect(whole, *sheet.frame.buffer(HAIR).bounds))
    if hidden.is_empty:
        return whole
    # The ink ends where what lies over it begins.
    hidden = hidden.buffer(tip / 2)
    pieces = [piece for line in whole for piece in cut(line, hidden)]
    long = [piece for piece in pieces if length(piece) >= tip]
    noticed["scraps"] += len(pieces) - len(long)
    return long


def passes(mark: Mark, tip: float, apart: float) -> shapely.Geometry:
    """Lines along a stroke, side by side, so far apart at most.

    The outer ones end where the stroke does; of few and faint ones each is in the middle of its
    share.
    """
    count = ceil(mark.width / apart)
    outer = min(mark.width - tip, mark.width * (1 - 1 / count))
    beside = [wide(mark.spine, outer * (1 - 2 * i / (count - 1))) for i in range(count // 2)]
    found = [ring for area in beside for ring in shapely.get_parts(area.boundary)]
    if count % 2:
        found += shapely.get_parts(mark.spine).tolist()
    return shapely.multilinestrings(found)


def rings(area: shapely.Geometry, tip: float, apart: float) -> list[Line]:
    """Outlines within each other that fill an area."""
    found, outer, step = [], area.buffer(-tip / 2), apart * (1 - OVERLAP)
    while not outer.is_empty:
        inner = outer.buffer(-step)
        found += polylines(outer.boundary)
        if apart == tip:
            # What stays bare between them, where sides meet.
            bare = outer.buffer(-tip / 2).difference(inner.buffer(tip / 2 + HAIR)).buffer(-HAIR)
            lines = polylines(bare.simplify(tip / 4).boundary)
            found += [line for line in lines if length(line) >= 2 * tip]
        outer = inner
    return found
