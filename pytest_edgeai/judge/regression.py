"""Budgets against what an earlier run recorded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from pytest_edgeai import units
from pytest_edgeai.errors import UsageError, shown
from pytest_edgeai.judge.baseline import Found, LatencyBaseline, independent
from pytest_edgeai.judge.budget import DEFAULT_CONFIDENCE, Budget, at_most
from pytest_edgeai.judge.causes import by_variant
from pytest_edgeai.judge.claims import Claim, claim
from pytest_edgeai.judge.conditions import Disturbance, disturbance
from pytest_edgeai.judge.evidence import Evidence, LatencySamples, Score
from pytest_edgeai.judge.flips import flips
from pytest_edgeai.judge.latency import judged, spoils
from pytest_edgeai.judge.metrics import ACCURACY
from pytest_edgeai.judge.requirements import require_confidence, require_number
from pytest_edgeai.judge.size import too_large
from pytest_edgeai.judge.statistics import QUANTILES, statistic
from pytest_edgeai.judge.verdict import BudgetResult

LATENCY = ("mean", *QUANTILES)
OF = (*LATENCY, "size", "accuracy")
"""What may be compared with a baseline."""
FLOOR_MS = 0.05
FLOOR_BYTES = 16 * 1024
PRECISE = 0.05
"""Width of the interval, as a share, at which a baseline's latency is known well enough."""
_CHANGED = (
    "see what has changed since it was recorded: the model, the runtime, the clock of the device; "
    "--edge-save-baseline if that is meant to be"
)
_STALE = "the baseline is stale: --edge-save-baseline records this one"


@dataclass(frozen=True)
class RegressionBudget(Budget):
    """A limit on how much worse than its baseline a model may be, as a fraction of it."""

    marker: ClassVar[str] = "max_regression"
    fraction: float
    of: str = "p95"
    confidence: float = DEFAULT_CONFIDENCE

    @property
    def label(self) -> str:
        return f"{self.of} vs baseline"

    @property
    def bound(self) -> tuple[float, str]:
        return self.fraction, "fraction"

    @cached_property
    def claim(self) -> Claim:
        """What samples of the latency must support."""
        return claim(self.of, self.confidence)

    @property
    def needs_data(self) -> bool:
        return self.of == "accuracy"

    @property
    def is_performance(self) -> bool:
        return self.of in LATENCY

    @property
    def least_runs(self) -> int:
        return self.claim.least_runs if self.of in LATENCY else 0

    def needs_latency(self, device_name: str) -> bool:
        return self.of in LATENCY

    def is_decided(self, samples: LatencySamples, evidence: Evidence) -> bool:
        found = evidence.recorded()
        if found.baseline is not None and found.baseline.latency is not None:
            limit_ms = self._limit_ms(found.baseline.latency)
            return self.claim.holds(samples.ms, limit_ms) is not None
        if found.verdict != "skipped":
            return True
        seen = self.claim.interval(samples.ms)
        if seen.low is None or seen.high is None:
            return False
        return seen.high - seen.low <= PRECISE * statistic(self.of, samples.ms)

    def is_far(self, samples: LatencySamples, evidence: Evidence) -> bool:
        """A baseline is recorded, and compared with, for what the samples are like."""
        return self.of not in LATENCY

    def spoilt(self, samples: LatencySamples, evidence: Evidence) -> Disturbance | None:
        found = evidence.recorded()
        if found.verdict == "skipped":
            return disturbance(samples.conditions)
        if found.baseline is None or found.baseline.latency is None:
            return None
        return spoils(samples, self.claim, self._limit_ms(found.baseline.latency))

    def judge(self, evidence: Evidence) -> BudgetResult:
        if self.of == "size":
            return self._of_size(evidence)
        if self.of == "accuracy":
            return self._of_accuracy(evidence)
        return self._of_latency(evidence)

    def _of_size(self, evidence: Evidence) -> BudgetResult:
        size, found = evidence.size_bytes, evidence.recorded()
        if found.baseline is None:
            return self._without(found, 1)
        base = found.baseline.size_bytes
        limit = max(base * (1 + self.fraction), base + FLOOR_BYTES)
        reason = f"the file has {size:,} bytes, the baseline's had {base:,}"
        bound = (limit, "bytes")
        if size > limit:
            details, advice = too_large(size, limit, evidence.facts)
            return self.result(size, 1, "fail", reason, advice, details=details, bound=bound)
        stale = size < base / (1 + self.fraction) and size < base - FLOOR_BYTES
        return self.result(size, 1, "pass", reason, _STALE if stale else "", bound=bound)

    def _of_accuracy(self, evidence: Evidence) -> BudgetResult:
        own, found = evidence.score(ACCURACY), evidence.recorded()
        if found.baseline is None:
            return self._without(found, own.samples)
        kept = found.baseline.accuracy
        if kept is None:
            return self._without(_lacks("accuracy"), own.samples)
        if kept.data != own.data:
            return self._without(_OTHER_DATA, own.samples)
        base = Score(kept.value, kept.samples, own.labels, hits=kept.right, classes=own.classes)
        flipped = flips(base, own)
        assert flipped is not None
        drop, limit = base.value - own.value, base.value * self.fraction
        reason = (
            f"accuracy {units.share(base.value)} (baseline) -> {units.share(own.value)} on "
            f"{units.count(own.samples, 'sample')}, McNemar {units.p_value(flipped.pairs.p_value)}"
        )
        bound, error = (limit, "points"), 1 - self.confidence
        if not at_most(drop, limit):
            details = flipped.described()
            return self.result(
                drop, own.samples, "fail", reason, by_variant(evidence.variant), details=details,
                bound=bound, data=flipped.as_dict(),
            )  # fmt: skip
        advice = _STALE if -drop > limit and flipped.pairs.p_value < error else ""
        return self.result(drop, own.samples, "pass", reason, advice, bound=bound)

    def _of_latency(self, evidence: Evidence) -> BudgetResult:
        import numpy as np

        samples, found = evidence.latency(None), evidence.recorded()
        n = len(samples.samples_ns)
        spoilt = self.spoilt(samples, evidence)
        if found.verdict == "skipped" and spoilt is not None:
            reason = f"nothing is recorded: {spoilt.reason}"
            return self.result(None, n, "void", reason, spoilt.advice)
        if found.baseline is None:
            return self._without(found, n)
        base = found.baseline.latency
        if base is None:
            return self._without(_lacks("latency"), n)
        shapes = samples.conditions.get("input_shapes")
        if base.input_shapes != shapes:
            return self._without(_other_inputs(base.input_shapes, shapes), n)
        limit_ms, base_ms = self._limit_ms(base), base.ms[self.of]
        seen = judged(samples, self.claim, limit_ms)
        verdict, reason, advice = seen.verdict, seen.reason, seen.advice
        reason += f"; the baseline's was {units.milliseconds(base_ms)} of {base.n:,}"
        if limit_ms > base_ms * (1 + self.fraction):
            reason += f", and less than {units.milliseconds(FLOOR_MS)} more never counts"
        slower = seen.measured > base_ms
        now = independent(samples.samples_ns)
        chance = rank_chance(self.of, np.array(base.samples_ns), now, slower)
        beyond = chance <= 1 - self.confidence
        noise = f"by a rank test the difference has {units.p_value(chance)}"
        if verdict == "fail" and not beyond:
            verdict, advice = "inconclusive", f"{samples.more}, or record the baseline anew"
            reason += f"; {noise}: within the noise"
        elif verdict == "fail":
            advice = _CHANGED
        elif verdict == "pass" and beyond and seen.measured < self._faster_ms(base_ms):
            advice = f"faster than the baseline, {noise}: {_STALE}"
        return self.result(
            seen.measured, n, verdict, reason, advice, seen.interval, bound=(limit_ms, "ms")
        )

    def _without(self, found: Found, n: int) -> BudgetResult:
        return self.result(None, n, found.verdict, found.reason, found.advice)

    def _limit_ms(self, base: LatencyBaseline) -> float:
        base_ms = base.ms[self.of]
        return max(base_ms * (1 + self.fraction), base_ms + FLOOR_MS)

    def _faster_ms(self, base_ms: float) -> float:
        return min(base_ms / (1 + self.fraction), base_ms - FLOOR_MS)


