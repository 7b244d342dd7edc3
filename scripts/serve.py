"""Serve a predictor over HTTP by Cog's own server, without Docker: `scripts/serve [PREDICTOR]`.

The server expects what it finds in an image: `python` on the PATH, our packages importable, and the
schema in the folder that it stands in, without which it validates and streams nothing. Each server
gets a temporary folder with all this, so that several can run from one checkout.
"""

import argparse
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts import examples, form, schema
from scripts.predict import DEFAULT, INTERRUPTED

ROOT = Path(__file__).resolve().parent.parent
# Seconds that a server has to end by itself: it waits for the drawing that is on its way.
PATIENCE = 3.0
# Seconds between two looks at a server that is starting.
LOOK = 0.1


def main(argv: list[str] | None = None, root: Path = ROOT) -> int:
    """The command line; returns the exit code."""
    given = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    # A shell that starts us in the background hands SIGINT down ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        openapi = schema.of(root, given.predictor)
        file, class_name = form.reference(root, given.predictor)
        _check_port(given.host, given.port)
    except ValueError as error:
        print(f"scripts/serve: {error}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="serve-") as folder:
        process = launch(
            f"{file}:{class_name}", openapi, Path(folder), given.host, given.port, root
        )
        try:
            return _attend(process, root, given.predictor, f"http://{given.host}:{given.port}")
        except KeyboardInterrupt:
            return INTERRUPTED
        finally:
            stop(process)


def launch(
    reference: str,
    openapi: dict[str, Any],
    folder: Path,
    host: str,
    port: int,
    root: Path = ROOT,
    more: Sequence[str] = (),
) -> subprocess.Popen:
    """Start Cog's server for the class `FILE:CLASS`.

    Args:
        folder: an empty one, for the server alone; what its worker leaves behind lies in `tmp`. Its
            path is short: on macOS there are sockets below it, whose paths may have 104 bytes.
        root: where the predictor's packages are.
        more: options of Cog's server.
    """
    (folder / ".cog").mkdir()
    (folder / ".cog/openapi_schema.json").write_text(json.dumps(openapi))
    (folder / "tmp").mkdir()
    environment = os.environ | {
        "PORT": str(port),
        "COG_PREDICT_TYPE_STUB": reference,
        # The server starts its worker as the first `python` of the PATH.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "PYTHONPATH": str(root),
        "TMPDIR": str(folder / "tmp"),
        "LOG_FORMAT": os.environ.get("LOG_FORMAT", "console"),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "cog.server.http", "--host", host, *more],
        cwd=folder,
        env=environment,
        # A Ctrl-C on the terminal is for us, who end the server and its worker in order.
        start_new_session=True,
    )


def stop(process: subprocess.Popen) -> None:
    """End a server and its worker, kindly first."""
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def health(url: str) -> dict[str, Any]:
    """What the server says of itself; of one that does not answer yet, that it is starting."""
    try:
        with urllib.request.urlopen(f"{url}/health-check", timeout=10) as answer:
            return json.load(answer)
    except urllib.error.URLError:
        return {"status": "STARTING"}


def _attend(process: subprocess.Popen, root: Path, name: str, url: str) -> int:
    """Say when the server is ready, and stay until it ends."""
    while (state := health(url))["status"] == "STARTING" and process.poll() is None:
        time.sleep(LOOK)
    if state["status"] == "SETUP_FAILED":
        print(f"scripts/serve: {name} could not be set up, see above", file=sys.stderr)
        return 1
    if process.poll() is None:
        print(_ready(root, name, url), file=sys.stderr, flush=True)
    return process.wait()


def _ready(root: Path, name: str, url: str) -> str:
    """What to say of a server that is ready, with a line that draws the first example."""
    inputs = next(iter(examples.of(root, name)), {})
    files = {key: value for key, value in inputs.items() if examples.is_file(value)}
    body = shlex.quote(json.dumps({"input": inputs | {key: f"<{key}>" for key in files}}))
    for key, file in files.items():
        # The shell puts the file in, so that the line stays short.
        content = f"$(base64 <{shlex.quote(file)} | tr -d '\\n')"
        body = body.replace(f"<{key}>", f"data:{examples.kind(file)};base64,'\"{content}\"'")
    curl = f"curl {url}/predictions -H 'Content-Type: application/json' -d {body} -o answer.json"
    return f"{name} is served at {url}; Ctrl-C ends it. Try:\n\n{curl}\n"


def _check_port(host: str, port: int) -> None:
    try:
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((host, port))
    except (OSError, OverflowError) as error:
        raise ValueError(
            f"cannot listen at {host}, port {port} ({error}); choose another with --port"
        ) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/serve",
        description="Serve a predictor over HTTP by Cog's own server, without Docker.",
        allow_abbrev=False,
    )
    parser.add_argument("predictor", nargs="?", default=DEFAULT, help=f"default {DEFAULT}")
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 to be reached from outside")
    parser.add_argument("--port", type=int, default=5000, help="default 5000")
    return parser


if __name__ == "__main__":
    sys.exit(main())
