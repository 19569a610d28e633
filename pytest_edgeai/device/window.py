"""Memory that this process shares with its agents on this machine."""

from __future__ import annotations

import mmap
import os
import weakref
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

ALIGNMENT = 64
"""Bytes; no array begins elsewhere."""


class Window:
    """Arrays for one agent: written here once, mapped there.

    It is a file without a name, so that nothing is left of it, however this process ends.

    Attributes:
        path: where other processes of this user find it.

    Raises:
        OSError: the system has no such files.
    """

    def __init__(self) -> None:
        if not hasattr(os, "memfd_create"):
            raise OSError("no memfd_create")
        self._file = os.memfd_create("edgeai")
        weakref.finalize(self, os.close, self._file)
        self.path = f"/proc/{os.getpid()}/fd/{self._file}"
        self._memory = np.empty(0, np.uint8)
        self._used = 0

    def clear(self) -> None:
        """Make room: the agent has answered."""
        self._used = 0

    def put(self, array: Array) -> tuple[Any, ...]:
        """Put an array beside those that were put since it was cleared; see ``agent.unpack``."""
        begin = -(-self._used // ALIGNMENT) * ALIGNMENT
        end = self._used = begin + array.nbytes
        if end > len(self._memory):
            os.ftruncate(self._file, end)
            self._memory = np.frombuffer(mmap.mmap(self._file, end), np.uint8)
        place = self._memory[begin:end].view(array.dtype).reshape(array.shape)
        np.copyto(place, array)
        return ("window", array.dtype.str, list(array.shape), self.path, begin)
