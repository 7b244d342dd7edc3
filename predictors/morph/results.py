"""What a morph hands out: the drawing half way, keyframes, a sheet to look at, and the film."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

from jaxtyping import Float
from torch import Tensor

from clipdraw import save_film, save_png, to_svg
from clipdraw.sheets import contact_sheet
from predictors import outputs
from predictors.morph import morph
from predictors.outputs import size, write_trace

# Pictures on the contact sheet for each way from a drawing to the next.
TILES = 7


def results(
    settings: morph.Settings,
    folder: Path,
    report: Callable[[str, float], None],
    say: Callable[[str], None] = print,
) -> Iterator[Path]:
    """Match the drawings, and yield all files, each complete when it is yielded.

    A Ctrl-C ends the film, which is left out then; what was yielded before stays.

    Args:
        folder: where they are written; the caller's, who removes it.
        report: Cog's `record_metric`.
    """
    started = perf_counter()
    plan = morph.plan(settings, say)
    legs, names = len(plan.legs), " | ".join(each.name for each in plan.handed)
    guides = list(dict.fromkeys(guide for each in plan.handed for guide in each.guides))

    def svg(name: str, place: float) -> Path:
        moment = plan.at(place)
        file = folder / name
        told = f"{names}: {place:.4g} of {legs} ways"
        text = to_svg(moment.drawing, background=moment.paper, description=told, guides=guides)
        file.write_text(text, encoding="utf-8")
        return file

    middle = (legs - 1) // 2 + 0.5
    yield svg("drawing.svg", middle)
    yield png(folder / "drawing.png", plan, middle)
    for number, place in enumerate(morph.keys(settings, legs)):
        yield svg(f"key-{number:03d}.svg", place)
    yield sheet(folder / "contact.png", plan)
    film = Film(settings, plan, report)
    try:
        save_film(film.pictures(), folder / "morph.mp4", fps=settings.fps)
        ended = "finished"
        yield folder / "morph.mp4"
    except KeyboardInterrupt:
        ended = "interrupted"
    trace = {
        "inputs": asdict(settings)
        | {name: getattr(settings, name).name for name in ("drawing", "other")},
        "drawings": [each.name for each in plan.handed],
        "guides": guides,
        "measures": {
            "largest_step": round(film.largest_step, 3),
            "paths_between": plan.at(middle).drawing.paths,
        },
        "ended": ended,
        "steps_done": film.done,
    }
    yield write_trace(folder, trace, started)


def png(file: Path, plan: morph.Plan, place: float) -> Path:
    moment = plan.at(place)
    save_png(moment.seen(*size(moment.drawing, outputs.PICTURE)), file)
    return file


def sheet(file: Path, plan: morph.Plan) -> Path:
    """A row for each way, from one drawing to the next."""
    places = [leg + tile / (TILES - 1) for leg in range(len(plan.legs)) for tile in range(TILES)]
    shape = size(plan.at(0).drawing, outputs.TILE)
    pictures = [plan.at(place).seen(*shape) for place in places]
    contact_sheet(pictures, [f"{place:.2f}" for place in places], TILES).save(file)
    return file


@dataclass
class Film:
    """The frames of a film, and what is noted of them."""

    settings: morph.Settings
    plan: morph.Plan
    report: Callable[[str, float], None]
    done: int = 0
    """Frames made."""
    largest_step: float = 0.0
    """The largest mean change of a pixel from one frame to the next, of 255."""

    def pictures(self) -> Iterator[Float[Tensor, "3 height width"]]:
        shape = size(self.plan.at(0).drawing, self.settings.size)
        places = list(morph.places(self.settings, len(self.plan.legs)))
        self.report("steps", len(places))
        before, picture = None, None
        for place in places:
            if place != before:
                seen = self.plan.at(place).seen(*shape)
                if picture is not None:
                    step = 255 * float((seen - picture).abs().mean())
                    self.largest_step = max(self.largest_step, step)
                before, picture = place, seen
            self.done += 1
            self.report("step", self.done)
            yield picture
