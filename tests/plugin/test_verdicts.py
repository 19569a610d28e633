"""What the verdicts make of a test: passed, failed, skipped or left alone."""

from __future__ import annotations

import json
import re

import pytest

FAILING = """
from pytest_edgeai import max_accuracy_drop, max_latency_ms, max_size_mb, min_accuracy

@max_latency_ms(p95=0.00001, max=1000)
@max_size_mb(0.001)
@min_accuracy(1.0)
@max_accuracy_drop(0.05)
def test_it(int8_interpreter): pass
"""


def test_all_failing_budgets_are_in_one_failure(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(FAILING)
    result = digits_suite.runpytest("--edge-max-seconds=1")
    result.assert_outcomes(failed=1)
    failure = result.stdout.str().partition("FAILURES")[2].partition("Captured")[0]
    said = [
        r"int8 of digits.keras on local: 3 of 5 budgets not met",
        r"max_latency_ms: p95 0.0\d+ ms, limit 0.00001 ms: 0.0\d+ ms over \([\d,]+ times the",
        r"p95 of [\d,]+ runs",
        r"median 0.0\d+ ms, p95 0.0\d+ ms, max [\d.]+ ms; inputs: sample 0 of evaluation_data",
        r"ai-edge-litert [\d.]+, 1 thread, .+ \(\w+\), governor \w+, others \d+%",
        r"try: more threads \(--edge-threads\)",
        r"max_size_mb: size 0.0\d+ MB, limit 0.001 MB: 0.0\d+ MB over \([\d.]+ times the limit\)",
        r"the file has [\d,]+ bytes; the limit is 1,048",
        r"its largest tensors: .+",
        r"try: make the layers of the largest tensors smaller",
        r"min_accuracy: accuracy 9\d.\d\d %, limit 100.00 %: \d.\d\d pt under",
        r"on 300 samples, labels: class indices",
        r"try: check that evaluation_data is scaled",
    ]
    assert re.search(".*".join(said), " ".join(failure.split()))
    assert "max_accuracy_drop:" not in failure
    assert "pytest_edgeai/" not in failure, "a traceback"


def test_the_gap_is_what_the_numbers_say(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(
        "from pytest_edgeai import max_size_mb\n"
        "@max_size_mb(0.01)\n"
        "def test_it(int8_interpreter): assert int8_interpreter.model.facts.size_bytes > 20_000"
    )
    result = digits_suite.runpytest()
    found = re.search(
        r"size ([\d.]+) MB, limit ([\d.]+) MB: ([\d.]+) MB over \(([\d.]+) times",
        result.stdout.str(),
    )
    assert found is not None
    measured, limit, over, times = map(float, found.groups())
    assert limit == 0.01
    assert over == pytest.approx(measured - limit, abs=1e-4)
    assert times == pytest.approx(measured / limit, rel=0.01)


SEVERAL = """
from pytest_edgeai import max_size_mb

@max_size_mb(0.04)
def test_both(converted_interpreter, int8_interpreter):
    assert converted_interpreter.variant == "converted"
    assert int8_interpreter.variant == "int8"

@max_size_mb(0.001)
def test_both_fail(int8_interpreter, converted_interpreter): pass
"""


def test_budgets_are_judged_on_each_interpreter_of_a_test(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(SEVERAL)
    result = digits_suite.runpytest()
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "*_ test_both _*",
            "converted of digits.keras on local: 1 of 1 budget not met",
            "*_ test_both_fail _*",
            "int8 of digits.keras on local: 1 of 1 budget not met",
            "converted of digits.keras on local: 1 of 1 budget not met",
        ]
    )
    assert result.stdout.str().count("int8 of digits.keras on local: 1 of 1") == 1


def test_the_short_summary_names_the_budgets(
    digits_suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "1")  # where pytest prints the whole message
    digits_suite.makepyfile(SEVERAL)
    lines = digits_suite.runpytest().stdout.str().partition("short test summary info")[2]
    assert [line.partition(" - ")[2] for line in lines.splitlines()[1:3]] == [
        "size 0.0755 MB > 0.04 MB (converted)",
        "size 0.0235 MB > 0.001 MB (int8), size 0.0755 MB > 0.001 MB (converted)",
    ]


def test_the_short_summary_of_a_set_up_is_one_line(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "1")
    pytester.makepyfile(
        "from pytest_edgeai import max_size_mb\n"
        "@max_size_mb('x')\n"
        "def test_it(int8_interpreter): pass"
    )
    last = pytester.runpytest().stdout.str().partition("short test summary info")[2]
    assert last.splitlines()[1].endswith(
        "::test_it - @max_size_mb: limit must be a number over 0, not 'x'"
    )


NOT_JUDGED = """
import pytest
from pytest_edgeai import max_size_mb

pytestmark = max_size_mb(0.0001)

def test_body_fails(converted_interpreter): assert 1 == 2

def test_body_skips(converted_interpreter): pytest.skip("not today")

@pytest.mark.skip(reason="never")
def test_skipped(converted_interpreter): pass

@pytest.mark.xfail(reason="too large yet", strict=True)
def test_expected(converted_interpreter): pass

@pytest.mark.xfail(reason="too large yet", strict=True)
@max_size_mb(9)
def test_unexpected(converted_interpreter): pass
"""


def test_only_a_body_that_passed_is_judged(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(NOT_JUDGED)
    result = digits_suite.runpytest("-rA")
    result.assert_outcomes(failed=2, skipped=2, xfailed=1)
    result.stdout.fnmatch_lines(["*assert 1 == 2", "[[]XPASS(strict)[]] too large yet"])
    result.stdout.fnmatch_lines(["XFAIL *::test_expected - too large yet"])
    result.stdout.fnmatch_lines(["SKIPPED * not today", "SKIPPED * never"])
    # Only the two that were judged are in the table.
    table = result.stdout.str().partition("edge AI budgets")[2].partition("edgeai:")[0]
    assert re.findall(r"test_\w+", table) == ["test_expected", "test_unexpected"]


DEVICES = """
from pytest_edgeai import max_latency_ms, max_size_mb

@max_latency_ms(p95=0.00001, device="pi")
def test_board_only(converted_interpreter): pass

@max_latency_ms(p95=0.00001, device="pi")
@max_size_mb(1)
def test_board_and_size(converted_interpreter): pass

@max_latency_ms(p95=0.00001, device="pi")
@max_latency_ms(p95=0.00001, device="local")
def test_each_device(converted_interpreter): pass
"""


def test_budgets_of_another_device(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(DEVICES)
    result = digits_suite.runpytest("-rs", "--edge-max-seconds=1")
    result.assert_outcomes(passed=1, skipped=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "converted of digits.keras on local: 1 of 2 budgets not met",
            "*a budget for device 'pi'; this is 'local'",
        ]
    )
    table = result.stdout.str().partition("edge AI budgets")[2]
    assert [len(re.findall(rf"\b{word}\b", table)) >= 1 for word in ("skipped", "fail")] == [
        True,
        True,
    ]


def test_too_few_runs_fail_a_test_as_inconclusive(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(
        "from pytest_edgeai import max_latency_ms\n"
        "@max_latency_ms(p99=1000)\n"
        "def test_it(converted_interpreter): pass"
    )
    result = digits_suite.runpytest("--edge-max-seconds=0.000001")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "  max_latency_ms: p99 0.* ms, limit 1,000 ms: inconclusive",
            "    only * run*: p99 at 95 % confidence needs 368",
            "    try: raise --edge-max-seconds: at least 36? more runs, *",
        ]
    )


def test_a_budget_that_cannot_be_judged_leaves_the_others(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(
        """
        from pytest_edgeai import max_size_mb, min_accuracy

        def broken(labels, predictions): return float("nan")

        @max_size_mb(0.0001)
        @min_accuracy(0.5, metric=broken)
        def test_it(converted_interpreter): pass

        def test_next(converted_interpreter): pass
        """
    )
    result = digits_suite.runpytest()
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(
        [
            "converted of digits.keras on local: 2 of 2 budgets not met",
            "*max_size_mb: size *",
            "*min_accuracy: broken, limit 0.5: not judged",
            "    the metric returned nan, not a number",
            "    try: a metric is a callable (labels, predictions) -> float, *",
        ]
    )


def test_a_failing_budget_shows_the_conditions_of_its_own_threads(
    digits_suite: pytest.Pytester,
) -> None:
    digits_suite.makepyfile(
        """
        from pytest_edgeai import max_latency_ms

        @max_latency_ms(p95=0.00001)
        @max_latency_ms(p95=0.00001, threads=2)
        def test_it(converted_interpreter): pass
        """
    )
    result = digits_suite.runpytest("--edge-max-seconds=0.5")
    result.stdout.fnmatch_lines(
        [
            "*: 2 of 2 budgets not met",
            "  max_latency_ms: p95 *",
            "    ai-edge-litert *, 1 thread, *",
            "  max_latency_ms: p95 *",
            "    ai-edge-litert *, 2 threads, *",
        ]
    )


SKIPS = """
import pytest
from pytest_edgeai import max_size_mb, min_accuracy

def absent(labels, predictions):
    pytest.importorskip("no_such_module")

@max_size_mb(0.0001)
@min_accuracy(0.5, metric=absent)
def test_it(converted_interpreter): pass
"""


def test_a_metric_that_skips_hides_no_budget(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(SKIPS)
    result = digits_suite.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*max_size_mb: size *MB over*",
            "*min_accuracy: absent, limit 0.5: not judged",
            "*its metric did not return: Skipped: *no_such_module*",
        ]
    )


GUESSING = """
import numpy as np
import pytest
from pytest_edgeai import max_accuracy_drop

@pytest.fixture
def evaluation_data(data):
    return data[0][100:], (data[1][100:] + 1) % 10

@max_accuracy_drop(0.02)
def test_it(int8_interpreter): pass
"""


def test_a_drop_from_a_worthless_baseline_is_void(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(GUESSING)
    result = digits_suite.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*max_accuracy_drop: accuracy drop *: void",
            "*the baseline is no better than one answer*",
            "*with the classes in another order*",
            "*try: see above*",
        ]
    )


