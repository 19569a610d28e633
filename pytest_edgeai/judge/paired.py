"""Two models on the same samples: what the difference of their scores rests on.

The models answer alike on most samples; only the discordant ones, where one is right and the other
wrong, tell them apart. Intervals of two separate proportions would throw that away.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_edgeai.judge.claims import Interval

if TYPE_CHECKING:
    import numpy as np

RESAMPLES = 999
SEED = 20_240_229

Indices = Any
"""Array of sample indices."""
Strata = Any
"""Array of whole numbers, one for each sample."""


class Discordant(NamedTuple):
    """Samples that the baseline alone (``lost``) or the model alone (``gained``) has right."""

    lost: np.ndarray[Any, np.dtype[np.int64]]
    gained: np.ndarray[Any, np.dtype[np.int64]]

    @property
    def p_value(self) -> float:
        """Of McNemar's test, see ``mcnemar``."""
        return mcnemar(len(self.lost), len(self.gained))


def discordant(base_hits: Any, own_hits: Any) -> Discordant:
    """The samples on which two models differ in being right; bool arrays of shape (N,)."""
    import numpy as np

    return Discordant(np.flatnonzero(base_hits & ~own_hits), np.flatnonzero(own_hits & ~base_hits))


def mcnemar(lost: int, gained: int) -> float:
    """The two-sided p-value of McNemar's exact conditional test; 1 without discordant pairs."""
    from scipy.stats import binomtest

    return float(binomtest(lost, lost + gained).pvalue) if lost + gained else 1.0


def drop_interval(lost: int, gained: int, n: int, confidence: float) -> Interval:
    """Tango's score interval of the drop (lost - gained) / n; each end holds with ``confidence``.

    Source: Tango, "Equivalence test and confidence interval for the difference in proportions for
    the paired-sample design", Statistics in Medicine 17(8), 1998.
    """
    from scipy.optimize import brentq
    from scipy.stats import norm

    z, drop = float(norm.ppf(confidence)), (lost - gained) / n

    def distance(difference: float, sign: int) -> float:
        return _score(lost, gained, n, difference) - sign * z

    low = -1.0 if drop == -1 else brentq(distance, -1.0, drop, args=(1,))
    high = 1.0 if drop == 1 else brentq(distance, drop, 1.0, args=(-1,))
    return Interval(float(low), float(high))


def _score(lost: int, gained: int, n: int, difference: float) -> float:
    """How many standard errors the observed drop lies above a supposed one."""
    gap = lost - gained - n * difference
    if gap == 0:
        return 0.0
    linear = (2 * n - lost + gained) * difference - lost - gained
    constant = -gained * difference * (1 - difference)
    only_own = (math.sqrt(max(linear**2 - 8 * n * constant, 0.0)) - linear) / (4 * n)
    variance = n * (2 * only_own + difference * (1 - difference))
    return gap / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, gap)


def share_interval(hits: int, n: int, confidence: float) -> Interval:
    """Clopper and Pearson's exact interval of a share; each end holds with ``confidence``."""
    from scipy.stats import binomtest

    found = binomtest(hits, n).proportion_ci(2 * confidence - 1, method="exact")
    return Interval(float(found.low), float(found.high))


def resampled_interval(
    value: Callable[[Indices], float], strata: Strata, confidence: float
) -> Interval:
    """Percentile bootstrap over samples, seeded, for what is no proportion.

    The value of a resample is computed from indices into all samples, so that two models see the
    same ones (Efron & Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13). Samples
    are drawn within each stratum: a resample without one of the classes has no ROC curve (Robin et
    al., "pROC: an open-source package for R and S+ to analyze and compare ROC curves", BMC
    Bioinformatics 12:77, 2011). The value of the samples themselves is always in the interval:
    where samples that count twice make a metric better, as with the average precision of few
    boxes, all resamples may be better. Nothing is claimed where the value is not defined (NaN) on
    more resamples than may lie beyond an end.

    Args:
        strata: a number for each of the samples; equal ones are drawn together.
    """
    import numpy as np

    random = np.random.default_rng(SEED)
    groups = [np.flatnonzero(strata == number) for number in np.unique(strata)]
    values = [
        value(np.concatenate([random.choice(group, len(group)) for group in groups]))
        for _ in range(RESAMPLES)
    ]
    if np.isnan(values).mean() > 1 - confidence:
        return Interval()
    ends = np.nanquantile(values, (1 - confidence, confidence))
    itself = value(np.arange(len(strata)))
    return Interval.of(float(min(*ends, itself)), float(max(*ends, itself)))
