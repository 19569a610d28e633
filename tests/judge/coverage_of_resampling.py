"""How often the bootstrap interval of an AUC, and of a drop of one, misses the truth.

``python coverage_of_resampling.py`` writes the table of docs/statistics.md. Scores are normal, and
higher by a fixed distance for samples of the second class, so that the true AUC is known: the
normal distribution function of distance / sqrt(2).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import norm

from pytest_edgeai.judge.paired import resampled_interval
from pytest_edgeai.measure.ranking import roc_auc

BASE, OWN = 1.8, 1.5
"""Distances of the two classes in the baseline's scores, and in the model's."""
CORRELATION = 0.9
"""Of the two models' scores within a class."""
CONFIDENCE = 0.95
TRUE_AUC = float(norm.cdf(OWN / np.sqrt(2)))
TRUE_DROP = float(norm.cdf(BASE / np.sqrt(2))) - TRUE_AUC


class Misses(NamedTuple):
    """Shares of data sets whose interval ends below the truth, or begins above it."""

    below: float
    above: float


def drawn(n: int, random: np.random.Generator) -> tuple[Any, Any, Any]:
    """Labels, a third of them of the second class, and scores of both models."""
    labels = np.arange(n) % 3 == 0
    common, first, second = random.normal(size=(3, n))
    shared, apart = np.sqrt(CORRELATION), np.sqrt(1 - CORRELATION)
    base, own = shared * common + apart * first, shared * common + apart * second
    return labels, base + BASE * labels, own + OWN * labels


def misses(n: int, runs: int, of_drop: bool, seed: int = 0) -> Misses:
    """How often each end misses, in ``runs`` simulated data sets of ``n`` samples."""
    truth = TRUE_DROP if of_drop else TRUE_AUC
    ends = list(_intervals(n, runs, of_drop, seed))
    return Misses(
        sum(high < truth for _, high in ends) / runs, sum(low > truth for low, _ in ends) / runs
    )


def _intervals(n: int, runs: int, of_drop: bool, seed: int) -> Iterator[tuple[float, float]]:
    random = np.random.default_rng(seed)
    for _ in range(runs):
        labels, base_scores, own_scores = drawn(n, random)
        of_base, of_own = roc_auc(labels, base_scores), roc_auc(labels, own_scores)

        def value(at: Any, of_base: Any = of_base, of_own: Any = of_own) -> float:
            weights = np.bincount(at, minlength=n)
            return float(of_base(weights) - of_own(weights) if of_drop else of_own(weights))

        found = resampled_interval(value, labels, CONFIDENCE)
        assert found.low is not None
        assert found.high is not None
        yield found.low, found.high


if __name__ == "__main__":
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    print(
        "| samples | AUC, below | AUC, above | drop, below | drop, above |\n|---|---|---|---|---|"
    )
    for n in (30, 60, 120, 300, 1000):
        found = (*misses(n, runs, of_drop=False), *misses(n, runs, of_drop=True))
        print(f"| {n:,} | {' | '.join(f'{share:.1%}' for share in found)} |", flush=True)
