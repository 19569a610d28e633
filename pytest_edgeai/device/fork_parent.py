"""The one file that a runtime is imported in once: it holds no model, and forks a child for each.

A device's Python runs it, Linux only, with a socket as its standard input. A message there is a
working directory, with the descriptors of a child's stdin, stdout and stderr, and of its life: a
socket to which the child's number is written when it begins, and its exit status when it has ended.
A byte from there, or its end, kills the child. All end with the standard input.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import select
import signal
import socket
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

POOLS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""How many threads numpy makes when it is imported; a fork would copy none of them."""
PR_SET_PDEATHSIG = 1
PAGES_FOR_A_MESSAGE = 1 << 16
PRESENT = 1 << 63
"""The bit of a page in /proc/self/pagemap."""


def threads() -> int:
    """How many threads this process has, with those of an emulator."""
    return len(list(Path("/proc/self/task").iterdir()))


@contextlib.contextmanager
def without_pools() -> Iterator[None]:
    """Let numpy make no threads; children find the environment as it was."""
    before = {name: os.environ.get(name) for name in POOLS}
    os.environ.update({name: "1" for name in POOLS if name not in os.environ})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]


def module_of(name: str, code: str) -> Any:
    """A module that some code makes."""
    module = types.ModuleType(name)
    sys.modules[name] = module
    exec(compile(code, name, "exec"), module.__dict__)
    return module


def pages_of_files() -> list[int]:
    """Where the pages of files are that this process has in its memory.

    A fork does not copy their entries, so that a child would count them as its model's.
    """
    import numpy as np

    size = os.sysconf("SC_PAGE_SIZE")
    found: list[int] = []
    with open("/proc/self/maps") as maps, open("/proc/self/pagemap", "rb", 0) as pagemap:
        for line in maps:
            words = line.split(None, 5)
            if len(words) < 6 or not words[5].startswith("/") or words[1][0] != "r":
                continue
            begin, end = (int(number, 16) for number in words[0].split("-"))
            pagemap.seek(begin // size * 8)
            told = pagemap.read((end - begin) // size * 8)
            there = np.frombuffer(told, np.uint64) & np.uint64(PRESENT) != 0
            found += [begin + page * size for page in np.flatnonzero(there).tolist()]
    return found


def take_in(pages: list[int]) -> None:
    """Have these pages in this process's memory, as if it had imported all itself."""
    for page in pages:
        ctypes.c_char.from_address(page).value  # noqa: B018  (reading it is enough)


class Parent:
    """Forks children and tells what becomes of them."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.lives: dict[int, socket.socket] = {}
        self.killed: list[socket.socket] = []
        self.woken, self.wake = socket.socketpair()
        self.woken.setblocking(False)
        self.wake.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(self.wake.fileno())

    def serve(self) -> None:
        """Answer until the standard input ends, then end; returns in each child, and only there."""
        while True:
            watched = [life for life in self.lives.values() if life not in self.killed]
            ready = select.select([self.control, self.woken, *watched], [], [])[0]
            for pid, life in self.lives.items():
                if life in ready:
                    self.kill(pid)
            if self.woken in ready:
                self.woken.recv(PAGES_FOR_A_MESSAGE)
                self.reap()
            if self.control in ready and self.forked():
                return

    def forked(self) -> bool:
        """Whether this is a child now."""
        folder, given, _, _ = socket.recv_fds(self.control, PAGES_FOR_A_MESSAGE, 4)
        if not folder:
            for pid in self.lives:
                self.kill(pid)
            os._exit(0)
        life = socket.socket(fileno=given.pop())
        try:
            pid = os.fork()
        except OSError:  # seen by the end of its life
            pid = -1
        if pid == 0:
            life.close()
            self.become_child(os.fsdecode(folder), given)
            return True
        for descriptor in given:
            os.close(descriptor)
        if pid < 0:
            life.close()
        else:
            self.lives[pid] = life
            tell(life, pid)
        return False

    def become_child(self, folder: str, given: list[int]) -> None:
        """Leave all behind that is the parent's."""
        os.setsid()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for one in (self.control, self.woken, self.wake, *self.lives.values()):
            one.close()
        for number, descriptor in enumerate(given):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.chdir(folder)

    def kill(self, pid: int) -> None:
        """End a child and what it has started; its status is still told."""
        self.killed.append(self.lives[pid])
        for kill in (os.killpg, os.kill):  # it may not lead a group yet
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill(pid, signal.SIGKILL)

    def reap(self) -> None:
        """Tell of those that have ended."""
        while self.lives:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            with self.lives.pop(pid) as life:
                if life in self.killed:
                    self.killed.remove(life)
                tell(life, os.waitstatus_to_exitcode(status))


def tell(life: socket.socket, number: int) -> None:
    """Write a number to whoever listens."""
    with contextlib.suppress(OSError):
        life.sendall(b"%d\n" % number)


def main(execnet_code: str, agent_code: str, runtime: str) -> None:
    """Import all that a child needs, and fork children until nobody wants any.

    Args:
        execnet_code, agent_code: code that makes the modules.
        runtime: one of the agent's.
    """
    threads_at_first = threads()
    with without_pools():
        agent = module_of("edgeai_agent", agent_code)
        agent.Agent().hello(runtime)
        execnet = module_of("edgeai_execnet", execnet_code)
    pages = [] if agent.is_emulated() else pages_of_files()
    gc.collect()
    gc.freeze()
    with contextlib.suppress(AttributeError):  # only the GNU library has it
        ctypes.CDLL(None).malloc_trim(0)  # what imports have freed is none of a model's memory
    if threads() != threads_at_first:
        sys.exit("a process with threads cannot be forked")
    control = socket.socket(fileno=0)
    control.sendall(b"+")
    Parent(control).serve()
    take_in(pages)
    sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)
    exec(eval(sys.stdin.readline()), execnet.__dict__)
