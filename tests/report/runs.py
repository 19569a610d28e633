"""Documents of runs, made of other ones."""

from __future__ import annotations

import copy
from typing import Any

Document = dict[str, Any]


def repeated(run: Document, count: int) -> Document:
    """The same run with so many tests: its own ones, again and again under other names."""
    made: Document = {**run, "tests": []}
    for number in range(count):
        test = copy.deepcopy(run["tests"][number % len(run["tests"])])
        test["nodeid"] += f"-{number}"
        made["tests"].append(test)
    return made


def named(run: Document, name: str, variant: str = "int8") -> Document:
    """The test of a run whose name begins so."""
    (found,) = (
        test
        for test in run["tests"]
        if test["nodeid"].partition("::")[2].startswith(name) and test["variant"] == variant
    )
    return dict(found)
