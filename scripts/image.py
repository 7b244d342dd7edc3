"""Images as they are used: `scripts/test-image` builds, runs, pushes and pulls them.

It takes the container engine that answers: the client is `docker`, or what DOCKER names, which
finds its engine as always, by DOCKER_HOST. With a registry in REGISTRY, such as 127.0.0.1:5000, an
image is also pushed there, pulled by its digest and run again.
"""

import base64
import contextlib
import functools
import http.server
import json
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts import examples, form
from scripts.predict import DEFAULT

ROOT = Path(__file__).resolve().parent.parent
# What a drawing may do: look at its own files, and write to memory.
LOCKED = [
    *("--network", "none", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL"),
    *("--security-opt", "no-new-privileges"),
]
INPUTS = {"prompt": "a red heart", "preset": "quick", "seed": 7}
# What a drawing hands out at its end.
KINDS = ["image/svg+xml", "image/png", "video/mp4", "video/mp4", "application/json"]
# Seconds that a server may take to be ready, and to end.
START, END = 180, 20
# Seconds between two looks at a container that is starting.
LOOK = 0.2
# Runs inside the container, whose network nobody else reaches: inputs come in, the answer goes out.
ASK = """
import os, sys, urllib.request
url = f"http://127.0.0.1:{os.environ['PORT']}/predictions"
body, kind = sys.stdin.buffer.read(), {"Content-Type": "application/json"}
sys.stdout.write(urllib.request.urlopen(urllib.request.Request(url, body, kind)).read().decode())
"""


class Failure(Exception):
    """Something about an image is not as it should be."""


def main(root: Path = ROOT) -> int:
    """Build, run, push, pull, run; returns the exit code."""
    why = missing()
    if why:
        print(f"scripts/test-image: skipped, no image was built: {why}")
        return 0
    try:
        names = chosen(root)
        images = build(root, names)
        drawing = drawn(run(images[0], INPUTS))
        for name, image in zip(names[1:], images[1:], strict=True):
            same = needs(root, name) == needs(root, names[0])
            run(image, None if same else examples.over_http(examples.of(root, name)[0]))
        _sizes(images)
        if registry := os.environ.get("REGISTRY"):
            _there_and_back(images[0], registry, drawing)
            for image in images[1:]:
                docker("rmi", _push(image, registry))
        else:
            print("no image was pushed: no registry is named; set REGISTRY=127.0.0.1:5000 or so")
    except Failure as failure:
        print(f"scripts/test-image: {failure}", file=sys.stderr)
        return 1
    return 0


def missing() -> str:
    """Why no image can be built here; nothing where one can."""
    client = os.environ.get("DOCKER", "docker")
    way_out = "install Docker and start it, or name its client in DOCKER"
    try:
        done = subprocess.run([client, "info"], capture_output=True, text=True)
    except OSError as error:
        return f"there is no {client} ({error.strerror}); {way_out}"
    said = " ".join((done.stderr or done.stdout).split())
    return f"no engine answers `{client} info` ({said}); {way_out}" if done.returncode else ""


def docker(*words: str, feed: str | None = None, show: bool = False) -> str:
    """What a command of the container engine prints.

    Args:
        feed: the command's standard input.
        show: let a person see what it does; then there is nothing to return.
    """
    line = [os.environ.get("DOCKER", "docker"), *words]
    out = sys.stdout if show else subprocess.PIPE
    error = subprocess.STDOUT if show else subprocess.PIPE
    # Older clients build with BuildKit when they are asked to.
    more = os.environ | {"DOCKER_BUILDKIT": "1", "BUILDKIT_PROGRESS": "plain"}
    done = subprocess.run(line, input=feed, stdout=out, stderr=error, text=True, env=more)
    if done.returncode:
        said = f":\n{done.stderr.strip()}" if done.stderr else ", see above"
        raise Failure(f"docker {words[0]} failed{said}")
    return (done.stdout or "").strip()


def chosen(root: Path) -> list[str]:
    """The predictors whose images are built: the default one, another that needs the same packages,
    and one for each other set of needs. More would be the same again, but for their last layers.
    """
    kinds: dict[frozenset[str], list[str]] = {}
    for name in sorted(form.predictors(root), key=lambda name: name != DEFAULT):
        kinds.setdefault(needs(root, name), []).append(name)
    first, *others = kinds.values()
    return [*first[:2], *(names[0] for names in others)]


def needs(root: Path, name: str) -> frozenset[str]:
    """What a predictor's requirements.txt asks for."""
    lines = (root / "predictors" / name / "requirements.txt").read_text().splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))


def build(root: Path, names: list[str]) -> list[str]:
    """Build an image of each predictor; their tags."""
    tags = [f"cog-{name}:test" for name in names]
    with _wheels() as options:
        for name, tag in zip(names, tags, strict=True):
            start = time.monotonic()
            given = ["--build-arg", f"PREDICTOR={name}", *options, "-t", tag]
            # Where engines have no network of their own, builds use the machine's.
            docker("build", "--network", "host", *given, str(root), show=True)
            print(f"{tag}: built in {time.monotonic() - start:.0f} s", flush=True)
    return tags


