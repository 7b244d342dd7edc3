"""Check every predictor: what Cog would misread, ignore or refuse, and what people would miss.

`scripts/check` runs it. Nothing of a predictor is imported: that takes seconds, and Cog does not
do it either.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cog
import yaml
from PIL import Image, UnidentifiedImageError

from scripts import form, signature

ROOT = Path(__file__).resolve().parent.parent
# What Cog 0.23.1 knows in a cog.yaml. It ignores all other keys without a word.
KNOWN = {
    "build": {
        "gpu": bool,
        "python_version": str,
        "python_requirements": str,
        "system_packages": list,
        "run": {"command": str, "mounts": {"type": str, "id": str, "target": str}},
        "cuda": str,
        "cudnn": str,
        "sdk_version": str,
    },
    "image": str,
    "run": str,
    "environment": list,
}
DEPRECATED = {
    "predict": "write run:",
    "train": "take it out",
    "concurrency": "write @concurrent(max=...) above run()",
    "build.python_packages": "write python_requirements:",
    "build.pre_install": "write run: below build:",
}
# Cog keeps these variables for itself; a * stands for anything.
RESERVED = re.compile(
    "PATH|LD_LIBRARY_PATH|PYTHONPATH|VIRTUAL_ENV|PYTHONUNBUFFERED|R8_.*|REPLICATE_.*"
    "|COG_OBSERVABILITY_.*|COG_TRACE_.*|OTEL_.*|LIBRARY_PATH|CUDA_.*|NVIDIA_.*|NV_.*|PGET_.*"
    "|HF_ENDPOINT|HF_HUB_ENABLE_HF_TRANSFER|KUBERNETES_.*"
)
# A requirement that Cog understands: a pin, an index, or a commit of a repository.
PIN = re.compile(
    r"[A-Za-z0-9._-]+(\[[^]]+\])?==\S+( *;.*)?|--(extra-index-url|find-links)[= ]\S+"
    r"|([A-Za-z0-9._-]+ *@ *)?git\+https://\S+@\S+"
)
IMAGE = re.compile(r"[a-z0-9.-]+(:\d+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+")
# Bytes and pixels of a thumbnail: a page with thirty of them still loads at once.
THUMBNAIL_BYTES, THUMBNAIL_PIXELS = 100_000, 512


class Problem(NamedTuple):
    """A place, and what is wrong there, as a sentence."""

    file: Path
    line: int
    text: str


def main(root: Path = ROOT) -> int:
    """Print all problems; returns the exit code."""
    found = list(problems(root))
    for file, line, text in found:
        print(f"{file.relative_to(root)}:{line}: {text}", file=sys.stderr)
    return 1 if found else 0


def problems(root: Path) -> Iterator[Problem]:
    """All there are, predictor by predictor, and those of the root's cog.yaml."""
    for folder in sorted((root / "predictors").iterdir()):
        if (
            any(folder.glob("*.yaml"))
            or any(folder.glob("*.yml"))
            or any(folder.glob("predict.py"))
        ):
            yield from _predictor(root, folder)
    if (root / "cog.yaml").is_file():
        yield from config(root, root / "cog.yaml")


def _predictor(root: Path, folder: Path) -> Iterator[Problem]:
    for file in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        if file.name not in ("cog.yaml", "examples.yaml"):
            yield Problem(
                file, 1, f"Cog builds no image from a file called {file.name}; call it cog.yaml"
            )
    yield from _presentation(folder)
    file = folder / "cog.yaml"
    if not file.is_file():
        yield Problem(file, 1, "there is no such file; copy that of another predictor")
        return
    yield from config(root, file)
    reference = _reference(root, file)
    if reference is None:
        return
    found = signature.read(reference[0].read_text(encoding="utf-8"), reference[1])
    yield from (Problem(reference[0], *problem) for problem in found.problems)
    if not found.problems:
        yield from examples(folder / "examples.yaml", found.fields)


# --- cog.yaml -------------------------------------------------------------------------------------


