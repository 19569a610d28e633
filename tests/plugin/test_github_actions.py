"""What GitHub Actions is told: annotations, and the summary of the step."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from pytest_edgeai.plugin.github import escaped

SUITE = """
import pytest
from pytest_edgeai import edge_model, max_accuracy_drop, max_size_mb


@max_size_mb(1)
def test_fits(int8_interpreter): pass

@max_size_mb(0.0001)
@pytest.mark.parametrize("how", ["50%,a:b"])
def test_too_large(int8_interpreter, how): pass

@edge_model("no.keras")
def test_no_model(int8_interpreter): pass

@max_size_mb(1)
def test_body(int8_interpreter):
    assert 1 == 2, "one is\\nnot two"

def test_other(): assert False
"""


@pytest.fixture
def suite(digits_suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    digits_suite.mkdir("tests").joinpath("test_it.py").write_text(SUITE)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    return digits_suite


def commands(result: pytest.RunResult) -> list[str]:
    return [line for line in result.outlines if line.startswith("::")]


TOO_LARGE = (
    r"::error file=tests/test_it\.py,line=9,"
    r"title=test_too_large\[50%25%2Ca%3Ab\] \(int8 on local\)%3A max_size_mb::"
    r"size 0\.0\d+ MB, limit 0\.0001 MB: 0\.0\d+ MB over \(\d+ times the limit\)%0A"
    r"the file has [\d,]+ bytes; the limit is 104%0Atry: make .*"
)


@pytest.mark.parametrize("args", [["-q"], ["-qq"], ["-v"], ["-s"], ["--tb=no"], ["-n2"]])
def test_what_is_not_met_is_annotated(suite: pytest.Pytester, args: list[str]) -> None:
    result = suite.runpytest_subprocess(*args, "-p", "no:hypothesispytest", "-p", "no:benchmark")
    first, *others = commands(result)
    assert re.fullmatch(TOO_LARGE, first)
    assert sorted(other.partition("%0A")[0] for other in others) == [
        "::error file=tests/test_it.py,line=13,title=test_no_model%3A error::"
        f"edge_model: there is no {suite.path}/tests/no.keras nor {suite.path}/no.keras",
        "::error file=tests/test_it.py,line=16,title=test_body%3A failed::AssertionError: one is",
    ]


def test_nothing_is_printed_elsewhere(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    for value in ("false", ""):
        monkeypatch.setenv("GITHUB_ACTIONS", value)
        assert commands(suite.runpytest()) == []


def test_undecided_budgets_and_doubts_are_warnings(suite: pytest.Pytester) -> None:
    suite.path.joinpath("tests", "test_it.py").write_text(
        """
import pytest
from pytest_edgeai import max_accuracy_drop

@pytest.fixture(scope="session")
def evaluation_data(data):
    return data[0][:60], data[1][:60]

@max_accuracy_drop(0.001, confidence=0.99)
def test_drop(int8_interpreter): pass
"""
    )
    result = suite.runpytest("--edge-inconclusive=warn", "-W", "default")
    result.assert_outcomes(passed=1, warnings=2)
    at = "::warning file=tests/test_it.py,line=9,title=test_drop (int8 on local)::"
    both, undecided = commands(result)
    assert both.startswith(at)
    assert "calibration" in both
    assert undecided.startswith(f"{at}max_accuracy_drop: accuracy drop ")
    assert ": inconclusive: " in undecided


@pytest.mark.parametrize("workspace", [".", "..", "tests", "/somewhere"])
def test_files_count_from_the_workspace(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workspace: str
) -> None:
    monkeypatch.setenv("GITHUB_WORKSPACE", os.path.normpath(suite.path / workspace))
    (command,) = commands(suite.runpytest("-k", "large"))
    wanted = {"..": f"{suite.path.name}/tests/test_it.py", "tests": "test_it.py"}
    place = wanted.get(workspace, "tests/test_it.py")
    assert command.startswith(f"::error file={place},line=9,")


def test_a_summary_is_added_to_what_the_step_has(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "summary.md"
    path.write_text("# Before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    suite.runpytest("--edge-report=a.md")
    written = (suite.path / "a.md").read_text()
    assert path.read_text() == f"# Before\n\n{written}"
    assert "## Edge AI: 1 of 2 budgets not met, 2 tests failed otherwise" in written
    suite.runpytest("-n2", "-p", "no:hypothesispytest", "-k", "fits")
    assert path.read_text().count("## Edge AI: 1 budget met") == 1
    before = path.read_text()
    suite.runpytest("-k", "other")
    assert path.read_text() == before


def test_a_summary_is_no_larger_than_what_github_takes(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "summary.md"
    path.write_text("x" * (1024 * 1024 - 400))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    suite.runpytest()
    assert 1024 * 1024 - 400 < path.stat().st_size <= 1024 * 1024
    assert path.read_text().endswith("The JSON report has all of it.**\n")


@pytest.mark.parametrize("where", ["folder", "folder/no/summary.md"])
def test_a_summary_that_cannot_be_written_fails_no_run(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, where: str
) -> None:
    (tmp_path / "folder").mkdir()
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / where))
    result = suite.runpytest("-k", "fits")
    assert result.ret == 0
    result.stdout.fnmatch_lines([f"edgeai: no summary on GitHub: {tmp_path / where}: *"])


def test_an_empty_name_is_no_summary(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "")
    monkeypatch.delenv("GITHUB_ACTIONS")
    result = suite.runpytest("-k", "fits")
    assert result.ret == 0
    result.stdout.no_fnmatch_line("*GitHub*")


@pytest.mark.parametrize(
    ("text", "message", "of_property"),
    [
        ("a%b", "a%25b", "a%25b"),
        ("a\r\nb", "a%0D%0Ab", "a%0D%0Ab"),
        ("a:b,c", "a:b,c", "a%3Ab%2Cc"),
        ("%0A", "%250A", "%250A"),
    ],
)
def test_escapes(text: str, message: str, of_property: Any) -> None:
    assert (escaped(text), escaped(text, True)) == (message, of_property)


def test_what_is_not_collected_is_annotated_mistake_by_mistake(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(suite.path / "summary.md"))
    (suite.path / "parts.edge.toml").write_text('model = "no.tflite"\n[tests.a]\nmax_size_bm = 4\n')
    result = suite.runpytest("parts.edge.toml", "--edge-report=a.json")
    title = "title=parts.edge.toml%3A not collected::"
    first, second = commands(result)
    assert first.startswith(f"::error file=parts.edge.toml,line=1,{title}model: there is no ")
    assert second.startswith(f"::error file=parts.edge.toml,line=3,{title}tests.a.max_size_bm: ")
    assert "did you mean max_size_mb?" in second
    summary = (suite.path / "summary.md").read_text()
    assert "### parts.edge.toml: not collected" in summary
    assert "did you mean max_size_mb?" in summary
    uncollected = json.loads((suite.path / "a.json").read_text())["run"]["uncollected"]
    assert [*uncollected] == ["parts.edge.toml"]
