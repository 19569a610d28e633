"""On which lines the keys of a TOML text are; tomllib reads values and tells no lines.

A statement of TOML is a run of whole lines that is a TOML text by itself, so the parser itself
tells where one ends: no second grammar has to agree with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pytest_edgeai.toml import tomllib

KeyPath = tuple[str, ...]

_TOLD = re.compile(r"at line (\d+)")


def key_lines(text: str) -> dict[KeyPath, int]:
    """The line, from 1, on which the statement of each key begins; of tables their header's.

    Args:
        text: what tomllib takes. Of the entries of an array of tables, the first counts.
    """
    stated: dict[KeyPath, int] = {}
    implied: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for line, statement in _statements(text):
        content = tomllib.loads(statement)
        if statement.lstrip(" \t").startswith("["):
            table = _header(content)
            stated.setdefault(table, line)
            for path in _paths(content):
                implied.setdefault(path, line)
        else:
            for path in _paths(content):
                stated.setdefault((*table, *path), line)
    return {**implied, **stated}


def error_line(text: str, error: Exception) -> int:
    """The line that a parser's error is about.

    What it found missing at the end of the text is about the statement that never ends.
    """
    told = _TOLD.search(str(error))
    if told:
        return int(told[1])
    lines = [line for line, _ in _statements(text)]
    return lines[-1]


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Each with its first line; the last one holds all that is no statement."""
    lines = text.replace("\r\n", "\n").rstrip("\n").split("\n")
    start = 0
    while start < len(lines):
        ends = range(start + 1, len(lines) + 1)
        end = next((end for end in ends if _is_toml("\n".join(lines[start:end]))), len(lines))
        yield start + 1, "\n".join(lines[start:end])
        start = end


def _is_toml(text: str) -> bool:
    try:
        tomllib.loads(text)
    except ValueError:
        return False
    return True


def _header(content: dict[str, Any]) -> KeyPath:
    """The keys of ``[a.b]`` or ``[[a.b]]``."""
    path: KeyPath = ()
    inner: Any = content
    while isinstance(inner, dict) and inner:
        ((key, inner),) = inner.items()
        path = (*path, key)
    return path


def _paths(content: dict[str, Any]) -> Iterator[KeyPath]:
    for key, value in content.items():
        yield (key,)
        if isinstance(value, dict):
            yield from ((key, *path) for path in _paths(value))
