"""The digits of the example suite, measured twice: nothing is worse, and nothing better."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pytest_edgeai.cli import main

EXAMPLE = Path(__file__).parents[2] / "example_suite"


@pytest.fixture
def example(pytester: pytest.Pytester, conversions: Path) -> pytest.Pytester:
    """A copy of it, whose model is trained by its first test."""
    pytester.makeini(f"[pytest]\nedge_cache_dir = {conversions}\n")
    for name in ("conftest.py", "digits.py", "test_digits.py"):
        shutil.copy2(EXAMPLE / name, pytester.path)
    return pytester


def test_two_runs_of_the_example_mark_nothing(
    example: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever else computes on this machine makes no latency void: it is compared."""
    monkeypatch.setattr("pytest_edgeai.judge.conditions.OTHERS_SHARE", 2)
    for report in ("before.json", "after.json"):
        example.runpytest(f"--edge-report={report}", "-p", "no:benchmark", "-k", "not single")
    assert main(["compare", "before.json", "after.json", "--json", "changes.json"]) == 0
    found = json.loads((example.path / "changes.json").read_text())["changes"]
    assert {change["side"] for change in found} <= {"same", "untold"}
    same = [change["what"] for change in found if change["side"] == "same"]
    assert same.count("median") == same.count("accuracy") == 3
