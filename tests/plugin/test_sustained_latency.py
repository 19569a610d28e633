"""``max_sustained_latency_ms`` from the marker to the reports, on a device that slows down."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

STEADY = """
from pytest_edgeai import max_sustained_latency_ms

@max_sustained_latency_ms(p95={limit}, seconds=3)
def test_it(converted_interpreter): pass
"""

SLOWS_DOWN = """
import time
import pytest
from pytest_edgeai import max_sustained_latency_ms
from pytest_edgeai.device.interpreter import Interpreter

FROM_S, TIMES = 1.5, 100
STEADY = Interpreter.time_runs

@pytest.fixture(autouse=True)
def slowed_down(monkeypatch):
    '''From the middle of the run on, the device's clock is so many times as fast.'''
    began = []

    def time_runs(self, *args):
        began.append(time.monotonic())
        is_late = time.monotonic() - began[0] > FROM_S
        return STEADY(self, *args) * (TIMES if is_late else 1)

    monkeypatch.setattr(Interpreter, "time_runs", time_runs)

@max_sustained_latency_ms(p95=0.05, seconds=3)
def test_it(converted_interpreter): pass
"""
"""A run takes microseconds, and a busy neighbour interrupts few of them."""


@pytest.fixture(autouse=True)
def whoever_else_computes_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_edgeai.judge.conditions.OTHERS_SHARE", 1.0)


def budget(suite: pytest.Pytester) -> dict[str, Any]:
    (test,) = json.loads((suite.path / "report.json").read_text())["tests"]
    (found,) = test["budgets"]
    return dict(found)


def test_a_model_that_keeps_it_up(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(STEADY.format(limit=1000))
    result = digits_suite.runpytest(
        "--edge-report=report.json", "--edge-max-seconds=0.1", "--benchmark-disable"
    )
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*sustained p95 * ms 1,000 ms*+100% pass"])
    found = budget(digits_suite)
    windows = found["data"]["windows"]
    assert [round(window["begin_s"]) for window in windows] == [0, 1, 2]
    assert sum(window["seconds"] for window in windows) == pytest.approx(3, abs=0.5)
    assert found["n"] == sum(window["runs"] for window in windows)
    assert found["measured"] == max(window["p95_ms"] for window in windows)
    assert set(found["data"]["ratio"]) == {"median", "p95"}
    assert found["details"][0].startswith("the run in windows")
    assert len(found["details"][0].splitlines()) == 2 + 3


def test_a_model_that_is_too_slow_shows_how_it_went(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(STEADY.format(limit=0.00001))
    result = digits_suite.runpytest("--edge-report=report.json", "--benchmark-disable")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "  max_sustained_latency_ms: sustained p95 * ms, limit 0.00001 ms: * over *",
            "    1 of 1 window: window 1 of 3, from 0.0 s on: p95 of *",
            "    the run in windows, times in ms:",
            "      * from *runs *median *p95",
            "      0.0 s * |*####*",
            "    inputs: seeded random values",
            "    ai-edge-litert *, 1 thread, *",
            "    try: more threads *",
        ]
    )
    assert len(budget(digits_suite)["data"]["windows"]) == 1


def test_a_device_that_slows_down(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(SLOWS_DOWN)
    result = digits_suite.runpytest("--edge-report=report.json", "--benchmark-disable")
    result.assert_outcomes(failed=1)
    found = budget(digits_suite)
    first, *_, last = found["data"]["windows"]
    assert found["verdict"] == "fail", found["reason"]
    assert first["p95_ms"] < found["limit"] < last["p95_ms"]
    assert found["data"]["ratio"]["p95"] > 2
    said = " ".join(result.stdout.str().split())
    assert re.search(r"last window to first: [\d.]+ times the median, [\d.]+ times the p95", said)
    assert "try: cool the device" in said
    lines = result.stdout.str().partition("the run in windows")[2].splitlines()[2:]
    bars = [line.count("#") for line in lines[: len(found["data"]["windows"])]]
    assert bars[-1] > 2 * bars[0]
    assert all(len(line) <= 79 for line in lines[: len(bars)])


def test_other_threads_are_run_as_well(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(STEADY.format(limit=1000).replace("seconds=3", "seconds=1, threads=2"))
    result = digits_suite.runpytest("--edge-report=report.json", "--benchmark-disable")
    result.assert_outcomes(passed=1)
    found = budget(digits_suite)
    assert (found["threads"], found["data"]["conditions"]["threads"]) == (2, 2)


def test_for_another_device_it_is_skipped_and_not_run(digits_suite: pytest.Pytester) -> None:
    source = STEADY.format(limit=1000).replace("seconds=3", 'seconds=10000, device="pi"')
    digits_suite.makepyfile(source)
    result = digits_suite.runpytest("-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*a budget for device 'pi'; this is 'local'*"])
    result.stdout.no_fnmatch_line("*sustained runs of*")


def test_an_unknown_device_is_an_error_that_names_the_marker(digits_suite: pytest.Pytester) -> None:
    (digits_suite.path / "edgeai.toml").write_text("[devices.pi]\nthreads = 4\n")
    source = STEADY.format(limit=1000).replace("seconds=3", 'seconds=3, device="pie"')
    digits_suite.makepyfile(source)
    result = digits_suite.runpytest()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*@max_sustained_latency_ms: no device is called 'pie'*"])


def test_the_header_counts_its_seconds(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(
        """
        from pytest_edgeai import max_latency_ms, max_sustained_latency_ms

        @max_latency_ms(p95=1000)
        @max_sustained_latency_ms(p95=1000, seconds=1)
        def test_it(converted_interpreter): pass

        @max_sustained_latency_ms(p95=1000, seconds=2)
        def test_next(converted_interpreter): pass
        """
    )
    result = digits_suite.runpytest("--edge-max-seconds=10", "--benchmark-disable")
    result.stdout.fnmatch_lines(
        [
            "edgeai: 1 latency measurement and sustained runs of 3.0 s: 3.5 s if all is clear, "
            "13 s if nothing is, more if void"
        ]
    )


def test_a_confidence_of_the_run_counts(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(STEADY.format(limit=0.00001))
    result = digits_suite.runpytest("--edge-confidence=0.9", "--benchmark-disable")
    assert "with 96.67 % confidence" in " ".join(result.stdout.str().split())
