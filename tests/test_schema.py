"""The OpenAPI schema is the one that Cog would write."""

import ast
import json
from pathlib import Path

import pytest

from scripts import form, schema
from scripts.signature import output_schema, read

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(__file__).resolve().parent / "data/cog"


def test_every_kind_of_input_is_as_cog_has_it():
    found = read((DATA / "every_kind.py.txt").read_text(), "Predictor")
    assert found.problems == []
    wanted = json.loads((DATA / "every_kind.json").read_text())
    made = schema.openapi(found)
    made["info"]["version"] = wanted["info"]["version"]
    assert made == wanted
    inputs = made["components"]["schemas"]["Input"]
    assert list(inputs["properties"]) == list(
        wanted["components"]["schemas"]["Input"]["properties"]
    )


# From Cog 0.23.1, Apache-2.0: what pkg/schema makes of these return types.
OUTPUTS = {
    "Path": {"title": "Output", "type": "string", "format": "uri"},
    "str": {"title": "Output", "type": "string"},
    "list[Path]": {
        "title": "Output",
        "type": "array",
        "items": {"type": "string", "format": "uri"},
    },
    "Iterator[str]": {
        "title": "Output",
        "type": "array",
        "items": {"type": "string"},
        "x-cog-array-type": "iterator",
    },
    "ConcatenateIterator[str]": {
        "title": "Output",
        "type": "array",
        "items": {"type": "string"},
        "x-cog-array-type": "iterator",
        "x-cog-array-display": "concatenate",
    },
}


@pytest.mark.parametrize("written", OUTPUTS)
def test_outputs_are_as_cog_has_them(written):
    assert output_schema(ast.parse(written, mode="eval").body) == OUTPUTS[written]


@pytest.mark.parametrize("name", form.predictors(ROOT))
def test_reading_finds_what_running_finds(name):
    """Cog's parser, our reading of the file and Python itself agree on every input."""
    file, class_name = form.reference(ROOT, name)
    assert read(file.read_text(), class_name).fields == form.fields(form.load(ROOT, name).run)


def test_the_script_writes_it(capsys):
    assert schema.main(["clipdraw"]) == 0
    written = json.loads(capsys.readouterr().out)
    assert written["components"]["schemas"]["Input"]["required"] == ["prompt"]
    assert written["paths"]["/predictions"]["post"]["x-cog-streaming"] is True


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([], "usage: scripts/schema PREDICTOR"),
        (["--help"], "usage: scripts/schema PREDICTOR"),
        (["clipdrow"], "there is no predictor 'clipdrow'; did you mean clipdraw?"),
    ],
)
def test_the_script_says_what_it_needs(argv, words, capsys):
    assert schema.main(argv) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and words in printed.err


def test_a_signature_that_cog_would_misread_has_no_schema(tmp_path):
    folder = tmp_path / "predictors/odd"
    folder.mkdir(parents=True)
    (folder / "cog.yaml").write_text('run: "predictors/odd/predict.py:Predictor"\n')
    (folder / "predict.py").write_text("class Predictor(BaseRunner):\n    '''Odd.'''\n")
    with pytest.raises(ValueError, match=r"predict.py:1: Predictor has no run\(\) of its own"):
        schema.of(tmp_path, "odd")
