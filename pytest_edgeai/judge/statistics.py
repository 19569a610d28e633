"""Statistics of samples; pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

STATISTICS = ("mean", "median", "p90", "p95", "p99", "max")
"""What a latency budget may limit."""

_QUANTILES = {"median": 0.5, "p90": 0.90, "p95": 0.95, "p99": 0.99}


def statistic(name: str, samples: Sequence[int] | np.ndarray[Any, Any]) -> float:
    """One number of ``STATISTICS``, in the samples' own unit.

    A percentile is the nearest-rank one, a value that was really measured: the smallest sample
    that at least the share q of all samples does not exceed (definition 1 of Hyndman & Fan,
    "Sample Quantiles in Statistical Packages", 1996). Nothing is trimmed before.
    """
    import numpy as np

    values = np.asarray(samples)
    if name == "mean":
        return float(values.mean())
    if name == "max":
        return float(values.max())
    return float(np.quantile(values, _QUANTILES[name], method="inverted_cdf"))


def required_samples(name: str, confidence: float) -> int:
    """How many samples the claim "this percentile is within the limit" needs at least.

    The chance that n samples all lie under the true q-quantile is q ** n. Only when it is at most
    1 - confidence do n samples without one over the limit support the claim: 29, 59 and 299
    samples for p90, p95 and p99 at 95 % (the non-parametric bound of order statistics; MLPerf's
    early-stopping rule is the same for no sample over the limit). The mean and the maximum make no
    such claim; they take as many as the median.
    """
    quantile = _QUANTILES.get(name, 0.5)
    return math.ceil(math.log(1 - confidence) / math.log(quantile))
