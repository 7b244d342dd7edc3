"""The command line, with small predictors written for the purpose."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scripts import form, predict, progress

ROOT = Path(__file__).resolve().parent.parent

ECHO = '''
"""Not this line."""
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path as P
from typing import Optional

from cog import BaseRunner, Input, Path


class Predictor(BaseRunner):
    """Writes its inputs down.

    Not this line either.
    """

    def setup(self):
        print("encoder: none")

    def run(
        self,
        prompt: str = Input(description="What to draw", min_length=1, max_length=2000),
        steps: int = Input(description="Steps of the loop", ge=1, le=5000, default=2),
        rate: float = Input(description="Speed", ge=0.5, default=1.0),
        limit: float = Input(description="Ceiling", le=9, default=1.0),
        loud: bool = Input(description="Or quiet", default=False),
        optimizer: str = Input(description="How", choices=["adam", "sgd"], default="adam"),
        colour: str = Input(description="As #00ff00", regex="^#[0-9a-f]{6}$", default="#000000"),
        image: Optional[Path] = Input(description="To start from", default=None),
        seed: int | None = Input(description="Same seed, same file", default=None),
    ) -> Iterator[Path]:
        given = {k: str(v) if isinstance(v, P) else v for k, v in locals().items() if k != "self"}
        self.record_metric("seed", 7)
        with tempfile.TemporaryDirectory() as folder:
            self.record_metric("steps", steps)
            for step in range(steps):
                self.record_metric("step", step)
                self.record_metric("loss", 1.0 / (step + 1))
                frame = P(folder, f"step_{step:04}.png")
                frame.write_text("a frame")
                yield Path(frame)
            file = P(folder, "inputs.json")
            file.write_text(json.dumps(given))
            yield Path(file)
            assert file.exists()
'''


def write_predictor(root: Path, name: str, source: str) -> None:
    folder = root / "predictors" / name
    folder.mkdir(parents=True)
    folder.joinpath("predict.py").write_text(source)
    folder.joinpath("cog.yaml").write_text(f'run: "predictors/{name}/predict.py:Predictor"\n')


def short(body: str, inputs: str = "") -> str:
    """The source of a predictor whose `run` has this body."""
    indented = body.strip("\n").replace("\n", "\n        ")
    return f"""
from collections.abc import Iterator
from pathlib import Path as P
from cog import BaseRunner, Input, Path

class Predictor(BaseRunner):
    \"\"\"Does one thing.\"\"\"

    def run(self{inputs}) -> Iterator[Path]:
        {indented}
"""


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A repository with two predictors; the user stands in an empty folder of it."""
    write_predictor(tmp_path, "clipdraw", ECHO)
    write_predictor(tmp_path, "other", short('P("a.svg").write_text("")\nyield Path("a.svg")'))
    (tmp_path / "here").mkdir()
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def inputs_seen(folder: str = "out") -> dict:
    return json.loads(Path(folder, "inputs.json").read_text())


def refusal(root: Path, capsys, *inputs: str) -> str:
    """The sentence with which `clipdraw` refuses these inputs."""
    arguments = [part for item in inputs for part in ("-i", item)]
    assert predict.main(arguments, root) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("scripts/predict: ") and printed.err.count("\n") == 1
    assert not Path("output").exists()
    return printed.err.removeprefix("scripts/predict: ").strip()


def test_only_the_prompt_is_needed(root, capsys):
    assert predict.main(["-i", "prompt=a red heart"], root) == 0
    folder = Path("output/clipdraw-a-red-heart-7")
    assert sorted(file.name for file in folder.iterdir()) == [
        "inputs.json",
        "step_0000.png",
        "step_0001.png",
    ]
    assert inputs_seen(folder) == {
        "prompt": "a red heart",
        "steps": 2,
        "rate": 1.0,
        "limit": 1.0,
        "loud": False,
        "optimizer": "adam",
        "colour": "#000000",
        "image": None,
        "seed": None,
    }


def test_stdout_is_the_list_of_results(root, capsys):
    predict.main(["-i", "prompt=x", "-o", "out"], root)
    printed = capsys.readouterr()
    assert printed.out == "out/inputs.json\n"
    assert "encoder: none" in printed.err
    assert "step 1 of 2" in printed.err and "loss 0.5" in printed.err
    assert "Pictures of the progress: 2, up to out/step_0001.png" in printed.err


