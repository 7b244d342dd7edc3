"""The predictor `grid`: what lies around a prompt or a vector, and the way on from there."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clipdraw import from_svg
from journeys.decode import embed
from journeys.sequence import read
from losses import load_encoder
from predictors import outputs
from predictors.grid import draw, predict
from scripts.predict import main
from tests import tiny


@pytest.fixture(autouse=True)
def small(monkeypatch, short_dreams):
    for name, value in tiny.SMALL_FILMS.items():
        monkeypatch.setattr(outputs, name, value)


def command(output: Path, **inputs) -> list[str]:
    inputs = {"prompt": "a fish", "cells": 3, "strokes": 6, "steps": 2, **inputs}
    line = [
        word
        for name, value in inputs.items()
        if value is not None
        for word in ("-i", f"{name}={value}")
    ]
    return ["grid", *line, "-o", str(output)]


def settings(**changes) -> draw.Settings:
    return draw.Settings(**{"prompt": "a fish", "cells": 3, "strokes": 8, "steps": 2, **changes})


def test_the_centre_is_in_the_middle_and_the_others_at_their_distance():
    rows = draw.plan(settings(spread=0.6)).vectors.rows
    fish = embed(load_encoder("pocket"), ["a fish"])[0]
    assert rows.shape == (9, 256) and np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
    cosines = rows @ fish
    assert cosines[4] == pytest.approx(1, abs=1e-6)
    assert np.delete(cosines, 4) == pytest.approx(0.8, abs=1e-5)
    # Another seed, other neighbours of the same centre.
    others = draw.plan(settings(spread=0.6, seed=1)).vectors.rows
    assert np.array_equal(others[4], rows[4])
    assert (np.abs(np.delete(others @ rows.T, 4, 0).max(1)) < 0.9).all()


def test_it_hands_out_a_sheet_the_vectors_and_a_drawing_of_each_cell(tmp_path):
    assert main(command(tmp_path, background="#fdf6e3")) == 0
    cells = sorted(tmp_path.glob("cell-*.svg"))
    assert [file.name for file in cells] == [f"cell-{n:02d}.svg" for n in range(1, 10)]
    assert all(from_svg(file).paths == 6 for file in cells)
    assert len({file.read_bytes() for file in cells}) == 9
    vectors = read(tmp_path / "vectors.npy", dim=256)
    assert (len(vectors.rows), vectors.encoder, vectors.seed) == (9, "pocket", 0)
    assert (tmp_path / "vectors.mp4").exists()
    with Image.open(tmp_path / "contact.png") as sheet:
        assert sheet.size == (3 * outputs.TILE, 3 * (outputs.TILE + 18))
        assert sheet.convert("RGB").getpixel((0, 0)) == (253, 246, 227)
    trace = json.loads((tmp_path / "trace.json").read_text())
    assert trace["inputs"]["prompt"] == "a fish" and trace["inputs"]["centre"] is None
    assert trace["measures"]["decibels"] > 5 and len(trace["terms"]["dream"]) == 3


def test_a_cell_fed_back_is_the_middle_and_the_same_drawing(tmp_path):
    assert main(command(tmp_path / "one")) == 0
    back = {"prompt": None, "centre": f"@{tmp_path}/one/vectors.npy", "cell": 2, "seed": 5}
    assert main(command(tmp_path / "two", **back)) == 0
    one, two = (read(tmp_path / name / "vectors.npy").rows for name in ("one", "two"))
    assert np.allclose(two[4], one[1], atol=1e-6)
    assert not np.allclose(two[1], one[1], atol=0.1)
    # Dreams are rounded by their place in a batch.
    before, after = (from_svg(tmp_path / name) for name in ("one/cell-02.svg", "two/cell-05.svg"))
    assert (before.points - after.points).abs().max() < 0.2
    text = (tmp_path / "two/cell-05.svg").read_text()
    assert "Near vectors.npy, number 2: number 5 of 9 (seed 5)" in text


def test_a_centre_needs_no_note(tmp_path):
    np.save(tmp_path / "mine.npy", 3 * embed(load_encoder("pocket"), ["a boat", "a fish"]))
    plan = draw.plan(settings(prompt=None, centre=tmp_path / "mine.npy", cell=2))
    assert np.allclose(plan.vectors.rows[4], draw.plan(settings()).vectors.rows[4], atol=1e-6)


def test_more_steps_come_closer():
    given = settings(steps=12)
    close = [draw.decibels(frame) for frame in draw.draw(given, draw.plan(given))]
    assert close[0] + 1 < close[6] < close[12]


def test_a_run_that_is_interrupted_hands_out_what_there_is(tmp_path):
    files = predict.results(settings(steps=6), 3, tmp_path, lambda *_: None)
    assert [next(files).name for _ in range(2)] == ["step-00000.png", "step-00003.png"]
    kept = [files.throw(KeyboardInterrupt()).name, *(file.name for file in files)]
    vectors = ["vectors.npy", "vectors.json", "vectors.mp4"]
    assert kept == [
        "contact.png",
        *vectors,
        *(f"cell-0{n}.svg" for n in range(1, 10)),
        "trace.json",
    ]
    trace = json.loads((tmp_path / "trace.json").read_text())
    assert (trace["ended"], trace["steps_done"]) == ("interrupted", 3)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"prompt": None}, "prompt: write what is in the middle, such as 'a fish', or give a vec"),
        ({"centre": "@{}/a.npy"}, "centre: there is a prompt as well, and only one can be in the"),
        ({"prompt": " "}, "prompt is empty"),
        ({"cells": 4}, "cells: 4 has no middle; take an odd number"),
        ({"cells": 9, "strokes": 300}, "strokes: 9 x 9 drawings of 300 are 24300 strokes, but at"),
        ({"prompt": None, "centre": "@{}/a.npy"}, "centre: a.npy: rows have 5 numbers, but 256"),
        ({"prompt": None, "centre": "@{}/b.npy"}, "centre: b.npy: row 1 is zero, which is no di"),
        ({"prompt": None, "centre": "@{}/c.npy", "cell": 3}, "cell: 3 is not among the 2 of the"),
        ({"prompt": None, "centre": "@{}/d.npy"}, "centre: d.npy: this is no array"),
    ],
)
def test_bad_input_is_one_sentence(inputs, words, tmp_path, capsys):
    np.save(tmp_path / "a.npy", np.ones((2, 5), np.float32))
    np.save(tmp_path / "b.npy", np.eye(2, 256, 255, np.float32))
    np.save(tmp_path / "c.npy", np.ones((2, 256), np.float32))
    (tmp_path / "d.npy").write_text("no array")
    given = {k: v.format(tmp_path) if isinstance(v, str) else v for k, v in inputs.items()}
    assert main(command(tmp_path / "out", **given)) == 2
    error = capsys.readouterr().err
    assert words in error and "Traceback" not in error
    assert not (tmp_path / "out").exists()
