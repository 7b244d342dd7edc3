"""What differs from a given picture."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from clipdraw.loop import Scene
from clipdraw.sampling import resize


@dataclass(frozen=True, eq=False)
class PictureDistance:
    """Mean squared distance to a given picture, looked at in that picture's own size.

        1 / (3 height width) * sum of (shrunk render - target)^2

    The render is brought to the target's size by averaging over areas, so a small target asks for
    the right colours in the right places and leaves the details to the strokes. (Ours, for drawing
    what a small prior has dreamt; a render smaller than the target repeats its pixels.)
    """

    target: Float[Tensor, "targets 3 height width"]
    """RGB in [0, 1]: one for all pictures of the drawing, or one for each."""

    def __call__(self, scene: Scene) -> Float[Tensor, " pictures"]:
        targets, pictures = len(self.target), len(scene.picture)
        if targets not in (1, pictures):
            raise ValueError(
                f"target holds {targets} pictures, but the drawing holds {pictures}; "
                "give one for all of them, or one for each"
            )
        seen = resize(scene.picture, tuple(self.target.shape[-2:]), "area")
        return (seen - self.target.to(seen)).square().mean((1, 2, 3))
