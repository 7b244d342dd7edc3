"""Several seeds in one pass: all are drawn in one batch, the poor half is dropped at set points of
the run, and the rest is ranked by a model that guided none of them.

Successive halving (Karnin et al. 2013, "Almost Optimal Exploration in Multi-Armed Bandits"): most
of what will be poor in the end is poor early on, so the time goes to what is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise
from math import ceil, sqrt
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from clipdraw import Drawing, Scene, Weighted, render
from clipdraw.drawing import join
from clipdraw.loop import Constraint, Frame, Term
from clipdraw.sheets import contact_sheet
from losses.encoders import public_name
from predictors.clipdraw import draw
from predictors.clipdraw.settings import Settings
from predictors.outputs import TILE, Record, size

# Fractions of the run at which half of the seeds are dropped, while there are more than are kept.
# What follows a dream looks like it early, and mending, from 0.7 on, is the dear part.
DROPS = (0.2, 0.35, 0.5, 0.65)
# Strokes of all seeds together. A film remembers a hundred steps, with three drawings to a seed
# some 600 MB in all.
MOST_STROKES = 16384


@dataclass(frozen=True, eq=False)
class Run:
    """One seed, and what it would do alone."""

    settings: Settings
    plan: draw.Plan


@dataclass(frozen=True, eq=False)
class Result:
    """What became of one seed."""

    run: Run
    chosen: draw.Chosen
    score: float
    """How much the model that ranks likes the drawing for the prompt: a cosine, by weights."""
    step: int
    """Its last."""


def runs_of(settings: Settings, seeds: int, say=print) -> list[Run]:
    """So many seeds, from that of the settings on; only the first says what it does.

    Raises:
        ValueError: more strokes in all than a batch holds, or what `draw.plan` says.
    """
    if seeds * settings.strokes > MOST_STROKES:
        raise ValueError(
            f"seeds: {seeds} drawings of {settings.strokes} strokes are {seeds * settings.strokes} "
            f"strokes, but at most {MOST_STROKES} are drawn in one pass; take fewer of one of them"
        )
    found = []
    for number in range(seeds):
        one = replace(settings, seed=settings.seed + number)
        found.append(Run(one, draw.plan(one, say if number == 0 else lambda _: None)))
    return found


class Race:
    """All seeds, drawn side by side."""

    def __init__(self, runs: Sequence[Run], keep: int):
        """`keep` of the runs are drawn to the end."""
        self.runs, self.keep = list(runs), keep
        self.ranking = draw.bystander(runs[0].plan)
        self.dropped: list[Result] = []
        # The seeds in a batch, and the last step of that batch; the last batch has no end yet.
        self._batches: list[tuple[float, list[Run]]] = [(torch.inf, list(runs))]

    def frames(self) -> Iterator[Frame]:
        """One frame a step, of all pictures of the seeds that are still drawn."""
        steps, state = self.runs[0].settings.steps, None
        drops = {round(drop * steps) for drop in DROPS} - {0, steps}
        while True:
            for frame in draw.draw(self.runs[0].settings, batch(self.living(steps)), state):
                # The state that a batch goes on from was the last frame of the batch before.
                if state is None or frame.step > int(state["step"]):
                    yield frame
                    if frame.step in drops and len(self.living(steps)) > self.keep:
                        state = self._halve(frame)
                        break
            else:
                return

    def living(self, step: float) -> list[Run]:
        """The seeds that were drawn at a step."""
        return next(runs for last, runs in self._batches if step <= last)

    def alone(self, frame: Frame, run: Run) -> Frame:
        """What a frame would be if one seed had been drawn alone."""
        return frame.pick(self._pictures(run, frame.step))

    def results(self, frame: Frame) -> list[Result]:
        """The seeds of a frame as they are there, the best first."""
        found = []
        for run in self.living(frame.step):
            chosen = draw.choose(run.settings, run.plan, self.alone(frame, run))
            score = draw.likes(self.ranking, run.settings, chosen.drawing)
            found.append(Result(run, chosen, score, frame.step))
        return sorted(found, key=lambda result: -result.score)

    def leader(self, frame: Frame) -> int:
        """The number of the picture that the encoders like best."""
        best = {}
        for run in self.living(frame.step):
            chosen = draw.choose(run.settings, run.plan, self.alone(frame, run))
            liking = draw.liked(run.settings, run.plan, chosen.drawing).item()
            best[liking] = self._pictures(run, frame.step)[chosen.picture]
        return best[max(best)]

    def record_of(self, record: Record, run: Run) -> Record:
        """What would be remembered of one seed if it had been drawn alone."""
        terms = {
            name: [v[list(self._pictures(run, step))] for step, v in enumerate(values)]
            for name, values in record.terms.items()
        }
        snapshots = {
            step: drawing.pick(self._pictures(run, step))
            for step, drawing in record.snapshots.items()
        }
        last = self.alone(record.last, run)
        return replace(record, terms=terms, snapshots=snapshots, last=last)

    def _halve(self, frame: Frame) -> Mapping[str, Tensor]:
        """Drop the poorer half, or all beyond those that are kept; the state of those left."""
        found, living = self.results(frame), self.living(frame.step)
        left = max(self.keep, -(-len(found) // 2))
        self.dropped = [*found[left:], *self.dropped]
        best = {id(result.run) for result in found[:left]}
        survivors = [run for run in living if id(run) in best]
        numbers = [i for run in survivors for i in self._pictures(run, frame.step)]
        self._batches[-1:] = [(frame.step, living), (torch.inf, survivors)]
        return frame.pick(numbers).state

    def _pictures(self, run: Run, step: int) -> range:
        """The numbers of a seed's pictures in the batch of that step."""
        living = self.living(step)
        number = next(i for i, one in enumerate(living) if one is run)
        start = sum(one.plan.start.pictures for one in living[:number])
        return range(start, start + run.plan.start.pictures)