DYNAMIC = """
import numpy as np
from pytest_edgeai import edge_model, max_latency_ms

pytestmark = edge_model("any_size:build")

@max_latency_ms(p95=1000)
def test_unsized(converted_interpreter): pass

@max_latency_ms(p95=1000, threads=2)
def test_sized(converted_interpreter):
    converted_interpreter.predict(np.zeros((1, 96, 96, 1), "float32"))
"""


def test_a_model_of_any_size_is_timed_at_the_size_of_the_test(
    digits_suite: pytest.Pytester,
) -> None:
    digits_suite.makepyfile(
        test_it=DYNAMIC,
        any_size="""
        def build():
            import keras
            image = keras.Input((None, None, 1))
            return keras.Model(image, keras.layers.Conv2D(4, 3)(image))
        """,
    )
    result = digits_suite.runpytest("--edge-report=report.json", "--edge-max-seconds=1")
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(
        [
            "*not judged",
            "*shape (any, any, any, 1): how large is not said",
            "*try: in the test's body, call*",
        ]
    )
    tests = json.loads((digits_suite.path / "report.json").read_text())["tests"]
    (shape,) = tests[1]["conditions"]["input_shapes"].values()
    assert (tests[1]["conditions"]["threads"], shape) == (2, [1, 96, 96, 1])


