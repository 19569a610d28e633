"""Budgets of what a model answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from pytest_edgeai import units
from pytest_edgeai.judge.budget import DEFAULT_CONFIDENCE, Budget, at_most
from pytest_edgeai.judge.claims import IN_SIGHT, Interval
from pytest_edgeai.judge.evidence import BASELINES, Evidence, Metric, Score
from pytest_edgeai.judge.layers import where_it_goes_wrong
from pytest_edgeai.judge.paired import (
    Discordant,
    discordant,
    drop_interval,
    resampled_interval,
    share_interval,
)
from pytest_edgeai.judge.requirements import (
    require_confidence,
    require_metric,
    require_number,
    require_one_of,
)
from pytest_edgeai.judge.verdict import BudgetResult, Verdict

MOST_CLASSES = 3
MOST_SAMPLES = 5
DROP_ADVICE = (
    "calibrate with more samples like the real inputs and scaled as in training; "
    "int16x8 or quantisation-aware training where that is not enough"
)
_ACCURACY_ADVICE = (
    "check that evaluation_data is scaled as in training, and that labels match the outputs"
)


@dataclass(frozen=True)
class _MetricBudget(Budget):
    """A limit on a metric; with a confidence it is judged by an interval."""

    limit: float
    metric: Metric = "accuracy"
    confidence: float | None = None

    @property
    def needs_data(self) -> bool:
        return True

    @property
    def sure(self) -> float:
        """The confidence of the interval that is shown."""
        return self.confidence or DEFAULT_CONFIDENCE


@dataclass(frozen=True)
class AccuracyDropBudget(_MetricBudget):
    """A limit on how far a metric falls below a baseline's, absolute."""

    marker: ClassVar[str] = "max_accuracy_drop"
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
        interval, pairs = self._interval(own, base), pairs_of(base, own)
        verdict = self._verdict(drop, interval)
        details = [] if pairs is None else [_pairs_text(pairs)]
        if interval.low is not None and interval.high is not None:
            details.append(_between("the drop", interval, self.bound[1], self.sure))
        if pairs is not None and verdict != "pass":
            details += changes(pairs, base, own)
        advice = ""
        data: dict[str, Any] = {}
        if verdict == "inconclusive":
            advice = self._more_samples(pairs, own.samples)
        elif verdict == "fail":
            advice = DROP_ADVICE
            lost = [] if pairs is None else pairs.lost.tolist()
            where, data = where_it_goes_wrong(evidence, self.baseline, lost, own.samples)
            details += where
        n, told = own.samples, tuple(details)
        return self.result(drop, n, verdict, reason, advice, interval, told, data=data)

    def _verdict(self, drop: float, interval: Interval) -> Verdict:
        """By the number on a fixed data set; with a confidence by the interval."""
        if self.confidence is None:
            return "pass" if at_most(drop, self.limit) else "fail"
        if interval.high is not None and at_most(interval.high, self.limit):
            return "pass"
        if interval.low is not None and not at_most(interval.low, self.limit):
            return "fail"
        return "inconclusive"

    def _interval(self, own: Score, base: Score) -> Interval:
        """Of a callable metric only where it is judged: it takes a thousand calls."""
        pairs = pairs_of(base, own)
        if pairs is not None:
            return drop_interval(len(pairs.lost), len(pairs.gained), own.samples, self.sure)
        of_own, of_base = own.resampled, base.resampled
        if self.confidence is None or of_own is None or of_base is None:
            return Interval()
        return resampled_interval(lambda at: of_base(at) - of_own(at), own.samples, self.sure)

    def _more_samples(self, pairs: Discordant | None, n: int) -> str:
        if pairs is None or self.confidence is None:
            return "more evaluation samples, or a limit that is not so near"
        lost, gained, sure = len(pairs.lost), len(pairs.gained), self.confidence
        return _samples_advice(
            n,
            self.limit,
            lambda times: drop_interval(lost * times, gained * times, n * times, sure),
        )


@dataclass(frozen=True)
class MinAccuracyBudget(_MetricBudget):
    """A limit that a metric must reach."""

    marker: ClassVar[str] = "min_accuracy"

    @property
    def label(self) -> str:
        return metric_name(self.metric)

    @property
    def bound(self) -> tuple[float, str]:
        return self.limit, "score" if callable(self.metric) else "fraction"

    def judge(self, evidence: Evidence) -> BudgetResult:
        score = evidence.score(self.metric)
        reason = f"on {units.count(score.samples, 'sample')}, {score.labels}"
        interval = self._interval(score)
        verdict = self._verdict(score.value, interval)
        details: tuple[str, ...] = ()
        if interval.low is not None and interval.high is not None:
            details = (_between(self.label, interval, self.bound[1], self.sure),)
        advice = ""
        if verdict == "inconclusive":
            advice = self._more_samples(score)
        elif verdict == "fail":
            advice = _ACCURACY_ADVICE
        return self.result(score.value, score.samples, verdict, reason, advice, interval, details)

    def _verdict(self, value: float, interval: Interval) -> Verdict:
        """By the number on a fixed data set; with a confidence by the interval."""
        if self.confidence is None:
            return "pass" if at_most(self.limit, value) else "fail"
        if interval.low is not None and at_most(self.limit, interval.low):
            return "pass"
        if interval.high is not None and not at_most(self.limit, interval.high):
            return "fail"
        return "inconclusive"

    def _interval(self, score: Score) -> Interval:
        if score.hits is not None:
            return share_interval(int(score.hits.sum()), score.samples, self.sure)
        if self.confidence is None or score.resampled is None:
            return Interval()
        return resampled_interval(score.resampled, score.samples, self.sure)

    def _more_samples(self, score: Score) -> str:
        if score.hits is None or self.confidence is None:
            return "more evaluation samples, or a limit that is not so near"
        hits, n, sure = int(score.hits.sum()), score.samples, self.confidence
        return _samples_advice(
            n, self.limit, lambda times: share_interval(hits * times, n * times, sure)
        )


