"""How well a model that sees and reads finds the prompt of each drawing among several.

R-precision is the share of drawings whose own prompt the model likes best (Park et al. 2021,
"Benchmark for Compositional Text-to-Image Synthesis"). What guided a drawing is no judge of it.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

Likeness = Float[Tensor, "drawings prompts"]
Own = Int[Tensor, " drawings"]


def standings(likeness: Likeness, own: Own) -> Int[Tensor, " drawings"]:
    """How many other prompts are liked at least as well as the own one, whose columns `own` has; 0
    is right. Ties count against it."""
    return (likeness >= likeness.gather(1, own[:, None])).sum(1) - 1


def margins(likeness: Likeness, own: Own) -> Float[Tensor, " drawings"]:
    """How much more the own prompt is liked than the best other one; endless without others."""
    others = likeness.scatter(1, own[:, None], -torch.inf)
    return likeness.gather(1, own[:, None])[:, 0] - others.amax(1)


def recall(ranks: Int[Tensor, " drawings"], first: int) -> float:
    """The share of standings among the first so many; R-precision with `first` 1."""
    return float((ranks < first).float().mean())
