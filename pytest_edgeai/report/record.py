"""One interpreter's outcome in one test, as plain data; all reports are drawn from records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytest_edgeai.judge.verdict import BudgetResult
from pytest_edgeai.model.facts import Model
from pytest_edgeai.model.proof import describe

SCHEMA = 1

Record = dict[str, Any]


def record(
    nodeid: str,
    test: str,
    model: Model,
    device: str,
    conditions: dict[str, Any],
    results: list[BudgetResult],
    **known: Any,
) -> Record:
    """The record of one interpreter.

    Args:
        test: what it is called on whichever device.
        known: more of ``bare_record``'s keys.
    """
    return {
        **bare_record(nodeid, model.variant),
        "test": test,
        "device": device,
        "model": {
            "name": model.name,
            "source": model.source or model.name,
            "description": describe(model.facts),
            **model.facts.as_dict(),
        },
        "model_file": str(model.path),
        "conditions": conditions,
        "budgets": [result.as_dict() for result in results],
        **known,
    }


def location(told: tuple[str, int | None, str]) -> dict[str, Any]:
    """Where a test stands, from what pytest tells of it: its file and its line, from 1."""
    file, line, _ = told
    return {"file": Path(file).as_posix(), "line": (line or 0) + 1}


def bare_record(nodeid: str, variant: str | None, test: str = "") -> Record:
    """The record of a test that came to no interpreter, with all keys that a record has.

    ``test`` is what it is called on whichever device.

    ``location`` is the test's file, from the root folder, and its line; ``markers`` its budgets as
    they were stated; ``threads`` the interpreter's; ``evidence`` what they were judged on, as
    ``report.saved.recording`` keeps it; ``pictures`` some of the samples as data URIs of PNG files,
    by index; ``model_file`` the file that was tested, as long as the run lasts, and not in the JSON
    report; ``data`` the hash of the evaluation data and how many samples it has; ``preprocessing``
    how images are prepared, where that is said; ``warnings`` what is doubtful about the data.
    """
    return {
        "nodeid": nodeid,
        "test": test or nodeid,
        "location": None,
        "variant": variant,
        "device": None,
        "model": None,
        "model_file": None,
        "threads": None,
        "conditions": {},
        "markers": [],
        "budgets": [],
        "evidence": {},
        "pictures": {},
        "baseline_file": None,
        "data": None,
        "preprocessing": None,
        "warnings": [],
    }
