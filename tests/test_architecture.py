"""Who may import whom, which names may be taken, and how much is public."""

import ast
import importlib.metadata
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Each of our packages, and those of ours that it may import besides itself.
MAY_IMPORT = {
    "clipdraw": set(),
    "losses": {"clipdraw"},
    "journeys": {"clipdraw", "losses"},
    "predictors": {"clipdraw", "losses", "journeys"},
    "scripts": {"clipdraw", "losses", "journeys", "predictors"},
}
# Modules of journeys that conforming needs.
WITHOUT_TORCH = ["conform", "films", "paths", "sequence", "timeline", "timeline_reader"]
FILES = [file for package in MAY_IMPORT for file in sorted((ROOT / package).rglob("*.py"))]


def imports(source: str, package: str) -> Iterator[tuple[int, str]]:
    """Line and full name of all that a file in `package` imports, inside functions too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level]
            parts = above * bool(node.level) + [node.module] * bool(node.module)
            yield from ((node.lineno, ".".join([*parts, name.name])) for name in node.names)


def imports_of(file: Path) -> Iterator[tuple[int, str]]:
    return imports(file.read_text(), ".".join(file.relative_to(ROOT).parent.parts))


def test_all_ways_to_import_are_seen():
    source = "import a.b\nfrom c import d\nfrom . import e\nfrom ..f import g\ndef h():\n import i"
    seen = sorted(imports(source, "x.y"))
    assert seen == [(1, "a.b"), (2, "c.d"), (3, "x.y.e"), (4, "x.f.g"), (6, "i")]


def test_imports_go_one_way():
    offences = []
    for file in FILES:
        own = file.relative_to(ROOT).parts[0]
        forbidden = {*MAY_IMPORT, "tests"} - MAY_IMPORT[own] - {own}
        for line, name in imports_of(file):
            if name.split(".")[0] in forbidden:
                offences.append(f"{file.relative_to(ROOT)}:{line}: {own} may not import {name}")
    assert not offences, "\n".join(offences)


def test_the_reference_renderer_stands_alone():
    file = ROOT / "clipdraw/renderers/reference.py"
    for line, name in imports_of(file):
        ours = name.split(".")[0] in MAY_IMPORT
        assert not ours or name.startswith("clipdraw.drawing."), f"{file.name}:{line}: {name}"


def test_conforming_needs_no_torch():
    """The image that conforms has none, to be small and there at once."""
    modules = ", ".join(f"journeys.{name}" for name in WITHOUT_TORCH)
    look = f"import sys, {modules}; print(*{{'torch', 'clipdraw', 'losses'}} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", look], cwd=ROOT, capture_output=True, text=True)
    assert (found.stdout.strip(), found.stderr) == ("", "")


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_module_is_named_after_one_of_python_s_own(file):
    assert file.stem not in sys.stdlib_module_names


def test_no_package_is_named_after_somebody_else_s():
    for name, owners in importlib.metadata.packages_distributions().items():
        assert name not in MAY_IMPORT or set(owners) == {"cog-clipdraw"}, f"{owners} have {name}"


def test_the_public_surface_fits_on_a_postcard():
    tree = ast.parse((ROOT / "clipdraw/__init__.py").read_text())
    public = next(
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and node.targets[0].id == "__all__"
    )
    assert list(public) == sorted(public), "sort __all__"
    assert len(public) <= 12, f"{len(public)} public names"
