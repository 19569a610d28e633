"""A device in use: the runtime that was proven on it, and how processes are started there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, fields
from typing import Any

from pytest_edgeai.device.agent import RUNTIMES
from pytest_edgeai.device.board import ThisMachine
from pytest_edgeai.device.connection import AgentProcess, pip
from pytest_edgeai.device.lock import Progress
from pytest_edgeai.device.spec import DeviceSpec
from pytest_edgeai.device.ssh_board import SshBoard
from pytest_edgeai.device.wheels import runtime_wheel
from pytest_edgeai.errors import DeviceError, EdgeAIError


@dataclass(frozen=True)
class DeviceFacts:
    """What answered on the device: the proven runtime and the machine under it."""

    runtime: str
    runtime_version: str
    machine: str
    cpu: str
    cores: int
    kernel: str
    system: str
    python: str
    numpy: str
    emulated: bool
    model: str | None = None
    memory_mb: int | None = None
    os: str | None = None


class Device:
    """A device of this session.

    Args:
        spec: as configured.
        call_limit_s: how long one call to an interpreter may take.
        progress: is told what is waited for, at the end "".

    Attributes:
        board: the machine that it is.
        left_out: boards of its pool that could not be reached: what was said, by host.
        find_mates: see ``mates``; a pool sets it.
    """

    def __init__(
        self,
        spec: DeviceSpec,
        call_limit_s: float = 60.0,
        progress: Progress = lambda text: None,
    ) -> None:
        self.spec = spec
        self.progress = progress
        self.left_out: dict[str, str] = {}
        self.board = SshBoard(spec, progress) if spec.host else ThisMachine(spec)
        self._call_limit_s = call_limit_s
        self.find_mates: Callable[[ExitStack], list[Device]] = lambda stack: []
        self._known: tuple[str, DeviceFacts] | DeviceError | None = None

    def __repr__(self) -> str:
        return f"Device({self.name!r})"

    @property
    def name(self) -> str:
        """What ``--edge-device`` calls it."""
        return self.spec.name

    @property
    def facts(self) -> DeviceFacts:
        """The proven runtime and the machine under it; found out once.

        Raises:
            DeviceError: the board cannot be reached, or no runtime can run a tiny model there; says
                why for each.
        """
        return self._proven()[1]

    def conditions(self) -> dict[str, Any]:
        """What may change between two measurements; see ``keeper.conditions``.

        Raises:
            DeviceError: the board cannot be reached.
        """
        return self.board.conditions()

    def busy_share(self, seconds: float) -> float | None:
        """Share of the machine that is busy for so long; None where nobody tells."""
        return self.board.busy_share(seconds)

    def alone(self, what: str) -> AbstractContextManager[None]:
        """Hold the device alone, as timing does; waits for whoever else uses it."""
        return self.board.lock.alone(what, self.progress)

    def together(self, what: str) -> AbstractContextManager[None]:
        """Keep others from timing anything on the device."""
        return self.board.lock.together(what, self.progress)

    def together_now(self, what: str) -> AbstractContextManager[None]:
        """The same without waiting: DeviceError where somebody times it."""
        return self.board.lock.together(what, self.progress, wait_s=0.0)

    def seat(self) -> AbstractContextManager[Device]:
        """The device for one test; several tests may have it, and only one at a time times."""
        return nullcontext(self)

    def mates(self, stack: ExitStack) -> list[Device]:
        """Other devices of its kind that are free, until the stack ends."""
        return self.find_mates(stack)

    def start(self, what: str) -> AgentProcess:
        """A new process on the device that holds the proven runtime and no model yet."""
        runtime, _ = self._proven()
        process = AgentProcess(self.spec, self.board, what, self._call_limit_s, runtime)
        try:
            self._greeted(process, runtime)
        except BaseException:
            process.close()
            raise
        return process

    def close(self) -> None:
        """End the connection to it."""
        self.board.close()

    def _greeted(
        self, process: AgentProcess, runtime: str, proving: bool = False
    ) -> dict[str, Any]:
        args = (runtime, list(self.spec.cpu_affinity), proving)
        facts: dict[str, Any] = process.request("hello", *args, step="start")[0]
        return facts

    def _proven(self) -> tuple[str, DeviceFacts]:
        """The first runtime that runs a tiny model, each tried in a process of its own."""
        if self._known is None:
            try:
                with self.together(f"a look at {self.name}"):
                    self._known = self._probe()
            except DeviceError as error:
                if self.spec.host:
                    raise  # it may be there a little later
                self._known = error
        if isinstance(self._known, DeviceError):
            raise self._known
        return self._known

    def _probe(self) -> tuple[str, DeviceFacts]:
        asked = self.spec.runtime or "auto"
        refused: dict[str, EdgeAIError] = {}
        machine = self.board.facts()
        for runtime in RUNTIMES if asked == "auto" else (asked,):
            found = self._hello(runtime)
            if isinstance(found, EdgeAIError):
                refused[runtime] = found
                continue
            known: dict[str, Any] = {**machine, **found}
            return runtime, DeviceFacts(**{name: known[name] for name in _FACTS})
        raise self._no_runtime(refused)

    def _hello(self, runtime: str) -> dict[str, Any] | EdgeAIError:
        """What answers, or what a runtime refuses to run for."""
        process = AgentProcess(self.spec, self.board, f"runtime {runtime}", self._call_limit_s)
        with process:
            try:
                return self._greeted(process, runtime, proving=True)
            except EdgeAIError as error:
                return error

    def _no_runtime(self, refused: dict[str, EdgeAIError]) -> DeviceError:
        reasons = "; ".join(error.message.splitlines()[0] for error in refused.values())
        python = self.board.python_facts()
        install = pip(self.spec, python)
        wheel = runtime_wheel(python["machine"], python["bits"], python["python"])
        if "NumPy 1" in reasons:
            hint = f"{install} 'numpy<2', or use ai-edge-litert instead"
        elif list(refused) == ["tensorflow"]:
            hint = f"{install} 'pytest-edgeai[tensorflow]'"
        elif list(refused) == ["tflite-runtime"]:
            hint = f"{install} tflite-runtime 'numpy<2'"
        else:
            hint = f"{install} {wheel.packages}" if wheel.packages else wheel.advice
        return DeviceError(f"{self.spec.where} has no usable runtime: {reasons}", hint)


_FACTS = tuple(field.name for field in fields(DeviceFacts))
