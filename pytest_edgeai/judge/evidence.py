"""What budgets are judged on: plain data, and where it comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np

    from pytest_edgeai.judge.baseline import Found
    from pytest_edgeai.judge.metrics import Metric

BASELINES = ("converted", "dynamic", "int8", "float16", "int16x8", "source")
"""What a model is compared with: a variant, or the Keras model itself."""
HOST = "host"
"""The baseline that is the same file on the machine that pytest runs on."""


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
        chance: what the best answer that is the same for all samples would score, if known.
        hits: for accuracies that count hits, whether each sample is one; bool, shape (N,).
        classes: each sample's true class, where that is what the metric compares; int, shape (N,).
        answered: the class that each sample got; int, shape (N,).
        resampled: the metric of the samples with these indices.
        strata: what resampling keeps the proportions of; int, shape (N,).
        data: hash of the evaluation data.
    """

    value: float
    samples: int
    labels: str
    chance: float | None = None
    hits: np.ndarray[Any, np.dtype[np.bool_]] | None = None
    classes: np.ndarray[Any, np.dtype[np.int64]] | None = None
    answered: np.ndarray[Any, np.dtype[np.int64]] | None = None
    resampled: Callable[[Any], float] | None = None
    strata: np.ndarray[Any, np.dtype[np.int64]] | None = None
    data: str = ""

    @property
    def kept_proportions(self) -> Any:
        """The strata of a resample; one for all where there are none."""
        import numpy as np

        return np.zeros(self.samples, int) if self.strata is None else self.strata


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

    def score(self, metric: Metric, baseline: str | None = None) -> Score:
        """The metric of the model itself, or of its baseline."""
        ...

    def suspicions(self, metric: Metric) -> tuple[str, ...]:
        """Other ways to read the inputs that make the metric much better; tried, not guessed."""
        ...

    def answered(self, baseline: str | None = None) -> np.ndarray[Any, np.dtype[np.int64]]:
        """The likeliest class of each sample, by the model itself or by its baseline."""
        ...

    def outputs(self, baseline: str | None = None) -> dict[str, Any]:
        """Outputs by name on the evaluation data, real values, shape (N, ...)."""
        ...

    def recorded(self) -> Found:
        """The stored baseline of this model and variant on this device, or why there is none."""
        ...
