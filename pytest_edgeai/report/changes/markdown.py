"""What changed between two runs, as Markdown for a pull request."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_edgeai.report.changes.text import (
    HEADS,
    MARKED,
    cells,
    headline,
    of_side,
    place,
    unchanged,
    untold,
)
from pytest_edgeai.report.document import Document
from pytest_edgeai.report.markdown_text import MOST_BYTES, escaped, fitted

_TABLE = "| | measured | before | after | change | |\n|---|---|---:|---:|---:|---|"


def changes_markdown(found: Document, most_bytes: int = MOST_BYTES) -> str:
    """As in the terminal; the reasons of what is not judged are folded away."""
    return fitted(_parts(found), most_bytes)


def _parts(found: Document) -> Iterator[str]:
    yield f"## Edge AI budgets: {headline(found)}"
    for side in MARKED:
        rows = of_side(found, side)
        if rows:
            lines = (
                [place(change), *cells(change), change["reason"].partition("\n")[0]]
                for change in rows
            )
            yield f"### {HEADS[side]}"
            yield "\n".join([_TABLE, *(f"| {' | '.join(map(escaped, line))} |" for line in lines)])
    yield escaped(unchanged(found))
    for head, items in untold(found):
        listed = "\n".join(f"- {escaped(item)}" for item in items)
        yield f"<details><summary>{head}: {len(items):,}</summary>\n\n{listed}\n\n</details>"
