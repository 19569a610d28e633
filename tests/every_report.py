"""Checks JSON reports against the schema that is shipped."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema


def schema() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(
        files("pytest_edgeai.report").joinpath("schema.json").read_text()
    )
    return content


@cache
def validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema())


def wrong_in(document: Any) -> list[str]:
    """Where a report is not as the schema says, and why."""
    return [
        f"{error.json_path}: {error.message[:500]}" for error in validator().iter_errors(document)
    ]


def reports_in(folder: Path) -> dict[Path, Any]:
    """The JSON reports in a folder and below."""
    found = {}
    for path in folder.rglob("*.json"):
        try:
            content = json.loads(path.read_text())
        except (OSError, ValueError):
            continue
        if isinstance(content, dict) and {"schema", "tests"} <= content.keys():
            found[path] = content
    return found
