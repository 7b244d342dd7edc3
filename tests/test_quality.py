"""The page of figures has every example, and what it says is what predictors hand out."""

from pathlib import Path

import pytest
import torch

from clipdraw.drawing import Path as OnePath
from clipdraw.drawing import assemble
from scripts import examples, form, gallery, quality
from scripts.quality import Row

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "quality.md"


def test_the_page_has_every_example_of_every_predictor():
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    told = {line.split("`")[1] for line in lines if line.startswith("| `")}
    wanted = {
        gallery.command(ROOT, name, inputs).replace("|", r"\|")
        for name in form.predictors(ROOT)
        for inputs in examples.of(ROOT, name)
    }
    assert told == wanted, "run scripts/quality"


def test_a_row_tells_what_was_handed_out():
    row = Row("scripts/predict x -i a='b | c'", {"decibels": 31.2345}, 12.6, 64, 1234)
    assert quality.cells(row) == [
        r"`scripts/predict x -i a='b \| c'`", "decibels 31.23", "13", "64", "1234",
    ]  # fmt: skip
    assert quality.cells(Row("x", {}, 1, None, None))[3:] == ["", ""]


def test_ink_is_measured_within_the_circle():
    """A dot in the middle and an equal one in a corner: half of the ink."""

    def dot(x, y):
        points = torch.tensor([[x, y]] * 4, dtype=torch.float32)
        return OnePath([points], [False], torch.tensor(12.0), torch.tensor([0.0, 0, 0, 1]))

    drawing = assemble([dot(160, 112), dot(300, 200)], 320, 224)
    assert quality.ink_in_circle(drawing) == pytest.approx(0.5, abs=0.01)
    assert quality.ink_in_circle(assemble([dot(160, 112)], 320, 224)) == 1


def test_nothing_is_run_where_something_is_named(capsys):
    assert quality.main(["paint"]) == 2
    assert "usage: scripts/quality" in capsys.readouterr().err
