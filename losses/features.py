"""What an encoder sees otherwise than in a given picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from clipdraw.loop import Scene
from clipdraw.views import RasterViews, warp
from losses.encoders import Encoder


@dataclass(frozen=True, eq=False)
class FeatureDistance:
    """Asks for what an encoder's middle layers see in a picture, and for what all of it sees.

        mean over views of  sum over layers of mean (layer(view) - layer(target))^2
                            + semantic_weight * (1 - cos(vector(view), vector(target)))

    Both pictures are seen through the same random views. CLIPasso's (Vinker et al. 2022, "CLIPasso:
    Semantically-Aware Object Sketching", section 3.2: the sum is its geometric loss, the other term
    its semantic one, weighed 0.1); but a layer's squares are averaged here, so that a layer counts
    the same however large it is, and so are views.
    """

    encoder: Encoder
    target: Float[Tensor, "targets 3 height width"]
    """RGB in [0, 1]: one for all pictures of the drawing, or one for each. Of the canvas's
    proportions."""
    looks: RasterViews
    """Its views are `encoder.size` pixels wide."""
    layers: Sequence[int]
    """See `Encoder.features`."""
    semantic_weight: float = 0.1

    def __post_init__(self):
        if self.looks.size != self.encoder.size:
            raise ValueError(
                f"views are {self.looks.size} pixels wide, but the encoder {self.encoder.name} "
                f"looks at {self.encoder.size}; make them with RasterViews(count, encoder.size)"
            )

    def __call__(self, scene: Scene) -> Float[Tensor, " pictures"]:
        pictures, targets = len(scene.picture), len(self.target)
        if targets not in (1, pictures):
            raise ValueError(
                f"target holds {targets} pictures, but the drawing holds {pictures}; "
                "give one for all of them, or one for each"
            )
        height, width = scene.picture.shape[-2:]
        maps = self.looks.maps(scene.generators, width / height).to(scene.picture)
        target = self.target.to(scene.picture).expand(pictures, -1, -1, -1)
        size = self.encoder.size
        seen, seen_maps = self.encoder.features(warp(scene.picture, maps, size), self.layers)
        with torch.no_grad():
            wanted, wanted_maps = self.encoder.features(warp(target, maps, size), self.layers)
        # Not a matrix product, whose rounding depends on how many views come together.
        apart = self.semantic_weight * (1 - (seen * wanted).sum(1))
        for ours, theirs in zip(seen_maps, wanted_maps, strict=True):
            apart = apart + (ours - theirs).square().mean((1, 2, 3))
        return apart.reshape(pictures, -1).mean(1)
