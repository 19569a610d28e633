"""A run as one document of plain data: what the JSON report holds, and all others are drawn from.

It is described by ``schema.json`` beside this file.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytest_edgeai.errors import UsageError
from pytest_edgeai.report.comparison import comparisons
from pytest_edgeai.report.plain import as_json
from pytest_edgeai.report.record import SCHEMA, Record

Document = dict[str, Any]
OF_TEST = (
    "name",
    "source",
    "description",
    "signature",
    "sha256",
    "size_bytes",
    "int8_weight_share",
)
"""What a test says of its model beside its ``key``; all facts stand once under ``models``."""
IN_FOLDER = "results.json"
"""Where a report's folder has it."""
ONLY_IN_THE_RUN = ("model_file",)
"""What records have and reports have not."""


def document(run: dict[str, Any], records: Sequence[Record]) -> Document:
    """The document of a run.

    Returns:
        ``schema``, ``run``, ``models`` (facts by ``key``), ``tests`` and ``comparisons`` of
        devices; JSON data, with null for numbers that JSON has no words for.
    """
    models = [record["model"] for record in records if record["model"]]
    content = {
        "schema": SCHEMA,
        "run": run,
        "models": {_key(model): _facts(model) for model in models},
        "tests": [_shown(record) for record in records],
        "comparisons": comparisons([*records]),
    }
    made: Document = as_json(content)
    return made


def read_document(path: Path) -> Document:
    """A JSON report, or that of a report's folder.

    Raises:
        UsageError: a file that cannot be read, or is none.
    """
    if path.is_dir():
        path /= IN_FOLDER
    try:
        content = json.loads(path.read_text())
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no JSON: {error}", _MAKE_ONE) from None
    if not isinstance(content, dict) or not {"schema", "tests", "models"} <= content.keys():
        raise UsageError(f"{path} is no report of a run", _MAKE_ONE)
    if content["schema"] != SCHEMA:
        raise UsageError(
            f"{path} has schema {content['schema']}; this version reads {SCHEMA}", _MAKE_ONE
        )
    if not isinstance(content["tests"], list) or not isinstance(content["models"], dict):
        raise UsageError(f"{path} was damaged or edited: no list of tests, or no models", _MAKE_ONE)
    return content


_MAKE_ONE = "pytest --edge-report=results.json writes one"


def _key(model: dict[str, Any]) -> str:
    """A file's SHA-256, with the signature where it has several."""
    several = len(model["signatures"]) > 1
    return f"{model['sha256']}:{model['signature']}" if several else str(model["sha256"])


def _facts(model: dict[str, Any]) -> dict[str, Any]:
    """What is true of a file, whatever it is tested as."""
    return {key: value for key, value in model.items() if key != "source"}


def _shown(record: Record) -> Record:
    shown = {key: value for key, value in record.items() if key not in ONLY_IN_THE_RUN}
    if record["model"]:
        of_test = {key: record["model"][key] for key in OF_TEST}
        shown["model"] = {**of_test, "key": _key(record["model"])}
    return shown
