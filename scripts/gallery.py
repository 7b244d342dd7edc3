"""Draw the predictors' examples for docs/gallery, and list them: `scripts/gallery [PREDICTOR ...]`,
all of them where none is named.

An example's picture shows what it was given, if that is a picture, the drawing at its beginning,
on the way and finished. The picture's name stands for the inputs, so that a test notices when they
have changed. The gallery's page and the README's table of predictors are always written, from
examples.yaml and from docstrings.
"""

import hashlib
import json
import re
import shlex
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

from PIL import Image

from scripts import examples, form

ROOT = Path(__file__).resolve().parent.parent
# Between these lines of the README stands the table.
BEGIN, END = "<!-- written by scripts/gallery -->", "<!-- up to here -->"
HEIGHT, GAP = 192, 8
# A contact sheet or a plot stands alone, so wide in pixels; it is cut where it is longer than wide.
ALONE, WIDTH = ("contact.png", "plot.png"), 640
# These make something else of what they are given than a drawing.
NO_DRAWING = ("conform", "score")
PICTURES = (".jpeg", ".jpg", ".png", ".webp")
HEAD = """# Gallery

What predictors make of their examples: at the beginning, on the way, and finished; nothing picked.
`scripts/gallery` drew the pictures and wrote this page, with the lines that draw the same again.
"""
Inputs = dict[str, Any]


def main(names: list[str], root: Path = ROOT) -> int:
    """The command line; returns the exit code."""
    known = form.predictors(root)
    for name in names:
        if name not in known:
            way_out = form.suggest(name, known, "predictors")
            print(f"scripts/gallery: there is no predictor {name!r}; {way_out}", file=sys.stderr)
            return 2
    folder = root / "docs" / "gallery"
    folder.mkdir(parents=True, exist_ok=True)
    for name in (name for name in names or known if name not in NO_DRAWING):
        for inputs in examples.of(root, name):
            started = perf_counter()
            draw(root, name, inputs).save(folder / file_of(name, inputs), quality=85)
            print(f"{command(root, name, inputs)}: {perf_counter() - started:.0f} s", flush=True)
    wanted = {file_of(name, inputs) for name in drawn(root) for inputs in examples.of(root, name)}
    for file in folder.glob("*.webp"):
        if file.name not in wanted:
            file.unlink()
    (folder / "README.md").write_text(page(root), encoding="utf-8")
    readme = root / "README.md"
    readme.write_text(with_table(readme.read_text(encoding="utf-8"), root), encoding="utf-8")
    return 0


def drawn(root: Path) -> list[str]:
    """The predictors whose examples are drawn."""
    return [name for name in form.predictors(root) if name not in NO_DRAWING]


def draw(root: Path, name: str, inputs: Inputs) -> Image.Image:
    """One example, from what it was given to the finished drawing, side by side; or the
    picture of a predictor that shows nothing of its progress."""
    seen = [opened(x) for x in inputs.values() if examples.is_file(x) and x.endswith(PICTURES)]
    previews = []
    run = examples.run(root, name, inputs)
    for file in run:
        if file.name.startswith("step-"):
            previews.append(opened(file))
        if file.name == "drawing.png" and previews:
            # Most of what there is to see happens early.
            seen += [previews[0], previews[len(previews) // 8], opened(file)]
            break
        if file.name in ALONE:
            return alone(file)
    run.close()
    return side_by_side(seen)


def alone(file: Path) -> Image.Image:
    """A picture as wide as the page; the end of a long one is left out."""
    with Image.open(file) as sheet:
        height = round(sheet.height * WIDTH / sheet.width)
        return (
            sheet.convert("RGB")
            .resize((WIDTH, height), Image.LANCZOS)
            .crop((0, 0, WIDTH, min(height, WIDTH)))
        )


def opened(file: str | Path) -> Image.Image:
    """A picture as high as all are here."""
    with Image.open(file) as image:
        width = round(image.width * HEIGHT / image.height)
        return image.convert("RGB").resize((width, HEIGHT), Image.LANCZOS)


def side_by_side(pictures: list[Image.Image]) -> Image.Image:
    width = sum(picture.width + GAP for picture in pictures) - GAP
    sheet, left = Image.new("RGB", (width, HEIGHT), "white"), 0
    for picture in pictures:
        sheet.paste(picture, (left, 0))
        left += picture.width + GAP
    return sheet


def file_of(name: str, inputs: Inputs) -> str:
    """What an example's picture is called: its predictor, and a digest of inputs and files."""
    contents = {
        key: hashlib.sha256(Path(value).read_bytes()).hexdigest()
        if examples.is_file(value)
        else value
        for key, value in inputs.items()
    }
    digest = hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()
    return f"{name}-{digest[:8]}.webp"


def command(root: Path, name: str, inputs: Inputs) -> str:
    """The line that draws an example, from the repository's root."""
    words = []
    for key, value in inputs.items():
        text = f"@{Path(value).relative_to(root)}" if examples.is_file(value) else str(value)
        words.append(f"-i {key}={shlex.quote(text)}")
    return " ".join(["scripts/predict", name, *words])


def page(root: Path) -> str:
    """The gallery's page."""
    parts = [HEAD]
    for name in drawn(root):
        parts.append(
            f"## [{name}](../../predictors/{name}/README.md)\n\n{form.summary(root, name)}\n"
        )
        for inputs in examples.of(root, name):
            line = command(root, name, inputs)
            parts.append(f"```sh\n{line}\n```\n\n![{name}]({file_of(name, inputs)})\n")
    return "\n".join(parts)


def table(root: Path) -> str:
    """The predictors, a row each: a thumbnail, the name, and the docstring's first line."""
    rows = ["| | predictor | what it does |", "|---|---|---|"]
    for name in form.predictors(root):
        folder = f"predictors/{name}"
        picture = f'<img src="{folder}/thumbnail.webp" width="96" alt="">'
        line = form.summary(root, name).replace("|", r"\|")
        rows.append(f"| {picture} | [{name}]({folder}/README.md) | {line} |")
    return "\n".join(rows)


def with_table(text: str, root: Path) -> str:
    """The README with the table between its two lines."""
    between = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    return between.sub(lambda _: f"{BEGIN}\n{table(root)}\n{END}", text, count=1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
