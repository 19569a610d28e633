"""Budgets of latency."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

from pytest_edgeai import units
from pytest_edgeai.errors import UsageError
from pytest_edgeai.judge.budget import DEFAULT_CONFIDENCE, Budget
from pytest_edgeai.judge.claims import Claim, Interval, claim, fastest
from pytest_edgeai.judge.conditions import Disturbance, disturbance, drifted
from pytest_edgeai.judge.evidence import Evidence, LatencySamples
from pytest_edgeai.judge.requirements import require_number, require_timing
from pytest_edgeai.judge.statistics import (
    STATISTICS,
    Samples,
    drift,
    effective_runs,
    statistic,
)
from pytest_edgeai.judge.verdict import BudgetResult, Verdict

HOPELESS = 2
"""Others are not why the fastest twentieth of the runs takes so many times the limit."""
_IN_INTEGERS = ("int8", "int16x8")
_INT8 = "; int8 is faster on ARM, not always on x86: what counts is the board"


class Judged(NamedTuple):
    """A statistic of latency against a limit, in milliseconds or in runs per second."""

    measured: float
    interval: Interval
    verdict: Verdict
    reason: str
    advice: str


@dataclass(frozen=True)
class LatencyBudget(Budget):
    """A limit on a statistic of the latency, in milliseconds."""

    marker: ClassVar[str] = "max_latency_ms"
    statistic: str
    limit_ms: float
    confidence: float = DEFAULT_CONFIDENCE
    threads: int | None = None
    device: str | None = None

    @property
    def label(self) -> str:
        return self.statistic

    @property
    def bound(self) -> tuple[float, str]:
        return self.limit_ms, "ms"

    @property
    def is_performance(self) -> bool:
        return True

    @cached_property
    def claim(self) -> Claim:
        """What the samples must support."""
        return claim(self.statistic, self.confidence)

    @property
    def least_runs(self) -> int:
        return self.claim.least_runs

    def needs_latency(self, device_name: str) -> bool:
        return self.is_for(device_name)

    def is_decided(self, samples: LatencySamples, evidence: Evidence) -> bool:
        return self.claim.holds(samples.ms, self.limit_ms) is not None

    def is_far(self, samples: LatencySamples, evidence: Evidence) -> bool:
        return self.claim.is_far(samples.ms, self.limit_ms)

    def spoilt(self, samples: LatencySamples, evidence: Evidence) -> Disturbance | None:
        return spoils(samples, self.claim, self.limit_ms)

    def judge(self, evidence: Evidence) -> BudgetResult:
        if not self.is_for(evidence.device_name):
            return self.elsewhere(evidence.device_name)
        samples = evidence.latency(self.threads)
        found = judged(samples, self.claim, self.limit_ms, self.bound[1])
        is_slow = found.verdict == "fail"
        return self.result(
            found.measured,
            len(samples.ms),
            found.verdict,
            found.reason,
            too_slow(evidence.variant, samples.conditions) if is_slow else found.advice,
            found.interval,
        )


@dataclass(frozen=True)
class ThroughputBudget(LatencyBudget):
    """A least number of runs per second, one after the other: a limit on the mean latency."""

    marker: ClassVar[str] = "min_throughput"

    @property
    def label(self) -> str:
        return "throughput"

    @property
    def bound(self) -> tuple[float, str]:
        return _in_unit(self.limit_ms, "per_second"), "per_second"


def judged(
    samples: LatencySamples,
    claimed: Claim,
    limit_ms: float,
    unit: str = "ms",
    is_steady: bool = True,
) -> Judged:
    """Judge samples by a claim, and by the conditions that they were taken under.

    Args:
        unit: "ms", or "per_second" for what is shown as runs per second.
        is_steady: whether heat and drift spoil it; not where they are looked for.
    """
    times = samples.ms
    holds, told_at = claimed.decision(times, limit_ms, samples.looks)
    measured = _in_unit(statistic(claimed.name, times), unit)
    in_ms = claimed.interval(times[:told_at]).beside(holds, limit_ms)
    interval = _interval_in_unit(in_ms, unit)
    spoilt = _spoilt(samples, claimed, limit_ms, lambda: holds, is_steady)
    if spoilt is not None:
        again = ", in a second run as well" if samples.conditions.get("first_void") else ""
        reason = f"{spoilt.reason}{again}"
        return Judged(measured, interval, "void", reason, spoilt.advice)
    if holds is None:
        reason, advice = _undecided(samples, claimed, limit_ms, in_ms, unit)
        return Judged(measured, interval, "inconclusive", reason, advice)
    reason = f"{claimed.name} of {units.count(len(times), 'run')}"
    sure = _bound_text(claimed, interval, holds, unit)
    more = claimed.says(times, limit_ms)
    reason = ", ".join(filter(None, (reason, sure, more)))
    if holds:
        return Judged(measured, interval, "pass", reason, "")
    return Judged(measured, interval, "fail", reason, too_slow("", samples.conditions))


def too_slow(variant: str, conditions: Mapping[str, Any]) -> str:
    """What may make a model faster that is not all of it already."""
    threads, cores = conditions.get("threads") or 1, conditions.get("cores")
    more = "" if cores and threads >= cores else "more threads (--edge-threads), "
    return f"{more}a smaller input or model{'' if variant in _IN_INTEGERS else _INT8}"


def spoils(samples: LatencySamples, claimed: Claim, limit_ms: float) -> Disturbance | None:
    """What makes the samples void for a claim, if anything does."""

    def decide() -> bool | None:
        return claimed.decision(samples.ms, limit_ms, samples.looks)[0]

    return _spoilt(samples, claimed, limit_ms, decide)


def _in_unit(ms: float, unit: str) -> float:
    """A time, or how many of that length there are in a second."""
    if unit == "ms":
        return ms
    return 1e3 / ms if ms > 0 else math.inf


def _interval_in_unit(interval: Interval, unit: str) -> Interval:
    """The longest times are the fewest in a second."""
    if unit == "ms":
        return interval
    ends = [None if ms is None else _in_unit(ms, unit) for ms in (interval.high, interval.low)]
    return Interval.of(*ends)


def _spoilt(
    samples: LatencySamples,
    claimed: Claim,
    limit_ms: float,
    decide: Callable[[], bool | None],
    is_steady: bool = True,
) -> Disturbance | None:
    """What makes the samples void, by the decision where that has a say: it takes a while."""
    times, spoilt = samples.ms, disturbance(samples.conditions, by_heat=is_steady)
    if spoilt is not None:
        is_their_fault = may_be_their_fault(times, claimed, limit_ms, decide())
        spoilt = disturbance(samples.conditions, is_their_fault, by_heat=is_steady)
    if spoilt is not None or not is_steady:
        return spoilt
    return drifted(
        statistic(claimed.name, times), limit_ms, drift(times), statistic("median", times)
    )


def may_be_their_fault(times: Samples, claimed: Claim, limit: float, holds: bool | None) -> bool:
    """Whether work of others, which can only slow runs down, may be why a limit does not hold.

    They are not why even the fastest runs take twice the limit.
    """
    is_short = holds is None and len(times) < claimed.least_runs
    return not (holds or is_short or (holds is False and is_hopeless(times, limit)))


def is_hopeless(times: Samples, limit: float) -> bool:
    """Whether even the fastest twentieth takes too long for others to be why."""
    return fastest(times) > HOPELESS * limit


def _bound_text(claimed: Claim, interval: Interval, holds: bool, unit: str) -> str:
    """The end that lies between what was measured and the limit; else the limit itself."""
    if claimed.name == "max":
        return ""
    is_under = holds == (unit == "ms")
    bound, words = (interval.high, "at most") if is_under else (interval.low, "at least")
    where = "within" if holds else "beyond"
    told = f"{where} the limit" if bound is None else f"{words} {units.value_text(bound, unit)}"
    return f"{told} with {units.confidence(1 - claimed.error)} confidence"


def _undecided(
    samples: LatencySamples, claimed: Claim, limit_ms: float, interval: Interval, unit: str
) -> tuple[str, str]:
    """Why the samples cannot tell, and what would."""
    times, sure = samples.ms, units.confidence(1 - claimed.error)
    n, name, worth = len(times), claimed.name, effective_runs(times, limit_ms)
    runs = units.count(n, "run")
    if n < claimed.least_runs:
        reason = f"only {runs}: {name} at {sure} confidence needs {claimed.least_runs}"
    elif interval == Interval():
        reason = (
            f"{runs} were made, but they resemble each other and tell no more than "
            f"{units.significant(worth, 2)} independent ones: too few for {name} at {sure} "
            "confidence"
        )
    else:
        shown = _interval_in_unit(interval, unit)
        where = units.interval(shown.low, shown.high, unit, "between {} and {}")
        reason = f"{name} of {runs} is {where} with {sure} confidence: the limit lies in between"
        if None in (interval.low, interval.high):
            reason = (
                f"with {sure} confidence {name} of {runs} is {where}: on which side of the limit "
                "is not told"
            )
    mean_s = statistic("mean", times) / 1e3
    if n < claimed.least_runs:  # too few to know their spread
        more = claimed.least_runs - n
        takes = units.seconds(more * mean_s)
        return reason, f"{samples.more}: at least {units.count(more, 'more run')}, {takes}"
    needed = claimed.runs_needed(times, limit_ms)
    if needed is None:
        return reason, "a limit further away: no number of runs in sight tells at today's spread"
    more = max(needed - n, 1)
    takes = units.seconds(more * mean_s)
    text = f"{samples.more}: about {units.count(more, 'more run')}, {takes}, would decide this"
    return reason, f"{text} at today's spread"


def max_latency_ms(
    *,
    mean: float | None = None,
    median: float | None = None,
    p90: float | None = None,
    p95: float | None = None,
    p99: float | None = None,
    max: float | None = None,
    confidence: float | None = None,
    threads: int | None = None,
    device: str | None = None,
) -> tuple[Budget, ...]:
    """Latency of one inference, in milliseconds: set_tensor and invoke, timed on the device.

    Args:
        mean, median, p90, p95, p99, max: limits; at least one. ``max`` is of the runs that were
            made: nothing bounds those to come.
        confidence: of the verdict (default 0.95); measuring goes on until it is reached.
        threads: interpreter threads for this budget (default: the device's).
        device: judge this budget on that device only.
    """
    limits = dict(zip(STATISTICS, (mean, median, p90, p95, p99, max), strict=True))
    given = {name: limit for name, limit in limits.items() if limit is not None}
    if not given:
        raise UsageError(f"no limit given: one of {', '.join(STATISTICS)}")
    for name, limit in given.items():
        require_number(name, limit, above=0.0)
    require_timing(confidence, threads, device)
    return tuple(
        LatencyBudget(name, float(limit), confidence or DEFAULT_CONFIDENCE, threads, device)
        for name, limit in given.items()
    )


def min_throughput(
    per_second: float,
    *,
    confidence: float | None = None,
    threads: int | None = None,
    device: str | None = None,
) -> tuple[Budget, ...]:
    """Inferences per second, one after the other, in steady state: 1 / mean latency.

    Args:
        per_second: the limit.
        confidence, threads, device: as for ``max_latency_ms``.
    """
    require_number("per_second", per_second, above=0.0)
    require_timing(confidence, threads, device)
    sure = confidence or DEFAULT_CONFIDENCE
    return (ThroughputBudget("mean", 1e3 / float(per_second), sure, threads, device),)
