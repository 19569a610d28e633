"""The command line as a person calls it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import sklearn.metrics  # noqa: F401  # once, as pytester forgets what an inner run imports
from every_budget import KEEP, SUITE
from weights import damage


class Said(NamedTuple):
    """What a command says."""

    status: int
    out: str
    err: str


Edgeai = Callable[..., Said]


@pytest.fixture
def edgeai() -> Edgeai:
    """``edgeai(*arguments, folder=Path, width=80)``, in a process of its own."""

    def said(*arguments: object, folder: Path, width: int = 80, **environment: str) -> Said:
        command = [sys.executable, "-m", "pytest_edgeai", *map(str, arguments)]
        known = {key: value for key, value in os.environ.items() if not key.startswith("GITHUB_")}
        done = subprocess.run(
            command,
            env={**known, "COLUMNS": str(width), **environment},
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    return said


@pytest.fixture
def saved(
    digits_suite: pytest.Pytester, once: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The report of a run with every kind of budget and verdict, which is made once."""
    monkeypatch.setattr("pytest_edgeai.judge.conditions.OTHERS_SHARE", 2)

    def make(folder: Path) -> None:
        digits_suite.makepyfile(keep=KEEP)
        digits_suite.runpytest("keep.py", "-p", "no:benchmark").assert_outcomes(passed=1)
        digits_suite.makepyfile(test_all=SUITE)
        damage(Path("healthy.tflite"), "dense_1", "negated", Path("damaged.tflite"))
        quick = ("test_all.py", "--edge-max-seconds=2", "-p", "no:benchmark", "-n0")
        digits_suite.runpytest(*quick, "-k", "no_worse", "--edge-save-baseline")
        digits_suite.runpytest(*quick, "--edge-report=run.json")
        shutil.copy("run.json", folder)

    return once("judged-run", make) / "run.json"
