"""What does not look as if it were made in the manner of given pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from clipdraw.loop import Scene
from losses.encoders import Encoder

# Shorter sides in pixels: a patch of 7 is 5, 11 and 22 % of them, from a brush's mark to a motif.
SIZES = (128, 64, 32)

Look = Callable[[Tensor], list[Tensor]]
"""What is seen of one picture, `[3, height, width]`: maps `[features, places]`."""


@dataclass(frozen=True)
class Colours:
    """The colours of a picture, and the mean ones of its larger and larger parts."""

    sizes: Sequence[int] = SIZES
    """Shorter sides in pixels that the picture is brought to."""

    def __call__(self, picture: Float[Tensor, "3 height width"]) -> list[Float[Tensor, "3 places"]]:
        return [shrunk(picture, size).flatten(1) for size in self.sizes]


@dataclass(frozen=True)
class Patches:
    """What is around each pixel of a picture, apart from the mean colour there: its texture."""

    sizes: Sequence[int] = SIZES
    """Shorter sides in pixels that the picture is brought to."""
    side: int = 7
    """Of a patch, in pixels; Elnekave and Weiss's (2022)."""

    def __post_init__(self):
        if self.side < 2 or min(self.sizes) < self.side:
            raise ValueError(
                f"patches of {self.side} pixels in pictures of {list(self.sizes)}; a patch has 2 "
                "pixels at least, and fits into the smallest picture"
            )

    def __call__(
        self, picture: Float[Tensor, "3 height width"]
    ) -> list[Float[Tensor, "features places"]]:
        maps = []
        for size in self.sizes:
            around = F.unfold(shrunk(picture, size)[None], self.side)[0].unflatten(0, (3, -1))
            maps.append((around - around.mean(1, keepdim=True)).flatten(0, 1))
        return maps


@dataclass(frozen=True, eq=False)
class Layers:
    """What some layers of an encoder see of a picture, each place a vector of the same length.

    A mean square of 1 in each makes layers comparable, whose own scales are anybody's guess.
    """

    encoder: Encoder
    layers: Sequence[int]
    """As `Encoder.features` counts them."""

    def __call__(
        self, picture: Float[Tensor, "3 height width"]
    ) -> list[Float[Tensor, "features places"]]:
        side = self.encoder.size
        whole = F.interpolate(picture[None], (side, side), mode="bilinear", antialias=True)
        _, maps = self.encoder.features(whole, self.layers)
        return [F.normalize(seen[0].flatten(1), dim=0) * len(seen[0]) ** 0.5 for seen in maps]


@dataclass(frozen=True, eq=False)
class StyleDistance:
    """How far the statistics of a picture are from those of given ones: whatever is where.

        mean over maps, directions and places of (x - sum over pictures of share * y)^2

    x is what a map has at its places in some direction, sorted; y is the same of a given picture,
    its quantiles read off at as many places. That is the sliced Wasserstein distance, squared, to
    the pictures' barycentre along each direction: from one picture to another shares go along the
    shortest way between their statistics.

    Looks at colours and at patches in several sizes. Directions are drawn anew each time, evenly
    from the unit sphere, by each picture's own generator.

    Sources: Heitz et al. (2021), "A Sliced Wasserstein Loss for Neural Texture Synthesis", section
    3; for patches Elnekave and Weiss (2022), "Generating Natural Images with Direct Patch
    Distributions Matching", section 3; for shares Bonneel et al. (2015), "Sliced and Radon
    Wasserstein Barycenters of Measures", section 3. Patches without their mean are ours: with
    it, the colours of large areas shout the texture down.
    """

    pictures: Sequence[Float[Tensor, "3 _ _"]]
    """RGB in [0, 1], of any sizes, on the device that the drawing is on."""
    shares: Sequence[float] = (1.0,)
    """How much each of them counts; they add up to 1."""
    looks: Sequence[Look] = (Colours(), Patches())
    directions: int = 24
    """For each map. Noise falls with their square root, and time grows with them."""
    places: int = 4096
    """Most places of a map that are looked at each time, drawn anew: sorting is what takes time."""

    def __post_init__(self):
        if len(self.shares) != len(self.pictures) or abs(sum(self.shares) - 1) > 1e-6:
            raise ValueError(
                f"shares are {list(self.shares)} for {len(self.pictures)} pictures; give one for "
                "each, which add up to 1"
            )

    @cached_property
    def given(self) -> list[list[Tensor]]:
        """The maps of each given picture."""
        with torch.no_grad():
            return [self._maps(picture) for picture in self.pictures]

    def __call__(self, scene: Scene) -> Float[Tensor, " pictures"]:
        # One after the other: what a picture costs must not depend on the company it is in.
        return torch.stack(
            [
                self._distance(picture, generator)
                for picture, generator in zip(scene.picture, scene.generators, strict=True)
            ]
        )

    def _distance(self, picture: Tensor, generator: torch.Generator) -> Tensor:
        apart = []
        for seen, *wanted in zip(self._maps(picture), *self.given, strict=True):
            directions = torch.randn(self.directions, len(seen), generator=generator)
            directions = F.normalize(directions, dim=1).to(seen)
            x, *given = (self._along(directions, values, generator) for values in (seen, *wanted))
            y = sum(
                share * quantiles(values, x.shape[1])
                for share, values in zip(self.shares, given, strict=True)
            )
            apart.append((x - y).square().mean())
        return torch.stack(apart).mean()

    def _along(self, directions: Tensor, values: Tensor, generator: torch.Generator) -> Tensor:
        """Some places of a map, sorted by what they have in each direction."""
        if values.shape[1] > self.places:
            some = torch.randperm(values.shape[1], generator=generator)[: self.places]
            values = values[:, some.to(values.device)]
        return (directions @ values).sort(dim=1).values

    def _maps(self, picture: Tensor) -> list[Tensor]:
        return [values for look in self.looks for values in look(picture)]


def quantiles(values: Float[Tensor, "rows places"], count: int) -> Float[Tensor, "rows {count}"]:
    """Sorted values read off at the middles of `count` equal parts, straight lines between them."""
    return F.interpolate(values[None], count, mode="linear", align_corners=False)[0]


def shrunk(picture: Float[Tensor, "3 height width"], size: int) -> Float[Tensor, "3 rows columns"]:
    """The picture with a shorter side of `size` pixels, by averaging over areas."""
    scale = size / min(picture.shape[-2:])
    shape = [max(round(side * scale), 1) for side in picture.shape[-2:]]
    return F.interpolate(picture[None], shape, mode="area")[0]
