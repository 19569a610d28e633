"""A loaded model that is timed: in loops on the device, in bursts, and in fresh processes."""

from __future__ import annotations

import math
from collections import deque
from typing import Any, NamedTuple, Protocol

import numpy as np

from pytest_edgeai.device.device import Device
from pytest_edgeai.device.loaded_model import LoadedModel
from pytest_edgeai.device.quantisation import Array
from pytest_edgeai.errors import InterpreterError
from pytest_edgeai.model.tflite import Model

__tracebackhide__ = True
"""A failing call shows in the test that made it, not here."""

WARM_UP_S = 0.5
WARM_UP_RUNS = 1_000_000
BURST_NS = 100_000_000
STEPS = 10
"""Calls that a start in a process of its own makes at most."""


class DeviceClock(Protocol):
    """Who is told how long inferences took on the device, once it has begun to time."""

    @property
    def began(self) -> bool: ...

    def add(self, model: TimedModel, elapsed_ns: int, inferences: int) -> None: ...


class Used(NamedTuple):
    """CPU seconds of the machine while runs were timed; None where the system does not tell."""

    others_s: float | None = 0.0
    cores_s: float = 0.0

    def plus(self, others_s: float | None, cores_s: float) -> Used:
        known = self.others_s is not None and others_s is not None
        total = self.others_s + others_s if known else None  # type: ignore[operator]
        return Used(total, self.cores_s + cores_s)

    def share_since(self, earlier: Used) -> float | None:
        """The share of the machine that others used."""
        cores_s = self.cores_s - earlier.cores_s
        if self.others_s is None or earlier.others_s is None or cores_s <= 0:
            return None
        return max((self.others_s - earlier.others_s) / cores_s, 0.0)


class TimedModel(LoadedModel):
    """A loaded model whose inferences are timed on its device.

    Attributes:
        clock: told of device time once a benchmark has begun.
        used: what else the machine did in the timed runs so far.
        before_bursts: conditions when a benchmark began.
    """

    def __init__(self, device: Device, model: Model, threads: int | None = None) -> None:
        self.clock: DeviceClock | None = None
        self.used = Used()
        self.before_bursts: dict[str, Any] | None = None
        self._ahead_ns: deque[int] = deque()
        self._burst_runs = 1
        super().__init__(device, model, threads)

    def time_runs(
        self, min_runs: int, min_s: float, max_runs: int, max_s: float, rewarm_s: float = 0.0
    ) -> Array:
        """Times of single runs (set_tensor of every input, then invoke), in nanoseconds, int64.

        Inputs that nobody set are filled in first. The loop runs on the device; it ends
        at ``max_runs`` or ``max_s``, else when both minima are reached. Runs in the first
        ``rewarm_s`` are not timed.

        Raises:
            TensorError: an input has dynamic dimensions, and nobody said how large they are.
        """
        self.fill_inputs()
        limit_s = self._process.limit_s
        calls = 1 + math.ceil(max_s / limit_s)
        args = (int(min_runs), float(min_s), int(max_runs), float(max_s), limit_s, float(rewarm_s))
        samples, others_s, cores_s = self._request("time_runs", *args, step="invoke", calls=calls)[
            0
        ]
        self.used = self.used.plus(others_s, cores_s)
        if self.first_run_ns is None:
            self.first_run_ns = int(samples[0])
        return np.asarray(samples)

    def warm_up(self, max_s: float) -> int:
        """Run until ``max_s`` have passed, at least once; returns how often."""
        return len(self.time_runs(1, max_s, WARM_UP_RUNS, max_s))

    def start_afresh(
        self, operation: str, threads: int, inputs: dict[int, Array], *args: Any
    ) -> Any:
        """Load the model in a process of its own, which ends with this call.

        Args:
            operation: ``start_up`` or ``memory``, see ``Agent``.
            inputs: as ``inputs`` returned them.
            args: what else the operation takes.

        Returns:
            What the operation returned.
        """
        model = (*self._place(), threads)
        shapes = {index: list(np.shape(array)) for index, array in inputs.items()}
        with self.device.start(self._what) as process:
            process.request("feed", inputs, stored=True)
            given = (model, shapes if self._sized else {}, process.limit_s, *args)
            try:
                return process.request(operation, *given, step="start-up", calls=STEPS)[0]
            except InterpreterError as error:
                raise self._explained(error, "invoke") from None

    def _tell(self, elapsed_ns: int, inferences: int) -> None:
        if self.clock is not None and self.clock.began:
            self._hold()
            self.clock.add(self, elapsed_ns, inferences)

    def _burst(self) -> list[int]:
        """The next timed runs: one, then twice as many each time, up to ``BURST_NS``."""
        if self.before_bursts is None:
            self.fill_inputs()
            self._hold()
            self.warm_up(WARM_UP_S)
        samples = self.time_runs(self._burst_runs, 0.0, self._burst_runs, BURST_NS / 1e9)
        if int(samples.sum()) < BURST_NS // 2:
            self._burst_runs *= 2
        return [int(sample) for sample in samples]

    def _hold(self) -> None:
        """Keep the device to itself until ``close``: a benchmark has begun."""
        if self.before_bursts is None:
            self._undo.enter_context(self.device.alone(f"benchmark of {self._what}"))
            self.before_bursts = self.conditions()

    def _next_in_burst(self) -> int:
        """Nanoseconds of the next run of a benchmark."""
        if not self._ahead_ns:
            self._ahead_ns.extend(self._burst())
        return self._ahead_ns.popleft()

    def _request(
        self, operation: str, *args: Any, step: str = "", **kwargs: Any
    ) -> tuple[Any, int]:
        self._ahead_ns.clear()
        return super()._request(operation, *args, step=step, **kwargs)

    def _call(self, method: str, *args: Any, **kwargs: Any) -> tuple[Any, int]:
        self._burst_runs = 1
        return super()._call(method, *args, **kwargs)
