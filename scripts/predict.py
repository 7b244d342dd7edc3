"""Run a predictor in this process: `scripts/predict [PREDICTOR] -i NAME=VALUE ... [-o DIR]`.

A predictor is what Cog runs: a class with `setup()` and `run()`, found through
`predictors/NAME/cog.yaml`. It yields files; each is copied to the output folder as it comes, whole
or not at all. It reports through Cog's `record_metric`: `step` (steps taken so far), `steps` (how
many there will be), `seed` (where it was left to chance) and any number of loss terms.
"""

import argparse
import contextlib
import inspect
import itertools
import os
import re
import shutil
import signal
import sys
import textwrap
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath
from typing import Any

from scripts import form
from scripts.progress import Report

ROOT = Path(__file__).resolve().parent.parent
DEFAULT = "clipdraw"
# Characters of the prompt in a folder's name: enough to tell drawings apart in a listing.
SLUG = 40
# What a shell says of a program that Ctrl-C ended: 128 + SIGINT.
INTERRUPTED = 130


def main(argv: list[str] | None = None, root: Path = ROOT) -> int:
    """The command line; returns the exit code."""
    arguments = _parser().parse_args(argv)
    known = form.predictors(root)
    name = arguments.predictor or DEFAULT
    if arguments.help and not arguments.predictor:
        print(_general_help({one: form.summary(root, one) for one in known}))
        return 0
    try:
        if name not in known:
            raise ValueError(
                f"there is no predictor {name!r}; {form.suggest(name, known, 'predictors')}"
                " (a prompt is an input: -i prompt=...)"
            )
        predictor_class = form.load(root, name)
        inputs_form = form.fields(predictor_class.run)
        if arguments.help:
            print(_predictor_help(name, form.summary(root, name), inputs_form))
            return 0
        inputs = form.parse(inputs_form, arguments.input)
        output = Output(name, inputs, arguments.output)
    except ValueError as error:
        return _complain(error, 2)
    return _run(predictor_class(), inputs, output)


def _run(predictor, inputs: dict[str, Any], output: "Output") -> int:
    """Let the predictor draw, keep what it yields, say where that is; returns the exit code."""
    report = Report()
    predictor.record_metric = report.record
    code = 0
    try:
        with report, Interruptible(report.say) as interruptible:
            predictor.setup()
            for file in interruptible.files(predictor.run(**inputs)):
                output.keep(file, report.metrics.get("seed"))
    except KeyboardInterrupt:
        print("scripts/predict: stopped", file=sys.stderr)
        code = INTERRUPTED
    except ValueError as error:
        code = _complain(error, 2)
    except (FloatingPointError, RuntimeError, OSError) as error:
        code = _complain(error, 1)
    output.tell()
    return code


def _complain(error: Exception, code: int) -> int:
    print(f"scripts/predict: {str(error) or type(error).__name__}", file=sys.stderr)
    return code


class Output:
    """The folder that a run's files go to; made when the first of them comes."""

    def __init__(self, predictor: str, inputs: dict[str, Any], asked_for: Path | None):
        if asked_for and asked_for.exists() and not asked_for.is_dir():
            raise ValueError(f"-o {asked_for} is a file; name a folder, there or not")
        self.predictor, self.inputs = predictor, inputs
        self.asked_for, self.folder = asked_for, None
        self.names: list[str] = []

    def keep(self, file: PurePath, seed: int | None) -> None:
        """Copy `file`: the predictor may still need its own, as it may under Cog's server."""
        self.folder = self.folder or self._make(seed)
        partial = self.folder / f".{file.name}.{os.getpid()}.part"
        try:
            shutil.copyfile(file, partial)
            os.replace(partial, self.folder / file.name)
        finally:
            partial.unlink(missing_ok=True)
        if file.name not in self.names:
            self.names.append(file.name)

    def tell(self) -> None:
        """Say where the files are: a line for each result, one for all pictures of the progress."""
        progress = [name for name in self.names if re.search(r"\d{3,}\.png$", name)]
        for name in self.names:
            if name not in progress:
                print(self.folder / name)
        if progress:
            print(
                f"Pictures of the progress: {len(progress)}, up to {self.folder / progress[-1]}",
                file=sys.stderr,
            )

    def _make(self, seed: int | None) -> Path:
        if self.asked_for:
            self.asked_for.mkdir(parents=True, exist_ok=True)
            return self.asked_for
        words = [self.predictor]
        if self.inputs.get("prompt") is not None:
            words.append(slug(self.inputs["prompt"]))
        if self.inputs.get("seed") is not None:
            seed = self.inputs["seed"]
        if seed is not None:
            words.append(str(seed))
        name = "-".join(words)
        # Making the folder is what tells whether it is free: another run may start at this moment.
        for suffix in itertools.chain([""], (f"-{count}" for count in itertools.count(2))):
            folder = Path("output", name + suffix)
            with contextlib.suppress(FileExistsError):
                folder.mkdir(parents=True)
                return folder
        raise AssertionError("the suffixes have no end")


