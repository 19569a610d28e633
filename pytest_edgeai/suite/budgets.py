"""The budgets of a ``*.edge.toml`` file alone, for runs that are over: nothing else is needed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pytest_edgeai.errors import UsageError
from pytest_edgeai.judge.budget import Budget
from pytest_edgeai.judge.markers import MARKERS, parse_marker
from pytest_edgeai.suite import marks, values
from pytest_edgeai.toml import tomllib


class Table(NamedTuple):
    """The budgets of one table under ``tests``, and the variants that it names; () for any."""

    name: str
    variants: tuple[str, ...]
    budgets: tuple[Budget, ...]


def read_budgets(path: Path) -> list[Table]:
    """All tables of a file.

    Raises:
        UsageError: it cannot be read, or says something that cannot be.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: this is not TOML: {error}", "see https://toml.io") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read as UTF-8: {error}") from None
    try:
        return [_table(name, of) for name, of in values.tables(content.get("tests")).items()]
    except UsageError as error:
        raise UsageError(f"{path}: {error.message}", error.hint) from None


def _table(name: str, table: Any) -> Table:
    try:
        if not isinstance(table, dict):
            raise UsageError(f"{table!r} is no table of budgets", values.EXAMPLE)
        named = values.variants(table["variants"], ()) if "variants" in table else ()
        return Table(name, named, tuple(_budgets(table)))
    except UsageError as error:
        raise UsageError(f"tests.{name}: {error.message}", error.hint) from None


def _budgets(table: dict[str, Any]) -> Iterator[Budget]:
    for key, value in table.items():
        if key in ("variants", "markers"):
            continue
        if key not in MARKERS:
            raise UsageError(f"there is no {key!r}", f"known: {', '.join(MARKERS)}")
        for mark in reversed(marks.budgets(key, value)):
            yield from parse_marker(mark.name, mark.args, dict(mark.kwargs))
