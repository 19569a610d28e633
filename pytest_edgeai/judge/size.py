"""Budgets of the file's size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pytest_edgeai import units
from pytest_edgeai.judge.budget import Budget
from pytest_edgeai.judge.evidence import Evidence
from pytest_edgeai.judge.requirements import require_number
from pytest_edgeai.judge.verdict import BudgetResult

_QUARTERED_BY_INT8 = ("converted", "float16")


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
        reason = f"the file has {size:,} bytes; the limit is {limit // 1:,.0f}"
        if size <= limit:
            return self.result(size, 1, "pass", reason)
        return self.result(size, 1, "fail", reason, too_large(evidence.variant))


def too_large(variant: str) -> str:
    """What to do about a file that is too large."""
    advice = "make the largest layers smaller, or prune them"
    if variant in _QUARTERED_BY_INT8:
        return f"test the int8 variant, about a quarter of the float size, or {advice}"
    return advice


def max_size_mb(limit: float) -> tuple[Budget, ...]:
    """Size of the ``.tflite`` file, in MB of 1024 * 1024 bytes."""
    require_number("limit", limit, above=0.0)
    return (SizeBudget(float(limit)),)
