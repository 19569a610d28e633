"""Memory and start-up on a board: measured there, and nothing stays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sshd import Sshd
from suites import FAST, is_empty_soon

SUITE = """
from pytest_edgeai import edge_model, max_memory_mb, max_startup_ms

@edge_model({model!r})
@max_memory_mb(500)
@max_startup_ms(10_000)
@max_startup_ms(0.001, device="pi")
def test_it(converted_interpreter): pass
"""


def test_memory_is_the_same_on_a_board_of_the_same_kind(
    pytester: pytest.Pytester,
    edgeai_toml: Path,
    board: Sshd,
    realdata: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pytest_edgeai.judge.conditions.OTHERS_SHARE", 2)
    model = str(realdata / "models" / "mobilenet_v1_0.25_224_float.tflite")
    pytester.makepyfile(SUITE.format(model=model))
    result = pytester.runpytest(*FAST, "--edge-device=local", "--edge-device=pi")
    result.assert_outcomes(passed=1, failed=1)
    here, there = json.loads((pytester.path / "report.json").read_text())["tests"]
    verdicts = [[budget["verdict"] for budget in test["budgets"]] for test in (here, there)]
    assert verdicts == [["pass", "pass", "skipped"], ["pass", "pass", "fail"]]
    memory = [test["budgets"][0] for test in (here, there)]
    assert memory[1]["measured"] == pytest.approx(memory[0]["measured"], rel=0.15)
    seen = there["budgets"][1]["data"]["conditions"]
    assert (seen["host"], seen["starts"]) == ("board", 6)
    assert 0 <= seen["others_share"] <= 1
    assert is_empty_soon(board)
