"""Stage `encoder`: pictures meet their prompts, under the small changes that would fool a network
most."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from losses.encoders.pocket.models import ENCODER_SIZE, Encoder
from losses.encoders.pocket.text import TextTower

from .data import Pictures
from .loop import Stage, load_average
from .text import SCENES

BATCH, STEPS = 64, 1_600
LEARNING_RATE = 1e-3
# Of cosines before the softmax, at the start; it is learned.
SCALE = 20.0

# Side in pixels of a picture as coarse as a dream at its worst.
COARSE = 32

# L2 length, in values of [0, 1] over the whole 64 x 64 picture, of the longest one-step attack that
# pictures are trained under: 0.009 in every value. Gradients of networks trained so draw (Engstrom
# et al. 2019, "Adversarial Robustness as a Prior for Learned Representations").
ATTACK_RADIUS = 1.0


class Scorer(nn.Module):
    """The encoder and, for training only, the temperature."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.log_scale = nn.Parameter(torch.tensor(SCALE).log())

    def loss(self, images: Tensor, text: Tensor, same: Tensor) -> Tensor:
        """Symmetric cross-entropy of matching pictures and prompts (Radford et al. 2021, figure 3).

        `images` `[n, 3, 64, 64]` in [0, 1], `text` `[n, DIM]`; `same` `[n, n]` marks pairs that
        show the same thing in the same colour, which share the target.
        """
        with torch.autocast(images.device.type, torch.bfloat16):
            found = self.encoder((2 * images - 1).contiguous(memory_format=torch.channels_last))
        logits = self.log_scale.clamp(max=4.0).exp() * found @ text.T
        target = same / same.sum(1, keepdim=True)
        return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def worsen(images: Tensor, rng: np.random.Generator) -> Tensor:
    """What dreams and strokes look like: a third as they are, the others coarse, blurred or
    noisy; `[n, 3, 64, 64]`."""
    n = len(images)
    coarse = F.interpolate(images, COARSE, mode="area")
    coarse = F.interpolate(coarse, ENCODER_SIZE, mode="bilinear")
    blurred = F.avg_pool2d(
        F.avg_pool2d(coarse, 5, 1, 2, count_include_pad=False), 3, 1, 1, count_include_pad=False
    )
    deviation = torch.from_numpy(rng.uniform(0.02, 0.2, (n, 1, 1, 1))).to(images)
    noise = torch.from_numpy(rng.standard_normal(images.shape, dtype=np.float32)).to(images)
    noisy = coarse + deviation * noise
    kind = torch.from_numpy(rng.choice(4, (n, 1, 1, 1), p=(0.34, 0.26, 0.2, 0.2))).to(images.device)
    return torch.where(
        kind == 0, images, torch.where(kind == 1, coarse, torch.where(kind == 2, blurred, noisy))
    )


def attack(images: Tensor, loss: Callable[[Tensor], Tensor], rng: np.random.Generator) -> Tensor:
    """One step uphill along the unit gradient of a loss of pictures (Miyato et al. 2017, equation
    3).

    The length of the step is anything from 0 to ATTACK_RADIUS: with the full radius for every
    picture learning hardly starts.
    """
    images = images.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(images), images)
    length = torch.from_numpy(rng.uniform(0, ATTACK_RADIUS, (len(images), 1))).to(images)
    return (images + (length * F.normalize(gradient.flatten(1), dim=1)).view_as(images)).detach()


def train(
    work: Path,
    pictures: Pictures,
    tower: TextTower,
    seed: int,
    steps: int = STEPS,
    stop_after: int | None = None,
) -> None:
    """Train `work/encoder.pt` against the frozen text tower."""
    torch.manual_seed(seed)

    def step(scorer: Scorer, rng: np.random.Generator) -> Tensor:
        chosen, images = pictures.draw(
            BATCH, ENCODER_SIZE, rng, scenes=SCENES, tinted=0.3, mirrored=0.5, slant=0.12
        )
        kinds = [[(p.icon.name, p.named) for p in c.parts] + [c.style] for c in chosen]
        same = torch.tensor([[float(a == b) for b in kinds] for a in kinds]).to(images)
        with torch.no_grad():
            text = tower([choice.prompt for choice in chosen])
        worse = attack(worsen(images, rng), lambda x: scorer.loss(x, text, same), rng)
        return scorer.loss(worse, text, same)

    scorer = Scorer().to(pictures.device, memory_format=torch.channels_last)
    matrices = [x for x in scorer.encoder.body.parameters() if x.ndim > 1]
    stage = Stage(work, "encoder", scorer, LEARNING_RATE, seed, matrices)
    stage.run(step, steps, stop_after)


def load(work: Path) -> Encoder:
    """The averaged encoder of `work/encoder.pt`, frozen."""
    return load_average(Encoder(), work / "encoder.pt", "encoder.")
