"""Draw every prompt of a list and ask the judge, which guided none of them, what it sees.

R-precision is the share of drawings for which the judge likes their own prompt best of all prompts
of the list (@1), or has it among its first five (@5); a drawing's margin is how much more it likes
the own prompt than the best other one, as a difference of cosines. The same by the guide is printed
beside it, and means little: a drawing is made to please the guide.

DIR gets the drawings, scores.json and sheet.webp. Drawings that are there already, of the same
prompt, settings and weights, are not drawn again; after a change of the code, start with a new DIR.
"""

import argparse
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from clipdraw import Drawing, from_svg, render, to_svg
from clipdraw.film import to_image
from losses import load_encoder
from losses.encoders import pocket
from losses.judge import load_judge
from losses.retrieval import margins, recall, standings
from predictors.clipdraw import draw
from scripts import form
from scripts.predict import slug
from scripts.train_pocket.things import article

ROOT = Path(__file__).resolve().parent.parent
PROMPTS = ROOT / "tests" / "data" / "prompts.txt"

COLUMNS, SIDE, LINE = 10, 128, 15
RIGHT, WRONG, PLAIN = "#1a7f37", "#b3261e", "#222222"
WORST = 10


class Asked(NamedTuple):
    """One line of a list."""

    section: str
    """The comment above its group."""
    name: str
    """The line itself."""
    prompt: str
    """The line in the template."""


@dataclass(frozen=True)
class Verdicts:
    """What one model makes of all drawings, in the order of the prompts."""

    ranks: Tensor
    """How many other prompts it likes at least as well as the right one; 0 is right."""
    margins: Tensor
    guesses: list[int]
    """Number of the prompt that it likes best."""


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        asked = read_prompts(arguments.prompts, arguments.template)
        all_settings = [settings_of(one.prompt, arguments) for one in asked]
    except (OSError, ValueError) as error:
        print(f"scripts/score: {error}", file=sys.stderr)
        return 2
    folder = arguments.out or ROOT / "output" / f"score-{arguments.prompts.stem}-{arguments.seed}"
    drawings = [drawn(s, number, folder) for number, s in enumerate(all_settings, 1)]
    prompts = [one.prompt for one in asked]
    judge, guide = (verdicts(m, drawings, prompts) for m in (load_judge(), load_encoder("pocket")))
    write_scores(folder / "scores.json", asked, judge, guide)
    sheet(drawings, asked, judge).save(folder / "sheet.webp", quality=85)
    print(told(asked, judge, guide))
    print(f"\n{folder}/sheet.webp shows all of them, scores.json has every number")
    return 0


def read_prompts(file: Path, template: str = "{}") -> list[Asked]:
    """A prompt a line, with the article that fits; a comment above a group names its section.

    Raises:
        ValueError: no prompt at all, or one that stands there twice.
    """
    section, asked = "", []
    for line in map(str.strip, file.read_text(encoding="utf-8").splitlines()):
        if line.startswith("#"):
            section = line.lstrip("# ")
        elif line:
            asked.append(Asked(section, line, article(template.replace("{}", line))))
    counts = Counter(one.prompt for one in asked)
    twice = [prompt for prompt, count in counts.items() if count > 1]
    if twice or not asked:
        raise ValueError(f"{file}: {f'{twice[0]!r} is there twice' if twice else 'no prompts'}")
    return asked


def settings_of(prompt: str, arguments: argparse.Namespace) -> draw.Settings:
    """The settings of one drawing: `-i` inputs as of `scripts/predict`, everything else at its
    default.

    Raises:
        ValueError: an input that cannot be right.
    """
    inputs = form.fields(form.load(ROOT, "clipdraw").run)
    written = [f"prompt={prompt}", f"seed={arguments.seed}", "model=pocket", *arguments.input]
    values = form.parse(inputs, written)
    known = {field.name for field in fields(draw.Settings)}
    return draw.Settings(**{name: values[name] for name in known & values.keys()}).resolved()


def drawn(settings: draw.Settings, number: int, folder: Path) -> Drawing:
    """The drawing for some settings, from the folder if it is there."""
    file = folder / f"{number:03d}-{slug(settings.prompt)}.svg"
    index = folder / "drawings.json"
    made = json.loads(index.read_text()) if index.exists() else {}
    wanted = fingerprint(settings)
    if not (file.exists() and made.get(file.name) == wanted):
        plan = draw.plan(settings, say=lambda _: None)
        for frame in draw.draw(settings, plan):
            last = frame
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(to_svg(draw.choose(settings, plan, last).drawing))
        index.write_text(json.dumps({**made, file.name: wanted}, indent=1))
        print(f"{file.name}", flush=True)
    return from_svg(file)


