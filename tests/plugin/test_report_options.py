"""Reports that ``--edge-report`` asks for: what a run writes, and what it refuses to begin with."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest

SUITE = """
from pytest_edgeai import edge_model, max_size_mb

@max_size_mb(1)
def test_fits(int8_interpreter): pass

@max_size_mb(0.0001)
def test_too_large(dynamic_interpreter): pass

@edge_model(converted="ready.tflite")
@max_size_mb(1)
def test_ready_file(converted_interpreter): pass
"""
WITHOUT = """
import sys
for name in {names!r}:
    sys.modules[name] = None
import pytest
sys.exit(pytest.main({args!r}))
"""
FAST = ("-p", "no:hypothesispytest", "-p", "no:benchmark")
NAMES = ["digits-dynamic.tflite", "digits-int8.tflite", "ready-converted.tflite"]


@pytest.fixture
def suite(digits_suite: pytest.Pytester, models: Path) -> pytest.Pytester:
    from pytest_edgeai.device.agent import RELU_MODEL

    (digits_suite.path / "ready.tflite").write_bytes(RELU_MODEL)
    digits_suite.makepyfile(test_it=SUITE)
    return digits_suite


def without(pytester: pytest.Pytester, *names: str, args: list[str]) -> Any:
    """A run where these packages are not installed."""
    code = WITHOUT.format(names=names, args=["-p", "no:html", "-p", "no:allure_pytest", *args])
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=pytester.path, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["jinja2", "plotly"], "jinja2 and plotly missing"),
        (["plotly"], "plotly missing"),
    ],
)
def test_what_a_report_needs_is_asked_for_before_anything_is_collected(
    pytester: pytest.Pytester, names: list[str], said: str
) -> None:
    pytester.makepyfile(test_it="raise SystemExit('collected')")
    done = without(pytester, *names, args=["--edge-report=a.html"])
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: --edge-report=a.html: {said}" in done.stderr
    assert "hint: pip install 'pytest-edgeai[report]'" in done.stderr
    assert "collected" not in done.stdout + done.stderr


def test_other_reports_need_no_more_than_the_default_install(suite: pytest.Pytester) -> None:
    args = ["--edge-report=a.json", "--edge-report=a.md", "--edge-report=a.jsonl"]
    done = without(suite, "jinja2", "plotly", args=[*args, "--edge-report=out", *FAST])
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    note = "no report.html: jinja2 and plotly missing: pip install 'pytest-edgeai[report]'"
    assert f"edgeai: report out: {note}" in done.stdout
    found = {path.name for path in suite.path.glob("a.*")} | {
        path.name for path in (suite.path / "out").iterdir()
    }
    assert found == {"a.json", "a.md", "a.jsonl", "results.json", "summary.md", "models"}


@pytest.mark.parametrize("args", [[], ["-n2"], ["--edge-no-cache"], ["--edge-no-cache", "-n2"]])
def test_a_folder_has_the_tested_files(suite: pytest.Pytester, args: list[str]) -> None:
    result = suite.runpytest_subprocess(*FAST, *args, "--edge-report=out/")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["edgeai: report out/"])
    result.stdout.no_fnmatch_line("*no models/*")
    out = suite.path / "out"
    assert sorted(path.name for path in (out / "models").iterdir()) == NAMES
    content = json.loads((out / "results.json").read_text())
    assert {len((out / "models" / name).read_bytes()) for name in NAMES} == {
        model["size_bytes"] for model in content["models"].values()
    }
    assert not any("model_file" in test for test in content["tests"])
    assert (out / "summary.md").read_text().startswith("## Edge AI: 1 of 3 budgets not met")
    assert "<html" in (out / "report.html").read_text()


def test_a_tested_file_that_the_tests_remove_is_said_to_be_gone(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        test_it="""
        import os
        from pytest_edgeai import edge_model, max_size_mb

        @edge_model(converted="ready.tflite")
        @max_size_mb(1)
        def test_ready_file(converted_interpreter):
            os.unlink("ready.tflite")
        """
    )
    result = suite.runpytest("--edge-report=out")
    result.assert_outcomes(passed=1)
    note = "no models/ready-converted.tflite: the tested file is gone, or another one by now"
    result.stdout.fnmatch_lines([f"edgeai: report out: {note}"])


def test_runs_add_to_a_history_and_replace_the_others(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    args = ("--edge-report=a.md", "--edge-report=all.jsonl", "--edge-report=a.json")
    suite.runpytest(*args)
    monkeypatch.setenv("CI_COMMIT_SHA", "c" * 40)
    suite.runpytest(*args, "-k", "fits")
    lines = [json.loads(line) for line in (suite.path / "all.jsonl").read_text().splitlines()]
    assert [line["verdict"] for line in lines] == ["pass", "fail", "pass", "pass"]
    assert {line["commit"] for line in lines[:3]} == {None}
    assert lines[3]["commit"] == "c" * 40
    assert (suite.path / "a.md").read_text().startswith("## Edge AI: 1 budget met")
    assert json.loads((suite.path / "a.json").read_text())["run"]["commit"] == "c" * 40


def details(page: Path) -> str:
    """What an HTML report shows of its tests when they are opened."""
    found = re.search(r'<script[^>]* id="details"[^>]*>([^<]*)', page.read_text())
    assert found is not None
    return zlib.decompress(base64.b64decode(found[1])).decode()


def test_the_html_report_has_the_runs_before(suite: pytest.Pytester) -> None:
    """And not this one, which it has anyway."""
    history = suite.path / "all.jsonl"
    args = ("--edge-report=all.jsonl", "--edge-report=a.html", "-k", "fits")
    for run in range(2):
        suite.runpytest(*args).assert_outcomes(passed=1, deselected=2)
        history.write_text(re.sub(r'"time": "\d{4}', '"time": "1999', history.read_text()))
        assert ("1999-" in details(suite.path / "a.html")) == (run > 0)
    assert len(history.read_text().splitlines()) == 2


def test_the_commit_is_that_of_git(suite: pytest.Pytester) -> None:
    def git(*args: str) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@b")
        done = subprocess.run(["git", *who, *args], cwd=suite.path, capture_output=True, check=True)
        return done.stdout.decode().strip()

    git("init")
    git("commit", "--allow-empty", "-m", "first")
    suite.runpytest("--edge-report=a.json", "-k", "fits")
    assert json.loads((suite.path / "a.json").read_text())["run"]["commit"] == git(
        "rev-parse", "HEAD"
    )


def test_a_history_that_cannot_be_written_fails_the_run(suite: pytest.Pytester) -> None:
    (suite.path / "all.jsonl").mkdir()
    result = suite.runpytest("--edge-report=all.jsonl", "-k", "fits")
    assert result.ret not in (0, 1)
    result.stdout.fnmatch_lines(["edgeai: */all.jsonl was not written: Is a directory"])
