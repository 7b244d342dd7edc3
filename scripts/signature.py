"""What Cog makes of a predict.py, which it reads without running it.

Cog's command line finds a predictor's inputs in the text of its `run()`. It understands literals;
much else it leaves out or garbles without a word. This module takes what Cog takes as it is meant,
and says of everything else what to write instead.
"""

import ast
import math
import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import cog

from scripts.form import KINDS, Field, validate

TYPES = {kind.__name__: kind for kind in KINDS}
# What the values of Input() may be written as; between the quotes Cog decodes no escape.
TEXT = re.compile(
    r'"""(?:(?!""")[^\\])*"""'
    r"|'''(?:(?!''')[^\\])*'''"
    r'|"[^"\\\n]*"'
    r"|'[^'\\\n]*'"
    r'|r"(?!"")[^"\n]*"'
    r"|r'(?!'')[^'\n]*'"
)
NUMBER = re.compile(r"[+-]?(\d[\d_]*\.?[\d_]*|\.\d[\d_]*)([eE][+-]?\d+)?")
# Of a value that Cog would not see, or see otherwise than Python does.
WAY_OUT = "Cog reads this file without running it, so write the value itself, as one literal"
# Of which type each of them is; a default is of the input's own.
OPTIONS = {
    "description": (str,),
    "ge": (int, float),
    "le": (int, float),
    "min_length": (int,),
    "max_length": (int,),
    "regex": (str,),
    "choices": (list,),
    "deprecated": (bool,),
    "accept": (str,),
}
# Which constraints belong to which type of input.
CONSTRAINTS = {
    "ge": (int, float),
    "le": (int, float),
    "min_length": (str,),
    "max_length": (str,),
    "regex": (str,),
    "choices": (str, int, float),
    "accept": (cog.Path,),
}


class Problem(NamedTuple):
    """A line of the file, and what is wrong with it, as a sentence."""

    line: int
    text: str


@dataclass
class Signature:
    """What a predictor takes and gives, and the problems with how it says so."""

    fields: dict[str, Field] = field(default_factory=dict)
    output: dict[str, Any] = field(default_factory=dict)
    """JSON schema of what `run()` gives."""
    streaming: bool = False
    problems: list[Problem] = field(default_factory=list)


def read(source: str, class_name: str) -> Signature:
    """The signature of `run()` in a file's text."""
    found = Signature()
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        found.problems.append(Problem(error.lineno or 1, f"this is not Python: {error.msg}"))
        return found
    _Reader(source, found).predictor(tree, class_name)
    return found


def literal(text: str) -> Any:
    """The value of a literal, if Cog reads it as Python does.

    Raises:
        ValueError: it is something else; the message tells what.
    """
    node = ast.parse(f"({text}\n)", mode="eval").body
    if isinstance(node, ast.List) and not _has_more_than_items(text):
        return [literal(ast.get_source_segment(f"({text}\n)", item)) for item in node.elts]
    if TEXT.fullmatch(text) or NUMBER.fullmatch(text) or text in ("True", "False", "None"):
        value = ast.literal_eval(text)
        if not isinstance(value, int | float) or -(2**63) <= value < 2**63:
            return value
    raise ValueError(_what(text, node))


def fits(one: Field, value: Any) -> None:
    """Raise a ValueError, a sentence, where `value` is none that the input may have."""
    kinds = (int, float) if one.type is float else (str,) if one.type is cog.Path else (one.type,)
    truth = isinstance(value, bool) and one.type is not bool
    endless = isinstance(value, float) and not math.isfinite(value)
    if not isinstance(value, kinds) or truth or endless:
        raise ValueError(f"{one.name}: {value!r} is not a {KINDS[one.type]}")
    validate(one, value)


def _has_more_than_items(text: str) -> bool:
    """Whether a list has comments or parentheses: for Cog's parser neither is an item."""
    return bool(re.search("[#(]", re.sub(r'"[^"]*"|\'[^\']*\'', "", text)))


def _what(text: str, node: ast.expr) -> str:
    """Why Cog would not read this as it is meant."""
    if text.startswith("("):
        return "is in parentheses"
    if isinstance(node, ast.JoinedStr):
        return "is an f-string"
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        if "\\" in text:
            return "has a backslash, which Cog does not decode (r'...' keeps one as it is)"
        return "is put together from several strings, or has a prefix other than r"
    if isinstance(node, ast.List):
        return "is a list with a comment or with parentheses in it"
    if isinstance(node, ast.Name | ast.Attribute):
        return f"is the name {ast.unparse(node)}"
    if isinstance(node, ast.Constant | ast.UnaryOp):
        return "is a number that Cog does not know how to read"
    return "is an expression"


