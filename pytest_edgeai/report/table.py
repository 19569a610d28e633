"""The table of all budgets at the end of a run."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from pytest_edgeai import units
from pytest_edgeai.report.drawing import drawn
from pytest_edgeai.report.record import Record
from pytest_edgeai.report.wording import WARNS, statistic_text, verdict_text

if TYPE_CHECKING:
    from rich.text import Text

NARROW = 100
"""Columns below which variant and device stand under the test's name."""
COLOURS = {
    "pass": "green", "fail": "red", "error": "red", "inconclusive": "yellow", "void": "yellow",
    WARNS: "yellow",
}  # fmt: skip
MOST_HEADROOM = 9.99
"""Beyond it, the sign is all that headroom tells."""


def table(records: list[Record], width: int, colour: bool) -> str:
    """All budgets of all records, at most ``width`` columns wide."""
    from rich.table import Table

    grid = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    grid.add_column("test", overflow="fold", min_width=12)
    narrow = width < NARROW
    if not narrow:
        grid.add_column("variant", no_wrap=True)
        grid.add_column("device", overflow="fold")
    grid.add_column("budget", no_wrap=True)
    for heading in ("measured", "limit", "headroom"):
        grid.add_column(heading, justify="right", no_wrap=True)
    grid.add_column("verdict", no_wrap=True)
    shown = [record for record in records if record["budgets"]]
    files = {(_test_name(record["nodeid"]), _file(record["nodeid"])) for record in shown}
    names = Counter(name for name, _ in files)
    for record in shown:
        name = _test_name(record["nodeid"])
        grid.add_row(*_row(record, record["nodeid"] if names[name] > 1 else name, narrow))
    return drawn(grid, width, colour)


def _row(record: Record, name: str, narrow: bool) -> list[Text]:
    """One row per record, one line in it per budget; texts, as strings would be markup."""
    from rich.text import Text

    columns = zip(*map(cells, record["budgets"]), strict=True)
    first = [name, record["variant"], record["device"]]
    if narrow:
        first = ["{}\n{} on {}".format(*first)]
    row = [Text(cell) for cell in (*first, *map("\n".join, columns))]
    for verdict, style in COLOURS.items():
        row[-1].highlight_words([verdict], style)
    return row


def _file(nodeid: str) -> str:
    return nodeid.partition("::")[0]


def _test_name(nodeid: str) -> str:
    """The test's own name, with its class and its parameters."""
    return nodeid.partition("::")[2]


def cells(budget: dict[str, Any]) -> list[str]:
    """What is limited, measured, the limit, headroom and verdict, as text."""
    return [
        statistic_text(budget),
        units.value_text(budget["measured"], budget["unit"]),
        units.value_text(budget["limit"], budget["unit"]),
        headroom_text(budget),
        verdict_text(budget),
    ]


def headroom_text(budget: dict[str, Any]) -> str:
    """How far a measurement is on the good side of its limit, as a share of the limit.

    Shares have it in points: per cents of per cents mislead.
    """
    headroom, limit = budget["headroom"], budget["limit"]
    if headroom is None:
        return ""
    if budget["unit"] in ("fraction", "points"):
        return units.signed_points(headroom * abs(limit))
    if abs(headroom) > MOST_HEADROOM:
        return f"< -{MOST_HEADROOM:.0%}" if headroom < 0 else f"> +{MOST_HEADROOM:.0%}"
    return f"{headroom:+.0%}"
