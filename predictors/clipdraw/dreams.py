"""What a prior dreams of a prompt, laid out on the canvas."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from losses import Guidance, parse_prompts
from losses.dreams import GUIDANCE_STRENGTH, best, dream, inked
from losses.guidance import Prior
from losses.scenes import CELLS, Region, lay_out, lay_over, things
from predictors.clipdraw.places import Part
from predictors.clipdraw.presets import Preset
from predictors.clipdraw.settings import Settings


def parts_of(settings: Settings) -> list[Part]:
    """What is dreamt, where no regions say it: the things that the prompt names, or a prompt with
    weights as it stands."""
    prompts = parse_prompts(settings.prompt)
    named = things(prompts[0].text) if len(prompts) == 1 else [settings.prompt]
    return [Part(text, cell) for text, cell in zip(named, CELLS[len(named)], strict=True)]


def dreamt(
    prior: Prior,
    parts: Sequence[Part],
    settings: Settings,
    preset: Preset,
    generator: torch.Generator,
) -> Float[Tensor, "dreams 3 rows columns"]:
    """All dreams on paper, the best first.

    Of several things each is dreamt alone; the k-th dream shows the k-th best of each, or, of two
    of a kind, the k-th and the one after it.
    """
    texts = [part.text for part in parts]
    ranked = {}
    for text in dict.fromkeys(texts):
        pictures = dream(
            guidance(prior, text, settings), preset.dreams, generator, preset.dream_steps
        )
        ranked[text] = pictures[best(pictures, text, prior)].cpu()
    sheets = []
    for k in range(preset.dreams):
        shown = [
            ranked[text][(k + texts[:i].count(text)) % preset.dreams]
            for i, text in enumerate(texts)
        ]
        sheets.append(laid_out(shown, parts, settings))
    return torch.stack(sheets)


def guidance(prior: Prior, text: str, settings: Settings) -> Guidance:
    return Guidance.to_prompt(prior, text, settings.negative_prompt, GUIDANCE_STRENGTH)


def laid_out(
    pictures: Sequence[Tensor], parts: Sequence[Part], settings: Settings
) -> Float[Tensor, "3 rows columns"]:
    """Dreams on a sheet of paper, each in its place."""
    regions = [part.place for part in parts if isinstance(part.place, Region)]
    if not regions:
        return on_paper(inked(lay_out(pictures), settings.paper), settings)
    # Twice as large as a dream: a region of half the canvas shows all of it.
    sheet = blank(2 * pictures[0].shape[-1], settings)
    pictures = [inked(picture, settings.paper) for picture in pictures]
    return lay_over(pictures, regions, sheet, settings.width / settings.height)


def on_paper(picture: Float[Tensor, "3 side side"], settings: Settings) -> Tensor:
    """A square picture in the middle of the canvas, `[3, rows, columns]`."""
    side = picture.shape[-1]
    sheet = blank(side, settings)
    _, rows, columns = sheet.shape
    top, left = (rows - side) // 2, (columns - side) // 2
    sheet[:, top : top + side, left : left + side] = picture
    return sheet


def blank(short: int, settings: Settings) -> Float[Tensor, "3 rows columns"]:
    """Paper of the canvas's shape, `short` pixels on its shorter side."""
    rows, columns = (
        round(short * length / min(settings.width, settings.height))
        for length in (settings.height, settings.width)
    )
    return torch.tensor(settings.paper)[:, None, None].repeat(1, rows, columns)