@contextlib.contextmanager
def _wheels() -> Iterator[list[str]]:
    """Options for a build that finds PyTorch where pip does, where PIP_FIND_LINKS is a folder."""
    folder = os.environ.get("PIP_FIND_LINKS", "")
    if not folder or not Path(folder).is_dir():
        yield []
        return
    handler = functools.partial(_Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        try:
            yield ["--build-arg", f"TORCH_FROM=--find-links {url}"]
        finally:
            server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


def run(image: str, inputs: dict[str, Any] | None) -> list[tuple[str, bytes]]:
    """Start an image as locked as can be, let it work if there are inputs, and stop it.

    Returns: what it handed out, kinds and contents.
    """
    start = time.monotonic()
    container = docker("run", "--detach", *LOCKED, "--health-interval", "1s", image)
    try:
        _wait(container)
        print(f"{image}: ready in {time.monotonic() - start:.1f} s", flush=True)
        files = []
        if inputs is not None:
            start, body = time.monotonic(), json.dumps({"input": inputs})
            answer = docker("exec", "-i", container, "python", "-c", ASK, feed=body)
            files = handed_out(json.loads(answer))
            print(f"{image}: worked for {time.monotonic() - start:.1f} s", flush=True)
        start = time.monotonic()
        docker("stop", "--time", str(END), container)
        code = docker("inspect", "--format", "{{.State.ExitCode}}", container)
        if code != "0":
            raise Failure(f"{image} ends with the code {code} when it is stopped; see its log")
        print(f"{image}: stopped in {time.monotonic() - start:.1f} s", flush=True)
        return files
    finally:
        docker("rm", "--force", container)


def _wait(container: str) -> None:
    """Until the image's own health check says that the server is ready."""
    end, health = time.monotonic() + START, ""
    while health != "healthy":
        time.sleep(LOOK)
        state = json.loads(docker("inspect", "--format", "{{json .State}}", container))
        health = state["Health"]["Status"]
        if not state["Running"] or time.monotonic() > end:
            log = docker("logs", "--tail", "20", container)
            raise Failure(f"the server is not ready after {START} s, or ended; its log:\n{log}")


def handed_out(answer: dict[str, Any]) -> list[tuple[str, bytes]]:
    """The files in a server's answer: kinds and contents."""
    if answer["status"] != "succeeded":
        raise Failure(f"the work failed: {answer.get('error')}\n{answer.get('logs', '')}")
    uris = [uri.removeprefix("data:").split(";base64,") for uri in answer["output"]]
    if not uris:
        raise Failure("nothing was handed out")
    return [(kind, base64.b64decode(content)) for kind, content in uris]


def drawn(files: list[tuple[str, bytes]]) -> bytes:
    """The SVG among files, if all is there that belongs to a drawing."""
    kinds = [kind for kind, _ in files]
    absent = [kind for kind in set(KINDS) if kinds.count(kind) < KINDS.count(kind)]
    if absent:
        raise Failure(f"the drawing has no {' and no '.join(sorted(absent))}, only {kinds}")
    drawing = files[kinds.index(KINDS[0])][1]
    if drawing.count(b"<path") < 2:
        raise Failure(f"the drawing is empty: {drawing[:200]!r}")
    return drawing


def _sizes(images: list[str]) -> None:
    """Print how large images are, layer by layer, and what they have in common with the first."""
    first: set[str] = set()
    for image in images:
        facts = json.loads(docker("inspect", image))[0]
        layers = set(facts["RootFS"]["Layers"])
        first = first or layers
        common = f"{len(first & layers)} of {len(layers)} layers are those of {images[0]}"
        print(f"{image}: {_megabytes(facts['Size'])} unpacked; {common}")
        print(docker("history", "--format", "{{.Size}}\t{{.CreatedBy}}", image), flush=True)


def _push(image: str, registry: str) -> str:
    """Push an image and print how large it is there; its name by its digest."""
    there = f"{registry}/{image}"
    docker("tag", image, there)
    docker("push", there)
    by_digest = docker("inspect", "--format", "{{index .RepoDigests 0}}", there)
    print(f"{by_digest}: {_megabytes(_packed(registry, by_digest))} in the registry", flush=True)
    return there


def _there_and_back(image: str, registry: str, drawing: bytes) -> None:
    """Push an image, pull it by its digest, and let it draw the same again."""
    there = _push(image, registry)
    by_digest = docker("inspect", "--format", "{{index .RepoDigests 0}}", there)
    built = docker("inspect", "--format", "{{.Id}}", image)
    docker("rmi", there, image)
    docker("pull", by_digest)
    docker("tag", by_digest, image)
    if docker("inspect", "--format", "{{.Id}}", by_digest) != built:
        raise Failure(f"{by_digest} is not the image that was pushed, {built}")
    if drawn(run(by_digest, INPUTS)) != drawing:
        raise Failure(f"{by_digest} draws something else than {image}, from the same seed")
    docker("rmi", by_digest)


def _packed(registry: str, by_digest: str) -> int:
    """Bytes of an image in a registry, where its layers are compressed."""
    name, _, digest = by_digest.removeprefix(f"{registry}/").partition("@")
    kinds = "application/vnd.docker.distribution.manifest.v2+json"
    kinds += ", application/vnd.oci.image.manifest.v1+json"
    url = f"http://{registry}/v2/{name}/manifests/{digest}"
    try:
        request = urllib.request.Request(url, headers={"Accept": kinds})
        with urllib.request.urlopen(request, timeout=60) as answer:
            manifest = json.load(answer)
    except urllib.error.URLError as error:
        raise Failure(f"the registry does not show {url}: {error}") from error
    return sum(layer["size"] for layer in manifest["layers"])


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.0f} MB"


if __name__ == "__main__":
    sys.exit(main())
