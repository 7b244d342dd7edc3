"""Set up every predictor that has its packages here: `python -m scripts.warm`.

While an image is built this makes what Python and Numba make of the code at its first use. An image
has the packages of one predictor's needs, and of several that need the same, all are set up,
whichever it is for: so they have all this in common.
"""

import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from scripts import form

ROOT = Path(__file__).resolve().parent.parent


def main(root: Path = ROOT) -> int:
    """The command line; returns the exit code."""
    for name in form.predictors(root):
        missing = absent(root, name)
        if not missing:
            form.load(root, name)().setup()
        print(f"{name}: {f'left out, there is no {missing[0]}' if missing else 'set up'}")
    return 0


def absent(root: Path, name: str) -> list[str]:
    """What is not installed of a predictor's needs, by its requirements.txt."""
    lines = (root / "predictors" / name / "requirements.txt").read_text().splitlines()
    needed = [line.partition("==")[0] for line in lines if line and not line.startswith("#")]
    return [package for package in needed if not _is_there(package)]


def _is_there(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
