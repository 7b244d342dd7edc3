"""What a person fills in: the inputs of `clipdraw`, and what follows from them at once."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from predictors.clipdraw.presets import PRESETS
from predictors.pictures import Color, rgb

# The canvas that presets and the centre's radius are measured on.
CLASSIC = 224
# Inputs that may be left out for good.
FILES = ("drawing", "mask")
# More inks than any set of pens has.
MOST_INKS = 32


@dataclass(frozen=True)
class Settings:
    """The inputs of `clipdraw`, under the same names; what a preset decides may be None."""

    prompt: str
    negative_prompt: str = ""
    preset: str = "default"
    model: str = "auto"
    seed: int = 0
    strokes: int = 256
    steps: int | None = None
    width: int = CLASSIC
    height: int = CLASSIC
    min_stroke_width: float | None = None
    max_stroke_width: float | None = None
    learning_rate: float = 1.0
    views: int | None = None
    centre_weight: float | None = None
    centre_threshold: float = 75.0
    centre_power: float = 2.0
    centre_x: float = 0.5
    centre_y: float = 0.5
    background: str = "#ffffff"
    palette: str = ""
    within: str = ""
    regions: str = ""
    mask: Path | None = None
    drawing: Path | None = None
    freeze: str = ""

    def resolved(self) -> "Settings":
        """The same with every None replaced by what the preset says.

        Raises:
            ValueError: an unknown preset, or bounds that leave no width.
        """
        if self.preset not in PRESETS:
            raise ValueError(
                f"preset: {self.preset!r} is unknown; choose one of {', '.join(PRESETS)}"
            )
        preset = PRESETS[self.preset]
        missing = {name for name, value in vars(self).items() if value is None} - {
            "drawing",
            "mask",
        }
        settings = replace(self, **{name: getattr(preset, name) for name in missing})
        if settings.min_stroke_width > settings.max_stroke_width:
            raise ValueError(
                f"min_stroke_width: {settings.min_stroke_width} is above max_stroke_width, "
                f"{settings.max_stroke_width}; swap them"
            )
        return settings

    @property
    def unit(self) -> float:
        """Canvas units for each unit of the classic canvas."""
        return min(self.width, self.height) / CLASSIC

    @property
    def inks(self) -> list[Color]:
        """The palette's colours as RGB in [0, 1]; none where any colour goes.

        Raises:
            ValueError: a colour that cannot be read, or too many.
        """
        names = re.findall(r"[^\s,()]+(?:\([^)]*\))?", self.palette)
        if len(names) > MOST_INKS:
            raise ValueError(
                f"palette has {len(names)} colours, but at most {MOST_INKS} are read; take some out"
            )
        return [_ink(name) for name in names]

    @property
    def paper(self) -> Color:
        """The background as RGB in [0, 1]."""
        return rgb(self.background)


def _ink(name: str) -> Color:
    try:
        return rgb(name)
    except ValueError as error:
        raise ValueError(
            f"palette has the colour {name[:40]!r}; write colours such as black, #e63946 or "
            "rgb(29, 53, 87), separated by spaces"
        ) from error
