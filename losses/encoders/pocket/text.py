"""Prompt -> unit vector: words and their character n-grams, hashed into one table, and a small
head.

Hashed n-grams give a word that was never seen the meaning of its parts (Bojanowski et al. 2017,
"Enriching Word Vectors with Subword Information", section 3.2); the hash is CRC-32, the same on
every machine.
"""

import re
import zlib
from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from losses.english import singular

BUCKETS = 12288  # rows of the table, shared by words and n-grams: 4.7 MB in half precision
WIDTH = 192
DIM = 256  # length of a text vector, shared with the encoder and the prior

STOP_WORDS = frozenset(
    """
    a an are as at be by for from has have her his in into is it its like my of on one or
    our some that the their there these this to very with your
    """.split()
)
NUMBERS = frozenset(
    "zero two three four five six seven eight nine ten eleven twelve dozen hundred".split()
)


def words_of(prompt: str) -> list[str]:
    """The words of a prompt in lower case, without punctuation."""
    return re.findall(r"[^\W_]+(?:'[^\W_]+)?", prompt.lower())


def is_known(word: str, vocabulary: frozenset[str]) -> bool:
    """Whether a word is a stop word or a number, or it or its singular is in the vocabulary."""
    return (
        word.isdigit()
        or word in STOP_WORDS | NUMBERS
        or not vocabulary.isdisjoint((word, singular(word.removesuffix("'s"))))
    )


@lru_cache(maxsize=65536)
def pieces(word: str) -> tuple[int, ...]:
    """Rows of the table for a word: the whole word first, then its character 3-, 4- and 5-grams
    with the ends marked."""
    marked = f"<{word}>"
    grams = [marked[i : i + n] for n in (3, 4, 5) for i in range(len(marked) - n + 1)]
    return tuple(zlib.crc32(piece.encode()) % BUCKETS for piece in [f"={word}", *grams])


def bags(prompts: Sequence[str]) -> tuple[Tensor, Tensor, Tensor]:
    """Rows, where each prompt begins, and weights, for `embedding_bag`.

    A prompt is the mean of its words without stop words (all of its words if it has no others); a
    word is itself plus the mean of its n-grams.
    """
    rows: list[int] = []
    starts: list[int] = []
    weights: list[float] = []
    for prompt in prompts:
        starts.append(len(rows))
        words = words_of(prompt)
        words = [word for word in words if word not in STOP_WORDS] or words
        for word in words:
            whole, *grams = pieces(word)
            rows += [whole, *grams]
            weights += [1 / len(words), *[1 / (len(words) * len(grams))] * len(grams)]
    return (
        torch.tensor(rows, dtype=torch.long),
        torch.tensor(starts, dtype=torch.long),
        torch.tensor(weights),
    )


class TextTower(nn.Module):
    """Prompts -> unit vectors `[n, DIM]`, trained to follow a sentence model and to tell things
    and colours apart."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(BUCKETS, WIDTH)
        # Rows of unit size hardly move in the few times that a rare word is met.
        nn.init.normal_(self.table.weight, std=0.03)
        self.head = nn.Sequential(
            nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 512), nn.GELU(), nn.Linear(512, DIM)
        )

    def forward(self, prompts: Sequence[str]) -> Tensor:
        rows, starts, weights = (t.to(self.table.weight.device) for t in bags(prompts))
        mean = F.embedding_bag(
            rows,
            self.table.weight,
            starts,
            mode="sum",
            per_sample_weights=weights.to(self.table.weight.dtype),
        )
        return F.normalize(self.head(mean), dim=1)
