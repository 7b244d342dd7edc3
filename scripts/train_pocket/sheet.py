"""Sheets of dreams, to be looked at: one row per prompt, one column per seed."""

from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from losses.dreams import dream
from losses.encoders.pocket import models
from losses.encoders.pocket.text import TextTower
from losses.guidance import Guidance, Prior

PROMPTS = (
    "a red heart",
    "a sun",
    "a tree",
    "a face",
    "a house",
    "a fish",
    "a cat",
    "a star",
    "a flower",
    "a boat",
    "a moon",
    "an apple",
    "a car",
    "an umbrella",
    "a blue house",
    "a bird",
)
SEED = 0
ENLARGE = 2


class Drafts:
    """A prior in training and the text tower, as `losses.guidance` wants them."""

    picture_size = models.PICTURE_SIZE

    def __init__(self, model: models.Prior, tower: TextTower):
        self.model, self.embed_text = model, tower

    def denoise(self, pictures: Tensor, sigma: Tensor, text: Tensor | None) -> Tensor:
        """As `Pocket.denoise`, in bfloat16, which is twice as fast here and good enough to look
        at."""
        text = self.model.null.expand(len(pictures), -1) if text is None else text
        with torch.autocast(pictures.device.type, torch.bfloat16):
            return self.model(pictures, sigma, text)


def save_sheet(
    prior: Prior, path: Path, prompts: Sequence[str] = PROMPTS, dreams: int = 8, steps: int = 30
) -> None:
    """Draw `dreams` dreams of every prompt, each by `steps` sampling steps, as one PNG."""
    side = models.PICTURE_SIZE * ENLARGE
    sheet = Image.new("RGB", (side * (dreams + 1), side * len(prompts)), "white")
    for row, prompt in enumerate(prompts):
        ImageDraw.Draw(sheet).text((4, row * side + side // 2), prompt, fill="black")
        generator = torch.Generator().manual_seed(SEED)
        guided = Guidance.to_prompt(prior, prompt)
        pictures = dream(guided, dreams, generator, steps=steps).permute(0, 2, 3, 1)
        for column, picture in enumerate((pictures * 255).round().byte().cpu().numpy(), start=1):
            tile = Image.fromarray(picture).resize((side, side), Image.Resampling.NEAREST)
            sheet.paste(tile, (side * column, row * side))
    sheet.save(path)
