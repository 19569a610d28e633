"""A model that runs without pause, as on the line, in windows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.judge.evidence import IsEnough, SustainedRun, Window
from pytest_edgeai.measure.latency import (
    MAX_RUNS,
    REWARM_S,
    STRETCH_S,
    Samples,
    cool_down,
    run_conditions,
)

KEPT = 10_000
"""Times that are kept of each window."""
SEED = 20_240_229


def measure_sustained(
    interpreter: Interpreter, lengths_s: Sequence[float], is_enough: IsEnough[SustainedRun]
) -> SustainedRun:
    """Run a model without pause in windows of these lengths, with its device held alone.

    Warm-up is part of the first window, but for the first inference. The loop runs on the device,
    in stretches of up to a second; what changes on the device is read between the windows.

    Args:
        is_enough: asked after each window; True ends the run.

    Raises:
        EdgeAIError: the process or the board was lost, or the model cannot be run.
    """
    device, what = interpreter.device, f"{interpreter.variant} of {interpreter.model.name}"
    with device.alone(f"a sustained run of {what}"):
        cool_down(interpreter, sum(lengths_s))
        used, readings = interpreter.used, [interpreter.conditions()]
        windows: list[Window] = []
        begin = time.monotonic()
        for until_s in accumulate(lengths_s):
            device.progress(f"sustained run of {what}: {len(windows)} of {len(lengths_s)} windows")
            windows.append(_window(interpreter, begin, until_s, readings))
            conditions = run_conditions(interpreter, readings, used)
            run = SustainedRun(tuple(windows), conditions)
            if is_enough(run):
                break
        device.progress("")
    return run


def _window(
    interpreter: Interpreter, begin: float, until_s: float, readings: list[dict[str, Any]]
) -> Window:
    """Run until so long after the begin."""
    begin_s, used, kept = time.monotonic() - begin, interpreter.used, Thinned(KEPT)
    while not kept.count or time.monotonic() - begin < until_s:
        left_s = max(until_s - (time.monotonic() - begin), 0.0)
        stretch_s = min(STRETCH_S, left_s)
        kept.add(interpreter.time_runs(MAX_RUNS, 0.0, MAX_RUNS, stretch_s, REWARM_S))
    seconds = time.monotonic() - begin - begin_s
    readings.append(interpreter.conditions())
    return Window(
        begin_s,
        seconds,
        kept.count,
        kept.samples,
        interpreter.used.share_since(used),
        readings[-1].get("temperature_c"),
        readings[-1].get("frequency_mhz"),
    )


class Thinned:
    """At most so many samples of a series of any length, in its order.

    Of each ``step`` samples that follow each other one is kept, at random, so that every sample has
    the same chance and no rhythm of the series meets one of ours (stratified sampling; Cochran,
    *Sampling Techniques*, 1977, chapter 5). Where they are too many, ``step`` doubles.

    Attributes:
        count: how many there were.
    """

    def __init__(self, most: int) -> None:
        self.count, self._step, self._most = 0, 1, most - most % 2
        self._kept = self._rest = np.empty(0, np.int64)
        self._random = np.random.default_rng(SEED)

    def add(self, part: Samples) -> None:
        """Take the next samples of the series."""
        self.count += len(part)
        self._rest = np.concatenate([self._rest, part])
        while len(self._rest) >= self._step:
            number = min(len(self._rest) // self._step, self._most - len(self._kept))
            taken, self._rest = np.split(self._rest, [number * self._step])
            self._kept = np.concatenate([self._kept, self._one_of_each(taken, self._step)])
            if len(self._kept) == self._most:
                self._kept, self._step = self._one_of_each(self._kept, 2), 2 * self._step

    @property
    def samples(self) -> Samples:
        """Those that are kept."""
        return self._kept

    def _one_of_each(self, samples: Samples, step: int) -> Samples:
        blocks = samples.reshape(-1, step)
        return blocks[np.arange(len(blocks)), self._random.integers(step, size=len(blocks))]
