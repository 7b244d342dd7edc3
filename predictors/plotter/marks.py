"""From paths to marks: what each fill and each stroke covers on the sheet, with which pen it is
drawn, how densely, and in which way."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
import torch
from jaxtyping import Float, Int
from torch import Tensor

from clipdraw import Drawing, render
from clipdraw.renderers.reference import flatten
from predictors.outputs import size
from predictors.pictures import Color
from predictors.plotter.pens import FAR, Pen, Tone, choose
from predictors.plotter.settings import HATCH, LINE, PASSES, Settings
from predictors.plotter.sheet import Sheet

# Stands where a pen is expected for what is as pale as the paper.
NO_PEN = -1
# Spacings double from one level to the next, so that every line of a sparse hatching is one of the
# dense ones, too, and goes on where they meet. Eight times as far apart, lines still shade.
LEVELS = 4
# From here on a colour is told apart from the paper, or from its neighbour: floral white is 0.02
# from white, beige 0.05.
PALE = 0.03
# What is at least so opaque hides what lies below; the rest lies over it.
HIDING = 0.5
# What Inkscape and other programs call opaque in eight bits.
CLEAR = 1 - 1 / 512
# Longer side in pixels at which a drawing is looked at for its colours.
LOOK = 768
# How far polylines may be from curves, mm: a step of an HPGL plotter is 0.025.
FLATNESS = 0.02
# Length of a dot, mm: some steps of any plotter.
DOT = 0.1
# Chords of a quarter of a circle: a round end with a radius of 5 mm is exact within 0.006 mm.
QUARTER = 16
# mm: what is further away is off any sheet.
FARTHEST = 1e5
# Of all paths together. 2048 strokes on A2 have 100 000 edges; few cross themselves.
MOST_EDGES, MOST_CROSSINGS = 2_000_000, 1_000_000
AT_ONCE = 256

Rings = list[Float[np.ndarray, "_ 2"]]


@dataclass(frozen=True)
class Look:
    """How a fill or a stroke shall look."""

    pen: int
    """Its position in the list, or NO_PEN."""
    level: int
    """Lines are 2 ** level times as far apart as those of the densest hatching."""
    opaque: bool
    tone: Tone


@dataclass(frozen=True)
class Mark:
    """A fill or a stroke on the sheet."""

    look: Look
    cover: shapely.Geometry
    """The area that it covers, mm."""
    way: str
    """HATCH, PASSES, OUTLINE or LINE."""
    spine: shapely.Geometry | None = None
    """Of a stroke: the lines along its middle."""
    width: float = 0.0
    """Of a stroke, mm."""


# --- looks ----------------------------------------------------------------------------------------


def looks(
    drawing: Drawing, paper: Color, pens: Sequence[Pen], noticed: Counter
) -> tuple[list[Look | None], list[Look | None]]:
    """Those of all strokes and of all fills; None where a path has none, or an invisible one."""
    there = torch.stack([drawing.stroked & (drawing.widths > 0), drawing.fill_rules > 0])
    rgba = torch.stack([drawing.colors, drawing.fills])
    alpha = torch.where(there, rgba[..., 3], 0)
    rgb = torch.where(alpha[..., None] < HIDING, over(rgba, paper), seen(drawing, paper))
    pen, density, distance, tone = choose(rgb.reshape(-1, 3).double().numpy(), paper, pens)
    level = np.rint(-np.log2(density.clip(min=1e-9))).astype(int)
    pen[(level >= LEVELS) | (np.linalg.norm(tone, axis=1) < PALE)] = NO_PEN
    opaque = alpha.flatten().numpy()
    noticed["transparent"] += int(((opaque > 0) & (opaque < CLEAR)).sum())
    noticed["pale"] += int(((opaque > 0) & (pen == NO_PEN)).sum())
    noticed["far"] += int(((opaque > 0) & (pen != NO_PEN) & (distance > FAR)).sum())
    found = [
        Look(int(p), int(lines), bool(a >= HIDING), own) if a > 0 else None
        for p, lines, a, own in zip(pen, level, opaque, tone, strict=True)
    ]
    return found[: drawing.paths], found[drawing.paths :]


def over(rgba: Float[Tensor, "... 4"], paper: Color) -> Float[Tensor, "... 3"]:
    """Colours as they are alone on the paper."""
    alpha = rgba[..., 3:]
    return rgba[..., :3] * alpha + torch.tensor(paper) * (1 - alpha)


def seen(drawing: Drawing, paper: Color) -> Float[Tensor, "2 paths 3"]:
    """The colours that strokes and fills have in the picture: its mean where they show, with what
    shines through. What does not show has the colour that it has alone on the paper.

    The derivative of the sum of all pixels by a colour is how much each pixel shows of it. What is
    less than HIDING is drawn over the rest, and left out here.
    """
    rgba = torch.stack([drawing.colors, drawing.fills]).detach()
    rgba[..., 3] = torch.where(rgba[..., 3] < HIDING, 0, rgba[..., 3])
    rgba.requires_grad_()
    bare = drawing.replace(colors=rgba[0], fills=rgba[1])
    picture = render(bare, *size(drawing, LOOK), background=paper)
    shown, weighted = (
        torch.autograd.grad(total, rgba, retain_graph=True)[0][..., :3]
        for total in (picture.sum(), picture.square().sum() / 2)
    )
    rgba = rgba.detach()
    # What is opaque has its own colour, and a stroke thinner than a pixel mixes with its sides.
    clear = (rgba[..., 3:] > CLEAR) | (shown < 1e-3)
    return torch.where(clear, over(rgba, paper), weighted / shown.clamp(min=1e-3))


# --- marks ----------------------------------------------------------------------------------------


def marks(
    drawing: Drawing,
    sheet: Sheet,
    paper: Color,
    pens: Sequence[Pen],
    settings: Settings,
    noticed: Counter,
) -> list[Mark]:
    """Those of all paths in painter's order, of each its fill, then its stroke.

    Args:
        noticed: counts, by kind, what does not come out as it was drawn.

    Raises:
        ValueError: a drawing with too many edges or crossings.
    """
    found, edges, crossings = [], 0, 0
    on_sheet = drawing.replace(
        points=sheet.place(drawing.points.double()).clamp(-FARTHEST, FARTHEST),
        **{name: getattr(drawing, name).double() for name in ("colors", "fills")},
        widths=(drawing.widths.double() * sheet.scale).clamp(max=FARTHEST),
    )
    each = zip(on_sheet.each_path(), *looks(drawing, paper, pens, noticed), strict=True)
    for path, stroke, fill in ((path, *two) for path, *two in each if any(two)):
        lines = [line.numpy() for line in flatten(path, FLATNESS)]
        edges += sum(map(len, lines))
        if edges <= MOST_EDGES:
            crossings += count_crossings(lines)
        if edges > MOST_EDGES or crossings > MOST_CROSSINGS:
            raise ValueError(
                f"drawing: it has more than {MOST_EDGES:,} edges on this sheet, or its paths cross "
                f"themselves more than {MOST_CROSSINGS:,} times; simplify it"
            )
        if fill and not (area := filled(lines, path.fill_rule)).is_empty:
            found.append(Mark(fill, area, settings.fills))
            noticed["fills"] += 1
        if stroke:
            tip = pens[stroke.pen].tip if stroke.pen != NO_PEN else 0.0
            found.append(of_stroke(lines, path.width.item(), stroke, tip, settings, noticed))
    return found


def of_stroke(
    lines: Rings, width: float, look: Look, tip: float, settings: Settings, noticed: Counter
) -> Mark:
    """One line, several within its width, or an area to hatch.

    One line, too, of a stroke up to half a tip wider: two would be further from its width. In a
    band narrower than two spacings hatching is not seen as such; of what lies over something, as
    its hatching becomes one with that below, those are the densest hatching's.
    """
    spine = shapely.multilinestrings([shapely.linestrings(_drawable(line)) for line in lines])
    noticed["wide"] += width >= 1.5 * tip > 0
    noticed["thin"] += width < tip / 1.5
    if look.pen != NO_PEN and (settings.wide_strokes == LINE or width < 1.5 * tip):
        return Mark(look, wide(spine, tip), LINE, spine, tip)
    band = width < 2 * settings.hatch_spacing * (2**look.level if look.opaque else 1)
    way = PASSES if settings.wide_strokes == PASSES or band else HATCH
    return Mark(look, wide(spine, width), way, spine, width)


def wide(spine: shapely.Geometry, width: float) -> shapely.Geometry:
    """The area of a stroke with round ends and corners."""
    return shapely.buffer(spine, width / 2, quad_segs=QUARTER)


def _drawable(line: Float[np.ndarray, "points 2"]) -> Float[np.ndarray, "points 2"]:
    """A dot is a short line."""
    if np.ptp(line, axis=0).max() >= DOT:
        return line
    return line[0] + np.array([[-DOT / 2, 0], [DOT / 2, 0]])


# --- areas ----------------------------------------------------------------------------------------


def filled(rings: Rings, rule: str) -> shapely.Geometry:
    """The area within closed polylines, by SVG's `nonzero` or `evenodd`."""
    rings = [ring for ring in rings if len(ring) > 2]
    if len(rings) == 1 and (simple := shapely.Polygon(rings[0])).is_valid:
        return simple
    if not rings:
        return shapely.Polygon()
    edges = np.concatenate([np.stack([ring, np.roll(ring, -1, 0)], 1) for ring in rings])
    noded = shapely.node(shapely.multilinestrings(shapely.linestrings(edges)))
    faces = shapely.get_parts(shapely.polygonize([noded]))
    turns = winding(shapely.get_coordinates(shapely.point_on_surface(faces)), edges)
    return shapely.union_all(faces[turns % 2 == 1 if rule == "evenodd" else turns != 0])


