"""The machine that a device is, and this one."""

from __future__ import annotations

import inspect
import json
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

import execnet

from pytest_edgeai.device import agent, keeper
from pytest_edgeai.device.gateway import BoardProcess, LocalProcess, open_gateway, python_args
from pytest_edgeai.device.lock import THIS_MACHINE, MachineLock
from pytest_edgeai.device.spec import DeviceSpec
from pytest_edgeai.errors import DeviceError

START_S = 60.0
"""How long a Python may take to start."""
ENDING_S = 1.0
"""How long a process may take to end by itself."""


class Link(Protocol):
    """The way to a process; there is none to lose where it is on this machine."""

    @property
    def is_lost(self) -> bool: ...

    def lose(self) -> None:
        """Take note that nobody answers any more."""


@dataclass(frozen=True)
class Started:
    """A Python that runs the agent.

    Attributes:
        process: the process.
        channel: where it answers.
        link: the way to it.
        read_log: what it has printed.
    """

    process: LocalProcess | BoardProcess
    channel: execnet.Channel
    link: Link
    read_log: Callable[[], str]


class Board(Protocol):
    """A machine, its locks and its files."""

    lock: MachineLock

    def start(self, group: execnet.Group, limit_s: float, log: IO[bytes]) -> Started:
        """Start the device's Python and the agent in it.

        Raises:
            OSError, execnet.Channel.RemoteError: it did not start.
            DeviceError: the board cannot be reached.
        """
        ...

    def conditions(self) -> dict[str, Any]:
        """See ``keeper.conditions``."""
        ...

    def facts(self) -> dict[str, Any]:
        """See ``keeper.facts``."""
        ...

    def python_facts(self) -> dict[str, Any]:
        """See ``keeper.python_facts``."""
        ...

    def busy_share(self, seconds: float) -> float | None:
        """See ``keeper.busy_share``."""
        ...

    def place(self, path: Path, sha256: str) -> str:
        """Where the board has this file."""
        ...

    @property
    def store(self) -> Callable[[bytes], str] | None:
        """Puts bytes into a file on the board; None where they need not travel."""
        ...

    @property
    def is_lost(self) -> bool:
        """Whether the connection to it has broken."""
        ...

    def close(self) -> None:
        """End the connection to it."""


class ThisMachine:
    """The machine that pytest runs on."""

    lock = THIS_MACHINE
    store = None
    is_lost = False

    def __init__(self, spec: DeviceSpec) -> None:
        self._spec = spec

    def start(self, group: execnet.Group, limit_s: float, log: IO[bytes]) -> Started:
        words = python_args(self._spec.command)
        process = LocalProcess(words, log, group, self._spec.env)
        gateway = open_gateway(process, group, limit_s)
        channel = gateway.remote_exec(agent)
        channel.send("")
        return Started(process, channel, self, lambda: text_of(log))

    def conditions(self) -> dict[str, Any]:
        return keeper.conditions()

    def facts(self) -> dict[str, Any]:
        return keeper.facts()

    def python_facts(self) -> dict[str, Any]:
        code = f"{inspect.getsource(keeper)}\nimport json\nprint(json.dumps(python_facts()))"
        words = [*self._spec.command, "-"]
        try:
            done = subprocess.run(
                words, input=code, capture_output=True, text=True, timeout=START_S, check=True
            )
            return dict(json.loads(done.stdout))
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            said = str(getattr(error, "stderr", "") or error).strip().splitlines()[-1]
            raise DeviceError(
                f"{self._spec.where}: {shlex.join(words[:-1])} does not run: {said}",
                "check `python` of this device",
            ) from None

    def busy_share(self, seconds: float) -> float | None:
        return keeper.busy_share(seconds)

    def place(self, path: Path, sha256: str) -> str:
        return str(path)

    def lose(self) -> None: ...

    def close(self) -> None: ...


def text_of(log: IO[bytes]) -> str:
    """All that was printed into a log."""
    log.seek(0)
    return log.read().decode(errors="replace")


def end_of(group: execnet.Group, log: IO[bytes]) -> None:
    """End the processes of a group; they are killed where they do not end by themselves."""
    group.terminate(timeout=ENDING_S)
    log.close()
