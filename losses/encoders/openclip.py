"""Any text-image model of the open_clip library, frozen."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from losses.encoders import check_layers

# Where open_clip finds the weights ViT-B-32/openai; the library itself is too slow to ask.
OPENAI_B32 = "timm/vit_base_patch32_clip_224.openai/"


@dataclass(frozen=True, eq=False)
class OpenClip:
    """An open_clip model: see `losses.encoders.Encoder`."""

    name: str
    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    model: nn.Module
    tokenizer: Callable[[list[str]], Tensor]
    dtype: torch.dtype
    """Of the pictures that the model takes; its vectors always come as float32."""

    def embed_text(self, texts: list[str]) -> Float[Tensor, "texts dims"]:
        """Unit vectors; words beyond the model's context are not read."""
        device = next(self.model.parameters()).device
        with torch.no_grad():
            return F.normalize(self.model.encode_text(self.tokenizer(texts).to(device)).float())

    def embed_image(
        self, images: Float[Tensor, "images 3 {self.size} {self.size}"]
    ) -> Float[Tensor, "images dims"]:
        """Unit vectors of pictures in [0, 1]."""
        with _in_order():
            return F.normalize(self.model.encode_image(self._normalised(images)).float())

    def features(
        self, images: Float[Tensor, "images 3 {self.size} {self.size}"], layers: Sequence[int]
    ) -> tuple[Float[Tensor, "images dims"], list[Float[Tensor, "images _ _ _"]]]:
        """Unit vectors, and what the blocks of a transformer or the stages of a residual network
        see."""
        check_layers(self, layers)
        wanted = [layer % self.depth for layer in layers]
        # Asked for its last layer, too, no kind of model stops before it, and it gives each once.
        taken = sorted({*wanted, self.depth - 1})
        with _in_order():
            found = self.model.forward_intermediates(
                self._normalised(images), image_indices=taken, normalize=False
            )
        maps = dict(zip(taken, found["image_intermediates"], strict=True))
        vectors = F.normalize(found["image_features"].float())
        return vectors, [maps[layer].float() for layer in wanted]

    @functools.cached_property
    def depth(self) -> int:
        """How many layers `features` can show; the model is asked with a blank picture."""
        device = next(self.model.parameters()).device
        blank = torch.zeros(1, 3, self.size, self.size, device=device, dtype=self.dtype)
        with torch.no_grad():
            found = self.model.forward_intermediates(blank, intermediates_only=True)
        return len(found["image_intermediates"])

    def _normalised(self, images: Tensor) -> Tensor:
        mean, std = (images.new_tensor(x)[:, None, None] for x in (self.mean, self.std))
        return ((images - mean) / std).to(self.dtype)


def _in_order() -> AbstractContextManager[None]:
    """Attention by matrix products: its fused kernels add gradients up in another order every
    time on a GPU."""
    return sdpa_kernel(SDPBackend.MATH)


def load_openclip(architecture: str, weights: str, device: str | torch.device) -> OpenClip:
    """A model by the name of its architecture, and a pretrained tag or the path of a checkpoint.

    Works in half precision on CUDA, in float32 elsewhere. Weights with a tag are downloaded where
    they are not on this machine yet; a checkpoint is a safetensors file or a torch file of plain
    tensors, and code hidden in one does not run. OpenAI's own weights in a file need an
    architecture with QuickGELU, such as ViT-B-32-quickgelu; a tag brings it along.

    Raises:
        ValueError: for an unknown architecture.
        RuntimeError: when the weights cannot be had.
    """
    open_clip = _open_clip()
    if architecture not in open_clip.list_models():
        near = difflib.get_close_matches(architecture, open_clip.list_models(), n=5, cutoff=0)
        raise ValueError(
            f"unknown open_clip model {architecture!r}; the nearest are {', '.join(near)}, and "
            "open_clip.list_models() has them all"
        )
    precision = "fp16" if torch.device(device).type == "cuda" else "fp32"
    try:
        model, tokenizer = _build(architecture, weights, device, precision)
    except Exception as error:
        raise RuntimeError(
            f"cannot load the weights {weights!r} of the open_clip model {architecture!r}: "
            f"{_summary(error)}. Ways out: the model pocket, which comes with the project; a "
            f"checkpoint on this machine, as {architecture}/PATH; or a machine with network"
        ) from error
    size = model.visual.image_size
    mean, std = _normalisation(architecture, weights)
    return OpenClip(
        name=f"{architecture}/{weights}",
        size=size if isinstance(size, int) else size[0],
        mean=mean,
        std=std,
        model=model.eval().requires_grad_(False),
        tokenizer=tokenizer,
        dtype=torch.float16 if precision == "fp16" else torch.float32,
    )


