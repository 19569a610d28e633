"""``edgeai judge``: a real run judged again from its JSON report alone."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pytest_edgeai.cli import main
from pytest_edgeai.judge.markers import MARKERS

SAME = ("marker", "statistic", "limit", "unit", "measured", "low", "high", "n", "verdict", "reason")
SAME += ("advice", "details", "threads", "is_floor", "headroom", "data")


class Said(NamedTuple):
    """What the command says."""

    status: int
    out: str
    err: str


Judge = Callable[..., Said]


@pytest.fixture
def judge(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Judge:
    """``judge(*arguments)``: the command, in this process and in ``tmp_path``."""
    monkeypatch.setattr("pytest_edgeai.judge.conditions.OTHERS_SHARE", 2)

    def said(*arguments: object) -> Said:
        monkeypatch.chdir(tmp_path)
        capsys.readouterr()
        status = main(["judge", *map(str, arguments)])
        return Said(status, *capsys.readouterr())

    return said


def document(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def results(test: dict[str, Any]) -> list[dict[str, Any]]:
    """What is compared of a test's results; a traceback is of the run alone."""
    return [
        {**{key: b[key] for key in SAME}, "details": without_traceback(b["details"])}
        for b in test["budgets"]
    ]


def without_traceback(details: list[str]) -> list[str]:
    return [text for text in details if not text.startswith("Traceback")]


def test_the_results_are_those_of_the_run(saved: Path, judge: Judge) -> None:
    said = judge(saved, "--json", "again.json")
    assert said.status == 1, said.err
    run, again = document(saved), document(Path("again.json"))
    judged = {(t["nodeid"], t["variant"]): t for t in again["tests"]}
    compared: Counter[str] = Counter()
    for test in run["tests"]:
        if test["budgets"]:
            now = results(judged[test["nodeid"], test["variant"]])
            for mine, its in zip(results(test), now, strict=True):
                assert its == mine
                compared[str(mine["verdict"])] += 1
    assert compared.keys() >= {"pass", "fail", "inconclusive", "error", "skipped"}
    assert compared.total() > 80
    assert {b["marker"] for t in run["tests"] for b in t["budgets"]} == {*MARKERS}


def test_it_says_what_the_run_said(saved: Path, judge: Judge) -> None:
    said = judge(saved, "-k", "damaged")
    assert said.status == 1
    text = " ".join(said.out.split())
    assert "int8 of damaged.tflite on local: 6 of 6 budgets not met" in text
    assert "layers whose error jumps first, on 16 samples against converted: dense_1 (FULLY" in text
    assert "try: calibrate with more samples" in text


def test_a_test_whose_body_failed_is_not_judged_better(saved: Path, judge: Judge) -> None:
    said = judge(saved, "-k", "body_fails")
    assert (said.status, said.out.count("not judged")) == (1, 2)
    text = " ".join(said.out.split())
    assert "did not come to it: the test was failed: AssertionError: the body said no" in text
    assert judge(saved, "-k", "test_leaves").status == 0, "it was skipped, and is"


@pytest.mark.parametrize(
    ("budgets", "status"),
    [
        (["p95<=900ms", "size<=1MB"], 0),
        (["p95<=0.00001ms"], 1),
        (["max_latency_ms(p99=900, threads=2)", "max_latency_ms(mean=900, confidence=0.9)"], 0),
        (["fully_quantized", "no_custom_ops", "delegated>=0.05", "throughput>=0.5/s"], 0),
        (["startup<=5s", "max_startup_ms(9000, threads=2)"], 0),
        (["memory<=0.00001MB"], 1),
        (["max_sustained_latency_ms(p95=900, seconds=1.5, threads=2)"], 0),
    ],
)
def test_other_budgets(saved: Path, judge: Judge, budgets: list[str], status: int) -> None:
    said = judge(saved, *budgets, "-k", "test_cost")
    assert said.status == status, said.out + said.err
    assert "error" not in said.out


@pytest.mark.parametrize(
    ("budget", "missing"),
    [
        ("max_latency_ms(p95=900, threads=3)", "latency with 3 threads"),
        ("max_memory_mb(500, threads=2)", "memory with 2 threads"),
        ("accuracy>=0.1", "accuracy"),
        ("agreement>=0.1", "the answers of int8"),
        ("accuracy_drop<=0.5", "accuracy"),
        ("max_output_error(9)", "the difference from converted"),
        ("max_regression(1.0)", "its baseline"),
        ("max_sustained_latency_ms(p95=900, seconds=60)", "a sustained run of this length"),
    ],
)
def test_what_was_not_measured_is_an_error(
    saved: Path, judge: Judge, budget: str, missing: str
) -> None:
    said = judge(saved, budget, "-k", "test_cost")
    text = " ".join(said.out.split())
    assert said.status == 1
    assert f"the saved run did not measure {missing}" in text
    assert "try: run the tests again with a budget that needs it" in text
    assert "pass" not in said.out


