"""The JSON report, schema 1."""

from __future__ import annotations

import json
import os
import tempfile
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
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
    with os.fdopen(handle, "w") as file:
        file.write(content + "\n")
    Path(temporary).chmod(0o644)
    Path(temporary).replace(path)
