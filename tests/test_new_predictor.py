"""scripts/new-predictor: what it copies passes the linter, has a schema, draws and is tested."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import lint, new_predictor, schema

ROOT = Path(__file__).resolve().parent.parent
MODEL = ROOT / "predictors" / new_predictor.MODEL
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


@pytest.fixture
def root(tmp_path) -> Path:
    """A copy of the predictors and of what a test of them needs."""
    for name in ("predictors", "scripts"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    (tmp_path / "tests").mkdir()
    for name in (
        "tests/conftest.py",
        "tests/test_predictors.py",
        "tests/tiny.py",
        "pyproject.toml",
    ):
        shutil.copy(ROOT / name, tmp_path / name)
    for name in ("clipdraw", "losses"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def files(folder: Path) -> set[str]:
    found = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)) for file in found if "__pycache__" not in file.parts}


def test_a_new_predictor_is_whole_and_tested_on_arrival(root, capsys):
    before = files(root)
    assert new_predictor.main(["ink_wash2"], root) == 0
    assert "scripts/test tests/test_predictors.py -k ink_wash2" in capsys.readouterr().out
    folder = root / "predictors/ink_wash2"
    new = files(root) - before
    assert new == {f"predictors/ink_wash2/{file}" for file in files(MODEL)}
    assert f"**A predictor**: {len(new)} files" in CONTRIBUTING
    for file in folder.iterdir():
        if file.suffix in (".py", ".md", ".yaml"):
            assert not re.search(rf"\b{MODEL.name}\b", file.read_text()), file
    assert list(lint.problems(root)) == []
    for words in (["check"], ["format", "--check"]):
        ruff = [sys.executable, "-m", "ruff", *words, "predictors/ink_wash2"]
        assert subprocess.run(ruff, cwd=root, capture_output=True).returncode == 0, words
    assert schema.of(root, "ink_wash2") == schema.of(ROOT, MODEL.name)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
         "tests/test_predictors.py", "-k", "ink_wash2"],
        cwd=root, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    # Linter, schema, examples, a drawing.
    assert re.search(r"^4 passed", done.stdout, re.M), done.stdout


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "'' is no name for a predictor; take up to 40 small letters and digits, beginning"),
        ("Ink", "'Ink' is no name for a predictor"),
        ("ink-wash", "'ink-wash' is no name for a predictor"),
        ("ink wash", "is no name for a predictor"),
        ("2ink", "is no name for a predictor"),
        ("ink_", "is no name for a predictor"),
        ("_ink", "is no name for a predictor"),
        ("ink__wash", "is no name for a predictor"),
        ("tusche\n", "is no name for a predictor"),
        ("größe", "is no name for a predictor"),
        ("x" * 41, "is no name for a predictor"),
        ("../ink", "'../ink' is no name for a predictor"),
        ("/tmp/ink", "is no name for a predictor"),
        ("ink/wash", "is no name for a predictor"),
        ("..", "is no name for a predictor"),
        ("class", "'class' is a word of Python; take another"),
        ("match", "'match' is a word of Python; take another"),
        ("paint", "there is a predictors/paint already; take another name, or remove it"),
        ("clipdraw", "there is a predictors/clipdraw already"),
        ("outputs", "there is a predictors/outputs already"),
    ],
)
def test_a_bad_name_is_refused_in_a_sentence(name, words, capsys, tmp_path):
    shutil.copytree(ROOT / "predictors", tmp_path / "predictors")
    before = files(tmp_path)
    assert new_predictor.main([name], tmp_path) == 2
    error = capsys.readouterr().err
    assert error.startswith("scripts/new-predictor: ") and error.count("\n") == 1
    assert words in error
    assert files(tmp_path) == before


@pytest.mark.parametrize("argv", [[], ["one", "two"], ["--help"]])
def test_it_wants_one_name(argv, capsys):
    assert new_predictor.main(argv) == 2
    assert "usage: scripts/new-predictor NAME" in capsys.readouterr().err


def test_what_contributing_names_is_there():
    named = re.findall(r"`((?:scripts|tests|losses|clipdraw|predictors)/[^`\s]*)", CONTRIBUTING)
    assert len(named) > 15
    for path in named:
        assert (ROOT / path).exists(), path