@pytest.mark.parametrize(
    ("budget", "status", "says"),
    [
        ("min_accuracy(0.5, metric='f1_macro', confidence=0.99)", 0, "pass"),
        ("max_accuracy_drop(0.2, metric='f1_macro', confidence=0.8)", 0, "pass"),
        ("min_accuracy(0.5, metric='roc_auc', confidence=0.9)", 1, "did not resample roc_auc"),
        ("min_accuracy(0.975, confidence=0.9)", 1, "inconclusive"),
        ("min_agreement(0.9, baseline='source')", 0, "pass"),
        ("max_output_error(0.5, norm='rms', baseline='dynamic')", 0, "pass"),
        ("max_output_error(0.5, baseline='dynamic')", 0, "pass"),
        ("max_output_error(0.5, baseline='float16')", 1, "measure the difference from float16"),
    ],
)
def test_other_budgets_of_answers(
    saved: Path, judge: Judge, budget: str, status: int, says: str
) -> None:
    said = judge(saved, budget, "-k", "answers", "--variant", "int8")
    assert said.status == status, said.out + said.err
    assert says in " ".join(said.out.split())


def test_a_run_that_a_budget_ended_is_whole_for_no_other(saved: Path, judge: Judge) -> None:
    content = document(saved)
    (test,) = (t for t in content["tests"] if "test_cost" in t["nodeid"])
    runs = test["evidence"]["sustained"]
    test["evidence"]["sustained"] = [run for run in runs if len(run["windows"]) < 3]
    assert test["evidence"]["sustained"], "the second limit ends its run at once"
    Path("cut.json").write_text(json.dumps(content))
    loose = "max_sustained_latency_ms(p95=900, seconds=1)"
    said = judge(Path("cut.json").resolve(), loose, "-k", "test_cost")
    assert said.status == 1
    assert "its end: it was over its limit by then" in " ".join(said.out.split())


def test_regression_is_against_the_baseline_of_the_run(saved: Path, judge: Judge) -> None:
    assert judge(saved, "-k", "no_worse").out.count("skipped") == 0
    said = judge(saved, "max_regression(0.5, of='size')", "-k", "no_worse")
    assert said.status == 0, said.out
    missing = judge(saved, "-k", "without_baseline")
    assert (missing.status, "there is no baseline" in missing.out) == (1, True)


def test_a_text_is_for_the_tests_that_measured_what_it_needs(
    saved: Path, judge: Judge, tmp_path: Path
) -> None:
    """Among those of the same model, variant and device; else it is one error."""
    content = document(saved)
    (answers,) = (t for t in content["tests"] if is_of(t, "test_answers"))
    (cost,) = (t for t in content["tests"] if is_of(t, "test_cost"))
    content["tests"] = [answers, cost]
    (tmp_path / "two.json").write_text(json.dumps(content))
    said = judge("two.json", "p95<=900ms", "size<=1MB", "accuracy>=0.5", "--json=o")
    assert said.status == 0, said.out
    assert markers(Path("o")) == [["max_size_mb", "min_accuracy"], ["max_latency_ms"]]
    said = judge("two.json", "max_latency_ms(p95=900, threads=3)")
    assert (said.status, said.out.count("not judged")) == (1, 1)


def is_of(test: Any, name: str) -> bool:
    return bool(name in test["nodeid"] and test["variant"] == "int8")


def markers(path: Path) -> list[list[str]]:
    return [[b["marker"] for b in t["budgets"]] for t in document(path)["tests"]]


def test_a_budget_that_is_judged_on_nothing_is_not_met(saved: Path, judge: Judge) -> None:
    of_pi = "max_latency_ms(p95=900, device='pi')"
    said = judge(saved, of_pi, "size<=1MB", "-k", "test_cost")
    assert said.status == 1
    assert f"Not judged:\n  {of_pi}: it is for no test of the run, or all of those" in said.out


