"""The training loop shared by all stages: a schedule by steps, so that a seed decides the weights
and not the clock; a running average; checkpoints that survive a kill."""

import copy
import math
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor, nn

CHECKPOINT_SECONDS, LOOK_SECONDS = 60.0, 300.0
COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(),
    TimeElapsedColumn(),
    TimeRemainingColumn(),
)
WARM_UP_STEPS = 200  # AdamW's second moments are a good estimate by then (0.99 ** 200 = 0.13)
# Muon's step size where matrices have unit scale. Looked at on the prior for four minutes on one
# core: the loss fell to 0.24 in batches of 32 and to 0.36 in batches of 64 (at 0.01), where AdamW
# in batches of 64 left it at 0.43.
MUON_RATE = 0.015
EMA_DECAY = 0.999  # averages over a thousand steps, a tenth of a run of an hour or two


def load_average(model: nn.Module, path: Path, prefix: str = "") -> nn.Module:
    """`model` with the averaged weights of a checkpoint, those whose names start with `prefix`;
    frozen."""
    state = torch.load(path, map_location="cpu", weights_only=True)["average"]
    model.load_state_dict(
        {name.removeprefix(prefix): x for name, x in state.items() if name.startswith(prefix)}
    )
    return model.requires_grad_(False).eval()


def _flat(weight: Tensor) -> Tensor:
    """A view `[outputs, inputs]` of the weight of a linear layer or, in channels-last memory, of a
    convolution."""
    return weight if weight.ndim == 2 else weight.permute(0, 2, 3, 1).view(len(weight), -1)


class Stage:
    """One model in training: weights, their running average, optimiser, random state, and what is
    already done.

    The learning rate warms up, then falls to zero with the cosine of the share of the steps done.
    Stopped and gone on with, a stage ends with the bits that it would have had in one run.
    """

    def __init__(
        self,
        work: Path,
        name: str,
        model: nn.Module,
        learning_rate: float,
        seed: int,
        matrices: Sequence[Tensor] = (),
    ):
        """AdamW trains `model` at `learning_rate`, but for its `matrices`, linear layers and
        convolutions, that Muon trains (Jordan et al. 2024, "Muon: an optimizer for hidden layers").
        """
        self.path, self.model = work / f"{name}.pt", model
        self.average = copy.deepcopy(model).requires_grad_(False).eval()
        turned = {id(matrix) for matrix in matrices}
        rest = [x for x in model.parameters() if id(x) not in turned]
        self.matrices = {matrix: nn.Parameter(_flat(matrix.data)) for matrix in matrices}
        self.optimisers = [
            torch.optim.AdamW(rest, learning_rate, betas=(0.9, 0.99), weight_decay=0.01, fused=True)
        ]
        if matrices:
            self.optimisers.append(
                torch.optim.Muon(self.matrices.values(), MUON_RATE, weight_decay=0.01)
            )
        self.peaks = [optimiser.defaults["lr"] for optimiser in self.optimisers]
        self.rng = np.random.default_rng(seed)
        self.steps, self.seconds = 0, 0.0
        if self.path.exists():
            self._restore(torch.load(self.path, map_location="cpu", weights_only=True))

    def _restore(self, state: dict) -> None:
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        for optimiser, kept in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(kept)
        self.rng.bit_generator.state = state["rng"]
        self.steps, self.seconds = state["steps"], state["seconds"]

    def save(self) -> None:
        """Write the checkpoint under a temporary name, then rename: a kill leaves the old one or
        the new one."""
        temporary = self.path.with_suffix(".tmp")
        state = {"model": self.model.state_dict(), "average": self.average.state_dict()}
        state |= {"optimisers": [x.state_dict() for x in self.optimisers]}
        state |= {"rng": self.rng.bit_generator.state}
        state |= {"steps": self.steps, "seconds": self.seconds}
        torch.save(state, temporary)
        os.replace(temporary, self.path)

    def update(self, loss: Tensor, done: float) -> None:
        """One optimiser step; `done` is the share of all steps in [0, 1]."""
        share = min(1.0, (self.steps + 1) / WARM_UP_STEPS) * (1 + math.cos(math.pi * done)) / 2
        self.model.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.optimisers[0].param_groups[0]["params"], 1.0)
        for matrix, flat in self.matrices.items():
            flat.grad = _flat(matrix.grad)
        for optimiser, peak in zip(self.optimisers, self.peaks, strict=True):
            optimiser.param_groups[0]["lr"] = peak * share
            optimiser.step()
        self.steps += 1
        decay = min(EMA_DECAY, (1 + self.steps) / (10 + self.steps))
        with torch.no_grad():
            for mean, value in zip(self.average.parameters(), self.model.parameters(), strict=True):
                mean.lerp_(value, 1 - decay)

    def run(
        self,
        step: Callable[[nn.Module, np.random.Generator], Tensor],
        steps: int,
        stop_after: int | None = None,
        look: Callable[[nn.Module, int], None] | None = None,
    ) -> None:
        """Train for `steps` steps, over all runs of this stage; this one ends at step `stop_after`.

        `step` returns the loss of one batch; `look` is shown the average every LOOK_SECONDS.
        """
        saved = looked = time.monotonic()
        mean = None
        last = steps if stop_after is None else min(stop_after, steps)
        with Progress(*COLUMNS) as progress:
            bar = progress.add_task(self.path.stem, total=steps, completed=self.steps)
            while self.steps < last:
                start = time.monotonic()
                loss = step(self.model, self.rng)
                self.update(loss, self.steps / steps)
                now = time.monotonic()
                self.seconds += now - start
                mean = loss.item() if mean is None else 0.99 * mean + 0.01 * loss.item()
                text = f"{self.path.stem}: loss {mean:.4f}, {self.seconds / 60:.1f} min"
                progress.update(bar, completed=self.steps, description=text)
                if now - saved > CHECKPOINT_SECONDS:
                    self.save()
                    saved = now
                    progress.console.log(f"{text}, step {self.steps}")
                if look and now - looked > LOOK_SECONDS:
                    looked = now
                    look(self.average, self.steps)
        self.save()
