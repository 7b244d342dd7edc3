"""A machine with an NVIDIA T4 at Google Cloud, to draw, run notebooks and serve on.

Prints the gcloud commands; with --yes it runs them, too. docs/gpu-box.md is the walk through them.
"""

import argparse
import os
import re
import shlex
import sys
from collections.abc import Callable

COG = "v0.23.1"
FOLDER = "cog-clipdraw"
JUPYTER, SERVER = 8888, 5000
# Half a day: longer than a lesson, shorter than a forgotten weekend.
HOURS = 12

# What a new box lacks. Every line may run again: after an interruption, or on another day.
SETUP = f"""\
set -eux
get() {{ sudo DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 -y "$@"; }}

# The driver. T4s and CUDA 12.6 run with any from 560 on.
get update
get install linux-headers-gcp "linux-headers-$(uname -r)"
get install nvidia-headless-570-server nvidia-utils-570-server
sudo modprobe nvidia
nvidia-smi

# Docker, and NVIDIA's toolkit, which shows it the GPU.
get install docker.io docker-buildx git
keys=/usr/share/keyrings/nvidia-container-toolkit.gpg
source=https://nvidia.github.io/libnvidia-container
curl -fsSL $source/gpgkey | sudo gpg --yes --dearmor -o $keys
echo "deb [signed-by=$keys] $source/stable/deb/amd64 /" |
    sudo tee /etc/apt/sources.list.d/nvidia-container-toolkit.list
get update
get install nvidia-container-toolkit
sudo nvidia-ctk runtime configure --runtime=docker
sudo systemctl restart docker
sudo usermod -aG docker "$USER"

sudo curl -fsSL -o /usr/local/bin/cog \\
    https://github.com/replicate/cog/releases/download/{COG}/cog_Linux_x86_64
sudo chmod +x /usr/local/bin/cog
[ -d {FOLDER} ] || git clone REPOSITORY {FOLDER}
"""
# The image has the packages and not ours: these lie in /src, where Cog mounts the repository.
NOTEBOOKS = (
    f"cd {FOLDER} && cog exec -f notebooks/cog.yaml -e PYTHONPATH=/src -p {JUPYTER} "
    "jupyter lab --allow-root --ip=0.0.0.0"
)

HELP = {
    "create": "rent the machine; from here on it costs money",
    "setup": "install driver, Docker and Cog on it, and clone the repository",
    "ssh": f"a shell on it; ports {JUPYTER} (Jupyter) and {SERVER} (cog serve) come here",
    "jupyter": f"JupyterLab on it, in Cog's container; open the link with {JUPYTER} that it prints",
    "stop": "switch it off; its disk stays, and goes on costing a little",
    "start": "switch it on again",
    "delete": "give it back with its disk and all that is on it; nothing costs money any more",
}
NOTES = {
    "create": (
        "This costs money from now until you delete the box: very roughly 0.60 US dollars an hour",
        "while it runs, and 5 a month for its disk while it is stopped. Today's prices:",
        "https://cloud.google.com/products/calculator",
        f"It stops itself {HOURS} hours after each start. To end all costs:",
    ),
    "stop": ("Its disk goes on costing. To end all costs:",),
    "delete": (
        "This deletes the disk, too: copy what you want to keep first (gcloud compute scp).",
    ),
}


def main(argv: list[str], run: Callable[[list[str]], int] | None = None) -> int:
    """The command line; returns the exit code. `run` is for tests: else gcloud takes our place."""
    args = parser().parse_args(argv)
    command = gcloud(args)
    for note in NOTES.get(args.command, ()):
        print(f"# {note}")
    if args.command in ("create", "stop"):
        print(f"#     scripts/gpu-box delete {shlex.join(place(args, named=True))} --yes")
    print(shlex.join(command), flush=True)
    if not args.yes:
        print("Nothing was run. Add --yes to run it.", file=sys.stderr)
        return 0
    try:
        return (run or become)(command)
    except FileNotFoundError:
        print(
            "scripts/gpu-box: gcloud is not installed; install the Google Cloud CLI from "
            "https://cloud.google.com/sdk/docs/install, run gcloud init, and start again",
            file=sys.stderr,
        )
        return 1


