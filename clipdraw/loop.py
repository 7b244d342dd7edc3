"""The loop: it renders, scores, steps, clamps and yields what it saw. It knows no loss by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from clipdraw.drawing import Drawing
from clipdraw.renderers import WHITE, not_finite, render


@dataclass(frozen=True)
class Scene:
    """What a loss looks at."""

    drawing: Drawing
    picture: Float[Tensor, "pictures 3 height width"]
    """The drawing rendered, in [0, 1]."""
    generators: Sequence[torch.Generator]
    """One per picture, on the CPU: picture i of a batch sees the luck that it would see alone."""
    progress: float
    """0 at the first step, 1 at the last."""
    background: Sequence[float] = WHITE
    """What the picture was painted on: opaque RGB."""
    backend: str | None = None
    """What it was rendered by; see `render`."""


Term = Callable[[Scene], Float[Tensor, " pictures"]]
"""A loss: one number per picture, smaller is better."""


Constraint = Callable[[Drawing, float], Drawing]
"""What a drawing has to be: see `clipdraw.constraints`."""


class Weighted(NamedTuple):
    """A loss and how much it counts."""

    weight: float
    term: Term


@dataclass(frozen=True)
class Rates:
    """Adam's step sizes, and when they drop.

    The defaults are CLIPDraw's (Frans et al. 2021, notebook) for a canvas of 224 units, with
    widths counted in full where it counts half.
    """

    points: float = 1.0
    widths: float = 0.2
    colors: float = 0.01
    drops: tuple[tuple[float, float], ...] = ((0.5, 0.4), (0.75, 0.1))
    """(fraction of the run, factor on the points' rate from there on)."""
    color_drops: tuple[tuple[float, float], ...] = ()
    """The same for colours, of strokes and of fills."""

    def at(self, progress: float) -> dict[str, float]:
        """The rate of each tensor after a fraction `progress` of the run."""
        colors = self.colors * _factor(self.color_drops, progress)
        return {
            "points": self.points * _factor(self.drops, progress),
            "widths": self.widths,
            "colors": colors,
            "fills": colors,
        }


def _factor(drops: tuple[tuple[float, float], ...], progress: float) -> float:
    """What the last of the drops so far makes of a rate."""
    return next((drop for start, drop in reversed(drops) if progress >= start), 1.0)


@dataclass(frozen=True)
class Frame:
    """One look at the loop. What it shows is what was scored: the step comes after it."""

    step: int
    """0 is the start; the last frame, `steps`, is the finished drawing."""
    steps: int
    drawing: Drawing
    picture: Float[Tensor, "pictures 3 height width"]
    terms: dict[str, Float[Tensor, " pictures"]]
    """Weighted value of each term; they add up to what is minimised."""
    state: dict[str, Tensor]
    """All that `optimise(state=...)` needs to go on from here, bit for bit."""

    def pick(self, pictures: Sequence[int]) -> Frame:
        """What it would be if these pictures, whose numbers ascend, had been drawn alone."""
        numbers, drawing = list(pictures), self.drawing
        chosen = torch.isin(drawing.picture, torch.tensor(numbers))
        rows = {name: chosen for name in ("widths", "colors", "fills")}
        rows["points"] = chosen[drawing.path_of_point]
        state = {}
        for name, value in self.state.items():
            kind = next((part for part in name.split(".") if part in rows), None)
            if kind is not None and value.dim():
                value = value[rows[kind].to(value.device)]
            if not name.startswith("generator."):
                state[name] = value
        for new, old in enumerate(numbers):
            state[f"generator.{new}"] = self.state[f"generator.{old}"]
        terms = {name: values[numbers] for name, values in self.terms.items()}
        return Frame(
            self.step, self.steps, drawing.pick(numbers), self.picture[numbers], terms, state
        )


class NotFinite(FloatingPointError):
    """A loss or a gradient became NaN or infinite: the message says which, and at what step."""


def optimise(
    drawing: Drawing,
    terms: Mapping[str, Weighted],
    *,
    steps: int,
    generators: Sequence[torch.Generator],
    rates: Rates = Rates(),
    width_bounds: tuple[float, float] = (2.0, 100.0),
    constraints: Sequence[Constraint] = (),
    size: tuple[int, int] | None = None,
    background: Sequence[float] = WHITE,
    backend: str | None = None,
    state: Mapping[str, Tensor] | None = None,
) -> Iterator[Frame]:
    """Move strokes downhill on a weighted sum of losses.

    To stop early, ask for no more frames. To go on later, hand the last frame's `state` to a call
    with the same other arguments: n steps, a rest and m steps are n + m steps, bit for bit.

    Args:
        drawing: where to start; its shape (paths and segments) never changes.
        terms: losses by name.
        steps: how often Adam steps; `steps + 1` frames are yielded.
        generators: one per picture of the drawing.
        rates: step sizes in canvas units.
        width_bounds: smallest and largest full stroke width, canvas units; CLIPDraw's when left
            out. Widths and colours are clamped after each step, points never are.
        constraints: what the drawing is made to be after each step, one after the other.
        size: (height, width) in pixels at which the drawing is looked at; its canvas when left out.
        background: opaque RGB in [0, 1].
        backend: see `render`.
        state: a frame's `state`.

    Raises:
        NotFinite: naming the step and the term.
        ValueError: generators or a state that do not fit the drawing.
    """
    if len(generators) != drawing.pictures:
        raise ValueError(
            f"{drawing.pictures} pictures need as many generators, got {len(generators)}"
        )
    leaves = {name: x.detach().clone().requires_grad_() for name, x in drawing.floats.items()}
    optimiser = torch.optim.Adam([{"params": [x], "name": name} for name, x in leaves.items()])
    first = _restore(state, leaves, optimiser, generators) if state is not None else 0

    for step in range(first, steps + 1):
        now = _state(step, leaves, optimiser, generators)
        progress = step / max(steps, 1)
        scene_drawing = drawing.replace(**leaves)
        picture = render(
            scene_drawing, *(size or (None, None)), background=background, backend=backend
        )
        scene = Scene(scene_drawing, picture, generators, progress, background, backend)
        scores = {name: weight * term(scene) for name, (weight, term) in terms.items()}
        _check(scores, step)
        yield Frame(
            step, steps, scene_drawing.detach(), picture.detach(),
            {name: score.detach() for name, score in scores.items()}, now,
        )  # fmt: skip
        if step == steps:
            return

        optimiser.zero_grad()
        sum(scores.values()).sum().backward()
        _check(
            {f"the gradient of the {n}": x.grad for n, x in leaves.items() if x.grad is not None},
            step,
        )
        for group in optimiser.param_groups:
            group["lr"] = rates.at(progress)[group["name"]]
        optimiser.step()
        with torch.no_grad():
            leaves["widths"].clamp_(*width_bounds)
            for name in leaves.keys() & {"colors", "fills"}:
                leaves[name].clamp_(0, 1)
            made = drawing.replace(**leaves)
            for constraint in constraints:
                made = constraint(made, (step + 1) / steps)
            for name, leaf in leaves.items() if constraints else ():
                leaf.copy_(getattr(made, name))


def _check(values: Mapping[str, Tensor], step: int) -> None:
    if name := not_finite(values):
        raise NotFinite(f"step {step}: {name} is no longer a finite number")


def _state(step, leaves, optimiser, generators) -> dict[str, Tensor]:
    state = {"step": torch.tensor(step)}
    for name, leaf in leaves.items():
        state[name] = leaf.detach().clone()
        for key, value in optimiser.state.get(leaf, {}).items():
            state[f"adam.{name}.{key}"] = value.clone()
    for i, generator in enumerate(generators):
        state[f"generator.{i}"] = generator.get_state()
    return state


def _restore(state, leaves, optimiser, generators) -> int:
    for name, leaf in leaves.items():
        if name not in state or state[name].shape != leaf.shape:
            came = list(state[name].shape) if name in state else "none"
            raise ValueError(
                f"this state belongs to another drawing: its {name} have shape {came}, "
                f"the drawing's {list(leaf.shape)}"
            )
        with torch.no_grad():
            leaf.copy_(state[name])
        if moments := _moments(state, f"adam.{name}.", leaf.device):
            optimiser.state[leaf] = moments
    for i, generator in enumerate(generators):
        if f"generator.{i}" not in state:
            raise ValueError(f"this state lacks the random generator of picture {i}")
        generator.set_state(state[f"generator.{i}"])
    return int(state["step"])


def _moments(state, prefix, device) -> dict[str, Tensor]:
    """Adam's tensors of one leaf; it counts its steps on the CPU, wherever the leaf is."""
    found = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
    return {k: v.to("cpu" if k == "step" else device, copy=True) for k, v in found.items()}
