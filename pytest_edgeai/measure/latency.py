"""Latency: warm-up apart, then single runs timed on the device until they tell."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol

import numpy as np

from pytest_edgeai import units
from pytest_edgeai.device.device import Device
from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.device.timed_model import WARM_UP_S, Used
from pytest_edgeai.errors import EdgeAIError
from pytest_edgeai.judge.conditions import OTHERS_SHARE, is_hot, throttling
from pytest_edgeai.judge.evidence import LatencySamples
from pytest_edgeai.judge.statistics import drift, effective_runs, spread, statistic

MIN_RUNS = 100
MIN_S = 0.5
FAR_WARM_UP_S = 0.05
FAR_MIN_S = 0.1
"""The warm-up and the runs that a limit far away takes."""
PATIENCE = 10
"""How many times the cap the fewest runs that may pass may take, where all limits are far."""
MAX_RUNS = 1_000_000
GROWTH = 1.25
"""How many times as many runs there are when one looks again."""
STRETCH_S = 1.0
TURN_S = 0.1
"""Length of a stretch where several interpreters take turns."""
REWARM_S = 0.002
POLL_S = 1.0

Samples = np.ndarray[Any, np.dtype[np.int64]]


class Limits(Protocol):
    """What samples are taken for; see ``Undecided``."""

    @property
    def least_runs(self) -> int: ...
    def are_decided(self, samples: LatencySamples) -> bool: ...
    def are_far(self, samples: LatencySamples) -> bool: ...
    def are_told(self, samples: LatencySamples) -> bool: ...


@dataclass
class Timing:
    """One interpreter that is timed.

    Args:
        interpreter: with the inputs to time it on; those that nobody set are filled in.
        limits: what has to be told.
        taken: samples that a benchmark took already.
    """

    interpreter: Interpreter
    limits: Limits
    taken: Samples = field(default_factory=lambda: np.empty(0, np.int64))


def measure_latency(
    timings: Sequence[Timing], max_seconds: float
) -> list[LatencySamples | EdgeAIError]:
    """Time interpreters of one device, which nothing else uses meanwhile.

    Each gets at least one warm-up run and ``WARM_UP_S``; then at least ``MIN_RUNS`` runs and
    ``MIN_S``, and more until its limits are decided, up to ``max_seconds`` for each, warm-up
    included. First inference and warm-up are kept apart from the samples, as TensorFlow Lite's
    benchmark_model does. Several take turns, so that drift favours none.

    Limits that are all far away need less: they may be decided by runs of the warm-up, or as soon
    as there are enough runs. They get as many as may tell, even if that takes ``PATIENCE`` times
    ``max_seconds``.

    Returns:
        Samples, or what kept them from being taken, in the order of the timings.

    Raises:
        DeviceError: somebody else holds the device for too long.
    """
    if not timings:
        return []
    device = timings[0].interpreter.device
    named = ", ".join(f"{t.interpreter.variant} of {t.interpreter.model.name}" for t in timings)
    stretch_s = TURN_S if len(timings) > 1 else STRETCH_S
    with device.alone(f"timing {named}"):
        runs = [_Run(timing, max_seconds) for timing in timings]
        for run in runs:
            run.do(partial(cool_down, run.interpreter, max_seconds), costs=False)
            run.do(run.start)
        while pending := [run for run in runs if not run.is_done]:
            for run in pending:
                device.progress(f"timing {named}: {sum(run.count for run in runs):,} runs")
                run.do(partial(run.stretch, stretch_s))
        device.progress("")
    return [run.error or run.samples() for run in runs]


class _Run:
    """The measurement of one interpreter."""

    def __init__(self, timing: Timing, max_seconds: float) -> None:
        self.error: EdgeAIError | None = None
        self.is_done = False
        self.interpreter, self._limits = timing.interpreter, timing.limits
        self._max_s, self._cap_s, self._spent_s = max_seconds, max_seconds, 0.0
        self._parts = [timing.taken] if len(timing.taken) else []
        self.count = len(timing.taken)
        self._timed_s = float(timing.taken.sum()) / 1e9
        self._least = max(MIN_RUNS, timing.limits.least_runs)
        self._target = self._least
        self._facts: dict[str, Any] = {"load_ms": self.interpreter.load_ms}
        self._used_before = Used() if self.count else self.interpreter.used
        self._looks: list[int] = []
        self._readings: list[dict[str, Any]] = []

    def do(self, step: Callable[[], None], costs: bool = True) -> None:
        """Take a step; what goes wrong is this one's error, not that of the others."""
        if self.error is not None:
            return
        begin = time.monotonic()
        try:
            step()
        except EdgeAIError as error:
            self.error, self.is_done = error, True
        self._spent_s += costs * (time.monotonic() - begin)

    def start(self) -> None:
        """First inference, warm-up, and the conditions before; or take a benchmark's samples."""
        interpreter = self.interpreter
        if interpreter.before_bursts is not None and self.count:
            self._readings = [interpreter.before_bursts, interpreter.conditions()]
            self._looks.append(self.count)
            self.is_done = self._limits.are_decided(self.samples())
            return
        if interpreter.first_run_ns is None:
            interpreter.time_runs(1, 0.0, 1, 0.0)
        self._facts["first_inference_ms"] = (interpreter.first_run_ns or 0) / 1e6
        begin, warm_up_s = time.monotonic(), min(WARM_UP_S, self._max_s / 4)
        if not self.count:
            self._decide_early(warm_up_s)
        if not self.is_done:
            self._warm_up(warm_up_s - (time.monotonic() - begin))

    def _decide_early(self, warm_up_s: float) -> None:
        """Let runs of the warm-up decide limits that are far away; else they are none of it."""
        self._warm_up(min(FAR_WARM_UP_S, warm_up_s))
        self._take(self._limits.least_runs, FAR_MIN_S, MAX_RUNS, warm_up_s - FAR_WARM_UP_S)
        self.is_done = self._is_far_decided()
        if not self.is_done:
            self._facts["warm_up_runs"] += self.count
            self._parts, self.count, self._timed_s = [], 0, 0.0

    def _warm_up(self, seconds: float) -> None:
        """Run it for so long, at least once, and note the conditions before what is timed then."""
        runs = self.interpreter.warm_up(max(seconds, 0.0))
        self._facts["warm_up_runs"] = self._facts.get("warm_up_runs", 0) + runs
        self._used_before, self._readings = self.interpreter.used, [self.interpreter.conditions()]

    def _take(self, least: int, min_s: float, most: int, max_s: float) -> None:
        part = self.interpreter.time_runs(
            max(least, 1), min_s, max(most, 1), max(max_s, 0.0), REWARM_S
        )
        self._parts.append(part)
        self.count += len(part)
        self._timed_s += float(part.sum()) / 1e9

    def stretch(self, stretch_s: float) -> None:
        """Time some more; look at the samples once there are enough more of them."""
        begin, left_s = time.monotonic(), max(self._cap_s - self._spent_s, 0.0)
        more, min_s = self._target - self.count, 0.0
        most = more
        if self._is_first():
            min_s = MIN_S - self._timed_s
            most = MAX_RUNS - self.count
        self._take(more, min_s, most, min(stretch_s, left_s))
        at_cap = time.monotonic() - begin >= left_s or self.count >= MAX_RUNS
        if at_cap and self._is_worth_waiting():
            self._cap_s, at_cap = PATIENCE * self._max_s, False
        if at_cap or self._is_at_target():
            self._look(at_cap)
        elif self._is_first():
            self.is_done = self._is_far_decided()

    def _is_first(self) -> bool:
        """Whether one has not looked at the samples yet, but for limits that are far away."""
        return self._target == self._least

    def _is_far_decided(self) -> bool:
        samples = self.samples()
        is_decided = self._limits.are_far(samples) and self._limits.are_told(samples)
        if is_decided:
            self._readings.append(self.interpreter.conditions())
        return is_decided

    def _is_worth_waiting(self) -> bool:
        """Whether all that is missing are runs, of which there are too few to tell anything."""
        is_short = self._cap_s == self._max_s and self.count < self._limits.least_runs
        return is_short and self._limits.are_far(self.samples())

    def _is_at_target(self) -> bool:
        has_begun = not self._is_first() or self._timed_s >= MIN_S
        return has_begun and self.count >= self._target

    def _look(self, at_cap: bool) -> None:
        self._readings.append(self.interpreter.conditions())
        self._looks.append(self.count)
        self.is_done = at_cap or self._limits.are_decided(self.samples())
        self._target = min(MAX_RUNS, int(self.count * GROWTH) + 1)

    def samples(self) -> LatencySamples:
        """What was measured so far, and under which conditions."""
        samples_ns = np.concatenate(self._parts)
        conditions = {
            **run_conditions(self.interpreter, self._readings, self._used_before),
            **self._facts,
            "runs": self.count,
        }
        return LatencySamples(samples_ns, conditions, tuple(self._looks))