def config(root: Path, file: Path) -> Iterator[Problem]:
    """What is wrong with one cog.yaml."""
    try:
        tree = yaml.compose(file.read_text(encoding="utf-8"))
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        yield Problem(file, 1, f"this is not YAML: {' '.join(str(error).split())}")
        return
    if not isinstance(values, dict):
        yield Problem(file, 1, "there are no keys in it; write build:, image: and run:")
        return

    def problem(keys: str, text: str) -> Problem:
        return Problem(file, _line(tree, keys.split(".")), f"{keys}: {text}")

    yield from (problem(keys, text) for keys, text in _keys(values, KNOWN, ""))
    build = values.get("build") if isinstance(values.get("build"), dict) else {}
    checks = [
        ("run", _run(root, file, values.get("run"))),
        ("image", _image(file, values)),
        ("build.python_version", _python(build.get("python_version"))),
        ("build.sdk_version", _sdk(build.get("sdk_version"))),
        ("build.python_requirements", _requirements(root, build)),
        ("build.run", _commands(build.get("run") or [])),
        ("environment", _environment(values.get("environment") or [])),
    ]
    for keys, texts in checks:
        yield from (problem(keys, text) for text in texts)


def _keys(values: dict, known: dict, above: str) -> Iterator[tuple[str, str]]:
    """Keys that Cog does not know or likes no more, and values of another type."""
    for key, value in values.items():
        keys = f"{above}{key}"
        if keys in DEPRECATED:
            yield keys, f"this key is deprecated; {DEPRECATED[keys]}"
        elif key not in known:
            yield keys, f"Cog ignores this key; {form.suggest(str(key), known, 'keys')}"
        elif isinstance(known[key], dict):
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, dict):
                    yield from _keys(item, known[key], f"{keys}.")
        elif not isinstance(value, known[key]):
            kinds = {str: "a text; put it in quotes", bool: "true or false", list: "a list"}
            yield keys, f"{value!r} is not {kinds[known[key]]}"


def _line(node: yaml.Node, keys: list[str]) -> int:
    """The line of a key, or of the key above it where it is missing."""
    line = 1
    for key in keys:
        for sequence in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            pairs = sequence.value if isinstance(sequence, yaml.MappingNode) else []
            for name, value in pairs:
                if name.value == key:
                    line, node = name.start_mark.line + 1, value
    return line


def _reference(root: Path, file: Path) -> tuple[Path, str] | None:
    """The file and the class that a cog.yaml runs, if there is such a file."""
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError:
        return None
    run = values.get("run") if isinstance(values, dict) else None
    path, _, class_name = run.partition(":") if isinstance(run, str) else ("", "", "")
    return (root / path, class_name) if path and (root / path).is_file() else None


def _run(root: Path, file: Path, run: Any) -> Iterator[str]:
    name = file.parent.name if file.parent != root else "NAME"
    wanted = f"predictors/{name}/predict.py:Predictor"
    pattern = wanted.replace("NAME", r"\w+").replace("Predictor", r"[A-Za-z_]\w*")
    if not isinstance(run, str):
        yield f"this key is missing; write run: {wanted}"
    elif not re.fullmatch(pattern, run):
        yield f"{run} does not start at the repository's root, or is no FILE:CLASS; write {wanted}"
    elif _reference(root, file) is None:
        yield f"there is no file {run.partition(':')[0]}; write it, or name the one that is there"


def _image(file: Path, values: dict) -> Iterator[str]:
    image, run = values.get("image"), str(values.get("run"))
    name = run.split("/")[1] if run.count("/") > 1 else file.parent.name
    wanted = f"r8.im/your-name/{name}"
    if image is None:
        yield f"without it Cog gives all predictors' images one name; write image: {wanted}"
    elif isinstance(image, str) and not (IMAGE.fullmatch(image) and image.endswith(f"/{name}")):
        yield f"{image} is no image's name that ends with /{name}; write {wanted}"


def _python(version: Any) -> Iterator[str]:
    if version is None:
        yield 'this key is missing; write python_version: "3.12"'
    elif isinstance(version, str) and not re.fullmatch(r"3\.1[0-9](\.\d+)?", version):
        yield f'{version} is no Python that Cog has; write "3.12"'


def _sdk(version: Any) -> Iterator[str]:
    """@streaming is there since 0.21; without a version the newest is taken, whatever it brings."""
    numbers = re.match(r"(\d+)\.(\d+)", version) if isinstance(version, str) else None
    if version is None:
        yield 'this key is missing, and any version of Cog would do; write "0.23.1"'
    elif isinstance(version, str) and (not numbers or tuple(map(int, numbers.groups())) < (0, 21)):
        yield f'{version} knows no @streaming; write "0.23.1"'


