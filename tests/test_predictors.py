"""What every predictor promises; a new one is tested on arrival."""

import json
from unittest.mock import ANY

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
    required = inputs.get("required", [])
    assert required == list(inputs["properties"])[: len(required)], "the most important first"
    assert len(required) <= 2, "all but what it works on has a default"


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
def test_it_hands_out_files_and_the_same_again(name, device, short_dreams, tmp_path):
    known = form.fields(form.load(ROOT, name).run)
    given = tiny.inputs(name, known)
    line = [word for item in written(given) for word in ("-i", item)]
    for folder in ("one", "two"):
        assert predict.main([name, *line, "-o", str(tmp_path / folder)], ROOT) == 0
    one, two = (tmp_path / folder for folder in ("one", "two"))
    names = {file.name for file in one.iterdir()}
    assert names and names == {file.name for file in two.iterdir()}
    for file in names:
        if file.endswith((".png", ".svg")):
            assert (one / file).read_bytes() == (two / file).read_bytes(), file
    figures = [json.loads(file.read_text()) for file in one.glob("*.json")]
    measures = next(found["measures"] for found in figures if "measures" in found)
    assert all(isinstance(value, int | float) for value in measures.values())
    # A predictor that draws says of each drawing where it came from.
    if "drawing.svg" in names:
        assert from_svg(one / "drawing.svg").paths == given.get("strokes", ANY)
        trace = json.loads((one / "trace.json").read_text())
        assert trace["ended"] == "finished" and trace["steps_done"] == given.get("steps", ANY)
        assert trace["inputs"].keys() == known.keys(), "the trace tells every input"
        with Image.open(one / "drawing.png") as picture:
            assert max(picture.size) == outputs.PICTURE
