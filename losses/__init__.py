"""What rewards a drawing: terms for the loop, and the functions behind them."""

from losses.calm import Calm
from losses.crossing import Crossing
from losses.distillation import ScoreDistillation
from losses.encoders import Encoder, load_encoder
from losses.features import FeatureDistance
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
from losses.ink import InkDistance
from losses.prompts import parse_prompts
from losses.similarity import Similarity
from losses.stiffness import Stiffness
from losses.style import StyleDistance

LOSSES = {
    "calm": Calm,
    "centre": CentrePenalty,
    "crossing": Crossing,
    "distillation": ScoreDistillation,
    "features": FeatureDistance,
    "frame": KeepInFrame,
    "ink": InkDistance,
    "picture": PictureDistance,
    "similarity": Similarity,
    "style": StyleDistance,
    "stiffness": Stiffness,
    "within": StayWithin,
}
"""Every term of the loop, by name."""

__all__ = [
    "LOSSES",
    "Calm",
    "CentrePenalty",
    "Crossing",
    "Encoder",
    "FeatureDistance",
    "Guidance",
    "InkDistance",
    "KeepInFrame",
    "PictureDistance",
    "ScoreDistillation",
    "Similarity",
    "StayWithin",
    "Stiffness",
    "StyleDistance",
    "centre_penalty",
    "keep_in_frame",
    "load_encoder",
    "parse_prompts",
    "stay_within",
]
