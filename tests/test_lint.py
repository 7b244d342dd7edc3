"""The linter: one test for each thing that Cog would misread, ignore or refuse."""

import shutil
from pathlib import Path

import pytest
from PIL import Image

from scripts import lint
from scripts.signature import literal

ROOT = Path(__file__).resolve().parent.parent

PREDICT = '''"""A predictor that is as it should be."""

from collections.abc import Iterator
from typing import Optional

import cog
from cog import BaseRunner, Input, Path, streaming


class Predictor(BaseRunner):
    """Draws with ink."""

    @streaming
    def run(
        self,
        prompt: str = Input(description="What to draw"),
        strokes: int = Input(description="How many", ge=1, le=64, default=16),
        rate: float = Input(description="How fast", ge=0, default=1.0),
        style: str = Input(description="With what", choices=["ink", "oil"], default="ink"),
        colour: str = Input(description="Which", regex=r"^#\\d+$", max_length=7, default="#000"),
        seed: Optional[int] = Input(description="Chance", default=None),
        drawing: Optional[Path] = Input(description="A start", default=None),
    ) -> Iterator[Path]:
        yield Path("drawing.svg")
'''
CONFIG = """build:
  gpu: true
  python_version: "3.12"
  python_requirements: predictors/ink/requirements.txt
  cuda: "12.6"
  sdk_version: "0.23.1"
  run:
    - echo one
environment:
  - TORCH_HOME=.cache
image: r8.im/your-name/ink
run: "predictors/ink/predict.py:Predictor"
"""
EXAMPLES = """- prompt: a red heart
- prompt: a cat
  strokes: 4
  drawing: start.svg
"""


@pytest.fixture
def ink(tmp_path) -> Path:
    """The folder of a predictor that nothing is wrong with."""
    folder = tmp_path / "predictors/ink"
    folder.mkdir(parents=True)
    (folder / "predict.py").write_text(PREDICT)
    (folder / "cog.yaml").write_text(CONFIG)
    (folder / "examples.yaml").write_text(EXAMPLES)
    (folder / "requirements.txt").write_text("# pins\ntorch==2.11.0\npillow==13.0.0  # pictures\n")
    (folder / "README.md").write_text("# ink\n\nDraws with ink.\n")
    (folder / "start.svg").write_text("<svg/>")
    Image.new("RGB", (64, 64)).save(folder / "thumbnail.webp")
    return folder


def found(folder: Path) -> list[str]:
    """All problems, as `FILE:LINE: sentence`."""
    return [
        f"{file.relative_to(folder)}:{line}: {text}"
        for file, line, text in lint.problems(folder.parent.parent)
    ]


def change(file: Path, old: str, new: str) -> int:
    """Replace what is there once; the line where it was."""
    text = file.read_text()
    assert text.count(old) == 1, old
    file.write_text(text.replace(old, new))
    return text[: text.index(old)].count("\n") + 1


def test_our_predictors_are_as_they_should_be(capsys):
    assert lint.main() == 0, capsys.readouterr().err


def test_a_good_predictor_has_no_problems(ink):
    assert found(ink) == []


