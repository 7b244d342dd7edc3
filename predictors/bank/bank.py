"""A bank as a function: settings in; shots, their pictures and their files out."""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32
from PIL import Image

from journeys.banks import chosen, keyframes, samples, samples_around, short_journeys
from journeys.decode import Decoder, embed
from journeys.grids import Small, looks, page
from journeys.sequence import FPS, ZSequence, read_vectors
from losses import load_encoder

MODEL = "pocket"
# Ten minutes of film, and more than half an hour of decoding on one core; 100 MB of pictures.
MOST_FRAMES = 15_000
# Sides in pixels of a proxy's picture, and of one on the contact sheet.
PROXY, TILE = 240, 96
# Samples in a row of the contact sheet; pictures of a journey there, from its start to its end.
COLUMNS = 8
# Which luck a seed brings: with the same one, neighbours of a sample would be the sample itself.
SAMPLES, JOURNEYS = 1, 2


@dataclass(frozen=True)
class Settings:
    """The inputs, under the same names."""

    prompts: str = ""
    bank: Path | None = None
    keep: str = ""
    drop: str = ""
    count: int = 24
    spread: float = 0.75
    path: str = "tangent"
    frames: int = 12
    seed: int = 0
    dream_seed: int = 0


@dataclass(frozen=True, eq=False)
class Shot:
    """A part of the film: one sample, or one journey."""

    label: str
    rows: Float32[np.ndarray, "rows dim"]
    hold: int = 1
    """Frames that each row stays."""


def shots(settings: Settings) -> list[Shot]:
    """What the film shows, one after the other.

    Raises:
        ValueError: an input at fault, by name.
    """
    found = sampled(settings) if settings.bank is None else travelled(settings)
    frames = sum(shot.hold * len(shot.rows) for shot in found)
    if frames > MOST_FRAMES:
        raise ValueError(
            f"frames: {frames} in all are more than the {MOST_FRAMES} that are made at once; take "
            "fewer, or a smaller count"
        )
    return found


def sampled(settings: Settings) -> list[Shot]:
    """Samples, each held: around prompts, or anywhere."""
    for name in ("keep", "drop"):
        if getattr(settings, name).strip():
            raise ValueError(f"{name}: there is nothing yet to take from; hand in a bank as well")
    luck = np.random.default_rng([settings.seed, SAMPLES])
    if settings.prompts.strip():
        texts = settings.prompts.split("|")
        centres = embed(load_encoder(MODEL), texts).astype(np.float64)
        rows = samples_around(centres, settings.spread, settings.count, luck)
        labels = [f"{i + 1}: {texts[i % len(texts)].strip()}" for i in range(len(rows))]
    else:
        rows = samples(settings.count, dim(), 1.0, luck)
        labels = [str(i + 1) for i in range(len(rows))]
    found = rows.astype(np.float32)[:, None]
    return [Shot(label, row, settings.frames) for label, row in zip(labels, found, strict=True)]


def travelled(settings: Settings) -> list[Shot]:
    """Short journeys between the samples of a bank."""
    if settings.prompts.strip():
        raise ValueError("prompts: a bank has its samples already; hand in one of the two")
    luck = np.random.default_rng([settings.seed, JOURNEYS])
    try:
        rows = read_vectors(settings.bank, dim(), MODEL).rows.astype(np.float64)
    except ValueError as error:
        raise ValueError(f"bank: {error}") from error
    keys = keyframes(rows / np.linalg.norm(rows, axis=1, keepdims=True))
    numbers = chosen(len(keys), settings.keep, settings.drop)
    try:
        made = short_journeys(
            keys[numbers], settings.count, settings.frames, settings.path, settings.spread, luck
        )
    except ValueError as error:
        raise ValueError(f"bank: {error}") from error
    found = []
    for number, (stops, rows) in enumerate(made, start=1):
        names = " > ".join(str(numbers[stop] + 1) for stop in stops)
        found.append(Shot(f"{number}: {names}", rows.astype(np.float32)))
    return found


def dim() -> int:
    """Numbers in a vector of the model."""
    return embed(load_encoder(MODEL), ["a"]).shape[1]


def decoded(shots: Sequence[Shot], dream_seed: int) -> Iterator[Small]:
    """A picture for each row of each shot, once."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    decoder = Decoder(load_encoder(MODEL, device), dream_seed)
    for (picture,) in looks([decoder], np.concatenate([shot.rows for shot in shots])):
        yield picture


def as_far_as(shots: Sequence[Shot], rows: int) -> list[Shot]:
    """The shots up to a number of rows, the last of them in part."""
    found = []
    for shot in shots:
        if rows > 0:
            found.append(Shot(shot.label, shot.rows[:rows], shot.hold))
        rows -= len(shot.rows)
    return found


def sequence(shots: Sequence[Shot], seed: int) -> ZSequence:
    """The film's vectors, a row for each frame."""
    rows = np.concatenate([np.repeat(shot.rows, shot.hold, axis=0) for shot in shots])
    return ZSequence(rows, "embedding", "sphere", 1.0, FPS, seed, MODEL)


def proxies(shots: Sequence[Shot], pictures: Sequence[Small]) -> Iterator[np.ndarray]:
    """The film's frames, `[height, width, 3]` in 8 bits: large enough to see, with their labels."""
    left = iter(pictures)
    for shot in shots:
        for _ in shot.rows:
            frame = np.asarray(page([next(left)], [shot.label], 1, PROXY))
            for _ in range(shot.hold):
                yield frame


def contact(shots: Sequence[Shot], pictures: Sequence[Small]) -> Image.Image:
    """All samples, or a row for each journey."""
    shown, labels, start = [], [], 0
    for shot in shots:
        count = 1 if len(shot.rows) == 1 else COLUMNS
        places = np.linspace(0, len(shot.rows) - 1, count).round().astype(int)
        shown += [pictures[start + place] for place in places]
        labels += [shot.label, *[""] * (count - 1)]
        start += len(shot.rows)
    return page(shown, labels, COLUMNS, TILE)


def steps(shots: Sequence[Shot], pictures: Sequence[Small]) -> dict[str, float]:
    """By how much pictures change from one to the next, 0 to 1: the mean absolute difference.

    Of journeys, how smoothly they pass; of samples, how far they differ.
    """
    ends = list(accumulate(len(shot.rows) for shot in shots))
    # From one journey to the next is a cut; there is none between samples.
    cuts = set() if ends[-1] == len(shots) else set(ends)
    sizes = [
        (pictures[i].float() - pictures[i - 1].float()).abs().mean().item() / 255
        for i in range(1, len(pictures))
        if i not in cuts
    ] or [0.0]
    return {"mean step": statistics.mean(sizes), "largest step": max(sizes)}
