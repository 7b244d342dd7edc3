"""Scoring as a function: drawings, prompts and models in, every figure out, as JSON has it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from jaxtyping import Float
from torch import Tensor

from clipdraw.svg import UNKNOWN
from losses import load_encoder
from losses.encoders import public_name
from losses.geometry import THRESHOLD
from losses.judge import load_judge
from losses.retrieval import margins, recall, standings
from predictors.drawings import Handed

JUDGE, GUIDE, PERHAPS = "judge", "guide", "unknown whether it guided"
# As many prompts as Park et al. rank against; the characters are those of a long sentence.
MOST_PROMPTS, MOST_CHARACTERS = 500, 300
# How many of the prompts that a model finds are told, the likest first.
FOUND = 5
# JPEG's noise is no ink, nor is what `border_colour` counts as one colour.
FAINTEST = 1 / 16


class Model(Protocol):
    """A text-image model: the judge or an encoder."""

    name: str
    size: int

    def embed_text(self, texts: list[str]) -> Tensor: ...
    def embed_image(self, images: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class Matching:
    """Whether drawings belong to prompts."""

    known: bool
    """Whether the first drawing belongs to the first prompt, and so on."""
    why: str
    """As a sentence."""
    ranked: bool
    """Whether R-precision means something."""


def read_prompts(text: str) -> list[str]:
    """The prompts in a line; `|` separates them.

    Raises:
        ValueError: nothing written, a part without words, one that is there twice, too much.
    """
    prompts = [" ".join(part.split()) for part in text.split("|")]
    prompts = ["".join(c for c in prompt if c.isprintable()) for prompt in prompts]
    if not any(prompts):
        raise ValueError(
            "prompts is empty; write what a drawing may show, such as 'a red fox | a forest'"
        )
    if not all(prompts):
        raise ValueError(
            "prompts has a part without words; write something on both sides of each '|'"
        )
    if len(prompts) > MOST_PROMPTS:
        raise ValueError(
            f"prompts has {len(prompts)} parts, but at most {MOST_PROMPTS} are read; use fewer '|'"
        )
    for number, prompt in enumerate(prompts):
        if len(prompt) > MOST_CHARACTERS:
            raise ValueError(
                f"prompts has one of {len(prompt)} characters, {prompt[:40]!r}..., but at most "
                f"{MOST_CHARACTERS} are read; shorten it"
            )
        if prompt in prompts[:number]:
            raise ValueError(
                f"prompts has {prompt!r} twice, and no model can tell one from the other; take one "
                "out"
            )
    return prompts


def load_models(name: str, device: str) -> dict[str, Model]:
    """The judge, pocket and the model of that name, each once, by their public names."""
    found = [load_judge(device), load_encoder("pocket", device), load_encoder(name, device)]
    return {public_name(model): model for model in found}


def match(drawings: int, prompts: int) -> Matching:
    """The one rule by which drawings belong to prompts."""
    if drawings == prompts == 1:
        why = (
            "There is one drawing and one prompt: nothing to choose from, so R-precision is left "
            "out."
        )
        return Matching(True, why, False)
    if drawings == prompts:
        why = (
            "There are as many drawings as prompts: the first drawing belongs to the first prompt, "
            "and so on, with drawings in the order of their names."
        )
        return Matching(True, why, True)
    why = (
        f"{drawings} drawing{'s' * (drawings != 1)}, {prompts} prompt{'s' * (prompts != 1)}: which "
        "belongs to which is not known, so every drawing is ranked against all prompts, and "
        "R-precision is left out."
    )
    return Matching(False, why, False)


def role(model: str, guides: Sequence[str]) -> str:
    """What a model is to a drawing. In doubt it is no judge: weights in a file may be anybody's, so
    a model that is built as one of the guides is not known to be another."""
    if model in guides:
        return GUIDE
    if UNKNOWN in guides or _built_as(model) in map(_built_as, guides):
        return PERHAPS
    return JUDGE


def _built_as(model: str) -> str:
    """`ViT-B-32` of `ViT-B-32-quickgelu/openai`."""
    return model.partition("/")[0].removesuffix("-quickgelu")


def score(
    handed: Sequence[Handed],
    prompts: Sequence[str],
    models: Mapping[str, Model],
    report: Callable[[str, float], None],
) -> dict[str, Any]:
    """All figures.

    Args:
        report: Cog's `record_metric`.
    """
    matching = match(len(handed), len(prompts))
    read = {name: model.embed_text(list(prompts)) for name, model in models.items()}
    found = {name: [] for name in models}
    for number, one in enumerate(handed, start=1):
        for name, model in models.items():
            found[name].append(likeness(model, one, read[name]))
        report("step", number)
        report("steps", len(handed))
    each = [
        figures(
            one,
            {name: rows[number] for name, rows in found.items()},
            prompts,
            number if matching.known else None,
        )
        for number, one in enumerate(handed)
    ]
    return {
        "prompts": list(prompts),
        "matching": matching.why,
        "models": {
            name: precisions(rows, [one["models"][name]["role"] for one in each])
            if matching.ranked
            else []
            for name, rows in found.items()
        },
        "drawings": each,
    }


def figures(
    one: Handed, found: Mapping[str, Tensor], prompts: Sequence[str], own: int | None
) -> dict[str, Any]:
    """All of one drawing; `own` is the number of its prompt, if that is known."""
    return {
        "name": one.name,
        "prompt": None if own is None else prompts[own],
        "strokes": one.drawing.paths if one.drawing else None,
        "guides": list(one.guides),
        "left_out": list(one.left_out),
        "composition": composition(one),
        "models": {
            name: {"role": role(name, one.guides), **verdict(rows, prompts, own, one)}
            for name, rows in found.items()
        },
    }


@torch.no_grad()
def likeness(model: Model, one: Handed, read: Tensor) -> Float[Tensor, "looks prompts"]:
    """Cosines of a drawing with all prompts; of an SVG those of its prefixes, the whole last."""
    seen = model.embed_image(one.seen(model.size).to(read.device))
    return (seen @ read.T).float().cpu()


def verdict(rows: Tensor, prompts: Sequence[str], own: int | None, one: Handed) -> dict[str, Any]:
    """What one model makes of one drawing; `own` is the number of its prompt, if that is known."""
    whole = rows[-1]
    order = whole.argsort(descending=True, stable=True).tolist()
    followed = order[0] if own is None else own
    rank = margin = curve = None
    if own is not None:
        column = torch.tensor([own])
        rank = int(standings(whole[None], column)) + 1
        margin = _plain(margins(whole[None], column)) if len(prompts) > 1 else None
    if one.drawing:
        similarity = [_plain(value) for value in rows[:, followed]]
        curve = {"prompt": prompts[followed], "first": one.prefixes, "similarity": similarity}
    return {
        "retrieved": [prompts[i] for i in order[:FOUND]],
        "rank": rank,
        "margin": margin,
        "similarity": {prompts[i]: _plain(whole[i]) for i in order},
        "prefix_curve": curve,
    }


def precisions(rows: Sequence[Tensor], roles: Sequence[str]) -> list[dict[str, Any]]:
    """R-precision of one model, apart for what it judged, guided, and perhaps guided: figures of a
    guide say how far it got, not how good a drawing is."""
    likeness, own = torch.stack([looks[-1] for looks in rows]), torch.arange(len(rows))
    ranks, leads = standings(likeness, own), margins(likeness, own)
    found = []
    for one in (JUDGE, GUIDE, PERHAPS):
        chosen = torch.tensor([role == one for role in roles])
        if chosen.any():
            found.append(
                {
                    "role": one,
                    "drawings": int(chosen.sum()),
                    "R-precision": round(recall(ranks[chosen], 1), 4),
                    "among the first five": round(recall(ranks[chosen], FOUND), 4),
                    "margin": _plain(leads[chosen].mean()),
                }
            )
    return found


def composition(one: Handed) -> dict[str, Any]:
    """Where a drawing is on its canvas.

    Ink is how far a pixel's channel that differs most is from the ground, between 0 and 1. The
    circle is that of the centre penalty, in the middle of the canvas.
    """
    _, height, width = one.picture.shape
    ink = (one.picture - torch.tensor(one.ground)[:, None, None]).abs().amax(0)
    ink = torch.where(ink < FAINTEST, 0.0, ink)
    y, x = (torch.arange(side) + 0.5 for side in (height, width))
    total = float(ink.sum())
    away = torch.hypot(y[:, None] - height / 2, x - width / 2)
    inside = float(ink[away <= THRESHOLD * min(height, width)].sum())
    centroid = [float(ink.sum(0) @ x) / width, float(ink.sum(1) @ y) / height]
    return {
        "ink_centroid": [round(at / total, 4) for at in centroid] if total else None,
        "ink_in_circle": round(inside / total, 4) if total else None,
        "points_off_canvas": one.drawing and _off_canvas(one),
    }


def _off_canvas(one: Handed) -> float:
    """The share of control points that lie beyond the edges."""
    points = one.drawing.points
    off = (points < 0) | (points > torch.tensor([one.drawing.width, one.drawing.height]))
    return round(float(off.any(1).float().mean()), 4)


def _plain(value: Tensor) -> float:
    """A cosine for people; whatever is further right differs from machine to machine."""
    return round(float(value), 5)
