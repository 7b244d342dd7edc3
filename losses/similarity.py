"""What does not look like a prompt, by the judgement of an encoder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from clipdraw.loop import Scene
from losses.encoders import Encoder
from losses.prompts import parse_prompts

# CLIPDraw's notebook adds 0.3 times the similarity to each of its negative prompts.
NEGATIVE_WEIGHT = 0.3

Views = Callable[[Scene], Tensor]
"""Looks at each picture of a scene, `[pictures * count, 3, size, size]`, those of one picture side
by side; `clipdraw.views.RasterViews` for one."""


def negative_cosine(
    images: Float[Tensor, "images dims"], texts: Float[Tensor, "texts dims"]
) -> Float[Tensor, "images texts"]:
    """Minus the cosine between unit vectors, in [-1, 1]. CLIPDraw's (Frans et al. 2021)."""
    # Not a matrix product, whose rounding depends on how many images come together.
    return -(images[:, None] * texts).sum(-1)


def great_circle(
    images: Float[Tensor, "images dims"], texts: Float[Tensor, "texts dims"]
) -> Float[Tensor, "images texts"]:
    """Half the squared angle between unit vectors, in [0, pi^2 / 2].

        2 asin(|a - b| / 2)^2 = 2 atan2(|a - b|, |a + b|)^2

    Near its target it falls as 1 - cos does, but far from it the pull does not die away. The left
    side is Katherine Crowson's "spherical distance" (CLIP guided diffusion, 2021); the right side
    is how it is computed, because its gradient is finite for opposite vectors too (Kahan 2006,
    "How Futile are Mindless Assessments of Roundoff", section 12).
    """
    apart = torch.linalg.vector_norm(images[:, None] - texts, dim=-1)
    along = torch.linalg.vector_norm(images[:, None] + texts, dim=-1)
    return 2 * torch.atan2(apart, along) ** 2


DISTANCES = {"cosine": negative_cosine, "great_circle": great_circle}


@dataclass(frozen=True, eq=False)
class Similarity:
    """Rewards a picture that an encoder takes for what the prompt says.

        sum over views of sum over texts of weight * distance(view, text)

    Looks at random views of the render. The sum over views, not the mean, is CLIPDraw's (Frans et
    al. 2021), and so is a weight below 0 for what a picture shall not look like.
    """

    encoder: Encoder
    targets: Float[Tensor, "texts dims"]
    """Unit vectors."""
    weights: Float[Tensor, " texts"]
    views: Views
    """Its views are `encoder.size` pixels wide."""
    distance: str = "cosine"

    def __post_init__(self):
        if self.distance not in DISTANCES:
            raise ValueError(
                f"unknown distance {self.distance!r}; choose one of {', '.join(DISTANCES)}"
            )

    @classmethod
    def to_prompt(
        cls,
        encoder: Encoder,
        prompt: str,
        negative_prompt: str,
        views: Views,
        distance: str = "cosine",
    ) -> Similarity:
        """The term for what a person wrote; the texts are embedded here, once.

        Args:
            encoder: who judges.
            prompt: as `parse_prompts` reads it.
            negative_prompt: the same, or blank; its weights are multiplied by -0.3.
            views: how the encoder looks at a picture.
            distance: one of `DISTANCES`.
        """
        wanted = parse_prompts(prompt, "prompt")
        unwanted = (
            parse_prompts(negative_prompt, "negative_prompt") if negative_prompt.strip() else []
        )
        with torch.no_grad():
            targets = encoder.embed_text([text for text, _ in wanted + unwanted])
        weights = [weight for _, weight in wanted]
        weights += [-NEGATIVE_WEIGHT * weight for _, weight in unwanted]
        return cls(encoder, targets, targets.new_tensor(weights), views, distance)

    def __call__(self, scene: Scene) -> Float[Tensor, " pictures"]:
        views = self.views(scene)
        if views.shape[-1] != self.encoder.size:
            raise ValueError(
                f"views are {views.shape[-1]} pixels wide, but the encoder {self.encoder.name} "
                f"looks at {self.encoder.size}; make them with RasterViews(count, encoder.size)"
            )
        seen = self.encoder.embed_image(views)
        apart = DISTANCES[self.distance](seen, self.targets.to(seen))
        scores = (apart * self.weights.to(seen)).sum(1)
        return scores.reshape(len(scene.picture), -1).sum(1)
