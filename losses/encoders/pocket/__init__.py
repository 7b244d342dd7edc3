"""A text-image model that fits in a pocket: text tower, encoder and prior, trained by
`scripts/train-pocket`."""

from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors.torch import load_file
from torch import Tensor, nn

from losses.encoders import check_layers

from .models import ENCODER_SIZE, PICTURE_SIZE, Encoder, Prior
from .text import TextTower, is_known, words_of

__all__ = ["Pocket", "load_pocket"]

FOLDER = Path(__file__).parent


class Pocket(nn.Module):
    """Text tower, encoder and prior in one object: frozen, in float32, in evaluation mode.

    An encoder (`embed_text`, `embed_image`) and a prior (`denoise`) as `losses` understands the
    words. Pictures are RGB, rows from the top; text and image vectors have unit length, so their
    product is the cosine.
    """

    name = "pocket"
    size = ENCODER_SIZE
    depth = 4
    picture_size = PICTURE_SIZE
    # Values in [0, 1] become [-1, 1].
    mean = (0.5, 0.5, 0.5)
    std = (0.5, 0.5, 0.5)

    def __init__(self, folder: Path = FOLDER):
        """Read `text.safetensors`, `encoder.safetensors`, `prior.safetensors` and `words.txt`
        from `folder`."""
        super().__init__()
        self.text, self.encoder, self.prior = TextTower(), Encoder(), Prior()
        for part, model in (("text", self.text), ("encoder", self.encoder), ("prior", self.prior)):
            # Half precision in the file, single in the model.
            model.load_state_dict(load_file(folder / f"{part}.safetensors"))
        self.vocabulary = frozenset((folder / "words.txt").read_text(encoding="utf-8").split())
        self.requires_grad_(False).eval()

    def embed_text(self, prompts: Sequence[str]) -> Float[Tensor, "n dims"]:
        """Unit vectors, without a graph."""
        return self.text(prompts)

    def embed_image(self, images: Float[Tensor, "n 3 size size"]) -> Float[Tensor, "n dims"]:
        """Unit vectors of pictures in [0, 1]; gradients flow back to the pictures."""
        return self.encoder(self._normalised(images))

    def features(
        self, images: Float[Tensor, "n 3 size size"], layers: Sequence[int]
    ) -> tuple[Float[Tensor, "n dims"], list[Float[Tensor, "n _ _ _"]]]:
        """Unit vectors, and what the encoder sees in some of its stages, of 32 x 32 places, 16 x
        16, 8 x 8 and 4 x 4: see `losses.encoders.Encoder`."""
        check_layers(self, layers)
        stages = self.encoder.stages(self._normalised(images))
        return self.encoder.vectors(stages[-1]), [stages[layer] for layer in layers]

    def _normalised(self, images: Tensor) -> Tensor:
        mean, std = (images.new_tensor(values)[:, None, None] for values in (self.mean, self.std))
        return (images - mean) / std

    def denoise(
        self,
        pictures: Float[Tensor, "n 3 side side"],
        sigma: Float[Tensor, " n"],
        text: Float[Tensor, "n dims"] | None,
    ) -> Float[Tensor, "n 3 side side"]:
        """Best guess of the clean pictures in [-1, 1] behind clean + sigma * noise.

        `text` is what `embed_text` gives, or None for any picture at all; `side` is `picture_size`.
        """
        return self.prior(
            pictures, sigma, self.prior.null.expand(len(pictures), -1) if text is None else text
        )

    def unknown_words(self, prompt: str) -> list[str]:
        """The words of `prompt` that the model was not trained on, in order, each once."""
        return [
            word for word in dict.fromkeys(words_of(prompt)) if not is_known(word, self.vocabulary)
        ]


def load_pocket(device: str = "cpu") -> Pocket:
    """The pocket model on `device`; `losses.load_encoder` keeps what it loaded."""
    return Pocket().to(torch.device(device))
