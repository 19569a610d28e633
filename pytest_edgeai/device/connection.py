"""A process on a device, and what it looks like when it is lost."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import execnet

from pytest_edgeai import units
from pytest_edgeai.device import agent
from pytest_edgeai.device.spec import DeviceSpec
from pytest_edgeai.errors import DeviceError, EdgeAIError, InterpreterError, TensorError

GRACE_S = 5.0
"""How much longer than the device's own limit this side waits before it kills."""
LOG_LINES = 8


class AgentProcess:
    """One process that runs the agent; a context manager that leaves nothing behind.

    Args:
        device: where it runs.
        what: what it holds, for messages ("int8 of digits.keras").
        limit_s: how long one call may take.
    """

    def __init__(self, device: DeviceSpec, what: str, limit_s: float) -> None:
        self._device = device
        self._what = what
        self.limit_s = limit_s
        self._death: DeviceError | None = None
        self._log = _new_log()
        self._group = execnet.Group()
        self._group.set_execmodel("thread", "main_thread_only")
        try:
            self._gateway, self._channel = self._start()
        except BaseException:
            self.close()
            raise

    def _start(self) -> tuple[execnet.Gateway, execnet.Channel]:
        spec = execnet.XSpec("popen")
        # Set as an attribute: inside the spec's text "//" would end the value.
        spec.python = shlex.join(self._device.command)
        try:
            with _stderr_to(self._log):
                gateway = self._group.makegateway(spec)
                channel = gateway.remote_exec(agent)
            channel.send(str(self._log))
            channel.receive(timeout=self.limit_s)
        except (OSError, EOFError, execnet.Channel.TimeoutError) as error:
            raise DeviceError(
                f"device {self._device.name!r}: its Python did not start: {spec.python}: "
                f"{str(error) or 'it ended at once'}{self._last_lines()}",
                "check `python` of this device in the configuration",
            ) from None
        except execnet.Channel.RemoteError as error:
            raise self._no_agent(str(error)) from None
        return gateway, channel

    def __enter__(self) -> AgentProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def request(
        self, operation: str, *args: Any, step: str = "", calls: int = 1, **kwargs: Any
    ) -> tuple[Any, int]:
        """Ask the agent for an operation.

        Args:
            step: what to call the operation in messages.
            calls: how many calls of the limit's length it may take at most.

        Returns:
            What the operation returned, and the nanoseconds that it took on the device.

        Raises:
            InterpreterError, TensorError: the runtime refused.
            DeviceError: the process crashed, hung or was killed; it is gone after that.
        """
        if self._death is not None:
            raise self._death
        step, limit_s = step or operation, self.limit_s * calls
        try:
            self._channel.send((operation, agent.pack((args, kwargs)), limit_s))
            answer = self._channel.receive(timeout=limit_s + GRACE_S)
        except (EOFError, OSError):
            raise self._lost(step, limit_s) from None
        except self._channel.TimeoutError:
            self._gateway._io.kill()  # execnet has no public way to end one gateway at once
            raise self._lost(step, limit_s, timed_out=True) from None
        except KeyboardInterrupt:
            self._gateway._io.kill()
            raise
        if answer[0] == "error":
            raise self._refusal(step, *answer[1:])
        return agent.unpack(answer[1]), answer[2]

    def _refusal(self, step: str, kind: str, text: str) -> EdgeAIError:
        message = f"{self._what}: {step}: {text.strip() or kind}"
        if kind in ("ValueError", "TypeError", "KeyError", "IndexError"):
            return TensorError(message)
        if kind == "MemoryError":
            return InterpreterError(
                f"{self._what}: {step}: out of memory on device {self._device.name!r}"
            )
        if kind in ("RuntimeError", "OSError"):
            return InterpreterError(message)
        return InterpreterError(f"{self._what}: {step}: {kind}: {text.strip()}")

    def _no_agent(self, traceback: str) -> DeviceError:
        reason = traceback.strip().splitlines()[-1]
        hint = "a device's Python must be 3.9 or newer and have numpy and a runtime"
        if "No module named 'numpy'" in reason:
            hint = f"{shlex.join(self._device.command)} -m pip install numpy"
        return DeviceError(f"device {self._device.name!r}: {reason}", hint)

    def _lost(self, step: str, limit_s: float, timed_out: bool = False) -> DeviceError:
        status = self._gateway._io.wait()
        number = _signal_number(status)
        if timed_out or number == getattr(signal, "SIGALRM", None):
            what = f"{step} did not return within {units.seconds(limit_s)} and was ended"
            hint = "raise --edge-call-timeout if this model really needs longer"
        else:
            how = signal.Signals(number).name if number else f"exit status {status}"
            what = f"the process ended with {how} in {step}"
            hint = (
                "the runtime crashed on this model; check the file, or try another --edge-runtime"
            )
            if number == getattr(signal, "SIGKILL", None):
                hint = (
                    "often the kernel's out-of-memory killer: see `dmesg`, or use a smaller model"
                )
        where = f"{self._what} on device {self._device.name!r}"
        self._death = DeviceError(f"{where}: {what}{self._last_lines()}", hint)
        return self._death

    def _last_lines(self) -> str:
        with contextlib.suppress(OSError):
            lines = self._log.read_text(errors="replace").strip().splitlines()
            if lines:
                return "\nlast lines of its stderr:\n    " + "\n    ".join(lines[-LOG_LINES:])
        return ""

    def close(self) -> None:
        """End the process; it is killed when it does not end by itself."""
        self._group.terminate(timeout=1.0)
        self._log.unlink(missing_ok=True)


def _new_log() -> Path:
    handle, name = tempfile.mkstemp(prefix="edgeai-", suffix=".log")
    os.close(handle)
    return Path(name)


@contextlib.contextmanager
def _stderr_to(path: Path) -> Iterator[None]:
    """Let a child started meanwhile write its stderr to a file; execnet has no option for it."""
    saved = os.dup(2)
    target = os.open(path, os.O_WRONLY | os.O_APPEND)
    try:
        os.dup2(target, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(target)


def _signal_number(status: int | None) -> int:
    """The signal that ended a process, also when a shell or an emulator passed it on as 128 + n."""
    if status is None:
        return 0
    if status < 0:
        return -status
    return status - 128 if 128 < status < 160 else 0