DESCRIPTION = 'strokes: int = Input(description="How many",'
PREDICT_RULES = {
    "implicit concatenation": ('"How many"', '"How " "many"', "put together from several strings"),
    "concatenation over lines": ('"How many"', '"How "\n "many"', "put together from several"),
    "parentheses": ('"How many"', '("How many")', "description is in parentheses; Cog reads this"),
    "an f-string": ('"How many"', 'f"How many"', "description is an f-string"),
    "an expression": ('"How many"', '"How" + " many"', "description is an expression"),
    "a method": ('"How many"', '"How {}".format(1)', "description is an expression"),
    "a prefix": ('"How many"', 'u"How many"', "or has a prefix other than r"),
    "a raw text in three quotes": ('"How many"', 'r"""How many"""', "a prefix other than r"),
    "an escape": ('"How many"', r'"How\tmany"', "description has a backslash, which Cog does not"),
    "a name": ('"How many"', "MANY", "description is the name MANY; Cog reads this file without"),
    "no description": ('description="How many", ', "", "input strokes has no description; add"),
    "an empty description": ('"How many"', '" "', "input strokes has no description"),
    "an expression as default": ("default=16", "default=2**4", "default is an expression"),
    "a name as default": ("default=16", "default=FEW", "default is the name FEW"),
    "a default in parentheses": ("default=16", "default=(16)", "default is in parentheses"),
    "a default beyond 64 bits": ("default=16", f"default={2**63}", "is a number that Cog does not"),
    "an infinite bound": ("ge=0,", "ge=-1e999,", "input rate: ge is a number that Cog does not"),
    "a bound in quotes": ("ge=1,", 'ge="1",', "ge is '1' where int or float is meant"),
    "choices in one text": ('["ink", "oil"]', '"ink, oil"', "choices is 'ink, oil' where list"),
    "a length below zero": ("max_length=7", "max_length=-7", "no text is as short as that"),
    "a bound beyond floats": ("le=64", f"le={2**53 + 1}", "which Cog rounds"),
    "a positional default": ("Input(description=\"How many\"", 'Input(16, description="x"',
                             "Cog does not see Input(VALUE); write default=VALUE"),
    "a default factory": ("default=16", "default_factory=int", "Cog knows no default_factory"),
    "an unknown option": ("default=16", "default=16, lt=9", "Input() knows no lt=; take it out"),
    "options unpacked": ("default=16", "**MORE", "Input() knows no **; take it out"),
    "ge by name": ("ge=1,", "ge=LEAST,", "input strokes: ge is the name LEAST"),
    "le by expression": ("le=64,", "le=8 * 8,", "input strokes: le is an expression"),
    "le in hexadecimal": ("le=64,", "le=0x40,", "input strokes: le is a number that Cog does not"),
    "regex by name": (r'regex=r"^#\d+$"', "regex=HEX", "input colour: regex is the name HEX"),
    "regex with escapes": (r'regex=r"^#\d+$"', r'regex="^#\\d+$"', "regex has a backslash"),
    "length by name": ("max_length=7", "max_length=SEVEN", "max_length is the name SEVEN"),
    "choices by name": ('["ink", "oil"]', "STYLES", "input style: choices is the name STYLES"),
    "choices by call": ('["ink", "oil"]', "sorted(STYLES)", "choices is an expression"),
    "choices in a tuple": ('["ink", "oil"]', '("ink", "oil")', "choices is in parentheses"),
    "a comment in choices": ('["ink", "oil"]', '["ink",  # black\n "oil"]', "with a comment"),
    "a name in choices": ('["ink", "oil"]', '["ink", OIL]', "choices is the name OIL"),
    "a split choice": ('["ink", "oil"]', '["ink", "o" "il"]', "put together from several strings"),
    "no choices": ('["ink", "oil"]', "[]", "input style: choices is empty"),
    "cog.Input": ('strokes: int = Input', "strokes: int = cog.Input",
                  "input strokes has the default cog.Input"),
    "no Input": ('prompt: str = Input(description="What to draw"),', "prompt: str,",
                 "input prompt has no Input(); write prompt: TYPE = Input(description=...)"),
    "a bare default": ('Input(description="How many", ge=1, le=64, default=16)', "16",
                       "input strokes has the default 16; write strokes: TYPE = Input"),
    "Path renamed": ("Input, Path, streaming", "Input, Path as CogPath, streaming",
                     "cog's Path is called CogPath here; keep its own name"),
    "Input renamed": ("Input, Path, streaming", "Input as Field, Path, streaming",
                      "cog's Input is called Field here"),
    "another Path": ("import cog\n", "from pathlib import Path\n", "Path comes from pathlib"),
    "Literal": ("strokes: int", 'strokes: Literal["a"]', "has the type Literal['a']; write one of"),
    "an Enum": ("strokes: int", "strokes: Kind", "input strokes has the type Kind; write one of"),
    "a type in quotes": ("strokes: int", 'strokes: "int"', "has the type 'int'"),
    "a union": ("strokes: int", "strokes: int | str", "has the type int | str"),
    "no type at all": ("strokes: int", "strokes: None | None", "has the type None | None"),
    "no type": ("strokes: int = ", "strokes = ", "has no type, and Cog refuses it or leaves"),
    "any number of inputs": ("        self,\n", "        self, *more,\n",
                             "takes *more, which Cog cannot ask for"),
    "inputs of any name": ("    ) -> Iter", "    **more) -> Iter", "takes *more, which Cog cannot"),
    "no self": ("        self,\n", "        this,\n", "first parameter of run() is not self"),
    "no return type": (" -> Iterator[Path]:", ":", "run() does not say what it gives; write ->"),
    "an optional output": ("Iterator[Path]:", "Optional[Path]:", "gives Optional[Path], which Cog"),
    "a bare iterator": ("Iterator[Path]:", "Iterator:", "gives Iterator, which Cog does not know"),
    "a stream nobody may watch": ("    @streaming\n", "", "but nobody could watch; add @streaming"),
    "streaming one file": ("Iterator[Path]:", "Path:", "@streaming needs -> Iterator[...]"),
    "the old name of run": ("def run(", "def predict(", "predict() is the old name; call the"),
    "no run": ("    def run(", "    def draw(", "Predictor has no run() of its own; write it out"),
    "another class": ("class Predictor(", "class Runner(", "there is no class Predictor, which"),
    "the old base": ("class Predictor(BaseRunner)", "class Predictor(BasePredictor)",
                     "write class Predictor(BaseRunner), with cog's BaseRunner"),
    "no docstring": ('    """Draws with ink."""\n', "", None),
    "no Python": ("def run(", "def run((", "this is not Python"),
    # Bounds and defaults.
    "a default below": ("default=16", "default=0", "0 is below the least allowed value 1; choose"),
    "a default above": ("default=16", "default=65", "65 is above the greatest allowed value 64"),
    "a default that is no choice": ('default="ink"', 'default="pen"', "'pen' is none of its"),
    "a default that does not match": ('default="#000"', 'default="red"', "does not match the"),
    "a default too long": ('default="#000"', 'default="#0000000"', "has 8 characters, too many"),
    "a default of another type": ("default=16", 'default="16"', "'16' is not a whole number"),
    "a truth as number": ("default=16", "default=True", "True is not a whole number"),
    "a fraction as whole number": ("default=16", "default=1.5", "1.5 is not a whole number"),
    "a choice of another type": ('["ink", "oil"]', '["ink", 3]', "input style: 3 is not a text"),
    "None without Optional": ("default=16", "default=None", "default=None, which Cog ignores"),
    "Optional without None": ('"Chance", default=None', '"Chance", default=3', "seed is Optional;"),
    "Optional without default": ('"Chance", default=None', '"Chance"', "seed is Optional; write"),
    "bounds in the wrong order": ("ge=1, le=64", "ge=64, le=1", "ge 64 is above le 1; swap them"),
    "a regex that is none": (r'r"^#\d+$"', 'r"^#("', "input colour: the regex ^#( is none"),
    "bounds of a text": ("max_length=7", "ge=7", "input colour is a text; ge does not go with it"),
    "a length of a number": ("ge=1, le=64", "max_length=2", "max_length does not go with it"),
    "accept of a text": ("max_length=7", 'accept="image/*"', "accept does not go with it"),
}  # fmt: skip


