"""A predictor as a form: which ones there are, which inputs they take, and what a person wrote.

Cog reads a predictor's inputs from the signature of `run()`; so does this module, with Cog's own
`FieldInfo`, so that a terminal and a container ask for the same things and refuse the same things.
"""

import ast
import difflib
import importlib.util
import inspect
import math
import pathlib
import re
import sys
import types
import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import cog
import yaml

KINDS = {str: "text", int: "whole number", float: "number", bool: "true or false", cog.Path: "file"}
TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True)
class Field:
    """One input: its name, its type (a key of KINDS) and everything that Cog knows about it."""

    name: str
    type: type
    info: cog.FieldInfo
    required: bool


def predictors(root: pathlib.Path) -> list[str]:
    """The names of the predictors below `root`."""
    return sorted(file.parent.name for file in (root / "predictors").glob("*/cog.yaml"))


def summary(root: pathlib.Path, name: str) -> str:
    """The first line of a predictor's docstring, without importing it: that takes seconds."""
    file, class_name = reference(root, name)
    tree = ast.parse(file.read_text())
    classes = (node for node in tree.body if isinstance(node, ast.ClassDef))
    owner = next(node for node in classes if node.name == class_name)
    return (ast.get_docstring(owner) or ast.get_docstring(tree) or "").partition("\n")[0]


