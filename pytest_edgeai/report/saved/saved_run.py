"""What ``edgeai judge`` makes of a saved run: its tests with the results of other budgets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pytest_edgeai.errors import UsageError
from pytest_edgeai.judge.budget import Budget
from pytest_edgeai.judge.verdict import BudgetResult, Verdict
from pytest_edgeai.report.document import Document
from pytest_edgeai.report.failures import error_line
from pytest_edgeai.report.record import Record
from pytest_edgeai.report.saved.rejudging import judged_again, own_budgets, reading

ToJudge = tuple[Record, Sequence[Budget]]
"""A test, and the budgets that it is judged with."""
NAMES_SHOWN = 10


class Chosen(NamedTuple):
    """Which tests of a run are judged; None for all.

    Attributes:
        text: part of the test's name, in any case.
    """

    text: str | None = None
    device: str | None = None
    variant: str | None = None

    def tests(self, saved: Document) -> list[Record]:
        """Those tests of a run; at least one.

        Raises:
            UsageError: there is none, or the report is damaged.
        """
        sought = [
            ("in its name", "tests", self.text, "nodeid"),
            ("for its device", "devices", self.device, "device"),
            ("for its variant", "variants", self.variant, "variant"),
        ]
        left: list[Record] = saved["tests"]
        for where, kind, wanted, key in sought:
            if wanted is None:
                continue
            there = left
            left = [test for test in there if _holds(test, wanted, key)]
            if not left:
                raise UsageError(f"no test has {wanted!r} {where}", _there(kind, key, there))
        return left


def _holds(test: Record, wanted: str, key: str) -> bool:
    """A test that came to no interpreter is one of whichever device, and of any variant."""
    with reading(test, "the test"):
        if key == "nodeid":
            return wanted.lower() in test[key].lower()
        return test[key] in (wanted, None)


def _there(kind: str, key: str, tests: Iterable[Record]) -> str:
    named = sorted({str(test[key]) for test in tests if test[key] is not None})
    more = f" and {len(named) - NAMES_SHOWN} more" if len(named) > NAMES_SHOWN else ""
    return f"there are {kind} {', '.join(named[:NAMES_SHOWN])}{more}" if named else "there is none"


def as_it_was(tests: Iterable[Record]) -> list[ToJudge]:
    """Tests with their own budgets; those that have none are left out.

    Raises:
        UsageError: a test has results of budgets that it did not state.
    """
    stated = [(test, own_budgets(test)) for test in tests]
    for test, budgets in stated:
        if len(test["budgets"]) > len(budgets):
            raise UsageError(
                f"{test['nodeid']} has {len(test['budgets'])} results and states {len(budgets)} "
                "budgets: the report was damaged or edited",
                "run the tests again",
            )
    return [(test, budgets) for test, budgets in stated if budgets]


def rejudged(saved: Document, stated: Iterable[ToJudge], own: bool) -> list[Record]:
    """Tests with what their budgets come to now.

    Args:
        own: whether the budgets are those that the tests had.

    Raises:
        UsageError: the report is damaged.
    """
    return [with_results(test, _results(saved, test, of, own)) for test, of in stated]


def with_results(test: Record, results: Iterable[BudgetResult]) -> Record:
    """The test with these results in the place of its own."""
    lines = {budget["marker"]: budget.get("line") for budget in test["budgets"]}
    of_test = (test.get("location") or {}).get("line")
    budgets = [
        {**result.as_dict(), "line": lines.get(result.marker, of_test)} for result in results
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
