"""The table of all budgets at the end of a run."""

from __future__ import annotations

import io
from typing import Any

from pytest_edgeai import units
from pytest_edgeai.report.record import Record

COLOURS = {"pass": "green", "fail": "red", "inconclusive": "yellow", "void": "yellow"}


def table(records: list[Record], width: int, colour: bool) -> str:
    """All budgets of all records, at most ``width`` columns wide."""
    from rich.console import Console
    from rich.table import Table

    grid = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    grid.add_column("test", overflow="fold", min_width=12)
    grid.add_column("variant", no_wrap=True)
    grid.add_column("device", overflow="fold")
    grid.add_column("budget", no_wrap=True)
    for heading in ("measured", "limit", "headroom"):
        grid.add_column(heading, justify="right", no_wrap=True)
    grid.add_column("verdict", no_wrap=True)
    for record in records:
        if record["budgets"]:
            grid.add_row(*_row(record))
    text = io.StringIO()
    Console(file=text, width=width, force_terminal=colour, no_color=not colour).print(grid)
    return text.getvalue().rstrip("\n")


def _row(record: Record) -> list[str]:
    """One row per record, one line in it per budget."""
    columns = zip(*map(_cells, record["budgets"]), strict=True)
    name = record["nodeid"].rpartition("::")[2].replace("[", "\\[")
    return [name, record["variant"], record["device"], *map("\n".join, columns)]


def _cells(budget: dict[str, Any]) -> list[str]:
    verdict, headroom = budget["verdict"], budget["headroom"]
    style = COLOURS.get(verdict)
    return [
        budget["statistic"],
        value_text(budget["measured"], budget["unit"]),
        value_text(budget["limit"], budget["unit"]),
        "" if headroom is None else f"{headroom:+.0%}",
        f"[{style}]{verdict}[/]" if style else verdict,
    ]


def value_text(value: float | None, unit: str) -> str:
    """A measured value or a limit with its unit."""
    if value is None:
        return "-"
    if unit == "ms":
        return units.milliseconds(value)
    if unit == "bytes":
        return units.megabytes(value)
    return units.points(value) if unit == "points" else units.share(value)
