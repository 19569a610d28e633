"""The one file that has children forked, here or by a board's keeper: see ``fork_parent.py``.

It needs only the standard library, and Python 3.9+ on Linux.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import threading
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

ANSWER_S = 10.0
"""How long a parent may take to fork, or to end a child."""
ENDING_S = 3.0
"""How long a child may take to end by itself."""
KILLED = -9


class Forks:
    """A parent; it ends with this object, and all its children with it.

    Args:
        words: a command line of Python, with the bootstrap that reads code from its stdin.
        code: runs ``fork_parent.main``.
        limit_s: how long the start may take.
        stderr: where it prints to; as this process where it is not given.
        env: of the parent; this process's where it is not given.

    Raises:
        OSError: it did not start, or has more than one thread.
    """

    def __init__(
        self,
        words: Sequence[str],
        code: str,
        limit_s: float,
        stderr: IO[bytes] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._mutex = threading.Lock()
        self._control, its = socket.socketpair()
        with its:
            quiet = subprocess.DEVNULL
            parent = subprocess.Popen(
                words,
                stdin=its.fileno(),
                stdout=quiet,
                stderr=stderr,
                start_new_session=True,
                env=env,
            )
        self._end = weakref.finalize(self, _end_of, parent, self._control)
        try:
            self._control.settimeout(limit_s)
            self._control.sendall(repr(code).encode() + b"\n")
            if self._control.recv(1) != b"+":
                raise OSError("it cannot fork")
        except BaseException:
            self.close()
            raise

    def fork(self, stderr: int) -> Fork:
        """A new child that waits for execnet's bootstrap.

        Args:
            stderr: the descriptor to print to.

        Raises:
            OSError: the parent is gone, or could not fork.
        """
        its_stdin, stdin = os.pipe()
        stdout, its_stdout = os.pipe()
        life, its_life = socket.socketpair()
        made = Fork(self, os.fdopen(stdin, "wb"), os.fdopen(stdout, "rb"), life)
        try:
            self._send(os.fsencode(Path.cwd()), its_stdin, its_stdout, stderr, its_life.detach())
            made.begin()
        except BaseException:
            made.abandon()
            raise
        return made

    def _send(self, folder: bytes, stdin: int, stdout: int, stderr: int, life: int) -> None:
        """Ask for a child with these descriptors, which all but ``stderr`` are its own then."""
        try:
            with self._mutex:
                socket.send_fds(self._control, [folder], [stdin, stdout, stderr, life])
        finally:
            for descriptor in (stdin, stdout, life):
                os.close(descriptor)

    def close(self) -> None:
        """End it, and all its children."""
        self._end()


class Fork:
    """A child of a parent, with the calls of ``subprocess.Popen`` that are needed."""

    def __init__(self, forks: Forks, stdin: Any, stdout: Any, life: socket.socket) -> None:
        self._forks = forks  # which lives as long
        self.stdin, self.stdout = stdin, stdout
        self._life = life
        self._end = weakref.finalize(self, life.close)
        self._mutex = threading.Lock()
        self._status: int | None = None
        self.pid = 0

    def begin(self) -> None:
        """Hear that it is there."""
        self._life.settimeout(ANSWER_S)
        self.pid = int(self._line() or 0)
        if not self.pid:
            raise OSError("it was not forked")

    def wait(self, timeout: float | None = None) -> int:
        """The exit status, once it has ended.

        Raises:
            subprocess.TimeoutExpired: it has not ended in time.
        """
        if not self._mutex.acquire(timeout=-1 if timeout is None else timeout):
            raise subprocess.TimeoutExpired("", timeout or 0.0)
        try:
            if self._status is None:
                self._life.settimeout(timeout)
                # Where the parent is gone, the kernel has killed the child.
                self._status = int(self._line() or KILLED)
                self._end()
            return self._status
        except (BlockingIOError, socket.timeout):
            raise subprocess.TimeoutExpired("", timeout or 0.0) from None
        finally:
            self._mutex.release()

    def kill(self) -> None:
        """End it, and what it has started; its parent, too, where that does not answer."""
        if self._status is not None:
            return
        with contextlib.suppress(OSError, ValueError):  # it has just been waited for
            self._life.send(b"k")
            ended, _, _ = select.select([self._life], [], [], ANSWER_S)
            if not ended and self._status is None:
                self._forks.close()

    def abandon(self) -> None:
        """Have nothing to do with it any more; its parent kills it then."""
        for one in (self.stdin, self.stdout, self._life):
            one.close()

    def _line(self) -> bytes:
        """The next number that is told; nothing where nobody tells."""
        line = b""
        try:
            while not line.endswith(b"\n"):
                more = self._life.recv(1)
                if not more:
                    return b""
                line += more
        except ConnectionError:
            return b""
        return line


class Forwarded:
    """A child as execnet's forwarder wants it."""

    def __init__(self, fork: Fork) -> None:
        self._fork = fork
        self.kill = fork.kill

    def read(self, size: int) -> bytes:
        """So many bytes that it has sent."""
        data: bytes = self._fork.stdout.read(size)
        if len(data) < size:
            raise EOFError("it has ended")  # execnet wants a text
        return data

    def write(self, data: bytes) -> None:
        """Send bytes to it."""
        with contextlib.suppress(OSError):  # that it is gone is told by what it sends
            self._fork.stdin.write(data)
            self._fork.stdin.flush()

    def close_write(self) -> None:
        """Send it nothing any more."""
        with contextlib.suppress(OSError):
            self._fork.stdin.close()

    def wait(self) -> int:
        """The exit status; it is killed where it lingers."""
        try:
            return self._fork.wait(ENDING_S)
        except subprocess.TimeoutExpired:
            self._fork.kill()
            return self._fork.wait()


def _end_of(parent: subprocess.Popen[bytes], control: socket.socket) -> None:
    control.close()
    try:
        parent.wait(ENDING_S)
    except subprocess.TimeoutExpired:  # it is stopped, or still importing
        with contextlib.suppress(ProcessLookupError):
            os.killpg(parent.pid, signal.SIGKILL)
        parent.wait()


def serve(channel: Any) -> None:
    """Fork children on a board, until the channel closes.

    The first message are the arguments of ``Forks`` and the code of execnet's forwarder; "" is
    answered, or why there is no parent. Each further one is the channel of a child.
    """
    words, code, limit_s, forwarder = channel.receive()
    try:
        forks = Forks(words, code, limit_s)
    except OSError as error:
        channel.send(str(error) or type(error).__name__)
        return
    forwarding: dict[str, Any] = {"__name__": "forwarder"}
    exec(forwarder, forwarding)
    forwarding["create_io"] = lambda spec, execmodel: Forwarded(forks.fork(2))

    def forward(child: Any) -> None:
        try:
            forwarding["serve_proxy_io"](child)
        except (EOFError, OSError):  # the end of the channel tells it
            pass
        finally:
            child.close()

    channel.send("")
    with contextlib.suppress(EOFError):
        while True:
            child = channel.receive()
            threading.Thread(target=forward, args=(child,), daemon=True).start()
    forks.close()


if __name__ == "__channelexec__":
    serve(channel)  # type: ignore[name-defined]  # noqa: F821  (execnet provides it)
