"""The JSON report: its schema, and how it is written."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from handmade import CONDITIONS, RUN, whole

from pytest_edgeai.device.agent import RELU_MODEL
from pytest_edgeai.judge.verdict import BudgetResult
from pytest_edgeai.model.tflite import Model, read_facts
from pytest_edgeai.report.document import document
from pytest_edgeai.report.json_report import write_json
from pytest_edgeai.report.record import bare_record, record

BUDGET = BudgetResult("max_latency_ms", "p95", 40.0, "ms", 10.0, 99, "pass", "p95 of 99 runs")


@pytest.fixture
def relu(tmp_path: Path) -> Model:
    path = tmp_path / "relu.tflite"
    path.write_bytes(RELU_MODEL)
    return Model(path, "relu.keras", "converted", read_facts(path))


def written(path: Path, *records: dict[str, Any]) -> dict[str, Any]:
    write_json(path, document(RUN, [*map(whole, records)]))
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_schema_1(tmp_path: Path, relu: Model) -> None:
    entry = record(
        "test_a.py::test_ready[pi]", "test_a.py::test_ready", relu, "pi", CONDITIONS, [BUDGET]
    )
    content = written(tmp_path / "report.json", entry)
    assert content["schema"] == 1
    assert content["run"] == RUN
    (test,) = content["tests"]
    assert {test["nodeid"], test["variant"], test["device"]} == {
        "test_a.py::test_ready[pi]",
        "converted",
        "pi",
    }
    assert test["model"]["sha256"] == relu.facts.sha256
    assert test["model"]["size_bytes"] == len(RELU_MODEL)
    assert test["conditions"] == CONDITIONS
    (budget,) = test["budgets"]
    wanted = {"marker", "statistic", "limit", "unit", "measured", "low", "high", "n"}
    assert wanted | {"verdict", "reason"} <= set(budget)
    assert (budget["measured"], budget["limit"], budget["headroom"]) == (10.0, 40.0, 0.75)


def test_a_bare_record_has_the_same_keys(relu: Model) -> None:
    whole = record("test_a.py::test_ready[pi]", "test_a.py::test_ready", relu, "pi", {}, [])
    assert bare_record("test_a.py::test_ready", "int8").keys() == whole.keys()


def test_an_older_report_is_replaced_at_once(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    written(path, bare_record("test_a.py::test_old", None))
    before = path.stat().st_ino
    content = written(path, bare_record("test_a.py::test_new", None))
    assert content["tests"][0]["nodeid"] == "test_a.py::test_new"
    assert path.stat().st_ino != before, "written in place: a reader may see half of it"
    assert names(tmp_path) == ["report.json"]


def test_what_json_cannot_hold_leaves_the_older_report(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    written(path, bare_record("test_a.py::test_old", None))
    with pytest.raises(TypeError):
        write_json(path, {"commit": object()})
    assert "test_old" in path.read_text()
    assert names(tmp_path) == ["report.json"]


def test_numbers_that_json_has_no_words_for(tmp_path: Path) -> None:
    values = [float("nan"), (float("inf"), 1.5)]
    budget = {**replace(BUDGET, data={"values": values}).as_dict(), "headroom": 0.5}
    entry = {**bare_record("test_a.py::test_a", None), "budgets": [budget]}
    content = written(tmp_path / "report.json", entry)
    assert content["tests"][0]["budgets"][0]["data"]["values"] == [None, [None, 1.5]]


def test_folders_are_made(tmp_path: Path) -> None:
    assert written(tmp_path / "a" / "b" / "report.json")["tests"] == []


def test_a_path_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_json(tmp_path / "folder.json", document({}, []))
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"exists|directory"):
        write_json(tmp_path / "file" / "report.json", document({}, []))
    assert names(tmp_path) == ["file", "folder.json"]


def test_others_may_read_it_as_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        written(tmp_path / "report.json")
    finally:
        os.umask(before)
    assert (tmp_path / "report.json").stat().st_mode & 0o777 == 0o640


def test_text_of_any_language(tmp_path: Path) -> None:
    entry = bare_record("test_a.py::test_größe[線]", None)
    assert written(tmp_path / "report.json", entry)["tests"][0]["nodeid"] == entry["nodeid"]
