"""A process on a device, and what it looks like when it is lost."""

from __future__ import annotations

import shlex
import signal
import tempfile
import weakref
from collections.abc import Mapping
from functools import cached_property
from types import TracebackType
from typing import Any

import execnet

from pytest_edgeai import units
from pytest_edgeai.device import agent
from pytest_edgeai.device.board import Board, Started, Store, end_of, text_of
from pytest_edgeai.device.refusals import NO_REASON, OUT_OF_MEMORY
from pytest_edgeai.device.spec import DeviceSpec
from pytest_edgeai.device.ssh import lost
from pytest_edgeai.device.window import Window
from pytest_edgeai.errors import DeviceError, EdgeAIError, InterpreterError, TensorError

__tracebackhide__ = True
"""A failing call shows in the test that made it, not here."""

GRACE_S = 5.0
"""How much longer than the device's own limit this side waits before it kills."""
LAST_STEPS = ("unload", "exit")
CRASHED_AT_ITS_END = (
    "the model ran before that, so the runtime has probably damaged its memory, and the outputs "
    "may be wrong, too: check the file, or try another --edge-runtime"
)
LOG_BEGINS = "\nlast lines of its stderr:\n"
LOG_LINES = 8
TEXT_LENGTH = 400


class AgentProcess:
    """One process that runs the agent; a context manager that leaves nothing behind.

    Args:
        spec: the device.
        board: the machine that it runs on.
        what: what it holds, for messages ("int8 of digits.keras").
        limit_s: how long one call may take.
        runtime: what it may have imported already, see ``Board.start``.

    Raises:
        DeviceError: the board cannot be reached, or its Python did not start.
    """

    def __init__(
        self, spec: DeviceSpec, board: Board, what: str, limit_s: float, runtime: str = ""
    ) -> None:
        self._spec = spec
        self._board = board
        self.what = what
        self.limit_s = limit_s
        self._death: DeviceError | None = None
        self._ended_in_call = False
        self._log = tempfile.TemporaryFile("a+b")  # noqa: SIM115  (closed by end_of)
        self._group = execnet.Group()
        self._group.set_execmodel("thread", "main_thread_only")
        self._end = weakref.finalize(self, end_of, self._group, self._log)
        try:
            self._started = self._start(runtime)
        except BaseException:
            self.close()
            raise

    def _start(self, runtime: str) -> Started:
        try:
            started = self._board.start(self._group, self.limit_s, self._log, runtime)
            started.channel.receive(timeout=self.limit_s)
        except (OSError, EOFError, execnet.Channel.TimeoutError) as error:
            if self._board.is_lost:
                raise DeviceError(*lost(self._spec)) from None
            raise DeviceError(
                f"{self._spec.where}: its Python did not start: {shlex.join(self._spec.command)}: "
                f"{str(error) or 'it ended at once'}{_last_lines(text_of(self._log))}",
                "check `python` of this device: a command line that starts Python 3.9 or newer",
            ) from None
        except execnet.Channel.RemoteError as error:
            raise self._no_agent(str(error)) from None
        return started

    def __enter__(self) -> AgentProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def has_died(self) -> bool:
        """Whether it crashed, hung or was killed; not if it was closed, cut off or out of reach."""
        return self._ended_in_call and self._end.alive

    def request(
        self,
        operation: str,
        *args: Any,
        step: str = "",
        calls: int = 1,
        stored: bool = False,
        **kwargs: Any,
    ) -> tuple[Any, int]:
        """Ask the agent for an operation.

        Args:
            step: what to call the operation in messages.
            calls: how many calls of the limit's length it may take at most.
            stored: whether arrays go where the device finds them; a board keeps them for the next
                time.

        Returns:
            What the operation returned, and the nanoseconds that it took on the device.

        Raises:
            InterpreterError, TensorError: the runtime refused.
            DeviceError: the process crashed, hung or was killed; it is gone after that.
        """
        if self._death is not None:
            raise self._death
        step, limit_s = step or operation, self.limit_s * calls
        channel = self._started.channel
        arguments = agent.pack((args, kwargs), self._store() if stored else None)
        try:
            channel.send((operation, arguments, limit_s))
            answer = channel.receive(timeout=limit_s + GRACE_S)
        except channel.TimeoutError:  # an OSError, too
            self._started.process.kill()
            raise self._lost(step, limit_s, timed_out=True) from None
        except (EOFError, OSError, channel.RemoteError):
            answer = None  # raised below: Hypothesis takes errors of other contexts for others
        except BaseException as error:  # such as Ctrl-C; its answer must not become the next one's
            self._started.process.kill()
            self._death = self._gone(f"{step} was cut off by {type(error).__name__}")
            raise
        if answer is None:
            raise self._lost(step, limit_s)
        if answer[0] == "error":
            raise self._refusal(step, *answer[1:])
        return agent.unpack(answer[1]), answer[2]

    def end(self) -> None:
        """Let the process free its model and end by itself; what damages memory often dies then.

        Raises:
            DeviceError: it ended by a signal, or did not end.
        """
        self.request("unload")
        self._started.channel.close()
        for gateway in list(self._group):
            gateway.exit()
        status = self._started.process.ended()
        if _signal_number(status):
            raise self._lost("exit", self.limit_s)
        self.close()

    def _store(self) -> Store | None:
        if self._window is None:
            return self._board.store
        self._window.clear()
        return self._window.put

    @cached_property
    def _window(self) -> Window | None:
        """What this machine's agents map; None where they cannot, or are on a board."""
        try:
            window = None if self._spec.host else Window()
        except OSError:
            return None
        return window if window and self.request("sees", window.path)[0] else None

    def _gone(self, what: str, hint: str = "") -> DeviceError:
        return DeviceError(f"{self.what} on {self._spec.where}: {what}", hint)

    def _refusal(self, step: str, kind: str, text: str) -> EdgeAIError:
        message = f"{self.what}: {step}: {_brief(text) or NO_REASON}"
        if kind in ("ValueError", "TypeError", "KeyError", "IndexError"):
            return TensorError(message)
        if kind == "MemoryError":
            message = f"{self.what}: {step}: {OUT_OF_MEMORY} on {self._spec.where}"
        elif kind not in ("RuntimeError", "OSError"):
            message = f"{self.what}: {step}: {kind}: {_brief(text)}"
        return InterpreterError(message)

    def _no_agent(self, traceback: str) -> DeviceError:
        reason = traceback.strip().splitlines()[-1]
        hint = "a device's Python must be 3.9 or newer and have numpy and a runtime"
        if "No module named 'numpy'" in reason:
            hint = f"{pip(self._spec, self._board.python_facts())} numpy"
        return DeviceError(f"{self._spec.where}: {reason}", hint)

    def _lost(self, step: str, limit_s: float, timed_out: bool = False) -> DeviceError:
        """What the end of a process, or of the connection to it, comes to."""
        try:
            status = self._started.process.ended()
        except OSError:
            self._started.link.lose()
        if self._started.link.is_lost:
            message, hint = lost(self._spec)
            self._death = DeviceError(f"{self.what}: {step}: {message}", hint)
            return self._death
        self._ended_in_call = True
        number = _signal_number(status)
        if timed_out or number == getattr(signal, "SIGALRM", None):
            limit_s = limit_s if timed_out else self.limit_s  # the device's own, for one run
            what = f"{step} did not return within {units.seconds(limit_s)} and was ended"
            hint = "raise --edge-call-timeout if this model really needs longer"
        else:
            how = signal.Signals(number).name if number else f"exit status {status}"
            what = f"the process ended with {how} in {step}"
            hint = CRASHED_AT_ITS_END if step in LAST_STEPS else _crashed(step)
            if number == getattr(signal, "SIGKILL", None):
                hint = (
                    "often the kernel's out-of-memory killer: see `dmesg`, or use a smaller model"
                )
        self._death = self._gone(f"{what}{_last_lines(self._started.read_log())}", hint)
        return self._death

    def close(self) -> None:
        """End the process; it is killed when it does not end by itself."""
        self._death = self._death or self._gone("its process is closed")
        vars(self).pop("_window", None)
        self._end()


