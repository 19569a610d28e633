"""``edgeai compare``: a real run against itself, changed in one place."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from pytest_edgeai.cli import main
from pytest_edgeai.report.packing import pack, unpack


class Said(NamedTuple):
    """What the command says, and the changes that it wrote."""

    status: int
    out: str
    err: str
    changes: list[dict[str, Any]]

    def what(self, side: str) -> set[str]:
        """The names of all changes of one kind."""
        return {change["what"] for change in self.changes if change["side"] == side}


Change = Callable[[Any], object]
Compare = Callable[..., Said]


@pytest.fixture
def compare(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Compare:
    """``compare(change)``: the saved run with what ``change`` makes of a copy of it.

    ``before=change`` changes both.
    """
    monkeypatch.setattr("pytest_edgeai.judge.conditions.OTHERS_SHARE", 2)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)

    def said(
        change: Change = bool, *options: str, columns: int = 80, before: Change = bool
    ) -> Said:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("COLUMNS", str(columns))
        content = json.loads(saved.read_text())
        before(content)
        Path("before").write_text(json.dumps(content))
        change(content)
        Path("after").write_text(json.dumps(content))
        capsys.readouterr()
        status = main(["compare", "before", "after", "--json=out.json", *options])
        found = json.loads(Path("out.json").read_text())["changes"] if status < 2 else []
        return Said(status, *capsys.readouterr(), found)

    return said


def the(content: Any, name: str = "test_cost") -> Any:
    return next(t for t in content["tests"] if name in t["nodeid"])


def each(kind: str, name: str, change: Callable[[Any], object]) -> Change:
    """Change every answer of one kind of a test."""

    def changed(content: Any) -> None:
        for entry in the(content, name)["evidence"][kind]:
            change(entry)

    return changed


def slower_by_a_millisecond(entry: Any) -> None:
    entry["samples_ns"] = pack(unpack(entry["samples_ns"]) + 1_000_000)


def steadily(entry: Any) -> None:
    """As a machine measures that nobody else uses, whatever this one did."""
    typical, random = np.median(unpack(entry["samples_ns"])), np.random.default_rng(0)
    entry["samples_ns"] = pack((typical * random.lognormal(0, 0.05, 300)).astype(np.int64))


def with_noise(entry: Any) -> None:
    samples = unpack(entry["samples_ns"])
    noise = np.random.default_rng(0).integers(-300, 300, len(samples))
    entry["samples_ns"] = pack(np.maximum(samples + noise, 1))


def test_a_run_and_itself_are_the_same(compare: Compare) -> None:
    said = compare()
    assert (said.status, said.err) == (0, "")
    assert {change["side"] for change in said.changes} == {"same"}
    whats = said.what("same")
    assert whats >= {"median", "p95", "p99", "mean", "memory", "start-up", "sustained p95"}
    assert whats >= {"median (2 threads)", "p95 (2 threads)", "accuracy", "f1_macro", "brier"}
    unchanged = f"{len(said.changes)} unchanged; changes of times and memory"
    assert said.out.startswith(f"nothing is worse\n\n{unchanged}")


def test_slower_and_beyond_the_floor(compare: Compare) -> None:
    steady = each("latency", "test_cost", steadily)
    said = compare(each("latency", "test_cost", slower_by_a_millisecond), before=steady)
    assert said.status == 1
    assert said.what("worse") >= {"median", "p90", "p95", "median (2 threads)"}
    assert "p99" in said.what("worse") | said.what("untold"), "few samples are in its tail"
    assert not said.what("better")
    line = next(c for c in said.changes if c["what"] == "median")
    assert line["after"] == pytest.approx(line["before"] + 1)
    assert line["chance"] < 0.001
    worse = sum(change["side"] == "worse" for change in said.changes)
    assert said.out.startswith(f"{worse} worse\n\nWorse")


def test_a_verdict_is_not_listed_beside_what_it_is_of(compare: Compare) -> None:
    def fail(content: Any) -> None:
        another_file(content)
        budgets = the(content)["budgets"]
        next(b for b in budgets if b["statistic"] == "size")["verdict"] = "fail"

    said = compare(fail)
    assert "verdict of size" not in said.what("worse")
    (size,) = (change for change in said.changes if change["what"] == "size")
    assert size["reason"].endswith(" bytes, verdict pass -> fail")


def test_noise_is_none(compare: Compare) -> None:
    said = compare(each("latency", "test_cost", with_noise))
    assert (said.status, said.what("worse"), said.what("better")) == (0, set(), set())


def test_the_fraction_is_the_users(compare: Compare) -> None:
    def change(entry: Any) -> None:
        entry["samples_ns"] = pack(unpack(entry["samples_ns"]) * 100)

    slow = each("latency", "test_cost", change)
    assert compare(slow).status == 1
    assert compare(slow, "--fraction=1000").status == 0


def test_other_conditions_are_told_and_no_gate(compare: Compare) -> None:
    def on_another_cpu(entry: Any) -> None:
        slower_by_a_millisecond(entry)
        entry["conditions"]["cpu"] = "Cortex-A76"

    said = compare(each("latency", "test_cost", on_another_cpu))
    assert (said.status, said.what("worse")) == (0, set())
    assert "median" in said.what("untold")
    assert "measured under other conditions: cpu" in " ".join(said.out.split())


def test_what_one_run_did_not_measure_is_told(compare: Compare) -> None:
    def forget(content: Any) -> None:
        del the(content)["evidence"]["memory"]
        del the(content, "test_answers")["evidence"]["scores"]

    said = compare(forget)
    assert {"memory", "accuracy", "f1_macro"} <= said.what("untold")
    assert "memory: measured before only" in " ".join(said.out.split())


def test_memory_and_start_up(compare: Compare) -> None:
    def heavier(entry: Any) -> None:
        entry["values"] = [value * 3 for value in entry["values"]]

    assert compare(each("memory", "test_cost", heavier)).what("worse") <= {"memory"}
    said = compare(each("start_ups", "test_cost", heavier))
    assert said.what("worse") | said.what("untold") == {"start-up", "start-up (2 threads)"}


def test_a_budget_that_fails_now_is_worse(compare: Compare) -> None:
    def fail(content: Any) -> None:
        budgets = the(content)["budgets"]
        next(b for b in budgets if b["statistic"] == "size")["verdict"] = "fail"

    said = compare(fail)
    assert (said.status, said.what("worse")) == (1, {"verdict of size"})


def test_a_test_that_fails_now_without_a_budget_is_worse(compare: Compare) -> None:
    def crash(content: Any) -> None:
        the(content, "test_without_budgets").update(outcome="error", error="it\nbroke", device=None)

    said = compare(crash)
    assert (said.status, said.what("worse")) == (1, {"outcome"})
    assert "broke" in said.out


def test_a_limit_that_only_warns_is_not_worse_by_itself(compare: Compare) -> None:
    def warn(content: Any) -> None:
        for budget in the(content)["budgets"]:
            if budget["verdict"] == "pass" and budget["is_performance"]:
                budget.update(verdict="fail", warns=True)

    said = compare(warn)
    assert (said.status, said.what("worse"), said.what("changed")) == (0, set(), set())


def test_a_failure_beside_a_limit_that_only_warns_is_worse(compare: Compare) -> None:
    def fail(content: Any) -> None:
        test = next(t for t in content["tests"] if t["outcome"] == "passed" and t["budgets"])
        test["budgets"][0].update(verdict="fail", warns=True)
        test.update(outcome="failed", error="it broke")

    said = compare(fail)
    assert (said.status, said.what("worse")) == (1, {"outcome"})


def test_a_model_that_cannot_be_run_any_more_is_worse(compare: Compare) -> None:
    def lose(content: Any) -> None:
        test = the(content, "test_no_worse")
        test.update(outcome="error", error="no runtime", device=None, model=None, budgets=[])
        test.update(evidence={}, conditions={})

    before = compare(lambda content: the(content, "test_no_worse").update(outcome="passed"))
    assert before.status == 0
    said = compare(lose)
    assert "verdict of size vs baseline" in said.what("worse")
    assert said.status == 1


def test_tests_in_only_one_run_are_named(compare: Compare) -> None:
    def rename(content: Any) -> None:
        test = the(content, "test_damaged")
        test.update(nodeid="test_all.py::test_new", test="test_all.py::test_new")

    said = compare(rename)
    text = " ".join(said.out.split())
    assert "Only in the run before: test_all.py::test_damaged (int8)" in text
    assert "Only in the run after: test_all.py::test_new (int8)" in text


def another_file(content: Any) -> None:
    """The int8 file of the suite's model becomes larger, in part float, and has other operators."""
    key = the(content)["model"]["key"]
    facts = copy.deepcopy(content["models"][key])
    facts.update(sha256="new", size_bytes=facts["size_bytes"] + 5000, int8_weight_share=0.5)
    facts["float_operators"] = ["SOFTMAX"]
    facts["operators"].append({"name": "Magic", "version": 1, "count": 2, "custom": True})
    content["models"]["new"] = facts
    for test in content["tests"]:
        if test["model"] and test["model"]["key"] == key:
            test["model"].update(key="new", sha256="new", size_bytes=facts["size_bytes"])


