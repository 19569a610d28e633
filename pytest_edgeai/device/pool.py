"""Several boards of one kind: a test goes to whichever is free."""

from __future__ import annotations

import itertools
import os
import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from pytest_edgeai import units
from pytest_edgeai.device.device import Device, DeviceFacts
from pytest_edgeai.device.lock import Progress
from pytest_edgeai.device.ssh_board import SshBoard
from pytest_edgeai.errors import DeviceError

POLL_S = 0.2


class Pool:
    """Boards that are alike; a board has one test at a time, of whichever process.

    A board that is lost costs its tests, as long as another one answers.

    Args:
        name: what ``--edge-device`` calls them.
        boards: each one of them.
        progress: is told what is waited for, at the end "".
    """

    def __init__(
        self, name: str, boards: Sequence[Device], progress: Progress = lambda text: None
    ) -> None:
        self.name = name
        self.boards = tuple(boards)
        self.spec = boards[0].spec
        self._progress = progress
        self._seated: Device | None = None
        self._sitting = 0
        for board in boards:
            board.find_mates = self._free_mates

    @property
    def facts(self) -> DeviceFacts:
        """Those of the first board that answers.

        Raises:
            DeviceError: none does.
        """
        for board in self.boards[:-1]:
            try:
                return board.facts
            except DeviceError:
                continue
        return self.boards[-1].facts

    @contextmanager
    def seat(self) -> Iterator[Device]:
        """A free board; the same one for all that a test asks for.

        Raises:
            DeviceError: none can be reached.
        """
        if self._seated is None:
            self._seated = self._free()
        self._sitting += 1
        try:
            yield self._seated
        finally:
            self._sitting -= 1
            if not self._sitting:
                _board(self._seated).leave_seat()
                self._seated = None

    def close(self) -> None:
        """End the connections to them."""
        for board in self.boards:
            board.close()

    def _free(self) -> Device:
        """Wait for a board that nobody has; begin where other processes do not."""
        begin = time.monotonic()
        try:
            for round_ in itertools.count():
                first = (os.getpid() + round_) % len(self.boards)
                order = (*self.boards[first:], *self.boards[:first])
                refusals = []
                for board in order:
                    try:
                        if not _board(board).take_seat(_who()):
                            return board
                    except DeviceError as error:
                        refusals.append(error)
                if len(refusals) == len(order):
                    raise refusals[0]
                waited = units.seconds(time.monotonic() - begin)
                self._progress(f"waiting for a free board of {self.name}: {waited}")
                time.sleep(POLL_S)
        finally:
            self._progress("")
        raise AssertionError

    def _free_mates(self, stack: ExitStack) -> list[Device]:
        """Boards that nobody has at this moment, until the stack ends."""
        found = []
        for board in self.boards:
            if board is self._seated:
                continue
            try:
                if _board(board).take_seat(_who()):
                    continue
            except DeviceError:
                continue
            stack.callback(_board(board).leave_seat)
            found.append(board)
        return found


def _who() -> str:
    return f"process {os.getpid()} of {platform.node()}"


def _board(device: Device) -> SshBoard:
    assert isinstance(device.board, SshBoard)
    return device.board
