"""Describe a picture, and pen strokes move until they look like it."""

import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Optional

from cog import BaseRunner, Input, Path, streaming
from torch import Tensor

from clipdraw import to_svg
from losses.encoders import public_name
from predictors.clipdraw import draw, seeds
from predictors.clipdraw.settings import FILES, Settings
from predictors.folder import Folder
from predictors.outputs import Record, save_dreams
from predictors.state import drawing_of, guides_of, load_state, save_state

# Inputs that may change when a run is resumed: they decide how far it goes and how it is shown.
FREE_ON_RESUME = ("steps", "drawing")


class Predictor(BaseRunner):
    """Describe a picture, and pen strokes move until they look like it."""

    def __init__(self):
        self.folder = Folder()

    def setup(self):
        warm_up()

    @streaming
    def run(
        self,
        prompt: str = Input(
            description="What to draw. 'a red fox | a forest:0.5' weighs several descriptions",
        ),
        negative_prompt: str = Input(
            description="What the drawing shall not look like; weighed as the prompt is",
            default="",
        ),
        strokes: int = Input(
            description="Number of pen strokes; 16 is a sketch, 256 a small painting",
            ge=1,
            le=2048,
            default=256,
        ),
        seed: int = Input(
            description="Same seed, same drawing, to the last bit",
            ge=0,
            le=4294967295,
            default=0,
        ),
        seeds: int = Input(
            description="Seeds to draw in one pass, from seed on: the poorer half is dropped at set points of the run, and the best one is handed out first, with a sheet of all. 16 of the default take about five times as long as one",
            ge=1,
            le=64,
            default=1,
        ),
        keep: int = Input(
            description="How many of the seeds are drawn to the end",
            ge=1,
            le=64,
            default=4,
        ),
        steps: Optional[int] = Input(  # noqa: UP045 (what Cog's parser knows)
            description="Optimisation steps. Left out, the preset decides: default 200, quick 60, clipdraw-2021 1000, replicate-2022 600",
            ge=1,
            le=10000,
            default=None,
        ),
        model: str = Input(
            description="Who judges the likeness: pocket (comes with the package), an open_clip model as NAME/PRETRAINED or NAME/FILE, or auto: ViT-B-32/openai where its weights are on this machine, pocket otherwise",
            default="auto",
        ),
        preset: str = Input(
            description="Where the inputs left out come from: ours, ours in a hurry, CLIPDraw's notebook, or Replicate's predictor with the centre penalty",
            choices=["default", "quick", "clipdraw-2021", "replicate-2022"],
            default="default",
        ),
        width: int = Input(
            description="Width of the canvas in its own units, which are pixels where a pixel is needed",
            ge=16,
            le=2048,
            default=224,
        ),
        height: int = Input(
            description="Height of the canvas in its own units",
            ge=16,
            le=2048,
            default=224,
        ),
        min_stroke_width: Optional[float] = Input(  # noqa: UP045
            description="Thinnest stroke, in 224ths of the canvas's shorter side. Left out, the preset decides: default and quick 1.5, the others 2",
            ge=0.1,
            le=200,
            default=None,
        ),
        max_stroke_width: Optional[float] = Input(  # noqa: UP045
            description="Thickest stroke, in 224ths of the canvas's shorter side. Left out, the preset decides: default and quick 24, the others 100",
            ge=0.1,
            le=200,
            default=None,
        ),
        background: str = Input(
            description="Colour of the paper as #rrggbb",
            regex="^#[0-9a-fA-F]{6}$",
            default="#ffffff",
        ),
        palette: str = Input(
            description="Inks such as 'black #e63946', separated by spaces: in the end every stroke has one of them and is opaque. Left out, any colour",
            default="",
        ),
        regions: str = Input(
            description="What goes where, as JSON: [{'box': [0, 0, 0.5, 1], 'prompt': 'a cat', 'weight': 1}, ...] with double quotes; boxes are left, top, right, bottom in fractions of the canvas, and instead of a box there may be a 'mask': its colour in the mask",
            default="",
        ),
        within: str = Input(
            description="Where strokes stay: canvas, circle X Y RADIUS, box LEFT TOP RIGHT BOTTOM, polygon X Y X Y X Y ... or mask COLOUR, in fractions of the canvas; 'not' in front for all around it; | between several",
            default="",
        ),
        mask: Optional[Path] = Input(  # noqa: UP045
            description="A picture whose colours mark places that regions and within speak of; it is stretched over the canvas",
            default=None,
        ),
        centre_weight: Optional[float] = Input(  # noqa: UP045
            description="How much strokes are kept in the middle; 0 lets them go anywhere. Left out, the preset decides: clipdraw-2021 0, the others 0.001",
            ge=0,
            le=10,
            default=None,
        ),
        centre_threshold: float = Input(
            description="Radius of the circle in which strokes are free, in 224ths of the canvas's shorter side",
            ge=0,
            le=500,
            default=75.0,
        ),
        centre_power: float = Input(
            description="How fast the penalty grows outside of the circle: 1 evenly, 2 as the square of the distance",
            ge=1,
            le=8,
            default=2.0,
        ),
        centre_x: float = Input(
            description="Where the circle's centre lies, from 0 (left) to 1 (right)",
            ge=0,
            le=1,
            default=0.5,
        ),
        centre_y: float = Input(
            description="Where the circle's centre lies, from 0 (top) to 1 (bottom)",
            ge=0,
            le=1,
            default=0.5,
        ),
        learning_rate: float = Input(
            description="How boldly strokes move, as a multiple of the preset's rates",
            ge=0.01,
            le=10,
            default=1.0,
        ),
        views: Optional[int] = Input(  # noqa: UP045
            description="Random looks at the picture per step. Left out, the preset decides: 4",
            ge=1,
            le=64,
            default=None,
        ),
        frame_every: int = Input(
            description="A preview PNG every so many steps",
            ge=1,
            le=10000,
            default=25,
        ),
        keep_dreams: bool = Input(
            description="Hand out what the model dreamt before it drew, and open the film with it",
            default=False,
        ),
        drawing: Optional[Path] = Input(  # noqa: UP045
            description="A drawing to start from: an SVG that one of these predictors wrote",
            default=None,
        ),
        freeze: str = Input(
            description="Paths of the drawing that stay as they are: numbers from 0, such as '0-11, 40', and names of groups, layers and paths in the SVG, separated by commas",
            default="",
        ),
        resume: Optional[Path] = Input(  # noqa: UP045
            description="The state.safetensors of an earlier run, to go on with; its other inputs are repeated",
            default=None,
        ),
    ) -> Iterator[Path]:
        settings = Settings(
            prompt=prompt,
            negative_prompt=negative_prompt,
            preset=preset,
            model=model,
            seed=seed,
            strokes=strokes,
            steps=steps,
            width=width,
            height=height,
            min_stroke_width=min_stroke_width,
            max_stroke_width=max_stroke_width,
            learning_rate=learning_rate,
            views=views,
            centre_weight=centre_weight,
            centre_threshold=centre_threshold,
            centre_power=centre_power,
            centre_x=centre_x,
            centre_y=centre_y,
            background=background,
            palette=palette,
            regions=regions,
            within=within,
            mask=mask,
            drawing=drawing,
            freeze=freeze,
        ).resolved()
        job = Job(frame_every, keep_dreams, resume, seeds, keep)
        with self.folder.fresh() as folder:
            yield from results(settings, job, folder, self.record_metric)


