"""The same test on several devices, side by side."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from pytest_edgeai.judge.verdict import BudgetResult
from pytest_edgeai.report.comparison import comparisons, differences
from pytest_edgeai.report.document import document
from pytest_edgeai.report.packing import pack
from pytest_edgeai.report.record import bare_record

Record = dict[str, Any]


def latency(measured: float | None, statistic: str = "p95") -> BudgetResult:
    return BudgetResult("max_latency_ms", statistic, 40.0, "ms", measured, 99, "pass", "why")


def entry(
    device: str | None,
    *results: BudgetResult,
    test: str = "tests/test_line.py::test_ready",
    variant: str = "int8",
    sha256: str = "ab12",
    classes: tuple[int, ...] | None = None,
    data: str = "the same",
) -> Record:
    return {
        **bare_record(f"{test}[{device}]", variant),
        "test": test,
        "device": device,
        "model": {
            "name": "digits.keras",
            "source": "digits.keras",
            "signature": "serving_default",
            "signatures": ["serving_default"],
            "description": "int8 with int8 inputs and outputs",
            "sha256": sha256,
            "size_bytes": 64_000,
            "int8_weight_share": 1.0,
        },
        "budgets": [result.as_dict() for result in results],
        "data": {"sha256": data, "samples": len(classes)} if classes else None,
        "evidence": {"answered": [{"baseline": None, "classes": pack(classes)}] if classes else []},
    }


def scored(device: str, *classes: int, **kwargs: Any) -> Record:
    return entry(device, classes=classes, **kwargs)


def only(records: list[Record]) -> dict[str, Any]:
    (compared,) = comparisons(records)
    return compared


def test_two_devices() -> None:
    here = entry("local", latency(1.5), latency(1.0, "median"))
    there = entry("pi", latency(12.5), latency(9.0, "median"))
    assert comparisons([here, there]) == [
        {
            "test": "tests/test_line.py::test_ready",
            "name": "digits.keras",
            "variant": "int8",
            "model": "ab12",
            "devices": ["local", "pi"],
            "measured": {"p95": [1.5, 12.5], "median": [1.0, 9.0]},
            "answers": None,
        }
    ]


def test_three_devices_are_three_pairs() -> None:
    records = [entry(name) for name in ("local", "pi", "jetson")]
    assert [compared["devices"] for compared in comparisons(records)] == [
        ["local", "pi"],
        ["local", "jetson"],
        ["pi", "jetson"],
    ]


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_to_compare_with(count: int) -> None:
    assert comparisons([entry("pi", latency(1.0))] * count) == []


def test_a_device_is_not_compared_with_itself() -> None:
    assert comparisons([entry("pi")] * 2) == []


@pytest.mark.parametrize(
    "other",
    [
        {"test": "tests/test_line.py::test_other"},
        {"variant": "float16"},
        {"sha256": "cd34"},
    ],
)
def test_only_the_same_test_and_model(other: dict[str, Any]) -> None:
    records = [entry("local"), entry("pi", **other)]
    assert comparisons(records) == []


def test_tests_that_came_to_no_interpreter_are_left_out() -> None:
    nodeid = "tests/test_line.py::test_ready"
    records = [bare_record(f"{nodeid}[pi]", "int8"), bare_record(f"{nodeid}[local]", None)]
    assert comparisons([*records, entry("local")]) == []


def test_each_variant_on_a_device_called_like_one() -> None:
    records = [
        entry(device, variant=variant, sha256=variant)
        for device in ("local", "int8")
        for variant in ("int8", "converted")
    ]
    compared = comparisons(records)
    assert [(one["devices"], one["variant"]) for one in compared] == [
        (["local", "int8"], "int8"),
        (["local", "int8"], "converted"),
    ]


def test_a_statistic_with_other_threads_is_another_one() -> None:
    records = [
        entry(device, *(replace(latency(ms), threads=n) for n, ms in ((1, 9.0), (4, 3.0))))
        for device in ("local", "pi")
    ]
    assert only(records)["measured"] == {
        "p95 (1 thread)": [9.0, 9.0],
        "p95 (4 threads)": [3.0, 3.0],
    }


def test_what_one_device_alone_was_judged_on() -> None:
    here, there = entry("local", latency(1.0)), entry("pi", latency(2.0, "p99"))
    assert only([here, there])["measured"] == {}


def test_what_was_not_measured_is_none() -> None:
    here, there = entry("local", latency(None)), entry("pi", latency(2.0))
    assert only([here, there])["measured"] == {"p95": [None, 2.0]}


@pytest.mark.parametrize(
    ("here", "there", "different", "first"),
    [
        ([0, 1, 2], [0, 1, 2], 0, []),
        ([0, 1, 2], [0, 2, 1], 2, [1, 2]),
        ([0, 1, 2], [1, 2, 0], 3, [0, 1, 2]),
        ([7] * 8, [7, *[0] * 7], 7, [1, 2, 3, 4, 5]),
    ],
)
def test_answers_are_counted(
    here: list[int], there: list[int], different: int, first: list[int]
) -> None:
    compared = only([scored("local", *here), scored("pi", *there)])
    assert compared["answers"] == {"samples": len(here), "different": different, "first": first}


@pytest.mark.parametrize(
    "there",
    [
        scored("pi", 0, 1, 2, data="others"),
        scored("pi", 0, 1, data="fewer"),
        entry("pi"),
    ],
)
def test_answers_to_other_data_are_not_compared(there: Record) -> None:
    records = [scored("local", 0, 1, 2), there]
    for pair in (records, records[::-1]):
        assert only(pair)["answers"] is None


class TestDifferences:
    def lines(self, *records: Record) -> list[str]:
        return differences(comparisons(list(records)))

    def test_a_line_for_two_devices(self) -> None:
        assert self.lines(scored("local", 0, 1, 2), scored("pi", 0, 2, 1)) == [
            "int8 of digits.keras: local and pi answer 2 of 3 samples differently"
        ]

    def test_one_sample(self) -> None:
        (line,) = self.lines(scored("local", 0), scored("pi", 0))
        assert line.endswith("local and pi answer 0 of 1 sample differently")

    def test_thousands(self) -> None:
        (line,) = self.lines(scored("local", *[0] * 3000), scored("pi", *[1] * 3000))
        assert line.endswith("answer 3,000 of 3,000 samples differently")

    def test_a_line_for_each_pair(self) -> None:
        lines = self.lines(*(scored(name, 0, 1) for name in ("local", "pi", "jetson")))
        assert [line.partition(": ")[2].partition(" answer")[0] for line in lines] == [
            "local and pi",
            "local and jetson",
            "pi and jetson",
        ]

    def test_a_model_of_several_tests_has_one_line(self) -> None:
        records = [
            scored(device, 0, 1, test=name)
            for name in ("test_ready", "test_steady")
            for device in ("local", "pi")
        ]
        assert len(self.lines(*records)) == 1

    def test_in_whichever_order_the_devices_ran(self) -> None:
        records = [scored(name, 0, 1, test="one") for name in ("local", "pi")]
        records += [scored(name, 0, 1, test="other") for name in ("pi", "local")]
        assert len(self.lines(*records)) == 1

    def test_two_models_have_two(self) -> None:
        records = [
            scored(device, 0, 1, variant=variant, sha256=variant)
            for variant in ("int8", "float16")
            for device in ("local", "pi")
        ]
        lines = self.lines(*records)
        assert [line.partition(" of ")[0] for line in lines] == ["int8", "float16"]

    def test_none_without_answers(self) -> None:
        assert self.lines(entry("local", latency(1.0)), entry("pi", latency(2.0))) == []
        assert self.lines(scored("local", 0), scored("pi", 0, data="others")) == []


def test_the_document_has_comparisons() -> None:
    records = [scored("local", 0, 1, 2), scored("pi", 0, 2, 2)]
    content = json.loads(json.dumps(document({}, records)))
    assert content["comparisons"] == comparisons(records)
    assert content["comparisons"][0]["answers"]["different"] == 1
    assert [test["device"] for test in content["tests"]] == ["local", "pi"]


def test_the_document_of_one_device() -> None:
    assert document({}, [scored("pi", 0, 1)])["comparisons"] == []
