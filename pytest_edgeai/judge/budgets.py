"""Budgets: one limit each, and how it is judged."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from pytest_edgeai import units
from pytest_edgeai.judge.evidence import Evidence, Metric
from pytest_edgeai.judge.statistics import required_samples, statistic
from pytest_edgeai.judge.verdict import BudgetResult, Verdict

DEFAULT_CONFIDENCE = 0.95


class Budget(ABC):
    """One limit from one marker."""

    marker: ClassVar[str]
    threads: int | None = None
    """Interpreter threads that it is judged with; None for the device's."""

    @property
    @abstractmethod
    def label(self) -> str:
        """What is limited, in a word or two."""

    @property
    @abstractmethod
    def bound(self) -> tuple[float, str]:
        """The limit and its unit, as a result has them."""

    @abstractmethod
    def judge(self, evidence: Evidence) -> BudgetResult:
        """Compare what was measured with the limit."""

    def result(
        self, measured: float | None, n: int, verdict: Verdict, reason: str, advice: str = ""
    ) -> BudgetResult:
        """What judging came to; what passed needs no advice."""
        advice = "" if verdict == "pass" else advice
        limit, unit = self.bound
        return BudgetResult(
            self.marker, self.label, limit, unit, measured, n, verdict, reason, advice,
            threads=self.threads,
        )  # fmt: skip


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
    def required_runs(self) -> int:
        """How many samples the claim needs."""
        return required_samples(self.statistic, self.confidence)

    def judge(self, evidence: Evidence) -> BudgetResult:
        if self.device is not None and self.device != evidence.device_name:
            reason = f"a budget for device {self.device!r}; this is {evidence.device_name!r}"
            return self.result(None, 0, "skipped", reason)
        samples = evidence.latency(self.threads)
        samples_ns = samples.samples_ns
        n, measured_ms = len(samples_ns), statistic(self.statistic, samples_ns) / 1e6
        if n < self.required_runs:
            reason = (
                f"only {units.count(n, 'run')}: {self.statistic} at "
                f"{units.percent(self.confidence)} confidence needs {self.required_runs}"
            )
            return self.result(measured_ms, n, "inconclusive", reason, samples.more)
        verdict: Verdict = "pass" if measured_ms <= self.limit_ms else "fail"
        reason = f"{self.statistic} of {units.count(n, 'run')}"
        return self.result(measured_ms, n, verdict, reason, _LATENCY_ADVICE)


@dataclass(frozen=True)
class SizeBudget(Budget):
    """A limit on the size of the file, in MB of 1024 * 1024 bytes."""

    marker: ClassVar[str] = "max_size_mb"
    limit_mb: float

    @property
    def label(self) -> str:
        return "size"

    @property
    def bound(self) -> tuple[float, str]:
        return self.limit_mb * units.BYTES_PER_MB, "bytes"

    def judge(self, evidence: Evidence) -> BudgetResult:
        size, (limit, _) = evidence.size_bytes, self.bound
        verdict: Verdict = "pass" if size <= limit else "fail"
        reason = f"the file has {size:,} bytes; the limit is {math.floor(limit):,}"
        advice = "make the largest layers smaller, or prune them"
        if evidence.variant in _QUARTERED_BY_INT8:
            advice = f"test the int8 variant, about a quarter of the float size, or {advice}"
        return self.result(size, 1, verdict, reason, advice)


@dataclass(frozen=True)
class AccuracyDropBudget(Budget):
    """A limit on how far a metric falls below a baseline's, absolute."""

    marker: ClassVar[str] = "max_accuracy_drop"
    limit: float
    metric: Metric = "accuracy"
    baseline: str = "converted"

    @property
    def label(self) -> str:
        return f"{metric_name(self.metric)} drop"

    @property
    def bound(self) -> tuple[float, str]:
        return self.limit, "score" if callable(self.metric) else "points"

    def judge(self, evidence: Evidence) -> BudgetResult:
        if self.baseline == evidence.variant:
            return self.result(None, 0, "skipped", f"{self.baseline} is the baseline itself")
        own, base = evidence.score(self.metric), evidence.score(self.metric, self.baseline)
        drop = base.value - own.value
        before, after = (_score_text(self.metric, score.value) for score in (base, own))
        reason = (
            f"{metric_name(self.metric)} {before} ({self.baseline}) -> {after} "
            f"on {units.count(own.samples, 'sample')}, {own.labels}"
        )
        if base.chance is not None and base.value < base.chance:
            reason += (
                ": the baseline is worse than always answering the commonest class, "
                f"{units.share(base.chance)}"
            )
            return self.result(drop, own.samples, "void", reason, _ACCURACY_ADVICE)
        verdict: Verdict = "pass" if _at_most(drop, self.limit) else "fail"
        return self.result(drop, own.samples, verdict, reason, _DROP_ADVICE)


@dataclass(frozen=True)
class MinAccuracyBudget(Budget):
    """A limit that a metric must reach."""

    marker: ClassVar[str] = "min_accuracy"
    limit: float
    metric: Metric = "accuracy"

    @property
    def label(self) -> str:
        return metric_name(self.metric)

    @property
    def bound(self) -> tuple[float, str]:
        return self.limit, "score" if callable(self.metric) else "fraction"

    def judge(self, evidence: Evidence) -> BudgetResult:
        score = evidence.score(self.metric)
        verdict: Verdict = "pass" if _at_most(self.limit, score.value) else "fail"
        reason = f"on {units.count(score.samples, 'sample')}, {score.labels}"
        return self.result(score.value, score.samples, verdict, reason, _ACCURACY_ADVICE)


_QUARTERED_BY_INT8 = ("converted", "float16")
_LATENCY_ADVICE = (
    "more threads (--edge-threads), a smaller input or model; int8 is faster on ARM, not always "
    "on x86: what counts is the board"
)
_DROP_ADVICE = (
    "calibrate with more samples like the real inputs and scaled as in training; "
    "int16x8 or quantisation-aware training where that is not enough"
)
_ACCURACY_ADVICE = (
    "check that evaluation_data is scaled as in training, and that labels match the outputs"
)


def metric_name(metric: Metric) -> str:
    """What to call a metric."""
    return metric if isinstance(metric, str) else getattr(metric, "__name__", type(metric).__name__)


def _score_text(metric: Metric, value: float) -> str:
    return units.significant(value) if callable(metric) else units.share(value)


def _at_most(value: float, limit: float) -> bool:
    """``value <= limit``, blind to the last bits that 0.92 - 0.90 leaves over 0.02."""
    return value <= limit or math.isclose(value, limit, rel_tol=1e-9, abs_tol=1e-12)
