"""The images' requirements.txt are what scripts/requirements writes."""

import shutil
from pathlib import Path

import pytest
import yaml

from scripts import requirements

ROOT = Path(__file__).resolve().parent.parent
FILES = requirements.files(ROOT)

PROJECT = """\
[project]
dependencies = ["cog>=0.23", "numpy>=2", "open_clip_torch>=3", "torch>=2.6"]
[project.optional-dependencies]
test = ["pytest>=9", "triton>=3.7; sys_platform == 'linux'"]
"""
CONSTRAINTS = """\
# Tested.
cog==0.23.1
numpy==2.4.6
open_clip_torch==3.3.0
pytest==9.2.0
torch==2.13.0
torchvision==0.28.0
triton==3.7.1
"""
BASE = ["numpy==2.4.6", "open_clip_torch==3.3.0", "torch==2.11.0", "torchvision==0.26.0"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_the_committed_ones_are_current(file):
    wanted = requirements.text(ROOT, file)
    assert file.is_file() and file.read_text() == wanted, "run scripts/requirements, which mends it"


def test_no_image_is_forgotten():
    assert {file.parent.name for file in FILES} >= {"clipdraw", "notebooks"}
    for file in [ROOT / "cog.yaml", *(file.with_name("cog.yaml") for file in FILES)]:
        named = yaml.safe_load(file.read_text())["build"]["python_requirements"]
        assert ROOT / named in FILES, f"{file} names {named}"


@pytest.fixture
def root(tmp_path):
    """A project with a predictor, `ink`, that has no requirements.txt yet."""
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "constraints.txt").write_text(CONSTRAINTS)
    (tmp_path / "predictors/ink").mkdir(parents=True)
    (tmp_path / "predictors/ink/cog.yaml").touch()
    return tmp_path


def ink(root) -> Path:
    return root / "predictors/ink/requirements.txt"


def pins(root) -> list[str]:
    assert requirements.main([], root) == 0
    return [line for line in ink(root).read_text().splitlines() if not line.startswith("#")]


def test_a_new_predictor_gets_all_but_cog(root, capsys):
    assert pins(root) == BASE
    assert capsys.readouterr().out == "wrote predictors/ink/requirements.txt\n"
    assert pins(root) == BASE
    assert capsys.readouterr().out == "", "nothing changed"


def test_a_predictor_says_what_it_needs_and_keeps_saying_it(root):
    ink(root).write_text("# needs: numpy\npillow==1\n")
    assert pins(root) == pins(root) == ["numpy==2.4.6"]
    assert "# needs: numpy" in ink(root).read_text().splitlines()


def test_base_stands_for_all_dependencies_and_more_may_follow(root):
    ink(root).write_text("# needs: base, pytest\n")
    assert pins(root) == [*BASE[:2], "pytest==9.2.0", *BASE[2:]]


def test_torchvision_comes_with_open_clip_alone(root):
    ink(root).write_text("# needs: torch\n")
    assert pins(root) == ["torch==2.11.0"]


@pytest.mark.parametrize(
    "file, old, new, words",
    [
        ("constraints.txt", "numpy==2.4.6\n", "", "constraints.txt has no version of numpy; add"),
        ("constraints.txt", "torchvision==0.28.0\n", "", "no version of torchvision; add"),
        ("constraints.txt", "numpy==", "numpy>=", "constraints.txt:3: 'numpy>=2.4.6' fixes no"),
        ("pyproject.toml", '"pytest>=9", ', "", "constraints.txt has pytest, which pyproject.toml"),
        (
            "constraints.txt",
            "torch==2.13.0",
            "torch==2.11.0",
            "torch 2.11.0, which is no exception",
        ),
        (
            "predictors/ink/requirements.txt",
            "base",
            "nunpy",
            "ink/requirements.txt needs 'nunpy', w",
        ),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(root, capsys, file, old, new, words):
    ink(root).write_text("# needs: base\n")
    text = (root / file).read_text()
    assert old in text
    (root / file).write_text(text.replace(old, new))
    before = ink(root).read_text()
    assert requirements.main([], root) == 1
    error = capsys.readouterr().err
    assert words in error and error.startswith("scripts/requirements: ") and error.count("\n") == 1
    assert ink(root).read_text() == before


def test_it_takes_no_arguments(capsys):
    assert requirements.main(["--help"]) == 2
    assert capsys.readouterr().err.startswith("usage: scripts/requirements")


def test_a_stale_file_is_noticed(tmp_path):
    """The first test of this file can fail."""
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    file = tmp_path / "predictors/clipdraw/requirements.txt"
    file.parent.mkdir(parents=True)
    shutil.copy(ROOT / "predictors/clipdraw/requirements.txt", file)
    assert file.read_text() == requirements.text(tmp_path, file)
    constraints = tmp_path / "constraints.txt"
    constraints.write_text(constraints.read_text().replace("pyyaml==", "pyyaml==9"))
    assert file.read_text() != requirements.text(tmp_path, file)
