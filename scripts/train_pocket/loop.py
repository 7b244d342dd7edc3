"""The training loop shared by all stages: a schedule by the clock, a running average, checkpoints
that survive a kill."""

import copy
import math
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor, nn

CHECKPOINT_SECONDS = 60.0
WARM_UP_STEPS = 200  # AdamW's second moments are a good estimate by then (0.99 ** 200 = 0.13)
EMA_DECAY = 0.999  # averages over a thousand steps, a tenth of a run of an hour or two


def load_average(model: nn.Module, path: Path, prefix: str = "") -> nn.Module:
    """`model` with the averaged weights of a checkpoint, those whose names start with `prefix`;
    frozen."""
    state = torch.load(path, weights_only=True)["average"]
    model.load_state_dict(
        {name.removeprefix(prefix): x for name, x in state.items() if name.startswith(prefix)}
    )
    return model.requires_grad_(False).eval()


class Stage:
    """One model in training: weights, their running average, optimiser, random state, and the
    seconds already spent.

    `step` is called with a numpy generator and returns the loss; the learning rate warms up, then
    falls to zero with the cosine of the share of the budget that is spent.
    """

    def __init__(self, work: Path, name: str, model: nn.Module, learning_rate: float, seed: int):
        self.path, self.model, self.peak = work / f"{name}.pt", model, learning_rate
        self.average = copy.deepcopy(model).requires_grad_(False).eval()
        self.optimiser = torch.optim.AdamW(
            model.parameters(), lr=learning_rate, betas=(0.9, 0.99), weight_decay=0.01, fused=True
        )
        self.rng = np.random.default_rng(seed)
        self.steps, self.seconds, self.examples = 0, 0.0, 0
        if self.path.exists():
            self._restore(torch.load(self.path, weights_only=True))

    def _restore(self, state: dict) -> None:
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.rng.bit_generator.state = state["rng"]
        self.steps, self.seconds, self.examples = (
            state["steps"],
            state["seconds"],
            state["examples"],
        )

    def save(self) -> None:
        """Write the checkpoint under a temporary name, then rename: a kill leaves the old one or
        the new one."""
        temporary = self.path.with_suffix(".tmp")
        state = {"model": self.model.state_dict(), "average": self.average.state_dict()}
        state |= {"optimiser": self.optimiser.state_dict(), "rng": self.rng.bit_generator.state}
        state |= {"steps": self.steps, "seconds": self.seconds, "examples": self.examples}
        torch.save(state, temporary)
        os.replace(temporary, self.path)

    def update(self, loss: Tensor, examples: int, spent: float) -> None:
        """One optimiser step; `spent` is the share of the budget in [0, 1]."""
        for group in self.optimiser.param_groups:
            group["lr"] = (
                self.peak
                * min(1.0, (self.steps + 1) / WARM_UP_STEPS)
                * (1 + math.cos(math.pi * spent))
                / 2
            )
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.steps, self.examples = self.steps + 1, self.examples + examples
        decay = min(EMA_DECAY, (1 + self.steps) / (10 + self.steps))
        with torch.no_grad():
            for mean, value in zip(self.average.parameters(), self.model.parameters(), strict=True):
                mean.lerp_(value, 1 - decay)

    def run(
        self,
        step: Callable[[nn.Module, np.random.Generator], tuple[Tensor, int]],
        minutes: float,
        max_steps: int | None = None,
        look: Callable[[nn.Module, int], None] | None = None,
        look_minutes: float = 5.0,
    ) -> None:
        """Train until `minutes` of this stage are spent, over all its runs, or `max_steps` are
        done.

        `step` returns the loss and the number of examples in it; `look` is shown the average
        every `look_minutes`.
        """
        budget, saved, looked, mean = 60 * minutes, time.monotonic(), self.seconds, None
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns) as progress:
            bar = progress.add_task(self.path.stem, total=budget, completed=self.seconds)
            while self.seconds < budget and (max_steps is None or self.steps < max_steps):
                start = time.monotonic()
                loss, examples = step(self.model, self.rng)
                self.update(loss, examples, self.seconds / budget)
                self.seconds += time.monotonic() - start
                mean = loss.item() if mean is None else 0.99 * mean + 0.01 * loss.item()
                rate = self.examples / self.seconds
                text = f"{self.path.stem}: loss {mean:.4f}, {self.examples} seen, {rate:.0f}/s"
                progress.update(bar, completed=self.seconds, description=text)
                if time.monotonic() - saved > CHECKPOINT_SECONDS:
                    self.save()
                    saved = time.monotonic()
                    progress.console.log(text)
                if look and self.seconds - looked > 60 * look_minutes:
                    looked = self.seconds
                    look(self.average, self.examples)
        self.save()
