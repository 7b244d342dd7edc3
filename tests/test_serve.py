"""Cog's own server, without Docker: every predictor is served and spoken to over a socket."""

import base64
import contextlib
import http.client
import http.server
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from predictors.folder import Folder
from scripts import examples, form, schema, serve
from tests import tiny
from tests.tiny import TINY

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
# Seconds within which a machine with other things to do has answered.
DEADLINE = 60.0
# Megabytes that fifty drawings may add to a worker: allocators keep a few; two were seen.
LEAK = 16

# The real predictor, with small films and rough dreams: what they are worth is tested elsewhere.
SMALL = """
from dataclasses import replace
from importlib import import_module
from journeys import decode
from losses.dreams import sample
from predictors import outputs
vars(outputs).update({small_films})
for module, values in {small_work}.items():
    vars(import_module(module)).update(values)
decode.sample = lambda denoise, noise, steps: sample(denoise, noise, 1)
try:
    from predictors.{name}.presets import PRESETS
except ImportError:
    PRESETS = {{}}
for name, preset in PRESETS.items():
    if preset.dreams:
        PRESETS[name] = replace(preset, dreams=1, drawn=1, dream_steps=1)
from predictors.{name}.predict import {class_name}
"""


def small(name: str, class_name: str) -> str:
    """The source of a module that has the predictor."""
    return SMALL.format(
        name=name, class_name=class_name, small_films=tiny.SMALL_FILMS,
        small_work=tiny.SMALL_WORK.get(name, {}),
    )  # fmt: skip


# What makes every predictor fail that takes such an input, and words of what it says.
WRONG = {
    "prompt": (" ", "prompt is empty"),
    "image": ("data:image/png;base64,AAAA", "is no JPEG, PNG or WebP file"),
    "drawing": ("data:image/png;base64,AAAA", "is no drawing; give an SVG"),
    "sequence": ("data:application/octet-stream;base64,AAAA", "this is no array"),
    "prompts": ("a fish |", "prompt is empty"),
    "timeline": ("data:text/plain;base64,AAAA", "this is no timeline; save one as .otio, .edl"),
}
# A drawing that would last for hours.
ENDLESS = {"steps": 10000, "frame_every": 10000}


