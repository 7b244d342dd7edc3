"""Begin a predictor of your own, as a copy of the smallest one: `scripts/new-predictor NAME`."""

import keyword
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODEL = "paint"
# A Python package, a part of an image's name and of a URL.
NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
LONGEST = 40
TEXTS = (".md", ".py", ".yaml")
IMPORTS = re.compile(r"(^from predictors\..*\n)+", re.MULTILINE)


def main(argv: list[str], root: Path = ROOT) -> int:
    """The command line; returns the exit code."""
    if len(argv) != 1 or argv[0].startswith("-"):
        print("usage: scripts/new-predictor NAME, which copies the smallest one", file=sys.stderr)
        return 2
    name = argv[0]
    try:
        check(root, name)
    except ValueError as error:
        print(f"scripts/new-predictor: {error}", file=sys.stderr)
        return 2
    folder = copy(root, name)
    print(f"{folder.relative_to(root)} draws as {MODEL} does, until you change it:")
    print(f"""
  predict.py     the form: what Cog and scripts/predict ask for, and the line that people read
  draw.py        the work
  examples.yaml  inputs to try, with the files that they name
  README.md      the page; thumbnail.webp is its picture

  scripts/predict {name} --help
  scripts/test tests/test_predictors.py -k {name}
  scripts/gallery {name}    # draws its examples, and adds it to the README's table""")
    return 0


def check(root: Path, name: str) -> None:
    """Raise a ValueError, a sentence, where a predictor cannot be called so."""
    if not NAME.fullmatch(name) or len(name) > LONGEST:
        raise ValueError(
            f"{name[:LONGEST]!r} is no name for a predictor; take up to {LONGEST} small letters "
            "and digits, beginning with a letter, with single underscores between words"
        )
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        raise ValueError(f"{name!r} is a word of Python; take another")
    if any((root / "predictors" / taken).exists() for taken in (name, f"{name}.py")):
        raise ValueError(f"there is a predictors/{name} already; take another name, or remove it")


def copy(root: Path, name: str) -> Path:
    """The new folder: the model's, with its name replaced wherever it stands as a word."""
    folder = root / "predictors" / name
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(root / "predictors" / MODEL, folder, ignore=ignored)
    for file in folder.iterdir():
        if file.suffix in TEXTS:
            text = re.sub(rf"\b{MODEL}\b", name, file.read_text(encoding="utf-8"))
            file.write_text(IMPORTS.sub(_sorted, text), encoding="utf-8")
    return folder


def _sorted(imports: re.Match) -> str:
    """Lines in the order that scripts/check wants, which depends on the name."""
    return "".join(sorted(imports[0].splitlines(keepends=True)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