@pytest.mark.parametrize("rule", PREDICT_RULES)
def test_a_signature_that_cog_would_misread(ink, rule):
    old, new, words = PREDICT_RULES[rule]
    line = change(ink / "predict.py", old, new)
    if words is None:
        change(ink / "predict.py", '"""A predictor that is as it should be."""\n', "\n")
        words, line = "Predictor has no docstring; its first line is what people read", None
    said = [one for one in found(ink) if words in one]
    assert len(said) == 1, found(ink)
    assert said[0].startswith("predict.py:")
    if line is not None:
        at = int(said[0].split(":")[1])
        # A decorator's or a class's rule may be told at the line of what it belongs to.
        assert abs(at - line) <= 12


def test_the_line_is_that_of_the_value(ink):
    line = change(ink / "predict.py", "le=64, default=16", "le=64,\n            default=FEW")
    assert found(ink) == [
        f"predict.py:{line + 1}: input strokes: default is the name FEW; Cog reads this file "
        "without running it, so write the value itself, as one literal"
    ]


@pytest.mark.parametrize(
    "text", ['"a"', "'a'", '"""a\nb"""', r'r"\d"', "1", "-1", "1_000", "1e-3", ".5", "2.", "True",
             "None", "[1, 2]", "['a', \"b\"]", "[]"],
)  # fmt: skip
def test_what_cog_reads_as_python_does_is_taken(text):
    assert literal(text) == eval(text)