def until(condition: Callable[[], Any], seconds: float = DEADLINE) -> Any:
    """Wait for a condition to hold; what it gave."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"still not so after {seconds} seconds"
        time.sleep(0.01)
    return value


@dataclass
class Server:
    """A running server, and how to speak to it."""

    process: subprocess.Popen
    port: int
    folder: Path
    inputs: dict[str, Any] = field(default_factory=dict)
    openapi: dict[str, Any] = field(default_factory=dict)
    states: list[str] = field(default_factory=list)

    def wait(self) -> "Server":
        """Look at the server's health until it is no longer starting."""
        while not self.states or self.states[-1] == "STARTING":
            with contextlib.suppress(ConnectionRefusedError):
                self.states.append(self.health())
            assert self.process.poll() is None
            time.sleep(0.01)
        return self

    def health(self) -> str:
        return self.ask("GET", "/health-check")[1]["status"]

    @contextlib.contextmanager
    def open(self, method: str, path: str, body: Any = None, **headers: str):
        """The answer to a request, for as long as it is wanted."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=DEADLINE)
        content = {"Content-Type": "application/json"} if body is not None else {}
        try:
            connection.request(method, path, json.dumps(body), content | headers)
            with connection.getresponse() as answer:
                yield answer
        finally:
            connection.close()

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        with self.open(method, path, body, **headers) as answer:
            return answer.status, json.loads(answer.read() or "null")

    @contextlib.contextmanager
    def begin(self, method: str, path: str, inputs: dict[str, Any], **headers: str):
        """The answer to a request for a drawing, once the server takes it.

        A server is busy for a moment after the answer to the request before.
        """
        body, end = {"input": self.inputs | inputs}, time.monotonic() + DEADLINE
        while time.monotonic() < end:
            with self.open(method, path, body, **headers) as answer:
                if answer.status != 409:
                    assert answer.status == 200, answer.read()
                    yield answer
                    return
        raise AssertionError(f"still busy after {DEADLINE} seconds")

    def predict(self, **inputs: Any) -> dict[str, Any]:
        """One drawing."""
        with self.begin("POST", "/predictions", inputs) as answer:
            return json.load(answer)

    @contextlib.contextmanager
    def stream(self, number: str = "", **inputs: Any):
        """Events of one drawing, `(event, data)` each."""
        method, path = ("PUT", f"/predictions/{number}") if number else ("POST", "/predictions")
        with self.begin(method, path, inputs, Accept="text/event-stream") as answer:
            yield events(answer)

    def folders(self) -> list[Path]:
        """What drawings keep on the disk; torch and the server have folders of their own."""
        files = (self.folder / "tmp").iterdir()
        return [file for file in files if not file.name.startswith(("torchinductor_", "coglet-"))]

    def worker(self) -> int:
        found = subprocess.run(
            ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
        ).stdout
        pairs = (line.split() for line in found.splitlines())
        return next(int(pid) for pid, parent in pairs if int(parent) == self.process.pid)

    def megabytes(self) -> float:
        """Memory of the worker."""
        line = ["ps", "-o", "rss=", "-p", str(self.worker())]
        return int(subprocess.run(line, capture_output=True, check=True).stdout) / 1024


def events(answer: http.client.HTTPResponse) -> Iterator[tuple[str, dict]]:
    event = ""
    for line in answer:
        name, _, value = line.decode().strip().partition(": ")
        if name == "event":
            event = value
        elif name == "data":
            yield event, json.loads(value)


@contextlib.contextmanager
def serving(reference: str, openapi: dict, root: Path = ROOT, more=()):
    with short_folder() as folder:
        port = free_port()
        with pytest.MonkeyPatch.context() as patch:
            # The GNU C library keeps freed memory for later, now more and now less of it; so little
            # that what a server takes is what it uses.
            patch.setenv("MALLOC_MMAP_THRESHOLD_", "131072")
            patch.setenv("MALLOC_ARENA_MAX", "1")
            process = serve.launch(reference, openapi, folder, HOST, port, root, more)
        try:
            yield Server(process, port, folder, openapi=openapi)
        finally:
            serve.stop(process)


@contextlib.contextmanager
def short_folder() -> Iterator[Path]:
    """On macOS the server has sockets below it, whose paths may be no longer than 104 bytes."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)


def free_port() -> int:
    with socket.create_server((HOST, 0)) as taken:
        return taken.getsockname()[1]


@pytest.fixture(scope="module", params=form.predictors(ROOT))
def server(request, tmp_path_factory):
    name = request.param
    folder = tmp_path_factory.mktemp(name)
    openapi = schema.of(ROOT, name)
    class_name = form.reference(ROOT, name)[1]
    (folder / "small.py").write_text(small(name, class_name))
    known = openapi["components"]["schemas"]["Input"]["properties"]
    with serving(f"{folder}/small.py:{class_name}", openapi) as started:
        started.inputs = examples.over_http(tiny.inputs(name, known))
        yield started.wait()


def test_health_goes_from_starting_to_ready(server):
    assert list(dict.fromkeys(server.states)) == ["STARTING", "READY"]
    assert server.ask("GET", "/openapi.json") == (200, server.openapi)


def test_a_prediction_hands_out_files(server):
    answer = server.predict()
    assert answer["status"] == "succeeded", answer
    kinds = {uri.partition(";")[0] for uri in answer["output"]}
    if takes_steps(server):
        assert {"data:image/png", "data:image/svg+xml", "data:video/mp4"} <= kinds
        assert answer["metrics"]["steps"] == TINY["steps"]
    assert kinds and answer["metrics"]["step"] == answer["metrics"]["steps"]
    kept = [file for folder in server.folders() for file in folder.iterdir()]
    assert len(kept) == len(answer["output"]), "the server reads them when it comes to it"


