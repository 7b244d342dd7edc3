"""The files around the code agree with each other."""

import os
import re
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
def test_a_container_has_what_the_packages_import(file):
    build = yaml.safe_load(file.read_text())["build"]
    pinned = pins(build["python_requirements"]) | {"cog": build["sdk_version"]}
    for name, wanted in ranges(PROJECT["dependencies"]).items():
        assert pinned.get(name, "0") in wanted.specifier, f"{wanted} in {file.parent.name}"
    # Cog 0.23.1 refuses a torch whose CUDA versions it does not know; 2.11 is its newest.
    assert Version(pinned["torch"]) < Version("2.12")


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
