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
from pytest_edgeai.device.lock import WAIT_S, Progress
from pytest_edgeai.device.ssh import lost
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
        self.left_out: dict[str, str] = {}
        self._seated: Device | None = None
        self._sitting = 0
        self._holders: dict[str, str] = {}
        for board in boards:
            board.find_mates = self._free_mates
            board.left_out = self.left_out

    @property
    def facts(self) -> DeviceFacts:
        """Those of a board that is free.

        Raises:
            DeviceError: none can be reached.
        """
        with self.seat() as board:
            return board.facts

    @contextmanager
    def seat(self) -> Iterator[Device]:
        """A free board; the same one for all that a test asks for.

        Raises:
            DeviceError: none can be reached.
        """
        if self._seated is None:
            self._seated = self._free()
        elif not _board(self._seated).has_seat:
            raise DeviceError(*lost(self._seated.spec))
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
                for board in order:
                    if self._is_mine_now(board):
                        return board
                if len(self.left_out) == len(order):
                    said = "; ".join(self.left_out.values())
                    raise DeviceError(f"no board of {self.name!r} can be reached: {said}")
                waited_s = time.monotonic() - begin
                held = "; ".join(self._holders.values())
                text = f"waiting for a free board of {self.name!r}, {held}"
                if waited_s > WAIT_S:
                    raise DeviceError(f"{text}, for more than {units.seconds(waited_s)}")
                self._progress(f"{text}: {units.seconds(waited_s)}")
                time.sleep(POLL_S)
        finally:
            self._progress("")
        raise AssertionError

    def _free_mates(self, stack: ExitStack) -> list[Device]:
        """Boards that nobody has at this moment, until the stack ends."""
        others = [board for board in self.boards if board is not self._seated]
        found = [board for board in others if self._is_mine_now(board)]
        for board in found:
            stack.callback(_board(board).leave_seat)
        return found

    def _is_mine_now(self, board: Device) -> bool:
        """Take the seat of a board that is free; take note of one that cannot be reached."""
        host = board.spec.host
        try:
            holder = _board(board).take_seat(f"process {os.getpid()} of {platform.node()}")
        except DeviceError as error:
            self.left_out[host] = error.message
            return False
        self.left_out.pop(host, None)
        self._holders.pop(host, None)
        if holder:
            self._holders[host] = f"{host} held by {holder}"
        return not holder


def _board(device: Device) -> SshBoard:
    assert isinstance(device.board, SshBoard)
    return device.board
