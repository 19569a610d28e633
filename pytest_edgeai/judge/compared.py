"""What budgets have in common that compare a model's answers with another's."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_edgeai.judge.budget import Budget
from pytest_edgeai.judge.evidence import HOST, Evidence
from pytest_edgeai.judge.verdict import BudgetResult


@dataclass(frozen=True)
class ComparedBudget(Budget):
    """A limit on how far a model's answers are from those of a baseline."""

    limit: float
    baseline: str = "converted"

    @property
    def needs_data(self) -> bool:
        return True

    def of_itself(self, evidence: Evidence) -> BudgetResult | None:
        """The result where the model is its own baseline; None where it is not."""
        if self.baseline == evidence.variant:
            return self.result(None, 0, "skipped", f"{self.baseline} is the baseline itself")
        if self.baseline == HOST and evidence.is_on_host:
            return self.result(None, 0, "skipped", "this is the host itself")
        return None
