"""From a drawing to pixels that can be differentiated.

A backend is a function `(drawing, background) -> [pictures, channels, height, width]` that is
handed a drawing whose canvas units are pixels, and a background of three channels (RGB) or four
(RGBA, colours multiplied by alpha). To add one, write its module and name it in `BACKENDS`.
"""

import importlib
import os
import warnings
from collections.abc import Mapping, Sequence
from types import ModuleType

import torch
from jaxtyping import Float
from torch import Tensor

from clipdraw.drawing import Drawing

# A module is imported when its backend is first asked for, so that a slow import (a compiler) or
# a missing package troubles only those who use it.
BACKENDS = {
    "cpu": "clipdraw.renderers.cpu",
    "cuda": "clipdraw.renderers.cuda",
    "diffvg": "clipdraw.renderers.diffvg",
    "reference": "clipdraw.renderers.reference",
}
WHITE = (1.0, 1.0, 1.0)
# In pixels: strokes are cut short, and no wider, where single precision could not square the
# distance any more and an integer could not count the tiles.
FARTHEST = 1e6


def render(
    drawing: Drawing,
    height: int | None = None,
    width: int | None = None,
    *,
    background: Sequence[float] | Tensor | None = WHITE,
    transforms: Tensor | None = None,
    backend: str | None = None,
) -> Float[Tensor, "views channels {height} {width}"]:
    """Paint a drawing, differentiably in its points, widths and colours.

    Args:
        drawing: one or more pictures, on any device.
        height, width: size of the result in pixels; the canvas size when left out. Stroke widths
            grow with the square root of the area.
        background: opaque RGB in [0, 1], and a tensor `[3]` may carry a gradient; or None for a
            transparent picture, which has a fourth channel.
        transforms: `[views, 2, 3]`, affine maps (x, y, 1) -> (x, y) of the canvas, one or several
            for each picture, those of one picture side by side; the identity when left out. Stroke
            widths are scaled by the square root of the determinant's size. They carry no gradient.
        backend: a name in `BACKENDS`; when left out, what the environment variable
            `CLIPDRAW_BACKEND` names, or else the fastest for the drawing's device.

    Returns:
        `[views, 3, height, width]`, of the drawing's float type and device, in [0, 1]. Without a
        background `[views, 4, height, width]`: colours multiplied by alpha, then alpha, so that
        `picture[:, :3] + (1 - picture[:, 3:]) * paper` lays it over any paper.

    Raises:
        ValueError: an unknown backend, a size below one pixel, transforms or a background of
            another shape, or a number that is not finite.
        ImportError: a backend that this machine lacks; the message says how to get it.
    """
    height = round(drawing.height) if height is None else height
    width = round(drawing.width) if width is None else width
    if height < 1 or width < 1:
        raise ValueError(f"a render needs at least 1 x 1 pixels, got {width} x {height}")
    paper = torch.zeros(4) if background is None else torch.as_tensor(background)
    if background is not None and paper.shape != (3,):
        raise ValueError(
            f"background has shape {list(paper.shape)}; give three numbers, RGB, or None for a "
            "transparent picture"
        )
    module = _load(backend or os.environ.get("CLIPDRAW_BACKEND"), drawing.points.device.type)
    if name := not_finite(drawing.floats):
        raise ValueError(f"the drawing's {name} hold a number that is not finite; mend them")
    if transforms is not None:
        drawing = _view(drawing, transforms.detach().to(drawing.points))
    scale = torch.tensor([width / drawing.width, height / drawing.height]).to(drawing.points)
    in_pixels = drawing.replace(
        points=(drawing.points * scale).clamp(-FARTHEST, FARTHEST),
        widths=(drawing.widths * scale.prod().sqrt()).clamp(max=FARTHEST),
        width=width,
        height=height,
    )
    return module.render(in_pixels, paper.to(drawing.points))


def _load(name: str | None, device: str) -> ModuleType:
    """The backend of that name, or without one the fastest for a device."""
    if name is not None:
        if name not in BACKENDS:
            raise ValueError(f"unknown backend {name!r}; choose one of {', '.join(BACKENDS)}")
        return importlib.import_module(BACKENDS[name])
    if device == "cuda":
        try:
            return importlib.import_module(BACKENDS["cuda"])
        except ImportError as error:
            warnings.warn(f"{error}; rendering on the CPU, with copies", stacklevel=3)
    # Also for Apple's GPUs: copying a few kilobytes there and back costs less than the definition.
    return importlib.import_module(BACKENDS["cpu"])


def not_finite(tensors: Mapping[str, Tensor]) -> str | None:
    """The name of the first tensor that holds a NaN or an infinity, or None.

    One question for all, because on a GPU every answer has to be waited for.
    """
    finite = torch.stack([torch.isfinite(values).all() for values in tensors.values()]).tolist()
    return next((name for name, fine in zip(tensors, finite, strict=True) if not fine), None)


def _view(drawing: Drawing, transforms: Tensor) -> Drawing:
    """The drawing moved by affine maps, one picture for each."""
    views = len(transforms)
    if transforms.shape != (views, 2, 3) or views == 0 or views % drawing.pictures:
        raise ValueError(
            f"transforms has shape {list(transforms.shape)}; give [views, 2, 3] with one view or "
            f"several, the same number for each of the {drawing.pictures} pictures"
        )
    if not torch.isfinite(transforms).all():
        raise ValueError("transforms hold a number that is not finite; mend them")
    moved = drawing.repeat(views // drawing.pictures)
    x, y = moved.points.unbind(1)
    maps = transforms[moved.picture[moved.path_of_point].to(transforms.device)]
    # Not a matrix product, whose rounding depends on how many points come together.
    points = maps[..., 0] * x[:, None] + maps[..., 1] * y[:, None] + maps[..., 2]
    determinant = (
        transforms[:, 0, 0] * transforms[:, 1, 1] - transforms[:, 0, 1] * transforms[:, 1, 0]
    )
    grown = determinant.abs().sqrt()[moved.picture.to(transforms.device)]
    return moved.replace(points=points, widths=moved.widths * grown)
