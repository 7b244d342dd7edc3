"""The inputs, and what may be chosen. Imports nothing that takes time."""

from dataclasses import dataclass
from pathlib import Path

# Light before dark, so that no tip drags dark ink into light.
PENS = (
    "yellow #f2b705 0.4, orange #f2711c 0.4, red #d62828 0.4, green #2a9d4a 0.4, "
    "blue #1d4ed8 0.4, black 0.4"
)
# How an area is drawn: lines across it; lines beside each other along its outline, or along a
# stroke; a fill's outline alone; a stroke's middle alone.
HATCH, PASSES, OUTLINE, LINE = "hatch", "passes", "outline", "line"
# What becomes of transparency.
DENSITY, REFUSE = "density", "refuse"
# What hides what lies below it: all that is opaque; what is as pale as the paper; nothing.
OPAQUE, PAPER, NOTHING = "opaque", "paper", "nothing"
# A plotter of any make that knows HPGL.
GENERIC = "generic"


@dataclass(frozen=True)
class Settings:
    """The inputs, under the same names."""

    drawing: Path
    paper: str = "a4"
    pens: str = PENS
    margin: float = 10.0
    orientation: str = "auto"
    fills: str = HATCH
    wide_strokes: str = HATCH
    hatch_spacing: float = 0.8
    hatch_angle: float = 45.0
    outlines: bool = True
    transparency: str = DENSITY
    occlude: str = OPAQUE
    paper_colour: str = "#ffffff"
    hpgl_device: str = GENERIC
    pen_down: str = "G0 Z0"
    pen_up: str = "G0 Z5"
    draw_speed: float = 50.0
    travel_speed: float = 150.0