def load(root: pathlib.Path, name: str) -> type[cog.BaseRunner]:
    """The class of the predictor `name`, from the file that its cog.yaml runs."""
    file, class_name = reference(root, name)
    # The name by which the rest of the project would import it, so that there is only one of it.
    module_name = ".".join(file.relative_to(root).with_suffix("").parts)
    spec = importlib.util.spec_from_file_location(module_name, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    spec.loader.exec_module(module)
    return getattr(module, class_name)


def fields(run: Callable) -> dict[str, Field]:
    """The inputs of a predictor's `run`, in the order of its signature."""
    hints = typing.get_type_hints(run)
    found = {}
    for name, parameter in inspect.signature(run).parameters.items():
        if name == "self":
            continue
        kind, optional = _unwrap(hints[name])
        if kind not in KINDS:
            raise TypeError(
                f"input {name} has the type {hints[name]}, which this form cannot ask for"
            )
        info = parameter.default
        if not isinstance(info, cog.FieldInfo):
            info = cog.FieldInfo(default=None if info is parameter.empty else info)
        found[name] = Field(name, kind, info, required=info.default is None and not optional)
    return found


def parse(form: dict[str, Field], written: Iterable[str]) -> dict[str, Any]:
    """Every input's value, from what a person wrote as `NAME=VALUE` and from the defaults.

    What cannot be right is a ValueError that names the input, the value and the way out.
    """
    values = {}
    for item in written:
        name, equals, text = item.partition("=")
        if not equals:
            raise ValueError(f"-i {_show(item)} has no '='; write -i NAME=VALUE")
        if name not in form:
            raise ValueError(f"there is no input {_show(name)}; {suggest(name, form, 'inputs')}")
        if name in values:
            raise ValueError(f"{name} is given more than once; keep one of them")
        values[name] = _convert(form[name], text)
        validate(form[name], values[name])
    missing = [name for name, field in form.items() if field.required and name not in values]
    if missing:
        options = " ".join(f"-i {name}=..." for name in missing)
        raise ValueError(f"{' and '.join(missing)} cannot be left out; add {options}")
    return {
        name: values[name] if name in values else _default(field) for name, field in form.items()
    }


def describe(field: Field) -> str:
    """Type, bounds and default of an input in a few words."""
    info = field.info
    words = [KINDS[field.type] if not info.choices else f"one of {_listed(info.choices)}"]
    if info.ge is not None or info.le is not None:
        words.append(_span(info.ge, info.le))
    if info.min_length is not None or info.max_length is not None:
        words.append(f"{_span(info.min_length, info.max_length)} characters")
    if info.regex is not None:
        words.append(f"matching {info.regex}")
    if field.required:
        fallback = "required"
    elif info.default in (None, ""):
        fallback = "optional"
    else:
        fallback = f"default {_plain(info.default)}"
    return f"{', '.join(words)}; {fallback}"


def suggest(name: str, known: Iterable[str], what: str) -> str:
    """The way out for a name that is none of the `known` ones."""
    known = list(known)
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else f"the {what} are {', '.join(known)}"


def reference(root: pathlib.Path, name: str) -> tuple[pathlib.Path, str]:
    """The file and the class that a predictor's cog.yaml runs; Cog starts from the root, too."""
    config = yaml.safe_load((root / "predictors" / name / "cog.yaml").read_text())
    path, _, class_name = config["run"].partition(":")
    return root / path, class_name


def _unwrap(hint: Any) -> tuple[Any, bool]:
    """`Optional[int]` -> (int, True); `int` -> (int, False)."""
    if typing.get_origin(hint) not in (typing.Union, types.UnionType):
        return hint, False
    inner = [part for part in typing.get_args(hint) if part is not types.NoneType]
    return (inner[0] if len(inner) == 1 else hint), True


def _default(field: Field) -> Any:
    # As in Cog, a default that names a file arrives as a Path.
    default = field.info.default
    return cog.Path(default) if field.type is cog.Path and default is not None else default


def _convert(field: Field, text: str) -> Any:
    if field.type is cog.Path:
        return _existing_file(field.name, text)
    if field.type is str:
        return text
    try:
        value = TRUTH[text.lower()] if field.type is bool else field.type(text)
        if math.isfinite(value):
            return value
    except (KeyError, ValueError):
        pass
    kind = KINDS[field.type] if field.type is bool else f"a {KINDS[field.type]}"
    raise ValueError(f"{field.name}: {_show(text)} is not {kind}{_advice(field)}")


def _advice(field: Field) -> str:
    if field.type is bool:
        return f"; choose {field.name}=true or {field.name}=false"
    if field.info.choices:
        return f"; choose one of {_listed(field.info.choices)}"
    span = _span(field.info.ge, field.info.le)
    return f"; choose {span}" if span else f", such as {field.name}={_plain(field.type(1))}"


def _existing_file(name: str, text: str) -> cog.Path:
    path = cog.Path(text.removeprefix("@")).expanduser()
    if path.is_file():
        return path
    problem = "is a folder, not a file" if path.is_dir() else "does not exist"
    raise ValueError(
        f"{name}: {_show(str(path))} {problem}; write -i {name}=@FILE, FILE being a file"
    )


def validate(field: Field, value: Any) -> None:
    name, info = field.name, field.info
    if info.choices and value not in info.choices:
        raise ValueError(
            f"{name}: {_show(value)} is none of its choices; choose one of {_listed(info.choices)}"
        )
    if info.ge is not None and value < info.ge:
        raise ValueError(
            f"{name}: {_plain(value)} is below the least allowed value {_plain(info.ge)}; "
            f"choose {_span(info.ge, info.le)}"
        )
    if info.le is not None and value > info.le:
        raise ValueError(
            f"{name}: {_plain(value)} is above the greatest allowed value {_plain(info.le)}; "
            f"choose {_span(info.ge, info.le)}"
        )
    if info.min_length is not None and len(value) < info.min_length:
        raise ValueError(
            f"{name}: {_show(value)} has {len(value)} characters, too few; "
            f"write {_span(info.min_length, info.max_length)}"
        )
    if info.max_length is not None and len(value) > info.max_length:
        raise ValueError(
            f"{name}: {_show(value)} has {len(value)} characters, too many; "
            f"write {_span(info.min_length, info.max_length)}"
        )
    # Anywhere in the text, as a JSON schema has it: what a container would accept.
    if info.regex is not None and not re.search(info.regex, value):
        about = f"; it is: {info.description}" if info.description else ""
        raise ValueError(f"{name}: {_show(value)} does not match the pattern {info.regex}{about}")


def _span(low: float | None, high: float | None) -> str:
    if low is None:
        return f"at most {_plain(high)}" if high is not None else ""
    return f"{_plain(low)} to {_plain(high)}" if high is not None else f"{_plain(low)} or more"


def _plain(value: Any) -> str:
    """As a person would type it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _listed(choices: Iterable) -> str:
    return ", ".join(map(_plain, choices))


def _show(value: Any) -> str:
    """Quoted, and short enough for a sentence."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:56]}...{text[0]}"
