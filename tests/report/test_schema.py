"""The schema of the JSON report: it is one, it is shipped, and it is strict."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from every_report import reports_in, schema, wrong_in
from handmade import FAILS, PASSES, judged, made

from pytest_edgeai.judge.verdict import BudgetResult
from pytest_edgeai.report.record import SCHEMA, bare_record


def test_it_is_a_schema_of_this_version() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    assert schema()["properties"]["schema"] == {"const": SCHEMA}


def test_a_whole_document_is_as_it_says(tmp_path: Path) -> None:
    assert wrong_in(made(judged(tmp_path, [PASSES, FAILS]))) == []


def test_it_has_every_key_of_records_and_results() -> None:
    defined = schema()["$defs"]
    record = {*bare_record("a", None), "outcome", "error"} - {"answers", "model_file"}
    assert {*defined["test"]["properties"]} == record
    result = BudgetResult.__dataclass_fields__.keys()
    assert {*defined["budget"]["properties"]} == {*result, "headroom", "line"}


def test_every_object_is_closed_or_says_what_it_holds() -> None:
    """Else whatever is written is right."""
    open_objects = {"data", "fingerprint", "arguments", "preprocessing"}
    found = set()

    def look(node: Any, name: str) -> None:
        if isinstance(node, dict):
            kinds = node.get("type")
            is_object = "object" in (kinds if isinstance(kinds, list) else [kinds])
            if is_object and not {"additionalProperties", "maxProperties"} & node.keys():
                found.add(name)
            for key, value in node.items():
                look(value, key)
        elif isinstance(node, list):
            for value in node:
                look(value, name)

    look(schema(), "")
    assert found == open_objects


CHANGES: list[tuple[list[Any], Any]] = [
    (["schema"], 2),
    (["extra"], 1),
    (["run", "started"], "yesterday"),
    (["run", "extra"], 1),
    (["tests", 0, "outcome"], "well"),
    (["tests", 0, "extra"], 1),
    (["tests", 0, "location"], None),
    (["tests", 0, "conditions", "before", "extra"], 1),
    (["tests", 0, "conditions", "extra"], 1),
    (["tests", 0, "budgets", 0, "verdict"], "passed"),
    (["tests", 0, "budgets", 0, "unit"], "s"),
    (["tests", 0, "budgets", 0, "limit"], "40"),
    (["tests", 0, "evidence"], {"latency": [{"threads": None}]}),
    (["tests", 0, "evidence"], {"other": []}),
    (["tests", 0, "pictures"], {"1": "http://elsewhere"}),
    (["models"], {"abc": {}}),
]


@pytest.mark.parametrize(("path", "value"), CHANGES, ids=lambda value: str(value))
def test_what_is_not_as_it_says(tmp_path: Path, path: list[Any], value: Any) -> None:
    document = copy.deepcopy(made(judged(tmp_path, [PASSES])))
    target: Any = document
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    assert wrong_in(document) != []


def test_reports_are_found_where_tests_leave_them(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "report.json").write_text('{"schema": 1, "tests": [], "models": {}}')
    (tmp_path / "other.json").write_text("[1]")
    (tmp_path / "broken.json").write_text("{")
    ((path, content),) = reports_in(tmp_path).items()
    assert path.name == "report.json"
    assert wrong_in(content) != []
    path.unlink()
