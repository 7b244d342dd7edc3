"""What a running predictor reports: a bar on a terminal, a line now and then elsewhere.

Everything goes to stderr, what the predictor prints included; stdout is for names of results.
"""

import contextlib
import sys
import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task
from rich.table import Column
from rich.text import Text

# Seconds between two lines where there is no terminal to draw a bar on.
PATIENCE = 5.0


class Report:
    """Listens to Cog's `record_metric`; use it as a context while the predictor runs."""

    def __init__(self):
        self.metrics: dict[str, Any] = {}
        self.console = Console(stderr=True, highlight=False)
        self.bar = Progress(BarColumn(20), _Line(self), console=self.console, transient=True)
        self.task = self.bar.add_task("", total=None, visible=False)
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        # The bar sends everything that is printed meanwhile above itself.
        over = self.bar if self.console.is_terminal else contextlib.redirect_stdout(sys.stderr)
        self.stack.enter_context(over)
        return self

    def __exit__(self, *exception):
        self.stack.close()
        if "step" in self.metrics:
            self.say(self.line())

    def record(self, name: str, value: Any, mode: str = "replace") -> None:
        """Stands in for `record_metric`; of the modes, only a replaced value makes sense here."""
        if name == "step":
            self._step(value)
        self.metrics[name] = value
        if name == "steps":
            self.bar.update(self.task, total=value)

    def say(self, text: str) -> None:
        self.console.print(text, markup=False, soft_wrap=True)

    def line(self) -> str:
        """Where the run is: `step 40 of 500, 12.5 steps/s, loss 0.5213`."""
        metrics = dict(self.metrics)
        step, steps = metrics.pop("step"), metrics.pop("steps", None)
        metrics.pop("seed", None)
        words = [f"step {step}" + (f" of {steps}" if steps else "")]
        seconds = time.monotonic() - self.started
        if step > self.first and seconds > 0:
            words.append(f"{(step - self.first) / seconds:.1f} steps/s")
        words += [f"{name} {_short(value)}" for name, value in metrics.items()]
        return ", ".join(words)

    def _step(self, step: int) -> None:
        now = time.monotonic()
        before = self.metrics.get("step")
        if before is None or step < before:
            # A predictor may run several loops; each has its own speed.
            self.first, self.started, self.said = step, now, now
        elif not self.console.is_terminal and now - self.said >= PATIENCE:
            # Said before the new step is noted, when all terms of the last one are there.
            self.say(self.line())
            self.said = now
        self.bar.update(self.task, completed=step, visible=True)


class _Line(ProgressColumn):
    """The report's line, beside the bar; asked for when it is drawn, so reporting costs nothing."""

    def __init__(self, report: Report):
        super().__init__(table_column=Column(no_wrap=True, overflow="ellipsis"))
        self.report = report

    def render(self, task: Task) -> Text:
        return Text(self.report.line() if "step" in self.report.metrics else "")


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
