"""The sets of inputs that a predictor gives people to try, from its examples.yaml."""

import base64
import mimetypes
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cog
import yaml

from scripts import form, signature


def of(root: Path, name: str) -> list[dict[str, Any]]:
    """All of them, with files, which lie beside the list, by their whole paths; none without a
    list."""
    folder = root / "predictors" / name
    if not (folder / "examples.yaml").is_file():
        return []
    source, class_name = form.reference(root, name)
    fields = signature.read(source.read_text(encoding="utf-8"), class_name).fields
    return [
        {k: str(folder / v) if fields[k].type is cog.Path else v for k, v in inputs.items()}
        for inputs in yaml.safe_load((folder / "examples.yaml").read_text(encoding="utf-8"))
    ]


def run(root: Path, name: str, inputs: dict[str, Any]) -> Iterator[Path]:
    """What a predictor hands out for some inputs, in this process; its setup comes first."""
    predictor_class = form.load(root, name)
    given = [f"{key}={value}" for key, value in inputs.items()]
    values = form.parse(form.fields(predictor_class.run), given)
    predictor = predictor_class()
    predictor.record_metric = lambda *_: None
    predictor.setup()
    yield from predictor.run(**values)


def is_file(value: Any) -> bool:
    """Whether an input of an example is a file."""
    return isinstance(value, str) and Path(value).is_absolute() and Path(value).is_file()


def over_http(inputs: dict[str, Any]) -> dict[str, Any]:
    """Inputs as a server takes them, files as data URIs."""
    return {key: _data_uri(x) if is_file(x) else x for key, x in inputs.items()}


def kind(file: str) -> str:
    """The MIME type of a file, by its name."""
    return mimetypes.guess_type(file, strict=False)[0] or "application/octet-stream"


def _data_uri(file: str) -> str:
    content = base64.b64encode(Path(file).read_bytes()).decode()
    return f"data:{kind(file)};base64,{content}"