LOST = """
import os
import numpy as np
import pytest
from pytest_edgeai import max_latency_ms, max_size_mb

def kill(interpreter):
    interpreter._process._started.process.kill()

@max_latency_ms(p95=1000)
@max_size_mb(1)
def test_in_the_body(converted_interpreter):
    kill(converted_interpreter)
    converted_interpreter.get_signature_runner()

@max_latency_ms(p95=1000)
@max_size_mb(1)
def test_while_it_is_judged(converted_interpreter):
    kill(converted_interpreter)

def test_next(converted_interpreter): pass
"""


def test_a_lost_process_costs_what_needs_it(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(LOST)
    result = digits_suite.runpytest("--edge-report=report.json")
    result.assert_outcomes(failed=2, passed=1)
    result.stdout.no_fnmatch_line("*INTERNALERROR*")
    tests = json.loads((digits_suite.path / "report.json").read_text())["tests"]
    assert [test["outcome"] for test in tests] == ["failed", "failed", "passed"]
    assert [(b["statistic"], b["verdict"]) for b in tests[1]["budgets"]] == [
        ("p95", "error"),
        ("size", "pass"),
    ]


class TestInconclusive:
    """A limit that no measurement can tell from the truth: a model's time at a cap of no time."""

    SUITE = (
        "from pytest_edgeai import max_latency_ms\n"
        "@max_latency_ms(p99=1000)\n"
        "def test_it(converted_interpreter): pass"
    )
    NO_TIME = "--edge-max-seconds=0.000001"

    def test_it_fails(self, digits_suite: pytest.Pytester) -> None:
        digits_suite.makepyfile(self.SUITE)
        digits_suite.runpytest(self.NO_TIME).assert_outcomes(failed=1)

    def test_it_may_warn(self, digits_suite: pytest.Pytester) -> None:
        digits_suite.makepyfile(self.SUITE)
        result = digits_suite.runpytest(
            self.NO_TIME, "--edge-inconclusive=warn", "-Wdefault::pytest_edgeai.EdgeAIWarning"
        )
        result.assert_outcomes(passed=1, warnings=1)
        result.stdout.fnmatch_lines(
            ["*EdgeAIWarning: converted of digits.keras: max_latency_ms: p99 * inconclusive: *"]
        )
        table = result.stdout.str().partition("edge AI budgets")[2]
        assert "inconclusive" in table

    def test_a_warning_may_be_an_error(self, digits_suite: pytest.Pytester) -> None:
        digits_suite.makepyfile(self.SUITE)
        result = digits_suite.runpytest(
            self.NO_TIME, "--edge-inconclusive=warn", "-Werror::pytest_edgeai.EdgeAIWarning"
        )
        result.assert_outcomes(failed=1)


@pytest.mark.usefixtures("may_be_busy")
class TestPerformance:
    """On a machine that does not count, what judges the machine warns; all else fails as ever."""

    SUITE = """
from pytest_edgeai import (
    max_latency_ms, max_memory_mb, max_size_mb, max_startup_ms, max_sustained_latency_ms,
    min_throughput,
)

@max_latency_ms(p95=1e-5)
@max_latency_ms(p95=1e-5, threads=2)
@max_sustained_latency_ms(p95=1e-5, seconds=3)
@min_throughput(1e12)
@max_startup_ms(1e-5)
@max_memory_mb(1e-5)
@max_size_mb(100)
def test_slow(converted_interpreter): pass

@max_latency_ms(p95=1e-5)
@max_size_mb(1e-5)
def test_slow_and_large(converted_interpreter): pass

@max_latency_ms(p95=1e-5)
def test_not_judged(converted_interpreter, monkeypatch):
    monkeypatch.setattr("pytest_edgeai.plugin.timing.measure_latency", lambda *given: 1 / 0)
"""
    WARN = ("--edge-max-seconds=1", "--edge-performance=warn", "-Wdefault", "-p", "no:benchmark")

    def test_it_may_warn(self, digits_suite: pytest.Pytester) -> None:
        digits_suite.makepyfile(self.SUITE)
        result = digits_suite.runpytest(*self.WARN, "--edge-report=run.json")
        result.assert_outcomes(passed=1, failed=2, warnings=7)
        tests = json.loads((digits_suite.path / "run.json").read_text())["tests"]
        slow, slow_and_large, not_judged = (
            {b["marker"]: (b["verdict"] != "pass", b["warns"]) for b in test["budgets"]}
            for test in tests
        )
        assert slow.pop("max_size_mb") == (False, False)
        assert slow == dict.fromkeys(slow, (True, True))
        assert len(slow) == 5
        assert slow_and_large == {"max_latency_ms": (True, True), "max_size_mb": (True, False)}
        assert not_judged == {"max_latency_ms": (True, False)}

    def test_what_is_shown(self, digits_suite: pytest.Pytester) -> None:
        digits_suite.makepyfile(self.SUITE)
        result = digits_suite.runpytest(*self.WARN, "-k", "large", "--edge-report=run.md")
        failures = result.stdout.str().partition("FAILURES")[2].partition("edge AI budgets")[0]
        assert "1 of 2 budgets not met" in failures
        assert "max_latency_ms" not in failures.partition("warnings summary")[0]
        result.stdout.fnmatch_lines(
            [
                "*EdgeAIWarning: converted of digits.keras: max_latency_ms: p95 * over *",
                "*p95 * fail (warns)",
            ]
        )
        text = (digits_suite.path / "run.md").read_text()
        assert "1 of 2 budgets not met" in text
        assert "1 fail (warns) · 1 fail" in text
        assert "**fail (warns)**" in text

    def test_a_regression_of_the_latency(self, digits_suite: pytest.Pytester) -> None:
        digits_suite.makepyfile(
            """
            from pytest_edgeai import max_regression

            @max_regression(0.1)
            @max_regression(0.1, of="size")
            def test_it(converted_interpreter): pass
            """
        )
        nothing_is_decided = (*self.WARN, "--edge-max-seconds=1e-6", "--edge-report=run.json")
        digits_suite.runpytest(*self.WARN, "--edge-save-baseline").assert_outcomes(skipped=1)
        digits_suite.runpytest(*nothing_is_decided).assert_outcomes(passed=1, warnings=1)
        (test,) = json.loads((digits_suite.path / "run.json").read_text())["tests"]
        told = {b["statistic"]: (b["verdict"] == "pass", b["warns"]) for b in test["budgets"]}
        assert told == {"p95 vs baseline": (False, True), "size vs baseline": (True, False)}


def test_the_header_says_how_long_measuring_may_take(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(
        """
        from pytest_edgeai import max_latency_ms, max_size_mb

        @max_latency_ms(p95=1000)
        @max_latency_ms(p95=1000, threads=2)
        def test_two(converted_interpreter): pass

        @max_latency_ms(p95=1000)
        def test_three(interpreter): pass

        @max_size_mb(100)
        def test_none(converted_interpreter): pass
        """
    )
    result = digits_suite.runpytest("--edge-max-seconds=10", "--benchmark-disable")
    result.stdout.fnmatch_lines(
        ["edgeai: 5 latency measurements: 2.5 s if all is clear, 50 s if nothing is, more if void"]
    )


def test_the_header_counts_memory_and_start_up(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(
        """
        from pytest_edgeai import max_latency_ms, max_memory_mb, max_startup_ms

        @max_memory_mb(500)
        @max_startup_ms(10_000)
        @max_startup_ms(20_000)
        @max_startup_ms(20_000, device="pi")
        @max_latency_ms(p95=1000)
        def test_it(converted_interpreter): pass
        """
    )
    result = digits_suite.runpytest("--edge-max-seconds=10", "--benchmark-disable", "-k", "none")
    result.stdout.no_fnmatch_line("edgeai: * if all is clear*")
    result = digits_suite.runpytest("--edge-max-seconds=10", "--benchmark-disable")
    result.stdout.fnmatch_lines(
        [
            "edgeai: 1 latency measurement and 2 memory or start-up measurements: 1.5 s if all is "
            "clear, 30 s if nothing is, more if void"
        ]
    )


def test_interpreters_of_one_test_are_timed_in_turns(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(
        """
        import pytest
        from pytest_edgeai import max_regression
        from pytest_edgeai.device.interpreter import Interpreter

        order = []

        @pytest.fixture(autouse=True)
        def watched(monkeypatch):
            time_runs = Interpreter.time_runs

            def noted(self, *args):
                if args != (1, 0.0, 1, 0.0):  # the first inference
                    order.append(self.variant)
                return time_runs(self, *args)

            monkeypatch.setattr(Interpreter, "time_runs", noted)

        @max_regression(0.1)  # of which no limit is far away
        def test_both(converted_interpreter, int8_interpreter): pass

        def test_order():
            starts, stretches = order[:6], order[6:]
            assert starts == ["converted"] * 3 + ["int8"] * 3
            assert stretches[:10] == ["converted", "int8"] * 5
        """
    )
    result = digits_suite.runpytest(
        "--benchmark-disable", "--edge-max-seconds=10", "--edge-save-baseline"
    )
    result.assert_outcomes(passed=1, skipped=1)


def test_a_failing_drop_says_where(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(
        """
        from pytest_edgeai import max_accuracy_drop

        @max_accuracy_drop(0.0, baseline="source", confidence=0.95)
        def test_it(int8_interpreter): pass
        """
    )
    result = digits_suite.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "  max_accuracy_drop: accuracy drop *: *",
            "*right before and wrong now, * the other way (McNemar p = *",
            "*on other samples of the same kind the drop is between *",
        ]
    )
