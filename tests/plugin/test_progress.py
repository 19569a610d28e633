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


@pytest.mark.parametrize("args", [[], ["-v"], ["-q"]], ids=["dots", "verbose", "quiet"])
def test_shown_on_a_terminal_and_gone_in_the_end(suite: pytest.Pytester, args: list[str]) -> None:
    written = on_a_terminal(suite.path, "--edge-no-cache", *args)
    assert PROGRESS.search(written), "no progress was shown"
    assert max(map(len, re.findall(r"[^\r\n]*edgeai: digits[^\r\n]*", written))) <= 80
    lines = seen(written)
    assert not any("edgeai: digits" in line for line in lines)
    results = [" ".join(line.split()) for line in lines if "test_it.py" in line]
    if "-q" in args:
        assert [line for line in lines if line.startswith("...")] == [
            f"...{' ' * 70}[100%]".replace("...   ", "...   ")
        ]
    else:
        assert results == RESULTS["-v" if "-v" in args else ""]


def test_silent_in_a_pipe(suite: pytest.Pytester) -> None:
    result = suite.runpytest_subprocess(
        "--edge-no-cache", "-p", "no:hypothesispytest", "--color=yes", "-s"
    )
    result.assert_outcomes(passed=3)
    assert not PROGRESS.search(result.stdout.str() + result.stderr.str())
    assert "\r" not in result.stdout.str()


@pytest.mark.parametrize("args", [[], ["-q"], ["-v"], ["-n2"]], ids=lambda args: "".join(args))
def test_a_wait_is_told_once_in_a_pipe(digits_suite: pytest.Pytester, args: list[str]) -> None:
    """Else a run that waits for another one looks as if it hung."""
    digits_suite.makepyfile(test_it="def test_it(converted_interpreter): pass")
    is_held, may_go = threading.Event(), threading.Event()

    machine = MachineLock(Locks(Path.home() / ".cache" / "pytest-edgeai" / "locks"))

    def hold() -> None:
        with machine.alone("somebody else's timing"):
            is_held.set()
            may_go.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    is_held.wait()
    command = [sys.executable, "-m", "pytest", "-p", "no:hypothesispytest", *args]
    lines, told = list[str](), list[str]()
    with subprocess.Popen(
        command, cwd=digits_suite.path, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if "waiting for this machine" in line:
                told.append(line)
                threading.Timer(1.5, may_go.set).start()
    may_go.set()
    holder.join()
    assert process.returncode == 0, "".join(lines)
    worker = r"\[gw\d\] " if "-n2" in args else ""
    of_holder = [line for line in told if "somebody else's timing" in line]
    assert len(of_holder) == 1, told
    assert re.match(f"edgeai: {worker}waiting for this machine", of_holder[0])


SUSTAINED = """
from pytest_edgeai import max_sustained_latency_ms

@max_sustained_latency_ms(p95=100, seconds=1)
def test_it(converted_interpreter): pass
"""


@pytest.mark.parametrize("args", [["-q"], ["-v"], ["-n1"]], ids=lambda args: "".join(args))
def test_each_window_of_a_sustained_run_is_told_in_a_pipe(
    digits_suite: pytest.Pytester, args: list[str]
) -> None:
    """They are minutes, in which a CI system hears nothing else."""
    digits_suite.makepyfile(test_it=SUSTAINED)
    result = digits_suite.runpytest_subprocess("-p", "no:hypothesispytest", *args)
    told = [line for line in result.outlines if "sustained run of" in line]
    of = "edgeai: .*sustained run of converted of digits.keras: "
    assert [re.fullmatch(f"{of}{n} of 3 windows", line) for n, line in enumerate(told)].count(
        None
    ) == 0
    assert len(told) == 3


def test_each_window_of_a_sustained_run_is_shown_on_a_terminal(
    digits_suite: pytest.Pytester,
) -> None:
    digits_suite.makepyfile(test_it=SUSTAINED)
    written = on_a_terminal(digits_suite.path, "-q")
    for number in range(3):
        assert f"edgeai: sustained run of converted of digits.keras: {number} of 3" in written
    assert not any("sustained run of converted" in line for line in seen(written))
