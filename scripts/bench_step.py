"""Where the time of a step of the loop goes: 256 strokes, by `pocket` and by ViT-B/32.

Each part is timed on its own, forward and backward, between steps of the real loop; what is left of
a step is the rest: losses, checks, snapshots, the state. ViT-B/32 has random weights, which are as
fast as real ones and draw nothing.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from rich.table import Table
from safetensors.torch import save_file

from clipdraw import optimise, render
from clipdraw.drawing import Drawing
from clipdraw.loop import Frame, Scene
from predictors.clipdraw.draw import Plan, Settings, plan
from scripts.bench_render import now

SECONDS = 8.0
"""For each model, after two steps to warm up."""
PARTS = ("render", "views", "model", "optimiser")


def time_steps(device: str, title: str) -> Table:
    """A table of both models."""
    torch.manual_seed(0)  # of the random weights
    printed = Table(title=title)
    for heading in ("step with", "whole step", *PARTS, "rest", "all but render and model"):
        printed.add_column(heading, justify="right")
    with TemporaryDirectory() as folder:
        models = {"pocket": "pocket", "ViT-B/32": f"ViT-B-32/{random_weights(Path(folder))}"}
        for name, model in models.items():
            settings = Settings(prompt="a red heart", model=model).resolved()
            times = time_parts(plan(settings, say=lambda line: None), settings, device)
            whole = times["whole"]
            rest = whole - sum(times[part] for part in PARTS)
            bookkeeping = whole - times["render"] - times["model"]
            cells = [whole, *(times[part] for part in PARTS), rest]
            share = f"{100 * bookkeeping / whole:.1f} %"
            printed.add_row(name, *(f"{1e3 * cell:.2f}" for cell in cells), share)
    return printed


def random_weights(folder: Path) -> Path:
    """A checkpoint of ViT-B/32 that nobody trained."""
    from losses.encoders.openclip import _open_clip

    state = _open_clip().create_model("ViT-B-32", load_weights=False).state_dict()
    file = folder / "random.safetensors"
    save_file({name: value.contiguous() for name, value in state.items()}, file)
    return file


def time_parts(drawn: Plan, settings: Settings, device: str) -> dict[str, float]:
    """Medians in seconds of a step at the end of a run, and of its parts."""
    parts = parts_of(drawn, settings)
    frames = steps_at_the_end(drawn, settings)
    times = {name: [] for name in ("whole", *PARTS)}
    for _ in range(2):
        next(frames)
        for part in parts.values():
            part()
    until = time.perf_counter() + SECONDS
    while time.perf_counter() < until:
        for name, part in {"whole": lambda: next(frames), **parts}.items():
            start = now(device)
            part()
            times[name].append(now(device) - start)
    return {name: statistics.median(each) for name, each in times.items()}


def steps_at_the_end(drawn: Plan, settings: Settings):
    """Frames of a run's last tenth, when all terms count."""
    steps = 100_000

    def frames(state: Mapping[str, torch.Tensor] | None):
        return optimise(
            drawn.start, drawn.terms, steps=steps, generators=drawn.generators,
            rates=drawn.rates, size=drawn.look, background=settings.paper, state=state,
        )  # fmt: skip

    first: Frame = next(frames(None))
    return frames(first.state | {"step": torch.tensor(steps * 9 // 10)})


def parts_of(drawn: Plan, settings: Settings) -> dict[str, Callable[[], None]]:
    """Each part of a step as a function that does it, forward and backward."""
    leaves = {n: x.detach().clone().requires_grad_() for n, x in drawn.start.floats.items()}
    drawing = drawn.start.replace(**leaves)
    picture = paint(drawing, drawn, settings).detach().requires_grad_()
    views, model = (mended if "distillation" in drawn.terms else seen)(drawn)
    luck = [torch.Generator().manual_seed(i) for i in range(drawing.pictures)]
    scene = Scene(drawing, picture, luck, 1.0)
    looks = views(scene).detach().requires_grad_()
    optimiser = torch.optim.Adam([{"params": [x]} for x in leaves.values()])

    def pull(output: torch.Tensor) -> None:
        if output.requires_grad:
            output.backward(torch.ones_like(output))

    return {
        "render": lambda: pull(paint(drawing, drawn, settings)),
        "views": lambda: pull(views(scene)),
        "model": lambda: pull(model(looks)),
        "optimiser": optimiser.step,
    }


def paint(drawing: Drawing, drawn: Plan, settings: Settings) -> torch.Tensor:
    return render(drawing, *drawn.look, background=settings.paper)


def mended(drawn: Plan) -> tuple[Callable, Callable]:
    """The views and the model of score distillation, through which no gradient flows."""
    distillation = drawn.terms["distillation"].term.term
    sigma = torch.ones(distillation.views.count * drawn.start.pictures)
    return distillation.views, lambda looks: distillation.guided.denoise(
        looks.detach(), sigma.to(looks)
    )


def seen(drawn: Plan) -> tuple[Callable, Callable]:
    """The views and the model of similarity."""
    similarity = drawn.terms["similarity"].term
    return similarity.views, similarity.encoder.embed_image
