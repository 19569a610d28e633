"""What is said when the converter's process crashes, hangs or is killed, and what is left of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from asking import HERE, data_set, refused

from pytest_edgeai.convert.converter import Conversion, Converter
from pytest_edgeai.errors import ConversionError
from pytest_edgeai.model.source import resolve

PATIENCE_S = 60


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The functions of ``handmade`` write the id of their process there."""
    path = tmp_path / "calls"
    monkeypatch.setenv("EDGEAI_TEST_CALLS", str(path))
    return path


@pytest.fixture
def parent(tmp_path: Path, temporary: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Starts a process that converts a source, with a cache and a folder in ``tmp_path``."""
    started = []

    def start(source: str) -> subprocess.Popen[str]:
        arguments = [str(tmp_path / "cache"), str(tmp_path / "run"), source]
        command = [sys.executable, str(HERE / "converting.py"), *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        started.append(subprocess.Popen(command, **pipes))  # type: ignore[call-overload]
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def first_pid(calls: Path) -> int:
    """Waits for a process to be written down."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if calls.exists() and calls.read_text().endswith("\n"):
            return int(calls.read_text().splitlines()[0])
        time.sleep(0.02)
    raise AssertionError("nothing was called")


def worker_of(pid: int) -> int:
    """Waits for the process to start another one."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        lines = Path(f"/proc/{pid}/task").glob("*/children")
        children = [int(child) for line in lines for child in line.read_text().split()]
        if children:
            return children[0]
        time.sleep(0.02)
    raise AssertionError("nothing was started")


def is_gone(pid: int, within_s: float = 15) -> bool:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def test_crash(converter: Converter, temporary: Path) -> None:
    error = refused(converter, "handmade:aborts")
    assert isinstance(error, ConversionError)
    assert error.message.startswith("handmade:aborts: the converter ended with SIGABRT\n")
    assert "Fatal Python error: Aborted" in error.message
    assert 'handmade.py", line' in error.message
    assert error.hint == "the function crashed its process: call it by itself to see why"


def test_crash_of_tensorflow_itself(
    converter: Converter, odd_models: Path, temporary: Path
) -> None:
    """Calibrating a loop of Keras 3 crashes TensorFlow 2.21."""
    calibration = np.random.default_rng(0).random((5, 6, 5), np.float32)
    error = refused(converter, odd_models / "lstm.keras", "int8", calibration)
    assert "int8 of lstm.keras: the converter ended with SIGSEGV\n" in error.message
    assert 'calibrator.py", line' in error.message
    assert "give them unroll=True" in error.hint


def test_crash_costs_one_variant(
    converter_with: Callable[..., Converter], odd_models: Path, tmp_path: Path
) -> None:
    """The other one is converted from what the lost worker had exported."""
    converter = converter_with(cache=tmp_path / "cache")
    calibration = data_set(np.random.default_rng(0).random((5, 6, 5), np.float32))
    source = resolve(odd_models / "lstm.keras", [])
    done = converter.convert(source, ["converted", "int8", "dynamic"], calibration)
    assert isinstance(done["int8"], ConversionError)
    assert isinstance(done["converted"], Conversion)
    assert isinstance(done["dynamic"], Conversion)
    logs = [done["converted"].log, done["dynamic"].log, done["int8"].log]
    assert all(log.startswith("lstm.keras, written by Keras 3") for log in logs)
    assert len(list(tmp_path.glob("run-*/exported-*.json"))) == 1


def test_killed(converter: Converter, temporary: Path, calls: Path) -> None:
    threading.Thread(target=lambda: os.kill(first_pid(calls), signal.SIGKILL)).start()
    error = refused(converter, "handmade:hangs")
    assert "handmade:hangs: the converter ended with SIGKILL\n" in error.message
    assert error.message.endswith("last lines of its log:\n    waiting")
    assert "out-of-memory killer" in error.hint


def test_hang(converter_with: Callable[..., Converter], temporary: Path, calls: Path) -> None:
    begin = time.monotonic()
    error = refused(converter_with(limit_s=3), "handmade:hangs")
    assert time.monotonic() - begin < 60
    assert "handmade:hangs: the converter was ended after its limit of 3.0 s" in error.message
    assert "in hangs" in error.message
    assert error.hint.startswith("raise --edge-convert-timeout")
    assert is_gone(first_pid(calls))


def test_hang_with_a_child(
    converter_with: Callable[..., Converter], temporary: Path, calls: Path
) -> None:
    refused(converter_with(limit_s=3), "handmade:hangs_with_a_child")
    assert is_gone(first_pid(calls))


class TestParentThatEnds:
    def test_killed_while_it_waits(
        self, parent: Callable[[str], subprocess.Popen[str]], calls: Path
    ) -> None:
        process = parent("handmade:hangs_with_a_child")
        child = first_pid(calls)
        worker = worker_of(process.pid)
        process.kill()
        assert is_gone(worker)
        assert is_gone(child)

    def test_killed_while_it_converts(
        self, parent: Callable[[str], subprocess.Popen[str]], models: Path, tmp_path: Path
    ) -> None:
        process = parent(str(models / "digits.keras"))
        worker = worker_of(process.pid)
        time.sleep(1)
        os.kill(worker, signal.SIGSTOP)  # it cannot be ready before its parent is gone
        process.kill()
        process.wait()
        os.kill(worker, signal.SIGCONT)
        assert is_gone(worker)
        assert not list((tmp_path / "cache").glob("*.json"))

    def test_interrupted(self, parent: Callable[[str], subprocess.Popen[str]], calls: Path) -> None:
        process = parent("handmade:hangs")
        worker = first_pid(calls)
        process.send_signal(signal.SIGINT)
        output = process.communicate(timeout=15)[0]
        assert output.rstrip().endswith("KeyboardInterrupt")
        assert is_gone(worker)

    def test_interrupted_while_another_one_converts(
        self,
        parent: Callable[[str], subprocess.Popen[str]],
        models: Path,
    ) -> None:
        """The other one holds the entry of the cache: waiting for it ends, too."""
        source = str(models / "digits.h5")
        first = parent(source)
        worker = worker_of(first.pid)
        os.kill(worker, signal.SIGSTOP)
        second = parent(source)
        time.sleep(1.5)
        second.send_signal(signal.SIGINT)
        output = second.communicate(timeout=15)[0]
        assert first.poll() is None
        assert output.rstrip().endswith("KeyboardInterrupt")
        first.kill()
        os.kill(worker, signal.SIGCONT)
        assert is_gone(worker)