def test_a_folder_of_reports_is_read(saved: Path, judge: Judge, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    shutil.copy(saved, tmp_path / "out" / "results.json")
    assert judge("out", "size<=1MB", "-k", "test_cost").status == 0


OWN = """
[tests.test_cost]
variants = ["int8"]
max_latency_ms = {p95 = 900}

[tests.test_answers]
min_accuracy = 0.5
"""


def test_the_tables_of_a_file_are_for_the_tests_of_their_names(
    saved: Path, judge: Judge, tmp_path: Path
) -> None:
    (tmp_path / "own.edge.toml").write_text(OWN)
    said = judge(saved, "own.edge.toml", "--json=o")
    assert said.status == 0, said.out
    found = {(t["nodeid"].partition("[")[0], t["variant"]) for t in document(Path("o"))["tests"]}
    names = ("test_cost", "int8"), ("test_answers", "int8"), ("test_answers", "converted")
    assert found == {(f"test_all.py::{name}", variant) for name, variant in names}
    assert judge(saved, "own.edge.toml", "-k", "test_cost").status == 0
    (tmp_path / "own.edge.toml").write_text(f"{OWN}[tests.test_of_today]\nmax_size_mb = 1\n")
    said = judge(saved, "own.edge.toml")
    assert said.status == 1
    assert "own.edge.toml: test_of_today: no test of the run has this name" in said.out


TABLES = """
model = "not/there.keras"

[tests.small]
variants = ["int8"]
max_size_mb = 0.00001

[tests.all]
no_custom_ops = true
max_latency_ms = [{p95 = 900}, {p99 = 900, threads = 2}]
"""


def test_the_tables_of_a_suite_without_python(saved: Path, judge: Judge, tmp_path: Path) -> None:
    """Neither its model nor its data have to be there."""
    (tmp_path / "parts.edge.toml").write_text(TABLES)
    said = judge(saved, "parts.edge.toml", "-k", "test_cost", "--json", "out.json")
    assert said.status == 1
    (test,) = document(Path("out.json"))["tests"]
    assert [(b["marker"], b["threads"], b["verdict"]) for b in test["budgets"]] == [
        ("max_size_mb", None, "fail"),
        ("no_custom_ops", None, "pass"),
        ("max_latency_ms", None, "pass"),
        ("max_latency_ms", 2, "pass"),
    ]
    said = judge(saved, "parts.edge.toml", "-k", "no_worse", "--json", "out.json")
    names = [b["marker"] for t in document(Path("out.json"))["tests"] for b in t["budgets"]]
    assert "max_size_mb" not in names, "the table is for int8"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["p95<=40"], "is not a number with a unit of p95"),
        (["speed>=9"], "there is no 'speed'"),
        (["wrong.edge.toml"], "wrong.edge.toml: tests.t: there is no 'max_sice_mb'"),
        (["missing.edge.toml"], "missing.edge.toml cannot be read"),
        (
            ["size<=1MB", "-k", "nothing"],
            "no test has 'nothing' in its name\nhint: there are tests ",
        ),
        (["--device", "pi"], "no test has 'pi' for its device\nhint: there are devices local"),
        (["--variant", "x"], "variant\nhint: there are variants converted, dynamic, float16, int8"),
        (["size<=1MB", "-k", "without_budgets"], "has budgets to judge"),
        (["other.json"], "other.json is no budget: the report of one run comes first"),
    ],
)
def test_what_cannot_begin_is_status_2(
    saved: Path, judge: Judge, tmp_path: Path, given: list[str], message: str
) -> None:
    (tmp_path / "wrong.edge.toml").write_text("[tests.t]\nmax_sice_mb = 4\n")
    said = judge(saved, *given)
    assert (said.status, said.out) == (2, "")
    assert message in said.err


def the(content: Any, name: str = "test_cost") -> Any:
    return next(t for t in content["tests"] if name in t["nodeid"])


def spoil_numbers(content: Any) -> None:
    samples = the(content)["evidence"]["latency"][0]["samples_ns"]
    samples["zlib"] = samples["zlib"][:-20] + "A" * 20


def claim_a_terabyte(content: Any) -> None:
    the(content)["evidence"]["latency"][0]["samples_ns"]["shape"] = [10**12]


def widen(content: Any) -> None:
    the(content)["model"]["size_bytes"] = 5


def fewer_hits(content: Any) -> None:
    the(content, "test_answers")["evidence"]["scores"][0]["samples"] = 7


def rewrite(*path: Any, to: Any) -> Callable[[Any], None]:
    def change(content: Any) -> None:
        place = the(content)
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = to

    return change


