"""What pytest-benchmark shows of inferences: the device's time, with percentiles and conditions."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

SHORT = ("--benchmark-max-time=1e-6", "--benchmark-min-rounds=70")


def run(suite: pytest.Pytester, source: str, *args: str) -> pytest.RunResult:
    suite.makepyfile(test_it=source)
    return suite.runpytest(
        *SHORT,
        "--benchmark-json=benchmarks.json",
        "--benchmark-save-data",
        "--edge-report=report.json",
        "--edge-max-seconds=0.5",
        *args,
    )


def benchmarks(suite: pytest.Pytester) -> dict[str, Any]:
    content = json.loads((suite.path / "benchmarks.json").read_text())
    return {entry["name"]: entry for entry in content["benchmarks"]}


def records(suite: pytest.Pytester) -> dict[str, Any]:
    content = json.loads((suite.path / "report.json").read_text())
    return {test["nodeid"].partition("::")[2]: test for test in content["tests"]}


def percentile_ms(data: list[float], share: float) -> float:
    return float(np.quantile(data, share, method="inverted_cdf")) * 1e3


OWN = """
from pytest_edgeai import max_latency_ms

@max_latency_ms(p95=100, mean=100)
def test_own(benchmark, int8_interpreter):
    benchmark(int8_interpreter.invoke)
"""


def test_rounds_are_inferences_on_the_device(digits_suite: pytest.Pytester) -> None:
    run(digits_suite, OWN).assert_outcomes(passed=1)
    entry = benchmarks(digits_suite)["test_own"]
    stats, extra = entry["stats"], entry["extra_info"]
    assert stats["iterations"] == 1
    assert len(stats["data"]) == stats["rounds"] > 72
    # 49 kFLOP take microseconds; with the way to the process and back it is over 50 of them.
    assert 0 < stats["median"] < 50e-6
    for key, share in {"p50_ms": 0.5, "p90_ms": 0.9, "p95_ms": 0.95, "p99_ms": 0.99}.items():
        assert extra[key] == pytest.approx(percentile_ms(stats["data"], share), rel=1e-6)
    assert (extra["variant"], extra["model"], extra["device"]) == ("int8", "digits.keras", "local")
    conditions = extra["conditions"]
    assert conditions["runtime"] == "ai-edge-litert"
    assert conditions["threads"] == 1
    assert {"runtime_version", "cpu", "machine", "before", "after"} <= set(conditions)
    assert conditions["after"]["load_1min"] >= 0


def test_budgets_are_judged_on_the_same_rounds(digits_suite: pytest.Pytester) -> None:
    """A median far below its limit needs no others."""
    many = OWN.replace("p95=100, mean=100", "median=100").replace(
        "benchmark(int8_interpreter.invoke)",
        "benchmark.pedantic(int8_interpreter.invoke, rounds=10_000)",
    )
    run(digits_suite, many).assert_outcomes(passed=1)
    stats = benchmarks(digits_suite)["test_own"]["stats"]
    (budget,) = records(digits_suite)["test_own"]["budgets"]
    assert budget["n"] == stats["rounds"] == 10_000
    assert budget["measured"] == pytest.approx(percentile_ms(stats["data"], 0.5))


OF_BUDGETS = """
from pytest_edgeai import max_latency_ms, max_size_mb

@max_latency_ms(p95=100, median=100)
def test_latency(int8_interpreter): pass

@max_size_mb(1)
def test_size(int8_interpreter): pass

@max_latency_ms(p95=0.00001)
def test_too_slow(int8_interpreter): pass
"""


def test_budgets_without_benchmark_are_in_the_results(digits_suite: pytest.Pytester) -> None:
    result = run(digits_suite, OF_BUDGETS)
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*benchmark: 2 tests*"])
    entries, found = benchmarks(digits_suite), records(digits_suite)
    assert set(entries) == {"test_latency", "test_too_slow"}
    for name, entry in entries.items():
        budgets = {budget["statistic"]: budget for budget in found[name]["budgets"]}
        data = entry["stats"]["data"]
        assert budgets["p95"]["n"] == entry["stats"]["rounds"] == len(data)
        assert budgets["p95"]["measured"] == pytest.approx(entry["extra_info"]["p95_ms"])
        assert budgets["p95"]["measured"] == pytest.approx(percentile_ms(data, 0.95), rel=1e-6)


VARIED = """
import time
import numpy as np
import pytest
from pytest_edgeai import max_latency_ms

def test_predict(benchmark, int8_interpreter, data):
    answers = benchmark(int8_interpreter.predict, data[0][:1])
    assert answers.shape == (1, 10)

def test_signature(benchmark, converted_interpreter, data):
    runner = converted_interpreter.get_signature_runner()
    name, = runner.get_input_details()
    benchmark(lambda: runner(**{name: data[0][:1]}))

@pytest.mark.benchmark(timer=time.perf_counter, group="host")
def test_own_timer(benchmark, int8_interpreter):
    benchmark(int8_interpreter.invoke)

@max_latency_ms(p95=100)
def test_pedantic(benchmark, int8_interpreter):
    benchmark.pedantic(int8_interpreter.invoke, rounds=64, warmup_rounds=2)

def test_iterations(benchmark, int8_interpreter):
    benchmark.pedantic(int8_interpreter.invoke, rounds=3, iterations=10)

def test_two(benchmark, int8_interpreter, converted_interpreter):
    def both():
        int8_interpreter.invoke()
        converted_interpreter.invoke()
    benchmark(both)

@pytest.mark.benchmark(group="mine", min_rounds=7, max_time=0.000001)
def test_settings_of_the_user_stay(benchmark, int8_interpreter):
    benchmark(int8_interpreter.invoke)

