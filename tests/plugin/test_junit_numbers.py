"""The numbers in JUnit files, which stay valid against the schema of Jenkins' xUnit plugin."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
import xmlschema

SUITE = """
import pytest
from pytest_edgeai import edge_model, edge_variants, max_accuracy_drop, max_size_mb

@max_size_mb(1)
@edge_variants("converted", "int8")
def test_fits(interpreter):
    print("of the body")

@max_size_mb(0.0001)
def test_too_large(int8_interpreter): pass

@max_size_mb(1)
def test_two(int8_interpreter, dynamic_interpreter): pass

@max_size_mb(1)
@pytest.mark.parametrize("text", ["\\x07<&>"])
def test_odd(int8_interpreter, text): pass

@pytest.fixture
def breaks():
    yield
    raise RuntimeError

@max_size_mb(0.0001)
def test_fails_twice(int8_interpreter, breaks): pass

@edge_model("no.keras")
def test_errs(int8_interpreter): pass

@pytest.mark.skip
def test_skipped(int8_interpreter): pass

@max_size_mb(1, )
@max_accuracy_drop(0.1, baseline="int8")
def test_partly_skipped(int8_interpreter): pass

@pytest.mark.xfail(strict=True)
@max_size_mb(0.0001)
def test_expected(int8_interpreter): pass

def test_other(): pass
"""
FAST = ("-p", "no:hypothesispytest", "-p", "no:benchmark", "--junitxml=junit.xml")
RUNS = [[], ["-n2"], ["-o", "junit_logging=all"]]
SIZE = r"0\.0\d+ MB"
TOO_LARGE = rf"max_size_mb: size {SIZE}, limit 0.0001 MB: {SIZE} over \(\d+ times the limit\): fail"


@pytest.fixture
def suite(digits_suite: pytest.Pytester) -> pytest.Pytester:
    digits_suite.makepyfile(test_it=SUITE)
    return digits_suite


def run(suite: pytest.Pytester, *args: str) -> ElementTree.Element:
    result = suite.runpytest_subprocess(*FAST, *args)
    outcomes = {"passed": 6, "failed": 2, "errors": 2, "skipped": 1, "xfailed": 1}
    assert result.parseoutcomes().items() >= outcomes.items()
    suite_element = ElementTree.parse(suite.path / "junit.xml").getroot().find("testsuite")
    assert suite_element is not None
    return suite_element


def properties(element: ElementTree.Element) -> dict[str | None, str | None]:
    found = element.findall("properties/property")
    named = {entry.get("name"): entry.get("value") for entry in found}
    assert len(named) == len(found)
    return named


def output(case: ElementTree.Element) -> str:
    return "\n".join(found.text or "" for found in case.findall("system-out"))


@pytest.mark.parametrize("args", RUNS, ids=" ".join)
def test_the_default_family_stays_valid(
    suite: pytest.Pytester, junit_schema: Path, args: list[str]
) -> None:
    found = run(suite, *args)
    schema = xmlschema.XMLSchema(junit_schema)
    assert [*map(str, schema.iter_errors(suite.path / "junit.xml"))] == []
    numbers = properties(found)
    fits = numbers["test_it.py::test_fits[int8] int8 on local: size"]
    too_large = numbers["test_it.py::test_too_large int8 on local: size"]
    assert re.fullmatch(f"{SIZE}, limit 1 MB, pass", fits or "")
    assert re.fullmatch(f"{SIZE}, limit 0.0001 MB, fail", too_large or "")
    assert {name for name in numbers if name and "test_two" in name} == {
        "test_it.py::test_two int8 on local: size",
        "test_it.py::test_two dynamic on local: size",
    }
    assert len(numbers) == 10
    assert not any(case.find("properties") for case in found.iter("testcase"))


@pytest.mark.parametrize("args", RUNS, ids=" ".join)
def test_the_older_family_has_properties_of_tests(suite: pytest.Pytester, args: list[str]) -> None:
    found = run(suite, *args, "-o", "junit_family=xunit1")
    assert properties(found) == {}
    cases = {case.get("name"): case for case in found.iter("testcase") if len(case)}
    two, too_large = (properties(cases[name]) for name in ("test_two", "test_too_large"))
    assert {*two} == {"int8 on local: size", "dynamic on local: size"}
    for value in two.values():
        assert re.fullmatch(f"{SIZE}, limit 1 MB, pass", value or "")
    assert re.fullmatch(f"{SIZE}, limit 0.0001 MB, fail", too_large["int8 on local: size"] or "")


@pytest.mark.parametrize("family", ["xunit1", "xunit2"])
def test_each_test_shows_its_own(suite: pytest.Pytester, family: str) -> None:
    found = run(suite, "-o", f"junit_family={family}")
    cases = {case.get("name"): case for case in found.iter("testcase")}
    whom, size = "int8 of digits.keras on local", r"the file has [\d,]+ bytes; the limit is"
    assert re.fullmatch(f"{whom}\n  {TOO_LARGE}\n    {size} 104\n", output(cases["test_too_large"]))
    fits = f"max_size_mb: size {SIZE}, limit 1 MB: pass"
    assert re.fullmatch(
        f"{whom}\n  {fits}\n    {size} 1,048,576\n", output(cases["test_fits[int8]"])
    )
    assert "dynamic of digits.keras on local" in output(cases["test_two"])
    assert ": skipped" in output(cases["test_partly_skipped"])
    for name in ("test_errs", "test_skipped", "test_other"):
        assert output(cases[name]) == ""


def test_a_file_of_tests_without_budgets_is_as_it_was(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(): pass")
    pytester.runpytest("--junitxml=junit.xml")
    (case,) = ElementTree.parse(pytester.path / "junit.xml").iter("testcase")
    assert len(case) == 0
    pytester.runpytest("--junitxml=junit.xml", "-p", "no:junitxml")
