"""Rows of the table of verdicts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

from pytest_edgeai import units
from pytest_edgeai.report.html.chart import band
from pytest_edgeai.report.record import Record
from pytest_edgeai.report.table import headroom_text
from pytest_edgeai.report.wording import WARNS, missed_by, own_name, statistic_text, verdict_text

VERDICTS = ("fail", "error", "void", "inconclusive", WARNS, "skipped", "no budget", "pass")
"""In the order of the table."""
SIGNS = {
    "pass": "✓", "fail": "✗", "error": "!", "void": "∅", "inconclusive": "?", "skipped": "-",
    "no budget": "·", WARNS: "✗",
}  # fmt: skip
OF_OUTCOME = {"passed": "no budget", "failed": "fail", "error": "error", "skipped": "skipped"}
"""What to say of a test that came to no budget."""


@dataclass(frozen=True)
class Row:
    """A budget, or a test that came to none.

    Attributes:
        test: the test's place in the document.
        missed_by: how much over or under the limit a failing one is, in words.
        interval: of what was measured, in words.
        bar: how far to the good side of the limit, or with a sign to the bad one; up to 1.
        values: measured, limit and headroom as numbers, to sort by.
    """

    test: int
    nodeid: str
    variant: str
    device: str
    verdict: str
    reason: str
    missed_by: str = ""
    kind: str = "none"
    statistic: str = "-"
    measured: str = "-"
    interval: str = ""
    limit: str = "-"
    headroom: str = ""
    bar: float = 0.0
    values: tuple[float | None, float | None, float | None] = (None, None, None)

    @property
    def name(self) -> str:
        """The test's own name, with its class and its parameters."""
        return own_name(self.nodeid)

    @property
    def sign(self) -> str:
        return SIGNS[self.verdict]

    @property
    def rank(self) -> int:
        return VERDICTS.index(self.verdict)


def rows(tests: list[Record]) -> list[Row]:
    """All rows, failures first; otherwise in the order of the run."""
    found = [row for number, test in enumerate(tests) for row in _of_test(number, test)]
    return sorted(found, key=lambda row: row.rank)


def counts(found: list[Row]) -> dict[str, int]:
    """How many rows there are of each verdict, in the order of ``VERDICTS``."""
    counted = Counter(row.verdict for row in found)
    return {verdict: counted[verdict] for verdict in VERDICTS if counted[verdict]}


def _of_test(number: int, test: Record) -> list[Row]:
    row = Row(
        number,
        test["nodeid"],
        test["variant"] or "-",
        test["device"] or "-",
        OF_OUTCOME.get(test["outcome"], "no budget"),
        _in_brief(test["error"]),
    )
    return [_of_budget(row, budget) for budget in test["budgets"]] or [row]


def _of_budget(row: Row, budget: dict[str, Any]) -> Row:
    headroom, unit = budget["headroom"], budget["unit"]
    return replace(
        row,
        verdict=verdict_text(budget),
        reason="" if budget["verdict"] == "pass" else budget["reason"],
        missed_by=missed_by(budget),
        kind=budget["marker"],
        statistic=statistic_text(budget),
        measured=units.value_text(budget["measured"], unit),
        interval=band(budget["low"], budget["high"], unit),
        limit=units.value_text(budget["limit"], unit),
        headroom=headroom_text(budget),
        bar=0.0 if headroom is None else max(-1.0, min(1.0, headroom)),
        values=(budget["measured"], budget["limit"], headroom),
    )


def _in_brief(error: str | None) -> str:
    """What an error comes to: the first line that pytest marks, or that there is."""
    lines = (error or "").strip().splitlines()
    marked = [line[1:].strip() for line in lines if line.startswith("E ")]
    return (marked or lines or [""])[0]
