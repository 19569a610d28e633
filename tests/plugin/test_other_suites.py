"""Suites that know nothing of this plugin, and plugins that change items, go on as before."""

from __future__ import annotations

import pytest

PARAMETER = """
import pytest

@pytest.mark.parametrize("interpreter", ["python", "pypy"])
def test_it(interpreter):
    assert interpreter.startswith("py")
"""
FIXTURE = """
import pytest

@pytest.fixture
def interpreter():
    return sum

def test_it(interpreter, benchmark):
    assert benchmark(interpreter, [1, 2, 3]) == 6

def test_again(interpreter):
    assert interpreter([1]) == 1
"""
PARAMETRISED_FIXTURE = """
import pytest

@pytest.fixture(params=["python", "pypy"])
def interpreter(request):
    return request.param

def test_it(interpreter):
    assert interpreter.startswith("py")
"""


@pytest.mark.parametrize("source", [PARAMETER, FIXTURE, PARAMETRISED_FIXTURE])
def test_an_interpreter_of_their_own(pytester: pytest.Pytester, source: str) -> None:
    pytester.makepyfile(source)
    result = pytester.runpytest("--benchmark-max-time=1e-6", "--edge-report=report.json")
    result.assert_outcomes(passed=2)
    result.stdout.no_fnmatch_line("edgeai: device*")
    assert '"tests": []' in (pytester.path / "report.json").read_text()


def test_variants_by_parametrize(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("interpreter", ["int8", "dynamic"], indirect=True)
        def test_it(interpreter):
            assert interpreter.variant in ("int8", "dynamic")
        """
    )
    digits_suite.runpytest("-v").stdout.fnmatch_lines(
        ["*::test_it[[]int8[]] PASSED*", "*::test_it[[]dynamic[]] PASSED*"]
    )


def test_a_fixture_that_wraps_ours(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(
        """
        import pytest
        from pytest_edgeai import max_size_mb

        @pytest.fixture
        def int8_interpreter(int8_interpreter):
            return int8_interpreter

        @max_size_mb(0.0001)
        def test_it(int8_interpreter): pass
        """
    )
    digits_suite.runpytest().assert_outcomes(failed=1)


def test_a_fixture_that_replaces_ours_measures_nothing(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(
        """
        import pytest
        from pytest_edgeai import max_size_mb

        @pytest.fixture
        def int8_interpreter():
            return object()

        @max_size_mb(1)
        def test_it(int8_interpreter): pass
        """
    )
    result = digits_suite.runpytest()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["test_it has a budget but asks for no interpreter: *"])


ADDED = """
import pytest
from pytest_edgeai import max_size_mb

@pytest.fixture(autouse=True)
def small(request):
    if request.node.name == "test_by_fixture":
        request.node.add_marker(max_size_mb(0.0001))

def test_by_fixture(int8_interpreter): pass

def test_by_hook(int8_interpreter): pass

def test_without(int8_interpreter): pass
"""
HOOK = """
from pytest_edgeai import max_size_mb

def pytest_collection_modifyitems(items):
    items[1].add_marker(max_size_mb(0.0001))
"""


def test_budgets_that_are_added_later(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(ADDED)
    digits_suite.makeconftest((digits_suite.path / "conftest.py").read_text() + HOOK)
    result = digits_suite.runpytest()
    result.assert_outcomes(failed=2, passed=1)
    result.stdout.fnmatch_lines(["FAILED *::test_by_fixture - *", "FAILED *::test_by_hook - *"])


LATE = """
import pytest

class Late(pytest.Item):
    def runtest(self): pass

@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(session, items):
    items.append(Late.from_parent(session, name="late"))

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_finish(session):
    session.items.append(Late.from_parent(session, name="later"))
    return (yield)
"""


def test_items_that_are_added_later(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(LATE)
    pytester.makepyfile("def test_it(): pass")
    pytester.runpytest().assert_outcomes(passed=3)


UNITTEST = """
import unittest
import pytest
from pytest_edgeai import max_size_mb

@max_size_mb(0.0001)
class TestOld(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def opened(self, int8_interpreter):
        self.interpreter = int8_interpreter

    def test_too_large(self): pass

    def test_fails(self): self.fail("not for its size")

    def test_skips(self): self.skipTest("not today")
"""


def test_unittest_classes(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(UNITTEST)
    result = digits_suite.runpytest()
    result.assert_outcomes(failed=2, skipped=1)
    text = result.stdout.str()
    assert text.count("1 of 1 budget not met") == 1, "a body that failed is not judged"
    assert "AssertionError: not for its size" in text


def test_unittest_classes_run_on_one_device_only(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(UNITTEST)
    tables = "[devices.one]\nthreads = 1\n[devices.two]\nthreads = 1\n"
    (digits_suite.path / "edgeai.toml").write_text(tables)
    result = digits_suite.runpytest("--edge-device=one", "--edge-device=two")
    result.assert_outcomes(errors=3)
    result.stdout.fnmatch_lines(["several devices are named (one, two), but this test cannot *"])


def test_failures_of_their_own_stay_as_they_are(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        def test_it():
            pytest.fail("said\\nin two lines", pytrace=False)

        def test_error():
            error = ValueError("boom")
            error.summary = "none of ours"
            raise error
        """
    )
    with_us, without = (pytester.runpytest("-p", f"{no}edgeai").stdout.str() for no in ("", "no:"))
    first, second = (
        text.partition("= FAILURES")[2].rpartition(" in ")[0] for text in (with_us, without)
    )
    assert "boom" in first
    assert first == second
