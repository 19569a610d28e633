"""A board that one SSH connection leads to."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import itertools
import tempfile
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import IO, Any

import execnet
import numpy as np
from execnet import gateway_base, gateway_io

from pytest_edgeai import units
from pytest_edgeai.device import agent, forks, keeper
from pytest_edgeai.device.board import START_S, Started, end_of, text_of
from pytest_edgeai.device.gateway import (
    FORKED_AGENT,
    LOADED,
    BoardProcess,
    EndedError,
    LocalProcess,
    Program,
    open_gateway,
    parent_code,
    python_args,
)
from pytest_edgeai.device.lock import MachineLock, Progress
from pytest_edgeai.device.spec import DeviceSpec
from pytest_edgeai.device.ssh import explained, keeper_command, lost
from pytest_edgeai.errors import DeviceError

ANSWER_S = 30.0
"""How long a board may take to answer what is not about a model."""
BYTES_PER_S = 10_000_000
"""What a slow board reads from its disk, at least."""
RETRY_S = 30.0
"""A board that could not be reached is not tried again for so long."""
RETURN_POLL_S = 1.0
SILENT_S = 120.0
"""A keeper that hears nothing for so long ends: this side must have vanished."""
PART_BYTES = 1 << 18
SEAT = "seat"


class SshBoard:
    """A board: one SSH connection to it, made when it is first needed and anew when it was lost.

    Nothing is installed there. A Python that the connection starts runs the keeper; it starts those
    that hold models, and when the connection ends, all of them end.

    Args:
        spec: the device.
        progress: is told what is waited for, at the end "".
    """

    def __init__(self, spec: DeviceSpec, progress: Progress) -> None:
        self._spec = spec
        self._progress = progress
        self._connection: _Connection | None = None
        self._mutex = threading.RLock()
        self._was_there = False
        self._refusal: DeviceError | None = None
        self._refused_at = 0.0
        self._numbers = itertools.count()
        self._locks = _BoardLocks(self)
        self.lock = MachineLock(self._locks, f"board {spec.host}")

    def start(self, group: execnet.Group, limit_s: float, log: IO[bytes], runtime: str) -> Started:
        connection = self.connected()
        name = f"log-{next(self._numbers)}"
        parent = self._parent(connection, limit_s, runtime) if runtime else None
        if parent is not None:
            process = BoardProcess.forked(parent, group.execmodel)
            channel = open_gateway(process, group, limit_s, LOADED).remote_exec(FORKED_AGENT)
        else:
            command = self._command(connection)
            process = BoardProcess.started(connection.gateway, command, group.execmodel)
            execnet_code, agent_code = self._run(gateway_base), self._run(agent)
            gateway = open_gateway(process, group, limit_s, execnet_code)
            channel = gateway.remote_exec(agent_code)
        channel.send(self.ask("log", name))
        return Started(process, channel, connection, lambda: connection.log_of(name))

    def conditions(self) -> dict[str, Any]:
        return dict(self.ask("conditions"))

    def _command(self, connection: _Connection) -> list[str]:
        program, *rest = self._spec.command
        if program.startswith("~/"):
            program = connection.facts["home"] + program[1:]
        return [program, *rest]

    def _parent(
        self, connection: _Connection, limit_s: float, runtime: str
    ) -> execnet.Channel | None:
        """The way to a process on the board that forks others; None where there can be none."""
        with self._mutex:
            if connection.forks is None and connection.can_fork:
                words = python_args(self._command(connection))
                code = parent_code(runtime, lambda source: _run(self._source(source)))
                forwarder = self._run(gateway_io)
                connection.start_forks(self._run(forks), words, code, limit_s, forwarder)
            return connection.forks

    def facts(self) -> dict[str, Any]:
        return self.connected().facts

    python_facts = facts

    def busy_share(self, seconds: float) -> float | None:
        share: float | None = self.ask("busy_share", seconds)
        return share

    def place(self, path: Path, sha256: str) -> str:
        return self._placed(sha256, path.stat().st_size, path.read_bytes)

    def store(self, array: np.ndarray[Any, Any]) -> tuple[Any, ...]:
        """Put an array into the board's cache, if it is not there."""
        return ("file", array.dtype.str, list(array.shape), self._stored(array.tobytes()))

    @property
    def is_lost(self) -> bool:
        return self._connection is None or self._connection.is_lost

    def take_seat(self, what: str) -> str:
        """Have the board for one test, out of a pool; "" where it was free, else who has it."""
        return self._locks.try_lock(SEAT, True, what)

    @property
    def has_seat(self) -> bool:
        """Whether it is still had; a connection that broke has lost it."""
        return self._locks.is_held(SEAT)

    def leave_seat(self) -> None:
        """Let another test have it."""
        self._locks.unlock(SEAT)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def ask(self, operation: str, *args: Any) -> Any:
        """Ask the keeper.

        Raises:
            DeviceError: the board cannot be reached, or refuses.
        """
        return self.connected().ask(operation, *args)

    def _placed(self, digest: str, size: int, content: Callable[[], bytes]) -> str:
        connection = self.connected()
        if digest not in connection.placed:
            reads_s = size / BYTES_PER_S
            found = connection.ask("find", digest, wait_s=ANSWER_S + reads_s)
            connection.placed[digest] = found or connection.send(digest, content())
        return connection.placed[digest]

    def _stored(self, content: bytes) -> str:
        return self._placed(hashlib.sha256(content).hexdigest(), len(content), lambda: content)

    def _source(self, text: str) -> str:
        return self._stored(text.encode())

    def _run(self, module: ModuleType) -> str:
        """Code that runs a module's, which is a file on the board."""
        return _run(self._source(inspect.getsource(module)))

    def connected(self) -> _Connection:
        """The connection; made, or made anew, where there is none.

        Raises:
            DeviceError: the board cannot be reached.
        """
        with self._mutex:
            if self._connection is not None and not self._connection.is_lost:
                return self._connection
            since_s = time.monotonic() - self._refused_at
            if self._refusal is not None and since_s < RETRY_S:
                raise DeviceError(
                    f"{self._refusal.message} (not tried again for {units.seconds(RETRY_S)})",
                    self._refusal.hint,
                )
            try:
                self._connection = self._connect()
            except DeviceError as error:
                self._refusal, self._refused_at = error, time.monotonic()
                raise
            self._refusal, self._was_there = None, True
            return self._connection

    def _connect(self) -> _Connection:
        """Connect; a board that was there may be booting, and is waited for."""
        begin, wait_s = time.monotonic(), self._spec.reconnect_s if self._was_there else 0.0
        try:
            while True:
                try:
                    return _Connection(self._spec)
                except DeviceError:
                    if time.monotonic() - begin >= wait_s:
                        raise
                waited = units.seconds(time.monotonic() - begin)
                self._progress(f"waiting for {self._spec.where} to come back: {waited}")
                time.sleep(RETURN_POLL_S)
        finally:
            self._progress("")