def _build(
    architecture: str, weights: str, device: str | torch.device, precision: str
) -> tuple[nn.Module, Callable[[list[str]], Tensor]]:
    """The model with its weights, and its tokenizer; fails in any of open_clip's ways."""
    open_clip = _open_clip()
    facts = open_clip.get_pretrained_cfg(architecture, weights)
    path = _fetch(facts) if facts else _local(architecture, weights)
    _read_safely(path)
    model = open_clip.create_model(
        architecture,
        pretrained=str(path),
        device=device,
        precision=precision,
        # open_clip builds ViT-B-32 with another activation than OpenAI trained it with.
        force_quick_gelu=facts.get("quick_gelu", False),
    )
    return model, open_clip.get_tokenizer(architecture)


def _normalisation(architecture: str, weights: str) -> tuple[tuple, tuple]:
    """Mean and deviation of RGB for a tag; for a file, those of the architecture's first tag."""
    open_clip = _open_clip()
    facts = open_clip.get_pretrained_cfg(architecture, weights)
    if not facts:
        tags = open_clip.list_pretrained_tags_by_model(architecture)
        facts = open_clip.get_pretrained_cfg(architecture, tags[0] if tags else "")
    mean = facts.get("mean", open_clip.OPENAI_DATASET_MEAN)
    return tuple(mean), tuple(facts.get("std", open_clip.OPENAI_DATASET_STD))


def find_cached(hub: str) -> Path | None:
    """Weights that huggingface_hub has on this machine; asks no network.

    Args:
        hub: `owner/repository/`, or `owner/repository/file`, as in open_clip's table.
    """
    from huggingface_hub import try_to_load_from_cache

    repository, _, file = hub.rpartition("/")
    files = [file or "open_clip_pytorch_model.bin"]
    # open_clip prefers these to what its table says.
    files.insert(0, f"{Path(file).stem}.safetensors" if file else "open_clip_model.safetensors")
    found = (try_to_load_from_cache(repository, name) for name in files)
    return next((Path(path) for path in found if isinstance(path, str)), None)


def _fetch(facts: dict) -> Path:
    """The weights of a pretrained tag: from this machine, else from the network."""
    from huggingface_hub.utils import logging

    cached = find_cached(facts["hf_hub"]) if facts.get("hf_hub") else None
    if cached:
        return cached
    logging.set_verbosity_error()  # it warns of every retry; what matters is in the error
    return Path(_open_clip().download_pretrained(facts))


def _local(architecture: str, weights: str) -> Path:
    """The checkpoint file `weights`, which is no tag."""
    path = Path(weights).expanduser()
    if not path.is_file():
        tags = _open_clip().list_pretrained_tags_by_model(architecture)
        raise FileNotFoundError(
            f"it is no file on this machine, and none of the tags {', '.join(tags) or '(none)'}"
        )
    # Symbolic links are kept: what they point to may lack the suffix that says how to read it.
    return path.absolute()


def _read_safely(path: Path) -> None:
    """Refuse a checkpoint of anything but tensors.

    open_clip reads it the same way, but where that ends in a TypeError it reads once more without
    saying weights_only, and then an environment variable decides whether hidden code runs.
    """
    if path.suffix == ".safetensors":
        return  # holds tensors and nothing else, by its format
    try:
        torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ValueError(
            f"{path.name} is neither safetensors nor a torch file of plain tensors, so it was not "
            "loaded; save model.state_dict() with safetensors.torch.save_file"
        ) from error


def _summary(error: Exception) -> str:
    """The first 300 characters of an error on one line."""
    line = " ".join(str(error).split()) or type(error).__name__
    return line if len(line) <= 300 else f"{line[:300]}..."


@functools.cache
def _open_clip() -> ModuleType:
    """The library, imported where its torchvision cannot load its compiled operators too.

    PyPI's torchvision is built for PyPI's torch. Beside another build, such as a CPU one, it goes
    on without its operators, but then describes `nms`, which is not there, and fails. We need none
    of them; to know their names is enough.
    """
    try:
        import torchvision  # noqa: F401
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        _name_operators()
    except ImportError:
        pass  # open_clip says it better
    try:
        import open_clip
    except ImportError as error:
        raise ImportError(
            f"open_clip cannot be imported ({error}); pip install open_clip_torch, or use the "
            "model pocket"
        ) from error
    return open_clip


@functools.cache
def _name_operators() -> torch.library.Library:
    """The operators that torchvision describes; they exist for as long as the answer is kept."""
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library
