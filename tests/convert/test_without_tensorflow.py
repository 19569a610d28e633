"""A Python without TensorFlow."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest
from asking import HERE

from pytest_edgeai.convert.process import tensorflow_version

ROOT = HERE.parent.parent


@pytest.fixture
def packages(once: Callable[..., Path]) -> Path:
    """All installed packages but TensorFlow and what comes with it."""

    def make(folder: Path) -> None:
        for path in Path(sysconfig.get_path("purelib")).iterdir():
            if not path.name.startswith(("tensorflow", "keras", "tf_keras")):
                (folder / path.name).symlink_to(path)

    return once("packages-without-tensorflow", make)


def test_is_said(packages: Path, models: Path, tmp_path: Path) -> None:
    path = os.pathsep.join([str(packages), str(ROOT)])
    command = [sys.executable, "-S", HERE / "converting.py", tmp_path / "cache", tmp_path / "run"]
    run = subprocess.run(
        [*command, models / "digits.keras"],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert run.stdout.splitlines() == [
        "converting a model needs TensorFlow, which is not installed",
        "hint: pip install 'pytest-edgeai[tensorflow]', or test .tflite files that are ready",
        "Tally(converted=0, cached=0)",
    ], run.stderr


def test_version_is_known_without_an_import() -> None:
    assert "tensorflow" not in sys.modules
    assert tensorflow_version().startswith("tensorflow")
