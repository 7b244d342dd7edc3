"""Snapshots of a trajectory as a function: settings in, pictures of all of them out, row by row."""

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


@dataclass(frozen=True)
class Settings:
    """The inputs, under the same names."""

    sequence: Path
    tiles: int = 28
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
    dreams = settings.tiles * len(sequence.rows)
    if dreams > MOST_DREAMS:
        raise ValueError(
            f"tiles: {settings.tiles} of {len(sequence.rows)} frames are {dreams} dreams, and "
            f"{MOST_DREAMS} the most; take fewer, or a frame less often (every)"
        )
    seeds = range(settings.dream_seed, settings.dream_seed + settings.tiles)
    return Plan({f"seed {seed}": Decoder(prior, seed) for seed in seeds}, sequence)