def test_without_a_terminal_progress_is_a_line_now_and_then(root, capsys, monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 0)
    predict.main(["-i", "prompt=x", "-i", "steps=4"], root)
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("step ")]
    shown = [re.sub(r"[\d.]+ steps/s, ", "", line) for line in lines]
    assert shown == [
        "step 0 of 4, loss 1",
        "step 1 of 4, loss 0.5",
        "step 2 of 4, loss 0.3333",
        "step 3 of 4, loss 0.25",
    ]


def test_on_a_terminal_progress_is_a_bar_with_the_log_above(root, capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    predict.main(["-i", "prompt=x", "-o", "out"], root)
    printed = capsys.readouterr()
    assert printed.out == "out/inputs.json\n"
    assert "━━━" in printed.err
    assert printed.err.index("encoder: none") < printed.err.index("step 1 of 2")


def test_every_input_can_be_given(root):
    Path("start.png").write_text("")
    items = ["steps=5", "rate=0.5", "limit=-1e3", "loud=True", "optimizer=sgd", "seed=-3"]
    items += ["colour=#00ff00", "image=@start.png", "prompt=1 + 1 = 2"]
    arguments = [part for item in items for part in ("-i", item)]
    assert predict.main([*arguments, "-o", "out"], root) == 0
    assert inputs_seen() == {
        "prompt": "1 + 1 = 2",
        "steps": 5,
        "rate": 0.5,
        "limit": -1000.0,
        "loud": True,
        "optimizer": "sgd",
        "colour": "#00ff00",
        "image": "start.png",
        "seed": -3,
    }


@pytest.mark.parametrize(
    "item, sentence",
    [
        ("steps=0", "steps: 0 is below the least allowed value 1; choose 1 to 5000"),
        ("steps=5001", "steps: 5001 is above the greatest allowed value 5000; choose 1 to 5000"),
        ("rate=0.4", "rate: 0.4 is below the least allowed value 0.5; choose 0.5 or more"),
        ("limit=10", "limit: 10.0 is above the greatest allowed value 9; choose at most 9"),
        ("steps=many", "steps: 'many' is not a whole number; choose 1 to 5000"),
        ("steps=1.5", "steps: '1.5' is not a whole number; choose 1 to 5000"),
        ("seed=", "seed: '' is not a whole number, such as seed=1"),
        ("rate=nan", "rate: 'nan' is not a number; choose 0.5 or more"),
        ("rate=inf", "rate: 'inf' is not a number; choose 0.5 or more"),
        ("loud=perhaps", "loud: 'perhaps' is not true or false; choose loud=true or loud=false"),
        ("optimizer=lbfgs", "optimizer: 'lbfgs' is none of its choices; choose one of adam, sgd"),
        (
            "colour=red",
            "colour: 'red' does not match the pattern ^#[0-9a-f]{6}$; it is: As #00ff00",
        ),
        ("prompt=", "prompt: '' has 0 characters, too few; write 1 to 2000"),
        (
            "prompt=" + "x" * 2001,
            f"prompt: '{'x' * 55}...' has 2001 characters, too many; write 1 to 2000",
        ),
        ("image=@no.png", "image: 'no.png' does not exist; write -i image=@FILE"),
        ("image=@.", "image: '.' is a folder, not a file; write -i image=@FILE"),
        ("step=3", "there is no input 'step'; did you mean steps?"),
        ("zzz=3", "there is no input 'zzz'; the inputs are prompt, steps, rate, limit, loud"),
        ("heart", "-i 'heart' has no '='; write -i NAME=VALUE"),
    ],
)
def test_a_wrong_input_is_refused_in_one_sentence(root, capsys, item, sentence):
    assert refusal(root, capsys, item).startswith(sentence)


def test_a_missing_input_is_named(root, capsys):
    assert refusal(root, capsys) == "prompt cannot be left out; add -i prompt=..."


def test_an_input_given_twice_is_refused(root, capsys):
    sentence = refusal(root, capsys, "steps=1", "steps=2")
    assert sentence == "steps is given more than once; keep one of them"


@pytest.mark.parametrize(
    "name, way_out", [("clipdrow", "did you mean clipdraw?"), ("a heart", "other")]
)
def test_an_unknown_predictor_is_refused(root, capsys, name, way_out):
    assert predict.main([name], root) == 2
    error = capsys.readouterr().err
    assert f"there is no predictor {name!r}" in error and way_out in error


@pytest.mark.parametrize(
    "prompt, expected",
    [
        ("A red heart!", "a-red-heart"),
        ("../../etc/passwd", "etc-passwd"),
        ("Café – naïve", "cafe-naive"),
        ("红心", "drawing"),
        ("\n\x00/\\", "drawing"),
        ("x" * 1000, "x" * 40),
        ("a" * 39 + " tail", "a" * 39),
    ],
)
def test_a_prompt_becomes_a_safe_name(prompt, expected):
    assert predict.slug(prompt) == expected


def test_the_output_stays_below_the_current_folder(root):
    assert predict.main(["-i", "prompt=../../../etc"], root) == 0
    assert [str(path) for path in Path("output").iterdir()] == ["output/clipdraw-etc-7"]


def test_a_predictor_without_prompt_and_seed_has_a_plain_folder(root, capsys):
    assert predict.main(["other"], root) == 0
    assert capsys.readouterr().out == "output/other/a.svg\n"
    assert Path("a.svg").exists(), "what a predictor yields stays its own"


def test_an_earlier_drawing_is_not_overwritten(root):
    for _ in range(3):
        assert predict.main(["-i", "prompt=x", "-i", "seed=4"], root) == 0
    names = sorted(path.name for path in Path("output").iterdir())
    assert names == ["clipdraw-x-4", "clipdraw-x-4-2", "clipdraw-x-4-3"]


def test_a_named_folder_is_written_over(root):
    Path("out").mkdir()
    Path("out/inputs.json").write_text("old")
    Path("out/mine.txt").write_text("mine")
    assert predict.main(["-i", "prompt=x", "-o", "out"], root) == 0
    assert inputs_seen()["prompt"] == "x"
    assert Path("out/mine.txt").read_text() == "mine"


def test_a_file_is_no_folder_to_write_to(root, capsys):
    Path("out").write_text("")
    assert predict.main(["-i", "prompt=x", "-o", "out"], root) == 2
    assert "-o out is a file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "raised, code",
    [
        ('ValueError("no ink")', 2),
        ('FloatingPointError("loss is NaN at step 3")', 1),
        ('RuntimeError("no ink")', 1),
        ('FileNotFoundError("no ink")', 1),
        ("RuntimeError()", 1),
    ],
)
def test_an_error_is_a_sentence_and_keeps_what_is_drawn(root, capsys, raised, code):
    body = f'P("a.svg").write_text("drawn")\nyield Path("a.svg")\nraise {raised}'
    write_predictor(root, "fails", short(body))
    assert predict.main(["fails", "-o", "out"], root) == code
    printed = capsys.readouterr()
    words = re.search(r'"(.*)"', raised)
    assert f"scripts/predict: {words[1] if words else 'RuntimeError'}\n" in printed.err
    assert "Traceback" not in printed.err
    assert printed.out == "out/a.svg\n"
    assert Path("out/a.svg").read_text() == "drawn"


