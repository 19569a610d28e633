"""Processes that are forked from one that has imported the runtime, against plain ones."""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from processes import PLAIN, children, gone, models, parent_of, the_child

from pytest_edgeai.device import connection, forks
from pytest_edgeai.device.device import Device
from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.device.spec import DeviceSpec
from pytest_edgeai.errors import DeviceError
from pytest_edgeai.model.tflite import Model, read_facts

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only there it forks")

RUNS = 5
MOST_PAIRS = 40
Make = Callable[[Device], Interpreter]


@pytest.fixture
def forking() -> Iterator[Device]:
    device = Device(DeviceSpec("forking"))
    assert device.facts
    yield device
    device.close()


@pytest.fixture
def plain() -> Device:
    """A device whose numpy makes threads."""
    return Device(DeviceSpec("plain", env=PLAIN))


@pytest.fixture
def scalar(tiny: Path) -> Model:
    path = tiny / "scalar.tflite"
    return Model(path, path.name, "converted", read_facts(path))


def parents() -> set[int]:
    """The processes that fork for this one."""
    return {parent_of(pid) for pid in models(os.getpid())} - {os.getpid()}


def start_s(device: Device) -> float:
    begin = time.perf_counter()
    with device.start("a model"):
        return time.perf_counter() - begin


def test_a_second_start_takes_a_third_of_a_plain_one(forking: Device, plain: Device) -> None:
    """In turns; the shortest of each, as others can only make it longer."""
    for device in (forking, plain):
        start_s(device)
    pairs = [(start_s(forking), start_s(plain)) for _ in range(RUNS)]
    forked_s, plain_s = map(min, zip(*pairs, strict=True))
    assert forked_s < plain_s / 3


def test_memory_is_the_same(forking: Device, plain: Device, realdata: Path) -> None:
    path = realdata / "models" / "mobilenet_v1_0.25_224_float.tflite"
    model = Model(path, path.name, "converted", read_facts(path))
    taken = []
    for device in (forking, plain):
        with Interpreter(device, model) as interpreter:
            inputs = interpreter.inputs()
            found = [interpreter.start_afresh("memory", 1, inputs, RUNS) for _ in range(3)]
            taken.append(np.median([peak - before for before, _, peak in found]))
    forked, started = taken
    assert forked == pytest.approx(started, rel=0.05)


def test_start_up_is_the_same(forking: Device, plain: Device, realdata: Path) -> None:
    """In turns; the shortest of each, until they agree, as others can only make one longer."""
    path = realdata / "models" / "mobilenet_v1_0.25_224_float.tflite"
    model = Model(path, path.name, "converted", read_facts(path))
    with Interpreter(forking, model) as forked, Interpreter(plain, model) as started:
        given = [(each, each.inputs()) for each in (forked, started)]
        least = [float("inf")] * 2
        for _ in range(MOST_PAIRS):
            taken = [sum(each.start_afresh("start_up", 1, inputs)[0]) for each, inputs in given]
            least = list(map(min, least, taken))
            if least[0] == pytest.approx(least[1], rel=0.1):
                return
    raise AssertionError(least)


def test_one_parent_without_threads(forking: Device, scalar: Model) -> None:
    with Interpreter(forking, scalar, 4), Interpreter(forking, scalar):
        (parent,) = parents()
        assert len(children(parent)) == 2
        assert len(list(Path(f"/proc/{parent}/task").iterdir())) == 1


def test_it_ends_with_its_device(forking: Device, scalar: Model) -> None:
    interpreter = Interpreter(forking, scalar)
    (parent,), child = parents(), the_child()
    forking.close()
    assert gone(parent)
    assert gone(child)
    interpreter.close()


def test_it_ends_when_its_device_is_forgotten(scalar: Model) -> None:
    device = Device(DeviceSpec("forgotten"))
    with Interpreter(device, scalar) as interpreter:
        (parent,) = parents()
    del device, interpreter
    gc.collect()
    assert gone(parent)


def test_a_killed_parent_takes_its_children_along(forking: Device, scalar: Model) -> None:
    """What comes after is started as it is where nothing forks."""
    with Interpreter(forking, scalar) as interpreter:
        (parent,), child = parents(), the_child()
        os.kill(parent, signal.SIGKILL)
        assert gone(child)
        with pytest.raises(DeviceError, match="ended with SIGKILL in invoke"):
            interpreter.invoke()
        assert interpreter.predict(np.array([2.0])).tolist() == [5]
        assert parents() == set()


def test_a_stopped_parent_is_ended(forking: Device, scalar: Model) -> None:
    with Interpreter(forking, scalar):
        (parent,), child = parents(), the_child()
        os.kill(parent, signal.SIGSTOP)
    forking.close()
    assert gone(parent)
    assert gone(child)


def test_a_hung_child_of_a_stopped_parent_is_ended(
    scalar: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "GRACE_S", 0.5)
    monkeypatch.setattr(forks, "ANSWER_S", 1.0)
    device = Device(DeviceSpec("stopped"), 20.0)
    with Interpreter(device, scalar) as interpreter:
        (parent,), child = parents(), the_child()
        interpreter._process.limit_s = 1.0
        for pid in (child, parent):
            os.kill(pid, signal.SIGSTOP)
        with pytest.raises(DeviceError, match="invoke did not return within"):
            interpreter.invoke()
        assert gone(parent)
        assert gone(child)
    device.close()


def test_threads_keep_it_from_forking(plain: Device, scalar: Model) -> None:
    with Interpreter(plain, scalar) as interpreter:
        assert interpreter.predict(np.array([2.0])).tolist() == [5]
        assert parents() == set()


def test_each_has_the_folder_and_the_environment_of_today(
    forking: Device, scalar: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        monkeypatch.chdir(tmp_path / folder)
        monkeypatch.setenv("EDGEAI_FOLDER", folder)
        with Interpreter(forking, scalar):
            (parent,), child = parents(), the_child()
            environment = Path(f"/proc/{parent}/environ").read_bytes().split(b"\0")
            assert f"EDGEAI_FOLDER={folder}".encode() in environment
            seen.append(Path(f"/proc/{child}/cwd").resolve().name)
    assert seen == ["one", "two"]


def test_what_one_does_with_its_environment_stays_its_own(forking: Device) -> None:
    """Each begins a session, so that it is ended with all that it has started."""
    with forking.start("a"), forking.start("b"):
        assert {os.getsid(pid) for pid in models(os.getpid())} == models(os.getpid())
