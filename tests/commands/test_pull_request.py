"""A pull request in small: base and change are measured, ``edgeai compare`` is the gate."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CONFTEST = """
import numpy as np, pytest

@pytest.fixture
def edge_model():
    return "model.keras"

@pytest.fixture(scope="session")
def data():
    with np.load({data!r}) as file:
        return file["x"], file["y"]

@pytest.fixture
def calibration_data(data):
    return data[0][:50]

@pytest.fixture
def evaluation_data(data):
    return data[0][100:], data[1][100:]
"""
SUITE = """
from pytest_edgeai import (
    max_latency_ms, max_memory_mb, max_regression, max_size_mb, min_accuracy, no_custom_ops,
)

@max_size_mb(1)
@max_latency_ms(p95=1000, p99=2000)
@max_memory_mb(500)
@min_accuracy(0.2)
@min_accuracy(0.1, metric="f1_macro", confidence=0.95)
@no_custom_ops()
def test_ready(int8_interpreter): pass

@max_regression(0.10, of="size")
@max_regression(0.05, of="accuracy")
def test_no_worse(int8_interpreter): pass
"""
CHANGE = """
import sys
import keras
import numpy as np

model, random = keras.models.load_model(sys.argv[1]), np.random.default_rng(0)
model.save("base.keras")
conv, flat, dense, last = model.layers
more = 64
wider = keras.Sequential([keras.Input((8, 8, 1)), conv, keras.layers.Flatten(),
    keras.layers.Dense(32 + more, activation="relu"), keras.layers.Dense(10, activation="softmax")])
kernel, bias = dense.get_weights()
noise = 0.2 * random.standard_normal((len(kernel), more))
wider.layers[2].set_weights([np.hstack([kernel, noise]), np.append(bias, np.zeros(more))])
kernel, bias = last.get_weights()
damage = 0.4 * random.standard_normal((more, 10))
wider.layers[3].set_weights([np.vstack([kernel, damage]), bias])
wider.save("worse.keras")
for weights in model.weights:
    weights.assign(weights.numpy() * (1 + 1e-6 * random.standard_normal(weights.shape)))
model.save("touched.keras")
"""


class PullRequest:
    """A project on disk whose model changes; every command is a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def model_is(self, how: str) -> None:
        """The base, or what was made of it."""
        shutil.copy(self.folder / f"{how}.keras", self.folder / "model.keras")

    def run(self, report: str, *more: str) -> int:
        """The suite's exit status."""
        command = [sys.executable, "-m", "pytest", "-q", f"--edge-report={report}", *more]
        command += ["--edge-max-seconds=3", "--edge-inconclusive=warn", "-p", "no:cacheprovider"]
        known = {key: value for key, value in os.environ.items() if not key.startswith("GITHUB_")}
        done = subprocess.run(
            command, cwd=self.folder, env=known, capture_output=True, text=True, check=False
        )
        assert done.returncode in (0, 1), done.stdout + done.stderr
        return done.returncode


@pytest.fixture
def pull_request(
    tmp_path: Path, models: Path, conversions: Path, once: Callable[..., Path]
) -> PullRequest:
    """Its base is measured and recorded."""

    def make(folder: Path) -> None:
        (folder / "pytest.ini").write_text(f"[pytest]\nedge_cache_dir = {conversions}\n")
        (folder / "conftest.py").write_text(CONFTEST.format(data=str(models / "digits.npz")))
        (folder / "test_ready.py").write_text(SUITE)
        command = [sys.executable, "-c", CHANGE, str(models / "digits.keras")]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        request = PullRequest(folder)
        request.model_is("base")
        request.run("before.json", "--edge-save-baseline")

    shutil.copytree(once("pull-request", make), tmp_path, dirs_exist_ok=True)
    return PullRequest(tmp_path)


def marked(path: Path, side: str) -> dict[str, Any]:
    content = json.loads(path.read_text())
    return {change["what"]: change for change in content["changes"] if change["side"] == side}


def test_the_same_model_and_its_last_bits_pass(
    pull_request: PullRequest, edgeai: Callable[..., Any]
) -> None:
    folder = pull_request.folder
    for how in ("base", "touched"):
        pull_request.model_is(how)
        pull_request.run("after.json", "-k", "not no_worse" if how == "base" else "")
        said = edgeai("compare", "before.json", "after.json", "--json=c.json", folder=folder)
        assert said.status == 0, said.out + said.err
        assert not marked(folder / "c.json", "worse")
        assert not marked(folder / "c.json", "better")
        assert "unchanged" in said.out
        if how == "base":
            assert "Only in the run before:\n  test_ready.py::test_no_worse (int8)" in said.out


def test_a_worse_model_is_stopped_for_what_is_worse(
    pull_request: PullRequest, edgeai: Callable[..., Any]
) -> None:
    folder = pull_request.folder
    pull_request.model_is("worse")
    assert pull_request.run("after.json") == 1, "max_regression stops it, too"
    files = ("--json=c.json", "--markdown=c.md")
    summary = folder / "summary.md"
    summary.write_text("# Before\n")
    said = edgeai(
        "compare", "before.json", "after.json", *files,
        folder=folder, width=120, GITHUB_STEP_SUMMARY=str(summary),
    )  # fmt: skip
    assert said.status == 1, said.out + said.err
    worse = marked(folder / "c.json", "worse")
    assert worse.keys() == {
        "size", "accuracy", "f1_macro", "verdict of size vs baseline",
        "verdict of accuracy vs baseline",
    }  # fmt: skip
    assert not marked(folder / "c.json", "better")
    before, after = (
        json.loads((folder / name).read_text())["tests"][0]
        for name in ("before.json", "after.json")
    )
    sizes = [test["model"]["size_bytes"] for test in (before, after)]
    assert [worse["size"][key] for key in ("before", "after")] == sizes
    assert worse["size"]["chance"] is None
    assert worse["accuracy"]["before"] - worse["accuracy"]["after"] > 0.05
    assert worse["accuracy"]["chance"] < 0.001
    lines = said.out.splitlines()
    assert lines[0] == "5 worse"
    assert lines[2].startswith("Worse")
    (of_size,) = (line for line in lines if line.split()[5:6] == ["size"])
    assert of_size.split()[-2].startswith("+")
    assert max(map(len, lines)) <= 120
    text = (folder / "c.md").read_text()
    assert text.startswith("## Edge AI budgets: 5 worse\n")
    assert summary.read_text() == f"# Before\n\n{text}"
    narrow = edgeai("compare", "before.json", "after.json", folder=folder)
    assert max(map(len, narrow.out.splitlines())) <= 80
    back = edgeai("compare", "after.json", "before.json", "--json=c.json", folder=folder)
    assert back.status == 0, back.out
    assert {"size", "accuracy", "f1_macro"} <= marked(folder / "c.json", "better").keys()
