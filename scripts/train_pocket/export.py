"""Stage `export`: averaged weights in half precision, and the vocabulary, to the folder that
`Pocket` reads."""

import os
from pathlib import Path

from safetensors.torch import save_file
from torch import nn

from . import encoder, prior, text
from .data import Pictures


def export(work: Path, pictures: Pictures, target: Path) -> None:
    """Write what is trained so far; a stage that has no checkpoint yet is left as it is in
    `target`."""
    for name, load in (("text", text.load), ("encoder", encoder.load), ("prior", prior.load)):
        if (work / f"{name}.pt").exists():
            save_half(load(work), target / f"{name}.safetensors")
    (target / "words.txt").write_text("\n".join(text.vocabulary(pictures)) + "\n", encoding="utf-8")


def save_half(model: nn.Module, path: Path) -> None:
    """Weights in float16, under a temporary name first: a reader never sees half a file."""
    state = {key: value.half().contiguous() for key, value in model.state_dict().items()}
    save_file(state, path.with_suffix(".tmp"))
    path.with_suffix(".tmp").chmod(0o644)
    os.replace(path.with_suffix(".tmp"), path)
