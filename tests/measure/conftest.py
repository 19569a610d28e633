"""Devices and models for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pytest_edgeai.device.device import Device
from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.device.spec import DeviceSpec
from pytest_edgeai.model.tflite import Model, read_facts

Open = Callable[[Path], Interpreter]


@pytest.fixture(scope="session")
def litert() -> Device:
    return Device(DeviceSpec(), call_limit_s=30)


@pytest.fixture
def open_model(litert: Device) -> Iterator[Open]:
    """``open_model(path)``: an interpreter, closed after the test."""
    with ExitStack() as stack:

        def opened(path: Path) -> Interpreter:
            model = Model(path, path.name, "converted", read_facts(path))
            return stack.enter_context(Interpreter(litert, model))

        yield opened


@pytest.fixture
def published(realdata: Path, open_model: Open) -> Callable[[str], Interpreter]:
    """``published(name)``: one of the real models."""
    return lambda name: open_model(realdata / "models" / f"{name}.tflite")