def _requirements(root: Path, build: dict) -> Iterator[str]:
    path = build.get("python_requirements")
    if not isinstance(path, str):
        yield "this key is missing; name a file of pinned packages"
        return
    if Path(path).is_absolute() or ".." in Path(path).parts or not (root / path).is_file():
        yield f"there is no file {path} below the repository's root, where paths start"
        return
    lines = [line.partition(" #")[0].strip() for line in (root / path).read_text().splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    for line in lines:
        if not PIN.fullmatch(line):
            yield f"{path} has {line!r}, which Cog refuses or leaves out; write NAME==VERSION"
        elif re.match(r"cog(let)?\b", line):
            yield f"{path} has {line!r}; Cog brings its own, take it out"
    if build.get("gpu") and not any(line.startswith("torch==") for line in lines):
        yield f"{path} has no torch==VERSION, from which Cog takes the CUDA version; add it"


def _commands(commands: Any) -> Iterator[str]:
    for command in commands if isinstance(commands, list) else [commands]:
        text = command.get("command", "") if isinstance(command, dict) else str(command)
        if "\n" in text.strip():
            yield f"{text.splitlines()[0]!r} goes on in another line; join them with &&"


def _environment(lines: Any) -> Iterator[str]:
    names = []
    for line in lines if isinstance(lines, list) else []:
        name, equals, _ = str(line).partition("=")
        if not equals or not name:
            yield f"{line!r} is not NAME=VALUE; write it so"
        elif RESERVED.fullmatch(name):
            yield f"Cog keeps {name} for itself; take it out"
        elif name in names:
            yield f"{name} is there twice; keep one of them"
        names.append(name)


# --- what people see ------------------------------------------------------------------------------


def _presentation(folder: Path) -> Iterator[Problem]:
    """A predictor is presented by a page and a picture."""
    page, picture = folder / "README.md", folder / "thumbnail.webp"
    text = page.read_text(encoding="utf-8") if page.is_file() else ""
    if not text.startswith(f"# {folder.name}\n"):
        yield Problem(page, 1, f"there is no page that begins with '# {folder.name}'; write one")
    try:
        with Image.open(picture) as opened:
            pixels = max(opened.size)
    except (OSError, UnidentifiedImageError):
        yield Problem(picture, 1, "there is no such picture; add one of something drawn")
        return
    size = picture.stat().st_size
    if size >= THUMBNAIL_BYTES or pixels > THUMBNAIL_PIXELS:
        yield Problem(
            picture, 1,
            f"{size} bytes, {pixels} pixels: a thumbnail has less than {THUMBNAIL_BYTES} bytes and "
            f"{THUMBNAIL_PIXELS} pixels at most; make it smaller",
        )  # fmt: skip


def examples(file: Path, fields: dict[str, form.Field]) -> Iterator[Problem]:
    """Sets of inputs to try, each of which the predictor has to take."""
    try:
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
        tree, sets = yaml.compose(text), yaml.safe_load(text)
    except yaml.YAMLError as error:
        yield Problem(file, 1, f"this is not YAML: {' '.join(str(error).split())}")
        return
    if not isinstance(sets, list) or not sets or not all(isinstance(one, dict) for one in sets):
        yield Problem(file, 1, "there are no examples; write a list of inputs, - prompt: ... each")
        return
    for node, inputs in zip(tree.value, sets, strict=True):
        for name, field in fields.items():
            if field.required and name not in inputs:
                yield Problem(file, node.start_mark.line + 1, f"{name} cannot be left out; add it")
        for name, value in inputs.items():
            try:
                _takes(fields, file.parent, name, value)
            except ValueError as error:
                yield Problem(file, _line(node, [name]), str(error))


def _takes(fields: dict[str, form.Field], folder: Path, name: str, value: Any) -> None:
    if name not in fields:
        raise ValueError(f"there is no input {name!r}; {form.suggest(name, fields, 'inputs')}")
    signature.fits(fields[name], value)
    if fields[name].type is cog.Path and not (folder / value).is_file():
        raise ValueError(f"{name}: there is no file {value} beside this one; add it")


if __name__ == "__main__":
    sys.exit(main())
