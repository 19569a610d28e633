"""Budgets of what a delegate runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pytest_edgeai import units
from pytest_edgeai.judge.budget import Budget, at_most
from pytest_edgeai.judge.evidence import Evidence
from pytest_edgeai.judge.requirements import require_number
from pytest_edgeai.judge.verdict import BudgetResult

_UNTOLD = "a runtime that tells: ai-edge-litert (--edge-runtime=litert)"
_LEFT = (
    "replace what no delegate runs, or keep it together at the end of the model: each change "
    "between delegate and runtime costs time"
)
_GOES = {
    "QUANTIZE": "QUANTIZE goes with int8 inputs and outputs (--edge-int8-io=int8)",
    "SHAPE": "SHAPE and PACK go with a fixed batch size",
}


@dataclass(frozen=True)
class DelegationBudget(Budget):
    """A least share of the model's operators that a delegate (XNNPACK) runs."""

    marker: ClassVar[str] = "min_delegated"
    share: float

    @property
    def label(self) -> str:
        return "delegated"

    @property
    def bound(self) -> tuple[float, str]:
        return self.share, "fraction"

    def judge(self, evidence: Evidence) -> BudgetResult:
        found, left = evidence.delegated, evidence.undelegated
        if found is None:
            reason = "this runtime does not tell which operators a delegate runs"
            return self.result(None, 0, "inconclusive", reason, _UNTOLD)
        details = (f"not delegated: {units.kinds(left)}",) if left else ()
        reason = f"a delegate runs {units.share(found)} of the operators"
        if at_most(self.share, found):
            return self.result(found, 1, "pass", reason, details=details)
        advice = "; ".join([_LEFT, *(how for kind, how in _GOES.items() if kind in left)])
        return self.result(found, 1, "fail", reason, advice, details=details)


def min_delegated(share: float) -> tuple[Budget, ...]:
    """Share of the model's operators that a delegate (XNNPACK) runs, as a fraction."""
    require_number("share", share, above=0.0, most=1.0, hint="0.9 is 90 %")
    return (DelegationBudget(float(share)),)
