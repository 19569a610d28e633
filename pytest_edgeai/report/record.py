"""One interpreter's outcome in one test, as plain data; all reports are drawn from records."""

from __future__ import annotations

from typing import Any

from pytest_edgeai.judge.verdict import BudgetResult
from pytest_edgeai.model.facts import Model

SCHEMA = 1

Record = dict[str, Any]


def record(
    nodeid: str,
    test: str,
    model: Model,
    device: str,
    conditions: dict[str, Any],
    results: list[BudgetResult],
    baseline_file: str | None = None,
    answers: dict[str, Any] | None = None,
    preprocessing: dict[str, Any] | None = None,
    warnings: list[str] | None = None,
) -> Record:
    """The record of one interpreter.

    Args:
        test: what it is called on whichever device.
        answers: the likeliest class of each sample (``classes``), and the hash of the ``data``; to
            compare devices with, and not in the JSON report.
        preprocessing: how images are prepared, where that is said.
        warnings: what is doubtful about the data.
    """
    facts = model.facts
    return {
        "nodeid": nodeid,
        "test": test,
        "variant": model.variant,
        "device": device,
        "model": {
            "name": model.name,
            "sha256": facts.sha256,
            "size_bytes": facts.size_bytes,
            "int8_weight_share": facts.int8_weight_share,
        },
        "conditions": conditions,
        "budgets": [{**result.as_dict(), "headroom": result.headroom} for result in results],
        "baseline_file": baseline_file,
        "answers": answers,
        "preprocessing": preprocessing,
        "warnings": warnings or [],
    }


def bare_record(nodeid: str, variant: str | None) -> Record:
    """The record of a test that came to no interpreter."""
    return {
        "nodeid": nodeid,
        "test": nodeid,
        "variant": variant,
        "device": None,
        "model": None,
        "conditions": {},
        "budgets": [],
        "baseline_file": None,
        "answers": None,
        "preprocessing": None,
        "warnings": [],
    }
