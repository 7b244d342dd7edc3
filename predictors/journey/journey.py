"""A journey as a function: settings in; a way, and a drawing for each of its frames, out."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from journeys.sequence import ZSequence
from predictors.morph.morph import Moment
from predictors.pictures import Color, rgb

# Two minutes of film, as long as it takes half an hour on one core to follow.
MOST_FRAMES = 3000
# Shorter side of the canvas, the classic one, which stroke widths and rates are measured on; and
# the width of strokes that start, as in `grid`.
CANVAS, FIRST_WIDTH = 224, 14.0
# Side in pixels of a proxy's picture, as in `bank`.
PROXY = 240

Report = Callable[[str, float], None]
"""Cog's `record_metric`."""


@dataclass(frozen=True)
class Settings:
    """The inputs, under the same names."""

    prompts: str = ""
    sequence: Path | None = None
    keyframes: Path | None = None
    frames: int = 40
    hold: int = 10
    path: str = "tangent"
    noise: float = 0.0
    loop: bool = False
    strokes: int = 128
    steps_per_frame: int = 8
    calm: float = 1.0
    seed: int = 0
    dream_seed: int = 0
    background: str | None = None

    def __post_init__(self):
        given = {
            "prompts": bool(self.prompts.strip()),
            "sequence": self.sequence is not None,
            "keyframes": self.keyframes is not None,
        }
        names = [name for name, is_given in given.items() if is_given]
        if not names:
            raise ValueError(
                "prompts: write where the journey leads, such as 'a fish | a boat', or hand in a "
                "sequence or keyframes"
            )
        if len(names) > 1:
            raise ValueError(
                f"{names[1]}: there are {names[0]} as well, and a journey follows one of them; "
                "leave the other out"
            )

    @property
    def paper(self) -> Color | None:
        """The background, if there is to be one in particular."""
        if self.background is None:
            return None
        return rgb(self.background)


@dataclass(frozen=True, eq=False)
class Key:
    """A frame that is handed out as an SVG."""

    frame: int
    name: str
    """What it shows."""


@dataclass(frozen=True, eq=False)
class Journey:
    """What came of it, as far as it was drawn."""

    sequence: ZSequence
    """A row for each frame."""
    moments: Sequence[Moment]
    """The drawing at each frame."""
    keys: list[Key]
    proxies: Callable[[], Iterator[np.ndarray]]
    """The proxy's frames, `[height, width, 3]` in 8 bits."""
    guides: list[str]
    measures: dict[str, float]
    ended: str = "finished"


def held(keyframes: int, rows: int, settings: Settings) -> tuple[np.ndarray, list[int]]:
    """For how many frames each row of a way stays, and the last frame of each keyframe.

    Args:
        keyframes: how many there are, `settings.frames` rows apart.
        rows: of the way.

    Raises:
        ValueError: more frames than are drawn at once.
    """
    counts = np.ones(rows, np.int64)
    counts[:: settings.frames] = max(settings.hold, 1)
    check_length(int(counts.sum()), "frames")
    ends = np.cumsum(counts)[:: settings.frames] - 1
    return counts, ends[:keyframes].tolist()


def check_length(frames: int, name: str) -> None:
    """Raise a ValueError that begins with an input's name where there are too many frames."""
    if frames > MOST_FRAMES:
        raise ValueError(
            f"{name}: {frames} frames in all are more than the {MOST_FRAMES} that are drawn at "
            "once; take fewer"
        )