class _Connection:
    """An SSH connection with a keeper at its end."""

    def __init__(self, spec: DeviceSpec) -> None:
        self._spec = spec
        self.placed: dict[str, str] = {}
        self._is_given_up = False
        self._mutex = threading.Lock()
        self._log = tempfile.TemporaryFile("a+b")  # noqa: SIM115  (closed by end_of)
        self._group = execnet.Group()
        self._group.set_execmodel("thread", "thread")
        self._end = weakref.finalize(self, end_of, self._group, self._log)
        try:
            self.gateway, self._channel = self._start()
            self.facts: dict[str, Any] = self.ask("facts")
            self.facts["clock_off_s"] = self.facts["time"] - time.time()
            self.can_fork = self.facts["system"] == "Linux"
            self.forks: execnet.Channel | None = None
        except BaseException:
            self.close()
            raise
        threading.Thread(target=_keep_alive, args=(weakref.ref(self),), daemon=True).start()

    @property
    def is_lost(self) -> bool:
        """Whether it has broken, as far as is known."""
        return self._is_given_up or not self.gateway.hasreceiver()

    def _start(self) -> tuple[execnet.Gateway, execnet.Channel]:
        try:
            process = LocalProcess(Program(keeper_command(self._spec), self._log), self._group)
        except FileNotFoundError:
            raise DeviceError(
                f"{self._spec.where}: there is no ssh on this machine",
                "install OpenSSH's client: apt install openssh-client",
            ) from None
        try:
            gateway = open_gateway(process, self._group, START_S)
            channel = gateway.remote_exec(keeper)
            folder, most_bytes = self._spec.cache_dir, self._spec.cache_mb * units.BYTES_PER_MB
            channel.send(((folder, most_bytes), SILENT_S))
        except EndedError as error:
            raise self._refused(error.status) from None
        except (OSError, EOFError, execnet.Channel.RemoteError) as error:
            raise self._refused(None, str(error)) from None
        return gateway, channel

    def start_forks(self, code: str, *args: Any) -> None:
        """Have the keeper start a process that forks others, where that works.

        Args:
            code: runs ``forks.py``.
            args: see ``forks.serve``.
        """
        channel = self.gateway.remote_exec(code)
        try:
            channel.send(args)
            self.can_fork = channel.receive() == ""
        except (OSError, EOFError, execnet.Channel.RemoteError):
            self.can_fork = False
        self.forks = channel if self.can_fork else None

    def _refused(self, status: int | None, said: str = "") -> DeviceError:
        means, hint = explained(self._spec, status, said or text_of(self._log))
        return DeviceError(f"{self._spec.where}: {means}", hint)

    def send(self, digest: str, content: bytes) -> str:
        """Put a file into the board's cache, in parts; returns its path there."""
        path, size = "", len(content)
        for begin in range(0, max(size, 1), PART_BYTES):
            path = self.ask("put", digest, content[begin : begin + PART_BYTES], size)
        return path

    def ask(self, operation: str, *args: Any, wait_s: float = ANSWER_S) -> Any:
        """Ask the keeper; one question at a time.

        Raises:
            DeviceError: the connection is lost, or the keeper refuses.
        """
        with self._mutex:
            try:
                self._channel.send((operation, args))
                status, value = self._channel.receive(timeout=wait_s)
            except execnet.Channel.RemoteError as error:
                raise self._refused(None, str(error)) from None
            except (OSError, EOFError):
                self.lose()
                raise DeviceError(*lost(self._spec)) from None
            except BaseException:  # such as Ctrl-C; its answer must not become the next one's
                self.lose()
                raise
        if status == "ok":
            return value
        raise DeviceError(f"{self._spec.where}: {value}", _keeper_hint(value))

    def log_of(self, name: str) -> str:
        """What a process has printed."""
        with contextlib.suppress(DeviceError):
            return str(self.ask("take_log", name))
        return ""

    def lose(self) -> None:
        """Take note that nobody answers any more, and end ssh."""
        self._is_given_up = True
        self.close()

    def close(self) -> None:
        """End the connection, and with it all that runs on the board."""
        self._end()


