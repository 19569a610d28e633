"""Running a suite on a board, and doing something to the board in the middle of it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sshd import Sshd

FAST = ("-p", "no:hypothesispytest", "-p", "no:benchmark", "--edge-report=report.json")
STEPS = """
import time
from pathlib import Path

def something_happens():
    Path("ready").touch()
    while not Path("done").exists():
        time.sleep(0.05)
"""
PATIENCE_S = 60.0


class Run:
    """A pytest run in a process of its own."""

    def __init__(self, suite: pytest.Pytester, *args: str) -> None:
        (suite.path / "steps.py").write_text(STEPS)
        self._path = suite.path
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *FAST, *args],
            cwd=suite.path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def until_ready(self) -> None:
        """Wait until the suite says that something may happen now."""
        assert wait_for((self._path / "ready").exists), self.output()

    def go_on(self) -> None:
        """Tell it that it has happened."""
        (self._path / "done").touch()

    def output(self, timeout_s: float = 180.0) -> str:
        """All that it prints, once it has ended."""
        return self.process.communicate(timeout=timeout_s)[0]

    def outcomes(self) -> dict[str, str]:
        """Of each test by its name, from the report."""
        return {test["nodeid"].partition("::")[2]: test["outcome"] for test in self.tests()}

    def tests(self) -> list[dict[str, Any]]:
        """The records of the report."""
        return list(json.loads((self._path / "report.json").read_text())["tests"])


@contextmanager
def running(suite: pytest.Pytester, *args: str) -> Iterator[Run]:
    """A run that is ended with the block."""
    run = Run(suite, *args)
    try:
        yield run
    finally:
        if run.process.poll() is None:
            run.process.kill()
        if not run.process.stdout.closed:  # type: ignore[union-attr]
            run.process.communicate()


def wait_for(happened: Callable[[], object], seconds: float = PATIENCE_S) -> bool:
    """Whether something happens in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if happened():
            return True
        time.sleep(0.05)
    return False


def is_empty_soon(board: Sshd) -> bool:
    """Whether nothing runs on the board any more within 20 s."""
    return wait_for(lambda: not board.processes(), 20)


def files_in(folder: Path) -> set[str]:
    """The two topmost folders of all files below one."""
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {"/".join(path.parts[:2]) for path in files}
