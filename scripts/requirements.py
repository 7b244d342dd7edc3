"""Write the requirements.txt beside every cog.yaml: `scripts/requirements`, after a change of
pyproject.toml or constraints.txt.

The packages are pyproject.toml's, the versions those of constraints.txt. An image gets all of the
dependencies that pyproject.toml calls so, unless a line of its requirements.txt says what it needs,
by the names that pyproject.toml knows; `base` stands for all of the dependencies:

    # needs: numpy, pillow
    # needs: base, jupyterlab

That line is yours; the rest of the file is written anew.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Versions that images have where the tests have others. The newest torch that Cog 0.23.1 knows is
# 2.11.0, and torchvision 0.26.0 belongs to it. (The driver of a T4 decides on CUDA, in cog.yaml.)
OF_IMAGES = {"torch": "2.11.0", "torchvision": "0.26.0"}
# Packages that pyproject.toml need not name, because others bring them, but that have to be pinned:
# a torchvision works with one torch only.
BRINGS = {"open_clip_torch": "torchvision"}
# Cog installs its own in every image.
OF_COG = "cog"
NEEDS = "# needs:"
HEAD = (
    "# Written by scripts/requirements, which says why versions differ from constraints.txt.",
    "# Cog brings its own cog.",
)


def main(argv: list[str], root: Path = ROOT) -> int:
    """The command line; returns the exit code."""
    if argv:
        print("usage: scripts/requirements, which writes them all", file=sys.stderr)
        return 2
    try:
        texts = {file: text(root, file) for file in files(root)}
    except ValueError as error:
        print(f"scripts/requirements: {error}", file=sys.stderr)
        return 1
    for file, wanted in texts.items():
        if not file.is_file() or file.read_text(encoding="utf-8") != wanted:
            file.write_text(wanted, encoding="utf-8")
            print(f"wrote {file.relative_to(root)}")
    return 0


def files(root: Path) -> list[Path]:
    """What there is to write: one beside each cog.yaml but the root's, which has a predictor's."""
    configs = [*root.glob("notebooks/cog.yaml"), *sorted(root.glob("predictors/*/cog.yaml"))]
    return [config.with_name("requirements.txt") for config in configs]


def text(root: Path, file: Path) -> str:
    """What a requirements.txt should be.

    Raises:
        ValueError: a package without a version, a version without a package, an unknown name.
    """
    base, extras = packages(root)
    tested = versions(root)
    check(base | extras, tested)
    line = needs_line(file)
    names = re.split(r"[, ]+", line.removeprefix(NEEDS).strip(" ,")) if line else ["base"]
    if unknown := [name for name in names if name not in {"base"} | base | extras]:
        raise ValueError(
            f"{file.relative_to(root)} needs {unknown[0]!r}, which pyproject.toml does not name; "
            "add it there, or write base for all of its dependencies"
        )
    needed = {*names, *(base if "base" in names else ())} - {"base", OF_COG}
    needed |= {BRINGS[name] for name in needed & BRINGS.keys()}
    pins = [f"{name}=={(tested | OF_IMAGES)[name]}" for name in sorted(needed)]
    return "\n".join([*HEAD, *([line] if line else []), *pins, ""])


def needs_line(file: Path) -> str:
    """The line in which a requirements.txt says what its image needs; blank where it does not."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return next((line for line in lines if line.startswith(NEEDS)), "")


def packages(root: Path) -> tuple[set[str], set[str]]:
    """What pyproject.toml names, without version ranges: its dependencies, and those of extras."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [item for extra in project["optional-dependencies"].values() for item in extra]
    name = re.compile(r"[\w.-]+")
    return (
        {name.match(item)[0] for item in project["dependencies"]},
        {name.match(item)[0] for item in extras},
    )


def versions(root: Path) -> dict[str, str]:
    """The versions in constraints.txt.

    Raises:
        ValueError: a line that is no NAME==VERSION.
    """
    found = {}
    for number, line in enumerate((root / "constraints.txt").read_text().splitlines(), start=1):
        if line and not line.startswith("#"):
            name, equals, version = line.partition("==")
            if not equals:
                raise ValueError(
                    f"constraints.txt:{number}: {line!r} fixes no version; write NAME==VERSION"
                )
            found[name] = version
    return found


def check(named: set[str], tested: dict[str, str]) -> None:
    """Every package has a version and the other way round, and exceptions are some.

    Raises:
        ValueError: one that does not.
    """
    wanted = named | {BRINGS[name] for name in named & BRINGS.keys()}
    if missing := ", ".join(sorted(wanted - tested.keys())):
        raise ValueError(
            f"constraints.txt has no version of {missing}; add the one that you tested"
        )
    if left := ", ".join(sorted(tested.keys() - wanted)):
        raise ValueError(
            f"constraints.txt has {left}, which pyproject.toml does not ask for; take it out"
        )
    for name, version in OF_IMAGES.items():
        if tested.get(name, version) == version:
            raise ValueError(
                f"OF_IMAGES in scripts/requirements.py has {name} {version}, which is no exception "
                "to constraints.txt any more; take it out"
            )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
