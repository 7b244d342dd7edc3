"""What a prior dreams of a prompt, laid out on the canvas."""

import torch
from torch import Tensor

from losses import Guidance, parse_prompts
from losses.dreams import best, dream
from losses.guidance import Prior
from losses.scenes import lay_out, things
from predictors.clipdraw.presets import Preset
from predictors.clipdraw.settings import Settings

# Looked at side by side on four prompts: at 3 the sun has fewer rays and a fish no eye, and 7 adds
# nothing to 5 but a redder sun.
GUIDANCE_STRENGTH = 5.0
# A dream's white is noisy, and strokes would follow the noise as pale ghosts: a pixel whose darkest
# channel is above the second is paper, below the first it stays. White things that the prior was
# trained on have 0.77 at most there (`darken_the_pale` in scripts/train_pocket).
NEARLY_WHITE = (0.86, 0.94)


def dreamt(prior: Prior, settings: Settings, preset: Preset, generator: torch.Generator) -> Tensor:
    """All dreams on paper, `[dreams, 3, rows, columns]`, the best first.

    Of several things each is dreamt alone; the k-th dream shows the k-th best of each, or, of two
    of a kind, the k-th and the one after it.
    """
    ranked = {}
    for text in named(settings):
        if text not in ranked:
            pictures = dream(
                guidance(prior, text, settings), preset.dreams, generator, preset.dream_steps
            )
            ranked[text] = pictures[best(pictures, text, prior)].cpu()
    sheets = []
    for k in range(preset.dreams):
        shown = [
            ranked[text][(k + named(settings)[:i].count(text)) % preset.dreams]
            for i, text in enumerate(named(settings))
        ]
        sheets.append(on_paper(lay_out(shown), settings))
    return torch.stack(sheets)


def named(settings: Settings) -> list[str]:
    """The texts that are dreamt: the things that a prompt names, or a prompt with weights as it
    stands."""
    parts = parse_prompts(settings.prompt)
    return things(parts[0].text) if len(parts) == 1 else [settings.prompt]


def guidance(prior: Prior, text: str, settings: Settings) -> Guidance:
    return Guidance.to_prompt(prior, text, settings.negative_prompt, GUIDANCE_STRENGTH)


def on_paper(picture: Tensor, settings: Settings) -> Tensor:
    """A square dream in the middle of the canvas, its white become paper, `[3, rows, columns]`."""
    paper = torch.tensor(settings.paper)[:, None, None]
    low, high = NEARLY_WHITE
    white = ((picture.amin(0) - low) / (high - low)).clamp(0, 1)
    picture = picture + white * (1 - picture)
    inked = picture - picture.amin(0) * (1 - paper)
    side = picture.shape[-1]
    rows, columns = (
        round(side * length / min(settings.width, settings.height))
        for length in (settings.height, settings.width)
    )
    sheet = paper.repeat(1, rows, columns)
    top, left = (rows - side) // 2, (columns - side) // 2
    sheet[:, top : top + side, left : left + side] = inked
    return sheet
