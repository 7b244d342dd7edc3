"""The notebooks run, show what their words say, and keep what they showed."""

import base64
import io
import json
import re
from pathlib import Path

import pytest
import torch
import yaml
from PIL import Image

from scripts import notebooks

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted((ROOT / "notebooks").glob("*.ipynb"))


def a_notebook(*sources: str) -> dict:
    cells = [
        {"cell_type": "code", "source": source.splitlines(keepends=True), "outputs": []}
        for source in sources
    ]
    return {"cells": [{"cell_type": "markdown", "source": ["# Words"]}, *cells], "metadata": {}}


def kinds(notebook: dict) -> list[list[str]]:
    """For each cell of code, what kinds of things it printed or showed."""
    return [
        [next(iter(output.get("data", {"printed": 0}))) for output in cell["outputs"]]
        for cell in notebooks.code_cells(notebook)
    ]


def pictures(notebook: dict) -> list[Image.Image]:
    shown = [
        o["data"] for cell in notebooks.code_cells(notebook) for o in cell["outputs"] if "data" in o
    ]
    return [
        Image.open(io.BytesIO(base64.b64decode(one["image/png"])))
        for one in shown
        if "image/png" in one
    ]


# --- the committed ones ---------------------------------------------------------------------------


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_shows_what_its_code_showed(file):
    """The code as it is now, and pictures small enough to be kept."""
    notebook = notebooks.load(file)
    now = notebooks.fingerprint(notebook)
    assert notebook["metadata"]["ran"] == now, f"run scripts/notebooks {file.stem}, which mends it"
    assert len(pictures(notebook)) >= 5
    assert file.stat().st_size < 300_000


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_is_written_as_jupyter_writes_it(file, tmp_path):
    notebooks.save(notebooks.load(file), tmp_path / "again.ipynb")
    assert (tmp_path / "again.ipynb").read_text() == file.read_text()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_it_links_to_is_there(file):
    cells = notebooks.load(file)["cells"]
    words = "".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    links = re.findall(r"\]\((?!http)([^)]+)\)", words)
    assert links and all((file.parent / link).exists() for link in links)


def ran(name: str, folder: Path, monkeypatch) -> dict:
    """What is defined after a run of a notebook, whose outputs are of the committed kinds."""
    committed = notebooks.load(ROOT / "notebooks" / f"{name}.ipynb")
    fresh = json.loads(json.dumps(committed))
    monkeypatch.chdir(folder)
    names = notebooks.run(fresh, ROOT / "notebooks")
    assert kinds(fresh) == kinds(committed)
    return names


def test_the_centre_s_lessons_can_be_seen(tmp_path, monkeypatch):
    """What the words claim of the pictures; tests/test_centre_story.py has the numbers."""
    names = ran("centre_penalty", tmp_path, monkeypatch)
    far = {
        name: names["far"](names[name][-1].points)
        for name in ("free", "blob", "weak", "dense", "doughnut", "calm")
    }
    assert torch.equal(names["listed"][10].points, names["free"][10].points), "no change at all"
    assert far["blob"].mean() < far["free"].mean() / 3, "everything rushes to the centre"
    assert far["weak"].max() > 120, "the edges are still wild"
    assert far["dense"].mean() < 50
    hole = {name: (points < 45).float().mean() for name, points in far.items()}
    assert hole["doughnut"] < hole["calm"] / 2, "it has a hole"
    outside = {name: (points > 100).float().mean() for name, points in far.items()}
    assert outside["calm"] < 0.05 < 0.2 < outside["free"], "strays come home"


def test_the_first_drawing_is_drawn(tmp_path, monkeypatch):
    names = ran("first_drawing", tmp_path, monkeypatch)
    first, *_, last = (frame.terms["distance"].item() for frame in names["frames"])
    assert last < first / 4
    blues = [names[name].colors[:, 2].mean() for name in ("a_little", "a_lot")]
    assert names["drawings"][-1].colors[:, 2].mean() < blues[0] < blues[1]
    assert (tmp_path / "output/drawing.svg").read_text().count("<path") == 80
    assert (tmp_path / "output/film.mp4").stat().st_size > 10_000


def test_films_move():
    for file in FILES:
        assert any(picture.n_frames > 10 for picture in pictures(notebooks.load(file))), file.stem


def test_the_notebooks_image_has_the_predictor_s_versions():
    build, model = (
        yaml.safe_load((ROOT / folder / "cog.yaml").read_text())["build"]
        for folder in ("notebooks", "predictors/clipdraw")
    )
    for key in ("gpu", "python_version", "cuda", "sdk_version"):
        assert build[key] == model[key], key


# --- scripts/notebooks ----------------------------------------------------------------------------


def test_cells_print_and_show_their_last_expression(tmp_path):
    notebook = a_notebook("print('a')\nx = 2\nx + 1", "x", "None", "y = x")
    names = notebooks.run(notebook, tmp_path)
    assert kinds(notebook) == [["printed", "text/plain"], ["text/plain"], [], []]
    printed, shown = notebooks.code_cells(notebook)[0]["outputs"]
    assert printed["text"] == ["a\n"] and shown["data"]["text/plain"] == ["3"]
    assert names["y"] == 2


def test_pictures_are_shown_as_jupyter_asks_for_them(tmp_path):
    notebook = a_notebook("from PIL import Image\nImage.new('RGB', (3, 2))")
    notebooks.run(notebook, tmp_path)
    assert [picture.size for picture in pictures(notebook)] == [(3, 2)]


def test_a_notebook_finds_what_lies_beside_it_and_no_longer_than_it_runs(tmp_path):
    (tmp_path / "helper_of_a_notebook.py").write_text("answer = 42\n")
    names = notebooks.run(a_notebook("from helper_of_a_notebook import answer"), tmp_path)
    assert names["answer"] == 42
    with pytest.raises(ModuleNotFoundError):
        notebooks.run(a_notebook("import another_helper"), tmp_path)


def test_changed_code_is_noticed_and_changed_words_are_not(tmp_path):
    notebook = a_notebook("x = 1")
    notebooks.run(notebook, tmp_path)
    notebook["cells"][0]["source"] = ["# Other words"]
    assert notebook["metadata"]["ran"] == notebooks.fingerprint(notebook)
    notebook["cells"][1]["source"] = ["x = 2"]
    assert notebook["metadata"]["ran"] != notebooks.fingerprint(notebook)


def test_the_command_writes_what_the_cells_show(tmp_path, capsys):
    for name in ("one", "two"):
        notebooks.save(a_notebook("6 * 7"), tmp_path / f"{name}.ipynb")
    assert notebooks.main(["two"], tmp_path) == 0
    assert capsys.readouterr().out.startswith("two: ")
    assert [kinds(notebooks.load(tmp_path / f"{n}.ipynb")) for n in ("one", "two")] == [
        [[]],
        [["text/plain"]],
    ]
    assert notebooks.main(["three"], tmp_path) == 2
    assert "there is no notebook 'three'; choose of one, two" in capsys.readouterr().err
