"""pytest-benchmark's own options keep their meaning; budgets are judged whatever they say."""

from __future__ import annotations

import json
import re

import pytest

SHORT = ("--benchmark-max-time=1e-6", "--benchmark-min-rounds=70", "--edge-max-seconds=0.5")
SUITE = """
from pytest_edgeai import max_latency_ms, max_size_mb

@max_latency_ms(p95=100)
def test_with_benchmark(benchmark, int8_interpreter):
    benchmark(int8_interpreter.invoke)

@max_latency_ms(p95=100)
def test_budget(int8_interpreter): pass

@max_size_mb(1)
def test_size(int8_interpreter): pass

@max_latency_ms(p95=0.00001)
def test_too_slow(benchmark, int8_interpreter):
    benchmark(int8_interpreter.invoke)
"""


@pytest.fixture
def suite(digits_suite: pytest.Pytester) -> pytest.Pytester:
    digits_suite.makepyfile(test_it=SUITE)
    return digits_suite


def judged_runs(suite: pytest.Pytester) -> dict[str, int]:
    """How many samples each latency budget rests on."""
    tests = json.loads((suite.path / "report.json").read_text())["tests"]
    return {
        test["nodeid"].partition("::")[2]: budget["n"]
        for test in tests
        for budget in test["budgets"]
        if budget["unit"] == "ms"
    }


def test_disable(suite: pytest.Pytester) -> None:
    result = suite.runpytest(*SHORT, "--benchmark-disable", "--edge-report=report.json")
    result.assert_outcomes(passed=3, failed=1)
    assert min(judged_runs(suite).values()) >= 100, "not from samples of its own"
    assert "Name (time in" not in result.stdout.str()


def test_without_the_plugin(suite: pytest.Pytester) -> None:
    suite.makepyfile(test_it=SUITE.replace("benchmark, ", "").replace("benchmark(", "print("))
    result = suite.runpytest("-p", "no:benchmark", SHORT[-1], "--edge-report=report.json")
    result.assert_outcomes(passed=3, failed=1)
    assert min(judged_runs(suite).values()) >= 100


def test_only(suite: pytest.Pytester) -> None:
    result = suite.runpytest(*SHORT, "--benchmark-only")
    result.assert_outcomes(passed=1, failed=1, skipped=2)
    result.stdout.fnmatch_lines(["*benchmark: 2 tests*"])


def test_skip(suite: pytest.Pytester) -> None:
    result = suite.runpytest(*SHORT, "--benchmark-skip")
    result.assert_outcomes(passed=2, skipped=2)
    assert "Name (time in" not in result.stdout.str()


def test_save_and_compare(suite: pytest.Pytester) -> None:
    store = f"--benchmark-storage={suite.path / 'stored'}"
    saved = suite.runpytest(*SHORT, store, "--benchmark-save=first", "-k", "not slow and not size")
    saved.assert_outcomes(passed=2, deselected=2)
    compared = suite.runpytest(
        *SHORT, store, "--benchmark-compare=0001", "--benchmark-compare-fail=median:9900%",
        "-k", "not slow and not size",
    )  # fmt: skip
    compared.assert_outcomes(passed=2, deselected=2)
    rows = re.findall(r"^(test_\w+ \(\w+\))", compared.stdout.str(), re.MULTILINE)
    assert sorted(rows) == [
        "test_budget (0001_first)",
        "test_budget (NOW)",
        "test_with_benchmark (0001_first)",
        "test_with_benchmark (NOW)",
    ]


def test_histogram(suite: pytest.Pytester) -> None:
    # A process of its own: what it draws with replaces importlib.metadata's finder for good.
    suite.runpytest_subprocess(*SHORT, "--benchmark-histogram=drawn", "-k", "with_benchmark")
    assert list(suite.path.glob("drawn*.svg"))


def test_benchmarks_are_off_on_several_workers_and_budgets_are_judged(
    suite: pytest.Pytester,
) -> None:
    result = suite.runpytest_subprocess(
        *SHORT, "-n2", "-p", "no:hypothesispytest", "--edge-report=report.json"
    )
    result.assert_outcomes(passed=3, failed=1)
    assert set(judged_runs(suite)) == {"test_with_benchmark", "test_budget", "test_too_slow"}
    assert min(judged_runs(suite).values()) >= 59
    assert "Name (time in" not in result.stdout.str()
    result.stderr.fnmatch_lines(["*Benchmarks are automatically disabled because xdist*"])


def test_a_profile(suite: pytest.Pytester) -> None:
    """The profiler calls the function once more."""
    result = suite.runpytest(*SHORT, "--benchmark-cprofile=cumtime", "-k", "not slow")
    result.assert_outcomes(passed=3, deselected=1)


def test_a_warm_up_and_a_precision(suite: pytest.Pytester) -> None:
    result = suite.runpytest(
        *SHORT, "--benchmark-warmup=on", "--benchmark-warmup-iterations=50", "-k", "not slow"
    )
    result.assert_outcomes(passed=3, deselected=1)
