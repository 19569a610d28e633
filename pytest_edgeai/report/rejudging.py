"""A saved run judged again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytest_edgeai.device.spec import LOCAL
from pytest_edgeai.errors import EdgeAIError
from pytest_edgeai.judge.budget import Budget
from pytest_edgeai.judge.markers import given_again, parse_marker
from pytest_edgeai.judge.verdict import BudgetResult
from pytest_edgeai.model.facts import facts_from
from pytest_edgeai.report.document import Document
from pytest_edgeai.report.record import Record
from pytest_edgeai.report.replay import Replay


def own_budgets(test: Record) -> tuple[Budget, ...]:
    """The budgets that a test of a saved run had."""
    return tuple(
        budget
        for mark in test["markers"]
        for budget in parse_marker(mark["marker"], (), given_again(mark["arguments"]))
    )


def judged_again(saved: Document, test: Record, budgets: Sequence[Budget]) -> list[BudgetResult]:
    """What budgets come to on what a test of a saved run measured.

    Args:
        saved: the run.
        test: one of its tests, with a model.
    """
    replay = Replay(
        test["evidence"],
        facts_from(saved["models"][test["model"]["sha256"]]),
        test["variant"],
        test["device"],
        test["device"] == LOCAL,
        test["threads"],
    )
    return [_judged(budget, replay) for budget in budgets]


def _judged(budget: Budget, evidence: Any) -> BudgetResult:
    try:
        return budget.judge(evidence)
    except EdgeAIError as error:
        return budget.result(None, 0, "error", error.message, error.hint)
