"""Models for the tests of this folder."""

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

Open = Callable[[str], Interpreter]


@pytest.fixture(scope="module")
def opened() -> Iterator[Callable[[Path], Interpreter]]:
    """``opened(path)``: an interpreter that other tests of the module have used before."""
    device = Device(DeviceSpec(), call_limit_s=30)
    with ExitStack() as stack:
        yield cache(
            lambda path: stack.enter_context(
                Interpreter(device, Model(path, path.name, "converted", read_facts(path)))
            )
        )


@pytest.fixture
def small(tiny: Path, opened: Callable[[Path], Interpreter]) -> Open:
    """``small(name)``: one of the models that ``device/make_models.py`` writes."""
    return lambda name: opened(tiny / f"{name}.tflite")


@pytest.fixture
def published(realdata: Path, opened: Callable[[Path], Interpreter]) -> Open:
    """``published(name)``: one of the real models."""
    return lambda name: opened(realdata / "models" / f"{name}.tflite")