def test_a_file_that_is_not_there_is_an_error_and_leaves_nothing(root, capsys):
    write_predictor(root, "fails", short('yield Path("never.svg")'))
    assert predict.main(["fails", "-o", "out"], root) == 1
    assert "never.svg" in capsys.readouterr().err
    assert list(Path("out").iterdir()) == []


def test_a_bug_of_ours_keeps_its_traceback(root):
    write_predictor(root, "fails", short("yield 1 / 0"))
    with pytest.raises(ZeroDivisionError):
        predict.main(["fails"], root)


def test_a_single_path_may_be_returned(root, capsys):
    source = short('P("a.svg").write_text("")\nreturn Path("a.svg")').replace(
        "Iterator[Path]", "Path"
    )
    write_predictor(root, "single", source)
    assert predict.main(["single", "-o", "out"], root) == 0
    assert capsys.readouterr().out == "out/a.svg\n"


def test_the_general_help_lists_predictors_and_imports_none(root, capsys):
    write_predictor(root, "heavy", "raise ImportError\n" + short("yield"))
    assert predict.main(["--help"], root) == 0
    text = capsys.readouterr().out
    assert re.search(r"^  clipdraw +Writes its inputs down\.$", text, re.M)
    assert re.search(r"^  heavy +Does one thing\.$", text, re.M)


