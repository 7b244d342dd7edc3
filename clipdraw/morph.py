"""From one drawing to another: what is between them is a drawing, too."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Complex, Float, Int
from torch import Tensor

from clipdraw.drawing import Drawing, Path, assemble
from clipdraw.matching import complex_of, points_of
from clipdraw.strands import Strand, strands

# Closed forms with less in common (the cosine between their points about their centres, after the
# best turn) do not turn on their way: an egg shall not bow to become a line, which has 0.7 in
# common with it. Open ones always do, and keep their length; if none did, there would be 2 % less
# ink half way from a star of 256 strokes to a cat.
ALIKE = 0.8
# What an opaque path lets through as long as there are two of it: half of what a screen can show.
UNSEEN = 1 / 512


def between(one: Drawing, other: Drawing) -> Callable[[float], Drawing]:
    """The way from a drawing to another, as a function of how much of it is over.

    Paths are matched by optimal assignment (see `clipdraw.matching`). Those of a pair go straight
    from place to place, and turn by the angle between their forms; points, widths and colours
    change evenly, colours by their opacity. What has no partner grows out of the ink nearest to
    where it would have been, or vanishes into it. Where two change their order, one fades in above
    the other and out below, so that nothing jumps: on the way there are up to twice as many paths.

    Args:
        one: a single picture.
        other: the same; it is brought to the canvas of the first, as large as fits, in the middle.

    Returns:
        A function of t in [0, 1], on the CPU. At 0 and 1 it gives the drawings themselves.

    Raises:
        ValueError: several pictures; from the function, a t outside of [0, 1].
    """
    for drawing in (one, other):
        if drawing.pictures != 1:
            raise ValueError(f"a morph is between single pictures, got {drawing.pictures}; split")
    one, other = one.detach().to("cpu"), other.detach().to("cpu", one.points.dtype)
    other = other.fitted(one.width, one.height)
    found = strands(one, other)
    layered = layers(found)
    starts, ends = (
        assemble([layer.end(new) for layer in layered], one.width, one.height)
        for new in (False, True)
    )
    return Morph(
        one, other, starts, ends,
        share=torch.tensor([layer.share for layer in layered]),
        pace=torch.tensor([float(layer.strand.pace) for layer in layered]).double(),
    )  # fmt: skip


class Layer(NamedTuple):
    """A strand at a place in the painter's order."""

    strand: Strand
    share: int
    """Of its opacity: all of it at 0; at -1 it fades out, and at 1 in."""

    def end(self, new: bool) -> Path:
        """The path at one end of its way, filled as it is in the drawing that it belongs to."""
        path = self.strand.other if new else self.strand.one
        filled = self.strand.other if self.share > 0 else self.strand.one
        return replace(path, fill_rule=filled.fill_rule)


def layers(found: Sequence[Strand]) -> list[Layer]:
    """Strands in an order that serves both drawings.

    Those that have the same order in both, and are filled by the same rule, stay where they are: of
    all choices of such the one with the largest strands. Each other one is there twice, between two
    of these: where it is in the first drawing, and where it is in the second.
    """
    able = [s for s in found if s.pace == 0 and s.one.fill_rule == s.other.fill_rule]
    able.sort(key=lambda s: s.rank)
    stay = [able[i] for i in heaviest([s.new_rank for s in able], [s.size for s in able])]
    old, new = ([getattr(s, rank) for s in stay] for rank in ("rank", "new_rank"))
    placed = [((i, 0, 0), Layer(strand, 0)) for i, strand in enumerate(stay, start=1)]
    for strand in {*found} - {*stay}:
        twice = strand.pace == 0
        if strand.rank is not None:
            place = (bisect(old, strand.rank), 1, strand.rank)
            placed.append((place, Layer(strand, -twice)))
        if strand.new_rank is not None:
            place = (bisect(new, strand.new_rank), 2, strand.new_rank)
            placed.append((place, Layer(strand, +twice)))
    return [layer for _, layer in sorted(placed, key=lambda each: each[0])]


