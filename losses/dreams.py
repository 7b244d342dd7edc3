"""Dreams: small pictures sampled from a prior for a prompt, and the order in which an encoder
likes them."""

from itertools import pairwise

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from losses.distillation import Prior
from losses.encoders import Encoder

# Karras et al. 2022, table 1 sample from 80 down to 0.002; for pictures of 32 x 32 pixels noise
# of 20 already hides everything, and less than 0.02 is a fortieth of a display's contrast.
SIGMA_MAX, SIGMA_MIN = 20.0, 0.02
RHO = 7.0


def noise_levels(steps: int) -> Float[Tensor, " levels"]:
    """`steps` falling deviations from SIGMA_MAX to SIGMA_MIN, then 0.

    Karras et al. 2022, equation 5.
    """
    ramp = torch.linspace(0, 1, steps)
    low, high = SIGMA_MIN ** (1 / RHO), SIGMA_MAX ** (1 / RHO)
    return torch.cat([(high + ramp * (low - high)) ** RHO, torch.zeros(1)])


def guided(
    prior: Prior,
    pictures: Float[Tensor, "n 3 size size"],
    sigma: Float[Tensor, " n"],
    text: Float[Tensor, "n dims"],
    guidance: float,
    negative: Float[Tensor, "n dims"] | None,
) -> Float[Tensor, "n 3 size size"]:
    """Clean estimate of noisy pictures under classifier-free guidance.

        away + guidance * (towards - away)

    where `away` is the estimate for `negative`, or for no text at all (Ho and Salimans 2022,
    equation 6; guidance is their 1 + w).
    """
    away = prior.denoise(pictures, sigma, negative)
    return away + guidance * (prior.denoise(pictures, sigma, text) - away)


@torch.no_grad()
def dream(
    prior: Prior,
    text: str,
    count: int,
    generator: torch.Generator,
    steps: int = 30,
    guidance: float = 3.0,
    negative: str | None = None,
) -> Float[Tensor, "count 3 size size"]:
    """`count` pictures of `text` in [0, 1], by the deterministic Euler sampler.

    Karras et al. 2022, algorithm 1 without its second-order correction, which doubles the price.
    Noise is drawn on the CPU, one picture after the other, so that dream i does not depend on
    `count` (but for the rounding of larger batches).

    Args:
        prior: who dreams.
        text: what of.
        count: how many dreams.
        generator: where the noise comes from.
        steps: noise levels on the way; each asks the prior twice.
        guidance: 1 takes the prompt's own answer; more exaggerates it.
        negative: what to lead away from, in place of "any picture at all".
    """
    side = prior.picture_size
    towards = prior.embed_text([text]).expand(count, -1)
    away = None if negative is None else prior.embed_text([negative]).expand(count, -1)
    noise = torch.stack([torch.randn(3, side, side, generator=generator) for _ in range(count)])
    levels = noise_levels(steps).tolist()
    x = levels[0] * noise.to(towards)
    for now, then in pairwise(levels):
        clean = guided(prior, x, x.new_full((count,), now), towards, guidance, away)
        # Guidance overshoots; what lies outside the range of pictures would grow to a colour cast.
        x = x + (then - now) / now * (x - clean.clamp(-1, 1))
    return (x / 2 + 0.5).clamp(0, 1)


@torch.no_grad()
def best(
    pictures: Float[Tensor, "n 3 size size"], text: str, encoder: Encoder
) -> Int[Tensor, " n"]:
    """Indices of pictures in [0, 1] by their similarity with `text`, the most similar first."""
    side = encoder.size
    images = F.interpolate(pictures, size=(side, side), mode="bilinear", antialias=True)
    similarity = (encoder.embed_image(images) * encoder.embed_text([text])).sum(1)
    return similarity.argsort(descending=True, stable=True)
