"""The history of runs: lines that are appended, by many at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from handmade import FAILS, PASSES, RUN, judged, made

from pytest_edgeai.report.history import append_history, read_history

WRITER = """
import json, sys
from pathlib import Path
from pytest_edgeai.report.history import append_history

document = json.loads(Path(sys.argv[2]).read_text())
for _ in range(50):
    append_history(Path(sys.argv[1]), document)
"""


def test_a_line_for_each_budget_of_each_run(tmp_path: Path) -> None:
    path = tmp_path / "out" / "history.jsonl"
    append_history(path, made(judged(tmp_path, [PASSES, replace(FAILS, low=49.0)])))
    append_history(path, made(judged(tmp_path, [PASSES]), started="2026-01-03T00:00:00Z"))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert read_history(path) == lines
    assert [line["time"] for line in lines] == [RUN["started"]] * 2 + ["2026-01-03T00:00:00Z"]
    assert lines[1] == {
        "time": RUN["started"],
        "commit": RUN["commit"],
        "nodeid": "tests/test_a.py::test_ready",
        "test": "tests/test_a.py::test_ready",
        "variant": "int8",
        "device": "pi",
        "model": "relu.keras",
        "sha256": lines[0]["sha256"],
        "marker": "max_latency_ms",
        "statistic": "p95",
        "threads": None,
        "unit": "ms",
        "measured": 50.0,
        "low": 49.0,
        "high": None,
        "limit": 40.0,
        "is_floor": False,
        "verdict": "fail",
    }


def test_runs_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    path, document = tmp_path / "history.jsonl", tmp_path / "document"
    document.write_text(json.dumps(made(judged(tmp_path, [PASSES] * 40))))
    command = [sys.executable, "-c", WRITER, str(path), str(document)]
    writers = [subprocess.Popen(command) for _ in range(4)]
    assert [writer.wait() for writer in writers] == [0, 0, 0, 0]
    lines = path.read_text().splitlines()
    assert len(lines) == 4 * 50 * 40
    assert len({*lines}) == 1


def test_half_a_line_costs_no_other(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    append_history(path, made(judged(tmp_path, [PASSES])))
    whole = path.read_text()
    path.write_text(whole + whole[:30])
    append_history(path, made(judged(tmp_path, [PASSES])))
    assert len(read_history(path)) == 2
    assert len(path.read_text().splitlines()) == 3


@pytest.mark.parametrize("text", ["", "\n\n", "[1]\n", '{"other": 1}\n', "\0\0\n"])
def test_what_is_no_result_is_passed_over(tmp_path: Path, text: str) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text(text)
    append_history(path, made(judged(tmp_path, [PASSES])))
    assert [line["measured"] for line in read_history(path)] == [10.0]


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "runs.jsonl")
    assert read_history(tmp_path / "runs.jsonl") == []


def test_there_may_be_no_file(tmp_path: Path) -> None:
    assert read_history(tmp_path / "history.jsonl") == []


def test_a_run_without_budgets_adds_nothing(tmp_path: Path) -> None:
    append_history(tmp_path / "history.jsonl", made())
    assert (tmp_path / "history.jsonl").read_text() == ""
