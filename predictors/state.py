"""State files: a run laid aside, to be gone on with later. Tensors and text, never code."""

import json
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from clipdraw import Drawing
from clipdraw.loop import Frame
from clipdraw.svg import UNKNOWN

# What a drawing is made of besides the floats that the loop moves.
STRUCTURE = ("segments", "closed", "path", "picture", "stroked", "fill_rules")
# The one key of the file's metadata: with two, their order would change from run to run.
FORMAT = "clipdraw-state-1"


def save_state(frame: Frame, inputs: Mapping, file: Path) -> Path:
    """Write a frame's state, and the inputs that it belongs to, as safetensors."""
    tensors = frame.state | {name: getattr(frame.drawing, name) for name in STRUCTURE}
    metadata = {FORMAT: json.dumps(inputs)}
    save_file({k: v.contiguous() for k, v in tensors.items()}, file, metadata)
    return file


def load_state(file: Path, inputs: Mapping) -> dict[str, Tensor]:
    """Read a state file for a run with these inputs.

    Raises:
        ValueError: it is no state file, or it belongs to a run with other inputs.
    """
    try:
        with safe_open(file, framework="pt") as opened:
            metadata = opened.metadata() or {}
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"resume: {file.name} is not a state file ({error}); "
            "give the state.safetensors of an earlier run"
        ) from error
    if FORMAT not in metadata:
        raise ValueError(
            f"resume: {file.name} holds tensors, but not the state of a drawing; "
            "give the state.safetensors of an earlier run"
        )
    before = json.loads(metadata[FORMAT])
    for name, value in inputs.items():
        if before.get(name) != value:
            raise ValueError(
                f"resume: {file.name} belongs to a run with {name}={before.get(name)!r}, not "
                f"{value!r}; repeat the inputs of that run, or start anew from its drawing.svg "
                "with drawing=@drawing.svg"
            )
    return tensors


def guides_of(file: Path) -> list[str]:
    """The guides that were written into a state file with its inputs."""
    with safe_open(file, framework="pt") as opened:
        return json.loads(opened.metadata()[FORMAT]).get("guides", [UNKNOWN])


def drawing_of(state: Mapping[str, Tensor], width: float, height: float) -> Drawing:
    """The drawing that a state was saved with."""
    fields = ("points", "widths", "colors", "fills", *STRUCTURE)
    return Drawing(
        **{name: state[name] for name in fields if name in state},
        pictures=int(state["picture"].max()) + 1,
        width=width,
        height=height,
    )