def test_set_and_run(benchmark, int8_interpreter):
    (details,) = int8_interpreter.get_input_details()
    values = np.zeros(details["shape"], details["dtype"])

    def run():
        int8_interpreter.set_tensor(details["index"], values)
        int8_interpreter.invoke()

    benchmark(run)

def test_without_interpreter(benchmark):
    benchmark(sum, [1, 2, 3])
"""


def test_other_ways_to_use_benchmark(digits_suite: pytest.Pytester) -> None:
    run(digits_suite, VARIED).assert_outcomes(passed=9)
    entries = benchmarks(digits_suite)
    assert entries["test_predict"]["extra_info"]["p95_ms"] > 0
    assert entries["test_signature"]["stats"]["median"] > 0
    assert entries["test_own_timer"]["group"] == "host"
    assert entries["test_own_timer"]["options"]["timer"] == "perf_counter"
    # Timed from here, with the way to the process and back.
    assert entries["test_own_timer"]["stats"]["median"] > entries["test_pedantic"]["stats"]["max"]
    assert entries["test_pedantic"]["stats"]["rounds"] == 64
    # More runs than its rounds are needed for this budget.
    assert records(digits_suite)["test_pedantic"]["budgets"][0]["n"] > 64
    assert entries["test_iterations"]["stats"]["iterations"] == 10
    assert entries["test_two"]["stats"]["median"] > entries["test_pedantic"]["stats"]["min"]
    mine = entries["test_settings_of_the_user_stay"]
    assert (mine["group"], mine["stats"]["rounds"]) == ("mine", 7)
    assert entries["test_without_interpreter"]["options"]["timer"] == "perf_counter"


def test_a_function_that_never_ran_on_the_device(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(
        """
        import time

        def test_host(benchmark, int8_interpreter):
            benchmark(sum, [1, 2, 3])

        def test_pedantic(benchmark, int8_interpreter):
            benchmark.pedantic(sum, args=([1, 2, 3],), rounds=3)

        def test_slow(benchmark, int8_interpreter):
            benchmark(time.sleep, 0.05)

        def test_next(benchmark, int8_interpreter):
            benchmark(int8_interpreter.invoke)
        """
    )
    result = digits_suite.runpytest_subprocess(*SHORT, timeout=30)
    result.assert_outcomes(passed=1, failed=3)
    for name in ("test_host", "test_pedantic", "test_slow"):
        result.stdout.fnmatch_lines(
            [
                f"*_ {name} _*",
                "*benchmark() timed a function that spends no time on the device",
                "*hint: *@pytest.mark.benchmark(timer=time.perf_counter)",
            ]
        )


def test_a_prediction_of_many_samples_is_no_latency_of_one(digits_suite: pytest.Pytester) -> None:
    """Its rounds are not what ``max_latency_ms`` limits, so the budget takes samples of its own."""
    source = """
    from pytest_edgeai import max_latency_ms

    @max_latency_ms(median=100)
    def test_batch(benchmark, int8_interpreter, data):
        benchmark(int8_interpreter.predict, data[0][:50])
    """
    run(digits_suite, source).assert_outcomes(passed=1)
    entry = benchmarks(digits_suite)["test_batch"]
    assert entry["extra_info"]["p50_ms"] == pytest.approx(entry["stats"]["median"] * 1e3, rel=0.1)
    assert entry["extra_info"]["conditions"]["threads"] == 1
    (budget,) = records(digits_suite)["test_batch"]["budgets"]
    assert budget["measured"] < entry["stats"]["median"] * 1e3 / 5


def test_the_time_of_a_conversion(digits_suite: pytest.Pytester) -> None:
    source = """
    def test_converter(benchmark, edge_converter):
        model = benchmark.pedantic(edge_converter, args=("dynamic",), rounds=2)
        assert model.variant == "dynamic"
        assert model.facts.int8_weight_share > 0.5
    """
    run(digits_suite, source).assert_outcomes(passed=1)
    stats = benchmarks(digits_suite)["test_converter"]["stats"]
    # A conversion takes tenths of a second and TensorFlow's import seconds: it is not in it.
    assert stats["rounds"] == 2
    assert all(0.01 < seconds < 3 for seconds in stats["data"])


def test_rounds_are_as_many_as_the_budgets_need_or_are_added_to(
    digits_suite: pytest.Pytester,
) -> None:
    source = """
    import pytest
    from pytest_edgeai import max_latency_ms

    @max_latency_ms(p99=100)
    def test_chosen(benchmark, int8_interpreter):
        benchmark(int8_interpreter.invoke)

    @max_latency_ms(p95=100)
    def test_too_few(benchmark, int8_interpreter):
        benchmark.pedantic(int8_interpreter.invoke, rounds=20)
    """
    run(digits_suite, source).assert_outcomes(passed=2)
    entries = benchmarks(digits_suite)
    assert entries["test_chosen"]["stats"]["rounds"] >= 368
    assert entries["test_too_few"]["stats"]["rounds"] == 20
    (budget,) = records(digits_suite)["test_too_few"]["budgets"]
    assert budget["n"] > 100


def test_rounds_without_an_inference_are_no_latency(digits_suite: pytest.Pytester) -> None:
    source = """
    import itertools
    from pytest_edgeai import max_latency_ms

    @max_latency_ms(median=0.0001)
    def test_skipping(benchmark, int8_interpreter):
        turns = itertools.count()
        benchmark(lambda: int8_interpreter.invoke() if next(turns) % 3 == 0 else None)
    """
    run(digits_suite, source).assert_outcomes(failed=1)
    (budget,) = records(digits_suite)["test_skipping"]["budgets"]
    assert budget["measured"] > 1e-4