def metric_name(metric: Metric) -> str:
    """What to call a metric."""
    return metric if isinstance(metric, str) else getattr(metric, "__name__", type(metric).__name__)


def pairs_of(base: Score, own: Score) -> Discordant | None:
    """The samples on which two scores differ; None for a user's own metric."""
    if base.hits is None or own.hits is None:
        return None
    return discordant(base.hits, own.hits)


def changes(pairs: Discordant, base: Score, own: Score) -> list[str]:
    """The classes that lost most, and samples that are wrong now."""
    import numpy as np

    assert own.classes is not None
    assert own.hits is not None
    assert base.hits is not None
    if not len(pairs.lost):
        return []
    classes = own.classes
    fewer = np.bincount(classes, base.hits) - np.bincount(classes, own.hits)
    sizes = np.bincount(classes)
    worst = [int(c) for c in np.argsort(-fewer, kind="stable")[:MOST_CLASSES] if fewer[c] > 0]
    shares = [
        f"{c} ({units.share(base.hits[classes == c].mean())} -> "
        f"{units.share(own.hits[classes == c].mean())} of {sizes[c]:,})"
        for c in worst
    ]
    indices = ", ".join(map(str, pairs.lost[:MOST_SAMPLES]))
    more = ", ..." if len(pairs.lost) > MOST_SAMPLES else ""
    texts = [f"samples that are wrong now, by index: {indices}{more}"]
    return [f"classes that lost most: {', '.join(shares)}", *texts] if shares else texts


def _pairs_text(pairs: Discordant) -> str:
    return (
        f"{units.count(len(pairs.lost), 'sample')} right before and wrong now, "
        f"{len(pairs.gained):,} the other way (McNemar {units.p_value(pairs.p_value)})"
    )


def _between(what: str, interval: Interval, unit: str, confidence: float) -> str:
    assert interval.low is not None
    assert interval.high is not None
    low, high = (units.value_text(end, unit) for end in (interval.low, interval.high))
    sure = units.percent(confidence)
    return f"on other samples of the same kind {what} is between {low} and {high} ({sure} each way)"


def _samples_advice(n: int, limit: float, interval: Callable[[int], Interval]) -> str:
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


def _score_text(metric: Metric, value: float) -> str:
    return units.significant(value) if callable(metric) else units.share(value)


def max_accuracy_drop(
    limit: float,
    *,
    metric: Metric = "accuracy",
    baseline: str = "converted",
    confidence: float | None = None,
) -> tuple[Budget, ...]:
    """How far a metric on ``evaluation_data`` may fall below the baseline's, absolute.

    Args:
        limit: a fraction, 0.02 is two percentage points; for a callable metric in its own unit.
        metric: ``"accuracy"`` (top-1), or any ``(labels, predictions) -> float`` where higher is
            better.
        baseline: a variant, or ``"source"`` for the Keras model itself.
        confidence: judge the interval that holds with this confidence, as if the samples were
            drawn anew; without it, the number on this data set is judged.
    """
    require_metric(metric)
    if callable(metric):
        require_number("limit", limit, least=0.0)
    else:
        hint = "a fraction: 0.02 is two points"
        require_number("limit", limit, least=0.0, below=1.0, hint=hint)
    require_confidence(confidence)
    require_one_of("baseline", baseline, BASELINES)
    return (AccuracyDropBudget(float(limit), metric, confidence, baseline),)


def min_accuracy(
    limit: float, *, metric: Metric = "accuracy", confidence: float | None = None
) -> tuple[Budget, ...]:
    """What a metric on ``evaluation_data`` must reach.

    Args:
        limit: a fraction, 0.9 is 90 %; for a callable metric in its own unit.
        metric: ``"accuracy"`` (top-1), or any ``(labels, predictions) -> float`` where higher is
            better.
        confidence: judge the interval that holds with this confidence, as if the samples were
            drawn anew; without it, the number on this data set is judged.
    """
    require_metric(metric)
    if callable(metric):
        require_number("limit", limit)
    else:
        require_number("limit", limit, above=0.0, most=1.0, hint="a fraction: 0.9 is 90 %")
    require_confidence(confidence)
    return (MinAccuracyBudget(float(limit), metric, confidence),)
