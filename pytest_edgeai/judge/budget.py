"""What a budget is: one limit from one marker, and how it is judged."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar

from pytest_edgeai.judge.claims import Interval
from pytest_edgeai.judge.conditions import Disturbance
from pytest_edgeai.judge.evidence import Evidence, LatencySamples
from pytest_edgeai.judge.verdict import BudgetResult, Verdict

DEFAULT_CONFIDENCE = 0.95


class Budget(ABC):
    """One limit from one marker."""

    marker: ClassVar[str]
    threads: int | None = None
    """Interpreter threads that it is judged with; None for the device's."""
    device: str | None = None
    """The only device that it is judged on; None for any."""

    @property
    def needs_data(self) -> bool:
        """Whether it is judged on the evaluation data."""
        return False

    @property
    def is_floor(self) -> bool:
        """Whether the limit has to be reached, not to be kept within."""
        return self.marker.startswith("min_")

    @property
    def is_performance(self) -> bool:
        """Whether it judges the machine as much as the model: time and memory."""
        return False

    @property
    def least_runs(self) -> int:
        """Samples of the latency without which it cannot pass."""
        return 0

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

    def needs_latency(self, device_name: str) -> bool:
        """Whether it is judged on latency on this device."""
        return False

    def needs_starts(self, device_name: str) -> bool:
        """Whether it is judged on starts in fresh processes on this device."""
        return False

    def own_seconds(self, device_name: str) -> float:
        """How long it runs the model by itself on this device."""
        return 0.0

    def is_for(self, device_name: str) -> bool:
        """Whether it is judged on this device."""
        return self.device in (None, device_name)

    def elsewhere(self, device_name: str) -> BudgetResult:
        """The result on a device that it is not for."""
        reason = f"a budget for device {self.device!r}; this is {device_name!r}"
        return self.result(None, 0, "skipped", reason)

    def is_decided(self, samples: LatencySamples, evidence: Evidence) -> bool:
        """Whether so many samples of the latency tell; if no number did so far, more are taken."""
        return True

    def is_far(self, samples: LatencySamples, evidence: Evidence) -> bool:
        """Whether its limit is so far from these that they need not be of a warm model."""
        return True

    def spoilt(self, samples: LatencySamples, evidence: Evidence) -> Disturbance | None:
        """What makes these samples void for it, if anything does."""
        return None

    def result(
        self,
        measured: float | None,
        n: int,
        verdict: Verdict,
        reason: str,
        advice: str = "",
        interval: Interval | None = None,
        details: tuple[str, ...] = (),
        bound: tuple[float, str] | None = None,
        data: dict[str, Any] | None = None,
    ) -> BudgetResult:
        """What judging came to; ``bound`` where the limit is known only now."""
        (limit, unit), interval = bound or self.bound, interval or Interval()
        return BudgetResult(
            self.marker, self.label, limit, unit, measured, n, verdict, reason, advice, details,
            low=interval.low, high=interval.high, threads=self.threads, is_floor=self.is_floor,
            is_performance=self.is_performance, data=data or {},
        )  # fmt: skip


def at_most(value: float, limit: float) -> bool:
    """``value <= limit``, blind to the last bits that 0.92 - 0.90 leaves over 0.02."""
    return value <= limit or math.isclose(value, limit, rel_tol=1e-9, abs_tol=1e-12)
