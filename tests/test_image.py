"""What can be known of images without building one; scripts/test-image builds them."""

import contextlib
import hashlib
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from losses.encoders.openclip import OPENAI_B32
from scripts import form, image, requirements, warm

ROOT = Path(__file__).resolve().parent.parent
# One instruction a line, without comments.
DOCKERFILE = re.sub(
    r"\\\n\s*", "", re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.M)
).splitlines()
LAST = DOCKERFILE[max(n for n, line in enumerate(DOCKERFILE) if line.startswith("FROM ")) :]


@contextlib.contextmanager
def answering(answer: Callable[[str], tuple[int, dict[str, str], bytes]]) -> Iterator[int]:
    """A server on loopback that answers a path with status, headers and content; its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            status, headers, content = answer(self.path)
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(content))}).items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        do_HEAD = do_GET

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


# --- the Dockerfile -------------------------------------------------------------------------------


def test_the_image_runs_as_nobody_and_has_no_tool_to_build_with():
    assert [line for line in LAST if line.startswith("USER")] == ["USER 65534:65534"]
    assert not [line for line in LAST if line.startswith(("RUN", "ADD"))]
    assert LAST[0] == "FROM $BASE"


def test_what_is_copied_is_there_and_not_left_out():
    words = [
        line.replace("$PREDICTOR", "conform").split()
        for line in DOCKERFILE
        if line.startswith("COPY ")
    ]
    copied = {name for _, *names, _ in words if not names[0].startswith("--") for name in names}
    assert {"clipdraw", "journeys", "losses", "predictors", "constraints.txt"} <= copied
    left_out = (ROOT / ".dockerignore").read_text().splitlines()
    for name in copied:
        assert (ROOT / name).exists() and name not in left_out, name


def stage(name: str) -> list[str]:
    """The instructions of one stage, the first of which is its FROM."""
    starts = [n for n, line in enumerate(DOCKERFILE) if line.startswith("FROM ")]
    (start,) = (n for n in starts if DOCKERFILE[n].endswith(f" AS {name}"))
    return DOCKERFILE[start : min(n for n in [*starts, len(DOCKERFILE)] if n > start)]


def test_an_image_has_what_its_predictor_needs_and_cog(tmp_path):
    """The line that makes a list of names is run."""
    (line,) = (line.removeprefix("RUN ") for line in stage("needs") if line.startswith("RUN "))
    shutil.copy(ROOT / "predictors/conform/requirements.txt", tmp_path)
    subprocess.run(["sh", "-c", line], cwd=tmp_path, check=True)
    names = (tmp_path / "names.txt").read_text().split()
    light = ["av", "cog", "defusedxml", "jaxtyping", "numpy", "opentimelineio"]
    assert names == [*light, "otio-cmx3600-adapter"]
    tested = requirements.versions(ROOT)
    assert all(name in tested for name in names), "constraints.txt has its version"


def test_layers_know_no_predictor_by_name_that_others_could_share():
    """Whatever comes after ARG PREDICTOR is made anew for each."""
    assert not [line for line in [*stage("packages"), *stage("warm")] if "PREDICTOR" in line]
    own = LAST.index("ARG PREDICTOR")
    assert [line.split()[0] for line in LAST[own:]] == ["ARG", "ENV"]
    assert LAST[own - 1].startswith("COPY --from=schema")


def test_every_predictor_is_set_up_that_can_be(monkeypatch, capsys):
    told = []
    monkeypatch.setattr(warm.form, "load", lambda root, name: lambda: Setup(name, told))
    monkeypatch.setattr(warm, "_is_there", lambda package: package not in ("torch", "torchvision"))
    assert warm.main(ROOT) == 0
    assert told == ["conform"]
    said = capsys.readouterr().out
    assert "clipdraw: left out, there is no torch\n" in said and "conform: set up\n" in said
    monkeypatch.undo()
    assert [name for name in form.predictors(ROOT) if warm.absent(ROOT, name)] == []


class Setup:
    """A predictor that only says that it was set up."""

    def __init__(self, name: str, told: list[str]):
        self.name, self.told = name, told

    def setup(self) -> None:
        self.told.append(self.name)


def test_what_is_made_in_advance_is_what_the_server_finds():
    """Python's and Numba's: from the same sources, at the same place, for the same kind of CPU."""
    variables = [dict(re.findall(r"(\w+)=(\S+)", line)) for line in DOCKERFILE if line[:3] == "ENV"]
    made, found = (
        next(one for one in variables if "PYTHONPYCACHEPREFIX" in one),
        next(one for one in reversed(variables) if "PYTHONPYCACHEPREFIX" in one),
    )
    assert made is not found
    assert made["PYTHONPYCACHEPREFIX"] == found["PYTHONPYCACHEPREFIX"]
    assert [one["NUMBA_CPU_NAME"] for one in variables if "NUMBA_CPU_NAME" in one] == [
        "generic"
    ] * 2
    command = json.loads(next(line for line in LAST if line.startswith("CMD")).removeprefix("CMD "))
    assert any(f"mkdir -p {made['NUMBA_CACHE_DIR']}" in line for line in stage("warm"))
    copy, _, server = command[2].partition(" && exec ")
    assert copy == f"cp -r {made['NUMBA_CACHE_DIR']} {Path(found['NUMBA_CACHE_DIR']).parent}"
    assert server == "python -m cog.server.http"
    assert DOCKERFILE.count("WORKDIR /src") == 2


@pytest.mark.parametrize(
    ("status", "code"), [("READY", 0), ("BUSY", 0), ("STARTING", 1), ("SETUP_FAILED", 1)]
)
def test_the_health_check_goes_by_what_the_server_says(status, code):
    (line,) = (line for line in LAST if line.startswith("HEALTHCHECK"))
    python, *words = json.loads(line.partition(" CMD ")[2])
    assert python == "python"
    answer = json.dumps({"status": status}).encode()
    with answering(lambda path: (200 if path == "/health-check" else 404, {}, answer)) as port:
        done = subprocess.run([sys.executable, *words], env=os.environ | {"PORT": str(port)})
    assert done.returncode == code


def test_the_health_check_fails_where_nobody_answers():
    (line,) = (line for line in LAST if line.startswith("HEALTHCHECK"))
    words = json.loads(line.partition(" CMD ")[2])[1:]
    with answering(lambda path: (200, {}, b"")) as port:
        pass
    done = subprocess.run(
        [sys.executable, *words], env=os.environ | {"PORT": str(port)}, stderr=subprocess.DEVNULL
    )
    assert done.returncode == 1


# --- scripts/test-image ---------------------------------------------------------------------------

ANSWER = {
    "status": "succeeded",
    "output": [f"data:{kind};base64,PHBhdGg+PHBhdGg+" for kind in ["image/png", *image.KINDS]],
}


def test_a_client_that_is_not_there_is_a_skip_that_says_why(monkeypatch, capsys):
    monkeypatch.setenv("DOCKER", "no-such-client")
    assert image.main() == 0
    said = capsys.readouterr().out
    assert said.startswith("scripts/test-image: skipped, no image was built: there is no no-such-")
    assert said.endswith("; install Docker and start it, or name its client in DOCKER\n")


@pytest.fixture
def pretender(tmp_path, monkeypatch):
    """Become a client that writes down what it is asked to do, and does what a script says."""

    def become(script: str) -> Path:
        file, log = tmp_path / "pretender", tmp_path / "log"
        file.write_text(f'#!/bin/sh\necho "$*" >>{log}\n{script}\n')
        file.chmod(0o755)
        monkeypatch.setenv("DOCKER", str(file))
        return log

    return become


def test_an_engine_that_does_not_answer_is_a_skip_that_says_why(pretender, capsys):
    pretender("echo 'cannot connect' >&2; exit 1")
    assert image.main() == 0
    said = capsys.readouterr().out
    assert "skipped, no image was built: no engine answers" in said and "(cannot connect)" in said


def test_a_build_that_fails_is_no_skip(pretender, capfd, monkeypatch):
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    log = pretender("[ $1 != build ]")
    assert image.main() == 1
    assert capfd.readouterr().err == "scripts/test-image: docker build failed, see above\n"
    assert log.read_text().splitlines() == [
        "info",
        f"build --network host --build-arg PREDICTOR=clipdraw -t cog-clipdraw:test {ROOT}",
    ]


def test_pytorch_comes_from_the_folder_that_pip_takes_it_from(pretender, monkeypatch, tmp_path):
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    log = pretender("")
    image.build(ROOT, ["clipdraw"])
    assert re.search(r"TORCH_FROM=--find-links http://127\.0\.0\.1:\d+/ ", log.read_text())


def test_a_container_is_as_locked_as_can_be_and_taken_away(pretender):
    state = json.dumps({"Running": True, "Health": {"Status": "healthy"}})
    log = pretender(
        f"case $* in run*) echo it;; exec*) echo '{json.dumps(ANSWER)}';; *json*) echo '{state}';;"
        " *ExitCode*) echo 137;; esac"
    )
    with pytest.raises(image.Failure, match="x ends with the code 137 when it is stopped"):
        image.run("x", image.INPUTS)
    did = log.read_text().splitlines()
    locks = ["--network none", "--read-only", "--cap-drop ALL", "--tmpfs /tmp", "no-new-privileges"]
    assert did[0].startswith("run ") and all(lock in did[0] for lock in locks)
    assert did[-1] == "rm --force it"


def test_a_server_that_ended_shows_its_log(pretender):
    state = json.dumps({"Running": False, "Health": {"Status": "unhealthy"}})
    pretender(f"case $* in *json*) echo '{state}';; logs*) echo its last words;; esac")
    with pytest.raises(image.Failure, match="not ready .*\nits last words"):
        image.run("x", None)


def test_a_drawing_is_looked_at():
    files = image.handed_out(ANSWER)
    assert image.drawn(files) == b"<path><path>"
    with pytest.raises(image.Failure, match="has no application/json and no video/mp4, only"):
        image.drawn(files[:-2])
    with pytest.raises(image.Failure, match="the drawing is empty"):
        image.drawn([(kind, b"<") for kind in image.KINDS])


def test_what_a_server_answers_is_looked_at():
    with pytest.raises(image.Failure, match="the work failed: no paper"):
        image.handed_out({"status": "failed", "error": "no paper"})
    with pytest.raises(image.Failure, match="nothing was handed out"):
        image.handed_out({"status": "succeeded", "output": []})


def test_one_is_built_of_each_set_of_needs_and_two_of_the_default_one(tmp_path):
    torch, light = "torch==2.11.0\n", "# needs: numpy\nnumpy==2.4.6\n"
    for name, text in {"a": light, "b": torch, "clipdraw": torch, "d": light, "e": torch}.items():
        (tmp_path / "predictors" / name).mkdir(parents=True)
        (tmp_path / "predictors" / name / "cog.yaml").touch()
        (tmp_path / "predictors" / name / "requirements.txt").write_text(text)
    assert image.chosen(tmp_path) == ["clipdraw", "b", "a"]
    names = image.chosen(ROOT)
    assert names[0] == "clipdraw" and "conform" in names[2:]


# --- weights in Cog's images ----------------------------------------------------------------------


def test_the_build_fetches_the_weights_that_auto_looks_for(tmp_path):
    """Its line is run, with a hub of ours; only what the weights are worth is not seen."""
    (line,) = yaml.safe_load((ROOT / "cog.yaml").read_text())["build"]["run"]
    asked = []

    def hub(path):
        asked.append(path)
        digest = hashlib.sha256(b"weights").hexdigest()
        return 200, {"ETag": f'"{digest}"', "X-Repo-Commit": "c" * 40}, b"weights"

    with answering(hub) as port:
        more = {
            "HF_ENDPOINT": f"http://127.0.0.1:{port}",
            "HF_HOME": str(tmp_path),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        subprocess.run(["sh", "-c", line], env=os.environ | more, check=True)
    assert f"/{OPENAI_B32}resolve/main/open_clip_model.safetensors" in asked
    find = "from losses.encoders.openclip import *; print(find_cached(OPENAI_B32).read_text())"
    done = subprocess.run(
        [sys.executable, "-c", find],
        env=os.environ | {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "weights\n", done.stderr


# --- continuous integration -----------------------------------------------------------------------


def workflow(name: str) -> dict:
    return yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text())["jobs"]


def test_cog_builds_every_predictor_with_the_version_that_is_in_the_image(tmp_path):
    jobs = workflow("cog")
    listing = jobs["predictors"]["steps"][-1]["run"]
    environment = os.environ | {"GITHUB_OUTPUT": str(tmp_path / "output")}
    subprocess.run(["bash", "-c", listing], env=environment, cwd=ROOT, check=True)
    name, _, names = (tmp_path / "output").read_text().partition("=")
    assert name == "names" and json.loads(names) == form.predictors(ROOT)
    (cog,) = (step for step in jobs["build"]["steps"] if "setup-cog" in step.get("uses", ""))
    sdk = yaml.safe_load((ROOT / "cog.yaml").read_text())["build"]["sdk_version"]
    assert cog["with"]["cog-version"] == f"v{sdk}"


def test_all_ways_to_check_a_change_try_the_images():
    runs = [step["run"] for step in workflow("images")["test"]["steps"] if "run" in step]
    assert runs == ["scripts/test-image"]
    assert (ROOT / ".ci/run").read_text().splitlines()[-1] == "scripts/test-image"