def become(command: list[str]) -> int:
    """Go on as another program, so that Ctrl-C, the terminal and the exit code are its own."""
    os.execvp(command[0], command)


def parser() -> argparse.ArgumentParser:
    """The command line's options."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--project", required=True, type=project, help="the ID of your Google Cloud project"
    )
    shared.add_argument("--zone", default="us-central1-b", type=zone, help="where (%(default)s)")
    shared.add_argument("--name", default="clipdraw", type=name, help="of the box (%(default)s)")
    shared.add_argument("--yes", action="store_true", help="run the command, not only print it")
    whole = argparse.ArgumentParser(prog="scripts/gpu-box", description=__doc__)
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command, text in HELP.items():
        one = commands.add_parser(command, parents=[shared], help=text, description=text)
        if command == "setup":
            one.add_argument(
                "--repository",
                required=True,
                type=repository,
                help="what to clone: your fork's URL",
            )
    return whole


def gcloud(args: argparse.Namespace) -> list[str]:
    """What gcloud is asked to do, word by word."""
    if args.command == "create":
        return [
            *instances("create", args),
            "--machine-type=n1-standard-4",
            "--accelerator=type=nvidia-tesla-t4,count=1",
            # Machines with GPUs cannot move while they run.
            "--maintenance-policy=TERMINATE",
            f"--max-run-duration={HOURS}h",
            "--instance-termination-action=STOP",
            "--image-project=ubuntu-os-cloud",
            "--image-family=ubuntu-2404-lts-amd64",
            # The driver, and an image of Cog's with PyTorch and CUDA, while it is being built.
            "--boot-disk-size=100GB",
            # What runs in a notebook there has no business in your project.
            "--no-service-account",
            "--no-scopes",
        ]
    if args.command in ("stop", "start"):
        return instances(args.command, args)
    if args.command == "delete":
        return [*instances("delete", args), "--delete-disks=all", "--quiet"]
    shell = ["gcloud", "compute", "ssh", args.name, *place(args)]
    if args.command == "setup":
        return [*shell, "--command=" + SETUP.replace("REPOSITORY", shlex.quote(args.repository))]
    if args.command == "jupyter":
        # With a terminal, Ctrl-C reaches Jupyter.
        return [*shell, f"--command={NOTEBOOKS}", "--", "-t", *forward(JUPYTER)]
    return [*shell, "--", *forward(JUPYTER), *forward(SERVER)]


def instances(verb: str, args: argparse.Namespace) -> list[str]:
    return ["gcloud", "compute", "instances", verb, args.name, *place(args)]


def place(args: argparse.Namespace, named: bool = False) -> list[str]:
    """Which box, as options of gcloud's; with its name, as options of ours."""
    options = [f"--project={args.project}", f"--zone={args.zone}"]
    return [*options, f"--name={args.name}"] if named else options


def forward(port: int) -> list[str]:
    """ssh's words for: this port here is that port there. Only this machine can reach it."""
    return ["-L", f"{port}:127.0.0.1:{port}"]


# --- what may be asked for ------------------------------------------------------------------------


def project(text: str) -> str:
    return matching(
        text,
        r"([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]",
        "a project's ID, such as my-project-123",
    )


def zone(text: str) -> str:
    return matching(text, r"[a-z]+-[a-z]+[0-9]+-[a-z]", "a zone, such as us-central1-b")


def name(text: str) -> str:
    wanted = "a machine's name: up to 63 small letters, digits and -, first a letter"
    return matching(text, r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", wanted)


def repository(text: str) -> str:
    wanted = "an address to clone, such as https://github.com/you/cog-clipdraw"
    return matching(text, r"(https://|git@)[\w.:/@~-]+", wanted)


def matching(text: str, pattern: str, wanted: str) -> str:
    if not re.fullmatch(pattern, text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is not {wanted}")
    return text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
