"""Looking at pictures in another size or through a map, with gradients that add up in one order.

PyTorch's own kernels for this add gradients on a GPU in the order in which its threads come along,
and the same seed would not give the same bits. On a CPU they are the ones that are used.
"""

from functools import lru_cache

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor


def resize(
    pictures: Float[Tensor, "pictures channels height width"], size: tuple[int, int], mode: str
) -> Float[Tensor, "pictures channels rows columns"]:
    """`F.interpolate` to (rows, columns), by "area" or "bilinear"."""
    return (by_matrices if pictures.is_cuda else F.interpolate)(pictures, size, mode=mode)


def by_matrices(
    pictures: Float[Tensor, "pictures channels height width"], size: tuple[int, int], mode: str
) -> Float[Tensor, "pictures channels rows columns"]:
    """Each row of a new picture is a mixture of old rows, and so is each column."""
    down, across = (
        _mixture(old, new, mode).to(pictures)
        for old, new in zip(pictures.shape[2:], size, strict=True)
    )
    return down.T @ pictures @ across


@lru_cache(maxsize=64)
def _mixture(old: int, new: int, mode: str) -> Float[Tensor, "{old} {new}"]:
    """What each of so many pixels gives to each of the new ones."""
    mode = {"area": "area", "bilinear": "linear"}[mode]
    return F.interpolate(torch.eye(old, dtype=torch.float64)[None], new, mode=mode)[0]


def sample(
    pictures: Float[Tensor, "pictures channels height width"],
    places: Float[Tensor, "views rows columns 2"],
) -> Float[Tensor, "views channels rows columns"]:
    """Bilinear samples at places (x, y), the picture's square being [-1, 1]^2; 0 outside.

    The views of one picture follow one another. No gradient flows to the places on a GPU.
    """
    if pictures.is_cuda:
        return by_index(pictures, places.detach())
    repeated = pictures.repeat_interleave(len(places) // len(pictures), dim=0)
    return F.grid_sample(
        repeated, places, mode="bilinear", padding_mode="zeros", align_corners=False
    )


def by_index(
    pictures: Float[Tensor, "pictures channels height width"],
    places: Float[Tensor, "views rows columns 2"],
) -> Float[Tensor, "views channels rows columns"]:
    """The four pixels around each place, by what they give to it.

    The gradient of taking rows of a matrix sorts them first.
    """
    count, channels, height, width = pictures.shape
    pixels = pictures.permute(0, 2, 3, 1).reshape(-1, channels)
    x = ((places[..., 0] + 1) * width - 1) / 2
    y = ((places[..., 1] + 1) * height - 1) / 2
    left, top = x.floor(), y.floor()
    first = torch.arange(count, device=places.device) * height * width
    first = first.repeat_interleave(len(places) // count)[:, None, None]
    seen = 0
    for column, row in ((left, top), (left + 1, top), (left, top + 1), (left + 1, top + 1)):
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        share = (1 - (x - column).abs()) * (1 - (y - row).abs()) * inside
        taken = _number(row, height) * width + _number(column, width)
        seen = seen + share[..., None] * pixels[first + taken]
    return seen.permute(0, 3, 1, 2)


def _number(values: Float[Tensor, "..."], count: int) -> Int[Tensor, "..."]:
    return values.clamp(0, count - 1).long()