CONFIG_RULES = {
    "an unknown key": ("image:", "tests: [1]\nimage:", "tests: Cog ignores this key; the keys are"),
    "a key misspelt": ("  gpu: true", "  gpus: true", "build.gpus: Cog ignores this key"),
    "a key of a command": ("    - echo one", "    - {command: a, mount: []}",
                           "build.run.mount: Cog ignores this key; did you mean mounts?"),
    "the old name of run": ("run: \"p", "predict: \"p", "predict: this key is deprecated"),
    "train": ("image:", "train: x.py:T\nimage:", "train: this key is deprecated; take it out"),
    "concurrency": ("image:", "concurrency: {max: 2}\nimage:", "concurrency: this key is"),
    "packages": ("  gpu: true", "  python_packages: []", "build.python_packages: this key is"),
    "pre_install": ("  gpu: true", "  pre_install: []", "build.pre_install: this key is"),
    "a Python without quotes": ('"3.12"', "3.12", "build.python_version: 3.12 is not a text"),
    "a Python of old": ('"3.12"', '"3.9"', "3.9 is no Python that Cog has"),
    "no Python": ('  python_version: "3.12"\n', "", "build.python_version: this key is missing"),
    "no version of Cog": ('  sdk_version: "0.23.1"\n', "", "build.sdk_version: this key is"),
    "a Cog of old": ('"0.23.1"', '"0.19.0"', "0.19.0 knows no @streaming"),
    "CUDA without quotes": ('"12.6"', "12.6", "build.cuda: 12.6 is not a text; put it in quotes"),
    "a gpu that is a text": ("gpu: true", 'gpu: "yes"', "build.gpu: 'yes' is not true or false"),
    "run from the folder": ("predictors/ink/predict.py:", "predict.py:", "does not start at the"),
    "run without class": ("predict.py:Predictor", "predict.py", "is no FILE:CLASS"),
    "run of a file that is not there": ("ink/predict.py", "inc/predict.py", "is no FILE:CLASS"),
    "no image": ("image: r8.im/your-name/ink\n", "", "image: without it Cog gives all predictors'"),
    "an image of another name": ("your-name/ink", "your-name/oil", "no image's name that ends"),
    "an image with capitals": ("your-name/ink", "You/ink", "is no image's name that ends"),
    "requirements from the folder": (": predictors/ink/req", ": req", "there is no file req"),
    "requirements outside": (": predictors/ink/req", ": ../req", "below the repository's root"),
    "no requirements": ("  python_requirements: predictors/ink/requirements.txt\n", "",
                        "build.python_requirements: this key is missing"),
    "a command of two lines": ("- echo one", "- |\n      echo one\n      echo two",
                               "build.run: 'echo one' goes on in another line"),
    "a reserved variable": ("TORCH_HOME=", "CUDA_HOME=", "Cog keeps CUDA_HOME for itself"),
    "the path of Python": ("TORCH_HOME=", "PYTHONPATH=", "Cog keeps PYTHONPATH for itself"),
    "a variable without value": ("TORCH_HOME=.cache", "TORCH_HOME", "is not NAME=VALUE; write"),
    "a variable twice": ("  - TORCH_HOME=.cache", "  - A=1\n  - A=2", "A is there twice; keep one"),
    "no YAML": ("image:", "image: [", "this is not YAML"),
}  # fmt: skip


@pytest.mark.parametrize("rule", CONFIG_RULES)
def test_a_configuration_that_cog_would_ignore_or_refuse(ink, rule):
    old, new, words = CONFIG_RULES[rule]
    change(ink / "cog.yaml", old, new)
    said = [one for one in found(ink) if words in one]
    assert len(said) == 1, found(ink)
    assert said[0].startswith("cog.yaml:")


