"""What judging a budget comes to."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Verdict = Literal["pass", "fail", "inconclusive", "void", "error", "skipped"]
"""Only ``pass`` passes. ``error`` is a budget that something kept from being judged; ``skipped`` is
one that is not for this device, or that would compare the baseline with itself."""

MET: tuple[Verdict, ...] = ("pass", "skipped")
"""What fails no test."""


@dataclass(frozen=True)
class BudgetResult:
    """One limit, judged.

    Attributes:
        marker: the marker that set the limit.
        statistic: what of the measurement is limited: "p95", "size", "accuracy drop".
        limit: the limit, in ``unit``.
        unit: "ms", "per_second", "bytes", "fraction" (of samples or operators), "points" (a
            difference of fractions), "count" (of things that should not be there), or "score" (of
            a metric that is no share, or a difference of scores).
        measured: the measured value, in ``unit``; None where nothing was measured.
        n: how many samples it rests on.
        verdict: see ``Verdict``.
        reason: why the verdict is what it is, one sentence.
        advice: what to try when it is not ``pass``, or what else there is to do.
        details: what else is known, a sentence each.
        low, high: confidence interval of ``measured``, each end of which holds with the budget's
            confidence; None where there is none.
        threads: interpreter threads that the budget named; None for the device's.
        is_floor: whether the measurement has to reach the limit, not to stay within it.
        is_performance: whether it depends on the machine as much as on the model: time and memory.
        warns: whether this run only warns of it, though it is not met.
        data: what reports draw from: builtins only, as in ``judge/sustained.py``.
    """

    marker: str
    statistic: str
    limit: float
    unit: str
    measured: float | None
    n: int
    verdict: Verdict
    reason: str
    advice: str = ""
    details: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    threads: int | None = None
    is_floor: bool = False
    is_performance: bool = False
    warns: bool = False
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def fails(self) -> bool:
        """Whether it fails its test."""
        return self.verdict not in MET and not self.warns

    @property
    def headroom(self) -> float | None:
        """How far the measurement is on the good side of the limit, as a share of the limit."""
        if self.measured is None or self.limit == 0:
            return None
        sign = -1 if self.is_floor else 1
        share = sign * (self.limit - self.measured) / abs(self.limit)
        return share if math.isfinite(share) else None

    def as_dict(self) -> dict[str, Any]:
        """Plain data for the record."""
        return {**asdict(self), "headroom": self.headroom}
