"""The JSON report, schema 1."""

from __future__ import annotations

import json
from pathlib import Path

from pytest_edgeai.report.document import Document
from pytest_edgeai.report.writing import replace_text


def write_json(path: Path, document: Document) -> None:
    """Write a run.

    Raises:
        OSError: the path cannot be written.
    """
    replace_text(path, json.dumps(document, indent=2, allow_nan=False) + "\n")
