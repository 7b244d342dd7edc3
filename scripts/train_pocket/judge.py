"""Stage `judge`: a text-image model that measures drawings and never guides them.

Both of its sides start from nothing and learn together: pictures meet their prompts, both name
things and colours, and words follow a sentence model, so that words for the same thing meet.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from losses.judge.models import DIM, SIZE, Pair

from . import things
from .encoder import attack
from .export import save_half
from .judge_data import Example, Pictures, fits
from .loop import Stage, load_average
from .text import known_words, main_directions, sentence_vectors

# After the first 12 000 pictures 16 % of the things were named rightly in batches of 48, at twice
# Muon's rate, and 13 % in batches of 96.
BATCH, STEPS = 64, 4200
LEARNING_RATE = 2e-3  # between those of the guides' encoder and of their text tower
# Of cosines before the softmax, at the start; it is learned. In the naming of things it stays.
SCALE, NAMING_SCALE = 16.0, 16.0
# How many words and prompts follow the sentence model in each step.
FOLLOWERS = 96
# Weights of the losses beside that of meeting.
NAMING, COLOUR, FOLLOWING = 1.0, 0.2, 4.0
# A word is another word for a thing where the sentence model finds it so alike, and that much more
# alike than to any other thing: at 0.72 and 0.06 one in twenty such words is odd.
ALIKE, APART = 0.72, 0.06
# How many of a batch are attacked, as in the stage `encoder`.
ATTACKED = BATCH // 4
# Random prompts, and words in phrases, that follow the sentence model besides all single words.
PROMPTS, PHRASES = 6000, 6000
BEFORE = ("a", "the", "my", "some", "a piece of", "a kind of", "a group of", "lots of", "his old")
BEHIND = ("", "", "", "in the garden", "in the snow", "on a table", "at night", "by a river",
          "in summer", "without a name")  # fmt: skip

COLOURS = list(things.COLOURS)


class Student(nn.Module):
    """The judge and, for training only, a temperature and what names things, colours and
    meanings."""

    def __init__(self, names: list[str]):
        super().__init__()
        self.pair = Pair()
        self.log_scale = nn.Parameter(torch.tensor(SCALE).log())
        self.things = nn.Parameter(torch.randn(len(names), DIM))
        self.seen_colour = nn.Linear(DIM, len(COLOURS))
        self.named_colour = nn.Linear(DIM, len(COLOURS) + 1)
        self.meaning = nn.Linear(DIM, DIM)
        self.numbers = {name: i for i, name in enumerate(names)}

    def look(self, pictures: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return self.pair.look(pictures)

    def logits(self, looks: Tensor, texts: Tensor) -> Tensor:
        return self.log_scale.clamp(max=4.0).exp() * looks @ texts.T

    def meeting(self, looks: Tensor, texts: Tensor, meant: Tensor) -> Tensor:
        """Symmetric cross-entropy of pictures and prompts (Radford et al. 2021, figure 3);
        `meant` `[n, n]` says how much each prompt is meant by each picture."""
        logits = self.logits(looks, texts)
        return (
            F.cross_entropy(logits, meant / meant.sum(1, keepdim=True))
            + F.cross_entropy(logits.T, meant.T / meant.T.sum(1, keepdim=True))
        ) / 2

    def naming(self, looks: Tensor, texts: Tensor, examples: list[Example]) -> Tensor:
        """What is to be seen and what is said: the things, and the colour of a thing alone."""
        shares = torch.zeros(len(examples), len(self.things))
        for row, example in enumerate(examples):
            for part in example.parts:
                shares[row, self.numbers[part.icon.thing]] += 1 / len(example.parts)
        ideas = NAMING_SCALE * F.normalize(self.things, dim=1)
        loss = F.cross_entropy(looks @ ideas.T, shares) + F.cross_entropy(texts @ ideas.T, shares)
        alone = [i for i, example in enumerate(examples) if len(set(example.things)) == 1]
        parts = [examples[i].parts[0] for i in alone]
        named = [(part.named and COLOURS.index(part.named) + 1) or 0 for part in parts]
        seen = [COLOURS.index(part.shown) if part.shown else -1 for part in parts]
        colour = F.cross_entropy(self.named_colour(4 * texts[alone]), torch.tensor(named))
        colour = colour + F.cross_entropy(
            self.seen_colour(4 * looks[alone]), torch.tensor(seen), ignore_index=-1
        )
        return NAMING * loss + COLOUR * colour

    def following(self, texts: Tensor, meanings: Tensor) -> Tensor:
        """How far the vectors `[n, DIM]` of some words are from meaning what they should."""
        return 1 - (F.normalize(self.meaning(texts), dim=1) * meanings).sum(1).mean()


def meant_by(examples: list[Example]) -> Tensor:
    """`[n, n]`: 1 where the picture of one example fits the prompt of another, and 2 for its
    own."""
    fit = [[float(fits(seen, asked)) for asked in examples] for seen in examples]
    return torch.tensor(fit) + torch.eye(len(examples))


def worsen(images: Tensor, rng: np.random.Generator) -> Tensor:
    """What dreams and strokes look like: a quarter each as it is, coarse, blurred, and coarse with
    noise; then paler or stronger, more or less colourful, some smudged; `[n, 3, SIZE, SIZE]`."""
    n = len(images)

    def uniform(low: float, high: float) -> Tensor:
        return torch.from_numpy(rng.uniform(low, high, (n, 1, 1, 1)).astype(np.float32))

    kinds = np.array_split(rng.permutation(n), 4)
    images = images.clone()
    for kind, low, high in ((1, 24, 40), (3, 14, 28)):
        coarse = F.interpolate(
            images[kinds[kind]], int(rng.integers(low, high + 1)), mode="bilinear", antialias=True
        )
        images[kinds[kind]] = F.interpolate(coarse, SIZE, mode="bicubic", align_corners=False)
    soft = F.avg_pool2d(images[kinds[2]], 3, 1, 1, count_include_pad=False)
    images[kinds[2]] = F.avg_pool2d(soft, 5, 1, 2, count_include_pad=False)
    grey = images.mean(1, keepdim=True)
    images = grey + uniform(0.6, 1.35) * (images - grey)
    images = 1 - (1 - images) * uniform(0.55, 1.15)
    smudge = torch.from_numpy(rng.normal(-1.0, 1.0, (n, 1, 7, 7)).astype(np.float32))
    smudge = F.interpolate(smudge, SIZE, mode="bicubic").clamp(0, 1) * uniform(-1.5, 0.5).clamp(0)
    paint = torch.from_numpy(rng.random((n, 3, 1, 1), np.float32))
    images = images + smudge * (paint - images)
    noise = torch.from_numpy(rng.standard_normal(images.shape, dtype=np.float32))
    return (images + uniform(-0.08, 0.06).clamp(0) * noise).clamp(0, 1)


def train(work: Path, seed: int, steps: int = STEPS, stop_after: int | None = None) -> None:
    """Train `work/judge.pt` on what `judge_data.prepare` left in `work`."""
    torch.manual_seed(seed)
    pictures = Pictures.load(work)
    words, meanings, more = teacher(work, pictures, seed)
    for thing, synonyms in more.items():
        pictures.nouns[thing] += synonyms

    def step(student: Student, rng: np.random.Generator) -> Tensor:
        examples, images = pictures.batch(BATCH, SIZE, rng)
        images, meant = worsen(images, rng), meant_by(examples)
        batch = rng.integers(len(words), size=FOLLOWERS)
        texts = student.pair.read([e.prompt for e in examples] + [words[i] for i in batch])
        texts, followers = texts.split([BATCH, FOLLOWERS])
        some = slice(ATTACKED)

        def astray(pictures: Tensor) -> Tensor:
            """How far pictures are from their prompts, the prompts held still."""
            logits = student.logits(student.look(pictures), texts.detach())
            return F.cross_entropy(logits, meant[some] / meant[some].sum(1, keepdim=True))

        images[some] = attack(images[some], astray, rng)
        looks = student.look(images)
        following = student.following(followers, meanings[torch.from_numpy(batch)])
        return (
            student.meeting(looks, texts, meant)
            + student.naming(looks, texts, examples)
            + FOLLOWING * following
        )

    student = Student(pictures.things)
    # After the first 12 000 pictures 13 % of the things were named rightly, with AdamW alone 8 %.
    layers = (m for m in student.pair.looker.modules() if isinstance(m, nn.Linear))
    matrices = [layer.weight for layer in layers]
    Stage(work, "judge", student, LEARNING_RATE, seed, matrices).run(step, steps, stop_after)


def teacher(
    work: Path, pictures: Pictures, seed: int
) -> tuple[list[str], Tensor, dict[str, list[str]]]:
    """Words and prompts, the vectors `[n, DIM]` to follow, and more words for each thing: worked
    out once and kept in the work folder."""
    path = work / "judge_teacher.pt"
    if not path.exists():
        rng = np.random.default_rng(seed)
        usual = known_words()
        nouns = sorted({noun for words in pictures.nouns.values() for noun in words})
        prompts = {pictures.choose(rng).prompt for _ in range(PROMPTS)}
        texts = sorted({*usual, *nouns, *prompts, *phrases([*nouns, *usual], rng)})
        vectors = sentence_vectors(texts)
        torch.save(
            {
                "texts": texts,
                "vectors": main_directions(vectors, DIM),
                "more": more_words(pictures, usual, dict(zip(texts, vectors, strict=True))),
            },
            path,
        )
    kept = torch.load(path, weights_only=True)
    return kept["texts"], kept["vectors"], kept["more"]


def phrases(words: list[str], rng: np.random.Generator) -> list[str]:
    """Words in the company of others: `a group of horses by a river`."""
    return [
        f"{rng.choice(BEFORE)} {words[rng.integers(len(words))]} {rng.choice(BEHIND)}".strip()
        for _ in range(PHRASES)
    ]


def more_words(
    pictures: Pictures, usual: list[str], vectors: dict[str, Tensor]
) -> dict[str, list[str]]:
    """Thing -> words that the sentence model finds to mean it and hardly anything else that is
    shown."""
    taken = {noun for words in pictures.nouns.values() for noun in words} | set(things.COLOURS)
    ideas = torch.stack([vectors[thing] for thing in pictures.things])
    words = [word for word in usual if word not in taken]
    alike = torch.stack([vectors[word] for word in words]) @ ideas.T
    best, second = alike.topk(2, dim=1).values.unbind(1)
    found: dict[str, list[str]] = {}
    for i in torch.nonzero((best > ALIKE) & (best - second > APART)).flatten().tolist():
        found.setdefault(pictures.things[int(alike[i].argmax())], []).append(words[i])
    return found


def load(work: Path) -> Pair:
    """The averaged judge of `work/judge.pt`, frozen."""
    return load_average(Pair(), work / "judge.pt", "pair.")


def export(work: Path, target: Path) -> None:
    """The averaged judge in half precision, to the file `target`."""
    save_half(load(work), target)
