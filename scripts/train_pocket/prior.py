"""Stage `prior`: a denoiser of 48 x 48 pictures learns to see what a prompt says through noise."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from rich.progress import track
from torch import Tensor, nn

from losses.encoders.pocket.models import PICTURE_SIZE, SIGMA_DATA, Prior
from losses.encoders.pocket.text import TextTower

from .data import Pictures, place
from .loop import Stage, load_average

# Two cores want small batches, many steps: see MUON_RATE. A GPU takes a step with sixteen times as
# many pictures in as little time as with eight.
BATCH = {"cpu": 32, "cuda": 512}
LEARNING_RATE = 6e-4
STEPS = 8_000
# Chosen and embedded ahead of the first step, which is work for one core; as many as a run on the
# CPU meets. When all have been met they are met again, with their pictures placed afresh.
MOST_PROMPTS = 256_000
# Log-normal noise levels (Karras et al. 2022, table 1: -1.2 and 1.2, for photographs). Here the
# shape of a thing is decided between sigma 2 and 20, and fine noise says little that a stroke can
# draw: around 1.1 (0.1, 1.3), shapes followed the noise and not the prompt.
SIGMA_MEAN, SIGMA_DEVIATION = 0.8, 1.2
NO_PROMPT = 0.1  # share of pictures without a prompt (Ho and Salimans 2022, section 4.2)


def prompts_ahead(
    pictures: Pictures, tower: TextTower, count: int, seed: int
) -> tuple[Tensor, Tensor]:
    """Rows of `pictures.pixels` `[count]` and the text vectors `[count, DIM]` of prompts for
    them."""
    rng = np.random.default_rng(seed)
    rows, text = [], []
    for start in track(range(0, count, 1_000), "prior: prompts", transient=True):
        chosen = [pictures.choose(rng) for _ in range(min(1_000, count - start))]
        rows += [choice.parts[0].icon.rows[choice.parts[0].shown] for choice in chosen]
        with torch.no_grad():
            text.append(tower([choice.prompt for choice in chosen]))
    return torch.tensor(rows, device=pictures.device), torch.cat(text)


def denoising_loss(model: Prior, clean: Tensor, text: Tensor, rng: np.random.Generator) -> Tensor:
    """Mean squared error of the network's output against its own target (Karras et al. 2022,
    equation 8).

    `clean` is `[n, 3, 48, 48]` in [-1, 1], `text` `[n, DIM]`. Written for the network's output
    the weight of every noise level is 1.
    """
    n = len(clean)
    sigma = torch.from_numpy(np.exp(rng.normal(SIGMA_MEAN, SIGMA_DEVIATION, n))).to(clean)
    # Where the pictures are: a core would take longer for the noise than a GPU for the step.
    generator = torch.Generator(clean.device).manual_seed(int(rng.integers(2**63)))
    noise = torch.randn(clean.shape, generator=generator, device=clean.device)
    level = sigma[:, None, None, None]
    total = (level**2 + SIGMA_DATA**2).sqrt()
    noisy = clean + level * noise
    target = (clean - noisy * (SIGMA_DATA / total) ** 2) * total / (level * SIGMA_DATA)
    silent = torch.from_numpy(rng.random(n) < NO_PROMPT).to(clean.device)
    text = torch.where(silent[:, None], model.null, text)
    x = (noisy / total).contiguous(memory_format=torch.channels_last)
    with torch.autocast(clean.device.type, torch.bfloat16):
        output = model.network(x, sigma.log() / 4, text)
    return (output.float() - target).square().mean()


def train(
    work: Path,
    pictures: Pictures,
    tower: TextTower,
    seed: int,
    steps: int = STEPS,
    stop_after: int | None = None,
    look: Callable[[nn.Module, int], None] | None = None,
) -> None:
    """Train `work/prior.pt`; `look` is shown the averaged model every few minutes."""
    torch.manual_seed(seed)
    size = BATCH[pictures.device]
    count = min(steps * size, MOST_PROMPTS)
    rows, text = prompts_ahead(pictures, tower, count, seed)
    pixels = torch.from_numpy(np.array(pictures.pixels)).to(pictures.device)
    upright = torch.zeros(size, dtype=torch.bool, device=pictures.device)

    def step(model: Prior, rng: np.random.Generator) -> Tensor:
        batch = torch.from_numpy(rng.integers(count, size=size)).to(pictures.device)
        # Nothing is mirrored: one way to look is half as much to learn.
        clean = place(pixels[rows[batch]], PICTURE_SIZE, upright, rng, tinted=0.0)
        return denoising_loss(model, clean * 2 - 1, text[batch], rng)

    model = Prior().to(pictures.device, memory_format=torch.channels_last)
    ends = (model.inlet, model.outlet)
    at_the_ends = {id(weight) for end in ends for weight in end.parameters()}
    matrices = [x for x in model.parameters() if x.ndim > 1 and id(x) not in at_the_ends]
    stage = Stage(work, "prior", model, LEARNING_RATE, seed, matrices)
    stage.run(step, steps, stop_after, look)


def load(work: Path) -> Prior:
    """The averaged prior of `work/prior.pt`, frozen."""
    return load_average(Prior(), work / "prior.pt")
