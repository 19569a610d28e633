"""Latency: warm-up apart, then single runs timed on the device."""

from __future__ import annotations

import time
from typing import Any

from pytest_edgeai.device.interpreter import WARM_UP_S, Interpreter
from pytest_edgeai.judge.evidence import LatencySamples

MIN_RUNS = 100
MIN_S = 0.5
ENOUGH_RUNS = 10_000


def measure_latency(
    interpreter: Interpreter, required_runs: int, max_seconds: float
) -> LatencySamples:
    """Time an interpreter until its budgets can be judged.

    At least one warm-up run and ``WARM_UP_S``; then at least ``MIN_RUNS`` runs, ``required_runs``
    and ``MIN_S``, which ``max_seconds`` caps together with the warm-up. First inference and
    warm-up are kept apart from the samples, as TensorFlow Lite's benchmark_model does.

    Args:
        interpreter: with the inputs to time it on, or none for seeded random ones.
        required_runs: how many samples the budgets' claims need.
        max_seconds: cap on the whole measurement.
    """
    begin = time.monotonic()
    first_ns = int(interpreter.time_runs(1, 0.0, 1, 0.0)[0])
    warm_up_runs = interpreter.warm_up(min(WARM_UP_S, max_seconds / 4))
    before = interpreter.conditions()
    runs = max(MIN_RUNS, required_runs)
    left_s = max(max_seconds - (time.monotonic() - begin), 0.0)
    samples_ns = interpreter.time_runs(runs, min(MIN_S, left_s), max(runs, ENOUGH_RUNS), left_s)
    conditions = {
        **conditions_of(interpreter),
        **before,
        "load_ms": interpreter.load_ms,
        "first_inference_ms": first_ns / 1e6,
        "warm_up_runs": warm_up_runs,
        "runs": len(samples_ns),
    }
    return LatencySamples(samples_ns, conditions)


def conditions_of(interpreter: Interpreter) -> dict[str, Any]:
    """What an interpreter runs under: device, runtime, threads, delegate, inputs."""
    facts = interpreter.device.facts
    return {
        "runtime": facts.runtime,
        "runtime_version": facts.runtime_version,
        "threads": interpreter.threads,
        "delegated": interpreter.delegated,
        "machine": facts.machine,
        "cpu": facts.cpu,
        "cores": facts.cores,
        "kernel": facts.kernel,
        "python": facts.python,
        "input": interpreter.input_origin,
        "input_shapes": interpreter.input_shapes,
    }