def rank_chance(of: str, before: Any, now: Any, is_slower: bool) -> float:
    """One-sided p-value of a rank test of independent samples: that ``now`` is slower, or faster.

    Wilcoxon, Mann and Whitney's for the mean and the median. For another percentile a shift of the
    middle tells nothing: there the shares over the percentile of all samples together are compared
    by Fisher's exact test (Mood's test at another quantile than the median).
    """
    import numpy as np
    from scipy.stats import fisher_exact, mannwhitneyu

    way = "greater" if is_slower else "less"
    if of in ("mean", "median"):
        return float(mannwhitneyu(now, before, alternative=way).pvalue)
    level = np.quantile(np.concatenate([before, now]), QUANTILES[of])
    over = [[int((part > level).sum()), int((part <= level).sum())] for part in (now, before)]
    return float(fisher_exact(over, alternative=way).pvalue)


def _lacks(what: str) -> Found:
    return Found(None, reason=f"the baseline has no {what}: no budget measured it then")


_OTHER_DATA = Found(
    None, reason="the baseline was scored on another data set: evaluation_data has changed"
)


def _other_inputs(before: Any, now: Any) -> Found:
    return Found(None, reason=f"the baseline was timed on other input shapes: {before}, now {now}")


def max_regression(
    fraction: float, *, of: str = "p95", confidence: float | None = None
) -> tuple[Budget, ...]:
    """How much worse than the stored baseline of this device a model may be.

    Args:
        fraction: of the baseline's value, 0.10 is ten per cent; differences below 0.05 ms or 16 KB
            never count.
        of: ``"mean"``, ``"median"``, ``"p90"``, ``"p95"``, ``"p99"``, ``"size"`` or
            ``"accuracy"``.
        confidence: of the verdict on latency (default 0.95).
    """
    require_number("fraction", fraction, least=0.0, most=1.0, hint="0.10 is ten per cent")
    if not isinstance(of, str) or of not in OF:
        raise UsageError(f"of={shown(of)} is not known", f"one of {', '.join(OF)}")
    require_confidence(confidence)
    return (RegressionBudget(float(fraction), of, confidence or DEFAULT_CONFIDENCE),)
