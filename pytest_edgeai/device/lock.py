"""Who may use a machine now: one that times it, alone, or any number that do not.

The kernel frees a lock when its holder ends, however it ends. Only the standard library is used.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from pytest_edgeai import units
from pytest_edgeai.errors import DeviceError

POLL_S = 0.05
SILENT_S = 0.5
"""Shorter waits are not told of."""
WAIT_S = 1800.0

Progress = Callable[[str], None]


class MachineLock:
    """Shared by all processes of a user that name the same folder; one object per process.

    Whoever waits to be alone stands in the queue, and nobody new passes by: the machine empties.

    Args:
        folder: where the files are that are locked.
        wait_s: how long to wait at most.
    """

    def __init__(self, folder: Path, wait_s: float = WAIT_S) -> None:
        self._folder = folder
        self._wait_s = wait_s
        self._mutex = threading.RLock()
        self._holders = 0
        self._room: IO[str] | None = None

    @contextlib.contextmanager
    def alone(self, what: str, progress: Progress = lambda text: None) -> Iterator[None]:
        """Hold the machine alone. Do not ask for it while holding it ``together``."""
        with self._held(what, progress, alone=True):
            yield

    @contextlib.contextmanager
    def together(self, what: str, progress: Progress = lambda text: None) -> Iterator[None]:
        """Hold it with others that do not time it; nothing to do where it is held already."""
        with self._held(what, progress, alone=False):
            yield

    @contextlib.contextmanager
    def _held(self, what: str, progress: Progress, alone: bool) -> Iterator[None]:
        with self._mutex:
            if not self._holders:
                self._enter(what, progress, alone)
            self._holders += 1
        try:
            yield
        finally:
            with self._mutex:
                self._holders -= 1
                if not self._holders and self._room is not None:
                    self._room.close()
                    self._room = None

    def _enter(self, what: str, progress: Progress, alone: bool) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        begin = time.monotonic()
        with (self._folder / "queue").open("a") as queue, contextlib.ExitStack() as undo:
            room = undo.enter_context((self._folder / "room").open("a+"))
            for file, mode in (
                (queue, fcntl.LOCK_EX),
                (room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH),
            ):
                while not _locked(file, mode):
                    self._wait(what, progress, time.monotonic() - begin)
            if time.monotonic() - begin > SILENT_S:
                progress("")
            room.truncate(0)
            room.write(f"process {os.getpid()}, {what}")
            room.flush()
            undo.pop_all()
            self._room = room

    def _wait(self, what: str, progress: Progress, waited_s: float) -> None:
        text = f"waiting for this machine, held by {self._holder()}"
        if waited_s > self._wait_s:
            raise DeviceError(
                f"{what}: {text}, for more than {units.seconds(waited_s)}",
                "wait for that process, or end it: its lock ends with it",
            )
        if waited_s > SILENT_S:
            progress(f"{text}: {units.seconds(waited_s)}")
        time.sleep(POLL_S)

    def _holder(self) -> str:
        with contextlib.suppress(OSError):
            return (self._folder / "room").read_text() or "another process"
        return "another process"


def _locked(file: IO[str], mode: int) -> bool:
    try:
        fcntl.flock(file, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _folder() -> Path:
    return Path(tempfile.gettempdir(), f"pytest-edgeai-{os.getuid()}")


THIS_MACHINE = MachineLock(_folder())
"""The machine that pytest runs on."""
