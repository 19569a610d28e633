"""What samples of the latency can claim of a limit, however often one looks at them.

Measuring stops as soon as the samples tell on which side of the limit a statistic lies. Whoever
looks again and again at ordinary confidence intervals ends up on the wrong side too often, so the
evidence here is counted in another way: by a likelihood ratio that, where the claim is wrong,
exceeds 1 / error at any time at all with a probability of at most ``error`` (Ville's inequality;
Howard, Ramdas, McAuliffe & Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence
sequences", Annals of Statistics 49(2), 2021). ``docs/statistics.md`` has the derivation, the
assumptions and the simulated error rates.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_edgeai import units
from pytest_edgeai.judge.statistics import QUANTILES, Samples, effective_runs, statistic

MIN_EFFECTIVE = 30
"""With fewer independent runs, their autocorrelation itself is not known well enough."""
MIN_CLEAR = 25
"""The same, where the limit is many standard deviations away."""
MIN_FOR_MEAN = 100
"""What makes the mean of skewed samples close to normal."""
FAR = 3
"""A limit of so many times what was measured is far away, and of so small a part of it."""
MIN_OVER = 10
"""Runs that may show that a limit far below them does not hold."""
IN_SIGHT = 1000
"""How many times as many runs are still worth naming."""


@dataclass(frozen=True)
class Interval:
    """Where the true value lies: each end holds with the stated confidence; None if unbounded."""

    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, low: float | None, high: float | None) -> Interval:
        """An end that is not finite bounds nothing."""
        ends = [end if end is not None and math.isfinite(end) else None for end in (low, high)]
        return cls(*ends)

    def beside(self, holds: bool | None, limit: float) -> Interval:
        """The ends that lie where the decision on a limit says, which may rest on more.

        The limit is no end itself: nothing like it was measured.
        """
        low, high = self.low, self.high
        if low is not None and (low > limit) != (holds is False):
            low = None
        if high is not None and (high <= limit) != (holds is True):
            high = None
        return Interval(low, high)


class Claim(ABC):
    """That a statistic of the latency is at most a limit; samples and limits in one unit.

    Args:
        name: one of ``STATISTICS``.
        confidence: each wrong answer of ``holds`` has at most the probability 1 - confidence.
    """

    least_runs: int = MIN_EFFECTIVE
    """Fewer runs cannot support the claim, unless the limit is far away."""

    def __init__(self, name: str, confidence: float) -> None:
        self.name = name
        self.error = 1 - confidence

    @abstractmethod
    def holds(self, samples: Samples, limit: float) -> bool | None:
        """Whether the claim is true; None where the samples cannot tell."""

    def is_far(self, samples: Samples, limit: float) -> bool:
        """Whether the limit is ``FAR`` times what was measured, or even fast runs are over it so.

        There fewer runs tell, and runs that resemble each other do.
        """
        is_far_above = FAR * statistic(self.name, samples) <= limit
        return is_far_above or fastest(samples) > FAR * limit

    def decision(
        self, samples: Samples, limit: float, looks: Sequence[int] = ()
    ) -> tuple[bool | None, int]:
        """What the first look that told has told, and how many samples it had.

        Whoever goes on measuring for another budget's sake does not unlearn it: later samples may
        resemble each other so much that they tell less than the first ones. Where all samples
        together contradict it, though, nothing is decided.

        Args:
            looks: numbers of samples after which one looked; all of them are always looked at.
        """
        for n in (*looks, len(samples)):
            told = self.holds(samples[:n], limit)
            if told is not None:
                agrees = (statistic(self.name, samples) <= limit) is told
                return (told if agrees else None), n
        return None, len(samples)

    @abstractmethod
    def interval(self, samples: Samples) -> Interval:
        """The limits that ``holds`` could not tell from the true value lie between its ends."""

    @abstractmethod
    def runs_needed(self, samples: Samples, limit: float) -> int | None:
        """How many runs in all would decide, if they spread like these; None if out of sight."""

    def says(self, samples: Samples, limit: float) -> str:
        """What is known beside the interval."""
        return ""


class PercentileClaim(Claim):
    """That at most the share 1 - q of all runs takes longer than the limit.

    That is a claim on a proportion: which of the samples exceed the limit is all that counts, so
    it holds for any distribution. Samples count for as many as they are worth at the limit
    (``effective_runs``); where the limit is many standard deviations away, for as many as they are.

    Args:
        independent: whether the samples are known to be, as those of fresh processes are.
    """

    def __init__(self, name: str, confidence: float, independent: bool = False) -> None:
        super().__init__(name, confidence)
        self._quantile = QUANTILES[name]
        self._independent = independent
        # With none over the limit: half the weight is on "none ever is".
        self._none_over = math.ceil(math.log(2 / self.error) / -math.log(self._quantile))
        self._least_effective = self._none_over if independent else MIN_EFFECTIVE
        self.least_runs = max(self._least_effective, self._none_over)

    def _effective(self, samples: Samples, limit: float) -> float:
        return len(samples) if self._independent else effective_runs(samples, limit)

    def holds(self, samples: Samples, limit: float) -> bool | None:
        import numpy as np

        n, values = len(samples), np.asarray(samples)
        if not n:
            return None
        over, effective = float((values > limit).sum()), self._effective(values, limit)
        near = self._decision(over * effective / n, effective)
        if near is not None or self._independent:
            return near
        if effective < MIN_CLEAR and not self.is_far(values, limit):
            return None
        told = self._told(over, n)
        if told is None or n < (self._none_over if told else MIN_OVER):
            return None
        return told if self._is_clear(values, limit, effective, told) else None

    def _is_clear(self, samples: Samples, limit: float, effective: float, holds: bool) -> bool:
        """Whether the limit is so many standard deviations away that no distribution crosses it.

        Cantelli's inequality, with a margin for what few effective samples make of mean and
        deviation. Of a sample over a limit that holds, that it is over is all that counts; and of
        a long one over a limit that does not, that it is long.
        """
        import numpy as np

        values = np.minimum(samples, limit if holds else max(FAR * np.median(samples), limit))
        odds = self._quantile / (1 - self._quantile)
        deviations = math.sqrt(odds if holds else 1 / odds) * _margin(effective)
        gap = (limit - values.mean()) if holds else (values.mean() - limit)
        return bool(gap >= deviations * values.std())

    def interval(self, samples: Samples) -> Interval:
        """As wide as the samples' dependence at the percentile itself makes it."""
        import numpy as np

        n, ordered = len(samples), np.sort(np.asarray(samples))
        effective = self._effective(samples, statistic(self.name, samples))
        worth, counts = effective / n, range(n + 1)
        if effective < self._least_effective:
            return Interval()
        # How many samples exceed a limit that does not pass any more, and one that fails.
        passing = bisect_left(counts, True, key=lambda k: not self._is_under(k * worth, effective))
        failing = bisect_left(counts, True, key=lambda k: self._is_over(k * worth, effective))
        return Interval(
            float(ordered[n - failing]) if failing <= n else None,
            float(ordered[n - passing]) if passing else None,
        )

    def runs_needed(self, samples: Samples, limit: float) -> int | None:
        import numpy as np

        n, values = len(samples), np.asarray(samples)
        over, worth = float((values > limit).mean()), self._effective(values, limit) / n
        steps = range(n, IN_SIGHT * n, max(n // 20, 1))
        at = bisect_left(
            steps, True, key=lambda m: self._decision(over * m * worth, m * worth) is not None
        )
        return steps[at] if at < len(steps) else None

    def _decision(self, over: float, n: float) -> bool | None:
        return None if n < self._least_effective else self._told(over, n)

    def _told(self, over: float, n: float) -> bool | None:
        if self._is_under(over, n):
            return True
        return False if self._is_over(over, n) else None

    def _is_under(self, over: float, n: float) -> bool:
        return log_evidence(n - over, n, self._quantile) >= -math.log(self.error)

    def _is_over(self, over: float, n: float) -> bool:
        return log_evidence(over, n, 1 - self._quantile) >= -math.log(self.error)


def log_evidence(hits: float, n: float, share: float) -> float:
    """Log of the evidence that hits are more frequent than ``share``.

    The likelihood ratio of larger shares to ``share``, averaged: half the weight is on "all are
    hits", half is spread evenly over (share, 1). As a mean of likelihood ratios it is a
    supermartingale that begins at 1 wherever hits are in truth no more frequent than ``share``.
    """
    from scipy.special import betaincc, betaln

    misses = n - hits
    under_share = hits * math.log(share) + misses * math.log1p(-share)
    tail = float(betaincc(hits + 1, misses + 1, share))
    if tail == 0.0:
        return -math.inf
    spread = float(betaln(hits + 1, misses + 1)) + math.log(tail) - math.log1p(-share)
    if misses > 0:
        return spread - math.log(2) - under_share
    return math.log((math.exp(spread) + 1) / 2) - under_share


class MeanClaim(Claim):
    """That the mean is at most the limit.

    An asymptotic confidence sequence: as for any interval of a mean, the samples' own standard
    deviation stands for the true one, so rare and enormous outliers deceive it (Waudby-Smith,
    Arbour, Sinha, Kennedy & Ramdas, "Time-uniform central limit theory and asymptotic confidence
    sequences", Annals of Statistics 52(6), 2024, the one-sided form).

    Where the limit is far away, Cantelli's inequality tells on which side the mean of so few
    effective runs lies, whatever their distribution, as long as their standard deviation tells
    anything.
    """

    least_runs = MIN_FOR_MEAN

    def holds(self, samples: Samples, limit: float) -> bool | None:
        found = self.interval(samples)
        if found.high is not None and found.high <= limit:
            return True
        if found.low is not None and found.low > limit:
            return False
        return self._of_far_limit(samples, limit) if self.is_far(samples, limit) else None

    def _of_far_limit(self, samples: Samples, limit: float) -> bool | None:
        """What they tell by Cantelli's inequality; long runs only add to a mean over the limit."""
        import numpy as np

        values, effective = np.asarray(samples, float), effective_runs(samples)
        holds = float(values.mean()) <= limit
        if len(values) < (MIN_FOR_MEAN if holds else MIN_OVER):
            return None
        if not holds:
            values = np.minimum(values, max(FAR * np.median(values), limit))
        deviations = math.sqrt((1 - self.error) / self.error / effective) * _margin(effective)
        return holds if abs(limit - values.mean()) >= deviations * values.std() else None

    def interval(self, samples: Samples) -> Interval:
        import numpy as np

        values, n = np.asarray(samples, float), effective_runs(samples)
        if n < MIN_FOR_MEAN:
            return Interval()
        mean, half = float(values.mean()), self._half_width(float(values.std(ddof=1)), n)
        return Interval(mean - half if mean > half else None, mean + half)

    def runs_needed(self, samples: Samples, limit: float) -> int | None:
        import numpy as np

        values = np.asarray(samples, float)
        n, worth = len(values), effective_runs(values) / len(values)
        deviation, gap = float(values.std(ddof=1)), abs(limit - float(values.mean()))
        steps = range(n, IN_SIGHT * n, max(n // 20, 1))
        at = bisect_left(
            steps,
            True,
            key=lambda m: (
                m * worth >= MIN_FOR_MEAN and self._half_width(deviation, m * worth) <= gap
            ),
        )
        return steps[at] if at < len(steps) else None

    def _half_width(self, deviation: float, n: float) -> float:
        """Narrowest at about 100 independent runs."""
        twice = -2 * math.log(2 * self.error)
        rho_squared = (twice + math.log(max(twice, 1.0)) + 1) / 100
        scaled = n * rho_squared + 1
        bound = math.log1p(math.sqrt(scaled) / (2 * self.error))
        return deviation * math.sqrt(2 * scaled / (n * n * rho_squared) * bound)


class MaxClaim(Claim):
    """That none of the runs made took longer than the limit.

    No number of runs bounds the longest of those to come. What none over the limit does bound is
    how many will be.
    """

    def holds(self, samples: Samples, limit: float) -> bool | None:
        if statistic("max", samples) > limit:
            return False
        return True if len(samples) >= self.least_runs else None

    def interval(self, samples: Samples) -> Interval:
        return Interval(statistic("max", samples), None)

    def runs_needed(self, samples: Samples, limit: float) -> int | None:
        return self.least_runs

    def says(self, samples: Samples, limit: float) -> str:
        if statistic("max", samples) > limit:
            return ""
        share = -math.expm1(math.log(self.error) / effective_runs(samples))
        return f"so fewer than {units.share(share)} of all runs are over the limit"


def fastest(samples: Samples) -> float:
    """What nineteen of twenty runs take at least."""
    import numpy as np

    return float(np.quantile(samples, 0.05))


def _margin(effective: float) -> float:
    """By how much few effective samples may have a deviation that is too small."""
    return 1 + 3 / math.sqrt(effective)


def claim(name: str, confidence: float) -> Claim:
    """The claim that one of ``STATISTICS`` makes."""
    kind = {"mean": MeanClaim, "max": MaxClaim}.get(name, PercentileClaim)
    return kind(name, confidence)