@cache
def warm_up() -> None:
    """Draw one stroke, so that all is loaded that is loaded at its first use.

    A cancel in the middle of an import leaves half a package behind, and every drawing after it
    fails; during the setup nothing is cancelled.
    """
    settings = Settings(
        "a line", preset="clipdraw-2021", model="pocket", strokes=1, steps=1, views=1
    ).resolved()
    *_, frame = draw.draw(settings, draw.plan(settings, say=lambda _: None))
    with tempfile.TemporaryDirectory() as folder:
        record = Record(Path(folder), settings.paper, settings.steps)
        record.add(frame)
        record.preview(0)


@dataclass(frozen=True)
class Job:
    """What is asked for besides the drawing itself."""

    frame_every: int
    keep_dreams: bool = False
    resume: Path | None = None
    seeds: int = 1
    keep: int = 1


def results(settings, job, folder, report) -> Iterator[Path]:
    """Draw, and yield previews on the way and the results at the end.

    A Ctrl-C or a number that is not finite ends the drawing early; what there is then is yielded
    all the same.
    """
    if job.seeds > 1:
        yield from several(settings, job, folder, report)
        return
    state = load_state(job.resume, fixed(settings)) if job.resume else None
    record = Record(folder, settings.paper, settings.steps)
    plan = draw.plan(settings)
    if state is not None:
        begun = drawing_of(state, settings.width, settings.height)
        plan = replace(plan, start=begun.to(plan.start.points.device))
    if job.keep_dreams:
        yield save_dreams(dreams_of(settings, plan), folder / "dreams.png")
    yield from record.previews(
        draw.draw(settings, plan, state),
        job.frame_every,
        report,
        lambda frame: draw.choose(settings, plan, frame).picture,
    )
    guides = guides_of(job.resume) if job.resume else draw.guides(settings, plan)
    chosen = draw.choose(settings, plan, record.last)
    yield from finished(seeds.Run(settings, plan), chosen, record, job, {"guides": guides})


