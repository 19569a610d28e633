"""A saved run judged again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pytest_edgeai.device.spec import LOCAL
from pytest_edgeai.errors import EdgeAIError, UsageError
from pytest_edgeai.judge.budget import Budget
from pytest_edgeai.judge.markers import given_again, parse_marker
from pytest_edgeai.judge.verdict import BudgetResult
from pytest_edgeai.model.facts import facts_from
from pytest_edgeai.report.document import Document
from pytest_edgeai.report.record import Record
from pytest_edgeai.report.saved.draws import NotMeasuredError
from pytest_edgeai.report.saved.replay import EndedError, Replay


class DamagedReportError(UsageError):
    """A JSON report that says what no run can have said."""


def own_budgets(test: Record) -> tuple[Budget, ...]:
    """The budgets that a test of a saved run had.

    Raises:
        UsageError: they are damaged, or need a package that is not installed.
    """
    with reading(test, "its markers"):
        return tuple(
            budget
            for mark in test["markers"]
            for budget in parse_marker(mark["marker"], (), given_again(mark["arguments"]))
        )


def judged_again(saved: Document, test: Record, budgets: Sequence[Budget]) -> list[BudgetResult]:
    """What budgets come to on what a test of a saved run measured.

    All of them at once, as the run had them: the result of one that needed more starts than those
    before it depends on their order.

    Args:
        saved: the run.
        test: one of its tests, with a model.

    Raises:
        DamagedReportError: what is kept of it cannot be read.
    """
    replay = _replay(saved, test)
    return [_judged(budget, replay, test) for budget in budgets]


def is_measured(saved: Document, test: Record, budget: Budget) -> bool:
    """Whether a test of a saved run, one with a model, measured what a budget is judged on.

    Raises:
        DamagedReportError: what is kept of it cannot be read.
    """
    replay = _replay(saved, test)
    with reading(test, f"what {budget.marker} ({budget.label}) is judged on"):
        try:
            budget.judge(replay)
        except NotMeasuredError:
            return False
        except (EndedError, EdgeAIError):
            return True
    return True


def _replay(saved: Document, test: Record) -> Replay:
    with reading(test, "its model"):
        kinds = {"variant": str, "device": str, "threads": int}
        wrong = [key for key, kind in kinds.items() if not isinstance(test[key], kind)]
        if wrong:
            raise TypeError(f"{', '.join(wrong)} of another type")
        facts = facts_from(saved["models"][test["model"]["key"]])
        if any(getattr(facts, key) != test["model"][key] for key in ("size_bytes", "sha256")):
            raise ValueError("its file has two sizes or hashes")
        return Replay(
            test["evidence"],
            facts,
            test["variant"],
            test["device"],
            test["device"] == LOCAL,
            test["threads"],
        )


@contextmanager
def reading(test: Record, what: str) -> Iterator[None]:
    """Whatever goes wrong in here is damage; budgets are pure, and whole evidence fits them."""
    try:
        yield
    except EdgeAIError:
        raise
    except Exception as error:
        name = test.get("nodeid") if isinstance(test, dict) else test
        raise DamagedReportError(
            f"{name}: {what} cannot be read: {type(error).__name__}: {error}",
            "the report was damaged or edited: run the tests again",
        ) from error


def _judged(budget: Budget, evidence: Replay, test: Record) -> BudgetResult:
    with reading(test, f"what {budget.marker} ({budget.label}) was judged on"):
        try:
            return budget.judge(evidence)
        except EndedError as ended:
            return budget.result(None, 0, "error", ended.reason)
        except EdgeAIError as error:
            return budget.result(None, 0, "error", error.message, error.hint)
