"""Models whose answers are known, and what a run on them says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def known_models(once: Callable[..., Path]) -> Path:
    """The folder that ``make_models.py`` writes."""
    pytest.importorskip("tensorflow", reason="tensorflow is not installed: nothing converts")

    def make(folder: Path) -> object:
        command = [sys.executable, HERE / "make_models.py", folder]
        return subprocess.run(command, check=True, capture_output=True)

    return once("known-models", make)


@pytest.fixture(scope="session")
def failures(once: Callable[..., Path], known_models: Path) -> dict[str, str]:
    """What the test of each situation says, in one line, by the situation's name."""

    def run(folder: Path) -> None:
        command = [sys.executable, "-m", "pytest", HERE / "suite.py", f"--rootdir={folder}", "-q"]
        command += ["-p", "no:cacheprovider", f"--edge-report={folder / 'results.json'}"]
        found = {**os.environ, "MODELS": str(known_models), "PYTHONPATH": _path()}
        subprocess.run(command, cwd=folder, env=found, capture_output=True)

    folder = once("mistakes", run)
    tests = json.loads((folder / "results.json").read_text())["tests"]
    return {
        test["nodeid"].partition("[")[2].removesuffix("]"): " ".join((test["error"] or "").split())
        for test in tests
    }


def _path() -> str:
    return os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")]))
