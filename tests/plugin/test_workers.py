"""With several workers of xdist: the same outcomes, and one account of them."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

BUILDERS = """
def build():
    import keras
    with open("built", "a") as file:
        print("once", file=file)
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((8,)), keras.layers.Dense(64), keras.layers.Dense(4)])
"""
SUITE = """
from pytest_edgeai import edge_model, max_accuracy_drop, max_size_mb

@max_size_mb(1)
@max_accuracy_drop(0.05)
def test_passes(int8_interpreter): pass

@max_size_mb(0.0001)
def test_fails(int8_interpreter): pass

@edge_model("no.keras")
def test_errs(converted_interpreter): pass

@edge_model("builders:build")
def test_first_built(converted_interpreter): pass

@edge_model("builders:build")
def test_second_built(converted_interpreter): pass

@edge_model("builders:build")
def test_third_built(converted_interpreter): pass

def test_other(): pass
"""
FAST = ("-p", "no:hypothesispytest", "-p", "no:benchmark")


def record(suite: pytest.Pytester) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((suite.path / "report.json").read_text())
    return content


@pytest.fixture
def suite(digits_suite: pytest.Pytester) -> pytest.Pytester:
    """Of models that were not converted before."""
    digits_suite.makeini("[pytest]\n")
    digits_suite.makepyfile(builders=BUILDERS, test_it=SUITE)
    return digits_suite


def test_one_account_of_two_workers(suite: pytest.Pytester) -> None:
    result = suite.runpytest_subprocess(*FAST, "-n2", "--edge-report=report.json")
    result.assert_outcomes(passed=5, failed=1, errors=1)
    assert (suite.path / "built").read_text().split() == ["once"]
    # int8 and converted of digits, converted of the builder; each was found by the other worker.
    conversions = record(suite)["run"]["conversions"]
    assert conversions["converted"] == 3
    line = f"edgeai: 3 converted, {conversions['cached']} from the cache"
    result.stdout.fnmatch_lines(["*edge AI budgets*", "test_*", line])
    assert result.stdout.str().count("edge AI budgets") == 1
    assert result.stdout.str().count("edgeai: report ") == 1

    parallel = record(suite)
    alone = suite.runpytest_subprocess(*FAST, "-n0", "--edge-report=report.json")
    alone.assert_outcomes(passed=5, failed=1, errors=1)
    assert record(suite)["run"]["conversions"] == {"converted": 0, "cached": 3}
    assert outcomes(parallel) == outcomes(record(suite))


def outcomes(content: dict[str, Any]) -> Counter[str]:
    """Everything in the records that does not depend on time."""
    keys = ("nodeid", "outcome", "variant", "model", "budgets")
    return Counter(json.dumps([test[key] for key in keys]) for test in content["tests"])


def test_an_unknown_device_is_said_before_workers_start(suite: pytest.Pytester) -> None:
    suite.makepyfile(test_it="def test_it(): pass")
    result = suite.runpytest_subprocess(*FAST, "-n2", "--edge-device=pi")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: no device is called 'pi' *"])


def test_nothing_is_left_in_the_temporary_folder(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = suite.mkdir("temporary")
    monkeypatch.setenv("TMPDIR", str(temporary))
    suite.makepyfile(test_it="def test_it(dynamic_interpreter): pass")
    suite.runpytest_subprocess(*FAST, "-n2", "--basetemp=base").assert_outcomes(passed=1)
    left = [path.name for path in temporary.iterdir()]
    kept = ("pytest-of-", "pytest-edgeai-")  # pytest's folders, and the machine's lock
    assert [name for name in left if not name.startswith(kept)] == []
