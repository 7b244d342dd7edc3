"""What a drawing has to be, whatever the losses say: it is made so after every step of the loop.

A constraint is a function of a drawing and of how much of the run is over (0 before the first step,
1 after the last) that gives the drawing as it shall be: paths of the same number and kind.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from clipdraw.colors import nearest
from clipdraw.drawing import Drawing

# Of the run: where colours begin to be drawn to their inks, and where each takes one for good. The
# last part is for points and widths, which have to make do with the inks.
SOFT_FROM, HARD_FROM = 0.3, 0.7
# Of the way to its ink, how far a colour goes in a step just before it gets there: as far as Adam
# at CLIPDraw's rate carries it away from half the way.
PULL = 0.05


@dataclass(frozen=True, eq=False)
class Frozen:
    """Some paths stay as they were: their points, widths and colours."""

    paths: Bool[Tensor, " paths"]
    """True for those that stay."""
    start: Drawing
    """How they were."""

    def __call__(self, drawing: Drawing, progress: float) -> Drawing:
        def kept(name: str) -> Tensor:
            rows = self.paths[drawing.path_of_point] if name == "points" else self.paths
            now = getattr(drawing, name)
            then = getattr(self.start, name).to(now)
            return torch.where(rows.to(now.device).view(-1, *[1] * (now.dim() - 1)), then, now)

        return drawing.replace(**{name: kept(name) for name in drawing.floats})


@dataclass(frozen=True, eq=False)
class Palette:
    """Every stroke and every fill has one of a few inks, and is opaque: softly on the way, hard in
    the end. (As a projection in proximal gradient descent, which needs no state of its own.)

    The nearest ink is that of the least distance in Oklab, where distances are as large as they
    look.
    """

    inks: Float[Tensor, "inks 3"]
    """RGB in [0, 1]."""

    def __call__(self, drawing: Drawing, progress: float) -> Drawing:
        if progress < SOFT_FROM:
            return drawing
        pull = 1.0
        if progress < HARD_FROM:
            pull = PULL * (progress - SOFT_FROM) / (HARD_FROM - SOFT_FROM)
        colours = drawing.floats.keys() & {"colors", "fills"}
        return drawing.replace(**{k: self._drawn(getattr(drawing, k), pull) for k in colours})

    def _drawn(self, colors: Float[Tensor, "rows 4"], pull: float) -> Float[Tensor, "rows 4"]:
        inks = self.inks.to(colors)
        ink = inks[nearest(colors[:, :3], inks)]
        target = torch.cat([ink, torch.ones_like(ink[:, :1])], dim=1)
        # `lerp` gives the ink itself, to the last bit, where the pull is 1.
        return colors.lerp(target, pull)
