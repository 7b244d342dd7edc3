"""What the README shows works: its Python runs, its commands exist and their inputs are taken."""

import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest

from scripts import form

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
RENDERER = (ROOT / "docs/renderer.md").read_text(encoding="utf-8")


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def commands() -> list[list[str]]:
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    inline = re.findall(r"`(scripts/[^`]+)`", README + RENDERER)
    return [shlex.split(line, comments=True) for line in [*lines, *inline]]


@pytest.mark.parametrize("code", blocks("python"))
def test_the_python_runs(code):
    shown = {}
    exec(compile(code, "README.md", "exec"), shown)
    assert shown["frame"].terms["distance"] < 0.03
    assert shown["svg"].count("<path") == 40


def test_the_renderer_s_python_runs():
    (code,) = blocks("python", RENDERER)
    shown = {}
    exec(compile(code, "renderer.md", "exec"), shown)
    assert shown["wave"].grad.abs().sum() > 0
    sizes = {name: tuple(shown[name].shape) for name in ("picture", "poster", "sticker", "views")}
    assert sizes == {
        "picture": (1, 3, 75, 100),
        "poster": (1, 3, 1500, 2000),
        "sticker": (1, 4, 75, 100),
        "views": (2, 3, 64, 64),
    }


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_the_commands_are_there(words):
    if words[0] == "cog":
        files = [b for a, b in pairwise(words) if a == "-f"]
    else:
        files = [words[0]] + [word for word in words[1:] if word.startswith("tests/")]
    assert all((ROOT / file).is_file() for file in files)


@pytest.mark.parametrize(
    "words", [w for w in commands() if "-i" in w and w[0] == "scripts/predict"], ids=" ".join
)
def test_the_inputs_are_taken(words, tmp_path, monkeypatch):
    given = [b for a, b in pairwise(words) if a == "-i"]
    for value in given:
        if "@" in value:
            file = tmp_path / value.partition("@")[2]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
    monkeypatch.chdir(tmp_path)
    fields = form.fields(form.load(ROOT, "clipdraw").run)
    if not any(value.startswith("prompt=") for value in given):
        given.append("prompt=a red heart")
    assert form.parse(fields, given)["prompt"]


def test_the_files_it_links_to_are_there():
    for text, folder in ((README, ROOT), (RENDERER, ROOT / "docs")):
        for link in re.findall(r"\]\((?!http)([^)]+)\)", text):
            assert (folder / link).exists(), link


def test_the_definition_is_as_short_as_they_say():
    lines = len((ROOT / "clipdraw/renderers/reference.py").read_text().splitlines())
    assert lines < 150
    assert f"{lines} lines of plain torch" in " ".join(README.split())
    assert f"{lines} lines of plain torch" in RENDERER
