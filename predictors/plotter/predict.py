"""Give a drawing, and it becomes files for a pen plotter: a layer for each pen, fills hatched."""

import json
import tempfile
from collections.abc import Iterator
from functools import cache

from cog import BaseRunner, Input, Path, streaming

from predictors.folder import Folder
from predictors.plotter.settings import Settings

LINE = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 3 2"><path stroke="#000" d="M1 1h1"/></svg>'


class Predictor(BaseRunner):
    """Give a drawing, and it becomes files for a pen plotter: a layer for each pen, fills hatched."""

    def __init__(self):
        self.folder = Folder()

    def setup(self):
        warm_up()

    @streaming
    def run(
        self,
        drawing: Path = Input(
            description="An SVG file: of any predictor here, or of any other program",
        ),
        paper: str = Input(
            description="a6, a5, a4, a3, a2, letter, legal, tabloid, or WIDTHxHEIGHT in mm, such as 300x200",
            regex="^(a[2-6]|letter|legal|tabloid|[0-9.]+x[0-9.]+)$",
            default="a4",
        ),
        pens: str = Input(
            description="The pens in the order of plotting, separated by commas: a name, a colour as #rrggbb unless the name is one, and the width of the tip in mm, such as black 0.5, brick #d62828 0.8. Each fill and stroke goes to the pen that comes nearest to its colour",
            min_length=1,
            max_length=1000,
            default="yellow #f2b705 0.4, orange #f2711c 0.4, red #d62828 0.4, green #2a9d4a 0.4, blue #1d4ed8 0.4, black 0.4",
        ),
        margin: float = Input(
            description="Bare paper on each side, mm; the drawing is made as large as that allows",
            ge=0,
            le=200,
            default=10.0,
        ),
        orientation: str = Input(
            description="How the sheet lies; auto takes that in which the drawing is larger",
            choices=["auto", "portrait", "landscape"],
            default="auto",
        ),
        fills: str = Input(
            description="How filled shapes are drawn: hatch, by parallel lines; passes, by outlines within each other, a tip apart; outline, not filled",
            choices=["hatch", "passes", "outline"],
            default="hatch",
        ),
        wide_strokes: str = Input(
            description="How strokes wider than the tip are drawn: hatch, by parallel lines across them; passes, by lines along them, a tip apart; line, as single lines",
            choices=["hatch", "passes", "line"],
            default="hatch",
        ),
        hatch_spacing: float = Input(
            description="Millimetres between the lines of the densest hatching; paler colours have 2, 4 or 8 times as much",
            ge=0.1,
            le=20,
            default=0.8,
        ),
        hatch_angle: float = Input(
            description="Degrees by which the lines of a hatching rise to the right",
            ge=-180,
            le=180,
            default=45.0,
        ),
        outlines: bool = Input(
            description="Draw the outlines of hatched areas, too",
            default=True,
        ),
        transparency: str = Input(
            description="What becomes of transparent fills and strokes: density, fewer lines; refuse, an error",
            choices=["density", "refuse"],
            default="density",
        ),
        occlude: str = Input(
            description="What hides what lies below it: opaque, all that is at least half opaque; paper, only what is as pale as the paper; nothing",
            choices=["opaque", "paper", "nothing"],
            default="opaque",
        ),
        paper_colour: str = Input(
            description="Colour of the paper as #rrggbb. What is as pale is not drawn",
            regex="^#[0-9a-fA-F]{6}$",
            default="#ffffff",
        ),
        hpgl_device: str = Input(
            description="The plotter that plot.hpgl is for, as vpype knows them; generic takes any size, its units are 0.025 mm from the lower left corner",
            choices=[
                "generic",
                "hp7475a",
                "hp7440a",
                "hp7550",
                "artisan",
                "dmp_161",
                "dxy",
                "sketchmate",
            ],
            default="generic",
        ),
        pen_down: str = Input(
            description="G-code that lowers the pen; | separates commands, as in M3 S40 | G4 P0.2",
            regex="^[A-Za-z]-?[0-9.]+( ?[|]? ?[A-Za-z]-?[0-9.]+)*$",
            max_length=100,
            default="G0 Z0",
        ),
        pen_up: str = Input(
            description="G-code that raises the pen; | separates commands",
            regex="^[A-Za-z]-?[0-9.]+( ?[|]? ?[A-Za-z]-?[0-9.]+)*$",
            max_length=100,
            default="G0 Z5",
        ),
        draw_speed: float = Input(
            description="Of the pen on the paper, mm/s: the feed rate in G-code, and for the estimate of minutes",
            ge=1,
            le=1000,
            default=50.0,
        ),
        travel_speed: float = Input(
            description="Of the raised pen, mm/s, for the estimate of minutes",
            ge=1,
            le=1000,
            default=150.0,
        ),
    ) -> Iterator[Path]:
        settings = Settings(
            drawing=drawing,
            paper=paper,
            pens=pens,
            margin=margin,
            orientation=orientation,
            fills=fills,
            wide_strokes=wide_strokes,
            hatch_spacing=hatch_spacing,
            hatch_angle=hatch_angle,
            outlines=outlines,
            transparency=transparency,
            occlude=occlude,
            paper_colour=paper_colour,
            hpgl_device=hpgl_device,
            pen_down=pen_down,
            pen_up=pen_up,
            draw_speed=draw_speed,
            travel_speed=travel_speed,
        )
        with self.folder.fresh() as folder:
            yield from results(settings, folder, self.record_metric, print)


@cache
def warm_up() -> None:
    """Plot a line, so that all is loaded that is loaded at its first use.

    A cancel in the middle of an import leaves half a package behind, and every plot after it fails;
    during the setup nothing is cancelled.
    """
    with tempfile.TemporaryDirectory() as folder:
        line = Path(folder, "line.svg")
        line.write_text(LINE)
        assert list(results(Settings(drawing=line), Path(folder), *[lambda *_: None] * 2))


def results(settings, folder, report, say) -> Iterator[Path]:
    """Plot, and yield the files, each complete when it is yielded. Nothing is written before all is
    known.

    Args:
        say: what to do with the lines that answer what people ask first.
    """
    # They take a second, which has no place before a mistyped input is complained of.
    from clipdraw import save_png
    from predictors.plotter import files
    from predictors.plotter.plot import figures, plot, summary

    plotted = plot(settings, report)
    drawn, sheet = plotted.drawn, plotted.sheet
    hpgl, said = files.hpgl(drawn, sheet, settings.hpgl_device)
    found = figures(plotted, settings, said)
    texts = {
        "plot.svg": files.svg(drawn, settings.drawing.name),
        "plot.hpgl": hpgl,
        "plot.gcode": files.gcode(drawn, sheet, plotted.pens, settings),
        "plot.json": json.dumps(found, indent=2) + "\n",
    }
    say(summary(found))
    file = Path(folder, "plot.png")
    save_png(files.picture(drawn, plotted.pens, sheet, plotted.paper), file)
    yield file
    for name, text in texts.items():
        if text is not None:
            file = Path(folder, name)
            file.write_text(text, encoding="utf-8")
            yield file
