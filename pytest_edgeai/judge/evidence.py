"""What budgets are judged on: plain data, and where it comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np

    from pytest_edgeai.judge.baseline import Found

BASELINES = ("converted", "dynamic", "int8", "float16", "int16x8", "source")
"""What a model is compared with: a variant, or the Keras model itself."""
HOST = "host"
"""The baseline that is the same file on the machine that pytest runs on."""
Metric = str | Callable[[Any, Any], float]
"""A metric's name, or any ``(labels, predictions) -> float``; higher is better."""


@dataclass(frozen=True)
class LatencySamples:
    """Times of single inferences (set_tensor of every input, then invoke).

    Attributes:
        samples_ns: one time per run, in the order of the runs; warm-up is not among them.
        conditions: what they were taken under.
        looks: numbers of samples after which one looked whether they tell.
        more: what to do for more of them.
    """

    samples_ns: np.ndarray[Any, np.dtype[np.int64]]
    conditions: dict[str, Any] = field(default_factory=dict)
    looks: tuple[int, ...] = ()
    more: str = "raise --edge-max-seconds"

    @cached_property
    def ms(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """The same in milliseconds, as limits are given."""
        return self.samples_ns / 1e6


@dataclass(frozen=True)
class StartSamples:
    """What fresh processes told of a model, one sample from each; they are independent.

    Attributes:
        values: in the order of the processes: milliseconds of a start-up, or bytes of memory.
        parts: what each sample is made of, by name, in the same unit and order.
        conditions: what they were taken under.
        seconds: how long it took to take them.
    """

    values: np.ndarray[Any, np.dtype[np.float64]]
    parts: dict[str, np.ndarray[Any, np.dtype[np.float64]]]
    conditions: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Plain data for the record."""
        parts = {name: part.tolist() for name, part in self.parts.items()}
        return {"conditions": self.conditions, "values": self.values.tolist(), "parts": parts}


IsEnough = Callable[[StartSamples], bool]
"""Whether samples tell what they are taken for."""


@dataclass(frozen=True)
class Score:
    """A metric of one model on the evaluation data.

    Attributes:
        value: the metric's value.
        samples: how many samples it was computed on.
        labels: how the labels were read.
        chance: what answering the commonest class would score; None for a user's own metric.
        hits: for accuracy, whether each sample is right; bool, shape (N,).
        classes: for accuracy, each sample's true class; int, shape (N,).
        resampled: the metric of the samples with these indices.
        data: hash of the evaluation data.
    """

    value: float
    samples: int
    labels: str
    chance: float | None = None
    hits: np.ndarray[Any, np.dtype[np.bool_]] | None = None
    classes: np.ndarray[Any, np.dtype[np.int64]] | None = None
    resampled: Callable[[Any], float] | None = None
    data: str = ""


class Evidence(Protocol):
    """Measurements of one model on one device, made when a budget first asks for them."""

    @property
    def device_name(self) -> str: ...

    @property
    def variant(self) -> str: ...

    @property
    def size_bytes(self) -> int: ...

    @property
    def is_on_host(self) -> bool:
        """Whether it runs on the machine that pytest runs on, with the runtime chosen there."""
        ...

    def latency(self, threads: int | None) -> LatencySamples: ...

    def start_ups(
        self, threads: int | None, is_enough: IsEnough, first_void: str = ""
    ) -> StartSamples:
        """Times of starts in fresh processes, taken until they are enough, or a cap is reached.

        Args:
            first_void: why those before say nothing; new ones are taken when the device is calm.
        """
        ...

    def memory(self, threads: int | None, is_enough: IsEnough) -> StartSamples:
        """Peak memory in fresh processes, taken until it is enough, or a cap is reached."""
        ...

    def score(self, metric: Metric, baseline: str | None = None) -> Score:
        """The metric of the model itself, or of its baseline."""
        ...

    def answered(self, baseline: str | None = None) -> np.ndarray[Any, np.dtype[np.int64]]:
        """The likeliest class of each sample, by the model itself or by its baseline."""
        ...

    def recorded(self) -> Found:
        """The stored baseline of this model and variant on this device, or why there is none."""
        ...