def _last_lines(log: str) -> str:
    lines = log.strip().splitlines()
    if not lines:
        return ""
    return f"{LOG_BEGINS}    " + "\n    ".join(lines[-LOG_LINES:])


def pip(spec: DeviceSpec, python: Mapping[str, Any]) -> str:
    """The command line that installs packages for a device's Python, without their names.

    Args:
        python: see ``keeper.python_facts``; where a distribution manages its packages, pip needs an
            environment of its own.
    """
    command = shlex.join(spec.command)
    if not python["managed"]:
        return f"{command} -m pip install"
    own = "~/edge/bin"
    return f'{command} -m venv ~/edge, python = "{own}/python" in its table, {own}/pip install'


def _brief(text: str) -> str:
    """What a runtime says, once: XNNPACK's try and the one without it report the same."""
    text = text.strip()
    half = len(text) // 2
    if text[:half] == text[half:]:
        text = text[:half].strip()
    return text if len(text) <= TEXT_LENGTH else f"{text[:TEXT_LENGTH]} [...]"


def _signal_number(status: int) -> int:
    """The signal that ended a process, also when a shell or an emulator passed it on as 128 + n."""
    if status < 0:
        return -status
    return status - 128 if 128 < status < 160 else 0


def _crashed(step: str) -> str:
    on = "this model, or on these inputs" if step == "invoke" else "this model"
    return f"the runtime crashed on {on}; check the file, or try another --edge-runtime"
