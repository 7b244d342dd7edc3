"""Snapshots of a trajectory as a function: settings in, pictures of all of them out, row by row."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from journeys.decode import Decoder, embed
from journeys.grids import Small, looks
from journeys.sequence import ZSequence, read_vectors
from losses import load_encoder

MODEL = "pocket"
# In all: more than half an hour on one core, and 100 MB of pictures.
MOST_DREAMS = 15_000
STRENGTHS = re.compile(r"\s*\d{1,2}(\.\d{1,3})?\s*(,\s*\d{1,2}(\.\d{1,3})?\s*)*")


@dataclass(frozen=True)
class Settings:
    """The inputs, under the same names."""

    sequence: Path
    seeds: int = 28
    strengths: str = "5"
    columns: int = 7
    every: int = 5
    dream_seed: int = 0


@dataclass(frozen=True, eq=False)
class Plan:
    """Who looks at what."""

    decoders: dict[str, Decoder]
    """By their labels."""
    sequence: ZSequence
    """Of what was handed in every so many rows, at so much fewer frames per second."""

    def looks(self) -> Iterator[list[Small]]:
        """Row by row what all of them see."""
        return looks(list(self.decoders.values()), self.sequence.rows)


def plan(settings: Settings) -> Plan:
    """Read the trajectory, and set up the decoders.

    Raises:
        ValueError: an input at fault, by name.
    """
    prior = load_encoder(MODEL, "cuda" if torch.cuda.is_available() else "cpu")
    try:
        whole = read_vectors(settings.sequence, embed(prior, ["a"]).shape[1], MODEL)
    except ValueError as error:
        raise ValueError(f"sequence: {error}") from error
    sequence = replace(whole, rows=whole.rows[:: settings.every], fps=whole.fps / settings.every)
    if not STRENGTHS.fullmatch(settings.strengths):
        raise ValueError(
            f"strengths: {settings.strengths!r:.40} is no list of numbers below 100; write such as "
            "'2, 5'"
        )
    decoders = {
        f"seed {seed}, strength {strength.strip()}": Decoder(prior, seed, float(strength))
        for strength in settings.strengths.split(",")
        for seed in range(settings.dream_seed, settings.dream_seed + settings.seeds)
    }
    dreams = len(decoders) * len(sequence.rows)
    if dreams > MOST_DREAMS:
        raise ValueError(
            f"seeds: {len(decoders)} snapshots of {len(sequence.rows)} frames are {dreams} dreams, "
            f"and {MOST_DREAMS} the most; take fewer of them, or a frame less often (every)"
        )
    return Plan(decoders, sequence)
