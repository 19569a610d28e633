"""Devices by name: tables, flags over tables, several at once, and names that are not known."""

from __future__ import annotations

import json
import sys

import pytest

TABLES = f"""
[devices.bench]
python = {sys.executable!r}
threads = 2

[devices.other]
runtime = "litert"
"""
ASK = """
def test_it(int8_interpreter, edge_device):
    assert edge_device is int8_interpreter.device
    print(edge_device.name, "has", int8_interpreter.threads, "threads")
"""


@pytest.fixture
def suite(digits_suite: pytest.Pytester) -> pytest.Pytester:
    digits_suite.makepyfile(ASK)
    (digits_suite.path / "edgeai.toml").write_text(TABLES)
    return digits_suite


def test_a_device_of_a_table(suite: pytest.Pytester) -> None:
    result = suite.runpytest("--edge-device=bench", "-s")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["edgeai: device bench: ai-edge-litert *, 2 threads, *", "*bench has 2 threads*"]
    )


def test_flags_win_over_the_table_and_the_table_over_ini(
    suite: pytest.Pytester, conversions: object
) -> None:
    suite.makeini(f"[pytest]\nedge_cache_dir = {conversions}\nedge_threads = 3\n")
    ini = suite.runpytest("--edge-device=bench", "--edge-device=other", "-s")
    ini.stdout.fnmatch_lines(["*bench has 2 threads*", "*other has 3 threads*"])
    flag = suite.runpytest("--edge-device=bench", "--edge-threads=1", "-s")
    flag.stdout.fnmatch_lines(["*bench has 1 threads*"])


def test_the_runtime_flag_wins_over_the_table(suite: pytest.Pytester) -> None:
    result = suite.runpytest("--edge-device=other", "--edge-runtime=tflite-runtime")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "edgeai: device 'other' has no usable runtime: *tflite_runtime*",
            "device 'other' has no usable runtime: *",
            "hint: *-m pip install tflite-runtime 'numpy<2'",
        ]
    )


def test_several_devices_run_every_test(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        test_two="""
        from pytest_edgeai import max_size_mb

        @max_size_mb(1)
        def test_budget(int8_interpreter): pass
        """
    )
    result = suite.runpytest("--edge-device=bench", "--edge-device=other", "-v", "test_two.py")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        [
            "edgeai: device bench: *",
            "edgeai: device other: *",
            "*::test_budget[[]bench[]] PASSED*",
            "*::test_budget[[]other[]] PASSED*",
            "*int8 on bench*",
            "*int8 on other*",
        ]
    )


def test_an_unknown_device_ends_the_run_and_shows_the_table(suite: pytest.Pytester) -> None:
    result = suite.runpytest("--edge-device=pi")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            "ERROR: no device is called 'pi' in *edgeai.toml (known: bench, local, other)",
            "hint: add to pyproject.toml:",
            "*[[]tool.pytest-edgeai.devices.pi[]]",
        ]
    )


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("[devices.pi]\nthreads = 0", "device 'pi': threads must be a whole number from 1, not 0"),
        ("[devices.pi]\nruntime = 'gpu'", "device 'pi': runtime must be one of auto, *, not 'gpu'"),
        ("[devices.pi]\nthread = 4", "*device 'pi' has the unknown key 'thread'"),
        ("[devices]\npi = 4", "*devices.pi is not a table"),
        ("[devices.pi", "*edgeai.toml*"),
    ],
)
def test_a_wrong_table_ends_the_run(pytester: pytest.Pytester, table: str, message: str) -> None:
    (pytester.path / "edgeai.toml").write_text(table)
    result = pytester.runpytest("--edge-device=pi")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {message}"])


def test_a_device_without_python_is_the_error_of_each_test(suite: pytest.Pytester) -> None:
    (suite.path / "edgeai.toml").write_text("[devices.gone]\npython = '/no/such/python'\n")
    suite.makepyfile(test_more="def test_other(): pass")
    result = suite.runpytest("--edge-device=gone")
    result.assert_outcomes(errors=1, passed=1)
    result.stdout.fnmatch_lines(["edgeai: device 'gone': *", "device 'gone': *", "hint: *"])


FOR_ANOTHER = """
from pytest_edgeai import max_latency_ms

@max_latency_ms(p95=1000, device="othr")
def test_typo(int8_interpreter): pass

@max_latency_ms(p95=1000, device="other")
def test_other(int8_interpreter): pass
"""


def test_a_budget_for_a_device_that_there_is_not(suite: pytest.Pytester) -> None:
    suite.makepyfile(FOR_ANOTHER)
    result = suite.runpytest()
    result.assert_outcomes(errors=1, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "@max_latency_ms: no device is called 'othr'",
            "hint: known: local, bench, other; or add a table for it",
        ]
    )


def test_where_no_device_is_configured_it_may_be_elsewhere(suite: pytest.Pytester) -> None:
    suite.makepyfile(FOR_ANOTHER)
    (suite.path / "edgeai.toml").unlink()
    suite.runpytest().assert_outcomes(skipped=2)


ON_BOTH = """
import pytest
from pytest_edgeai import edge_variants, max_size_mb

@max_size_mb(4)
@edge_variants("converted", "int8")
@pytest.mark.parametrize("size", ["one", "-one"])
def test_it(size, interpreter): pass
"""


def test_the_same_test_is_compared_whatever_its_parameters_are_called(
    digits_suite: pytest.Pytester,
) -> None:
    (digits_suite.path / "edgeai.toml").write_text("[devices.one]\nthreads = 1\n")
    digits_suite.makepyfile(test_it=ON_BOTH)
    args = ("--edge-device=local", "--edge-device=one", "--edge-report=report.json")
    digits_suite.runpytest(*args).assert_outcomes(passed=8)
    content = json.loads((digits_suite.path / "report.json").read_text())
    compared = content["comparisons"]
    assert len({entry["test"] for entry in compared}) == len(compared) == 4
    for entry in compared:
        assert sorted(entry["devices"]) == ["local", "one"]
        assert entry["measured"]["size"][0] == entry["measured"]["size"][1]
