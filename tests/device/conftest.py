"""Devices and models for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest

from pytest_edgeai.device.device import Device
from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.device.spec import DeviceSpec
from pytest_edgeai.model.tflite import Model, read_facts

Open = Callable[..., Interpreter]


@pytest.fixture(scope="session")
def litert() -> Device:
    return Device(DeviceSpec(), call_limit_s=30)


@pytest.fixture(scope="session")
def tflite_runtime(tflite_runtime_python: Path) -> Device:
    return Device(DeviceSpec("old", str(tflite_runtime_python)), call_limit_s=30)


def _opened(stack: ExitStack, path: Path, device: Device, signature: str) -> Interpreter:
    model = Model(path, path.name, "converted", read_facts(path, signature))
    return stack.enter_context(Interpreter(device, model))


@pytest.fixture
def open_model(litert: Device) -> Iterator[Open]:
    """``open_model(path, device, signature)``: an interpreter, closed after the test."""
    with ExitStack() as stack:
        yield lambda path, device=litert, signature="": _opened(stack, path, device, signature)


@pytest.fixture(scope="module")
def shared(litert: Device) -> Iterator[Open]:
    """``shared(path, signature)``: one that other tests of the module have used before."""
    with ExitStack() as stack:
        yield cache(lambda path, signature="": _opened(stack, path, litert, signature))
