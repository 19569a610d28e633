"""The JSON report, schema 1."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from pytest_edgeai.report.record import SCHEMA, Record


def write_json(path: Path, run: dict[str, Any], tests: list[Record]) -> None:
    """Write all records, atomically.

    Raises:
        OSError: the path cannot be written.
    """
    content = json.dumps({"schema": SCHEMA, "run": run, "tests": tests}, indent=2, allow_nan=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        unfinished.write_text(content + "\n")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
