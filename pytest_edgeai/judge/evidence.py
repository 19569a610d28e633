"""What budgets are judged on: plain data, and where it comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np

Metric = str | Callable[[Any, Any], float]
"""A metric's name, or any ``(labels, predictions) -> float``; higher is better."""


@dataclass(frozen=True)
class LatencySamples:
    """Times of single inferences (set_tensor of every input, then invoke).

    Attributes:
        samples_ns: one time per run, in the order of the runs; warm-up is not among them.
        conditions: what they were taken under.
        more: what to do for more of them.
    """

    samples_ns: np.ndarray[Any, np.dtype[np.int64]]
    conditions: dict[str, Any] = field(default_factory=dict)
    more: str = "raise --edge-max-seconds"


@dataclass(frozen=True)
class Score:
    """A metric of one model on the evaluation data.

    Attributes:
        value: the metric's value.
        samples: how many samples it was computed on.
        labels: how the labels were read.
        chance: what answering the commonest class would score; None for a user's own metric.
    """

    value: float
    samples: int
    labels: str
    chance: float | None = None


class Evidence(Protocol):
    """Measurements of one model on one device, made when a budget first asks for them."""

    @property
    def device_name(self) -> str: ...

    @property
    def variant(self) -> str: ...

    @property
    def size_bytes(self) -> int: ...

    def latency(self, threads: int | None) -> LatencySamples: ...

    def score(self, metric: Metric, baseline: str | None = None) -> Score:
        """The metric of the model itself, or of its baseline."""
        ...