def takes_steps(server: Server) -> bool:
    """Whether it draws step by step; what does not has no losses, and is done in a moment."""
    return "steps" in server.openapi["components"]["schemas"]["Input"]["properties"]


@pytest.fixture
def drawing_server(server):
    """A server whose predictor draws step by step."""
    if not takes_steps(server):
        pytest.skip("it takes no steps")
    return server


def test_a_stream_tells_losses_and_files_as_they_come(drawing_server):
    server = drawing_server
    with server.stream() as stream:
        seen = list(stream)
    names = [event for event, _ in seen]
    assert names[0] == "start" and names[-1] == "completed"
    assert seen[-1][1]["status"] == "succeeded"
    metrics = [data for event, data in seen if event == "metric"]
    steps = [data["value"] for data in metrics if data["name"] == "step"]
    assert steps == list(range(TINY["steps"] + 1))
    losses = {data["name"] for data in metrics} - {"step", "steps"}
    assert losses
    for name in losses:
        values = [data["value"] for data in metrics if data["name"] == name]
        assert len(values) == len(steps) and all(isinstance(x, float) for x in values)
    outputs = [data["chunk"] for event, data in seen if event == "output"]
    assert outputs == seen[-1][1]["output"]
    assert names.index("output") < len(names) - 1 - names[::-1].index("metric")


def started(stream: Iterator[tuple[str, dict]]) -> None:
    """Read on until the drawing takes steps."""
    for event, data in stream:
        assert event != "completed", data
        if event == "metric" and data["name"] == "step" and data["value"] >= 2:
            return


def test_a_drawing_is_cancelled_by_its_id(drawing_server):
    server = drawing_server
    with server.stream("to-cancel", **ENDLESS) as stream:
        started(stream)
        assert server.folders()
        asked = time.monotonic()
        assert server.ask("POST", "/predictions/to-cancel/cancel") == (200, {})
        event, data = list(stream)[-1]
        until(lambda: not server.folders(), asked + 2 - time.monotonic())
    assert event == "completed" and data["status"] == "canceled"
    assert server.predict()["status"] == "succeeded"


def test_a_drawing_that_nobody_waits_for_stops(drawing_server):
    server = drawing_server
    with server.stream(**ENDLESS) as stream:
        started(stream)
        assert server.folders()
    until(lambda: not server.folders(), 2)
    assert server.predict()["status"] == "succeeded"


def test_who_comes_second_is_told_that_the_server_is_busy(drawing_server):
    server = drawing_server
    with server.stream(**ENDLESS) as stream:
        started(stream)
        assert server.health() == "BUSY"
        status, answer = server.ask("POST", "/predictions", {"input": server.inputs})
        assert status == 409 and "all prediction slots busy" in answer["error"]
    assert server.predict()["status"] == "succeeded"


def wrong_values(rules: dict[str, Any], choices: list | None) -> Iterator[Any]:
    """Values that an input with these rules does not allow."""
    yield None
    yield [1]
    yield {"a": 1}
    if choices or rules["type"] == "string":
        yield from (3, True)
    if choices:
        yield f"{choices[0]} "
        return
    if rules["type"] != "string":
        yield from ("2", "many", "")
    if rules["type"] in ("integer", "number"):
        yield True
    if rules["type"] == "integer":
        yield 2.5
    if rules["type"] == "boolean":
        yield from (1, "true")
    if "minimum" in rules:
        yield from (rules["minimum"] - 1, -1e300)
    if "maximum" in rules:
        yield from (rules["maximum"] + 1, 10**30)
    if "pattern" in rules:
        yield from ("", "red", "#fff")


def required(server: Server) -> list[str]:
    return server.openapi["components"]["schemas"]["Input"].get("required", [])


def test_every_kind_of_bad_input_is_refused_by_name(server):
    schemas = server.openapi["components"]["schemas"]
    for name, rules in schemas["Input"]["properties"].items():
        choices = schemas[name]["enum"] if "allOf" in rules else None
        for value in wrong_values(rules, choices):
            body = {"input": server.inputs | {name: value}}
            status, answer = server.ask("POST", "/predictions", body)
            assert status == 422, (name, value, answer)
            assert all(part["loc"] == ["body", "input", name] for part in answer["detail"])
    if required(server):
        status, answer = server.ask("POST", "/predictions", {"input": {}})
        missing = [part["loc"] for part in answer["detail"]]
        assert (status, missing) == (422, [["body", "input", name] for name in required(server)])
    assert server.health() == "READY"