def _keep_alive(connection: weakref.ref[_Connection]) -> None:
    """Let the keeper hear something: it ends when nobody speaks to it any more."""
    while True:
        time.sleep(SILENT_S / 6)
        living = connection()
        if living is None or living.is_lost:
            return
        with contextlib.suppress(DeviceError):
            living.ask("alive")
        del living


class _BoardLocks:
    """The locks of a board; they are lost with the connection that took them."""

    def __init__(self, board: SshBoard) -> None:
        self._board = weakref.proxy(board)
        self._held: dict[str, _Connection] = {}

    def try_lock(self, name: str, alone: bool, what: str) -> str:
        connection = self._board.connected()
        holder = str(connection.ask("try_lock", name, alone, what))
        if not holder:
            self._held[name] = connection
        return holder

    def is_held(self, name: str) -> bool:
        connection = self._held.get(name)
        return connection is not None and not connection.is_lost

    def unlock(self, name: str) -> None:
        connection = self._held.pop(name, None)
        if connection is not None and not connection.is_lost:
            with contextlib.suppress(DeviceError):
                connection.ask("unlock", name)


def _run(path: str) -> str:
    """Code that runs a file in the place of its own."""
    return f"exec(compile(open({path!r}).read(), {path!r}, 'exec'), globals())"


def _keeper_hint(text: str) -> str:
    if "Errno 28" in text:
        return "make room on the board, or name another disk: `cache_dir` of this device"
    if "Errno" in text:
        return "name a folder that can be written: `cache_dir` of this device"
    return ""
