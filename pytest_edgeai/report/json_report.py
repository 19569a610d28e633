"""The JSON report, schema 1."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

from pytest_edgeai.report.comparison import comparisons
from pytest_edgeai.report.record import SCHEMA, Record


def write_json(path: Path, run: dict[str, Any], tests: list[Record]) -> None:
    """Write all records, atomically.

    Raises:
        OSError: the path cannot be written.
    """
    shown = [{key: test[key] for key in test if key != "answers"} for test in tests]
    compared = comparisons(tests)
    document = _finite({"schema": SCHEMA, "run": run, "tests": shown, "comparisons": compared})
    content = json.dumps(document, indent=2, allow_nan=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        unfinished.write_text(content + "\n")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _finite(value: Any) -> Any:
    """The same with null for numbers that JSON has no words for, as of a user's own metric."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