def several(settings, job, folder, report) -> Iterator[Path]:
    """The same for several seeds: the results of the best one, then a sheet and every drawing."""
    if job.resume is not None:
        raise ValueError(
            "resume: goes on with one drawing, and not with several seeds; leave seeds out, and give "
            "the seed that trace.json names"
        )
    record = Record(folder, settings.paper, settings.steps)
    race = seeds.Race(seeds.runs_of(settings, job.seeds), job.keep)
    if job.keep_dreams:
        dreams_of(settings, race.runs[0].plan)
    yield from record.previews(race.frames(), job.frame_every, report, race.leader)
    standings = [*race.results(record.last), *race.dropped]
    best = standings[0]
    if job.keep_dreams:
        yield save_dreams(best.run.plan.dreams, folder / "dreams.png")
    trace = {
        "guides": seeds.guides(race, best.run),
        "ranked_by": public_name(race.ranking),
        "seeds": [
            {"seed": one.run.settings.seed, "score": one.score, "last_step": one.step}
            for one in standings
        ],
    }
    yield from finished(best.run, best.chosen, race.record_of(record, best.run), job, trace)
    yield seeds.sheet(standings, settings.steps, folder / "seeds.png")
    for one in standings:
        file = folder / f"seed-{one.run.settings.seed}.svg"
        file.write_text(
            to_svg(
                one.chosen.drawing,
                background=settings.paper,
                description=describe(one.run.settings),
                guides=trace["guides"],
            ),
            encoding="utf-8",
        )
        yield file


def finished(run, chosen, record, job, trace) -> Iterator[Path]:
    """The results of one seed, best first, and its state. `trace` is what is told beside the rest;
    its guides go into the SVG and the state, too."""
    settings, plan = run.settings, run.plan
    if not chosen.mended:
        record.forget_after(plan.mended_from)
    cosines = draw.cosines(settings, plan, chosen.drawing)[0].tolist()
    trace = {
        "inputs": {
            **told(settings),
            **asdict(job),
            "resume": job.resume and job.resume.name,
        },
        "encoder": plan.encoder.name,
        "scores": dict(zip(draw.texts(settings), cosines, strict=True)),
        "region_scores": [one.item() for one in draw.in_regions(settings, plan, chosen.drawing)],
        "dream": chosen.picture,
        "mended": chosen.mended,
        "measures": measures(run, chosen),
        **trace,
    }
    opening = plan.dreams[[chosen.picture]] if job.keep_dreams else ()
    yield from record.files(chosen.drawing, chosen.picture, describe(settings), trace, opening)
    inputs = fixed(settings) | {"guides": trace["guides"]}
    yield save_state(record.last, inputs, record.folder / "state.safetensors")
    if record.failure:
        raise record.failure


def measures(run, chosen) -> dict[str, float]:
    """How much a model likes the drawing that did not guide it, as a cosine with the prompt."""
    model = draw.bystander(run.plan)
    return {f"liked by {public_name(model)}": draw.likes(model, run.settings, chosen.drawing)}


def told(settings) -> dict:
    """The inputs as a trace tells them, files by their names."""
    given = asdict(settings)
    return given | {name: given[name] and given[name].name for name in FILES}


def fixed(settings) -> dict:
    """The inputs that a run has to have when it is resumed."""
    return {name: value for name, value in told(settings).items() if name not in FREE_ON_RESUME}


def describe(settings) -> str:
    return f"{settings.prompt} (seed {settings.seed})"


def dreams_of(settings, plan) -> Tensor:
    if plan.dreams is None:
        raise ValueError(
            f"keep_dreams: nothing is dreamt with the preset {settings.preset!r} and the model "
            f"{plan.encoder.name!r}; choose model=pocket and the preset default or quick"
        )
    return plan.dreams
