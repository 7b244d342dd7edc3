"""From prompts to z, and from z to pictures: the dreams of a prior that is told a z.

Every z meets the same noise, so that neighbours look alike, and a path of z is a film.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from losses.dreams import GUIDANCE_STRENGTH, inked, sample
from losses.guidance import Prior
from losses.prompts import parse_prompts

# Side by side on six prompts and two seeds, 10 cannot be told from 30, and 6 hardly.
STEPS = 10
# Dreams at once; their memory is some 30 MB each.
BATCH = 16
WHITE = (1.0, 1.0, 1.0)


@dataclass(frozen=True, eq=False)
class Decoder:
    """A prior and how it dreams; calling it decodes."""

    prior: Prior
    seed: int = 0
    """Of the noise that dreams are found in, which decides on poses and places."""
    strength: float = GUIDANCE_STRENGTH
    """Of the guidance: 1 takes the prior's own answer, more exaggerates it."""
    steps: int = STEPS
    """Noise levels on the way; each asks the prior twice."""
    paper: Sequence[float] = WHITE
    """What the dream's white becomes, RGB in [0, 1]."""

    def __call__(self, rows: Float32[np.ndarray, "frames dim"]) -> Iterator[Tensor]:
        """A picture `[3, size, size]` in [0, 1] for each z, on the CPU.

        Only the direction of a z counts. A picture is the same whichever are decoded with it, but
        for the rounding of batches.
        """
        side = self.prior.picture_size
        noise = torch.randn(3, side, side, generator=torch.Generator().manual_seed(self.seed))
        for start in range(0, len(rows), BATCH):
            z = torch.from_numpy(rows[start : start + BATCH])
            z = z / torch.linalg.vector_norm(z, dim=1, keepdim=True)
            for picture in self._dream(z, noise.expand(len(z), -1, -1, -1)).cpu():
                yield inked(picture, self.paper)

    def _dream(self, z: Tensor, noise: Tensor) -> Tensor:
        """By classifier-free guidance, as `losses.Guidance` by one text; here each picture has its
        own."""
        device = self.prior.embed_text(["a"]).device
        z = z.to(device)

        def denoise(noisy: Tensor, sigma: Tensor) -> Tensor:
            away = self.prior.denoise(noisy, sigma, None)
            return away + self.strength * (self.prior.denoise(noisy, sigma, z) - away)

        return sample(denoise, noise.to(device), self.steps)


def embed(prior: Prior, prompts: Sequence[str]) -> Float32[np.ndarray, "prompts dim"]:
    """A z of length 1 for each prompt; of several texts in one, their sum by weight.

    Raises:
        ValueError: a prompt that `parse_prompts` refuses, or texts that cancel each other.
    """
    rows = []
    for prompt in prompts:
        texts, weights = zip(*parse_prompts(prompt), strict=True)
        z = prior.embed_text(list(texts)).cpu().T @ torch.tensor(weights)
        if not z.any():
            raise ValueError(f"prompt: the parts of {prompt!r} cancel each other; weigh them anew")
        rows.append(z / torch.linalg.vector_norm(z))
    return torch.stack(rows).numpy()