def fingerprint(settings: draw.Settings) -> str:
    """Of everything but the code that decides what a drawing looks like: settings and weights."""
    digest = hashlib.sha256(json.dumps(asdict(settings), sort_keys=True, default=str).encode())
    for file in sorted(pocket.FOLDER.glob("*.safetensors")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


@torch.no_grad()
def verdicts(model, drawings: Sequence[Drawing], prompts: list[str]) -> Verdicts:
    """What a model that sees and reads makes of drawings, each on white at the model's own size."""
    pictures = torch.cat([render(drawing, model.size, model.size) for drawing in drawings])
    likeness = model.embed_image(pictures) @ model.embed_text(prompts).T
    own = torch.arange(len(prompts))
    return Verdicts(standings(likeness, own), margins(likeness, own), likeness.argmax(1).tolist())


def told(asked: list[Asked], judge: Verdicts, guide: Verdicts) -> str:
    """The figures as text: over all, by section, and the worst."""
    sections = [one.section for one in asked]
    width = max(len("all"), *map(len, sections))
    lines = [
        f"{'':{width}}        the judge               the guide's own, no judge",
        f"{'':{width}}  n     R@1    R@5  margin    R@1    R@5  margin",
    ]
    for name in ("all", *dict.fromkeys(sections)):
        rows = [i for i, section in enumerate(sections) if name in ("all", section)]
        figures = [
            f"{recall(v.ranks[rows], 1):6.1%} {recall(v.ranks[rows], 5):6.1%} "
            f"{float(v.margins[rows].mean()):+7.3f}"
            for v in (judge, guide)
        ]
        lines.append(f"{name:{width}} {len(rows):3d}  {'  '.join(figures)}")
    lines += ["", "worst by the judge:"]
    for i in judge.margins.argsort()[:WORST].tolist():
        lines.append(
            f"  {float(judge.margins[i]):+.3f}  {asked[i].name}: place {int(judge.ranks[i]) + 1}, "
            f"liked best as {asked[judge.guesses[i]].name!r}"
        )
    return "\n".join(lines)


def write_scores(file: Path, asked: list[Asked], judge: Verdicts, guide: Verdicts) -> None:
    """Every figure, over all and for each prompt."""

    def overall(v: Verdicts) -> dict[str, float]:
        first, five = recall(v.ranks, 1), recall(v.ranks, 5)
        return {"R@1": first, "R@5": five, "margin": float(v.margins.mean())}

    def single(v: Verdicts, i: int) -> dict:
        guess = asked[v.guesses[i]].prompt
        return {"rank": int(v.ranks[i]), "margin": float(v.margins[i]), "guess": guess}

    each = [
        {**one._asdict(), "judge": single(judge, i), "guide": single(guide, i)}
        for i, one in enumerate(asked)
    ]
    scores = {"judge": overall(judge), "guide": overall(guide), "drawings": each}
    file.write_text(json.dumps(scores, indent=1) + "\n")


def sheet(drawings: Iterable[Drawing], asked: list[Asked], judge: Verdicts) -> Image.Image:
    """All drawings, under each its line of the list, and a tick or what the judge took it for."""
    columns, height = min(COLUMNS, len(asked)), SIDE + 2 * LINE + 4
    page = Image.new("RGB", (columns * SIDE, -(-len(asked) // columns) * height), "white")
    for i, (drawing, one) in enumerate(zip(drawings, asked, strict=True)):
        left, top = i % columns * SIDE, i // columns * height
        page.paste(to_image(render(drawing, SIDE, SIDE)[0]), (left, top))
        write(page, one.name, (left, top + SIDE), PLAIN)
        if int(judge.ranks[i]) == 0:
            tick(page, (left, top + SIDE + LINE))
        else:
            write(page, asked[judge.guesses[i]].name, (left, top + SIDE + LINE), WRONG)
    return page


def write(page: Image.Image, text: str, corner: tuple[int, int], colour: str) -> None:
    """One centred line in a cell, cut where the cell ends."""
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(11)
    while pen.textlength(text, font=font) > SIDE - 4:
        text = f"{text.rstrip('…')[:-1]}…"
    middle = (corner[0] + SIDE // 2, corner[1] + LINE // 2)
    pen.text(middle, text, fill=colour, anchor="mm", font=font)


def tick(page: Image.Image, corner: tuple[int, int]) -> None:
    """A tick in the middle of a line; not every font has one."""
    x, y = corner[0] + SIDE // 2, corner[1] + LINE // 2
    points = [(x - 5, y), (x - 1, y + 4), (x + 6, y - 5)]
    ImageDraw.Draw(page).line(points, fill=RIGHT, width=2, joint="curve")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/score",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--prompts", type=Path, default=PROMPTS, help="a prompt a line, # comments")
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: one below output/")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--template", default="{}", help='such as "a line drawing of a {}", for a list of nouns'
    )
    parser.add_argument(
        "-i", dest="input", action="append", default=[], metavar="NAME=VALUE",
        help="an input of the predictor clipdraw",
    )  # fmt: skip
    return parser


if __name__ == "__main__":
    sys.exit(main())
