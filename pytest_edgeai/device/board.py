"""The machine that a device is, and this one."""

from __future__ import annotations

import inspect
import json
import os
import shlex
import subprocess
import tempfile
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

import execnet
import numpy as np

from pytest_edgeai.device import agent, keeper
from pytest_edgeai.device.forks import Fork, Forks
from pytest_edgeai.device.gateway import (
    FORKED_AGENT,
    LOADED,
    BoardProcess,
    LocalProcess,
    Program,
    can_fork,
    open_gateway,
    parent_code,
    python_args,
)
from pytest_edgeai.device.lock import THIS_MACHINE, MachineLock
from pytest_edgeai.device.spec import DeviceSpec
from pytest_edgeai.errors import DeviceError

START_S = 60.0
"""How long a Python may take to start."""
CURRENT_TEST = "PYTEST_CURRENT_TEST"
"""Pytest's own variable, which changes with every test."""
ENDING_S = 1.0
"""How long a process may take to end by itself."""


Store = Callable[[np.ndarray[Any, Any]], tuple[Any, ...]]
"""Puts an array where an agent finds it; returns what is sent instead, see ``agent.unpack``."""


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

    def start(self, group: execnet.Group, limit_s: float, log: IO[bytes], runtime: str) -> Started:
        """Start the device's Python and the agent in it.

        Args:
            runtime: what it is to have imported already, where it can be forked from a process
                that has; "" for a Python that has imported none.

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
    def store(self) -> Store | None:
        """Keeps an array on the board, for the next time; None where it is this machine."""
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
        self._can_fork = can_fork()
        self._forks: Forks | None = None
        self._forks_log: IO[bytes] | None = None
        self._forks_env: dict[str, str] = {}
        self._mutex = threading.Lock()

    def start(self, group: execnet.Group, limit_s: float, log: IO[bytes], runtime: str) -> Started:
        fork = self._fork(limit_s, log, runtime) if runtime else None
        if fork is not None:
            process = LocalProcess(fork, group)
            channel = open_gateway(process, group, limit_s, LOADED).remote_exec(FORKED_AGENT)
        else:
            words = python_args(self._spec.command)
            process = LocalProcess(Program(words, log, self._env()), group)
            channel = open_gateway(process, group, limit_s).remote_exec(agent)
        channel.send("")
        shared = None if fork is None else self._forks_log
        return Started(process, channel, self, lambda: text_of(shared) + text_of(log))

    def _fork(self, limit_s: float, log: IO[bytes], runtime: str) -> Fork | None:
        """A child of a process that has imported the runtime; None where there can be none."""
        with self._mutex:
            try:
                return self._parent(limit_s, runtime).fork(log.fileno()) if self._can_fork else None
            except OSError:
                self._can_fork = False
                self.close()
                return None

    def _parent(self, limit_s: float, runtime: str) -> Forks:
        """The parent of such children, which has the environment of today."""
        env = {name: text for name, text in self._env().items() if name != CURRENT_TEST}
        if self._forks is None or env != self._forks_env:
            words = python_args(self._spec.command)
            self._forks_log = tempfile.TemporaryFile("a+b")  # noqa: SIM115  (of all its children)
            weakref.finalize(self._forks_log, self._forks_log.close)
            self._forks = Forks(words, parent_code(runtime), limit_s, self._forks_log, env)
            self._forks_env = env
        return self._forks

    def _env(self) -> dict[str, str]:
        return {**os.environ, **self._spec.env}

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

    def close(self) -> None:
        if self._forks is not None:
            self._forks.close()
            self._forks = None


def text_of(log: IO[bytes] | None) -> str:
    """All that was printed into a log, if there is one."""
    if log is None:
        return ""
    log.seek(0)
    return log.read().decode(errors="replace")


def end_of(group: execnet.Group, log: IO[bytes]) -> None:
    """End the processes of a group; they are killed where they do not end by themselves."""
    group.terminate(timeout=ENDING_S)
    log.close()
