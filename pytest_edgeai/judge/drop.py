"""Budgets of how much worse a model answers than another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pytest_edgeai import units
from pytest_edgeai.judge.accuracy import CHECK_DATA, MORE_SAMPLES, MetricBudget, samples_advice
from pytest_edgeai.judge.budget import Budget, at_most
from pytest_edgeai.judge.causes import AS_ABOVE, by_variant, causes
from pytest_edgeai.judge.claims import Interval
from pytest_edgeai.judge.evidence import BASELINES, Evidence, Score
from pytest_edgeai.judge.flips import Flips, flips
from pytest_edgeai.judge.metrics import MetricLike, metric_of
from pytest_edgeai.judge.paired import drop_interval, resampled_interval
from pytest_edgeai.judge.requirements import require_confidence, require_one_of
from pytest_edgeai.judge.verdict import BudgetResult, Verdict


@dataclass(frozen=True)
class AccuracyDropBudget(MetricBudget):
    """A limit on how much worse a metric is than a baseline's, absolute."""

    marker: ClassVar[str] = "max_accuracy_drop"
    baseline: str = "converted"

    @property
    def label(self) -> str:
        return f"{self.metric.name} {'drop' if self.metric.higher_is_better else 'rise'}"

    @property
    def bound(self) -> tuple[float, str]:
        return self.limit, "points" if self.metric.is_share else "score"

    def judge(self, evidence: Evidence) -> BudgetResult:
        if self.baseline == evidence.variant:
            return self.result(None, 0, "skipped", f"{self.baseline} is the baseline itself")
        own, base = evidence.score(self.metric), evidence.score(self.metric, self.baseline)
        drop = self.metric.worsening(base.value, own.value)
        reason = (
            f"{self.metric.name} {self.text(base.value)} ({self.baseline}) -> "
            f"{self.text(own.value)} on {units.count(own.samples, 'sample')}, {own.labels}"
        )
        if base.chance is not None and self._is_worthless(base.value, base.chance):
            reason += (
                f": the baseline is no better than one answer to everything, "
                f"{self.text(base.chance)}"
            )
            details = evidence.suspicions(self.metric)
            advice = AS_ABOVE if details else CHECK_DATA
            return self.result(drop, own.samples, "void", reason, advice, details=details)
        flipped = flips(base, own)
        interval = self._interval(own, base, flipped)
        verdict, advice = self._verdict(drop, interval), ""
        details = self._details(flipped, interval, verdict)
        data = flipped.as_dict() if flipped else {}
        if verdict == "inconclusive":
            advice = self._more_samples(flipped, own)
        elif verdict == "fail":
            why = causes(
                evidence,
                self.baseline,
                data.get("lost", []),
                own.samples,
                advice=by_variant(evidence.variant),
                metric=self.metric,
            )
            details, data, advice = (*details, *why.details), {**data, **why.data}, why.advice
        return self.result(drop, own.samples, verdict, reason, advice, interval, details, data=data)

    def _is_worthless(self, value: float, chance: float) -> bool:
        return at_most(0.0, self.metric.worsening(chance, value))

    def _details(
        self, flipped: Flips | None, interval: Interval, verdict: Verdict
    ) -> tuple[str, ...]:
        between = self.between(f"the {self.label.rpartition(' ')[2]}", interval)
        if flipped is None:
            return between
        counted = (flipped.text,) if self.metric.k is not None else ()
        return (*counted, *between, *(flipped.described() if verdict != "pass" else ()))

    def _verdict(self, drop: float, interval: Interval) -> Verdict:
        """By the number on a fixed data set; with a confidence by the interval."""
        if self.confidence is None:
            return "pass" if at_most(drop, self.limit) else "fail"
        if interval.high is not None and at_most(interval.high, self.limit):
            return "pass"
        if interval.low is not None and not at_most(interval.low, self.limit):
            return "fail"
        return "inconclusive"

    def _interval(self, own: Score, base: Score, flipped: Flips | None) -> Interval:
        """Of what is no share of hits only where it is judged: it takes a thousand calls."""
        if flipped is not None and own.hits is not None:
            lost, gained = flipped.counts
            return drop_interval(lost, gained, own.samples, self.sure)
        of_own, of_base = own.resampled, base.resampled
        if self.confidence is None or of_own is None or of_base is None:
            return Interval()
        return resampled_interval(
            lambda at: self.metric.worsening(of_base(at), of_own(at)),
            own.kept_proportions,
            self.sure,
        )

    def _more_samples(self, flipped: Flips | None, own: Score) -> str:
        if flipped is None or own.hits is None or self.confidence is None:
            return MORE_SAMPLES
        (lost, gained), n, sure = flipped.counts, own.samples, self.confidence
        return samples_advice(
            n,
            self.limit,
            lambda times: drop_interval(lost * times, gained * times, n * times, sure),
        )


def max_accuracy_drop(
    limit: float,
    *,
    metric: MetricLike = "accuracy",
    ignore_label: int | None = None,
    baseline: str = "converted",
    confidence: float | None = None,
) -> tuple[Budget, ...]:
    """How much worse than the baseline's a metric on ``evaluation_data`` may be, absolute.

    Args:
        limit: in the metric's unit; a fraction for accuracies, 0.02 is two percentage points.
        metric: a name of ``judge.metrics.NAMES``, any ``(labels, predictions) -> float`` where
            higher is better, or a ``Metric``.
        ignore_label: with ``mean_iou``, the label of pixels that do not count, such as 255.
        baseline: a variant, or ``"source"`` for the Keras model itself.
        confidence: judge the interval that holds with this confidence, as if the samples were
            drawn anew; without it, the number on this data set is judged.
    """
    known = metric_of(metric, ignore_label)
    known.require_drop(limit)
    require_confidence(confidence)
    require_one_of("baseline", baseline, BASELINES)
    return (AccuracyDropBudget(float(limit), known, confidence, baseline),)
