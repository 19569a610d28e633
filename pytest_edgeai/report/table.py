"""The table of all budgets at the end of a run."""

from __future__ import annotations

import io
from collections import Counter
from typing import TYPE_CHECKING, Any

from pytest_edgeai import units
from pytest_edgeai.report.record import Record

if TYPE_CHECKING:
    from rich.text import Text

NARROW = 100
"""Columns below which variant and device stand under the test's name."""
COLOURS = {
    "pass": "green", "fail": "red", "error": "red", "inconclusive": "yellow", "void": "yellow"
}  # fmt: skip
MOST_HEADROOM = 9.99
"""Beyond it, the sign is all that headroom tells."""


def table(records: list[Record], width: int, colour: bool) -> str:
    """All budgets of all records, at most ``width`` columns wide."""
    from rich.console import Console
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
    text = io.StringIO()
    console = Console(
        file=text,
        width=width,
        height=25,  # with both given, it asks neither the terminal nor the environment
        force_terminal=colour,
        no_color=not colour,
        color_system="standard" if colour else None,
    )
    console.print(grid)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines())


def _row(record: Record, name: str, narrow: bool) -> list[Text]:
    """One row per record, one line in it per budget; texts, as strings would be markup."""
    from rich.text import Text

    columns = zip(*map(_cells, record["budgets"]), strict=True)
    cells = [name, record["variant"], record["device"]]
    if narrow:
        cells = ["{}\n{} on {}".format(*cells)]
    row = [Text(cell) for cell in (*cells, *map("\n".join, columns))]
    for verdict, style in COLOURS.items():
        row[-1].highlight_words([verdict], style)
    return row


def _file(nodeid: str) -> str:
    return nodeid.partition("::")[0]


def _test_name(nodeid: str) -> str:
    """The test's own name, with its class and its parameters."""
    return nodeid.partition("::")[2]


def _cells(budget: dict[str, Any]) -> list[str]:
    headroom, threads = budget["headroom"], budget["threads"]
    return [
        budget["statistic"] + (f" ({units.count(threads, 'thread')})" if threads else ""),
        units.value_text(budget["measured"], budget["unit"]),
        units.value_text(budget["limit"], budget["unit"]),
        "" if headroom is None else headroom_text(headroom),
        budget["verdict"],
    ]


def headroom_text(headroom: float) -> str:
    """How far a measurement is on the good side of its limit, as a share of the limit."""
    if abs(headroom) > MOST_HEADROOM:
        return f"< -{MOST_HEADROOM:.0%}" if headroom < 0 else f"> +{MOST_HEADROOM:.0%}"
    return f"{headroom:+.0%}"