def guides(race: Race, run: Run) -> list[str]:
    """Who guided a drawing, and who chose it: that one is no judge of it any more, either."""
    return [*draw.guides(run.settings, run.plan), public_name(race.ranking)]


def sheet(results: Sequence[Result], steps: int, file: Path) -> Path:
    """All seeds on one page, the best first: what was dropped is as it was then."""
    lines = [
        f"seed {one.run.settings.seed}: {one.score:.3f}"
        + (f", until step {one.step}" if one.step < steps else "")
        for one in results
    ]
    drawings = [one.chosen.drawing for one in results]
    shape, paper = size(drawings[0], TILE), results[0].run.settings.paper
    pictures = [render(one, *shape, background=paper)[0] for one in drawings]
    contact_sheet(pictures, lines, columns=ceil(sqrt(len(lines)))).save(file)
    return file


def batch(runs: Sequence[Run]) -> draw.Plan:
    """The plans of several runs as one, in which each has the bits that it has alone."""
    plans = [run.plan for run in runs]
    shares = Shares([plan.start.pictures for plan in plans])
    terms = {
        name: Weighted(weight, Apart([plan.terms[name].term for plan in plans], shares))
        for name, (weight, _) in plans[0].terms.items()
    }
    constrained = [Constrained([plan.constraints for plan in plans], shares)]
    return replace(
        plans[0],
        start=join([plan.start for plan in plans]),
        terms=terms,
        generators=[generator for plan in plans for generator in plan.generators],
        constraints=constrained if plans[0].constraints else (),
    )


@dataclass(eq=False)
class Shares:
    """How the pictures of a batch fall to several runs."""

    counts: Sequence[int]
    """Pictures of each run, in order."""
    _last: tuple[Scene, list[Scene]] | None = field(default=None, init=False)

    @property
    def ranges(self) -> list[range]:
        return [range(*ends) for ends in pairwise(accumulate(self.counts, initial=0))]

    def scenes(self, scene: Scene) -> list[Scene]:
        """What each run sees; all terms of a step share it."""
        if self._last is None or self._last[0] is not scene:
            parts = [
                replace(
                    scene,
                    drawing=scene.drawing.pick(part),
                    picture=scene.picture[part.start : part.stop],
                    generators=scene.generators[part.start : part.stop],
                )
                for part in self.ranges
            ]
            self._last = scene, parts
        return self._last[1]


@dataclass(frozen=True, eq=False)
class Apart:
    """The same term of several runs. Each sees its own pictures only: a model's rounding depends on
    how many pictures come together."""

    terms: Sequence[Term]
    shares: Shares

    def __call__(self, scene: Scene) -> Float[Tensor, " pictures"]:
        seen = self.shares.scenes(scene)
        return torch.cat([term(part) for term, part in zip(self.terms, seen, strict=True)])


@dataclass(frozen=True, eq=False)
class Constrained:
    """The constraints of several runs, each for its own pictures."""

    constraints: Sequence[Sequence[Constraint]]
    shares: Shares

    def __call__(self, drawing: Drawing, progress: float) -> Drawing:
        parts = []
        for constraints, numbers in zip(self.constraints, self.shares.ranges, strict=True):
            part = drawing.pick(numbers)
            for constraint in constraints:
                part = constraint(part, progress)
            parts.append(part)
        return join(parts)
