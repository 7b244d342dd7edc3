"""What every predictor promises; a new one is tested on arrival."""

import json

import pytest
from PIL import Image

from clipdraw import from_svg
from predictors import outputs
from scripts import examples, form, lint, predict, schema
from tests import tiny
from tests.tiny import ROOT

NAMES = form.predictors(ROOT)


@pytest.fixture(autouse=True)
def small_films(monkeypatch):
    for name, value in tiny.SMALL_FILMS.items():
        monkeypatch.setattr(outputs, name, value)


@pytest.mark.parametrize("name", NAMES)
def test_the_linter_finds_nothing(name):
    folder = ROOT / "predictors" / name
    assert [problem for problem in lint.problems(ROOT) if folder in problem.file.parents] == []


@pytest.mark.parametrize("name", NAMES)
def test_it_has_a_schema(name):
    inputs = schema.of(ROOT, name)["components"]["schemas"]["Input"]
    assert list(inputs["properties"]) == list(form.fields(form.load(ROOT, name).run))
    assert len(inputs["required"]) == 1, "all but what to draw has a default"


def written(inputs: dict) -> list[str]:
    return [f"{name}={value}" for name, value in inputs.items()]


@pytest.mark.parametrize("name", NAMES)
def test_it_takes_its_examples(name):
    fields = form.fields(form.load(ROOT, name).run)
    given = examples.of(ROOT, name)
    assert given
    for inputs in given:
        taken = form.parse(fields, written(inputs))
        assert all(taken[key] == fields[key].type(value) for key, value in inputs.items())


@pytest.mark.parametrize("name", NAMES)
def test_it_draws_and_draws_the_same_again(name, short_dreams, tmp_path):
    known = form.fields(form.load(ROOT, name).run)
    line = [word for item in written(tiny.inputs(name, known)) for word in ("-i", item)]
    for folder in ("one", "two"):
        assert predict.main([name, *line, "-o", str(tmp_path / folder)], ROOT) == 0
    one, two = (tmp_path / folder for folder in ("one", "two"))
    assert from_svg(one / "drawing.svg").paths == tiny.TINY["strokes"]
    trace = json.loads((one / "trace.json").read_text())
    assert trace["ended"] == "finished" and trace["steps_done"] == tiny.TINY["steps"]
    assert trace["inputs"].keys() == known.keys(), "the trace tells every input"
    with Image.open(one / "drawing.png") as picture:
        assert max(picture.size) == outputs.PICTURE
    for file in ("drawing.svg", "drawing.png"):
        assert (one / file).read_bytes() == (two / file).read_bytes()
