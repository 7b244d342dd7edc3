"""From a drawing to pixels that can be differentiated.

A backend is a function `(drawing, background) -> [pictures, 3, height, width]` that is handed a
drawing whose canvas units are pixels, and a background colour `[3]`. To add one, write its module
and name it in `BACKENDS`.
"""

import importlib
import os
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from clipdraw.drawing import Drawing

# A module is imported when its backend is first asked for, so that a slow import (a compiler) or
# a missing package troubles only those who use it.
BACKENDS = {
    "cpu": "clipdraw.renderers.cpu",
    "reference": "clipdraw.renderers.reference",
}
# For drawings on a GPU too: copying a few kilobytes there and back costs less than the definition.
FASTEST = "cpu"
WHITE = (1.0, 1.0, 1.0)
# In pixels: strokes are cut short, and no wider, where single precision could not square the
# distance any more and an integer could not count the tiles.
FARTHEST = 1e6


def render(
    drawing: Drawing,
    height: int | None = None,
    width: int | None = None,
    *,
    background: Sequence[float] | Tensor = WHITE,
    backend: str | None = None,
) -> Float[Tensor, "pictures 3 {height} {width}"]:
    """Paint a drawing, differentiably in its points, widths and colours.

    Args:
        drawing: one or more pictures, on any device.
        height, width: size of the result in pixels; the canvas size when left out. Stroke widths
            grow with the square root of the area.
        background: opaque RGB in [0, 1]; a tensor `[3]` may carry a gradient.
        backend: a name in `BACKENDS`; when left out, what the environment variable
            `CLIPDRAW_BACKEND` names, or else the fastest.

    Returns:
        `[pictures, 3, height, width]`, of the drawing's float type, in [0, 1].

    Raises:
        ValueError: an unknown backend, a size below one pixel, or a number that is not finite.
    """
    height = round(drawing.height) if height is None else height
    width = round(drawing.width) if width is None else width
    if height < 1 or width < 1:
        raise ValueError(f"a render needs at least 1 x 1 pixels, got {width} x {height}")
    name = backend or os.environ.get("CLIPDRAW_BACKEND") or FASTEST
    if name not in BACKENDS:
        raise ValueError(f"unknown backend {name!r}; choose one of {', '.join(BACKENDS)}")

    for tensor, values in drawing.floats.items():
        if not torch.isfinite(values).all():
            raise ValueError(f"the drawing's {tensor} hold a number that is not finite; mend them")

    scale = torch.tensor([width / drawing.width, height / drawing.height]).to(drawing.points)
    in_pixels = drawing.replace(
        points=(drawing.points * scale).clamp(-FARTHEST, FARTHEST),
        widths=(drawing.widths * scale.prod().sqrt()).clamp(max=FARTHEST),
        width=width,
        height=height,
    )
    background = torch.as_tensor(background).to(drawing.points)
    return importlib.import_module(BACKENDS[name]).render(in_pixels, background)
