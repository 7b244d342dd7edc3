"""What the README shows works: its Python runs, its commands exist and their inputs are taken."""

import re
import shlex
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from clipdraw import scribble, to_svg
from predictors import outputs
from predictors.bank import bank
from scripts import form, predict
from tests import tiny

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
OF_PREDICTORS = [
    file.read_text(encoding="utf-8") for file in sorted((ROOT / "predictors").glob("*/README.md"))
]
RENDERER = (ROOT / "docs/renderer.md").read_text(encoding="utf-8")


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def commands() -> list[list[str]]:
    shown = [*blocks("sh"), *(block for text in OF_PREDICTORS for block in blocks("sh", text))]
    lines = [line for block in shown for line in block.splitlines()]
    inline = re.findall(r"`(scripts/[^`]+)`", README + RENDERER + "".join(OF_PREDICTORS))
    return [shlex.split(line, comments=True) for line in dict.fromkeys([*lines, *inline])]


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
    """As far as they go without Docker and Cog: the files and the predictors that they name."""
    if words[0] == "docker":
        given = [w.partition("=")[2] for w in words if w.startswith("PREDICTOR=")]
        files = [f"predictors/{name}/cog.yaml" for name in given] + ["Dockerfile"]
    elif words[0] == "cog":
        files = [b for a, b in pairwise(words) if a == "-f"] + ["cog.yaml"]
    else:
        files = [words[0]] + [word for word in words[1:] if word.startswith("tests/")]
    assert all((ROOT / file).is_file() for file in files)


# What makes any drawing a matter of seconds.
SMALL = ("strokes=4", "steps=2", "steps_per_frame=2", "frames=2")


@pytest.mark.parametrize(
    "words", [w for w in commands() if w[0] == "scripts/predict" and "-i" in w], ids=" ".join
)
def test_the_drawings_are_drawn(words, short_dreams, tiny_clip, tmp_path, monkeypatch):
    """Every line as it stands, but small, and with random weights where it asks for CLIP's."""
    monkeypatch.chdir(tmp_path)
    for name, value in tiny.SMALL_FILMS.items():
        monkeypatch.setattr(outputs, name, value)
    weights = f"tiny/{tiny_clip / 'tiny.safetensors'}"
    words = [word.replace("ViT-B-32/openai", weights) for word in words[1:]]
    for file in (Path(word.partition("=@")[2]) for word in words if "=@" in word):
        file.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / file).exists():
            shutil.copy(ROOT / file, file)
        elif file.suffix == ".npy":
            np.save(file, np.eye(60, bank.dim(), dtype=np.float32) + 4)
        elif file.suffix == ".jpg":
            Image.open(ROOT / "predictors/sketch/tea.webp").save(file)
        else:
            file.write_text(to_svg(scribble(4, torch.Generator().manual_seed(0))))
    name = predict.DEFAULT if words[0].startswith("-") else words[0]
    free = form.fields(form.load(ROOT, name).run).keys() - {w.partition("=")[0] for w in words}
    small = [f"-i{item}" for item in SMALL if item.partition("=")[0] in free]
    assert predict.main([*words, *small, "-oout"], ROOT) == 0
    made = {file.name for file in (tmp_path / "out").iterdir()}
    assert any(file.endswith(".json") for file in made), made


@pytest.mark.parametrize(
    "words", [w for w in commands() if w[0] == "scripts/predict" and "--help" in w], ids=" ".join
)
def test_help_is_there(words, capsys):
    assert predict.main(words[1:], ROOT) == 0
    assert "-i NAME=VALUE" in capsys.readouterr().out


def test_the_files_it_links_to_are_there():
    for text, folder in ((README, ROOT), (RENDERER, ROOT / "docs")):
        for link in re.findall(r"\]\((?!http)([^)]+)\)", text):
            assert (folder / link).exists(), link


def test_the_definition_is_as_short_as_they_say():
    lines = len((ROOT / "clipdraw/renderers/reference.py").read_text().splitlines())
    assert lines < 150
    assert f"{lines} lines of plain torch" in " ".join(README.split())
    assert f"{lines} lines of plain torch" in RENDERER
