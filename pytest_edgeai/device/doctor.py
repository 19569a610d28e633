"""Looks a device over: does it run models, and what would spoil a measurement there?"""

from __future__ import annotations

from typing import Any

from pytest_edgeai.device.connection import pip
from pytest_edgeai.device.device import Device
from pytest_edgeai.device.wheels import LITERT, TFLITE_RUNTIME, runtime_wheel
from pytest_edgeai.errors import DeviceError
from pytest_edgeai.judge.checkup import Finding, checkup

LOOK_S = 1.0


def examine(device: Device) -> list[Finding]:
    """Everything that can be said of a device; the first thing that fails ends it."""
    try:
        facts, python = device.board.facts(), device.board.python_facts()
        conditions = device.conditions()
        busy_share = device.busy_share(LOOK_S)
    except DeviceError as error:
        return [Finding("reached", error.message, error.hint or "see above")]
    limit = device.spec.max_temperature_c
    return [
        Finding("board", _board_text(facts)),
        Finding("python", _python_text(python)),
        *_runtime(device, python),
        *checkup({**facts, **python}, conditions, busy_share, limit),
    ]


def _board_text(facts: dict[str, Any]) -> str:
    memory = facts["memory_mb"]
    texts = (facts["cpu"], f"{memory:,} MB" if memory else None, facts["os"])
    return ", ".join(filter(None, (*texts, f"kernel {facts['kernel']}")))


def _python_text(python: dict[str, Any]) -> str:
    packages = [f"{name} {version}" for name, version in python["packages"].items() if version]
    words = [f"Python {python['python']}", f"{python['machine']}, {python['bits']} bits", *packages]
    return ", ".join(words)


def _runtime(device: Device, python: dict[str, Any]) -> list[Finding]:
    """The runtime that runs a tiny model; or the line that installs one that does."""
    wheel = runtime_wheel(python["machine"], python["bits"], python["python"])
    install = f"{pip(device.spec, python)} {wheel.packages}" if wheel.packages else wheel.advice
    if not python["packages"]["numpy"]:
        return [Finding("runtime", "there is no numpy, and nothing runs without", install)]
    try:
        facts = device.facts
    except DeviceError as error:
        return [Finding("runtime", error.message, error.hint or install)]
    says = f"{facts.runtime} {facts.runtime_version} runs a tiny model"
    if facts.runtime == TFLITE_RUNTIME and LITERT in wheel.packages:
        says += ", but is older than today's converters: it refuses some of their models"
        return [Finding("runtime", says, install)]
    found = [Finding("runtime", says)]
    if facts.emulated and not device.spec.allow_emulated_timing:
        mend = "latency can only be judged on a real board, or with allow_emulated_timing"
        found.append(Finding("emulation", "another processor plays this one", mend))
    return found
