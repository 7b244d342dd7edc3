"""Dreams: small pictures sampled from a prior for a prompt, and the order in which an encoder
likes them."""

from collections.abc import Callable, Sequence
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
# Looked at side by side on four prompts: at 3 the sun has fewer rays and a fish no eye, and 7 adds
# nothing to 5 but a redder sun.
GUIDANCE_STRENGTH = 5.0
# A dream's white is noisy, and strokes would follow the noise as pale ghosts: a pixel whose darkest
# channel is above the second is paper, below the first it stays. White things that the prior was
# trained on have 0.77 at most there (`darken_the_pale` in scripts/train_pocket).
NEARLY_WHITE = (0.86, 0.94)


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
    """`count` pictures in [0, 1] of what `guided` is told to see.

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
    return sample(guided.denoise, noise.to(guided.wanted.weights.device), steps)


@torch.no_grad()
def sample(
    denoise: Callable[[Tensor, Tensor], Tensor],
    noise: Float[Tensor, "count 3 size size"],
    steps: int,
) -> Float[Tensor, "count 3 size size"]:
    """Pictures in [0, 1] that a denoiser finds in noise, by the Euler sampler.

    Karras et al. 2022, algorithm 1 without its second-order correction, which doubles the price.

    Args:
        denoise: the clean pictures behind noisy ones, given their noise levels `[count]`.
        noise: of unit variance.
        steps: noise levels on the way.
    """
    levels = noise_levels(steps).tolist()
    x = levels[0] * noise
    for now, then in pairwise(levels):
        clean = denoise(x, x.new_full((len(x),), now))
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


def inked(
    picture: Float[Tensor, "3 side side"], paper: Sequence[float]
) -> Float[Tensor, "3 side side"]:
    """A dream whose white has become paper."""
    low, high = NEARLY_WHITE
    white = ((picture.amin(0) - low) / (high - low)).clamp(0, 1)
    picture = picture + white * (1 - picture)
    return picture - picture.amin(0) * (1 - torch.tensor(paper)[:, None, None])
