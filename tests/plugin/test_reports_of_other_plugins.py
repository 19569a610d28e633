"""The budgets in the reports of pytest-html and of Allure."""

from __future__ import annotations

import fnmatch
import html
import json
import re
from pathlib import Path
from typing import Any

import pytest

SUITE = """
from pytest_edgeai import max_size_mb

@max_size_mb(1)
def test_fits(int8_interpreter): pass

@max_size_mb(0.0001)
def test_too_large(int8_interpreter, dynamic_interpreter): pass

def test_no_budget(int8_interpreter): pass

def test_other(): pass
"""
FAST = ("-p", "no:hypothesispytest", "-p", "no:benchmark")
WORKERS = pytest.mark.parametrize("args", [[], ["-n2"]], ids=["alone", "workers"])


@pytest.fixture
def suite(digits_suite: pytest.Pytester) -> pytest.Pytester:
    digits_suite.makepyfile(test_it=SUITE)
    return digits_suite


def rows(table: str) -> list[list[str]]:
    """The text of a table's cells."""
    found = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in re.findall("<tr>(.*?)</tr>", table)]
    return [[html.unescape(re.sub("<[^>]*>", "", cell)) for cell in row] for row in found if row]


FITS = ["test_fits", "int8", "local", "size", "0.0* MB", "1 MB", "+9?%", "pass"]
TOO_LARGE = ["test_too_large", "int8", "local", "size", "0.0* MB", "0.0001 MB", "< -999%", "fail"]
SMALLER = "try: make the layers of the largest tensors smaller"
WHY = [f"the file has * bytes; the limit is 104; *{SMALLER}"]


def is_like(row: list[str], wanted: list[str]) -> bool:
    return len(row) == len(wanted) and all(map(fnmatch.fnmatch, row, wanted))


@WORKERS
@pytest.mark.parametrize("kind", [["--self-contained-html"], []], ids=["one file", "assets"])
def test_pytest_html_has_the_tables(
    suite: pytest.Pytester, args: list[str], kind: list[str]
) -> None:
    result = suite.runpytest_subprocess(*FAST, *args, *kind, "--html=report.html")
    result.assert_outcomes(passed=3, failed=1)
    page = (suite.path / "report.html").read_text()
    above = page.partition("<h2>Edge AI budgets</h2>")[2].partition("</table>")[0]
    found = rows(above)
    for wanted in (FITS, TOO_LARGE, WHY):
        assert any(is_like(row, wanted) for row in found), wanted
    data = re.search(r'data-jsonblob="([^"]*)"', page)
    assert data is not None
    tests: dict[str, Any] = json.loads(html.unescape(data[1]))["tests"]
    extras = {
        name.partition("::")[2]: [extra["content"] for extra in test["extras"]]
        for name, (test, *_) in tests.items()
    }
    assert is_like(*rows(*extras["test_fits"]), FITS)
    assert "dynamic" in str(rows(*extras["test_too_large"]))
    assert extras["test_no_budget"] == extras["test_other"] == []


def attached(folder: Path) -> dict[str, list[str]]:
    """What is attached to each test in a folder of Allure's results."""
    found = {}
    for path in folder.glob("*-result.json"):
        result = json.loads(path.read_text())
        found[result["name"]] = [
            (folder / attachment["source"]).read_text()
            for attachment in result.get("attachments", ())
            if attachment["name"] == "edge AI budgets"
        ]
        kinds = {attachment["type"] for attachment in result.get("attachments", ())}
        assert kinds <= {"text/html"}
    return found


@WORKERS
def test_allure_has_the_table_at_each_test(suite: pytest.Pytester, args: list[str]) -> None:
    result = suite.runpytest_subprocess(*FAST, *args, "--alluredir=allure")
    result.assert_outcomes(passed=3, failed=1)
    found = attached(suite.path / "allure")
    assert is_like(*rows(*found["test_fits"]), FITS)
    assert is_like(rows(*found["test_too_large"])[0], TOO_LARGE)
    assert found["test_no_budget"] == found["test_other"] == []


@pytest.mark.parametrize("name", ["html", "allure_pytest"])
def test_without_them(suite: pytest.Pytester, name: str) -> None:
    result = suite.runpytest_subprocess(*FAST, "-p", f"no:{name}", "-k", "fits")
    result.assert_outcomes(passed=1, deselected=3)


def test_text_of_users_is_shown_as_it_is(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        test_it="""
        import pytest
        from pytest_edgeai import max_size_mb

        @max_size_mb(0.0001)
        @pytest.mark.parametrize("text", ["<b>&"])
        def test_odd(int8_interpreter, text): pass
        """
    )
    suite.runpytest_subprocess(*FAST, "--alluredir=allure")
    (table,) = attached(suite.path / "allure")["test_odd[<b>&]"]
    assert "&lt;b&gt;&amp;" in table
    assert rows(table)[0][0] == "test_odd[<b>&]"
