"""What differs from the ink that is wanted."""

from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from clipdraw.loop import Scene

# A picture is looked at in its own size, and shrunk to a half, a quarter and an eighth: a line is
# felt by strokes some eight pixels away.
LEVELS = 4


def ink_distance(
    ink: Float[Tensor, "pictures rows columns"], target: Float[Tensor, "targets rows columns"]
) -> Float[Tensor, " pictures"]:
    """How far ink is from what is wanted, seen at several sizes.

        sum over levels of  1 / pixels * sum over pixels of (shrunk ink - shrunk target)^2

    Each level has half the size of the one before it; a pixel is the mean of the 4 x 4 around it,
    as far as there are so many.

    Args:
        ink: in [0, 1].
        target: one for all pictures, or one for each; above 1 it asks the more for ink.
    """
    apart = (ink - target)[:, None]
    distance = apart.new_zeros(len(ink))
    for level in range(LEVELS):
        if level:
            apart = F.avg_pool2d(apart, 4, 2, 1, ceil_mode=True, count_include_pad=False)
        distance = distance + apart.square().mean((1, 2, 3))
    return distance


@dataclass(frozen=True, eq=False)
class InkDistance:
    """Asks for black ink in the right places, on white paper: see `ink_distance`.

    Looks at how dark the render is. (Ours, for pictures that were read as line drawings: shrunk to
    a pixel or two a line is a tone, so it rewards lines from afar and tones from near.)
    """

    target: Float[Tensor, "targets rows columns"]
    """The ink wanted, of the render's size: one for all pictures of the drawing, or one for
    each."""

    def __call__(self, scene: Scene) -> Float[Tensor, " pictures"]:
        came, wanted = scene.picture.shape[-2:], self.target.shape[-2:]
        if came != wanted:
            raise ValueError(
                f"target has {wanted[1]} x {wanted[0]} pixels, but the drawing is looked at with "
                f"{came[1]} x {came[0]}; give optimise that size"
            )
        return ink_distance(1 - scene.picture.mean(1), self.target.to(scene.picture))
