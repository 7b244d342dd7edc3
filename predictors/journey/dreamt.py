"""Journeys through the model's space: strokes follow what it dreams of on the way."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from clipdraw import Drawing
from clipdraw.renderers import WHITE
from clipdraw.scribble import scribble_over
from journeys.decode import Decoder, embed
from journeys.follow import Step, follow, smoothed
from journeys.grids import Small, looks, page
from journeys.paths import Rows, angles, even_times, neighbours, path, spherical
from journeys.sequence import FPS, ZSequence, read_vectors
from losses import load_encoder
from losses.guidance import Prior
from predictors.conform.edit import unzip
from predictors.handed import ZIP, begins, local
from predictors.journey.journey import (
    CANVAS,
    FIRST_WIDTH,
    PROXY,
    Journey,
    Key,
    Report,
    Settings,
    check_length,
    held,
)
from predictors.morph.morph import Moment

MODEL = "pocket"
# Side in pixels of the pictures whose likeness is measured.
LIKENESS = 96
# Noise levels of a dream that only tells how fast things change: on a way from a fish to a boat, a
# tree and back the largest step is 0.032 with 5, and 0.027 with all, where the mean is 0.012.
QUICK = 5
# What turns by more from one frame to the next is a cut, in radians: a journey as fast as this
# would be over in three frames, and two samples of one prompt, at a spread of 0.75, are 1.1 apart.
JUMP = 0.5
# Which luck a seed brings: 1 to 3 are those of `bank` and `grid`.
NOISE = 4


@dataclass(frozen=True, eq=False)
class Way:
    """Where a journey leads."""

    sequence: ZSequence
    keys: list[Key]
    cuts: list[int]
    """Frames that do not go on from the one before."""


def travel(settings: Settings, report: Report) -> Journey:
    """Draw what the model dreams of on the way; a Ctrl-C ends the journey where it is.

    Raises:
        ValueError: an input at fault, by name.
    """
    prior = load_encoder(MODEL, "cuda" if torch.cuda.is_available() else "cpu")
    paper = settings.paper or WHITE
    decoder = Decoder(prior, settings.dream_seed, paper=paper)
    way = handed_in(settings, prior) if settings.sequence else through_prompts(settings, decoder)
    drawings, starts, dreams, ended = [], [], [], "finished"
    report("steps", len(way.sequence.rows))
    try:
        for step, dream in drawn(settings, way, decoder):
            if step.new:
                starts.append(len(drawings))
            # The rest of a frame, above all the optimiser's state, is five times as large.
            drawings.append(step.frame.drawing.to("cpu"))
            dreams.append(dream)
            report("step", len(drawings))
    except KeyboardInterrupt:
        if not drawings:
            raise
        ended = "interrupted"
    shots = calmed(drawings, starts, settings.loop and ended == "finished")
    moments = [Moment(drawing, paper) for shot in shots for drawing in shot]
    last = len(moments) - 1
    keys = [key for key in way.keys if key.frame <= last] or [Key(last, "where it ended")]
    pairs = [(moments[key.frame], dreams[key.frame]) for key in keys]
    return Journey(
        replace(way.sequence, rows=way.sequence.rows[: last + 1]),
        moments,
        keys,
        lambda: (np.asarray(page([x], [str(i)], 1, PROXY)) for i, x in enumerate(dreams)),
        [MODEL],
        {"units per frame": motion(shots), "decibels": likeness(pairs)},
        ended,
    )


def through_prompts(settings: Settings, decoder: Decoder) -> Way:
    """From prompt to prompt, so that equally much changes from one frame of a leg to the next."""
    texts = [text.strip() for text in settings.prompts.split("|")]
    if len(texts) < 2:
        raise ValueError(
            f"prompts: {texts[0]!r:.60} is where the journey begins; write where it leads as well, "
            "such as 'a fish | a boat'"
        )
    keys = embed(decoder.prior, texts).astype(np.float64)
    if settings.noise > 0:
        luck = np.random.default_rng([settings.seed, NOISE])
        keys = np.concatenate([neighbours(key, settings.noise, 1, luck) for key in keys])
    rows = len(texts) * settings.frames if settings.loop else (len(texts) - 1) * settings.frames + 1
    counts, ends = held(len(texts), rows, settings)
    try:
        rows = path(keys, settings.frames, settings.path, radius=1.0, closed=settings.loop)
    except ValueError as error:
        raise ValueError(f"prompts: {str(error).removeprefix('keyframes: ')}") from error
    evenly = even(rows, settings, replace(decoder, steps=QUICK)).astype(np.float32)
    sequence = ZSequence(
        np.repeat(evenly, counts, axis=0), "embedding", "sphere", 1.0, FPS, settings.seed, MODEL
    )
    found = [Key(frame, text) for frame, text in zip(ends, texts, strict=True)]
    return Way(sequence, found, cuts=[])


def even(rows: Rows, settings: Settings, quick: Decoder) -> Rows:
    """A path on which each leg takes its time where dreams change fast, and hurries elsewhere."""
    frames = settings.frames
    seen = [picture for (picture,) in looks([quick], rows.astype(np.float32))]
    if settings.loop:
        seen.append(seen[0])
    apart = np.array([rms(b, a) for a, b in pairwise(seen)])
    legs = len(apart) // frames
    times = [
        leg * frames + even_times(apart[leg * frames : (leg + 1) * frames], frames + 1)[:-1]
        for leg in range(legs)
    ]
    if not settings.loop:
        times.append(np.array([float(len(rows) - 1)]))
    return spherical(rows, np.concatenate(times), settings.loop)


def rms(a: Small, b: Small) -> float:
    """The root of the mean squared difference of two pictures, 0 to 1."""
    return float(((a.float() - b.float()) / 255).square().mean().sqrt())


def handed_in(settings: Settings, prior: Prior) -> Way:
    """A z-sequence as it is; keyframes are what is held in it, each second, and the end."""
    try:
        sequence = read_sequence(settings.sequence, embed(prior, ["a"]).shape[1])
    except ValueError as error:
        raise ValueError(f"sequence: {error}") from error
    check_length(len(sequence.rows), "sequence")
    same = (sequence.rows[1:] == sequence.rows[:-1]).all(axis=1)
    ends = np.flatnonzero(np.append(False, same) & ~np.append(same, False)).tolist()
    last, second = len(sequence.rows) - 1, max(round(sequence.fps), 1)
    frames = sorted({*ends, *range(0, last, second), last})
    rows = sequence.rows.astype(np.float64)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    cuts = np.flatnonzero(angles(rows[1:], rows[:-1])[:, 0] > JUMP) + 1
    return Way(sequence, [Key(frame, f"frame {frame}") for frame in frames], cuts.tolist())


def read_sequence(file: Path, dim: int) -> ZSequence:
    """An .npy file with its note beside it, if there is one, or a zip of these."""
    if not begins(local(file)).startswith(ZIP):
        return read_vectors(file, dim, MODEL)
    with tempfile.TemporaryDirectory() as folder:
        arrays = list(unzip(file, Path(folder)).values())
        if len(arrays) != 1:
            raise ValueError(f"the zip has {len(arrays)} arrays (.npy); put one of them in")
        return read_vectors(arrays[0], dim, MODEL)


def drawn(settings: Settings, way: Way, decoder: Decoder) -> Iterator[tuple[Step, Small]]:
    """The strokes at each frame, and the dream that they follow."""
    generator = torch.Generator().manual_seed(settings.seed)
    dreams: list[Small] = []

    def targets() -> Iterator[Tensor]:
        for dream in each_once(way.sequence.rows, decoder):
            dreams.append(dream)
            yield dream / 255

    def start(target: Tensor) -> Drawing:
        return scribble_over(
            target, settings.strokes, generator, width=CANVAS, height=CANVAS,
            stroke_width=FIRST_WIDTH, paper=decoder.paper,
        ).to(decoder.prior.embed_text(["a"]).device)  # fmt: skip

    lap = len(way.sequence.rows) if settings.loop else None
    followed = follow(
        targets(), start, generator, steps=settings.steps_per_frame, calm=settings.calm,
        cuts=way.cuts, lap=lap, background=decoder.paper,
    )  # fmt: skip
    for step in followed:
        yield step, dreams[-1]


def each_once(rows: np.ndarray, decoder: Decoder) -> Iterator[Small]:
    """What a decoder makes of each row; what is held is decoded once."""
    new = np.append(True, (rows[1:] != rows[:-1]).any(axis=1))
    pictures = looks([decoder], rows[new])
    for is_new in new:
        if is_new:
            (picture,) = next(pictures)
        yield picture


def calmed(drawings: Sequence[Drawing], starts: Sequence[int], loop: bool) -> list[list[Drawing]]:
    """The drawings from cut to cut, smoothed; `starts` are the frames that shots begin with."""
    shots = [drawings[a:b] for a, b in pairwise([*starts, len(drawings)])]
    return [smoothed(shot, closed=loop and len(shots) == 1) for shot in shots]


def motion(shots: Sequence[Sequence[Drawing]]) -> float:
    """How far control points go from frame to frame, canvas units, in the mean; cuts left out."""
    ways = [
        torch.linalg.vector_norm(b.points - a.points, dim=1).mean().item()
        for shot in shots
        for a, b in pairwise(shot)
    ]
    return round(float(np.mean(ways or [0.0])), 3)


def likeness(pairs: Sequence[tuple[Moment, Small]]) -> float:
    """How close drawings are to dreams: the mean peak signal-to-noise ratio, 100 at most."""
    found = []
    for moment, dream in pairs:
        wanted = F.interpolate(dream[None] / 255, (LIKENESS, LIKENESS), mode="bicubic").clamp(0, 1)
        distance = (moment.seen(LIKENESS, LIKENESS) - wanted[0]).square().mean()
        found.append(-10 * distance.clamp(min=1e-10).log10().item())
    return round(float(np.mean(found)), 2)
