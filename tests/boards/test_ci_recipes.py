"""The recipes of docs/ci: valid by their systems' schemas, and their commands run as they stand."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from sshd import Sshd

RECIPES = Path(__file__).parents[2] / "docs" / "ci"
SCHEMAS = {"github-hosted.yml": "github-workflows", "github-pi.yml": "github-workflows"}
SCHEMAS["gitlab.yml"] = "gitlab-ci"
SUITE = """
from pytest_edgeai import max_accuracy_drop, max_latency_ms, max_size_mb

@max_size_mb({limit})
@max_accuracy_drop(0.05)
@max_latency_ms(p95={p95})
@max_latency_ms(p95=500, device="pi")
def test_ready(int8_interpreter): pass
"""
PI = """
[tool.pytest-edgeai.devices.pi]
host = "board"
ssh_config = "{config}"
python = "{python}"
"""


@pytest.fixture
def project(digits_suite: pytest.Pytester, conversions: Path) -> Path:
    """A repository with a suite in ``acceptance/``, a remote that has it, and a change on top.

    What CI keeps from run to run has the conversions of this run of the tests.
    """
    root = digits_suite.path
    (root / "acceptance").mkdir()
    shutil.move(root / "conftest.py", root / "acceptance")
    (root / "acceptance" / "test_ready.py").write_text(SUITE.format(limit=1, p95=1000))
    (root / "tox.ini").unlink()
    (root / "pyproject.toml").touch()
    git(root, "init", "--initial-branch=main")
    git(root, "add", ".")
    git(root, "commit", "-m", "first")
    git(root, "clone", "--bare", ".", str(root / ".git" / "there"))
    git(root, "remote", "add", "origin", str(root / ".git" / "there"))
    git(root, "fetch", "origin")
    (root / ".edge-cache").symlink_to(conversions)
    return root


def git(root: Path, *args: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run(["git", *who, *args], cwd=root, check=True, capture_output=True)


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_files_are_what_their_systems_read(name: str) -> None:
    command = ["check_jsonschema", "--builtin-schema", f"vendor.{SCHEMAS[name]}", RECIPES / name]
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def read(name: str) -> Any:
    return YAML(typ="safe").load(RECIPES / name)


def github_steps(name: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Name, commands and variables of the steps that run any."""
    for step in read(name)["jobs"]["accept"]["steps"]:
        if "run" in step:
            given = dict.fromkeys(step.get("env", {}), "")  # an expression that is empty here
            yield step["name"], step["run"], given


def run(root: Path, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """As a runner does, with this environment's programs; nothing can be installed by it."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PIP_NO_INDEX": "1",
        **variables,
    }
    return subprocess.run(
        ["bash", "-e", "-c", script], cwd=root, env=environment, capture_output=True, text=True
    )


def on_github(root: Path) -> Mapping[str, str]:
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_BASE_REF": "main",
        "GITHUB_STEP_SUMMARY": str(root / "summary.md"),
        "GITHUB_WORKSPACE": str(root),
    }


def test_a_pull_request_on_hosted_runners(project: Path) -> None:
    for name, script, _ in github_steps("github-hosted.yml"):
        done = run(project, script, **on_github(project))
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"
    kept = {path.name for path in (project / "edge-report").iterdir()}
    assert {"results.json", "report.html", "summary.md", "junit.xml", "models"} <= kept
    summary = (project / "summary.md").read_text()
    assert summary.count("## ") == 2, "of the run and of the comparison, not of the base's run"
    assert "nothing is worse" in summary


def test_a_pull_request_that_is_too_large(project: Path) -> None:
    """And too slow, which a machine that others share does not decide."""
    (project / "acceptance" / "test_ready.py").write_text(SUITE.format(limit=0.01, p95=1e-5))
    scripts = {name: script for name, script, _ in github_steps("github-hosted.yml")}
    done = run(project, scripts["Test"], **on_github(project))
    assert done.returncode == 1
    assert "::error file=acceptance/test_ready.py,line=4," in done.stdout
    assert done.stdout.count("::error ") == 1
    assert "::warning file=acceptance/test_ready.py" in done.stdout
    assert "max_size_mb" in (project / "summary.md").read_text()


def test_a_pi_of_ones_own(project: Path, board: Sshd) -> None:
    table = PI.format(config=board.ssh_config, python=sys.executable)
    (project / "pyproject.toml").write_text(table)
    (project / ".venv").symlink_to(Path(sys.executable).parents[1])
    home = {"HOME": str(project / "home")}
    (project / "home" / ".cache").mkdir(parents=True)
    (project / "home" / ".cache" / "edgeai").symlink_to((project / ".edge-cache").resolve())
    for name, script, given in github_steps("github-pi.yml"):
        if name == "Install":
            continue  # it would fetch all of TensorFlow: the link above is what it makes
        done = run(project, script, **on_github(project), **given, **home)
        assert done.returncode == 0 or "problem load" in " ".join(done.stdout.split()), done.stdout
    assert "| int8 | pi |" in (project / "edge-report" / "summary.md").read_text()
    assert (project / "home" / "edge-history.jsonl").exists()


@pytest.mark.parametrize("job", ["accept", "on-the-pi"])
def test_gitlab(project: Path, board: Sshd, job: str) -> None:
    table = PI.format(config=board.ssh_config, python=sys.executable)
    (project / "pyproject.toml").write_text(table)
    recipe = read("gitlab.yml")
    for script in (*recipe[recipe[job]["extends"]]["before_script"], *recipe[job]["script"]):
        done = run(project, script)
        assert done.returncode == 0 or "problem load" in " ".join(done.stdout.split()), done.stdout
    assert (project / recipe[".edge"]["artifacts"]["reports"]["junit"]).exists()