def slug(prompt: str) -> str:
    """A prompt as a part of a file name: ASCII letters, digits and single dashes, nothing else."""
    plain = unicodedata.normalize("NFKD", prompt).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:SLUG].rstrip("-") or "drawing"


class Interruptible:
    """Lets the first Ctrl-C reach the predictor, wherever we are; a second one ends the program.

    A predictor catches KeyboardInterrupt and goes on to yield what it has drawn so far. When the
    signal comes in our own code, while a file is copied, say, it waits until the predictor runs
    again: neither the file nor the interrupt gets lost. Throwing it into the generator would not
    do, because one that waits in an outer `for` never hands it to the loop within.
    """

    def __init__(self, say: Callable[[str], None]):
        self.say = say
        self.source: Iterator | None = None
        self.signals = 0

    def __enter__(self):
        self.before = {
            signal.SIGINT: signal.signal(signal.SIGINT, self._on_interrupt),
            signal.SIGALRM: signal.signal(signal.SIGALRM, self._raise_or_wait),
        }
        return self

    def __exit__(self, *exception):
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self.before.items():
            signal.signal(number, handler)
        if inspect.isgenerator(self.source):
            self.source.close()

    def files(self, result: PurePath | Iterator[PurePath]) -> Iterator[PurePath]:
        """What a predictor's `run()` returned, file by file."""
        self.source = iter([result] if isinstance(result, PurePath) else result)
        return self.source

    def _on_interrupt(self, *_):
        self.signals += 1
        if self.signals > 1 or self.source is None:
            raise KeyboardInterrupt
        self.say("Stopping; what is drawn so far is kept. Ctrl-C again to stop at once.")
        self._raise_or_wait()

    def _raise_or_wait(self, *_):
        if not inspect.isgenerator(self.source) or self.source.gi_running:
            raise KeyboardInterrupt
        signal.setitimer(signal.ITIMER_REAL, 0.01)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/predict",
        usage="scripts/predict [PREDICTOR] -i NAME=VALUE ... [-o DIR]",
        add_help=False,
        allow_abbrev=False,
    )
    parser.add_argument("predictor", nargs="?")
    parser.add_argument("-i", dest="input", action="append", default=[])
    parser.add_argument("-o", dest="output", type=Path)
    parser.add_argument("-h", "--help", action="store_true")
    return parser


def _general_help(summaries: dict[str, str]) -> str:
    width = max(map(len, summaries), default=0)
    listing = "\n".join(f"  {name:{width}}  {line}" for name, line in summaries.items())
    return f"""{_parser().usage}

Predictors; {DEFAULT} where none is named:
{listing}

  -i NAME=VALUE  an input, as in Cog; -i NAME=@FILE for a file; once for each input
  -o DIR         where the files go; files of the same names are replaced.
                 Without it: a new folder of its own below output/
  -h, --help     this; `scripts/predict PREDICTOR --help` lists the inputs of one

Ctrl-C stops early and keeps what is drawn so far."""


def _predictor_help(name: str, line: str, inputs_form: dict[str, form.Field]) -> str:
    width = min(100, shutil.get_terminal_size().columns)
    parts = [f"{name}: {line}\n\nInputs, each as -i NAME=VALUE; the most important first:"]
    for field in inputs_form.values():
        text = textwrap.fill(
            field.info.description or "", width, initial_indent=" " * 6, subsequent_indent=" " * 6
        )
        parts.append(f"  {field.name}: {form.describe(field)}\n{text}".rstrip())
    return "\n\n".join(parts)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
