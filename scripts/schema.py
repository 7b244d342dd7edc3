"""Cog's OpenAPI schema of a predictor, from its signature: `scripts/schema NAME`.

Cog's command line writes it into the image, where the server validates inputs by it. Without the
schema the server takes anything and streams nothing, so `scripts/serve` writes it, too.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scripts import form
from scripts.form import Field
from scripts.signature import Signature, read, type_schema

ROOT = Path(__file__).resolve().parent.parent
# What an input's constraints are called in JSON schema.
KEYWORDS = {
    "description": "description",
    "ge": "minimum",
    "le": "maximum",
    "min_length": "minLength",
    "max_length": "maxLength",
    "regex": "pattern",
    "accept": "x-cog-accept",
}


def main(argv: list[str]) -> int:
    """The command line; returns the exit code."""
    if len(argv) != 1 or argv[0].startswith("-"):
        print("usage: scripts/schema PREDICTOR, which writes its OpenAPI schema", file=sys.stderr)
        return 2
    try:
        schema = of(ROOT, argv[0])
    except ValueError as error:
        print(f"scripts/schema: {error}", file=sys.stderr)
        return 2
    print(json.dumps(schema, indent=2))
    return 0


def of(root: Path, name: str) -> dict[str, Any]:
    """The schema of a predictor.

    Raises:
        ValueError: there is none of that name, or Cog would misread its signature.
    """
    known = form.predictors(root)
    if name not in known:
        way_out = form.suggest(name, known, "predictors")
        raise ValueError(f"there is no predictor {name!r}; {way_out}")
    file, class_name = form.reference(root, name)
    signature = read(file.read_text(encoding="utf-8"), class_name)
    if signature.problems:
        line, text = signature.problems[0]
        raise ValueError(f"{file}:{line}: {text}")
    return openapi(signature)


def openapi(signature: Signature) -> dict[str, Any]:
    """The whole document, as Cog 0.23.1 has it."""
    components = {"Input": _inputs(signature.fields), "Output": signature.output}
    for field in signature.fields.values():
        if field.info.choices:
            components[field.name] = {
                "title": field.name,
                "description": "An enumeration.",
                "enum": field.info.choices,
                "type": type_schema(field.type)["type"],
            }
    predict = {
        "summary": "Predict",
        "description": "Run a single prediction on the model",
        "operationId": "predict_predictions_post",
        "requestBody": {"content": _json(_ref("PredictionRequest"))},
        "responses": {"200": _answer(_ref("PredictionResponse")), "422": REFUSED},
    }
    if signature.streaming:
        predict["x-cog-streaming"] = True
    return {
        "openapi": "3.0.2",
        "info": {"title": "Cog", "version": version("cog")},
        "paths": {
            "/": {"get": _plain("Root", "root__get")},
            "/health-check": {"get": _plain("Healthcheck", "healthcheck_health_check_get")},
            "/predictions": {"post": predict},
            "/predictions/{prediction_id}/cancel": {"post": CANCEL},
        },
        "components": {"schemas": components | COMPONENTS},
    }


def _inputs(fields: dict[str, Field]) -> dict[str, Any]:
    properties = {field.name: _input(field, order) for order, field in enumerate(fields.values())}
    required = [field.name for field in fields.values() if field.required]
    schema = {"title": "Input", "type": "object", "properties": properties}
    return schema | ({"required": required} if required else {})


def _input(field: Field, order: int) -> dict[str, Any]:
    info = field.info
    if info.choices:
        schema = {"allOf": [_ref(field.name)]}
    else:
        schema = {"title": _title(field.name)} | type_schema(field.type)
    schema["x-order"] = order
    if not field.required:
        schema["default"] = info.default
        # The signature allows None as a default for optional inputs and for no others.
        if info.default is None:
            schema["nullable"] = True
    for name, keyword in KEYWORDS.items():
        if getattr(info, name) is not None:
            schema[keyword] = getattr(info, name)
    if info.deprecated:
        schema["deprecated"] = True
    return schema


def _title(name: str) -> str:
    return " ".join(word[:1].upper() + word[1:] for word in name.split("_"))


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _answer(schema: dict[str, Any], description: str = "Successful Response") -> dict[str, Any]:
    return {"description": description, "content": _json(schema)}


def _plain(summary: str, operation: str) -> dict[str, Any]:
    return {"summary": summary, "operationId": operation, "responses": {"200": _answer({})}}


def _object(title: str, **properties: dict[str, Any]) -> dict[str, Any]:
    return {"title": title, "type": "object", "properties": properties}


def _text(name: str, **more: str) -> dict[str, str]:
    return {"title": _title(name), "type": "string", **more}


# What is the same for every predictor.
REFUSED = _answer(_ref("HTTPValidationError"), "Validation Error")
CANCEL = {
    "summary": "Cancel",
    "operationId": "cancel_predictions__prediction_id__cancel_post",
    "parameters": [
        {
            "required": True,
            "schema": _text("prediction_id"),
            "name": "prediction_id",
            "in": "path",
        }
    ],
    "responses": {"200": _answer({}), "422": REFUSED},
}
TIMES = ("created_at", "started_at", "completed_at")
COMPONENTS = {
    "PredictionRequest": _object("PredictionRequest", id=_text("id"), input=_ref("Input")),
    "PredictionResponse": _object(
        "PredictionResponse",
        input=_ref("Input"),
        output=_ref("Output"),
        **{name: _text(name) for name in ("id", "version", "status", "error", "logs")},
        **{name: _text(name, format="date-time") for name in TIMES},
        metrics={"title": "Metrics", "type": "object"},
    ),
    "Status": {
        "title": "Status",
        "description": "An enumeration.",
        "enum": ["starting", "processing", "succeeded", "canceled", "failed"],
        "type": "string",
    },
    "HTTPValidationError": _object(
        "HTTPValidationError",
        detail={"title": "Detail", "type": "array", "items": _ref("ValidationError")},
    ),
    "ValidationError": _object(
        "ValidationError",
        loc={
            "title": "Location",
            "type": "array",
            "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        },
        msg={"title": "Message", "type": "string"},
        type={"title": "Error Type", "type": "string"},
    )
    | {"required": ["loc", "msg", "type"]},
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
