"""The line that tells what takes the seconds: gone in the end; elsewhere only waits are told."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pytest_edgeai.device.keeper import Locks
from pytest_edgeai.device.lock import MachineLock

SUITE = """
def test_first(): pass

def test_converted(dynamic_interpreter): pass

def test_last(): pass
"""
RESULTS = {
    "": ["test_it.py ... [100%]"],
    "-v": [
        "test_it.py::test_first PASSED [ 33%]",
        "test_it.py::test_converted PASSED [ 66%]",
        "test_it.py::test_last PASSED [100%]",
    ],
}
PROGRESS = re.compile(r"edgeai: digits\.keras: dynamic, [\d.]+ s")


@pytest.fixture
def suite(digits_suite: pytest.Pytester) -> pytest.Pytester:
    digits_suite.makepyfile(test_it=SUITE)
    return digits_suite


def on_a_terminal(folder: Path, *args: str) -> str:
    """What a run writes to a pseudo-terminal of 80 columns."""
    command = [sys.executable, "-m", "pytest", "-p", "no:hypothesispytest", *args]
    controller, terminal = pty.openpty()
    environment = {**os.environ, "COLUMNS": "80", "TERM": "xterm"}
    with subprocess.Popen(
        command, cwd=folder, stdin=terminal, stdout=terminal, stderr=terminal, env=environment
    ):
        os.close(terminal)
        written = b""
        try:
            while part := os.read(controller, 4096):
                written += part
        except OSError:  # Linux: the other end is closed
            pass
        finally:
            os.close(controller)
    return written.decode()


def seen(written: str) -> list[str]:
    """The lines that stand on the terminal in the end."""
    lines: list[list[str]] = [[]]
    row = column = 0
    for code, character in re.findall(r"\x1b\[(\d*[A-Za-z])|(.)", written, re.DOTALL):
        if code.endswith(("A", "C")):
            row, column = (row - 1, column) if code[-1] == "A" else (row, column + int(code[:-1]))
        elif code == "2K":
            lines[row] = []
        elif character == "\r":
            column = 0
        elif character == "\n":
            row += 1
            lines += [[]] * (row == len(lines))
        elif character:
            line = lines[row] = lines[row] + [" "] * (column - len(lines[row]))
            line[column : column + 1] = character
            column += 1
    return ["".join(line).rstrip() for line in lines]


@pytest.mark.parametrize("args", [[], ["-v"]], ids=["dots", "verbose"])
def test_shown_on_a_terminal_and_gone_in_the_end(suite: pytest.Pytester, args: list[str]) -> None:
    written = on_a_terminal(suite.path, "--edge-no-cache", *args)
    assert PROGRESS.search(written), "no progress was shown"
    assert max(map(len, re.findall(r"[^\r\n]*edgeai: digits[^\r\n]*", written))) <= 80
    lines = seen(written)
    assert not any("edgeai: digits" in line for line in lines)
    results = [" ".join(line.split()) for line in lines if "test_it.py" in line]
    assert results == RESULTS["-v" if "-v" in args else ""]


def test_silent_in_a_pipe(suite: pytest.Pytester) -> None:
    result = suite.runpytest_subprocess(
        "--edge-no-cache", "-p", "no:hypothesispytest", "--color=yes", "-s"
    )
    result.assert_outcomes(passed=3)
    assert not PROGRESS.search(result.stdout.str() + result.stderr.str())
    assert "\r" not in result.stdout.str()


@pytest.mark.alone
def test_a_wait_is_told_once_in_a_pipe(digits_suite: pytest.Pytester) -> None:
    """Else a run that waits for another one looks as if it hung."""
    digits_suite.makepyfile(test_it="def test_it(converted_interpreter): pass")
    is_held, may_go = threading.Event(), threading.Event()

    machine = MachineLock(Locks(Path.home() / ".cache" / "pytest-edgeai" / "locks"))

    def hold() -> None:
        with machine.alone("somebody else's timing"):
            is_held.set()
            may_go.wait(6)

    holder = threading.Thread(target=hold)
    holder.start()
    is_held.wait()
    result = digits_suite.runpytest_subprocess("-p", "no:hypothesispytest")
    may_go.set()
    holder.join()
    result.assert_outcomes(passed=1)
    told = [line for line in result.outlines if "edgeai: waiting for this machine" in line]
    assert len(told) == 1
    assert "somebody else's timing" in told[0]
