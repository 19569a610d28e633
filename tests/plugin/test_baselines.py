"""Baselines: recorded by one run, honoured or refused by the next."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SUITE = """
import numpy as np, pytest
from pytest_edgeai import max_regression, max_size_mb

@max_regression(1.0)
@max_regression(0.10, of="size")
@max_regression(0.10, of="accuracy")
def test_no_worse(int8_interpreter): pass
"""
FAST = ("--edge-max-seconds=2", "--benchmark-disable", "--edge-report=report.json")
Run = Callable[..., dict[str, dict[str, Any]]]


pytestmark = pytest.mark.usefixtures("may_be_busy")


@pytest.fixture
def run(digits_suite: pytest.Pytester) -> Run:
    """``run(*args)``: the budgets of the suite's only test, by what they limit."""
    digits_suite.makepyfile(test_it=SUITE)

    def budgets(*args: str) -> dict[str, dict[str, Any]]:
        digits_suite.runpytest(*FAST, *args)
        (test,) = json.loads((digits_suite.path / "report.json").read_text())["tests"]
        return {entry["statistic"].split()[0]: entry for entry in test["budgets"]}

    return budgets


@pytest.fixture
def recorded(digits_suite: pytest.Pytester, run: Run, once: Callable[..., Path]) -> Path:
    """The only file of the baseline, which is recorded once."""

    def make(folder: Path) -> None:
        run("--edge-save-baseline")
        shutil.copytree(digits_suite.path / "edge_baselines", folder / "edge_baselines")

    folder = digits_suite.path / "edge_baselines"
    shutil.copytree(once("baseline", make) / "edge_baselines", folder, dirs_exist_ok=True)
    return only_file(digits_suite)


def only_file(suite: pytest.Pytester) -> Path:
    (path,) = suite.path.glob("edge_baselines/local-*/digits.keras.int8.json")
    return path


def changed(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_recorded_then_honoured(digits_suite: pytest.Pytester, run: Run) -> None:
    missing = run()
    assert {entry["verdict"] for entry in missing.values()} == {"inconclusive"}
    assert "there is no baseline" in missing["size"]["reason"]
    assert "--edge-save-baseline" in missing["size"]["advice"]
    recorded = run("--edge-save-baseline")
    assert {entry["verdict"] for entry in recorded.values()} == {"skipped"}
    content = json.loads(only_file(digits_suite).read_text())
    assert content["schema"] == 1
    assert (content["model"], content["variant"]) == ("digits.keras", "int8")
    assert content["fingerprint"]["runtime"] == "ai-edge-litert"
    assert 1 <= len(content["latency"]["samples_ns"]) <= 500
    assert content["accuracy"]["samples"] == 300
    after = run()
    assert {entry["verdict"] for entry in after.values()} == {"pass"}
    assert after["size"]["limit"] == content["size_bytes"] + 16 * 1024
    assert after["accuracy"]["measured"] == 0


def test_a_worse_model_fails(recorded: Path, run: Run) -> None:
    def better(content: dict[str, Any]) -> None:
        content["size_bytes"] = 1000
        latency = content["latency"]
        latency["samples_ns"] = [ns // 100 for ns in latency["samples_ns"]]
        latency["ms"] = {name: ms / 100 for name, ms in latency["ms"].items()}
        content["accuracy"]["hits"] = "f" * len(content["accuracy"]["hits"])
        content["accuracy"]["value"] = 1.2

    changed(recorded, better)
    now = run()
    assert now["size"]["verdict"] == now["accuracy"]["verdict"] == "fail"
    # A few microseconds stay below the floor of 0.05 ms.
    assert now["p95"]["verdict"] == "pass"


@pytest.mark.parametrize(
    ("change", "statistic", "reason"),
    [
        (lambda c: c.update(schema=7), "size", "has schema 7; this version reads 1"),
        (lambda c: c.pop("fingerprint"), "size", "cannot be read: KeyError: 'fingerprint'"),
        (lambda c: c["accuracy"].update(data="x"), "accuracy", "scored on another data set"),
        (lambda c: c["latency"].update(input_shapes={}), "p95", "timed on other input shapes"),
        (lambda c: c.update(latency=None), "p95", "the baseline has no latency"),
    ],
    ids=["schema", "damaged", "data", "inputs", "latency"],
)
def test_refused(
    digits_suite: pytest.Pytester,
    recorded: Path,
    run: Run,
    change: Any,
    statistic: str,
    reason: str,
) -> None:
    digits_suite.makepyfile(test_it=only(statistic))
    changed(recorded, change)
    found = run()[statistic]
    assert found["verdict"] == "inconclusive"
    assert reason in found["reason"]


def only(statistic: str) -> str:
    """The suite without what is judged on other measurements."""
    others = {f'of="{name}"' for name in ("size", "accuracy")} - {f'of="{statistic}"'}
    if statistic != "p95":
        others.add("(1.0)")
    lines = SUITE.splitlines(keepends=True)
    return "".join(line for line in lines if not any(other in line for other in others))


def test_refused_on_another_device(digits_suite: pytest.Pytester, recorded: Path, run: Run) -> None:
    digits_suite.makepyfile(test_it=only("size"))
    found = run("--edge-threads=2")["size"]
    assert found["verdict"] == "inconclusive"
    assert "was recorded under other conditions: threads 1, now 2" in found["reason"]
    run("--edge-threads=2", "--edge-save-baseline")
    assert run("--edge-threads=2")["size"]["verdict"] == "pass"
    assert run()["size"]["verdict"] == "pass"


def test_a_stale_one_is_told_of(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(test_it=only("size"))
    result = digits_suite.runpytest(*FAST, "--edge-save-baseline")
    result.stdout.fnmatch_lines(["edgeai: 1 baseline recorded in *edge_baselines"])
    changed(only_file(digits_suite), lambda content: content.update(size_bytes=10**7))
    result = digits_suite.runpytest(*FAST)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["edgeai: test_no_worse (int8): size vs baseline: the baseline is stale: *"]
    )


def test_a_failed_test_is_no_baseline(digits_suite: pytest.Pytester, run: Run) -> None:
    suite = only("size").replace("@max_reg", "@max_size_mb(0.001)\n@max_reg")
    digits_suite.makepyfile(test_it=suite)
    run("--edge-save-baseline")
    assert not list(digits_suite.path.glob("edge_baselines/**/*.json"))


def test_tests_of_one_model_record_together(
    digits_suite: pytest.Pytester, recorded: Path, run: Run
) -> None:
    digits_suite.makepyfile(
        test_it="from pytest_edgeai import max_size_mb\n"
        "@max_size_mb(4)\n"
        "def test_no_worse(int8_interpreter): pass"
    )
    run("--edge-save-baseline")
    content = json.loads(recorded.read_text())
    assert content["latency"]
    assert content["accuracy"]


def test_a_folder_that_cannot_be_written(digits_suite: pytest.Pytester, run: Run) -> None:
    digits_suite.makepyfile(test_it=only("size"))
    (digits_suite.path / "taken").write_text("a file")
    result = digits_suite.runpytest(*FAST, "--edge-save-baseline", "--edge-baseline=taken")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*the baseline cannot be written: *", "*see --edge-baseline*"])
