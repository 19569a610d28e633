"""Who may use a machine now: one that times it, alone, or any number that do not.

The files are locked on the machine itself, and the kernel frees them when their holder ends,
however it ends.
"""

from __future__ import annotations

import contextlib
import os
import platform
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from pytest_edgeai import units
from pytest_edgeai.device import keeper
from pytest_edgeai.errors import DeviceError

POLL_S = 0.05
SILENT_S = 0.5
"""Shorter waits are not told of."""
WAIT_S = 1800.0
QUEUE, ROOM = "queue", "room"

Progress = Callable[[str], None]


class Locks(Protocol):
    """Files on the machine that can be locked, see ``keeper.Locks``."""

    def try_lock(self, name: str, alone: bool, what: str) -> str: ...

    def unlock(self, name: str) -> None: ...

    def is_held(self, name: str) -> bool: ...


class MachineLock:
    """Shared by all who name the same folder on the machine; one object per process and machine.

    Whoever waits to be alone stands in the queue, and nobody new passes by: the machine empties.

    Args:
        locks: the files on the machine.
        machine: what to call it.
        wait_s: how long to wait at most.
    """

    def __init__(self, locks: Locks, machine: str = "this machine", wait_s: float = WAIT_S) -> None:
        self._locks = locks
        self._machine = machine
        self._wait_s = wait_s
        self._mutex = threading.RLock()
        self._holders = 0

    @contextlib.contextmanager
    def alone(self, what: str, progress: Progress = lambda text: None) -> Iterator[None]:
        """Hold the machine alone. Do not ask for it while holding it ``together``."""
        with self._held(what, progress, alone=True):
            yield

    @contextlib.contextmanager
    def together(
        self, what: str, progress: Progress = lambda text: None, wait_s: float | None = None
    ) -> Iterator[None]:
        """Hold it with others that do not time it; nothing to do where it is held already.

        Args:
            wait_s: how long to wait at most, if not as long as for any other reason.
        """
        with self._held(what, progress, alone=False, wait_s=wait_s):
            yield

    @contextlib.contextmanager
    def _held(
        self, what: str, progress: Progress, alone: bool, wait_s: float | None = None
    ) -> Iterator[None]:
        with self._mutex:
            if not self._holders:
                self._enter(what, progress, alone, wait_s)
            elif not self._locks.is_held(ROOM):
                raise DeviceError(f"{what}: {self._machine} was lost, and the hold on it with it")
            self._holders += 1
        try:
            yield
        finally:
            with self._mutex:
                self._holders -= 1
                if not self._holders:
                    self._locks.unlock(ROOM)

    def _enter(self, what: str, progress: Progress, alone: bool, wait_s: float | None) -> None:
        begin, most_s = time.monotonic(), self._wait_s if wait_s is None else wait_s
        text = f"process {os.getpid()}{self._host}, {what}"
        try:
            for name, exclusive in ((QUEUE, True), (ROOM, alone)):
                while holder := self._locks.try_lock(name, exclusive, text):
                    who = f"{'behind' if name == QUEUE else 'held by'} {holder}"
                    self._wait(what, who, progress, time.monotonic() - begin, most_s)
        finally:
            self._locks.unlock(QUEUE)
        if time.monotonic() - begin > SILENT_S:
            progress("")

    def _wait(
        self, what: str, who: str, progress: Progress, waited_s: float, most_s: float
    ) -> None:
        text = f"waiting for {self._machine}, {who}"
        if waited_s > most_s:
            raise DeviceError(
                f"{what}: {text}, for more than {units.seconds(waited_s)}",
                "wait for that process, or end it: its lock ends with it",
            )
        if waited_s > SILENT_S:
            progress(f"{text}: {units.seconds(waited_s)}")
        time.sleep(POLL_S)

    @property
    def _host(self) -> str:
        """Several hosts may use a board."""
        return "" if self._machine == "this machine" else f" of {platform.node()}"


def _folder() -> Path:
    """As on a board, so that who comes there by SSH and who is there already meet."""
    if os.access(Path.home(), os.W_OK):
        return Path.home() / ".cache" / "pytest-edgeai" / "locks"
    return Path(tempfile.gettempdir(), f"pytest-edgeai-{os.getuid()}")


THIS_MACHINE = MachineLock(keeper.Locks(_folder()))
"""The machine that pytest runs on."""
