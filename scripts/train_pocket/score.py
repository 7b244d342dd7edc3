"""How many dreams the encoder recognises. It guides them, so it is no judge of them: the figure
tells one training run from another."""

import torch
from torch.nn import functional as F

from losses.dreams import dream
from losses.encoders.pocket import Pocket
from losses.guidance import Guidance

from . import sheet, things

DREAMS, STEPS, SEED = 8, 20, 5


@torch.no_grad()
def recognised(pocket: Pocket) -> tuple[float, float]:
    """Shares of the dreams of all popular words whose word the encoder names first, and names
    among its first five."""
    prompts = [f"a {word}" for word in things.POPULAR]
    texts = pocket.embed_text(prompts)
    prior = sheet.Drafts(pocket.prior, pocket.text)
    ranks = []
    for index, prompt in enumerate(prompts):
        generator = torch.Generator().manual_seed(SEED)
        pictures = dream(Guidance.to_prompt(prior, prompt), DREAMS, generator, steps=STEPS)
        seen = pocket.embed_image(F.interpolate(pictures, pocket.size, mode="bilinear"))
        likeness = seen @ texts.T
        ranks.append((likeness > likeness[:, index : index + 1]).sum(1))
    rank = torch.cat(ranks)
    return float((rank < 1).float().mean()), float((rank < 5).float().mean())
