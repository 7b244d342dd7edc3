"""Colours as people see them."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

# Björn Ottosson, "A perceptual color space for image processing" (2020): linear sRGB to cones, and
# the cube roots of these to lightness, green-red and blue-yellow.
TO_CONES = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
TO_LAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)


def oklab(rgb: Float[Tensor, "colours 3"]) -> Float[Tensor, "colours 3"]:
    """sRGB in [0, 1] as Oklab: lightness in [0, 1], green to red, blue to yellow.

    Equal distances look about equally large. A drawing applies no gamma, so its colours are sRGB's
    own, as every screen shows them; they become linear here.
    """
    linear = torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    # Not matrix products, whose rounding depends on how many colours come together.
    cones = (linear[:, None] * rgb.new_tensor(TO_CONES)).sum(-1).clamp(min=0)
    return (cones[:, None] ** (1 / 3) * rgb.new_tensor(TO_LAB)).sum(-1)


def nearest(
    colours: Float[Tensor, "colours 3"], inks: Float[Tensor, "inks 3"]
) -> Int[Tensor, " colours"]:
    """Which ink looks most like each colour; both are RGB in [0, 1]. Of equals, the first."""
    return (oklab(colours)[:, None] - oklab(inks)).square().sum(-1).argmin(1)
