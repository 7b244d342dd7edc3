"""Dreams: small pictures sampled from a prior for a prompt, and the order in which an encoder
likes them."""

from itertools import pairwise

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from losses.encoders import Encoder
from losses.guidance import Guidance
from losses.prompts import parse_prompts

# Karras et al. 2022, table 1 sample from 80 down to 0.002; of flat pictures of 48 x 48 pixels noise
# of 40 hides everything (from 20, a shape still followed its noise), and what less than 0.05 hides
# no stroke will show.
SIGMA_MAX, SIGMA_MIN = 40.0, 0.05
RHO = 7.0


def noise_levels(steps: int) -> Float[Tensor, " levels"]:
    """`steps` falling deviations from SIGMA_MAX to SIGMA_MIN, then 0.

    Karras et al. 2022, equation 5.
    """
    ramp = torch.linspace(0, 1, steps)
    low, high = SIGMA_MIN ** (1 / RHO), SIGMA_MAX ** (1 / RHO)
    return torch.cat([(high + ramp * (low - high)) ** RHO, torch.zeros(1)])


@torch.no_grad()
def dream(
    guided: Guidance, count: int, generator: torch.Generator, steps: int = 30
) -> Float[Tensor, "count 3 size size"]:
    """`count` pictures in [0, 1] of what `guided` is told to see, by the Euler sampler.

    Karras et al. 2022, algorithm 1 without its second-order correction, which doubles the price.
    Noise is drawn on the CPU, one picture after the other, so that dream i does not depend on
    `count` (but for the rounding of larger batches).

    Args:
        guided: who dreams, and what of.
        count: how many dreams.
        generator: where the noise comes from.
        steps: noise levels on the way; each asks the prior twice.
    """
    side = guided.prior.picture_size
    noise = torch.stack([torch.randn(3, side, side, generator=generator) for _ in range(count)])
    levels = noise_levels(steps).tolist()
    x = levels[0] * noise.to(guided.wanted.weights.device)
    for now, then in pairwise(levels):
        clean = guided.denoise(x, x.new_full((count,), now))
        # Guidance overshoots; what lies outside the range of pictures would grow to a colour cast.
        x = x + (then - now) / now * (x - clean.clamp(-1, 1))
    return (x / 2 + 0.5).clamp(0, 1)


@torch.no_grad()
def best(
    pictures: Float[Tensor, "n 3 size size"], prompt: str, encoder: Encoder
) -> Int[Tensor, " n"]:
    """Indices of pictures in [0, 1] by their similarity with a prompt, the most similar first.

    The prompt is read by `parse_prompts`; the similarities with its parts add up by their weights.
    """
    side = encoder.size
    images = F.interpolate(pictures, size=(side, side), mode="bilinear", antialias=True)
    texts, weights = zip(*parse_prompts(prompt), strict=True)
    seen = encoder.embed_image(images)
    similarity = seen @ encoder.embed_text(texts).to(seen).T @ torch.tensor(weights).to(seen)
    return similarity.argsort(descending=True, stable=True)
