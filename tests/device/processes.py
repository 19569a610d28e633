"""Looks at processes from outside, through /proc."""

from __future__ import annotations

import os
import time
from pathlib import Path

LONG_S = 30.0
"""Nothing that is waited for here takes so long unless it is broken."""

BUSY_TICKS = 20
PLAIN = {"OPENBLAS_NUM_THREADS": "2"}
"""An environment in which numpy makes threads, so that nothing can be forked."""


def children(parent: int) -> set[int]:
    """Processes that a process has started and that have not ended."""
    found: set[int] = set()
    for task in Path(f"/proc/{parent}/task").iterdir():
        found |= {int(pid) for pid in (task / "children").read_text().split()}
    return {pid for pid in found if is_alive(pid)}


def descendants(parent: int) -> set[int]:
    found = children(parent)
    return found.union(*(descendants(pid) for pid in found))


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def models(parent: int) -> set[int]:
    """Processes below one that hold a model: none that have children, or that only fork."""
    return {pid for pid in descendants(parent) if not children(pid) and not _forks(pid)}


def _forks(pid: int) -> bool:
    return str(Path(f"/proc/{pid}/fd/0").readlink()).startswith("socket:")


def parent_of(pid: int) -> int:
    """The process that has started this one."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def the_child() -> int:
    """The only process that holds a model for this one."""
    (pid,) = models(os.getpid())
    return pid


def gone(pid: int, within_s: float = LONG_S) -> bool:
    """Wait until a process has ended."""
    end = time.monotonic() + within_s
    while is_alive(pid):
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def wait_until_busy(pid: int) -> None:
    """Wait until a process has computed for a while."""
    start = _ticks(pid)
    while _ticks(pid) < start + BUSY_TICKS:
        time.sleep(0.02)


def _ticks(pid: int) -> int:
    """Time that a process has spent computing, in hundredths of a second."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11])
