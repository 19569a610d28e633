"""The machine's lock, between real processes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from pytest_edgeai.device.keeper import Locks
from pytest_edgeai.device.lock import QUEUE, MachineLock
from pytest_edgeai.errors import DeviceError

HOLDER = """
import sys, time
from pytest_edgeai.device.keeper import Locks
from pytest_edgeai.device.lock import MachineLock
lock = MachineLock(Locks(sys.argv[1]))
with getattr(lock, sys.argv[2])("timing in another process"):
    print("held", flush=True)
    time.sleep(float(sys.argv[3]))
    print(time.monotonic(), flush=True)
"""
Hold = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def hold(tmp_path: Path) -> Iterator[Hold]:
    """``hold("alone")``: a process that holds the lock already."""
    started: list[subprocess.Popen[str]] = []

    def process(how: str, seconds: float = 60) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HOLDER, str(tmp_path), how, str(seconds)]
        holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(holder)
        return holder

    yield process
    for holder in started:
        holder.kill()
        holder.communicate()


def is_held(holder: subprocess.Popen[str]) -> None:
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"


def freed(holder: subprocess.Popen[str]) -> float:
    """When it was about to let go, on the clock that all processes share."""
    assert holder.stdout is not None
    return float(holder.stdout.readline())


def entered(folder: Path, how: str) -> float:
    """When this test had it as well."""
    with getattr(MachineLock(Locks(folder), wait_s=30), how)("this test"):
        return time.monotonic()


def somebody_waits(folder: Path) -> None:
    locks = Locks(folder)
    while not locks.try_lock(QUEUE, True, "this test"):
        locks.unlock(QUEUE)
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("held", "wanted"), [("alone", "alone"), ("alone", "together"), ("together", "alone")]
)
def test_one_waits_for_the_other(hold: Hold, tmp_path: Path, held: str, wanted: str) -> None:
    holder = hold(held, 0.7)
    is_held(holder)
    assert entered(tmp_path, wanted) > freed(holder)


def test_those_who_do_not_time_go_together(hold: Hold, tmp_path: Path) -> None:
    holder = hold("together")
    is_held(holder)
    entered(tmp_path, "together")
    assert holder.poll() is None


def test_kill_frees_it(hold: Hold, tmp_path: Path) -> None:
    holder = hold("alone")
    is_held(holder)
    with pytest.raises(DeviceError), MachineLock(Locks(tmp_path), wait_s=0.2).alone("this test"):
        pass
    holder.kill()
    holder.wait()
    entered(tmp_path, "alone")


def test_nobody_new_passes_one_who_waits_to_be_alone(hold: Hold, tmp_path: Path) -> None:
    holder = hold("together")
    is_held(holder)
    waiting = hold("alone", 0.5)
    somebody_waits(tmp_path)
    with ThreadPoolExecutor() as pool:
        own = pool.submit(entered, tmp_path, "together")
        is_passed_by = bool(wait([own], 0.5).done)
        holder.kill()
        is_held(waiting)
        assert own.result() > freed(waiting)
    assert not is_passed_by


def test_the_wait_says_who_holds_it(hold: Hold, tmp_path: Path) -> None:
    holder = hold("alone")
    is_held(holder)
    told: list[str] = []
    waiting = MachineLock(Locks(tmp_path), wait_s=0.8).alone("this test", told.append)
    with pytest.raises(DeviceError) as caught, waiting:
        pass
    who = f"held by process {holder.pid}, timing in another process"
    assert told
    assert told[-1].startswith(f"waiting for this machine, {who}: 0.")
    assert who in caught.value.message
    assert "its lock ends with it" in caught.value.hint


def test_a_process_holds_it_once_however_often_it_asks(hold: Hold, tmp_path: Path) -> None:
    lock = MachineLock(Locks(tmp_path), wait_s=0.1)
    with lock.alone("one"), lock.alone("two"), lock.together("three"):
        pass
    is_held(hold("alone"))


def test_it_is_free_after_an_error(hold: Hold, tmp_path: Path) -> None:
    lock = MachineLock(Locks(tmp_path))
    with pytest.raises(ZeroDivisionError), lock.alone("this test"):
        raise ZeroDivisionError
    is_held(hold("alone"))
