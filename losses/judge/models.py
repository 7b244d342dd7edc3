"""The two sides of the judge: prompts and pictures become unit vectors whose product is the cosine.

Neither has anything of the guides' (`losses.encoders.pocket`): there a prompt is a bag of words and
pictures go through 3 x 3 convolutions; here words are read in their order, and pictures in patches.
"""

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

DIM = 128  # length of a vector
SIZE = 64  # side of a picture in pixels

BUCKETS, WIDTH = 4096, 64  # rows and columns of the table of words and their parts
HIDDEN = 80  # of the GRU, in each direction
LONGEST = 24  # words of a prompt that are read


def words_of(prompt: str) -> list[str]:
    """The first words of a prompt, in lower case; an empty prompt is the empty word."""
    return re.findall(r"[a-z0-9]+(?:'[a-z]+)?", prompt.lower())[:LONGEST] or [""]


@lru_cache(maxsize=65536)
def pieces(word: str) -> tuple[int, ...]:
    """Rows of the table for a word: two for the whole, then one for each run of 3 and 4 letters.

    Two rows tell apart words that share one of them (Svenstrup et al. 2017, "Hash Embeddings"); the
    parts give words that were never seen the meaning of words that look like them (Bojanowski et
    al. 2017, section 3.2).
    """
    marked = f"^{word}$"
    parts = [marked[i : i + n] for n in (3, 4) for i in range(len(marked) - n + 1)] or [marked]
    digest = hashlib.blake2b(marked.encode(), digest_size=8).digest()
    whole = (int.from_bytes(digest[:4], "big"), int.from_bytes(digest[4:], "big"))
    return tuple(number % BUCKETS for number in (*whole, *map(_number, parts)))


def _number(part: str) -> int:
    return int.from_bytes(hashlib.blake2b(part.encode(), digest_size=4, person=b"part").digest())


class Reader(nn.Module):
    """Prompts -> vectors `[n, DIM]`: words from a hashed table, read forwards and backwards by a
    GRU (Cho et al. 2014), its states averaged and topped."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.EmbeddingBag(BUCKETS, WIDTH, mode="sum")
        self.norm = nn.LayerNorm(WIDTH)
        self.gru = nn.GRU(WIDTH, HIDDEN, batch_first=True, bidirectional=True)
        self.head = nn.Linear(4 * HIDDEN, DIM)

    def forward(self, prompts: Sequence[str]) -> Tensor:
        texts = [words_of(prompt) for prompt in prompts]
        lengths = torch.tensor([len(words) for words in texts])
        words = self.norm(self.look_up([word for words in texts for word in words]))
        batch = nn.utils.rnn.pad_sequence(words.split(lengths.tolist()), batch_first=True)
        packed = pack_padded_sequence(batch, lengths, batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(self.gru(packed)[0], batch_first=True)
        inside = torch.arange(states.shape[1]) < lengths[:, None]
        inside = inside[:, :, None].to(states.device)
        mean = (states * inside).sum(1) / inside.sum(1)
        top = states.masked_fill(~inside, -1.0).amax(1)  # a GRU's states lie within (-1, 1)
        return self.head(torch.cat([mean, top], 1))

    def look_up(self, words: list[str]) -> Tensor:
        """`[words, WIDTH]`: the rows of the whole word, and the mean of those of its parts."""
        rows = [pieces(word) for word in words]
        weights = [w for r in rows for w in (1.0, 1.0, *[1 / (len(r) - 2)] * (len(r) - 2))]
        starts = torch.tensor([0, *map(len, rows[:-1])]).cumsum(0)
        device = self.table.weight.device
        flat = torch.tensor([row for r in rows for row in r], device=device)
        return self.table(
            flat, starts.to(device), per_sample_weights=torch.tensor(weights, device=device)
        )


class Block(nn.Module):
    """What lies around a place, channel by channel, then a small network over the channels, added
    to the input; `[n, height, width, channels]` (Liu et al. 2022, "A ConvNet for the 2020s")."""

    def __init__(self, channels: int, wider: int = 4):
        super().__init__()
        self.around = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels)
        self.mix = nn.Sequential(
            nn.Linear(channels, wider * channels), nn.GELU(), nn.Linear(wider * channels, channels)
        )
        nn.init.zeros_(self.mix[2].weight)

    def forward(self, x: Tensor) -> Tensor:
        around = self.around(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return x + self.mix(self.norm(around))


class Patches(nn.Module):
    """Squares of `side` x `side` places become one place: `[n, h, w, inputs]` -> `[n, h / side,
    w / side, outputs]`."""

    def __init__(self, inputs: int, outputs: int, side: int):
        super().__init__()
        self.side = side
        self.norm, self.flat = nn.LayerNorm(inputs), nn.Linear(inputs * side * side, outputs)

    def forward(self, x: Tensor) -> Tensor:
        n, h, w, c = x.shape
        s = self.side
        x = self.norm(x).view(n, h // s, s, w // s, s, c).permute(0, 1, 3, 2, 4, 5)
        return self.flat(x.reshape(n, h // s, w // s, s * s * c))


class Looker(nn.Module):
    """Pictures `[n, 3, SIZE, SIZE]` in [0, 1] -> vectors `[n, DIM]`: blocks on 16 x 16 patches,
    then on 8 x 8; a few channels of each place are read side by side.

    What is where counts: with attention over the places at the end, and all else the same, half as
    many pictures (4 % instead of 8) were named rightly after the first 12 000.
    """

    def __init__(self, fine: int = 72, coarse: int = 128, few: int = 16):
        super().__init__()
        self.inlet = nn.Conv2d(3, fine, 4, stride=4)
        self.fine = nn.Sequential(nn.LayerNorm(fine), Block(fine), Block(fine))
        self.shrink = Patches(fine, coarse, 2)
        self.coarse = nn.Sequential(Block(coarse), Block(coarse), nn.LayerNorm(coarse))
        self.few = nn.Linear(coarse, few)
        self.head = nn.Linear(few * (SIZE // 8) ** 2, DIM)

    def forward(self, pictures: Tensor) -> Tensor:
        x = self.inlet(2 * pictures - 1).permute(0, 2, 3, 1)
        x = self.coarse(self.shrink(self.fine(x)))
        return self.head(self.few(x).flatten(1))


class Pair(nn.Module):
    """Both sides, with unit vectors."""

    def __init__(self) -> None:
        super().__init__()
        self.reader, self.looker = Reader(), Looker()

    def read(self, prompts: Sequence[str]) -> Tensor:
        return F.normalize(self.reader(prompts), dim=1)

    def look(self, pictures: Tensor) -> Tensor:
        return F.normalize(self.looker(pictures).float(), dim=1)
