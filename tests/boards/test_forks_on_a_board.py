"""Processes on a board that are forked there, from one that has imported the runtime."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sshd import Sshd
from suites import is_empty_soon

from pytest_edgeai.device.device import Device
from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.device.spec import DeviceSpec
from pytest_edgeai.model.tflite import Model, read_facts


@pytest.fixture
def emulated(board: Sshd, arm64: Path) -> Iterator[Device]:
    """A board whose Python is slow to start."""
    python = str(arm64 / "bin" / "python-litert")
    device = Device(DeviceSpec("pi", python, host="board", ssh_config=str(board.ssh_config)))
    yield device
    device.close()


def start_s(device: Device) -> float:
    begin = time.perf_counter()
    with device.start("a model"):
        return time.perf_counter() - begin


def test_a_second_start_takes_a_tenth_of_the_first(emulated: Device) -> None:
    """The shortest of some, as others can only make it longer."""
    first_s = start_s(emulated)
    assert min(start_s(emulated) for _ in range(3)) < first_s / 10


def test_nothing_stays(emulated: Device, board: Sshd, tiny: Path) -> None:
    path = tiny / "scalar.tflite"
    model = Model(path, path.name, "converted", read_facts(path))
    with Interpreter(emulated, model) as one, Interpreter(emulated, model) as other:
        for interpreter in (one, other):
            assert interpreter.predict(np.array([2.0])).tolist() == [5]
        emulated.close()
    assert is_empty_soon(board)
