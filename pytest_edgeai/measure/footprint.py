"""What a model costs in a process of its own: the time of its start, and its memory.

Every sample comes from a fresh process, in which the runtime is imported and no model was ever
loaded: what a runtime does only once is part of it.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from typing import Any, ClassVar

import numpy as np

from pytest_edgeai import units
from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.device.quantisation import Array
from pytest_edgeai.device.timed_model import Used
from pytest_edgeai.errors import DeviceError
from pytest_edgeai.judge.conditions import throttling
from pytest_edgeai.judge.evidence import IsEnough, StartSamples
from pytest_edgeai.judge.footprint import FEWEST_STARTS, MOST_STARTS
from pytest_edgeai.measure.latency import conditions_of, cool_down, wait_until_calm

RUNS = 5
"""Inferences in a process whose memory is measured."""


class Footprint(ABC):
    """Samples of one model; more processes are started whenever they are not enough.

    Args:
        interpreter: of the model, with the inputs to run it on; what nobody set is filled in.
        threads: interpreter threads.
        max_seconds: how long all samples may take; six are always taken where they are needed.
        first_void: why a measurement before this one said nothing; waits until the device is calm.
    """

    parts: ClassVar[tuple[str, ...]]

    def __init__(
        self, interpreter: Interpreter, threads: int, max_seconds: float, first_void: str = ""
    ) -> None:
        self.interpreter, self.threads = interpreter, threads
        self.used = Used()
        self._max_s, self._spent_s, self._first_void = max_seconds, 0.0, first_void
        self._rows: list[tuple[float, ...]] = []
        self._readings: list[dict[str, Any]] = []
        self._inputs: dict[int, Array] = {}
        self._what = f"{interpreter.variant} of {interpreter.model.name}"

    def until(self, is_enough: IsEnough[StartSamples]) -> StartSamples:
        """The samples, once they are enough or a cap is reached.

        Raises:
            EdgeAIError: a process was lost, or the runtime refused the model there.
        """
        device = self.interpreter.device
        if not self._rows:
            self._inputs = self.interpreter.inputs()
        if self._first_void and not self._rows:
            wait_until_calm(self.interpreter, self._max_s)
        with self._held(f"starts of {self._what}"):
            if not self._rows:
                self._begin()
            while not (self._rows and (self._is_at_cap() or is_enough(self.samples()))):
                number = len(self._rows) + 1
                least = f" of {FEWEST_STARTS}" if number <= FEWEST_STARTS else ""
                device.progress(f"starting {self._what}: process {number}{least}")
                begin = time.monotonic()
                self._rows.append(self._sample(self._inputs))
                self._spent_s += time.monotonic() - begin
                self._readings.append(self.interpreter.conditions())
            device.progress("")
        return self.samples()

    def samples(self) -> StartSamples:
        """What was measured so far, and under which conditions."""
        table = np.array(self._rows, np.float64)
        parts = dict(zip(self.parts, table.T, strict=True))
        spec = self.interpreter.device.spec
        conditions = {
            **conditions_of(self.interpreter),
            "threads": self.threads,
            "starts": len(table),
            "before": self._readings[0],
            "after": self._readings[-1],
            "throttling": throttling(self._readings),
            "others_share": self.used.share_since(Used()),
            "max_temperature_c": spec.max_temperature_c,
            "allow_emulated_timing": spec.allow_emulated_timing,
        }
        if self._first_void:
            conditions["first_void"] = self._first_void
        return StartSamples(self._values(parts), parts, conditions, self._spent_s)

    def _begin(self) -> None:
        self._readings = [self.interpreter.conditions()]

    def _is_at_cap(self) -> bool:
        made = len(self._rows)
        return made >= MOST_STARTS or (made >= FEWEST_STARTS and self._spent_s >= self._max_s)

    @abstractmethod
    def _held(self, what: str) -> AbstractContextManager[None]:
        """The device, as this has to have it."""

    @abstractmethod
    def _sample(self, inputs: dict[int, Array]) -> tuple[float, ...]:
        """The parts, from one more process."""

    @abstractmethod
    def _values(self, parts: dict[str, Array]) -> Array:
        """The samples that these are the parts of."""


class StartUps(Footprint):
    """Milliseconds to load a model, to allocate its tensors, and to run it for the first time.

    Raises:
        DeviceError: somebody else holds the device for too long.
    """

    parts = ("load", "allocate", "first inference")

    def _held(self, what: str) -> AbstractContextManager[None]:
        return self.interpreter.device.alone(what)

    def _begin(self) -> None:
        cool_down(self.interpreter, self._max_s)
        super()._begin()

    def _sample(self, inputs: dict[int, Array]) -> tuple[float, ...]:
        steps_ns, others_s, cores_s = self.interpreter.start_afresh(
            "start_up", self.threads, inputs
        )
        self.used = self.used.plus(others_s, cores_s)
        return tuple(step_ns / 1e6 for step_ns in steps_ns)

    def _values(self, parts: dict[str, Array]) -> Array:
        return np.asarray(sum(parts.values()))


class Memory(Footprint):
    """Bytes that are resident at most in the first runs, above what was before the model."""

    parts = ("peak", "floor")

    def _held(self, what: str) -> AbstractContextManager[None]:
        return self.interpreter.device.together(what)

    def _sample(self, inputs: dict[int, Array]) -> tuple[float, ...]:
        floor, peak_before, peak = self.interpreter.start_afresh(
            "memory", self.threads, inputs, RUNS
        )
        if peak <= peak_before:
            raise DeviceError(
                f"{self._what} on {self.interpreter.device.spec.where}: the system does not tell "
                f"what it takes: the peak of resident memory was {units.megabytes(peak_before)} "
                f"before it was loaded, and {units.megabytes(peak)} after it ran",
                "measure it on a device whose Python may write to /proc/self/clear_refs",
            )
        return float(peak), float(floor)

    def _values(self, parts: dict[str, Array]) -> Array:
        return np.asarray(parts["peak"] - parts["floor"])
