"""How far the judge can be trusted, at best: shown the guides' own icons, which it never saw, for a
list of prompts, how often does it find the prompt? Drawings will hardly do better.

    python -m scripts.train_pocket.judge_score [PROMPTS] [WORK]
"""

import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from losses.judge import Judge, load_judge
from losses.retrieval import recall, standings
from scripts.score import read_prompts

from . import judge_data, sources, things
from .data import Icon, Pictures

ROOT = Path(__file__).parents[2]


def icons_of(noun: str, pictures: Pictures) -> list[Icon]:
    """The guides' colour icons for a noun, perhaps with a colour's name before it; none where they
    have none."""
    meant = {word: names.split() for word, (_, names) in things.POPULAR.items()}
    for words, names in things.POPULAR.values():
        meant |= {word: names.split() for word in words.split(", ") if word not in meant}
    called = {things.called(name): [name] for name in pictures.names}
    colour, _, rest = noun.partition(" ")
    for words in (noun, rest, noun.rpartition(" of ")[2], noun.rpartition(" ")[2]):
        for name in meant.get(words) or called.get(words) or []:
            if found := [i for i in pictures.by_name.get(name, []) if i.style in sources.STYLES]:
                break
        else:
            continue
        if colour not in things.COLOURS or words == noun:
            return found
        return [icon for icon in found if colour in icon.rows or icon.colour == colour]
    return []


def shown(pictures: Pictures, icon: Icon, colour: str) -> Tensor:
    """The icon in a colour, if it has it, on white with a margin: `[3, 64, 64]`."""
    rgba = torch.from_numpy(np.array(pictures.pixels[icon.rows.get(colour, icon.rows[""])]))
    rgba = rgba.permute(2, 0, 1).float() / 255
    page = F.interpolate((rgba[:3] * rgba[3:] + 1 - rgba[3:])[None], 48, mode="area")[0]
    return F.pad(page, (8, 8, 8, 8), value=1.0)


def ideals(prompt: str, pictures: Pictures) -> list[Tensor]:
    """What the prompt asks for, once in each of the guides' styles: `[3, 64, 64]` each."""
    things_asked = prompt.lower().replace(" and an ", " and a ").split(" and a ")
    nouns = [
        noun.removeprefix("the ").removeprefix("an ").removeprefix("a ") for noun in things_asked
    ]
    sides = []
    for noun in nouns:
        colour = noun.split()[0]
        sides.append([shown(pictures, icon, colour) for icon in icons_of(noun, pictures)])
    if len(sides) == 1:
        return sides[0]
    return [side_by_side(left, right) for left, right in zip(*sides, strict=False)]


def side_by_side(left: Tensor, right: Tensor) -> Tensor:
    both = F.avg_pool2d(torch.cat([left, right], 2)[None], 2)[0]
    return F.pad(both, (0, 0, 16, 16), value=1.0)


@torch.no_grad()
def ceiling(judge: Judge, prompts: list[str], pictures: Pictures) -> dict[str, float]:
    """R-precision at 1 and 5 over all ideal pictures of all prompts, each against all prompts."""
    found = [ideals(prompt, pictures) for prompt in prompts]
    owner = torch.tensor([i for i, images in enumerate(found) for _ in images])
    looks = judge.embed_image(torch.stack([image for images in found for image in images]))
    ranks = standings(looks @ judge.embed_text(prompts).T, owner)
    return {
        "prompts": sum(map(bool, found)),
        "pictures": len(owner),
        "R@1": recall(ranks, 1),
        "R@5": recall(ranks, 5),
    }


@torch.no_grad()
def at_home(judge: Judge, pictures: judge_data.Pictures, seed: int) -> float:
    """How often the best of a hundred prompts fits, over a thousand fresh examples made of the
    judge's own icons."""
    rng, right = np.random.default_rng(seed), 0
    for _ in range(10):
        examples, images = pictures.batch(100, judge.size, rng)
        likeness = judge.embed_image(images) @ judge.embed_text([e.prompt for e in examples]).T
        best = [examples[i] for i in likeness.argmax(1).tolist()]
        right += sum(map(judge_data.fits, examples, best))
    return right / 1000


if __name__ == "__main__":
    file, work = (*map(Path, sys.argv[1:]), ROOT / "tests/data/prompts.txt", ROOT / ".pocket")[:2]
    asked = [one.prompt for one in read_prompts(file)]
    for key, value in ceiling(load_judge(), asked, Pictures.load(work)).items():
        print(f"the guides' icons, {key}: {value if isinstance(value, int) else f'{value:.1%}'}")
    share = at_home(load_judge(), judge_data.Pictures.load(work), seed=1)
    print(f"its own icons, fresh examples: the best of 100 prompts fits {share:.1%}")
