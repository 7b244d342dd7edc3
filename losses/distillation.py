"""What a denoiser would change about a picture, if it were of the prompt."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from clipdraw.loop import Scene
from losses.guidance import Guidance
from losses.similarity import Views


@dataclass(frozen=True, eq=False)
class ScoreDistillation:
    """Pulls views of a picture towards what a denoiser makes of them, told what to see.

        x = 2 view - 1,  target = the guided prior's answer to x + sigma noise
        1/2 * sum over views, channels, pixels of (x - target)^2, with target held constant

    Its gradient by x is x - target. Score distillation (DreamFusion, Poole et al. 2022, eq. 3) has
    w(sigma) (predicted noise - noise); the noise that D predicts is (noisy - target) / sigma, so
    the two agree for w(sigma) = sigma: a view is pulled by how far it is from the prediction, and
    no noise level shouts another down. (DreamFusion's w, sigma^2 / (1 + sigma^2) in these terms,
    would fade the high levels, which decide where things go.) For strokes it is VectorFusion's
    (Jain et al. 2023).

    A level is drawn per view, evenly in its logarithm, from `sigma_min` up to a top that falls
    from `sigma_max` to `sigma_min` over the run: first what goes where, then how it looks.
    """

    guided: Guidance
    views: Views
    """Its views are `prior.picture_size` pixels wide."""
    sigma_min: float = 0.5
    sigma_max: float = 5.0
    """Noise levels in the prior's units: a picture spans [-1, 1]."""

    def __post_init__(self):
        if not 0 < self.sigma_min <= self.sigma_max:
            raise ValueError(
                f"sigma_min is {self.sigma_min} and sigma_max {self.sigma_max}; "
                "give 0 < sigma_min <= sigma_max"
            )

    def __call__(self, scene: Scene) -> Float[Tensor, " pictures"]:
        views = self.views(scene)
        side = self.guided.prior.picture_size
        if views.shape[-1] != side:
            raise ValueError(
                f"views are {views.shape[-1]} pixels wide, but the prior looks at "
                f"{side}; make them with RasterViews(count, prior.picture_size)"
            )
        clean = 2 * views - 1
        sigma, noise = self._luck(clean, scene.generators, scene.progress)
        noisy = clean.detach() + sigma[:, None, None, None] * noise
        target = self.guided.denoise(noisy, sigma)
        return (clean - target).square().reshape(len(scene.picture), -1).sum(1) / 2

    def _luck(
        self, like: Tensor, generators: Sequence[torch.Generator], progress: float
    ) -> tuple[Tensor, Tensor]:
        """Levels `[views]` and noise like the views, from each picture's own generator."""
        shape = (len(like) // len(generators), *like.shape[1:])
        rolls = [
            (torch.rand(shape[0], generator=g), torch.randn(shape, generator=g)) for g in generators
        ]
        height, noise = (torch.cat(roll).to(like) for roll in zip(*rolls, strict=True))
        span = (1 - progress) * math.log(self.sigma_max / self.sigma_min)
        return self.sigma_min * (span * height).exp(), noise
