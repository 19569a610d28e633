"""What budgets are judged on: plain data, and where it comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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


@dataclass(frozen=True)
class Window:
    """A part of a sustained run.

    Attributes:
        begin_s: when it began, from the begin of the run.
        seconds: how long it was.
        runs: how many there were.
        samples_ns: the times of single runs, or of an even choice of them, in their order.
        others_share: share of the machine that others used.
        temperature_c, frequency_mhz: at its end; None where the system does not tell.
    """

    begin_s: float
    seconds: float
    runs: int
    samples_ns: np.ndarray[Any, np.dtype[np.int64]]
    others_share: float | None = None
    temperature_c: float | None = None
    frequency_mhz: float | None = None


@dataclass(frozen=True)
class SustainedRun:
    """A model that ran without pause, in windows, and what it ran under."""

    windows: tuple[Window, ...]
    conditions: dict[str, Any] = field(default_factory=dict)

    def samples(self, window: Window) -> LatencySamples:
        """The samples of one window, as taken under the run's conditions."""
        conditions = {**self.conditions, "others_share": window.others_share}
        return LatencySamples(window.samples_ns, conditions)


IsEnough = Callable[[SustainedRun], bool]
"""Asked after each window whether the run so far tells."""


class FileTensor(Protocol):
    """What budgets ask of a tensor in a file."""

    @property
    def name(self) -> str: ...

    @property
    def dtype(self) -> str: ...

    @property
    def by_custom(self) -> bool: ...


class FileOperator(Protocol):
    """What budgets ask of a kind of operator in a file."""

    @property
    def name(self) -> str: ...

    @property
    def count(self) -> int: ...

    @property
    def custom(self) -> bool: ...


class FileFacts(Protocol):
    """What budgets ask of a file; ``model.facts.ModelFacts`` has it."""

    @property
    def inputs(self) -> Sequence[FileTensor]: ...

    @property
    def outputs(self) -> Sequence[FileTensor]: ...

    @property
    def operators(self) -> Sequence[FileOperator]: ...

    @property
    def float_operators(self) -> Sequence[str]: ...

    @property
    def float_weights(self) -> Sequence[FileTensor]: ...


class Evidence(Protocol):
    """Measurements of one model on one device, made when a budget first asks for them."""

    @property
    def device_name(self) -> str: ...

    @property
    def variant(self) -> str: ...

    @property
    def size_bytes(self) -> int: ...

    @property
    def facts(self) -> FileFacts: ...

    @property
    def delegated(self) -> float | None:
        """Share of the operators that a delegate runs; None where the runtime does not tell."""
        ...

    @property
    def undelegated(self) -> Mapping[str, int]:
        """How many operators no delegate runs, by kind."""
        ...

    @property
    def is_on_host(self) -> bool:
        """Whether it runs on the machine that pytest runs on, with the runtime chosen there."""
        ...

    def latency(self, threads: int | None) -> LatencySamples: ...

    def sustained(
        self, lengths_s: Sequence[float], threads: int | None, is_enough: IsEnough
    ) -> SustainedRun:
        """The model run without pause in windows of these lengths, or until it is enough."""
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
