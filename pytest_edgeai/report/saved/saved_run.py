"""What ``edgeai judge`` makes of a saved run: its tests with the results of other budgets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from pytest_edgeai.judge.budget import Budget
from pytest_edgeai.judge.verdict import BudgetResult, Verdict
from pytest_edgeai.report.document import Document
from pytest_edgeai.report.failures import error_line
from pytest_edgeai.report.record import Record
from pytest_edgeai.report.saved.rejudging import judged_again, own_budgets, reading

BudgetsOf = Callable[[Record], Sequence[Budget]]


class Chosen(NamedTuple):
    """Which tests of a run are judged; None for all.

    Attributes:
        text: part of the test's name, in any case.
    """

    text: str | None = None
    device: str | None = None
    variant: str | None = None

    def holds(self, test: Record) -> bool:
        """Whether it is one of them."""
        return (
            (self.text or "").lower() in test["nodeid"].lower()
            and self.device in (None, test["device"])
            and self.variant in (None, test["variant"])
        )


def as_it_was(test: Record) -> Sequence[Budget]:
    """The test's own budgets."""
    return own_budgets(test)


def rejudged(saved: Document, chosen: Chosen, budgets_of: BudgetsOf) -> list[Record]:
    """The tests that have budgets, with what those come to now.

    Raises:
        UsageError: the report is damaged.
    """
    found = []
    for test in saved["tests"]:
        with reading(test, "the test"):
            is_chosen = chosen.holds(test)
        budgets = budgets_of(test) if is_chosen else ()
        if budgets:
            own = budgets_of is as_it_was
            found.append(with_results(test, _results(saved, test, budgets, own)))
    return found


def with_results(test: Record, results: Iterable[BudgetResult]) -> Record:
    """The test with these results in the place of its own."""
    lines = {budget["marker"]: budget.get("line") for budget in test["budgets"]}
    budgets = [
        {**result.as_dict(), "headroom": result.headroom, "line": lines.get(result.marker)}
        for result in results
    ]
    return {**test, "budgets": budgets}


def _results(
    saved: Document, test: Record, budgets: Sequence[Budget], own: bool
) -> list[BudgetResult]:
    """Of a test that did not come to its budgets, its own are judged no better than then."""
    if test["model"] is None or (own and not test["budgets"]):
        with reading(test, "its outcome"):
            is_skipped = test["outcome"] == "skipped"
            said = f"the saved run did not come to it: the test was {test['outcome']}"
            reason = ": ".join(filter(None, (said, error_line(test))))
        verdict: Verdict = "skipped" if is_skipped else "error"
        return [budget.result(None, 0, verdict, reason) for budget in budgets]
    return judged_again(saved, test, budgets)
