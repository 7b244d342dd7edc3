"""Who judges what a picture looks like: the pocket encoder, or any of open_clip's."""

import functools
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

# CLIPDraw's encoder; with its weights on this machine, `auto` prefers it to the pocket one.
CLIPDRAWS_OWN = "ViT-B-32/openai"


@runtime_checkable
class Encoder(Protocol):
    """A text-image model that is not trained any further."""

    name: str
    size: int
    """Side of the pictures that it looks at, in pixels."""
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    """Of RGB in [0, 1] over its training pictures; `embed_image` normalises by them."""
    depth: int
    """How many layers `features` can show."""

    def embed_text(self, texts: list[str]) -> Float[Tensor, "texts dims"]:
        """Unit vectors, without a graph."""
        ...

    def embed_image(
        self, images: Float[Tensor, "images 3 size size"]
    ) -> Float[Tensor, "images dims"]:
        """Unit vectors of pictures in [0, 1]; gradients flow back to the pictures."""
        ...

    def features(
        self, images: Float[Tensor, "images 3 size size"], layers: Sequence[int]
    ) -> tuple[Float[Tensor, "images dims"], list[Float[Tensor, "images _ _ _"]]]:
        """What `embed_image` gives, and what some layers see on the way there, in one pass.

        Args:
            images: in [0, 1]; gradients flow back to them.
            layers: numbers as for a list of `depth` layers: 0 sees the finest, -1 the whole.

        Returns:
            The unit vectors, and for each of `layers`, in the order asked for, a map
            `[images, channels, rows, columns]` in float32: of a convolutional network what comes
            out of a stage, of a transformer what comes out of a block, for each patch of the
            picture in its place and without the class token.

        Raises:
            ValueError: a layer that is not there.
        """
        ...


def check_layers(encoder: Encoder, layers: Sequence[int]) -> None:
    """Raise a ValueError where an encoder lacks one of `layers`."""
    for layer in layers:
        if not -encoder.depth <= layer < encoder.depth:
            raise ValueError(
                f"the encoder {public_name(encoder)} has no layer {layer}; give numbers from 0, "
                f"the finest, to {encoder.depth - 1}, or count from the last, -1"
            )


def load_encoder(name: str = "auto", device: str | torch.device = "cpu") -> Encoder:
    """An encoder by name, loaded once per device.

    Args:
        name: `pocket`, which comes with the project; `NAME/PRETRAINED`, an open_clip model and one
            of its tags, downloaded if need be, such as `ViT-B-32/openai`; `NAME/PATH`, the same
            with a checkpoint file of yours; or `auto`, which is `ViT-B-32/openai` where its weights
            are on this machine, `pocket` where they are not, and never asks the network.
        device: where it works.

    Raises:
        ValueError: for a name of another kind.
        RuntimeError: when the weights cannot be had.
    """
    return _load(_best_at_hand() if name == "auto" else name, str(torch.device(device)))


def _best_at_hand() -> str:
    """What `auto` means on this machine."""
    from losses.encoders.openclip import OPENAI_B32, find_cached

    able = importlib.util.find_spec("open_clip") and importlib.util.find_spec("huggingface_hub")
    return CLIPDRAWS_OWN if able and find_cached(OPENAI_B32) else "pocket"


def public_name(encoder: Encoder) -> str:
    """An encoder's name without the folder that its weights lie in, which is nobody's business."""
    architecture, slash, weights = encoder.name.partition("/")
    return f"{architecture}{slash}{Path(weights).name}"


@functools.cache
def _load(name: str, device: str) -> Encoder:
    architecture, slash, weights = name.partition("/")
    if torch.device(device).type == "cuda":
        # cuDNN's fastest gradients add up in another order every time.
        torch.backends.cudnn.deterministic = True
    if name == "pocket":
        from losses.encoders.pocket import load_pocket

        return load_pocket(device)
    if architecture and slash and weights:
        from losses.encoders.openclip import load_openclip

        return load_openclip(architecture, weights, device)
    raise ValueError(
        f"unknown model {name!r}; choose auto, pocket, or an open_clip model and its weights as "
        f"NAME/PRETRAINED or NAME/PATH, such as {CLIPDRAWS_OWN}"
    )