def _option(name: str, value: Any) -> Any:
    """The value of an option of Input(), if it is of the option's type."""
    kinds = OPTIONS.get(name, (object,))
    if not isinstance(value, kinds) or (isinstance(value, bool) and int in kinds):
        meant = " or ".join(kind.__name__ for kind in kinds)
        raise ValueError(f"is {value!r} where {meant} is meant")
    # Cog turns lengths into numbers without a sign, and bounds into floats.
    if "length" in name and value < 0:
        raise ValueError(f"is {value}, and no text is as short as that")
    if name in ("ge", "le") and abs(value) > 2**53:
        raise ValueError(f"is {value}, which Cog rounds")
    return value


class _Reader:
    """Walks through a file and notes what it finds."""

    def __init__(self, source: str, found: Signature):
        self.source, self.found = source, found

    def problem(self, node: ast.AST, text: str) -> None:
        self.found.problems.append(Problem(getattr(node, "lineno", 1), text))

    def predictor(self, tree: ast.Module, class_name: str) -> None:
        self.imports(tree)
        classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
        if class_name not in classes:
            self.problem(tree, f"there is no class {class_name}, which cog.yaml runs; add it")
            return
        owner = classes[class_name]
        if "BaseRunner" not in [ast.unparse(base) for base in owner.bases]:
            self.problem(owner, f"write class {class_name}(BaseRunner), with cog's BaseRunner")
        if not (ast.get_docstring(owner) or ast.get_docstring(tree)):
            self.problem(
                owner, f"{class_name} has no docstring; its first line is what people read"
            )
        methods = {
            node.name: node
            for node in owner.body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        if "predict" in methods:
            self.problem(methods["predict"], "predict() is the old name; call the method run()")
        if "run" in methods:
            self.run(methods["run"])
        else:
            self.problem(owner, f"{class_name} has no run() of its own; write it out here")

    def imports(self, tree: ast.Module) -> None:
        """Cog knows types by their names; they have to be cog's, under their own."""
        for node in tree.body:
            if not isinstance(node, ast.ImportFrom):
                continue
            for item in node.names:
                if node.module == "cog" and item.asname not in (None, item.name):
                    self.problem(
                        node, f"cog's {item.name} is called {item.asname} here; keep its own name"
                    )
                elif node.module != "cog" and (item.asname or item.name) in ("Path", "Input"):
                    self.problem(
                        node,
                        f"{item.asname or item.name} comes from {node.module}; "
                        f"give it another name and import cog's",
                    )

    def run(self, run: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        names = [ast.unparse(decorator) for decorator in run.decorator_list]
        self.found.streaming = bool({"streaming", "cog.streaming"} & set(names))
        given = run.args
        parameters = [*given.posonlyargs, *given.args]
        if not parameters or parameters[0].arg != "self":
            self.problem(run, "the first parameter of run() is not self; call it so")
        for one in (given.vararg, given.kwarg):
            if one:
                self.problem(one, f"run() takes *{one.arg}, which Cog cannot ask for; name each")
        defaults = [None] * (len(parameters) - len(given.defaults)) + given.defaults
        pairs = [*zip(parameters, defaults, strict=True)][1:]
        for parameter, default in [*pairs, *zip(given.kwonlyargs, given.kw_defaults, strict=True)]:
            self.input(parameter, default)
        self.output(run)

    def input(self, parameter: ast.arg, default: ast.expr | None) -> None:
        name = parameter.arg
        kind, optional = self.type(parameter)
        if not isinstance(default, ast.Call) or ast.unparse(default.func) != "Input":
            written = "no Input()" if default is None else f"the default {ast.unparse(default)}"
            self.problem(
                parameter,
                f"input {name} has {written}; write {name}: TYPE = Input(description=...)",
            )
            return
        values = self.values(name, default)
        if kind is None:
            return
        given_default = "default" in values
        info = cog.FieldInfo(**values)
        one = Field(name, kind, info, required=not given_default)
        self.found.fields[name] = one
        if not (info.description or "").strip():
            self.problem(parameter, f"input {name} has no description; add Input(description=...)")
        if optional and (not given_default or info.default is not None):
            self.problem(
                parameter, f"input {name} is Optional; write default=None, or take Optional away"
            )
        if given_default and info.default is None and not optional:
            self.problem(
                parameter,
                f"input {name} has default=None, which Cog ignores; make its type Optional[...]",
            )
        self.consistent(parameter, one)

    def type(self, parameter: ast.arg) -> tuple[type | None, bool]:
        """The type of an input, and whether it may be None."""
        name, hint = parameter.arg, parameter.annotation
        if hint is None:
            self.problem(
                parameter, f"input {name} has no type, and Cog refuses it or leaves it out; add one"
            )
            return None, False
        inner, optional = hint, False
        if isinstance(hint, ast.Subscript) and ast.unparse(hint.value) == "Optional":
            inner, optional = hint.slice, True
        elif isinstance(hint, ast.BinOp) and isinstance(hint.op, ast.BitOr):
            parts = [x for x in (hint.left, hint.right) if ast.unparse(x) != "None"]
            inner, optional = (parts or [hint])[0], len(parts) == 1
        kind = TYPES.get(ast.unparse(inner))
        if kind is None or (inner is not hint and not optional):
            self.problem(
                parameter,
                f"input {name} has the type {ast.unparse(hint)}; write one of {', '.join(TYPES)}, "
                "or Optional[...] of one (for a few allowed values: str and choices=[...])",
            )
            return None, optional
        return kind, optional

    def values(self, name: str, call: ast.Call) -> dict[str, Any]:
        """What is written between the brackets of Input()."""
        if call.args:
            self.problem(call, f"input {name}: Cog does not see Input(VALUE); write default=VALUE")
        values = {}
        for one in call.keywords:
            if one.arg == "default_factory":
                self.problem(one.value, f"input {name}: Cog knows no default_factory; use default")
            elif one.arg != "default" and one.arg not in OPTIONS:
                what = f"{one.arg}=" if one.arg else "**"
                self.problem(one.value, f"input {name}: Input() knows no {what}; take it out")
            else:
                text = ast.get_source_segment(self.source, one).partition("=")[2].strip()
                try:
                    values[one.arg] = _option(one.arg, literal(text))
                except ValueError as error:
                    self.problem(one.value, f"input {name}: {one.arg} {error}; {WAY_OUT}")
        return values

    def consistent(self, node: ast.AST, one: Field) -> None:
        """Constraints that go with the type and with each other, and a default within them."""
        info, name = one.info, one.name
        for key, kinds in CONSTRAINTS.items():
            if getattr(info, key) is not None and one.type not in kinds:
                self.problem(
                    node, f"input {name} is a {KINDS[one.type]}; {key} does not go with it"
                )
                return
        for low, high in (("ge", "le"), ("min_length", "max_length")):
            a, b = getattr(info, low), getattr(info, high)
            if a is not None and b is not None and a > b:
                self.problem(node, f"input {name}: {low} {a} is above {high} {b}; swap them")
                return
        try:
            re.compile(info.regex or "")
        except re.error as error:
            self.problem(node, f"input {name}: the regex {info.regex} is none: {error}; mend it")
            return
        if info.choices == []:
            self.problem(node, f"input {name}: choices is empty; list them or take it out")
        for value in [*(info.choices or []), *([] if info.default is None else [info.default])]:
            try:
                fits(one, value)
            except ValueError as error:
                self.problem(node, f"input {error}; change the default or what is allowed")

    def output(self, run: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        if run.returns is None:
            self.problem(
                run, "run() does not say what it gives; write -> Path or -> Iterator[Path]"
            )
            return
        try:
            self.found.output = output_schema(run.returns)
        except ValueError:
            self.problem(
                run.returns,
                f"run() gives {ast.unparse(run.returns)}, which Cog does not know; write -> Path, "
                "or Iterator[Path] for one after the other",
            )
            return
        yields = "x-cog-array-type" in self.found.output
        if yields and not self.found.streaming:
            self.problem(
                run, "run() gives one thing after the other, but nobody could watch; add @streaming"
            )
        if self.found.streaming and not yields:
            self.problem(run, "@streaming needs -> Iterator[...]; change one of the two")


def type_schema(kind: type) -> dict[str, Any]:
    """JSON schema of one value."""
    names = {str: "string", int: "integer", float: "number", bool: "boolean", cog.Path: "string"}
    return {"type": names[kind]} | ({"format": "uri"} if kind is cog.Path else {})


def output_schema(hint: ast.expr) -> dict[str, Any]:
    """JSON schema of what `run()` gives. A ValueError if Cog knows no such output."""
    title = {"title": "Output"}
    if ast.unparse(hint) in TYPES:
        return type_schema(TYPES[ast.unparse(hint)]) | title
    if isinstance(hint, ast.Subscript) and ast.unparse(hint.slice) in TYPES:
        items = type_schema(TYPES[ast.unparse(hint.slice)])
        extra = {
            "list": {},
            "Iterator": {"x-cog-array-type": "iterator"},
            "ConcatenateIterator": {
                "x-cog-array-type": "iterator",
                "x-cog-array-display": "concatenate",
            },
        }
        outer = ast.unparse(hint.value)
        if outer in extra and not (outer == "ConcatenateIterator" and items["type"] != "string"):
            return {"type": "array", "items": items} | extra[outer] | title
    raise ValueError(f"Cog knows no output {ast.unparse(hint)}")
