"""Starts a Python that execnet talks to, and ends it whatever it does."""

from __future__ import annotations

import contextlib
import inspect
import os
import signal
import subprocess
import threading
from typing import IO

import execnet
from execnet import gateway_base
from execnet.gateway_bootstrap import sendexec
from execnet.gateway_io import popen_bootstrapline

from pytest_edgeai import units

NOT_FROM_HERE = "import sys;sys.path[:]=filter(None,sys.path)"
"""Keeps a ``random.py`` in the working directory from being the one that numpy imports."""
ENDING_S = 5.0
"""How long a process may take to end after its pipes were closed, before it is killed."""


class PythonProcess(gateway_base.Popen2IO):
    """A Python and the pipes to it; its stderr goes to a file.

    It leads a session of its own: Ctrl-C in a terminal reaches pytest alone, and ``kill`` also
    ends what a wrapper, such as ``sh -c``, has started.
    """

    def __init__(self, command: list[str], stderr: IO[bytes], group: execnet.Group) -> None:
        self._process = subprocess.Popen(
            [*command, "-u", "-c", f"{NOT_FROM_HERE};{popen_bootstrapline}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
        )
        super().__init__(self._process.stdin, self._process.stdout, group.execmodel)

    def wait(self) -> int | None:
        """The exit status, once it has ended; execnet calls it."""
        return self._process.wait()

    def kill(self) -> None:
        """End it and what it started; execnet calls it."""
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def ended(self) -> int:
        """The exit status of a process whose pipes have closed; it is killed where it lingers."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(ENDING_S)
        self.kill()
        return self._process.wait()

    def abandon(self) -> None:
        """End a process that no gateway came from."""
        self.kill()
        self._process.wait()
        with contextlib.suppress(OSError):  # what was not written yet cannot be written any more
            self.close_write()
        self.close_read()


def open_gateway(
    command: list[str], stderr: IO[bytes], group: execnet.Group, limit_s: float
) -> tuple[PythonProcess, execnet.Gateway]:
    """Start a Python and make it a member of ``group``.

    execnet's own ``makegateway`` waits for ever for a process that says nothing.

    Raises:
        OSError: it cannot be started, ended, said something unexpected, or nothing in time.
    """
    process = PythonProcess(command, stderr, group)
    late = threading.Event()

    def stop() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(limit_s, stop)
    timer.start()
    try:
        return process, _bootstrapped(process, group)
    except EOFError:
        status = process.ended()
        process.abandon()
        if late.is_set():
            raise TimeoutError(f"no answer within {units.seconds(limit_s)}") from None
        raise OSError(f"it ended with exit status {status}") from None
    except BaseException:
        process.abandon()
        raise
    finally:
        timer.cancel()


def _bootstrapped(process: PythonProcess, group: execnet.Group) -> execnet.Gateway:
    """Send execnet as source and wait for its first byte."""
    spec = execnet.XSpec("popen")
    spec.execmodel = group.remote_execmodel.backend
    group.allocate_id(spec)
    with contextlib.suppress(BrokenPipeError):  # reading tells more
        sendexec(
            process,
            inspect.getsource(gateway_base),
            f"execmodel = get_execmodel({spec.execmodel!r})",
            "io = init_popen_io(execmodel)",
            "io.write(b'1')",
            f"serve(io, id='{spec.id}-worker')",
        )
    first = process.read(1)
    if first != b"1":
        text = (first + process.infile.peek()).decode(errors="replace").splitlines()[0]
        raise OSError(f"it printed {text!r}, but its stdout has to stay silent")
    gateway = execnet.Gateway(process, spec)
    group._register(gateway)  # execnet registers only what it started itself
    return gateway
