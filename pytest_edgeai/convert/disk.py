"""Disks that cannot be written, and locks that others hold."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from filelock import FileLock, Timeout

from pytest_edgeai.errors import UsageError

CHECK_S = 0.2


@contextlib.contextmanager
def writing(what: str, hint: str) -> Iterator[None]:
    """Say of an ``OSError`` what could not be written."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UsageError(f"{what} cannot be written: {reason}", hint) from None


def acquire(
    lock: FileLock, check: Callable[[], None], meanwhile: Callable[[], None] = lambda: None
) -> None:
    """Wait for a lock, which the kernel frees where its holder crashes.

    Args:
        check: called now and then while another one holds it; what it raises ends the wait.
        meanwhile: called once where another one holds it.
    """
    if _taken(lock, 0):
        return
    meanwhile()
    while not _taken(lock, CHECK_S):
        check()


def _taken(lock: FileLock, timeout_s: float) -> bool:
    try:
        lock.acquire(timeout=timeout_s)
    except Timeout:
        return False
    return True