def test_help_is_there_before_torch(root):
    code = (
        "import sys; from pathlib import Path; from scripts import predict; "
        f"predict.main(['--help'], Path({str(root)!r})); sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)


def test_a_predictor_s_help_describes_every_input(root, capsys):
    assert predict.main(["clipdraw", "--help"], root) == 0
    text = capsys.readouterr().out
    for line in [
        "clipdraw: Writes its inputs down.",
        "  prompt: text, 1 to 2000 characters; required\n      What to draw",
        "  steps: whole number, 1 to 5000; default 2\n",
        "  rate: number, 0.5 or more; default 1.0\n",
        "  loud: true or false; default false\n",
        "  optimizer: one of adam, sgd; default adam\n",
        "  colour: text, matching ^#[0-9a-f]{6}$; default #000000\n",
        "  image: file; optional\n",
    ]:
        assert line in text
    assert text.index("prompt:") < text.index("steps:") < text.index("seed:")


def test_a_type_that_no_form_can_ask_for_is_our_own_mistake(root):
    write_predictor(root, "odd", short("yield", inputs=", sizes: list[int] = None"))
    with pytest.raises(TypeError, match="input sizes has the type"):
        form.fields(form.load(root, "odd").run)


# --- Ctrl-C, in a process of its own -------------------------------------------------------------

LOOP = """
import itertools, time
try:
    for step in itertools.count():
        self.record_metric("step", step)
        frame = P(f"step_{step:04}.png")
        frame.write_text("a frame")
        yield Path(frame)
        time.sleep(0.01)
except KeyboardInterrupt:
    print("interrupted", flush=True)
P("drawing.svg").write_text("whole")
yield Path("drawing.svg")
"""
STUBBORN = LOOP.replace('P("drawing.svg").write', 'time.sleep(60)\nP("drawing.svg").write')


def start(root: Path, name: str) -> subprocess.Popen:
    code = (
        "import sys; from pathlib import Path; from scripts import predict; "
        f"sys.exit(predict.main([{name!r}, '-o', 'out'], Path({str(root)!r})))"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(condition, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_ctrl_c_keeps_what_is_drawn_so_far(root):
    write_predictor(root, "loop", short(LOOP))
    process = start(root, "loop")
    wait_for(lambda: Path("out/step_0001.png").exists(), process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert out == "out/drawing.svg\n"
    assert Path("out/drawing.svg").read_text() == "whole"
    assert "what is drawn so far is kept" in err and "interrupted" in err
    assert "Traceback" not in err


def test_a_second_ctrl_c_stops_at_once(root):
    write_predictor(root, "stubborn", short(STUBBORN))
    process = start(root, "stubborn")
    wait_for(lambda: Path("out/step_0001.png").exists(), process)
    process.send_signal(signal.SIGINT)
    for line in process.stderr:
        if line == "interrupted\n":
            break
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == predict.INTERRUPTED
    assert "stopped" in err and "Traceback" not in err


NESTED = """
def frames():
    try:
        for step in range(3000):
            frame = P(f"step_{step:04}.png")
            frame.write_text("a frame")
            yield frame
            time.sleep(0.001)
    except KeyboardInterrupt:
        P("drawing.svg").write_text("whole")
        yield P("drawing.svg")

import time
for file in frames():
    yield Path(file)
"""


def test_an_interrupt_in_our_own_code_loses_neither_file_nor_interrupt(root, capsys, monkeypatch):
    write_predictor(root, "nested", short(NESTED))
    copy = predict.shutil.copyfile

    def copy_and_interrupt(source, target):
        if source.name == "step_0003.png":
            signal.raise_signal(signal.SIGINT)
        return copy(source, target)

    monkeypatch.setattr(predict.shutil, "copyfile", copy_and_interrupt)
    assert predict.main(["nested", "-o", "out"], root) == 0
    assert Path("out/step_0003.png").read_text() == "a frame"
    assert not Path("out/step_2999.png").exists()
    assert capsys.readouterr().out == "out/drawing.svg\n"
