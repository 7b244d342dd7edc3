"""A judge of finished drawings: a small text-image model that guided none of them.

It shares no weights, no architecture and no training pictures with the guides in
`losses.encoders`, and `load_encoder` does not know it: what guides a drawing is no judge of it.
Trained by `scripts/train-pocket judge`; see MODEL_CARD.md.
"""

import functools
from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors.torch import load_file
from torch import Tensor, nn

from .models import DIM, SIZE, Pair

__all__ = ["DIM", "Judge", "load_judge"]

FILE = Path(__file__).parent / "judge.safetensors"


class Judge(nn.Module):
    """Text and image vectors of unit length, so that their product is the cosine: frozen, in
    float32, in evaluation mode."""

    name = "judge"
    size = SIZE

    def __init__(self, file: Path = FILE):
        """Read the weights, which are in half precision, from `file`."""
        super().__init__()
        self.pair = Pair()
        self.pair.load_state_dict(load_file(file))
        self.requires_grad_(False).eval()

    @torch.no_grad()
    def embed_text(self, prompts: Sequence[str]) -> Float[Tensor, "n dims"]:
        """Unit vectors, without a graph."""
        return self.pair.read(prompts)

    def embed_image(self, images: Float[Tensor, "n 3 size size"]) -> Float[Tensor, "n dims"]:
        """Unit vectors of pictures in [0, 1]; gradients flow back to the pictures."""
        return self.pair.look(images)


@functools.cache
def load_judge(device: str = "cpu") -> Judge:
    """The judge on `device`, loaded once."""
    return Judge().to(torch.device(device))
