"""What happens to a test, or to a report, is in all the reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

FITS = """
from pytest_edgeai import max_size_mb

@max_size_mb(1)
def test_fits(int8_interpreter): pass
"""
FAST = ("-p", "no:hypothesispytest", "-p", "no:benchmark")


def records_in(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text())["tests"]
    return found


def test_a_test_that_takes_its_worker_with_it(digits_suite: pytest.Pytester) -> None:
    crash = "\n@max_size_mb(1)\ndef test_crash(int8_interpreter):\n    import os; os._exit(9)\n"
    digits_suite.makepyfile(test_it=FITS + crash)
    digits_suite.runpytest_subprocess(*FAST, "-n1", "--edge-report=a.json", "--edge-report=a.md")
    found = {test["nodeid"]: test for test in records_in(digits_suite.path / "a.json")}
    assert found["test_it.py::test_fits"]["outcome"] == "passed"
    assert found["test_it.py::test_crash"]["outcome"] == "error"
    assert "crashed" in found["test_it.py::test_crash"]["error"]
    assert "test\\_crash" in (digits_suite.path / "a.md").read_text().replace("test_", "test\\_")


def test_a_fixture_that_fails_after_the_test(digits_suite: pytest.Pytester) -> None:
    fails = (
        "\nimport pytest\n@pytest.fixture(autouse=True)\ndef late():\n    yield\n    raise OSError"
    )
    digits_suite.makepyfile(test_it=FITS + fails)
    digits_suite.runpytest("--edge-report=a.json").assert_outcomes(passed=1, errors=1)
    (test,) = records_in(digits_suite.path / "a.json")
    assert (test["outcome"], test["budgets"][0]["verdict"]) == ("error", "pass")
    assert "OSError" in test["error"]


def test_files_outside_of_the_root_folder_with_the_same_node_ids(
    digits_suite: pytest.Pytester, models: Path
) -> None:
    for name, limit in (("one", 0.0001), ("two", 1)):
        folder = digits_suite.mkdir(name)
        text = f'model = "{models / "digits.keras"}"\n[tests.t]\nvariants = ["converted"]\n'
        (folder / "s.edge.toml").write_text(f"{text}max_size_mb = {limit}\n")
    digits_suite.mkdir("root")
    args = ("--rootdir=root", "one", "two", "--edge-report=a.json")
    digits_suite.runpytest(*args).assert_outcomes(passed=1, failed=1)
    found = records_in(digits_suite.path / "a.json")
    assert sorted(test["outcome"] for test in found) == ["failed", "passed"]


def test_text_that_is_no_text(digits_suite: pytest.Pytester) -> None:
    fails = "\n@max_size_mb(1)\ndef test_it(int8_interpreter): assert False, 'caf\\udce9'\n"
    digits_suite.makepyfile(test_it=FITS + fails)
    names = ("a.json", "a.md", "a.html", "a.jsonl")
    digits_suite.runpytest(*(f"--edge-report={name}" for name in names))
    assert all((digits_suite.path / name).exists() for name in names)


@pytest.mark.parametrize(
    "line", ['{"time": "x", "test": "t", "statistic": "size", "measured": 1}', "[" * 100_000]
)
def test_a_line_of_a_history_that_no_run_wrote(digits_suite: pytest.Pytester, line: str) -> None:
    digits_suite.makepyfile(test_it=FITS)
    (digits_suite.path / "a.jsonl").write_text(f"{line}\n")
    result = digits_suite.runpytest("--edge-report=a.jsonl", "--edge-report=a.html")
    result.assert_outcomes(passed=1)
    assert (digits_suite.path / "a.html").exists()
    assert len((digits_suite.path / "a.jsonl").read_text().splitlines()) == 2


def test_a_model_that_is_refused_is_the_same_test(digits_suite: pytest.Pytester) -> None:
    """As its record with measurements, so that two runs can be compared."""
    digits_suite.makepyfile(test_b=FITS.replace("int8_interpreter", "interpreter"))
    names = []
    for _ in range(2):
        digits_suite.runpytest("--edge-report=b.json")
        names.append({test["test"] for test in records_in(digits_suite.path / "b.json")})
        conftest = (digits_suite.path / "conftest.py").read_text()
        (digits_suite.path / "conftest.py").write_text(conftest.replace("digits.keras", "no.keras"))
    assert names[0] == names[1]
    assert len(names[0]) == 3
