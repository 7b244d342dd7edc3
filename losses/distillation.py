"""What a denoiser would change about a picture, if it were of the prompt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from clipdraw.loop import Scene
from losses.prompts import Prompt, parse_prompts
from losses.similarity import Views


@runtime_checkable
class Prior(Protocol):
    """A text-conditioned denoiser of small pictures."""

    picture_size: int
    """Side of the pictures that it knows, in pixels."""

    def embed_text(self, texts: list[str]) -> Float[Tensor, "texts dims"]:
        """What `denoise` is told about each text."""
        ...

    def denoise(
        self,
        pictures: Float[Tensor, "n 3 size size"],
        sigma: Float[Tensor, " n"],
        text: Float[Tensor, "n dims"] | None,
    ) -> Float[Tensor, "n 3 size size"]:
        """The clean pictures in [-1, 1] that it expects behind clean + sigma * noise.

        Without a text, those that it expects of any picture at all.
        """
        ...


class Branch(NamedTuple):
    """Texts that a prior is asked about, and how much each answer counts."""

    text: Float[Tensor, "texts dims"] | None
    """As `Prior.embed_text` gives them; None asks about no text at all, with one weight."""
    weights: Float[Tensor, " texts"]


ANYTHING = Branch(None, torch.ones(1))


@dataclass(frozen=True, eq=False)
class ScoreDistillation:
    """Pulls views of a picture towards what a denoiser makes of them, told what to see.

        x = 2 view - 1,  noisy = x + sigma noise,  u = D(noisy, unwanted)
        target = u + guidance * sum over texts of weight (D(noisy, text) - u)
        1/2 * sum over views, channels, pixels of (x - target)^2, with target held constant

    Its gradient by x is x - target. Score distillation (DreamFusion, Poole et al. 2022, eq. 3) has
    w(sigma) (predicted noise - noise); the noise that D predicts is (noisy - target) / sigma, so
    the two agree for w(sigma) = sigma: a view is pulled by how far it is from the prediction, and
    no noise level shouts another down. (DreamFusion's w, sigma^2 / (1 + sigma^2) in these terms,
    would fade the high levels, which decide where things go.) For strokes it is VectorFusion's
    (Jain et al. 2023); guidance is Ho and Salimans's (2022), by several texts Liu et al.'s (2022).

    A level is drawn per view, evenly in its logarithm, from `sigma_min` up to a top that falls
    from `sigma_max` to `sigma_min` over the run: first what goes where, then how it looks.
    """

    prior: Prior
    wanted: Branch
    views: Views
    """Its views are `prior.picture_size` pixels wide."""
    unwanted: Branch = ANYTHING
    """What guidance leads away from; its weights count relative to their sum."""
    guidance: float = 3.0
    """1 takes the prompt's own answer; more exaggerates it."""
    sigma_min: float = 0.5
    sigma_max: float = 5.0
    """Noise levels in the prior's units: a picture spans [-1, 1]."""

    def __post_init__(self):
        if not 0 < self.sigma_min <= self.sigma_max:
            raise ValueError(
                f"sigma_min is {self.sigma_min} and sigma_max {self.sigma_max}; "
                "give 0 < sigma_min <= sigma_max"
            )
        if not self.unwanted.weights.sum() > 0:
            raise ValueError(
                f"negative_prompt has weights {self.unwanted.weights.tolist()}, which do not add "
                "up to more than 0; give positive ones, or put what you want into prompt"
            )

    @classmethod
    def to_prompt(
        cls, prior: Prior, prompt: str, negative_prompt: str, views: Views, **options: float
    ) -> ScoreDistillation:
        """The term for what a person wrote; the texts are embedded here, once.

        Args:
            prior: who dreams.
            prompt: as `parse_prompts` reads it.
            negative_prompt: the same, to stand in for "any picture at all"; or blank.
            views: how the prior looks at a picture.
            options: guidance, sigma_min, sigma_max.
        """
        wanted = _branch(prior, parse_prompts(prompt, "prompt"))
        unwanted = ANYTHING
        if negative_prompt.strip():
            unwanted = _branch(prior, parse_prompts(negative_prompt, "negative_prompt"))
        return cls(prior, wanted, views, unwanted, **options)

    def __call__(self, scene: Scene) -> Float[Tensor, " pictures"]:
        views = self.views(scene.picture, scene.generators)
        if views.shape[-1] != self.prior.picture_size:
            raise ValueError(
                f"views are {views.shape[-1]} pixels wide, but the prior looks at "
                f"{self.prior.picture_size}; make them with RasterViews(count, prior.picture_size)"
            )
        clean = 2 * views - 1
        sigma, noise = self._luck(clean, scene.generators, scene.progress)
        with torch.no_grad():
            target = self._target(clean + sigma[:, None, None, None] * noise, sigma)
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

    def _target(self, noisy: Tensor, sigma: Tensor) -> Tensor:
        """The clean pictures that guidance asks for, `[views, 3, size, size]`."""
        share = self.unwanted.weights / self.unwanted.weights.sum()
        away = self._answer(noisy, sigma, Branch(self.unwanted.text, share))
        towards = self._answer(noisy, sigma, self.wanted)
        return away + self.guidance * (towards - self.wanted.weights.sum().to(away) * away)

    def _answer(self, noisy: Tensor, sigma: Tensor, branch: Branch) -> Tensor:
        """The prior's answers to each text of a branch, added up by weight."""
        texts, views = len(branch.weights), len(noisy)
        text = branch.text
        if text is not None:
            text = text.to(noisy).repeat_interleave(views, dim=0)
        clean = self.prior.denoise(noisy.repeat(texts, 1, 1, 1), sigma.repeat(texts), text)
        weights = branch.weights.to(clean)[:, None, None, None, None]
        return (weights * clean.unflatten(0, (texts, views))).sum(0)


def _branch(prior: Prior, prompts: list[Prompt]) -> Branch:
    with torch.no_grad():
        text = prior.embed_text([text for text, _ in prompts])
    return Branch(text, text.new_tensor([weight for _, weight in prompts]))
