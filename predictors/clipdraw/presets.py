"""Named sets of numbers: the two classics, number for number, and our own."""

from dataclasses import dataclass, replace

from clipdraw.loop import Rates


@dataclass(frozen=True)
class Preset:
    """What the inputs that are left out stand for. Lengths are for a canvas of 224 units."""

    steps: int
    views: int
    stroke_width: float
    """Full width at the start."""
    min_stroke_width: float
    max_stroke_width: float
    centre_weight: float
    rates: Rates
    dreams: int = 0
    """Pictures that a prior dreams for the strokes to start on and follow; 0 starts from noise."""
    dream_steps: int = 25
    drawn: int = 1
    """How many of the best dreams are drawn, in one batch; the best drawing is handed out."""
    mended_from: float = 1.0
    """Fraction of the run from which the prior mends what the dream frayed; 1 for never."""
    normalise: bool = True
    """Whether the encoder's mean and deviation are applied to the views."""


# Widths are counted in full here, in half by CLIPDraw: its 1.0, its bounds 1 and 50, its rate 0.1.
CLIPDRAW_2021 = Preset(
    steps=1000,
    views=4,
    stroke_width=2.0,
    min_stroke_width=2.0,
    max_stroke_width=100.0,
    centre_weight=0.0,
    rates=Rates(points=1.0, widths=0.2, colors=0.01, drops=((0.5, 0.4), (0.75, 0.1))),
    normalise=False,
)

DEFAULT = Preset(
    steps=200,
    views=4,
    stroke_width=6.0,
    min_stroke_width=1.5,
    max_stroke_width=24.0,
    centre_weight=0.001,
    rates=Rates(points=1.0, widths=0.2, colors=0.02),
    dreams=8,
    drawn=3,
    mended_from=0.7,
)

PRESETS = {
    "default": DEFAULT,
    "quick": replace(DEFAULT, steps=60, dreams=4, dream_steps=15, drawn=1, mended_from=1.0),
    # The notebook of CLIPDraw (Frans, Soros and Witkowski 2021).
    "clipdraw-2021": CLIPDRAW_2021,
    # The Cog predictor with the centre penalty (Dom Baggott 2022).
    "replicate-2022": replace(CLIPDRAW_2021, steps=600, centre_weight=0.001, normalise=True),
}
