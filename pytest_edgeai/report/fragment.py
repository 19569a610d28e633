"""A test's budgets as a piece of HTML, for the reports of other plugins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from pytest_edgeai.judge.verdict import MET
from pytest_edgeai.report.table import cells
from pytest_edgeai.report.wording import WARNS, gap

HEADINGS = ("test", "variant", "device", "budget", "measured", "limit", "headroom", "verdict")
COLOURS = {
    "pass": "#1a7f37", "skipped": "#57606a", "inconclusive": "#9a6700", "void": "#9a6700",
    WARNS: "#9a6700",
}  # fmt: skip
"""Of verdicts; of all others red."""
OTHERS = "#cf222e"
CELL = 'style="border: 1px solid #d0d7de; padding: 2px 8px; text-align: left"'


def budgets_table(records: Sequence[Mapping[str, Any]]) -> str:
    """All budgets of some records, with the reason under each that is not met."""
    rows = [row for record in records for row in _rows(record)]
    head = "".join(f"<th {CELL}>{name}</th>" for name in HEADINGS)
    style = 'style="border-collapse: collapse"'
    return f'<table class="edgeai" {style}><tr>{head}</tr>{"".join(rows)}</table>'


def budgets_text(record: Mapping[str, Any]) -> str:
    """A record's budgets as lines of text."""
    lines = [f"{record['variant']} of {record['model']['name']} on {record['device']}"]
    for budget in record["budgets"]:
        lines.append(f"  {budget['marker']}: {line_of(budget)}")
        lines += [f"    {budget['reason']}"] if budget["reason"] else []
    return "\n".join(lines)


def line_of(budget: Mapping[str, Any]) -> str:
    """Statistic, measured value, limit and verdict."""
    text = gap(budget)
    return text if budget["verdict"] in text else f"{text}: {budget['verdict']}"


def _rows(record: Mapping[str, Any]) -> list[str]:
    first = (record["nodeid"].partition("::")[2], record["variant"] or "", record["device"] or "")
    rows = []
    for budget in record["budgets"]:
        *columns, verdict = cells({**budget})
        shown = "".join(f"<td {CELL}>{escape(text)}</td>" for text in (*first, *columns))
        colour = COLOURS.get(verdict, OTHERS)
        rows.append(f'<tr>{shown}<td {CELL}><b style="color: {colour}">{verdict}</b></td></tr>')
        if verdict not in MET:
            why = escape(f"{budget['reason']}; try: {budget['advice']}".removesuffix("; try: "))
            rows.append(f'<tr><td {CELL} colspan="{len(HEADINGS)}">{why}</td></tr>')
    return rows
