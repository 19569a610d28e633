"""A device in use: the runtime that was proven on it, and how processes are started there."""

from __future__ import annotations

import shlex
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property

from pytest_edgeai.device.agent import RUNTIMES
from pytest_edgeai.device.connection import AgentProcess
from pytest_edgeai.device.lock import THIS_MACHINE, Progress
from pytest_edgeai.device.spec import DeviceSpec
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


class Device:
    """A device of this session.

    Args:
        spec: as configured.
        call_limit_s: how long one call to an interpreter may take.
        progress: is told what is waited for, at the end "".
    """

    def __init__(
        self,
        spec: DeviceSpec,
        call_limit_s: float = 60.0,
        progress: Progress = lambda text: None,
    ) -> None:
        self.spec = spec
        self.progress = progress
        self._call_limit_s = call_limit_s

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
            DeviceError: no runtime can run a tiny model there; says why for each.
        """
        if isinstance(self._probe, EdgeAIError):
            raise self._probe
        return self._probe[1]

    def alone(self, what: str) -> AbstractContextManager[None]:
        """Hold the device alone, as timing does; waits for whoever else uses it."""
        return THIS_MACHINE.alone(what, self.progress)

    def together(self, what: str) -> AbstractContextManager[None]:
        """Keep others from timing anything on the device."""
        return THIS_MACHINE.together(what, self.progress)

    def start(self, what: str) -> AgentProcess:
        """A new process on the device that holds the proven runtime and no model yet."""
        self.facts  # noqa: B018  (raises where there is no runtime)
        assert not isinstance(self._probe, EdgeAIError)
        process = AgentProcess(self.spec, what, self._call_limit_s)
        try:
            process.request("hello", self._probe[0], step="start")
        except BaseException:
            process.close()
            raise
        return process

    @cached_property
    def _probe(self) -> tuple[str, DeviceFacts] | EdgeAIError:
        """The first runtime that runs a tiny model, each tried in a process of its own."""
        asked = self.spec.runtime or "auto"
        refused: dict[str, EdgeAIError] = {}
        for runtime in RUNTIMES if asked == "auto" else (asked,):
            try:
                process = AgentProcess(self.spec, f"runtime {runtime}", self._call_limit_s)
            except DeviceError as error:
                return error
            with process:
                try:
                    facts, _ = process.request("hello", runtime, step="start")
                    return runtime, DeviceFacts(**facts)
                except EdgeAIError as error:
                    refused[runtime] = error
        return self._no_runtime(refused)

    def _no_runtime(self, refused: dict[str, EdgeAIError]) -> DeviceError:
        reasons = "; ".join(error.message.splitlines()[0] for error in refused.values())
        if len(refused) == 1:
            hint = self._runtime_hint(*refused)
        else:
            hint = self._runtime_hint("litert")
        if "NumPy 1" in reasons:
            hint = f"{self._pip('numpy<2')}, or use ai-edge-litert instead"
        return DeviceError(f"device {self.name!r} has no usable runtime: {reasons}", hint)

    def _runtime_hint(self, runtime: str) -> str:
        return self._pip(
            "pytest-edgeai[tensorflow]" if runtime == "tensorflow" else RUNTIMES[runtime][1]
        )

    def _pip(self, requirement: str) -> str:
        return f"{shlex.join(self.spec.command)} -m pip install {shlex.quote(requirement)}"