def winding(
    points: Float[np.ndarray, "points 2"], edges: Float[np.ndarray, "edges 2 2"]
) -> Int[np.ndarray, " points"]:
    """How often closed polylines turn around each point: edges to its right, down less up."""
    tree, farthest = shapely.STRtree(shapely.linestrings(edges)), edges.max() + 1
    turns = np.zeros(len(points), int)
    for number, (x, y) in enumerate(points):
        (x0, y0), (x1, y1) = edges[tree.query(shapely.box(x, y, farthest, y))].T.swapaxes(0, 1)
        side = (x1 - x0) * (y - y0) - (x - x0) * (y1 - y0)
        turns[number] += ((y0 <= y) & (y < y1) & (side > 0)).sum()
        turns[number] -= ((y1 <= y) & (y < y0) & (side < 0)).sum()
    return turns


def count_crossings(lines: Rings) -> int:
    """How often the edges of a path meet others than their neighbours; soon ends where that is more
    than there may be."""
    edges = np.concatenate([np.stack([line[:-1], line[1:]], 1) for line in lines])
    edges = shapely.linestrings(edges)
    tree, found = shapely.STRtree(edges), 0
    for start in range(0, len(edges), AT_ONCE):
        some = edges[start : start + AT_ONCE]
        # Each meets itself and two neighbours.
        found += max(tree.query(some, predicate="intersects").shape[1] - 3 * len(some), 0) // 2
        if found > MOST_CROSSINGS:
            break
    return found
