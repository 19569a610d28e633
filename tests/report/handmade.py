"""Documents of runs that never were, whole as those of real ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pytest_edgeai.device.agent import RELU_MODEL
from pytest_edgeai.judge.verdict import BudgetResult
from pytest_edgeai.model.tflite import Model, read_facts
from pytest_edgeai.report.document import document
from pytest_edgeai.report.record import record

RUN: dict[str, Any] = {
    "started": "2026-01-02T03:04:05Z",
    "duration_s": 1.5,
    "exit_status": 0,
    "commit": "0123456789abcdef0123456789abcdef01234567",
    "uncollected": {},
    "pytest_edgeai": "0.1.0",
    "pytest": "8.2.0",
    "host": {"machine": "aarch64", "system": "Linux"},
    "conversions": {"converted": 0, "cached": 0},
}
READING = {
    "load_1min": 0.1,
    "governor": "performance",
    "frequency_mhz": 1500.0,
    "temperature_c": 51.0,
    "throttled": 0,
    "throttle_count": None,
    "undervoltage": False,
    "memory_available_mb": 3000,
}
CONDITIONS: dict[str, Any] = {
    "runtime": "ai-edge-litert",
    "runtime_version": "2.1.0",
    "threads": 4,
    "delegated": 1.0,
    "host": "pi@board",
    "boards_left_out": {},
    "machine": "aarch64",
    "system": "Linux",
    "board": "Raspberry Pi 4",
    "cpu": "Cortex-A72",
    "memory_mb": 4000,
    "os": "Debian",
    "cores": 4,
    "kernel": "6.1",
    "python": "3.11.2",
    "emulated": False,
    "input": "seeded random values",
    "input_shapes": {"x": [1, 4]},
    "before": READING,
    "after": {**READING, "temperature_c": 55.0},
    "throttling": [],
    "others_share": 0.01,
    "max_temperature_c": None,
    "allow_emulated_timing": False,
}
PASSES = BudgetResult("max_latency_ms", "p95", 40.0, "ms", 10.0, 99, "pass", "p95 of 99 runs")
FAILS = replace(
    PASSES, measured=50.0, verdict="fail", reason="p95 of 99 runs, at least 49 ms", advice="wait"
)


def whole(entry: dict[str, Any], outcome: str = "passed", error: str | None = None) -> Any:
    """A record with what pytest knows of its test."""
    entry = {**entry, "location": {"file": "tests/test_a.py", "line": 7}}
    entry["budgets"] = [{**budget, "line": 5} for budget in entry["budgets"]]
    return {**entry, "outcome": outcome, "error": error}


def relu(folder: Path, name: str = "relu.keras", variant: str = "int8") -> Model:
    """A real file."""
    path = folder / "relu.tflite"
    path.write_bytes(RELU_MODEL)
    return Model(path, name, variant, read_facts(path))


def judged(
    folder: Path,
    results: Sequence[BudgetResult],
    name: str = "test_ready",
    model: str = "relu.keras",
    **known: Any,
) -> dict[str, Any]:
    """The record of a test with these results, on a board."""
    nodeid, is_well = f"tests/test_a.py::{name}", all(r.verdict == "pass" for r in results)
    entry = record(
        nodeid, nodeid, relu(folder, model), "pi", CONDITIONS, [*results], threads=4, **known
    )
    return dict(whole(entry, "passed" if is_well else "failed"))


def made(*records: dict[str, Any], **run: Any) -> dict[str, Any]:
    """The document of a run."""
    return document({**RUN, **run}, records)