def described(samples: LatencySamples) -> LatencySamples:
    """The same with how the runs went: drift and spread, and what they are worth."""
    times = samples.samples_ns
    how = {
        "drift": drift(times) / max(statistic("median", times), 1.0),
        "spread": spread(times),
        "effective_runs": effective_runs(times),
    }
    return replace(samples, conditions={**samples.conditions, **how})


def cool_down(interpreter: Interpreter, max_seconds: float) -> None:
    """Wait for a device that is too hot or slowed down already, so long at most."""
    reading, limit = interpreter.conditions(), interpreter.device.spec.max_temperature_c
    if throttling([reading]) or is_hot(reading, limit):
        wait_until_calm(interpreter, max_seconds)


def wait_until_calm(interpreter: Interpreter, max_seconds: float) -> None:
    """Wait until the device is cool, not throttled and left alone by others, so long at most."""
    device, begin = interpreter.device, time.monotonic()
    try:
        while (waited_s := time.monotonic() - begin) < max_seconds:
            why = _is_disturbed(device, interpreter)
            if not why:
                return
            device.progress(f"waiting for {device.name}: {why}, {units.seconds(waited_s)}")
            time.sleep(POLL_S)
    finally:
        device.progress("")


def _is_disturbed(device: Device, interpreter: Interpreter) -> str:
    """What disturbs a device at this moment, if anything does."""
    reading, limit = interpreter.conditions(), device.spec.max_temperature_c
    degrees, others = reading["temperature_c"], device.busy_share(POLL_S)
    if is_hot(reading, limit):
        return f"{degrees:.1f} °C, over {limit:g}"
    if names := throttling([reading]):
        return ", ".join(names)
    if others is not None and others > OTHERS_SHARE:
        return f"others keep {others:.0%} of it busy"
    return ""


