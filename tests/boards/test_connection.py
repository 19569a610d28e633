"""One connection: what interrupts it, and what is lost with it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest
from sshd import Sshd
from suites import is_empty_soon, wait_for

from pytest_edgeai.device import ssh_board
from pytest_edgeai.device.device import Device
from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.device.spec import DeviceSpec
from pytest_edgeai.errors import DeviceError
from pytest_edgeai.model.tflite import Model, read_facts

HOLD = """
import sys, time
from pytest_edgeai.device import ssh_board
from pytest_edgeai.device.device import Device
from pytest_edgeai.device.spec import DeviceSpec
ssh_board.SILENT_S = 6
device = Device(DeviceSpec("pi", sys.executable, host="board", ssh_config=sys.argv[1]))
with device.alone("timing in another process"):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def device(board: Sshd) -> Iterator[Device]:
    found = device_on(board)
    yield found
    found.close()


def device_on(board: Sshd) -> Device:
    return Device(DeviceSpec("pi", sys.executable, host="board", ssh_config=str(board.ssh_config)))


@pytest.fixture
def model(tiny: Path) -> Model:
    path = tiny / "scalar.tflite"
    return Model(path, path.name, "converted", read_facts(path))


def test_it_is_made_anew_when_it_was_lost_between_two_uses(
    device: Device, board: Sshd, model: Model
) -> None:
    with Interpreter(device, model) as interpreter:
        interpreter.invoke()
    board.stop()
    board.start()
    with Interpreter(device, model) as interpreter:
        interpreter.invoke()


def test_an_answer_that_nobody_waited_for_is_no_answer_to_the_next_question(
    device: Device,
) -> None:
    device.conditions()

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise ZeroDivisionError

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(ZeroDivisionError):
            device.busy_share(2.0)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert "governor" in device.conditions()


def test_a_hold_is_lost_with_it(device: Device, board: Sshd) -> None:
    with device.alone("one timing"):
        board.stop()
        board.start()
        lost = pytest.raises(DeviceError, match="was lost, and the hold on it")
        with lost, device.alone("another timing"):
            pass
    with device.alone("a third one"):
        pass


def test_two_hold_it_one_after_the_other(device: Device, board: Sshd) -> None:
    other = device_on(board)
    held = pytest.raises(DeviceError, match="held by process")
    with device.alone("one timing"), held, other.together_now("another one"):
        pass
    with other.together_now("another one"):
        pass
    other.close()


def test_a_client_that_vanishes_without_a_word_holds_nothing_for_ever(
    far_board: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its network is gone when it is killed, so the board hears of nothing."""
    command = [sys.executable, "-c", HOLD, str(far_board.ssh_config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == "held\n"
        far_board.cut()
        client.kill()
    time.sleep(1)
    assert far_board.processes()
    assert is_empty_soon(far_board)
    far_board.mend()
    monkeypatch.setattr(ssh_board, "RETRY_S", 0.0)
    device = device_on(far_board)
    assert wait_for(lambda: is_free(device), 40)
    device.close()


def is_free(device: Device) -> bool:
    try:
        with device.together_now("this test"):
            return True
    except DeviceError:
        return False


def test_a_run_with_no_traffic_for_a_while_goes_on(
    device: Device, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh_board, "SILENT_S", 3.0)
    with Interpreter(device, model) as interpreter:
        time.sleep(7)
        interpreter.invoke()


@pytest.mark.parametrize("greeting", ["hello", "1 update can be applied", "execne"])
def test_a_shell_that_greets(board: Sshd, home: Path, model: Model, greeting: str) -> None:
    """Its words come before Python's: the message shows them."""
    (home / ".profile").write_text(f"echo {greeting!r}\n")
    (home / "python").write_text(f'#!/bin/sh\n. ~/.profile\nexec {sys.executable} "$@"\n')
    (home / "python").chmod(0o755)
    device = Device(DeviceSpec("pi", "~/python", host="board", ssh_config=str(board.ssh_config)))
    begin = time.monotonic()
    with pytest.raises(DeviceError, match="its stdout has to stay silent"):
        device.conditions()
    assert time.monotonic() - begin < 20
