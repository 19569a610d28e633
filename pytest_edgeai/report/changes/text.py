"""What changed between two runs, for the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pytest_edgeai import units
from pytest_edgeai.report.document import Document
from pytest_edgeai.report.drawing import drawn
from pytest_edgeai.report.table import NARROW
from pytest_edgeai.report.wording import own_name

if TYPE_CHECKING:
    from rich.table import Table

MARKED = ("worse", "better", "changed")
HEADS = {"worse": "Worse", "better": "Better", "changed": "Changed otherwise"}
COLOURS = {"worse": "red", "better": "green", "changed": "yellow"}
ShownChange = Mapping[str, Any]


def changes_text(found: Document, width: int, colour: bool) -> str:
    """Worse first, then better, then what did not change, and what was not judged and why."""
    parts = [headline(found)]
    parts += [
        drawn(_grid(side, rows, width < NARROW), width, colour)
        for side in MARKED
        if (rows := of_side(found, side))
    ]
    parts.append(textwrap.fill(unchanged(found), width))
    parts += ["\n".join(_filled(head, items, width)) for head, items in untold(found)]
    return "\n\n".join(parts)


def headline(found: Document) -> str:
    """How many changes are worse, and how many better."""
    worse, better = (len(of_side(found, side)) for side in ("worse", "better"))
    first = f"{worse:,} worse" if worse else "nothing is worse"
    return f"{first}, {better:,} better" if better else first


def of_side(found: Document, side: str) -> list[ShownChange]:
    """The changes of one kind."""
    return [change for change in found["changes"] if change["side"] == side]


def unchanged(found: Document) -> str:
    """How many are as they were, within the noise or within what counts."""
    number = len(of_side(found, "same"))
    sure = units.confidence(found["confidence"])
    return (
        f"{number:,} unchanged; changes of times and memory count from "
        f"{units.percent(found['fraction'])} on, and beyond noise with {sure} confidence for all "
        "together"
    )


def untold(found: Document) -> Iterator[tuple[str, list[str]]]:
    """A heading and its lines for each kind of what is not judged; none where there is nothing."""
    by_reason: dict[tuple[str, str], list[str]] = {}
    for change in of_side(found, "untold"):
        by_reason.setdefault((place(change), change["reason"]), []).append(_in_words(change))
    lines = [f"{where}: {', '.join(of)}: {why}" for (where, why), of in by_reason.items()]
    kinds = (
        ("Incomplete", found["incomplete"]),
        ("Not judged", lines),
        ("Only in the run before", found["only_before"]),
        ("Only in the run after", found["only_after"]),
    )
    yield from ((head, items) for head, items in kinds if items)


def place(change: ShownChange) -> str:
    """A test, or the model that all its tests share; with its variant and device."""
    whom = f"{change['variant']} of {change['model']} on {change['device']}"
    if change["test"] is None:
        return whom
    name = own_name(change["test"])
    return f"{name} ({change['variant']} on {change['device']})"


def cells(change: ShownChange) -> list[str]:
    """What was measured, before, after, and the change."""
    before, after, unit = change["before"], change["after"], change["unit"]
    texts = [value if isinstance(value, str) else _text(value, unit) for value in (before, after)]
    return [change["what"], *texts, _difference(before, after, unit)]


def _text(value: float | None, unit: str) -> str:
    return "" if value is None else units.value_text(value, unit)


def _in_words(change: ShownChange) -> str:
    what, before, after, _ = cells(change)
    return f"{what} {before} -> {after}" if before and after else what


def _difference(before: Any, after: Any, unit: str) -> str:
    if isinstance(before, str) or before is None or after is None:
        return ""
    gap = after - before
    sign = "+" if gap > 0 else ""
    if unit in ("ms", "bytes", "per_second") and before:
        return f"{sign}{units.significant(gap / before * 100, 2)} %"
    text = units.value_text(gap, "points" if unit == "fraction" else unit)
    return f"{sign}{text}"


def _grid(side: str, rows: list[ShownChange], narrow: bool) -> Table:
    """A row for each change; its reason stands below, where there is one."""
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    grid.add_column(Text(HEADS[side], COLOURS[side]), overflow="fold", min_width=12)
    if not narrow:
        grid.add_column("measured", overflow="fold")
    for heading in ("before", "after", "change"):
        grid.add_column(heading, justify="right", no_wrap=True)
    for change in rows:
        what, *numbers = cells(change)
        first = [place(change), what] if not narrow else [f"{what}: {place(change)}"]
        grid.add_row(*(Text(cell) for cell in (*first, *numbers)))
        if change["reason"]:
            grid.add_row(Padding(Text(change["reason"], "dim"), (0, 0, 0, 2)))
    return grid


def _filled(head: str, items: list[str], width: int) -> Iterator[str]:
    yield f"{head}:"
    for item in items:
        yield textwrap.fill(item, width, initial_indent="  ", subsequent_indent="    ")
