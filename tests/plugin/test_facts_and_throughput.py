"""Markers of the file, of delegates and of throughput, from the marker to the failure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

FACTS = """
import pytest
from pytest_edgeai import edge_variants, fully_quantized, no_custom_ops

@edge_variants("converted", "dynamic", "int8")
@fully_quantized
@no_custom_ops()
def test_it(interpreter): pass
"""


def budgets(suite: pytest.Pytester) -> dict[str, dict[str, Any]]:
    """Of each test, by the end of its name and what is limited."""
    tests = json.loads((suite.path / "report.json").read_text())["tests"]
    return {
        f"{test['nodeid'].partition('::')[2]} {budget['statistic']}": budget
        for test in tests
        for budget in test["budgets"]
    }


def test_each_variant_says_what_it_is(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(FACTS)
    result = digits_suite.runpytest("--edge-report=report.json")
    result.assert_outcomes(passed=1, failed=2)
    found = budgets(digits_suite)
    quantised = {
        name: found[f"test_it[{name}] not quantised"] for name in ("converted", "dynamic", "int8")
    }
    assert [budget["verdict"] for budget in quantised.values()] == ["fail", "fail", "pass"]
    assert quantised["converted"]["measured"] > quantised["dynamic"]["measured"] > 0
    assert quantised["int8"]["measured"] == 0
    assert found["test_it[int8] custom operators"]["verdict"] == "pass"
    result.stdout.fnmatch_lines(
        [
            "converted of digits.keras on local: 1 of 2 budgets not met",
            "  fully_quantized: not quantised *, limit none: * over",
            "    operators that compute in float: *",
            "    try: test int8_interpreter*",
        ]
    )


def test_float_edges_are_told_of_with_the_flag_that_mends_them(
    digits_suite: pytest.Pytester,
) -> None:
    digits_suite.makepyfile(
        "from pytest_edgeai import fully_quantized\n"
        "@fully_quantized()\n"
        "def test_it(int8_interpreter): pass"
    )
    result = digits_suite.runpytest("--edge-int8-io=float32")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "  fully_quantized: not quantised 2, limit none: 2 over",
            "    inputs and outputs that are no integers: input*",
            "*--edge-int8-io=uint8*",
        ]
    )
    digits_suite.runpytest("--edge-int8-io=int8").assert_outcomes(passed=1)


PUBLISHED = """
from pytest_edgeai import edge_model, fully_quantized, min_delegated, no_custom_ops

@edge_model(int8={path!r})
@fully_quantized()
@no_custom_ops()
@min_delegated(0.99)
def test_it(int8_interpreter): pass
"""


def test_a_detector_with_a_custom_operator(pytester: pytest.Pytester, realdata: Path) -> None:
    path = str(realdata / "models" / "ssd_mobilenet_v1_coco_uint8.tflite")
    pytester.makepyfile(PUBLISHED.format(path=path))
    result = pytester.runpytest("--edge-report=report.json")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*: 2 of 3 budgets not met",
            "  no_custom_ops: custom operators 1, limit none: 1 over",
            "    operators that are not built in: TFLite_Detection_PostProcess",
            "  min_delegated: delegated 9?.?? %, limit 99.00 %: ?.?? pt under",
            "    not delegated: CONCATENATION (2), TFLite_Detection_PostProcess",
        ]
    )
    (test,) = json.loads((pytester.path / "report.json").read_text())["tests"]
    found = budgets(pytester)["test_it delegated"]
    assert test["conditions"]["delegated"] == found["measured"]


def test_an_older_runtime_is_judged_on_what_it_tells(
    pytester: pytest.Pytester, realdata: Path, tflite_runtime_python: Path
) -> None:
    path = str(realdata / "models" / "resnet8_cifar10_int8.tflite")
    pytester.makepyfile(PUBLISHED.format(path=path).replace("0.99", "0.8"))
    table = f'[devices.old]\npython = "{tflite_runtime_python}"\nruntime = "tflite-runtime"\n'
    (pytester.path / "edgeai.toml").write_text(table)
    pytester.runpytest().assert_outcomes(passed=1)
    result = pytester.runpytest("--edge-device=old")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["  min_delegated: delegated 0.00 %, limit 80.00 %: *"])


def test_a_runtime_that_does_not_tell(
    digits_suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    digits_suite.makepyfile(
        """
        import pytest
        from pytest_edgeai import min_delegated

        @min_delegated(0.5)
        def test_it(int8_interpreter):
            int8_interpreter.delegated = None
        """
    )
    result = digits_suite.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*min_delegated: delegated -, limit 50.00 %: inconclusive", "*does not tell*"]
    )


THROUGHPUT = """
from pytest_edgeai import max_latency_ms, min_throughput

@min_throughput({limit})
@max_latency_ms(mean={mean})
def test_it(converted_interpreter): pass
"""


@pytest.mark.parametrize(("limit", "verdict"), [(1, "pass"), (1e8, "fail")])
def test_throughput_is_the_mean_latency_turned_round(
    digits_suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, limit: float, verdict: str
) -> None:
    monkeypatch.setattr("pytest_edgeai.judge.conditions.OTHERS_SHARE", 1.0)
    digits_suite.makepyfile(THROUGHPUT.format(limit=limit, mean=1000 / limit))
    result = digits_suite.runpytest("--edge-report=report.json", "--edge-max-seconds=4")
    found = budgets(digits_suite)
    rate, mean = found["test_it throughput"], found["test_it mean"]
    assert rate["verdict"] == mean["verdict"] == verdict
    assert (rate["unit"], rate["limit"]) == ("per_second", pytest.approx(limit))
    assert rate["measured"] == pytest.approx(1000 / mean["measured"])
    assert rate["low"] == pytest.approx(1000 / mean["high"])
    assert (rate["headroom"] > 0) == (verdict == "pass")
    said = " ".join(result.stdout.str().split())
    if verdict == "fail":
        assert "min_throughput: throughput" in said
        assert "/s, limit 100,000,000/s: " in said
        assert "/s under (0.0" in said
        assert "/s with 95 % confidence" in said


def test_throughput_of_another_device(digits_suite: pytest.Pytester) -> None:
    (digits_suite.path / "edgeai.toml").write_text("[devices.pi]\nthreads = 4\n")
    for name, outcome in (("pi", {"skipped": 1}), ("pie", {"errors": 1})):
        digits_suite.makepyfile(
            "from pytest_edgeai import min_throughput\n"
            f"@min_throughput(30, device={name!r})\n"
            "def test_it(converted_interpreter): pass"
        )
        result = digits_suite.runpytest()
        result.assert_outcomes(**outcome)
    result.stdout.fnmatch_lines(["*@min_throughput: no device is called 'pie'*"])
