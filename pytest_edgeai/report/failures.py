"""What budgets that are not met say, drawn from records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pytest_edgeai import units
from pytest_edgeai.judge.verdict import MET
from pytest_edgeai.report.record import Record
from pytest_edgeai.report.wording import gap, indented


def failures(records: Sequence[Record]) -> str:
    """A paragraph for each record with a budget that is not met: why, and what to try."""
    return "\n\n".join("\n".join(_lines(record)) for record in records if unmet(record))


def unmet(record: Record) -> list[dict[str, Any]]:
    """Its budgets that neither pass nor are skipped."""
    return [budget for budget in record["budgets"] if budget["verdict"] not in MET]


def error_line(record: Record) -> str:
    """What ended a test, in a line: pytest's own line of the error, else the last one; or ""."""
    lines = (record["error"] or "").strip().splitlines()
    told = [line[1:].strip() for line in lines if line.startswith("E ")]
    return (told or [*reversed(lines)] or [""])[0].strip()


def _lines(record: Record) -> Iterator[str]:
    failing, number = unmet(record), units.count(len(record["budgets"]), "budget")
    model = record["model"]["name"] if record["model"] else "no model"
    where = f"{record['variant']} of {model} on {record['device']}"
    yield f"{record['nodeid']}:"
    yield f"{where}: {len(failing)} of {number} not met"
    for budget in failing:
        yield f"  {budget['marker']}: {gap(budget)}"
        said = [budget["reason"], *budget["details"]]
        said += [f"try: {budget['advice']}"] if budget["advice"] else []
        yield from map(indented, said)
