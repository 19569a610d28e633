"""Budgets of what a model's answers must reach."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from pytest_edgeai import units
from pytest_edgeai.judge.budget import DEFAULT_CONFIDENCE, Budget, at_most
from pytest_edgeai.judge.causes import AS_ABOVE
from pytest_edgeai.judge.claims import IN_SIGHT, Interval
from pytest_edgeai.judge.evidence import Evidence, Score
from pytest_edgeai.judge.metrics import ACCURACY, Metric, MetricLike, metric_of
from pytest_edgeai.judge.paired import resampled_interval, share_interval
from pytest_edgeai.judge.requirements import require_confidence
from pytest_edgeai.judge.verdict import BudgetResult, Verdict

MORE_SAMPLES = "more evaluation samples, or a limit that is not so near"
CHECK_DATA = (
    "check that evaluation_data is scaled as in training, and that labels match the outputs"
)


@dataclass(frozen=True)
class MetricBudget(Budget):
    """A limit on a metric; with a confidence it is judged by an interval."""

    limit: float
    metric: Metric = ACCURACY
    confidence: float | None = None

    @property
    def needs_data(self) -> bool:
        return True

    @property
    def sure(self) -> float:
        """The confidence of the interval that is shown."""
        return self.confidence or DEFAULT_CONFIDENCE

    def text(self, value: float) -> str:
        """The metric's value."""
        return units.share(value) if self.metric.is_share else units.significant(value)

    def between(self, what: str, interval: Interval) -> tuple[str, ...]:
        """Where the value would be on other samples, in a sentence; none if that is not known."""
        where = units.interval(interval.low, interval.high, self.bound[1], "between {} and {}")
        if not where:
            return ()
        sure = units.confidence(self.sure)
        return (f"on other samples of the same kind {what} is {where} ({sure} each way)",)


@dataclass(frozen=True)
class MinAccuracyBudget(MetricBudget):
    """A limit that a metric must reach; one that it must keep within, where lower is better."""

    marker: ClassVar[str] = "min_accuracy"

    @property
    def label(self) -> str:
        return self.metric.name

    @property
    def bound(self) -> tuple[float, str]:
        return self.limit, "fraction" if self.metric.is_share else "score"

    @property
    def is_floor(self) -> bool:
        return self.metric.higher_is_better

    def judge(self, evidence: Evidence) -> BudgetResult:
        score = evidence.score(self.metric)
        reason = f"on {units.count(score.samples, 'sample')}, {score.labels}"
        interval = self._interval(score)
        verdict = self._verdict(score.value, interval)
        details, advice = self.between(self.label, interval), ""
        if verdict == "inconclusive":
            advice = self._more_samples(score)
        elif verdict == "fail":
            suspected = evidence.suspicions(self.metric)
            details += suspected
            advice = AS_ABOVE if suspected else CHECK_DATA
        elif score.chance is not None and self._holds(score.chance):
            advice = (
                f"one answer to everything would hold the limit, too: {self.text(score.chance)}"
            )
        return self.result(score.value, score.samples, verdict, reason, advice, interval, details)

    def _verdict(self, value: float, interval: Interval) -> Verdict:
        """By the number on a fixed data set; with a confidence by the interval."""
        if self.confidence is None:
            return "pass" if self._holds(value) else "fail"
        ends = (interval.low, interval.high) if self.is_floor else (interval.high, interval.low)
        worst, best = ends
        if worst is not None and self._holds(worst):
            return "pass"
        return "fail" if best is not None and not self._holds(best) else "inconclusive"

    def _holds(self, value: float) -> bool:
        return at_most(self.limit, value) if self.is_floor else at_most(value, self.limit)

    def _interval(self, score: Score) -> Interval:
        """Of what is no share of hits only where it is judged: it takes a thousand calls."""
        if score.hits is not None:
            return share_interval(int(score.hits.sum()), score.samples, self.sure)
        if self.confidence is None or score.resampled is None:
            return Interval()
        return resampled_interval(score.resampled, score.kept_proportions, self.sure)

    def _more_samples(self, score: Score) -> str:
        if score.hits is None or self.confidence is None:
            return MORE_SAMPLES
        hits, n, sure = int(score.hits.sum()), score.samples, self.confidence
        return samples_advice(
            n, self.limit, lambda times: share_interval(hits * times, n * times, sure)
        )


def samples_advice(n: int, limit: float, interval: Callable[[int], Interval]) -> str:
    """How many times the samples would be enough, if they came out like these."""
    times = 2
    while times <= IN_SIGHT:
        found = interval(times)
        assert found.low is not None
        assert found.high is not None
        if not found.low <= limit <= found.high:
            more = units.count(times * n, "evaluation sample")
            return f"about {more} would decide this, if they came out like these"
        times *= 2
    return "a limit further away: no number of samples in sight tells"


def min_accuracy(
    limit: float,
    *,
    metric: MetricLike = "accuracy",
    ignore_label: int | None = None,
    confidence: float | None = None,
) -> tuple[Budget, ...]:
    """What a metric on ``evaluation_data`` must reach; at most, where lower is better.

    Args:
        limit: in the metric's unit; a fraction for accuracies, 0.9 is 90 %.
        metric: a name of ``judge.metrics.NAMES``, any ``(labels, predictions) -> float`` where
            higher is better, or a ``Metric``.
        ignore_label: with ``mean_iou``, the label of pixels that do not count, such as 255.
        confidence: judge the interval that holds with this confidence, as if the samples were
            drawn anew; without it, the number on this data set is judged.
    """
    known = metric_of(metric, ignore_label)
    known.require_limit(limit)
    require_confidence(confidence)
    return (MinAccuracyBudget(float(limit), known, confidence),)
