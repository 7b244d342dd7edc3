"""Drawings that are hard to render, and what they are built with."""

import numpy as np
import torch

from clipdraw import Drawing, scribble
from clipdraw.drawing import Path, assemble, join


def strokes(*paths, width=40, height=28) -> Drawing:
    """A drawing from (points, width, rgba) triples, in double precision."""
    points, widths, colors = zip(*paths, strict=True) if paths else ((), (), ())
    segments = torch.tensor([(len(p) - 1) // 3 for p in points], dtype=torch.int64)
    flat = [xy for p in points for xy in p]
    return Drawing(
        points=torch.tensor(flat, dtype=torch.float64).reshape(-1, 2),
        segments=segments,
        widths=torch.tensor(widths, dtype=torch.float64),
        colors=torch.tensor(colors, dtype=torch.float64).reshape(-1, 4),
        picture=torch.zeros_like(segments),
        width=width,
        height=height,
    )


def shape(*contours, fill=None, rule="nonzero", color=None, width=0.0, closed=True) -> Path:
    """One path in double precision."""
    double = {"dtype": torch.float64}
    return Path(
        contours=[torch.tensor(points, **double) for points in contours],
        closed=[closed] * len(contours),
        width=torch.tensor(width, **double),
        color=None if color is None else torch.tensor(color, **double),
        fill=None if fill is None else torch.tensor(fill, **double),
        fill_rule=rule,
    )


def shapes(*paths, width=40, height=28) -> Drawing:
    return assemble(paths, width, height)


def polygon(*corners) -> list[tuple[float, float]]:
    """A closed contour of straight segments."""
    corners = np.array(corners, dtype=float)
    sides = np.roll(corners, -1, axis=0) - corners
    points = np.stack([corners, corners + sides / 3, corners + sides * 2 / 3], axis=1)
    return [tuple(p) for p in points.reshape(-1, 2)]


def disc(x, y, radius, squeeze=1.0) -> list[tuple[float, float]]:
    """A closed contour of four cubics round to 2.7e-4 of its radius; squeezed, an ellipse."""
    k = 0.5522847498
    quarter = np.array([(1, 0), (1, k), (k, 1)])
    turn = np.array([(0, 1), (-1, 0)])
    points = np.concatenate([quarter @ np.linalg.matrix_power(turn, i) for i in range(4)])
    return [tuple(p) for p in np.array([x, y]) + radius * points * np.array([1, squeeze])]


def random_strokes(seed: int, count: int, widths, *, width=50, height=37, wander=1.0) -> Drawing:
    """CLIPDraw's scribbles with widths drawn from a range, and steps `wander` times as long."""
    generator = torch.Generator().manual_seed(seed)
    drawing = scribble(count, generator, width=width, height=height).to(torch.float64)
    low, high = widths
    starts = drawing.points[torch.arange(len(drawing.points)) // 10 * 10]
    return drawing.replace(
        points=starts + wander * (drawing.points - starts),
        widths=low + (high - low) * torch.rand(count, generator=generator, dtype=torch.float64),
    )


RED, BLUE, GLASS = (0.9, 0.1, 0.2, 1.0), (0.1, 0.3, 0.8, 0.7), (0.2, 0.9, 0.4, 0.0)
WAVE = [(4.3, 5.1), (14.2, 31.7), (23.8, -8.4), (35.6, 21.3)]
LOOP = [(8.0, 22.0), (52.0, -6.0), (-14.0, -5.0), (31.0, 23.0)]
STAR = polygon((20.2, 1.3), (27.9, 26.1), (3.2, 10.4), (36.8, 9.7), (11.7, 25.6))
EIGHT = [(4.3, 14), (4.3, -9), (35.6, 37), (35.6, 14), (35.6, -9), (4.3, 37)]

SCENES = {
    "random": random_strokes(0, 20, (0.5, 12.0)),
    "random, thin and long": random_strokes(1, 12, (0.05, 1.5), wander=8.0),
    "random, wide": random_strokes(2, 6, (20.0, 60.0), width=33, height=41),
    "wider than a tile": strokes((WAVE, 47.3, BLUE), (LOOP, 21.9, RED)),
    "mostly off canvas": strokes(([(-90.0, -50), (-20, 9), (60, 11), (400, 90)], 5.2, RED)),
    "wholly off canvas": strokes(([(-90.0, -50), (-80, 9), (-60, 11), (-70, 90)], 5.2, RED)),
    "a single point": strokes(([(17.3, 11.8)] * 4, 6.4, RED)),
    "a single point on a pixel's centre": strokes(([(17.5, 11.5)] * 4, 0.9, RED)),
    "thinner than a pixel": strokes((WAVE, 0.07, RED), (LOOP, 0.6, BLUE)),
    "coincident": strokes((WAVE, 5.0, BLUE), (WAVE, 5.0, RED), (WAVE, 3.0, BLUE)),
    "opacity 0 and 1": strokes((WAVE, 7.0, GLASS), (LOOP, 4.0, RED), (WAVE, 2.0, GLASS)),
    "zero width": strokes((WAVE, 0.0, RED), (LOOP, 3.0, BLUE)),
    "crossing itself": strokes((LOOP, 5.0, BLUE)),
    "cusp": strokes(([(6.0, 20), (34, 4), (6, 4), (34, 20)], 4.4, BLUE)),
    "collinear": strokes(([(4.23, 6.17), (14.2, 11.31), (24.17, 16.45), (34.14, 21.59)], 4, RED)),
    "there and back": strokes(([(4.23, 6.17), (24.1, 16.3), (34.3, 21.4), (4.23, 6.17)], 4.0, RED)),
    "nothing": strokes(),
    "one pixel": strokes(([(0.1, 0.2), (0.5, 0.9), (0.7, 0.1), (0.9, 0.8)], 0.4, BLUE),
                         width=1, height=1),
    "tall": strokes((WAVE, 5.0, BLUE), width=17, height=70),
    "disc": shapes(shape(disc(19.3, 14.1, 9.7), fill=BLUE)),
    "wider than the canvas": shapes(shape(disc(19.3, 14.1, 60.2, 0.4), fill=BLUE)),
    "off to the left": shapes(shape(disc(-20.3, 14.1, 31.0), fill=RED)),
    "off to every side": shapes(*(shape(disc(x, y, 9.0), fill=BLUE) for x, y in
                                  ((-3.3, 9.1), (41.2, 8.8), (20.5, -4.1), (18.1, 33.0)))),
    "star, nonzero": shapes(shape(STAR, fill=BLUE)),
    "star, evenodd": shapes(shape(STAR, fill=BLUE, rule="evenodd")),
    "eight, nonzero": shapes(shape(EIGHT, fill=RED)),
    "eight, evenodd": shapes(shape(EIGHT, fill=RED, rule="evenodd")),
    "bow tie": shapes(shape(polygon((4, 4), (20, 20), (20, 4), (4, 20)), fill=BLUE)),
    "ring, evenodd": shapes(shape(disc(20, 14, 11.3), disc(21.2, 13.1, 6),
                                  fill=RED, rule="evenodd")),
    "ring, nonzero": shapes(shape(disc(20, 14, 11.3), disc(21.2, 13.1, 6)[::-1], fill=RED)),
    "overlapping": shapes(shape(disc(15, 14, 9.3), disc(24.2, 13.1, 8.0), fill=RED),
                          shape(disc(20, 14, 4.3), fill=GLASS),
                          shape(disc(20, 20, 5.3), fill=BLUE)),
    "fill and stroke": shapes(shape(disc(18.2, 13.9, 9.1, 0.7), fill=BLUE, color=RED, width=3.3),
                              shape(WAVE, fill=RED, color=BLUE, width=1.2, closed=False)),
    "closed stroke": shapes(shape(STAR, color=RED, width=2.2),
                            shape(disc(20, 14, 11.3), disc(30.2, 13.1, 6), color=BLUE, width=4.0)),
    "on whole pixels": shapes(shape(polygon((8, 4), (32, 4), (32, 20), (8, 20)), fill=BLUE)),
    "sliver": shapes(shape(polygon((2.3, 4.1), (37.7, 21.2), (37.71, 21.25)), fill=RED)),
    "within a pixel": shapes(shape(disc(7.4, 9.6, 0.3), fill=RED)),
    "no area": shapes(shape(disc(7.4, 9.6, 0.0), fill=RED, color=BLUE, width=3.0),
                      shape(polygon((2.3, 4.1), (37.7, 21.2)), fill=RED)),
    # These end pydiffvg's process, or are drawn wrongly by it.
    "300 strokes on one pixel": strokes(*[([(9, 9), (11, 9), (9, 11), (11.5, 10.5)], 1.5,
                                           (i / 300, 0.5, 1 - i / 300, 0.02)) for i in range(300)]),
    "stroked ellipse": shapes(shape(disc(19.6, 14.2, 13.0, 0.6), color=RED, width=2.5)),
    "two pictures": join([shapes(shape(STAR, fill=BLUE)), strokes((WAVE, 5.0, RED)), strokes(),
                          shapes(shape(disc(20, 14, 7), fill=RED, color=BLUE, width=2.0))]),
}  # fmt: skip