def test_what_the_file_holds(compare: Compare) -> None:
    said = compare(another_file, columns=120)
    assert said.what("worse") == {"size", "not quantised", "custom operators", "weights in int8"}
    assert said.what("changed") == {"operators"}
    assert said.out.count("size") == 1, "once for all tests of the model"
    assert "Magic (2) came" in said.out
    assert max(map(len, said.out.splitlines())) <= 120


def test_the_summary_of_github(
    compare: Compare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    said = compare(another_file, "--markdown=out.md")
    assert (tmp_path / "summary.md").read_text() == (tmp_path / "out.md").read_text()
    assert "| int8 of digits.keras on local | size |" in (tmp_path / "out.md").read_text()
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "no" / "folder.md"))
    said = compare(another_file)
    assert said.status == 1, "it is no reason to pass"
    assert "no summary on GitHub: " in said.err


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda c: c.update(tests=[]), (), "the run after, after, has no tests"),
        (lambda c: [t.update(test="new") for t in c["tests"]], (), "have no test in common"),
        (lambda c: c.update(schema=3), (), "has schema 3; this version reads 1"),
        (lambda c: c.update(tests=7), (), "no list of tests"),
        (lambda c: the(c).update(evidence=[]), (), "cannot be read"),
        (lambda c: the(c)["evidence"]["latency"][0].update(samples_ns={}), (), "cannot be read"),
        (lambda c: the(c)["evidence"]["memory"][-1].update(values="many"), (), "cannot be read"),
        (lambda c: c["models"].clear(), (), "cannot be read"),
        (bool, ("--fraction=-1",), "--fraction must be a number from 0"),
        (bool, ("--confidence=2",), "confidence must be a number over 0.5, under 1"),
        (bool, ("--markdown=/proc/none.md",), "was not written"),
    ],
)
def test_what_cannot_be_compared_is_status_2(
    compare: Compare, change: Change, options: tuple[str, ...], message: str
) -> None:
    said = compare(change, *options)
    assert said.status == 2
    assert message in said.err
    assert "Traceback" not in said.err


def test_a_run_that_was_not_finished_is_worse(compare: Compare) -> None:
    found = compare(lambda content: content["run"].update(exit_status=2))
    assert found.status == 1
    assert "the run after: The run was interrupted" in " ".join(found.out.split())