def test_the_line_is_that_of_the_key(ink):
    line = change(ink / "cog.yaml", '"12.6"', "12.6")
    assert [one.split(": ")[0] for one in found(ink)] == [f"cog.yaml:{line}"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("-r other.txt", "'-r other.txt', which Cog refuses or leaves out"),
        ("-e .", "'-e .', which Cog refuses or leaves out"),
        ("../wheels/a.whl", "which Cog refuses or leaves out"),
        ("numpy>=2", "'numpy>=2', which Cog refuses or leaves out; write NAME==VERSION"),
        ("cog==0.23.1", "Cog brings its own, take it out"),
    ],
)
def test_requirements_that_cog_would_refuse(ink, line, words):
    with (ink / "requirements.txt").open("a") as file:
        file.write(f"{line}\n")
    assert len(found(ink)) == 1 and words in found(ink)[0]


def test_a_gpu_needs_a_torch(ink):
    (ink / "requirements.txt").write_text("numpy==2.4.6\n")
    assert len(found(ink)) == 1 and "has no torch==VERSION" in found(ink)[0]


def test_a_configuration_is_called_cog_yaml(ink):
    shutil.copy(ink / "cog.yaml", ink / "gpu.yaml")
    assert found(ink) == ["gpu.yaml:1: Cog builds no image from a file called gpu.yaml; call it "
                          "cog.yaml"]  # fmt: skip
    (ink / "gpu.yaml").unlink()
    (ink / "cog.yaml").unlink()
    assert found(ink) == ["cog.yaml:1: there is no such file; copy that of another predictor"]


def test_the_root_s_configuration_is_looked_at_too(ink):
    root = ink.parent.parent
    (root / "cog.yaml").write_text(CONFIG)
    assert found(ink) == []
    (root / "cog.yaml").write_text(CONFIG.replace("gpu: true", "gpus: true"))
    assert [problem.file for problem in lint.problems(root)] == [root / "cog.yaml"]


EXAMPLE_RULES = {
    "an input that is not there": ("strokes: 4", "stroke: 4", "no input 'stroke'; did you mean"),
    "an input left out": ("- prompt: a cat\n  strokes", "- strokes", "prompt cannot be left out"),
    "a value of another type": ("strokes: 4", "strokes: four", "strokes: 'four' is not a whole"),
    "a number without end": ("strokes: 4", "rate: .inf", "rate: inf is not a number"),
    "a value out of bounds": ("strokes: 4", "strokes: 99", "strokes: 99 is above the greatest"),
    "a file that is not there": (
        "start.svg",
        "end.svg",
        "there is no file end.svg beside",
    ),
    "no YAML": ("strokes: 4", "strokes: [", "this is not YAML"),
}


@pytest.mark.parametrize("rule", EXAMPLE_RULES)
def test_an_example_that_the_predictor_would_not_take(ink, rule):
    old, new, words = EXAMPLE_RULES[rule]
    line = change(ink / "examples.yaml", old, new)
    (said,) = found(ink)
    assert words in said
    assert said.startswith(f"examples.yaml:{1 if rule == 'no YAML' else line}:")


def test_what_people_look_for_is_there(ink):
    (ink / "README.md").unlink()
    (ink / "examples.yaml").write_text("[]\n")
    (ink / "thumbnail.webp").write_text("no picture")
    assert found(ink) == [
        "README.md:1: there is no page that begins with '# ink'; write one",
        "thumbnail.webp:1: there is no such picture; add one of something drawn",
        "examples.yaml:1: there are no examples; write a list of inputs, - prompt: ... each",
    ]


def test_a_thumbnail_is_small(ink):
    Image.new("RGB", (513, 8)).save(ink / "thumbnail.webp")
    (said,) = found(ink)
    assert "a thumbnail has less than 100000 bytes and 512 pixels at most; make it smaller" in said


def test_the_script_says_where(ink, capsys):
    (ink / "README.md").write_text("# oil\n")
    assert lint.main(ink.parent.parent) == 1
    assert capsys.readouterr().err.startswith("predictors/ink/README.md:1: there is no page")
