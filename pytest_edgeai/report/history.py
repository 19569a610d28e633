"""Results of all runs in one file: JSON Lines, one for each budget in each run."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

OF_BUDGET = (
    "marker", "statistic", "threads", "unit", "measured", "low", "high", "limit", "is_floor",
    "verdict",
)  # fmt: skip
TEXTS = ("time", "nodeid", "test", "variant", "device", "statistic", "unit", "verdict")
NUMBERS = ("measured", "limit", "low", "high")
Line = dict[str, Any]


def append_history(path: Path, document: dict[str, Any]) -> None:
    """Add a run's budgets to a file, which other runs may be doing as well.

    Raises:
        OSError: the path cannot be written.
    """
    text = "".join(json.dumps(line, allow_nan=False) + "\n" for line in lines_of(document))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if text and _is_cut_off(file.fileno()):
            text = "\n" + text
        file.write(text.encode())


def lines_of(document: dict[str, Any]) -> Iterator[Line]:
    """A line for each budget of a run: when, which commit, test, device and model, and the result.

    ``time`` is when the run began, in UTC; ``model`` what people call it, ``sha256`` its file's.
    """
    run = document["run"]
    for test in document["tests"]:
        for budget in test["budgets"]:
            yield {
                "time": run["started"],
                "commit": run["commit"],
                "nodeid": test["nodeid"],
                "test": test["test"],
                "variant": test["variant"],
                "device": test["device"],
                "model": test["model"]["name"],
                "sha256": test["model"]["sha256"],
                **{key: budget[key] for key in OF_BUDGET},
            }


def read_history(path: Path) -> list[Line]:
    """The lines of a file in their order; none where there is no file.

    Half a line, which a full disk leaves, and any other that no run wrote is passed over.
    """
    found = []
    try:
        content = path.read_text(errors="replace") if path.is_file() else ""  # a pipe would wait
    except OSError:
        return []
    for text in content.splitlines():
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(line, dict) and _is_whole(line):
            found.append(line)
    return found


def _is_whole(line: Line) -> bool:
    """Whether it has what ``lines_of`` gives it, of the same kinds."""
    kinds = {**dict.fromkeys(TEXTS, (str,)), **dict.fromkeys(NUMBERS, (int, float, type(None)))}
    return all(key in line and isinstance(line[key], kind) for key, kind in kinds.items())


def _is_cut_off(descriptor: int) -> bool:
    """Whether the last line has no end."""
    size = os.fstat(descriptor).st_size
    return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
