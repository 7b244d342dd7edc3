"""The files around the code agree with each other."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
COG_FILES = sorted((ROOT / "predictors").glob("*/cog.yaml"))


def ranges(lines: list[str]) -> dict[str, Requirement]:
    return {canonicalize_name(item.name): item for item in map(Requirement, lines)}


def pins(file: str) -> dict[str, str]:
    """Name and version of every line; a line that does not pin is an error."""
    lines = [line for line in (ROOT / file).read_text().splitlines() if not line.startswith("#")]
    found = {}
    for line in lines:
        name, version = line.split("==")
        found[canonicalize_name(name)] = version
    assert lines == sorted(lines), f"{file} is not sorted"
    return found


def test_the_root_runs_the_default_predictor():
    from scripts.predict import DEFAULT

    nested = ROOT / "predictors" / DEFAULT / "cog.yaml"
    assert yaml.safe_load((ROOT / "cog.yaml").read_text()) == yaml.safe_load(nested.read_text())


@pytest.mark.parametrize("file", COG_FILES, ids=lambda file: file.parent.name)
def test_a_predictor_s_paths_start_at_the_root(file):
    config = yaml.safe_load(file.read_text())
    name = file.parent.name
    assert config["run"] == f"predictors/{name}/predict.py:Predictor"
    assert config["image"].endswith(f"/{name}")
    assert (ROOT / config["build"]["python_requirements"]).is_file()


@pytest.mark.parametrize("file", COG_FILES, ids=lambda file: file.parent.name)
def test_what_a_container_has_is_what_the_packages_allow(file):
    """That nothing is missing, tests/test_requirements.py says."""
    build = yaml.safe_load(file.read_text())["build"]
    pinned = pins(build["python_requirements"]) | {"cog": build["sdk_version"]}
    allowed = ranges(PROJECT["dependencies"])
    for name in pinned.keys() & allowed.keys():
        assert pinned[name] in allowed[name].specifier, f"{name} in {file.parent.name}"
    # Cog 0.23.1 refuses a torch whose CUDA versions it does not know; 2.11 is its newest.
    assert Version(pinned.get("torch", "0")) < Version("2.12")


def test_every_dependency_is_pinned_to_a_version_that_is_allowed():
    extras = [line for extra in PROJECT["optional-dependencies"].values() for line in extra]
    pinned = pins("constraints.txt")
    for name, wanted in ranges(PROJECT["dependencies"] + extras).items():
        assert pinned.get(name, "0") in wanted.specifier, wanted


def test_scripts_can_be_run():
    scripts = [file for file in (ROOT / "scripts").iterdir() if file.is_file() and not file.suffix]
    assert len(scripts) >= 3
    for file in [*scripts, ROOT / ".ci/run"]:
        assert os.access(file, os.X_OK), f"chmod +x {file}"
        assert file.read_text().startswith("#!"), file


def test_continuous_integration_runs_the_scripts_and_nothing_else():
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert [step["run"] for step in steps if "run" in step] == ["scripts/test", "scripts/check"]
    assert "for step in scripts/test scripts/check;" in (ROOT / ".ci/run").read_text()


def test_the_changelog_ends_where_the_version_is():
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert headings[0] == "Unreleased"
    released = headings[1:]
    assert not released or released[0] == PROJECT["version"]


# --- scripts/venv.sh, with a Python that only says what it is asked to do -------------------------

PRETENDER = """#!/bin/sh
case "$*" in
    "-c import"*) echo $VERSION ;;
    "-m venv"*)
        echo "venv" >>"$LOG"
        rm -rf "$4"
        mkdir -p "$4/bin"
        cp "$0" "$4/bin/python"
        ;;
    "-m pip"*) echo "pip $*" >>"$LOG"; exit ${PIP:-0} ;;
esac
"""


class House:
    """A copy of what venv.sh needs, in a folder with a space in its name, and a PATH of our own."""

    def __init__(self, folder: Path):
        self.root, self.path, self.log = folder / "a house", folder / "bin", folder / "log"
        self.path.mkdir()
        (self.root / "scripts").mkdir(parents=True)
        for name in ("pyproject.toml", "constraints.txt", "scripts/venv.sh"):
            shutil.copy(ROOT / name, self.root / name)
        for tool in ("cat", "cksum", "cp", "mkdir", "rm", "sh"):
            (self.path / tool).symlink_to(shutil.which(tool))
        (self.path / "python3").write_text(PRETENDER)
        (self.path / "python3").chmod(0o755)

    def enter(self, extras: str, version: str = "3.12", pip: int = 0) -> tuple[int, str, list[str]]:
        """Source venv.sh; exit code, what was said, and what Python was asked to do."""
        self.log.write_text("")
        code = f'set -eu; root="{self.root}"; extras={extras}; . "$root/scripts/venv.sh"'
        done = subprocess.run(
            ["sh", "-c", code],
            env={"PATH": str(self.path), "LOG": str(self.log), "VERSION": version, "PIP": str(pip)},
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stderr, self.log.read_text().splitlines()


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def test_the_first_run_installs_and_the_next_one_costs_nothing(house):
    code, said, did = house.enter("base")
    assert code == 0
    assert said.startswith("First run: making .venv in ") and said.count("\n") == 1
    assert did[0] == "venv" and did[1].startswith("pip -m pip install")
    assert f"--constraint {house.root}/constraints.txt --editable {house.root}" in did[1]
    assert house.enter("base") == (0, "", [])


def test_the_test_extras_come_when_they_are_asked_for(house):
    house.enter("base")
    _, _, did = house.enter("test")
    assert len(did) == 1 and did[0].endswith("[test]")
    assert house.enter("test") == house.enter("base") == (0, "", [])


def test_a_changed_project_is_installed_again(house):
    house.enter("base")
    with (house.root / "pyproject.toml").open("a") as file:
        file.write("# changed\n")
    code, said, did = house.enter("base")
    assert code == 0 and "up to date" in said and len(did) == 1


def test_an_interrupted_installation_starts_from_nothing(house):
    code, said, _ = house.enter("base", pip=1)
    assert code == 1 and "pip could not install" in said
    code, said, did = house.enter("base")
    assert code == 0 and did[0] == "venv"


def test_a_python_of_another_version_is_named(house):
    code, said, did = house.enter("base", version="3.9")
    assert code == 1 and did == []
    assert said.startswith("Python 3.11, 3.12 or 3.13 is needed; python3 is 3.9; install")
