"""A prior that is told what to see and what not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from losses.prompts import Prompt, parse_prompts


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
class Guidance:
    """Classifier-free guidance by several texts.

        u = D(noisy, unwanted)
        u + strength * sum over texts of weight (D(noisy, text) - u)

    Ho and Salimans (2022), equation 6, where strength is 1 + w; by several texts it is that of Liu
    et al. (2022), "Compositional Visual Generation with Composable Diffusion Models", section 4.
    """

    prior: Prior
    wanted: Branch
    unwanted: Branch = ANYTHING
    """What guidance leads away from; its weights count relative to their sum."""
    strength: float = 3.0
    """1 takes the prompt's own answer; more exaggerates it."""

    def __post_init__(self):
        if not self.unwanted.weights.sum() > 0:
            raise ValueError(
                f"negative_prompt has weights {self.unwanted.weights.tolist()}, which do not add "
                "up to more than 0; give positive ones, or put what you want into prompt"
            )

    @classmethod
    def to_prompt(
        cls, prior: Prior, prompt: str, negative_prompt: str = "", strength: float = 3.0
    ) -> Guidance:
        """For what a person wrote; the texts are embedded here, once.

        Args:
            prior: who is guided.
            prompt: as `parse_prompts` reads it.
            negative_prompt: the same, to stand in for "any picture at all"; or blank.
            strength: of the guidance.
        """
        wanted = _branch(prior, parse_prompts(prompt, "prompt"))
        unwanted = ANYTHING
        if negative_prompt.strip():
            unwanted = _branch(prior, parse_prompts(negative_prompt, "negative_prompt"))
        return cls(prior, wanted, unwanted, strength)

    @torch.no_grad()
    def denoise(
        self, noisy: Float[Tensor, "n 3 size size"], sigma: Float[Tensor, " n"]
    ) -> Float[Tensor, "n 3 size size"]:
        """The clean pictures that guidance asks for; beyond [-1, 1] where it overshoots."""
        share = self.unwanted.weights / self.unwanted.weights.sum()
        away = self._answer(noisy, sigma, Branch(self.unwanted.text, share))
        towards = self._answer(noisy, sigma, self.wanted)
        return away + self.strength * (towards - self.wanted.weights.sum().to(away) * away)

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
