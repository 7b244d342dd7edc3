"""Views: the random looks at a picture that an encoder is shown, so that none can be gamed.

A view is a function of the scene, and gives `[pictures * count, 3, size, size]`: those of one
picture side by side.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from clipdraw.loop import Scene
from clipdraw.renderers import render
from clipdraw.sampling import sample

# torchvision's RandomResizedCrop proposes ten crops and takes the first that fits the picture.
TRIES = 10


@dataclass(frozen=True)
class RasterViews:
    """CLIPDraw's views: a random perspective, then a random resized crop, in one warp.

    The distributions are those of torchvision's `RandomPerspective(distortion, p=1, fill=1)` and
    `RandomResizedCrop(size, scale, ratio)`, with which CLIPDraw's notebook makes four views a step
    (Frans et al. 2021). Both maps are composed and the picture is sampled once; the paper around
    it is white.
    """

    count: int
    """Views per picture."""
    size: int
    """Side of a view in pixels."""
    distortion: float = 0.5
    """How far a corner may move inwards, as a fraction of half the side."""
    scale: tuple[float, float] = (0.7, 0.9)
    """Share of the picture's area that the crop keeps."""
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    """Width by height of the crop, in picture pixels; drawn evenly in its logarithm."""

    def __call__(self, scene: Scene) -> Float[Tensor, "views 3 {self.size} {self.size}"]:
        """`count` views of each picture of the scene."""
        picture = scene.picture
        maps = self.maps(scene.generators, picture.shape[-1] / picture.shape[-2])
        return warp(picture, maps.to(picture), self.size)

    def maps(
        self, generators: Sequence[torch.Generator], aspect: float
    ) -> Float[Tensor, "views 3 3"]:
        """Where the views look: projective maps from a view's square to the picture's, in double.

        Both squares are [-1, 1]^2. `aspect` is the picture's width by its height.
        """
        draws = 8 + 2 * TRIES + 2
        draws = torch.cat([torch.rand(self.count, draws, generator=g) for g in generators]).double()
        return homography(self._corners(draws[:, :8])) @ self._crops(draws[:, 8:], aspect)

    def _corners(self, draws: Tensor) -> Tensor:
        """Where the corners of the square [-1, 1]^2 go: inwards by up to `distortion`."""
        square = torch.tensor([[-1, -1], [1, -1], [1, 1], [-1, 1]]).to(draws)
        return square * (1 - self.distortion * draws.reshape(-1, 4, 2))

    def _crops(self, draws: Tensor, aspect: float) -> Tensor:
        """Affine maps `[views, 3, 3]` from the view's square to a crop of the picture's square."""
        area, shape = draws[:, :TRIES], draws[:, TRIES : 2 * TRIES]
        x, y = draws[:, 2 * TRIES :].unbind(1)
        area = self.scale[0] + (self.scale[1] - self.scale[0]) * area
        low, high = torch.tensor(self.ratio).to(draws).log()
        ratio = (low + (high - low) * shape).exp()
        # Width and height as fractions of the picture's; the first that fits, else cut to fit.
        wide, tall = (area * ratio / aspect).sqrt(), (area / ratio * aspect).sqrt()
        fits = ((wide <= 1) & (tall <= 1)).to(torch.uint8).argmax(1, keepdim=True)
        wide = wide.gather(1, fits).squeeze(1).clamp(max=1)
        tall = tall.gather(1, fits).squeeze(1).clamp(max=1)
        zero, one = torch.zeros_like(x), torch.ones_like(x)
        rows = [
            torch.stack([wide, zero, (1 - wide) * (2 * x - 1)], dim=1),
            torch.stack([zero, tall, (1 - tall) * (2 * y - 1)], dim=1),
            torch.stack([zero, zero, one], dim=1),
        ]
        return torch.stack(rows, dim=1)


@dataclass(frozen=True)
class VectorViews:
    """The same looks, but drawn anew for each view: sharp at any zoom, on endless paper.

    Strokes can be moved, turned, stretched and slanted, and do not know perspective: each map is
    taken for straight around the middle of its view.
    """

    looks: RasterViews

    def __call__(self, scene: Scene) -> Float[Tensor, "views 3 size size"]:
        """`looks.count` views of each picture of the scene, rendered from its drawing."""
        drawing, size = scene.drawing, self.looks.size
        maps = self.looks.maps(scene.generators, drawing.width / drawing.height)
        transforms = affine(maps, drawing.width, drawing.height)
        return render(
            drawing, size, size, background=scene.background, transforms=transforms,
            backend=scene.backend,
        )  # fmt: skip


def affine(
    maps: Float[Tensor, "views 3 3"], width: float, height: float
) -> Float[Tensor, "views 2 3"]:
    """What brings to the canvas what projective maps look at: the transforms that `render` takes.

    A map (A u + b) / (c u + d) from the view's square is b / d + J u near its middle, with
    J = (A d - b c) / d^2; the view shows u = J^-1 (q - b / d) of what is at q.
    """
    a, b, c, d = maps[:, :2, :2], maps[:, :2, 2:], maps[:, 2:, :2], maps[:, 2:, 2:]
    back = torch.linalg.inv((a * d - b * c) / d**2)
    half = torch.tensor([[width / 2], [height / 2]]).to(maps)
    turn = half * back / half.T
    return torch.cat([turn, half - half * (back @ (b / d)) - turn @ half], dim=2)


def homography(corners: Float[Tensor, "views 4 2"]) -> Float[Tensor, "views 3 3"]:
    """The projective maps that take `corners` to those of the square [-1, 1]^2.

    The corners come in the order (-1, -1), (1, -1), (1, 1), (-1, 1). Each pair of points gives two
    linear equations in the eight free entries (Hartley and Zisserman 2004, section 4.1).
    """
    square = torch.tensor([[-1, -1], [1, -1], [1, 1], [-1, 1]]).to(corners).expand_as(corners)
    x, y = corners.unbind(-1)
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    u, v = square.unbind(-1)
    rows = torch.cat(
        [
            torch.stack([x, y, one, zero, zero, zero, -u * x, -u * y], dim=-1),
            torch.stack([zero, zero, zero, x, y, one, -v * x, -v * y], dim=-1),
        ],
        dim=1,
    )
    entries = torch.linalg.solve(rows, torch.cat([u, v], dim=1))
    return torch.cat([entries, one[:, :1]], dim=1).reshape(-1, 3, 3)


def warp(
    picture: Float[Tensor, "pictures 3 height width"],
    maps: Float[Tensor, "views 3 3"],
    size: int,
) -> Float[Tensor, "views 3 {size} {size}"]:
    """Sample views through projective maps from the view's square to the picture's, white outside.

    Both squares are [-1, 1]^2; the views of one picture follow one another.
    """
    centre = (torch.arange(size).to(maps) + 0.5) * 2 / size - 1
    y, x = torch.meshgrid(centre, centre, indexing="ij")
    seen = torch.stack([x, y, torch.ones_like(x)], dim=-1).reshape(-1, 3) @ maps.transpose(1, 2)
    grid = (seen[..., :2] / seen[..., 2:]).reshape(-1, size, size, 2)
    return 1 - sample(1 - picture, grid)
