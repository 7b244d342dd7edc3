"""What scripts/gpu-box would do at Google Cloud, without going there."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from scripts import gpu_box

ROOT = Path(__file__).resolve().parent.parent
GUIDE = (ROOT / "docs/gpu-box.md").read_text(encoding="utf-8")
BOX = ["--project", "my-project-1", "--zone", "europe-west4-a", "--name", "easel"]
CLONE = ["--repository", "https://github.com/you/cog-clipdraw"]
# What every command says of the box.
WHICH = ["--project=my-project-1", "--zone=europe-west4-a"]


def words(command: str) -> list[str]:
    return [command, *BOX, *(CLONE if command == "setup" else [])]


class Runner:
    """Stands for the shell: remembers what it was asked to run."""

    def __init__(self, code: int = 0):
        self.ran, self.code = [], code

    def __call__(self, command: list[str]) -> int:
        self.ran.append(command)
        return self.code


def printed(text: str) -> list[str]:
    """The command in what was printed, as a shell would split it."""
    return shlex.split(text, comments=True)


@pytest.mark.parametrize("command", gpu_box.HELP)
def test_without_yes_nothing_runs(command, capsys):
    run = Runner()
    assert gpu_box.main(words(command), run) == 0
    assert run.ran == []
    out, err = capsys.readouterr()
    assert printed(out)[0] == "gcloud"
    assert err == "Nothing was run. Add --yes to run it.\n"


@pytest.mark.parametrize("command", gpu_box.HELP)
def test_with_yes_exactly_what_is_printed_runs(command, capsys):
    run = Runner(code=3)
    assert gpu_box.main([*words(command), "--yes"], run) == 3
    out, err = capsys.readouterr()
    assert len(run.ran) == 1 and err == ""
    # Notes are comments, so that what is printed can be pasted as a whole.
    assert printed(out) == run.ran[0]


def ran(command: str) -> list[str]:
    run = Runner()
    gpu_box.main([*words(command), "--yes"], run)
    return run.ran[0]


def test_what_is_created():
    command = ran("create")
    assert command[:7] == ["gcloud", "compute", "instances", "create", "easel", *WHICH]
    assert "--accelerator=type=nvidia-tesla-t4,count=1" in command
    assert "--maintenance-policy=TERMINATE" in command
    assert "--instance-termination-action=STOP" in command


def test_creating_says_what_it_costs_and_how_that_ends(capsys):
    gpu_box.main(words("create"), Runner())
    notes = [line for line in capsys.readouterr().out.splitlines() if line.startswith("#")]
    assert notes[0].startswith("# This costs money from now until you delete the box")
    way_out = notes[-1].removeprefix("#").split()
    assert way_out[:2] == ["scripts/gpu-box", "delete"]
    run = Runner()
    assert gpu_box.main(way_out[1:], run) == 0
    assert run.ran[0][4] == "easel", "the line deletes this box"


def test_deleting_leaves_nothing_that_costs(capsys):
    assert ran("delete") == [
        *("gcloud", "compute", "instances", "delete", "easel"), *WHICH,
        "--delete-disks=all", "--quiet",
    ]  # fmt: skip
    assert "This deletes the disk, too" in capsys.readouterr().out


@pytest.mark.parametrize("verb", ["start", "stop"])
def test_start_and_stop(verb):
    assert ran(verb) == ["gcloud", "compute", "instances", verb, "easel", *WHICH]


SSH = ["gcloud", "compute", "ssh", "easel", *WHICH]


def test_a_shell_brings_the_ports_here():
    forwards = ["-L", "8888:127.0.0.1:8888", "-L", "5000:127.0.0.1:5000"]
    assert ran("ssh") == [*SSH, "--", *forwards]


def test_jupyter_runs_in_the_notebooks_image():
    *shell, command = ran("jupyter")[: len(SSH) + 1]
    assert shell == SSH
    there = command.removeprefix("--command=")
    assert there == (
        "cd cog-clipdraw && cog exec -f notebooks/cog.yaml -e PYTHONPATH=/src -p 8888 "
        "jupyter lab --allow-root --ip=0.0.0.0"
    )
    assert ran("jupyter")[len(SSH) + 1 :] == ["--", "-t", "-L", "8888:127.0.0.1:8888"]


def setup_script() -> str:
    command = ran("setup")
    assert command[:-1] == SSH
    return command[-1].removeprefix("--command=")


def test_setup_is_a_script_that_stops_at_the_first_failure():
    script = setup_script()
    assert script.startswith("set -eu")
    subprocess.run(["sh", "-n"], input=script, text=True, check=True)
    assert script.rstrip().endswith("git clone https://github.com/you/cog-clipdraw cog-clipdraw")


def test_the_box_gets_the_cog_that_the_images_get():
    build = yaml.safe_load((ROOT / "cog.yaml").read_text())["build"]
    assert gpu_box.COG == f"v{build['sdk_version']}"
    assert f"/{gpu_box.COG}/cog_Linux_x86_64" in setup_script()


@pytest.mark.parametrize(
    "option, value, said",
    [
        ("--project", "My Project", "is not a project's ID, such as"),
        ("--project", "abc", "is not a project's ID, such as"),
        ("--project", "x; rm -rf ~", "is not a project's ID, such as"),
        ("--zone", "us-central1", "is not a zone, such as us-central1-b"),
        ("--zone", "$(id)-a1-b", "is not a zone, such as us-central1-b"),
        ("--name", "Easel", "is not a machine's name: "),
        ("--name=-easel", None, "is not a machine's name: "),
        ("--repository", "-o ProxyCommand=id", "is not an address to clone, such as"),
        ("--repository", "https://github.com/you/x y", "is not an address to clone, such as"),
        ("--repository", "https://example.com/$(id)", "is not an address to clone, such as"),
    ],
)
def test_what_is_no_name_is_refused(option, value, said, capsys):
    run = Runner()
    given = [option] if value is None else [f"{option}={value}"]
    with pytest.raises(SystemExit) as stop:
        gpu_box.main([*words("setup"), *given, "--yes"], run)
    assert stop.value.code == 2 and run.ran == []
    assert said in capsys.readouterr().err


def test_without_gcloud_one_sentence_says_what_to_install(capsys):
    def missing(command):
        raise FileNotFoundError(command[0])

    assert gpu_box.main([*words("ssh"), "--yes"], missing) == 1
    err = capsys.readouterr().err
    assert err.startswith("scripts/gpu-box: gcloud is not installed; install the Google Cloud CLI")
    assert err.count("\n") == 1


def test_it_runs_without_the_project_s_packages():
    """Before anything is installed, and from another folder."""
    done = subprocess.run(
        [ROOT / "scripts/gpu-box", "stop", *BOX], cwd="/", capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert printed(done.stdout) == ["gcloud", "compute", "instances", "stop", "easel", *WHICH]
    imported = re.findall(
        r"^(?:import|from) (\w+)", (ROOT / "scripts/gpu_box.py").read_text(), re.M
    )
    assert set(imported) == {"argparse", "collections", "os", "re", "shlex", "sys"}


# --- docs/gpu-box.md ------------------------------------------------------------------------------


def shown() -> list[list[str]]:
    blocks = re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", "").splitlines()
    return [shlex.split(line, comments=True) for line in lines if line.strip()]


def test_the_guide_s_commands_are_taken():
    ours = [line for line in shown() if line and line[0] == "scripts/gpu-box"]
    assert {line[1] for line in ours} == set(gpu_box.HELP), "the guide shows every command"
    for line in ours:
        run = Runner()
        assert gpu_box.main(line[1:], run) == 0
        assert len(run.ran) == line.count("--yes")


def test_the_guide_s_cog_commands_name_files_that_are_there():
    files = [line[line.index("-f") + 1] for line in shown() if line[:1] == ["cog"] and "-f" in line]
    assert files and all((ROOT / file).is_file() for file in files)


def test_what_the_guide_links_to_is_there():
    links = re.findall(r"\]\((?!http)([^)]+)\)", GUIDE)
    assert links and all((ROOT / "docs" / link).exists() for link in links)
