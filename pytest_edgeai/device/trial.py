"""Whether a model runs on a runtime, by trying it in a process of its own."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

from pytest_edgeai import units
from pytest_edgeai.device.agent import RUNTIMES
from pytest_edgeai.device.connection import LOG_BEGINS
from pytest_edgeai.device.device import Device
from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.device.lock import Progress
from pytest_edgeai.device.spec import DeviceSpec
from pytest_edgeai.device.wheels import TFLITE_RUNTIME
from pytest_edgeai.errors import DeviceError, InterpreterError, TensorError
from pytest_edgeai.model.facts import Model

LAST_TFLITE_RUNTIME = "2.14.0"
"""There will be no newer one: its successor is ai-edge-litert (see ``wheels.py``)."""


@dataclass(frozen=True)
class Trial:
    """What came of a model on a runtime.

    Attributes:
        runtime: the runtime's distribution, such as ``ai-edge-litert``.
        version: its version; "" where it was not tried.
        outcome: ``runs`` one inference, after which its process ends as it should; ``loads`` where
            its inputs' sizes are not said; ``fails``, also by a crash or a hang; ``not tried``
            where the runtime is missing or broken.
        says: what happened, or why it was not tried; "" where there is nothing to add, and
            where it is just not installed.
        hint: what to do about it.
        delegated: see ``LoadedModel``.
    """

    runtime: str
    version: str
    outcome: Literal["runs", "loads", "fails", "not tried"]
    says: str = ""
    hint: str = ""
    delegated: float | None = None


@dataclass(frozen=True)
class _Runtime:
    """A runtime of this machine, proven, or why it is not tried."""

    distribution: str
    device: Device | None = None
    version: str = ""
    broken: DeviceError | None = None


def try_runtimes(
    models: Sequence[Model],
    progress: Progress = lambda text: None,
    names: Iterable[str] = RUNTIMES,
) -> list[tuple[Trial, ...]]:
    """Load, allocate and run each model once on the runtimes of this machine.

    Args:
        models: the files, tried on all cores; inputs are seeded random values.
        names: of runtimes, of ``RUNTIMES``.
        progress: is told what is tried, at the end "".
    """
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        progress("looking for runtimes")
        runtimes = list(threads.map(_proven, names))
        pairs = [(model, runtime) for model in models for runtime in runtimes]
        trials, there = [], [runtime.device for runtime in runtimes if runtime.device]
        try:
            for trial in threads.map(_tried, *zip(*pairs, strict=True)):
                trials.append(trial)
                done, files = len(trials) // len(runtimes), units.count(len(models), "file")
                progress(f"tried {done:,} of {files} on {units.count(len(there), 'runtime')}")
        finally:
            for device in there:
                device.close()
            progress("")
    size = len(runtimes)
    return [tuple(trials[n : n + size]) for n in range(0, len(trials), size)]


def _proven(runtime: str) -> _Runtime:
    module, distribution = RUNTIMES[runtime]
    if find_spec(module.partition(".")[0]) is None:
        return _Runtime(distribution)
    device = Device(DeviceSpec(runtime=runtime))
    try:
        return _Runtime(distribution, device, device.facts.runtime_version)
    except DeviceError as error:
        return _Runtime(distribution, broken=error)


def _tried(model: Model, runtime: _Runtime) -> Trial:
    name, error = runtime.distribution, runtime.broken
    if error is not None:
        return Trial(name, "", "not tried", error.message, error.hint)
    if runtime.device is None:
        return Trial(name, "", "not tried", _without(name, model))
    return _run(model, runtime.device, Trial(name, runtime.version, "runs"))


def _without(distribution: str, model: Model) -> str:
    """What the file tells of a runtime that is missing."""
    needed = model.facts.min_runtime_version
    if distribution != TFLITE_RUNTIME or _numbers(needed) <= _numbers(LAST_TFLITE_RUNTIME):
        return ""
    return (
        f"not installed; its last release, {LAST_TFLITE_RUNTIME}, is older than the {needed} that "
        "the file asks for"
    )


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdecimal()]


def _run(model: Model, device: Device, trial: Trial) -> Trial:
    """The trial with what came of it."""
    name, version = trial.runtime, trial.version
    try:
        with Interpreter(device, model) as interpreter:
            delegated = interpreter.delegated
            try:
                interpreter.inputs()
            except TensorError as error:  # nobody knows how large its inputs are
                return Trial(name, version, "loads", _brief(error, model), "", delegated)
            interpreter.invoke()
            for details in interpreter.get_output_details():
                interpreter.get_tensor(details["index"])
            interpreter.end()
            return Trial(name, version, "runs", "", "", delegated)
    except (DeviceError, InterpreterError) as error:
        return Trial(name, version, "fails", _brief(error, model), error.hint)


def _brief(error: DeviceError | InterpreterError | TensorError, model: Model) -> str:
    """Its message without the name of the model, which is known here, with one line of a log."""
    message, begins, log = error.message.partition(LOG_BEGINS)
    said = message.removeprefix(f"{model.variant} of {model.name}").removeprefix(": ").strip()
    return f"{said}: {log.splitlines()[-1].strip()}" if begins else said