@pytest.mark.parametrize(
    "change",
    [
        spoil_numbers,
        claim_a_terabyte,
        widen,
        fewer_hits,
        rewrite("evidence", to=[]),
        rewrite("evidence", "latency", to="fast"),
        rewrite("evidence", "latency", 0, "samples_ns", "dtype", to="object"),
        rewrite("evidence", "latency", 0, "looks", to=[10**9]),
        rewrite("evidence", "latency", 0, "conditions", to=None),
        rewrite("evidence", "start_ups", 0, "values", to=["soon"]),
        rewrite("evidence", "sustained", 0, "windows", to=[]),
        rewrite("evidence", "memory", 0, "parts", "peak", to=[1.0]),
        rewrite("markers", to=[{"marker": "max_speed", "arguments": {}}]),
        rewrite("markers", 0, "arguments", to={"p95": "fast"}),
        rewrite("model", to="digits"),
        rewrite("model", "sha256", to="0"),
        rewrite("model", "key", to="0"),
        rewrite("variant", to=[]),
        lambda content: content["models"].clear(),
        lambda content: content.update(tests=[1, 2]),
        lambda content: content.update(tests={"a": 1}),
    ],
)
def test_damaged_reports_are_refused(
    saved: Path, judge: Judge, tmp_path: Path, change: Callable[[Any], None]
) -> None:
    content = document(saved)
    change(content)
    (tmp_path / "damaged").write_text(json.dumps(content))
    said = judge("damaged")
    assert (said.status, said.out) == (2, ""), said.out[-500:]
    assert said.err.count("hint: ") == 1
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no JSON"),
        ('{"schema": 1, "tests": [', "is no JSON"),
        ("[]", "is no report of a run"),
        ('{"schema": 1}', "is no report of a run"),
        ('{"schema": 9, "tests": [], "models": {}}', "has schema 9; this version reads 1"),
        ('{"schema": 1, "tests": [], "models": {}}', "has budgets to judge"),
        ("\udcff", "is no JSON"),
    ],
)
def test_other_files_are_refused(judge: Judge, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "other").write_bytes(text.encode(errors="surrogateescape"))
    said = judge("other")
    assert (said.status, said.out) == (2, "")
    assert message in said.err


def test_a_verdict_that_was_edited_is_not_believed(
    saved: Path, judge: Judge, tmp_path: Path
) -> None:
    content = document(saved)
    for budget in the(content, "test_damaged")["budgets"]:
        budget.update(verdict="pass", measured=0.0)
    (tmp_path / "hopeful.json").write_text(json.dumps(content))
    assert judge("hopeful.json", "-k", "damaged").status == 1


def test_the_command_line_by_itself(saved: Path, edgeai: Any, tmp_path: Path) -> None:
    said = edgeai("judge", saved, "size<=1MB", "no_custom_ops", "-k", "answers", folder=tmp_path)
    assert (said.status, said.err) == (0, "")
    assert max(map(len, said.out.splitlines())) <= 80
    shown = edgeai("judge", "--help", folder=tmp_path)
    assert "p95<=40ms" in shown.out
    missing = edgeai("judge", "missing.json", folder=tmp_path)
    assert (missing.status, missing.out) == (2, "")
    assert missing.err.startswith("missing.json cannot be read: No such file")


def changed_copy(saved: Path, path: Path, change: Callable[[Any], object]) -> Path:
    content = document(saved)
    change(content)
    path.write_text(json.dumps(content))
    return path


def test_a_run_that_was_not_finished_is_not_good(saved: Path, judge: Judge, tmp_path: Path) -> None:
    """However well what it came to was."""
    for key, value, said in (
        ("exit_status", 2, "The run was interrupted: not all tests were run."),
        ("uncollected", {"a.edge.toml": "why"}, "a.edge.toml was not collected"),
    ):
        path = changed_copy(saved, tmp_path / "b.json", lambda of: of["run"].update({key: value}))  # noqa: B023
        found = judge(path, "size<=1MB", "-k", "test_cost")
        assert said in found.out
        assert found.status == 1


def test_a_test_that_came_to_no_device_is_of_every_device(
    saved: Path, judge: Judge, tmp_path: Path
) -> None:
    def lose(content: Any) -> None:
        the(content).update(device=None, model=None, outcome="error", error="lost")

    path = changed_copy(saved, tmp_path / "b.json", lose)
    found = judge(path, "-k", "test_cost", "--device=local")
    assert found.status == 1
    assert "the saved run did not come to it: the test was error: lost" in " ".join(
        found.out.split()
    )


def test_results_of_budgets_that_were_not_stated_are_damage(
    saved: Path, judge: Judge, tmp_path: Path
) -> None:
    path = changed_copy(saved, tmp_path / "b.json", lambda of: the(of).update(markers=[]))
    found = judge(path)
    assert found.status == 2
    assert "results and states 0 budgets: the report was damaged or edited" in found.err
