"""Lines of a pen: points that straight edges join, mm."""

import numpy as np
import shapely
from jaxtyping import Float

Line = Float[np.ndarray, "points 2"]


def polylines(geometry: shapely.Geometry) -> list[Line]:
    """The lines of a geometry, without its points."""
    parts = shapely.get_parts(geometry)
    parts = parts[(shapely.get_dimensions(parts) == 1) & ~shapely.is_empty(parts)]
    return [shapely.get_coordinates(part) for part in parts]


def length(line: Line) -> float:
    return float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum())


def cut(line: Line, hidden: shapely.Geometry) -> list[Line]:
    """The parts of a polyline outside of an area, in its direction.

    Shapely would also cut it where it crosses itself, and a pen would turn off there.
    """
    ends = np.stack([line[:-1], line[1:]], 1)
    edges = shapely.linestrings(ends)
    shapely.prepare(hidden)
    meets = shapely.intersects(hidden, edges)
    if not meets.any():
        return [line]
    # Most edges are hidden wholly or not at all, which is found out a hundred times faster.
    inside = shapely.covers(hidden, edges)
    edges[inside] = None
    meets &= ~inside
    edges[meets] = shapely.difference(edges[meets], hidden)
    pieces, edge = shapely.get_parts(edges, return_index=True)
    kept = ~shapely.is_empty(pieces)
    first, last = (shapely.get_coordinates(shapely.get_point(pieces[kept], i)) for i in (0, -1))
    pieces, edge = np.stack([first, last], 1), edge[kept]
    order = np.lexsort([np.linalg.norm(pieces[:, 0] - ends[edge, 0], axis=1), edge])
    pieces = pieces[order]
    breaks = (pieces[1:, 0] != pieces[:-1, 1]).any(1).nonzero()[0] + 1
    runs = np.split(pieces, breaks) if len(pieces) else []
    return [np.concatenate([run[:1, 0], run[:, 1]]) for run in runs]
