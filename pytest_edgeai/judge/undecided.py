"""Which budgets samples of the latency have not told yet."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_edgeai.judge.budget import Budget
from pytest_edgeai.judge.evidence import Evidence, LatencySamples


class Undecided:
    """Budgets on the latency with one number of threads.

    Args:
        budgets: at least one.
        evidence: what else they may ask.

    Attributes:
        least_runs: without so many none of their limits holds.
    """

    def __init__(self, budgets: Iterable[Budget], evidence: Evidence) -> None:
        self._budgets, self._evidence = [*budgets], evidence
        self.least_runs = max(budget.least_runs for budget in self._budgets)

    def are_decided(self, samples: LatencySamples) -> bool:
        """Whether each has been told, by these samples or by earlier ones that were asked about."""
        self._budgets = [budget for budget in self._budgets if not self._is_told(budget, samples)]
        return not self._budgets

    def are_far(self, samples: LatencySamples) -> bool:
        """Whether all limits are so far from these that a model need not be warm to tell."""
        return all(budget.is_far(samples, self._evidence) for budget in self._budgets)

    def are_told(self, samples: LatencySamples) -> bool:
        """Whether these samples alone tell all; it is not remembered."""
        return all(self._is_told(budget, samples) for budget in self._budgets)

    def _is_told(self, budget: Budget, samples: LatencySamples) -> bool:
        spoilt = budget.spoilt(samples, self._evidence)
        is_void = spoilt is not None and not spoilt.may_pass
        return is_void or budget.is_decided(samples, self._evidence)