def run_conditions(
    interpreter: Interpreter, readings: Sequence[dict[str, Any]], used_before: Used
) -> dict[str, Any]:
    """What timed runs were made under, from the device's state read before, during and after."""
    spec = interpreter.device.spec
    return {
        **conditions_of(interpreter),
        "before": readings[0],
        "after": readings[-1],
        "throttling": throttling(readings),
        "others_share": interpreter.used.share_since(used_before),
        "max_temperature_c": spec.max_temperature_c,
        "allow_emulated_timing": spec.allow_emulated_timing,
    }


def conditions_of(interpreter: Interpreter) -> dict[str, Any]:
    """What an interpreter runs under: device, runtime, threads, delegate, inputs."""
    facts = interpreter.device.facts
    return {
        "runtime": facts.runtime,
        "runtime_version": facts.runtime_version,
        "threads": interpreter.threads,
        "delegated": interpreter.delegated,
        "host": interpreter.device.spec.host or None,
        "boards_left_out": dict(interpreter.device.left_out),
        "machine": facts.machine,
        "system": facts.system,
        "board": facts.model,
        "cpu": facts.cpu,
        "memory_mb": facts.memory_mb,
        "os": facts.os,
        "cores": facts.cores,
        "kernel": facts.kernel,
        "python": facts.python,
        "emulated": facts.emulated,
        "input": interpreter.input_origin,
        "input_shapes": interpreter.input_shapes,
    }
