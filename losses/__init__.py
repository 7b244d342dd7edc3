"""What rewards a drawing: terms for the loop, and the functions behind them."""

from losses.crossing import Crossing
from losses.distillation import ScoreDistillation
from losses.encoders import Encoder, load_encoder
from losses.geometry import (
    CentrePenalty,
    KeepInFrame,
    StayWithin,
    centre_penalty,
    keep_in_frame,
    stay_within,
)
from losses.guidance import Guidance
from losses.images import PictureDistance
from losses.prompts import parse_prompts
from losses.similarity import Similarity
from losses.style import StyleDistance

LOSSES = {
    "centre": CentrePenalty,
    "crossing": Crossing,
    "distillation": ScoreDistillation,
    "frame": KeepInFrame,
    "picture": PictureDistance,
    "similarity": Similarity,
    "style": StyleDistance,
    "within": StayWithin,
}
"""Every term of the loop, by name."""

__all__ = [
    "LOSSES",
    "CentrePenalty",
    "Crossing",
    "Encoder",
    "Guidance",
    "KeepInFrame",
    "PictureDistance",
    "ScoreDistillation",
    "Similarity",
    "StayWithin",
    "StyleDistance",
    "centre_penalty",
    "keep_in_frame",
    "load_encoder",
    "parse_prompts",
    "stay_within",
]
