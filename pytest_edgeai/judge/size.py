"""Budgets of the file's size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pytest_edgeai import units
from pytest_edgeai.judge.budget import Budget
from pytest_edgeai.judge.evidence import Evidence, FileFacts
from pytest_edgeai.judge.requirements import require_number
from pytest_edgeai.judge.verdict import BudgetResult

_BYTES = {"float32": 4, "float16": 2}
LEAST_SAVED = 0.1
"""Share of the file that weights of 8 bits have to save to be worth naming."""
ABOUT = 1.25
"""How many times larger it may be, with what quantisation adds to a file."""
_NO_CONSTANTS = "it holds no constants: its graph or metadata take the room"


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
        details, advice = too_large(size, limit, evidence.facts)
        return self.result(size, 1, "fail", reason, advice, details=details)


def too_large(size: int, limit: float, facts: FileFacts) -> tuple[tuple[str, ...], str]:
    """What takes most of a file that is too large, and what makes it smaller."""
    named = [f"{name} ({units.megabytes(taken)})" for name, taken in facts.largest_tensors.items()]
    details = (f"its largest tensors: {', '.join(named)}",) if named else ()
    smaller = "make the layers of the largest tensors smaller" if named else _NO_CONSTANTS
    elements = facts.weights_by_type
    saved = sum(elements.get(dtype, 0) * (taken - 1) for dtype, taken in _BYTES.items())
    if saved < LEAST_SAVED * size:
        return details, smaller
    less = units.megabytes(size - saved)
    in_8_bits = f"int8, or dynamic without calibration, comes to about {less}"
    is_enough = (size - saved) * ABOUT <= limit
    return details, in_8_bits if is_enough else f"{smaller}; {in_8_bits}"


def max_size_mb(limit: float) -> tuple[Budget, ...]:
    """Size of the ``.tflite`` file, in MB of 1024 * 1024 bytes."""
    require_number("limit", limit, above=0.0)
    return (SizeBudget(float(limit)),)
