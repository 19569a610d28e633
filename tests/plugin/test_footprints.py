"""Budgets of memory and start-up on tests: verdicts, what failures say, and the report."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

BOTH = """
from pytest_edgeai import max_memory_mb, max_startup_ms

@max_memory_mb({mb})
@max_startup_ms({ms})
def test_it(converted_interpreter): pass
"""
NO_TIME = "--edge-max-seconds=0.000001"
REPORT = ("--edge-report=report.json", "-p", "no:benchmark")


pytestmark = pytest.mark.usefixtures("may_be_busy")


def budgets(suite: pytest.Pytester) -> list[dict[str, Any]]:
    (test,) = json.loads((suite.path / "report.json").read_text())["tests"]
    return list(test["budgets"])


def children() -> set[int]:
    """The processes that this one has started and that have not ended."""
    tasks = Path("/proc/self/task").iterdir()
    return {int(pid) for task in tasks for pid in (task / "children").read_text().split()}


def test_limits_far_above_pass_after_six_starts(digits_suite: pytest.Pytester) -> None:
    before = children()
    digits_suite.makepyfile(BOTH.format(mb=500, ms=10_000))
    result = digits_suite.runpytest(*REPORT)
    result.assert_outcomes(passed=1)
    result.stdout.re_match_lines([r".* memory +[\d.]+ MB +500 MB .* pass", r".* start-up .* pass"])
    for budget, unit in zip(budgets(digits_suite), ("bytes", "ms"), strict=True):
        assert (budget["verdict"], budget["n"], budget["unit"]) == ("pass", 6, unit)
        assert budget["low"] <= budget["measured"] <= budget["high"] < budget["limit"]
        data = budget["data"]
        assert len(data["values"]) == 6
        assert data["conditions"]["runtime"] == "ai-edge-litert"
        assert {len(part) for part in data["parts"].values()} == {6}
    assert children() == before


def test_limits_far_below_fail_and_say_of_what(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(BOTH.format(mb=0.001, ms=0.001))
    result = digits_suite.runpytest()
    result.assert_outcomes(failed=1)
    said = [
        r"converted of digits.keras on local: 2 of 2 budgets not met",
        r"max_memory_mb: memory [\d.]+ MB, limit 0.001 MB: [\d.]+ MB over \([\d,]+ times the limit",
        r"median of 6 starts in fresh processes, between [\d.]+ MB and [\d.]+ MB with 95 % confi",
        r"peak [\d.]+ MB, of which [\d.]+ MB without the model \(medians\)",
        r"ai-edge-litert [\d.]+, 1 thread, .+ \(\w+\), governor",
        r"max_startup_ms: start-up [\d.]+ ms, limit 0.001 ms: [\d.]+ ms over \([\d,]+ times the",
        r"median of 6 starts in fresh processes, between [\d.]+ ms and [\d.]+ ms with 95 % confi",
        r"load [\d.]+ ms, allocate [\d.]+ ms, first inference [\d.]+ ms \(medians\)",
        r"ai-edge-litert [\d.]+, 1 thread, .+ \(\w+\), governor",
    ]
    assert re.search(".*".join(said), " ".join(result.stdout.str().split()))


def test_six_starts_are_made_however_little_time_there_is(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(BOTH.format(mb=500, ms=10_000))
    result = digits_suite.runpytest(NO_TIME, *REPORT)
    result.assert_outcomes(passed=1)
    assert [budget["n"] for budget in budgets(digits_suite)] == [6, 6]


def test_no_time_for_more_than_six_is_inconclusive(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(BOTH.format(mb=500, ms=10_000))
    sure = (NO_TIME, "--edge-confidence=0.99")
    result = digits_suite.runpytest(*sure)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*only 6 starts in fresh processes: the median at 99 % confidence*",
            "*try: raise --edge-max-seconds: at least 2 more starts, *",
        ]
    )
    warned = digits_suite.runpytest(
        *sure, "--edge-inconclusive=warn", "-Wdefault::pytest_edgeai.EdgeAIWarning"
    )
    warned.assert_outcomes(passed=1, warnings=2)


def test_the_run_says_how_sure_they_have_to_be(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(BOTH.format(mb=500, ms=10_000))
    digits_suite.runpytest("--edge-confidence=0.99", *REPORT).assert_outcomes(passed=1)
    assert [budget["n"] for budget in budgets(digits_suite)] == [8, 8]


def test_budgets_with_other_threads_are_measured_apart(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(
        """
        from pytest_edgeai import max_startup_ms

        @max_startup_ms(10_000)
        @max_startup_ms(20_000)
        @max_startup_ms(10_000, threads=2)
        def test_it(converted_interpreter): pass
        """
    )
    digits_suite.runpytest(*REPORT).assert_outcomes(passed=1)
    one, same, two = sorted(budgets(digits_suite), key=lambda b: (b["threads"] or 1, b["limit"]))
    assert one["data"]["values"] == same["data"]["values"] != two["data"]["values"]
    assert [b["data"]["conditions"]["threads"] for b in (one, two)] == [1, 2]


def test_budgets_of_another_device_are_skipped(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(
        """
        from pytest_edgeai import max_memory_mb, max_startup_ms

        @max_memory_mb(0.001, device="pi")
        @max_startup_ms(0.001, device="pi")
        def test_it(converted_interpreter): pass
        """
    )
    result = digits_suite.runpytest("-rs", *REPORT)
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*a budget for device 'pi'; this is 'local'"])
    assert [b["verdict"] for b in budgets(digits_suite)] == ["skipped", "skipped"]


@pytest.mark.parametrize("name", ["max_memory_mb", "max_startup_ms"])
def test_a_device_that_there_is_not(digits_suite: pytest.Pytester, name: str) -> None:
    (digits_suite.path / "edgeai.toml").write_text("[devices.pi]\nthreads = 1\n")
    digits_suite.makepyfile(
        f"from pytest_edgeai import {name}\n"
        f"@{name}(500, device='pj')\n"
        "def test_it(converted_interpreter): pass"
    )
    result = digits_suite.runpytest()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"@{name}: no device is called 'pj'"])


HANGING = """
import numpy as np
from pytest_edgeai import edge_model, max_memory_mb, max_size_mb, max_startup_ms

@edge_model({steps!r})
@max_memory_mb(500)
@max_startup_ms(10_000)
@max_size_mb(1)
def test_it(converted_interpreter):
    converted_interpreter.set_tensor(0, np.array([2_000_000_000], np.int32))
"""


def test_a_model_that_hangs_in_its_first_inference(
    digits_suite: pytest.Pytester, tiny: Path
) -> None:
    before = children()
    digits_suite.makepyfile(HANGING.format(steps=str(tiny / "steps.tflite")))
    result = digits_suite.runpytest("--edge-call-timeout=2", *REPORT)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "  max_memory_mb: memory, limit 500 MB: not judged",
            "*start-up did not return within*",
            "  max_startup_ms: start-up, limit 10,000 ms: not judged",
        ]
    )
    verdicts = {b["statistic"]: b["verdict"] for b in budgets(digits_suite)}
    assert verdicts == {"size": "pass", "memory": "error", "start-up": "error"}
    assert children() == before