def test_what_is_no_request_is_refused(server):
    with server.open("POST", "/predictions", **{"Content-Type": "application/json"}) as answer:
        assert answer.status in (400, 422)
    with server.open("POST", "/predictions", {}, **{"Content-Type": "text/plain"}) as answer:
        assert answer.status == 415
    assert server.health() == "READY"


def test_a_prediction_that_fails_leaves_the_server_healthy(server):
    inputs = server.openapi["components"]["schemas"]["Input"]["properties"]
    name = next(name for name in [*required(server), *inputs] if name in WRONG)
    value, words = WRONG[name]
    answer = server.predict(**{name: value})
    assert answer["status"] == "failed" and words in answer["error"]
    assert server.predict()["status"] == "succeeded"


SHELL = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0} {0}">{1}</svg>'
HOSTILE = {
    "a billion laughs": "<!DOCTYPE svg [<!ENTITY a0 'ha'>"
    + "".join(f"<!ENTITY a{i} '{f'&a{i - 1};' * 10}'>" for i in range(1, 10))
    + "]>"
    + SHELL.format(9, "<desc>&a9;</desc>"),
    "a file of the machine": "<!DOCTYPE svg [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>"
    + SHELL.format(9, "<desc>&a;</desc>"),
    "a huge canvas": SHELL.format("1e300", '<path d="M0 0L1e300 1e300" stroke="red"/>'),
    "a canvas without end": SHELL.format("1e999", '<path d="M0 0L9 9" stroke="red"/>'),
    "nested without end": SHELL.format(9, "<g>" * 100000 + "</g>" * 100000),
    "no numbers": SHELL.format("nan", '<path d="M0 0Lnan inf" stroke="red"/>'),
    "no picture": "\x00\x89PNG",
    "uses itself": SHELL.format(
        9, '<defs><g id="a"><use href="#a"/><use href="#a"/></g></defs><use href="#a"/>'
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_drawing_does_not_take_the_server_down(server, name):
    if "drawing" not in server.openapi["components"]["schemas"]["Input"]["properties"]:
        pytest.skip("it takes no drawing")
    data = base64.b64encode(HOSTILE[name].encode()).decode()
    worker = server.worker()
    answer = server.predict(drawing=f"data:image/svg+xml;base64,{data}")
    assert answer["status"] == "failed", answer["status"]
    assert "drawing: " in answer["error"] and len(answer["error"]) < 1000
    assert server.worker() == worker


def test_a_huge_canvas_is_refused(server):
    if "width" not in server.openapi["components"]["schemas"]["Input"]["properties"]:
        pytest.skip("it has no canvas")
    status, _ = server.ask("POST", "/predictions", {"input": server.inputs | {"width": 10**9}})
    assert status == 422


def test_fifty_drawings_leak_neither_memory_nor_files(server):
    for _ in range(5):
        server.predict()
    before = server.megabytes()
    files = len(server.predict()["output"])
    for _ in range(50):
        answer = server.predict()
        assert answer["status"] == "succeeded" and len(answer["output"]) == files
    assert server.megabytes() - before < LEAK
    assert len(server.folders()) <= 1, "what the last run handed out, and nothing else"


@pytest.mark.parametrize("name", form.predictors(ROOT))
def test_a_run_loads_no_package_that_the_setup_has_not_loaded(name):
    """Cancelled in the middle of an import, it would leave half a package to the next run."""
    fields = form.fields(form.load(ROOT, name).run)
    given = tiny.inputs(name, fields)
    inputs = form.parse(fields, [f"{key}={value}" for key, value in given.items()])
    class_name = form.reference(ROOT, name)[1]
    code = small(name, class_name) + (
        "import sys\n"
        "from cog import Path\n"
        f"predictor = {class_name}()\n"
        "predictor.setup()\n"
        "predictor.record_metric = lambda *_: None\n"
        "before = {module.partition('.')[0] for module in sys.modules}\n"
        f"assert list(predictor.run(**{inputs!r}))\n"
        "print({module.partition('.')[0] for module in sys.modules} - before or 'none')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "none"


def test_files_stay_until_the_next_run(monkeypatch, tmp_path):
    """The server reads them after they were yielded: what is gone by then is lost."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = Folder()
    for content in ("first", "second"):
        with folder.fresh() as path:
            (path / "file").write_text(content)
        assert [file.read_text() for file in tmp_path.glob("*/file")] == [content]
    with pytest.raises(KeyboardInterrupt), folder.fresh() as path:
        (path / "file").write_text("cancelled")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


# --- a listener of ours, for webhooks and uploads -------------------------------------------------


class Listener(http.server.BaseHTTPRequestHandler):
    """Keeps what it is sent."""

    def take(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.command, self.path, body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_PUT = take

    def log_message(self, *_):
        """Says nothing."""


@pytest.fixture
def listener():
    with http.server.ThreadingHTTPServer((HOST, 0), Listener) as listening:
        listening.got = []
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield listening
        listening.shutdown()
        thread.join()


def accepted(server: Server, body: dict) -> dict | None:
    """The answer to a request that nobody waits for, if the server takes it."""
    status, answer = server.ask("PUT", "/predictions/hooked", body, Prefer="respond-async")
    return answer if status == 202 else None


def test_a_webhook_is_told_how_an_asynchronous_drawing_goes(server, listener):
    body = {
        "input": server.inputs,
        "webhook": f"http://{HOST}:{listener.server_port}/hook",
        "webhook_events_filter": ["start", "output", "completed"],
    }
    answer = until(lambda: accepted(server, body))
    assert answer["id"] == "hooked"

    def ended() -> dict | None:
        # Two that are told within a millisecond may change places on their way.
        told = [json.loads(body) for _, _, body in listener.got]
        return next((each for each in told if each["status"] == "succeeded"), None)

    last = until(ended)
    assert last["id"] == "hooked" and len(last["output"]) >= 2
    assert {(method, path) for method, path, _ in listener.got} == {("POST", "/hook")}
    statuses = [json.loads(body)["status"] for _, _, body in listener.got]
    assert statuses[0] in ("starting", "processing")


# --- scripts/serve itself, with predictors that start at once -------------------------------------

QUICK = '''
import tempfile
from collections.abc import Iterator

from cog import BaseRunner, Input, Path, streaming


class Predictor(BaseRunner):
    """Writes two files."""

    def setup(self):
        {setup}

    @streaming
    def run(self, {name}: str = Input(description="Anything", default="")) -> Iterator[Path]:
        folder = tempfile.mkdtemp()
        for file in (Path(folder, "one.txt"), Path(folder, "two.txt")):
            file.write_text(file.stem)
            yield file
'''


def write_predictor(root: Path, name: str, setup: str = "pass") -> None:
    folder = root / "predictors" / name
    folder.mkdir(parents=True)
    (folder / "predict.py").write_text(QUICK.format(name=f"of_{name}", setup=setup))
    (folder / "cog.yaml").write_text(f'run: "predictors/{name}/predict.py:Predictor"\n')


def test_files_are_uploaded_where_one_asks_for_it(tmp_path, listener):
    write_predictor(tmp_path, "one")
    more = ["--upload-url", f"http://{HOST}:{listener.server_port}/files"]
    reference = f"{tmp_path}/predictors/one/predict.py:Predictor"
    with serving(reference, schema.of(tmp_path, "one"), tmp_path, more) as started:
        answer = started.wait().predict()
    assert answer["status"] == "succeeded"
    # In the order in which the uploads ended.
    names = [Path(urllib.parse.urlparse(url).path).name for url in answer["output"]]
    assert sorted(names) == ["one.txt", "two.txt"]
    assert sorted((got[0], got[2]) for got in listener.got) == [("PUT", b"one"), ("PUT", b"two")]


@contextlib.contextmanager
def script(root: Path, temporary: Path, name: str, *options: str):
    """`scripts/serve` for the predictors below `root`."""
    code = (
        "import sys; from pathlib import Path; from scripts import serve; "
        f"sys.exit(serve.main({[name, *options]!r}, Path({str(root)!r})))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            process.kill()
        # Not communicate(): a server left behind would hold the pipe's other end.
        process.stderr.close()


def curl(process: subprocess.Popen) -> list[str]:
    """The line to try, once the server is ready."""
    return shlex.split(next(line for line in process.stderr if line.startswith("curl ")))


def test_two_servers_from_one_checkout_and_ctrl_c_ends_each(tmp_path):
    for name in ("one", "two"):
        write_predictor(tmp_path, name)
    with (
        short_folder() as temporary,
        script(tmp_path, temporary, "one", "--port", str(free_port())) as one,
        script(tmp_path, temporary, "two", "--port", str(free_port())) as two,
    ):
        for name, process in (("one", one), ("two", two)):
            words = curl(process)
            port = int(re.search(r":(\d+)/predictions$", words[1])[1])
            server = Server(process, port, tmp_path)
            body = json.loads(words[words.index("-d") + 1])
            assert server.ask("POST", "/predictions", body)[1]["status"] == "succeeded"
            _, openapi = server.ask("GET", "/openapi.json")
            assert list(openapi["components"]["schemas"]["Input"]["properties"]) == [f"of_{name}"]
        assert len(list(temporary.iterdir())) == 2
        for process, number, code in ((one, signal.SIGINT, 130), (two, signal.SIGTERM, 143)):
            process.send_signal(number)
            _, said = process.communicate(timeout=DEADLINE)
            assert process.returncode == code and "Traceback" not in said
        assert list(temporary.iterdir()) == []


def test_a_setup_that_fails_is_reported(tmp_path):
    write_predictor(tmp_path, "broken", setup='raise OSError("no ink in the house")')
    reference = f"{tmp_path}/predictors/broken/predict.py:Predictor"
    with serving(reference, schema.of(tmp_path, "broken"), tmp_path) as started:
        started.wait()
        _, state = started.ask("GET", "/health-check")
        assert state["status"] == "SETUP_FAILED" and state["setup"]["status"] == "failed"
        assert "no ink in the house" in state["setup"]["logs"]
        assert started.ask("POST", "/predictions", {"input": {}})[0] == 503
    with (
        short_folder() as temporary,
        script(tmp_path, temporary, "broken", "--port", str(free_port())) as process,
    ):
        _, said = process.communicate(timeout=DEADLINE)
    assert process.returncode == 1
    assert "scripts/serve: broken could not be set up" in said


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["clipdrow"], "there is no predictor 'clipdrow'; did you mean clipdraw?"),
        (["clipdraw", "--port", "70000"], "port 70000"),
        (["clipdraw", "--host", "256.0.0.1"], "cannot listen at 256.0.0.1"),
    ],
)
def test_what_cannot_be_served_is_refused(argv, words, capsys, monkeypatch):
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert serve.main(argv) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("name", form.predictors(ROOT))
def test_the_line_to_try_draws_the_first_example(name):
    line = serve._ready(ROOT, name, "http://127.0.0.1:5000").splitlines()[2]
    assert len(line) < 400
    shell = "curl() { for word; do printf '%s\\0' \"$word\"; done; }; "
    done = subprocess.run(["sh", "-c", shell + line], capture_output=True, text=True, check=True)
    words = done.stdout.split("\0")
    assert words[0] == "http://127.0.0.1:5000/predictions"
    body = json.loads(words[words.index("-d") + 1])
    assert body == {"input": examples.over_http(examples.of(ROOT, name)[0])}


def test_a_port_that_is_taken_is_named(listener, capsys, monkeypatch):
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert serve.main(["clipdraw", "--port", str(listener.server_port)]) == 2
    assert "choose another with --port" in capsys.readouterr().err