def heaviest(values: Sequence[int], weights: Sequence[float]) -> list[int]:
    """Which of `values` rise one after the other and weigh most together."""
    values, best = np.array(values), np.array(weights)
    before = np.full(len(values), -1)
    for i in range(len(values)):
        lower = np.flatnonzero(values[:i] < values[i])
        if len(lower):
            before[i] = lower[best[lower].argmax()]
            best[i] += best[before[i]]
    chain = [int(best.argmax())] if len(best) else []
    while chain and before[chain[-1]] >= 0:
        chain.append(int(before[chain[-1]]))
    return chain[::-1]


@dataclass(frozen=True, eq=False)
class Morph:
    """What `between` gives."""

    one: Drawing
    other: Drawing
    start: Drawing
    """Looks like `one`, in a structure that it shares with `end`."""
    end: Drawing
    share: Int[Tensor, " paths"]
    """That of each path's layer."""
    pace: Float[Tensor, " paths"]
    """That of its strand."""

    def __call__(self, t: float) -> Drawing:
        if not 0 <= t <= 1:
            raise ValueError(f"t is {t}; give a fraction of the way, from 0 to 1")
        if t in (0, 1):
            return self.other if t else self.one
        # As much ink has to be there half way: what grows hurries, and what vanishes lingers.
        times = t + self.pace * t * (1 - t)
        drawing = self.start.replace(
            points=self._points(times),
            widths=torch.lerp(self.start.widths, self.end.widths, times),
            colors=self._shared(mixed(self.start.colors, self.end.colors, times), t),
            fills=self._shared(mixed(self.start.fills, self.end.fills, times), t),
        )
        return drawing.to(self.one.points.dtype)

    def _points(self, times: Float[Tensor, " paths"]) -> Float[Tensor, "points 2"]:
        """A centre goes straight, and what is around it turns as it becomes the other form."""
        path = self.start.path_of_point
        (centre, form), (new_centre, new_form), angle = self._forms
        t = times[path].numpy()
        turn = np.exp(1j * t * angle)
        ahead = new_form * np.exp(-1j * angle)
        places = (1 - t) * centre + t * new_centre + turn * ((1 - t) * form + t * ahead)
        return points_of(places)

    @cached_property
    def _forms(self):
        """Of each point: its path's centre and where it is from there, at both ends; and the angle
        by which the path turns."""
        path = self.start.path_of_point.numpy()
        count = np.bincount(path, minlength=self.start.paths)

        def mean(values: Complex[np.ndarray, " points"]) -> Complex[np.ndarray, " points"]:
            """Over the points of each path."""
            real, imaginary = (np.bincount(path, x, len(count)) for x in (values.real, values.imag))
            return ((real + 1j * imaginary) / count)[path]

        ends = [complex_of(drawing.points) for drawing in (self.start, self.end)]
        (centre, form), (new_centre, new_form) = ((mean(z), z - mean(z)) for z in ends)
        common = mean(form.conj() * new_form)
        most = np.sqrt(mean(np.abs(form) ** 2 + 0j) * mean(np.abs(new_form) ** 2 + 0j)).real
        closed = self.start.closed.repeat_interleave(self.start.points_of_contour).numpy()
        angle = np.where(closed & (np.abs(common) < ALIKE * most), 0, np.angle(common))
        return (centre, form), (new_centre, new_form), angle

    def _shared(self, colors: Float[Tensor, "paths 4"], t: float) -> Float[Tensor, "paths 4"]:
        """Colours with the opacity of their layer. Where nothing lies between the two copies of a
        strand they let through as much, one after the other, as the strand alone."""
        through = 1 - colors[:, 3]
        some = through.clamp(min=UNSEEN)
        own = torch.where(
            self.share > 0, some**t, torch.where(self.share < 0, some ** (1 - t), through)
        )
        return torch.cat([colors[:, :3], 1 - own[:, None]], dim=1)


def mixed(
    one: Float[Tensor, "colours 4"], other: Float[Tensor, "colours 4"], t: Float[Tensor, " colours"]
) -> Float[Tensor, "colours 4"]:
    """Straight RGBA part of the way to others: each counts by its opacity, and two clear ones
    evenly.

    (By Oklab, red to blue came out paler, and all else the same.)
    """
    t = t[:, None]
    alpha = torch.lerp(one[:, 3:], other[:, 3:], t)
    share = torch.where(alpha > 0, t * other[:, 3:] / alpha, t)
    return torch.cat([torch.lerp(one[:, :3], other[:, :3], share), alpha], dim=1)
