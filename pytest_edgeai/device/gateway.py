"""Starts a Python that execnet talks to, here or on a board, and ends it whatever it does."""

from __future__ import annotations

import contextlib
import inspect
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

import execnet
from execnet import gateway_base, gateway_io
from execnet.gateway_bootstrap import sendexec

from pytest_edgeai import units
from pytest_edgeai.device import agent, fork_parent
from pytest_edgeai.device.forks import Fork

NOT_FROM_HERE = "import sys;sys.path[:]=filter(None,sys.path)"
"""Keeps a ``random.py`` in the working directory from being the one that numpy imports."""
LOADED = "#"
"""What a fork is sent in the place of execnet's and the agent's source, both of which it has."""
FORKED_AGENT = "import sys; sys.modules['edgeai_agent'].serve(channel)"
ENDING_S = 5.0
"""How long a process may take to end after its pipes were closed, before it is killed."""


def python_args(command: Sequence[str]) -> list[str]:
    """The words that make a Python wait for execnet."""
    return [*command, "-u", "-c", f"{NOT_FROM_HERE};{gateway_io.popen_bootstrapline}"]


def can_fork() -> bool:
    """Whether this system's processes can be forked while they hold a runtime."""
    return sys.platform == "linux"


def parent_code(runtime: str, run: Callable[[str], str] = lambda source: source) -> str:
    """Code that makes a Python the parent of forks that have imported a runtime.

    Args:
        run: what to send in the place of a source.
    """
    own = run(inspect.getsource(fork_parent))
    needed = [run(inspect.getsource(module)) for module in (gateway_base, agent)]
    return f"{own}\nmain({needed[0]!r}, {needed[1]!r}, {runtime!r})"


class Program(subprocess.Popen[bytes]):
    """A command line in a session of its own; its stderr goes to a file."""

    def __init__(
        self, words: Sequence[str], stderr: IO[bytes], env: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
            env=env,
        )

    def kill(self) -> None:
        """End it, and what it has started."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)


class LocalProcess(gateway_base.Popen2IO):
    """A process on this machine, a program or a fork.

    It leads a session of its own: Ctrl-C in a terminal reaches pytest alone, and ``kill`` also
    ends what a wrapper, such as ``sh -c``, has started.
    """

    greeting = b"execnet"

    def __init__(self, process: Program | Fork, group: execnet.Group) -> None:
        self._process = process
        super().__init__(process.stdin, process.stdout, group.execmodel)

    def wait(self) -> int | None:
        """The exit status, once it has ended; execnet calls it."""
        return self._process.wait()

    def kill(self) -> None:
        """End it and what it started; execnet calls it."""
        self._process.kill()

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

    def said(self) -> str:
        """What it has printed since, where that is no answer."""
        return str(self.infile.peek().decode(errors="replace"))


class BoardProcess(gateway_io.ProxyIO):
    """A process on a board, started and held by another one there, as with execnet's ``via``.

    Raises:
        OSError: the other one does not answer any more.
    """

    greeting = b"1"
    """What execnet's forwarder waits for."""

    def __init__(self, channel: execnet.Channel, execmodel: Any, command: Sequence[str]) -> None:
        self._unanswered = 0
        channel.send({"popen": True, "python": shlex.join(command), "id": "model"})
        super().__init__(channel, execmodel)

    @classmethod
    def started(
        cls, keeper: execnet.Gateway, command: Sequence[str], execmodel: Any
    ) -> BoardProcess:
        """By a keeper, from a command line of Python."""
        return cls(keeper.remote_exec(gateway_io), execmodel, command)

    @classmethod
    def forked(cls, forks: execnet.Channel, execmodel: Any) -> BoardProcess:
        """By a parent on the board, at the end of this channel."""
        channel = forks.gateway.newchannel()
        forks.send(channel)
        return cls(channel, execmodel, ())

    def read(self, nbytes: int) -> bytes:
        """Bytes that it has sent."""
        try:
            return super().read(nbytes)
        except self.iochan.RemoteError as error:
            raise EOFError(str(error)) from None

    def _controll(self, event: int) -> object:
        """Ask for what the name says; execnet itself would wait for ever."""
        try:
            self.controlchan.send(event)
            self._unanswered += 1
            while True:  # one that came too late for its question is not taken for this one's
                answer = self.controlchan.receive(timeout=ENDING_S)
                self._unanswered -= 1
                if not self._unanswered:
                    return answer
        except EOFError as error:
            raise OSError(str(error)) from None

    def kill(self) -> None:
        """End it; execnet calls it."""
        with contextlib.suppress(OSError):
            super().kill()

    def wait(self) -> int | None:
        """The exit status; None where nobody tells."""
        with contextlib.suppress(OSError):
            return super().wait()
        return None

    def ended(self) -> int:
        """The exit status of a process whose pipes have closed; it is killed where it lingers."""
        try:
            status = super().wait()
        except self.controlchan.TimeoutError:
            super().kill()
            status = super().wait()
        return status or 0

    def abandon(self) -> None:
        """End a process that no gateway came from."""
        self.kill()

    def said(self) -> str:
        """The forwarder refuses what is no answer, and tells it itself."""
        return ""


def open_gateway(
    process: LocalProcess | BoardProcess,
    group: execnet.Group,
    limit_s: float,
    execnet_source: str = "",
) -> execnet.Gateway:
    """Make a Python that waits for execnet a member of ``group``.

    execnet's own ``makegateway`` waits for ever for a process that says nothing.

    Args:
        execnet_source: code that makes it know execnet, where that is not to be sent.

    Raises:
        OSError: it ended, said something unexpected, or nothing in time.
    """
    late = threading.Event()

    def stop() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(limit_s, stop)
    timer.start()
    try:
        return _bootstrapped(process, group, execnet_source)
    except EOFError:
        if late.is_set():
            process.abandon()
            raise TimeoutError(f"no answer within {units.seconds(limit_s)}") from None
        status = process.ended()
        process.abandon()
        raise EndedError(status) from None
    except BaseException:
        process.abandon()
        raise
    finally:
        timer.cancel()


class EndedError(OSError):
    """A Python ended before it answered."""

    def __init__(self, status: int) -> None:
        super().__init__(f"it ended with exit status {status}")
        self.status = status


def _bootstrapped(
    process: LocalProcess | BoardProcess, group: execnet.Group, execnet_source: str
) -> execnet.Gateway:
    """Send execnet as source and wait for its first byte."""
    spec = execnet.XSpec("popen")
    spec.execmodel = group.remote_execmodel.backend
    group.allocate_id(spec)
    with contextlib.suppress(BrokenPipeError):  # reading tells more
        sendexec(
            process,
            execnet_source or inspect.getsource(gateway_base),
            f"execmodel = get_execmodel({spec.execmodel!r})",
            "io = init_popen_io(execmodel)",
            f"io.write({process.greeting!r})",
            f"serve(io, id='{spec.id}-worker')",
        )
    first = process.read(len(process.greeting))
    if first != process.greeting:
        text = (first.decode(errors="replace") + process.said()).splitlines()[0]
        raise OSError(f"it printed {text!r}, but its stdout has to stay silent")
    gateway = execnet.Gateway(process, spec)
    group._register(gateway)  # execnet registers only what it started itself
    return gateway
