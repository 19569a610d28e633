"""Statistics of samples; pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

QUANTILES = {"median": 0.5, "p90": 0.90, "p95": 0.95, "p99": 0.99}
STATISTICS = ("mean", *QUANTILES, "max")
"""What a latency budget may limit."""

MAX_LAG = 100
"""What changes more slowly than over so many runs is drift, and judged as such."""
SIDE = 30

Samples = Any
"""An array of one dimension, in the order of the runs."""


def statistic(name: str, samples: Samples) -> float:
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
    return float(np.quantile(values, QUANTILES[name], method="inverted_cdf"))


def effective_runs(samples: Samples, limit: float | None = None) -> float:
    """How many independent samples these are worth: n / (integrated autocorrelation time).

    Runs that follow each other resemble each other, so 1,000 of them may tell no more than 100
    would. The time is taken of the ranks, which no outlier dominates, over ``MAX_LAG`` runs; and
    for a limit, over all of them, of the indicator of exceeding it, which is all that counts there
    (the longer one; after Vehtari, Gelman, Simpson, Carpenter & Bürkner, "Rank-normalization,
    folding, and localization", Bayesian Analysis 16(2), 2021). With fewer than ``SIDE`` samples on
    one side of the limit the indicator says too little: then the nearest level with so many.

    Args:
        limit: in the samples' unit.
    """
    import numpy as np

    values = np.asarray(samples)
    n, times = len(values), [autocorrelation_time(ranks(values), MAX_LAG)]
    if limit is not None and n > 1:
        side = min(SIDE, n // 2)
        low, high = np.partition(values, (side - 1, n - side - 1))[[side - 1, n - side - 1]]
        times.append(autocorrelation_time(values > min(max(limit, low), high)))
    return float(n / max(times))


def autocorrelation_time(series: Samples, max_lag: int | None = None) -> float:
    """The integrated autocorrelation time of a series, in samples; 1 for independent ones.

    Autocorrelations are summed as long as those of two neighbouring lags come to more than
    nothing, and never rise (the initial monotone sequence of Geyer, "Practical Markov Chain Monte
    Carlo", Statistical Science 7(4), 1992). Less than 1 is taken for 1.
    """
    import numpy as np

    values = np.asarray(series, float)
    n, values = len(values), values - values.mean()
    variance = float(np.square(values).sum())  # a dot product leaves threads behind that spin
    if variance == 0:
        return 1.0
    padded = 1 << (2 * n - 1).bit_length()
    spectrum = np.fft.rfft(values, padded)
    lags = min(max_lag or n, n - n % 2)
    correlations = np.fft.irfft(np.abs(spectrum) ** 2, padded)[:lags] / variance
    pairs = correlations[::2] + correlations[1::2]
    ends = np.flatnonzero(pairs <= 0)
    pairs = np.minimum.accumulate(pairs[: ends[0]] if len(ends) else pairs)
    return max(1.0, 2 * float(pairs.sum()) - 1)


def ranks(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Ranks from 1; equal values share their mean rank."""
    import numpy as np

    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((counts.cumsum() - (counts - 1) / 2)[inverse])


def drift(samples: Samples) -> float:
    """Median of the last third of the samples less that of the first, in their own unit."""
    third = max(len(samples) // 3, 1)
    return statistic("median", samples[-third:]) - statistic("median", samples[:third])


def spread(samples: Samples) -> float:
    """Interquartile range of the samples as a share of their median."""
    import numpy as np

    low, median, high = np.quantile(samples, (0.25, 0.5, 0.75))
    return float((high - low) / median) if median else 0.0
