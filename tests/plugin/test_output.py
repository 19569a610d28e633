"""What the terminal and the JUnit file show besides the failures."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

SUITE = """
from pytest_edgeai import max_size_mb

@max_size_mb(1)
def test_fits(int8_interpreter): pass

@max_size_mb(0.0001)
def test_too_large(int8_interpreter): pass

def test_other(): pass
"""
DEVICE = "edgeai: device local: ai-edge-litert *, 1 thread, Python *, * (*, * core*)"


@pytest.fixture
def suite(digits_suite: pytest.Pytester) -> pytest.Pytester:
    digits_suite.makepyfile(test_it=SUITE)
    return digits_suite


def section(result: pytest.RunResult) -> str:
    """The table of budgets."""
    return result.stdout.str().partition("= edge AI budgets =")[2].partition("edgeai:")[0]


def test_the_header_says_what_answers(suite: pytest.Pytester) -> None:
    result = suite.runpytest()
    result.stdout.fnmatch_lines(["collected 3 items", DEVICE])
    assert result.stdout.str().count("edgeai: device") == 1


@pytest.mark.parametrize(
    "args", [["-k", "other"], ["--collect-only"], ["-k", "nothing"], ["--fixtures"], ["--markers"]]
)
def test_no_header_where_nothing_is_run(suite: pytest.Pytester, args: list[str]) -> None:
    suite.runpytest(*args).stdout.no_fnmatch_line("edgeai:*")


def test_conversions_are_counted(suite: pytest.Pytester) -> None:
    suite.makeini("[pytest]\n")  # a cache of its own
    first = suite.runpytest()
    first.stdout.fnmatch_lines(["edgeai: 1 converted, 0 from the cache"])
    second = suite.runpytest()
    second.stdout.fnmatch_lines(["edgeai: 0 converted, 1 from the cache"])


def test_all_budgets_are_in_the_table(suite: pytest.Pytester) -> None:
    result = suite.runpytest()
    result.stdout.fnmatch_lines(
        [
            "*= edge AI budgets =*",
            "test *budget *measured *limit headroom verdict*",
            "test_fits *size *0.0* MB *1 MB *+9?% pass*",
            "test_too_large *size *0.0* MB 0.0001 MB *-*% fail*",
            "edgeai: *",
        ]
    )
    assert "test_other" not in section(result)


def test_no_table_without_budgets(suite: pytest.Pytester) -> None:
    suite.makepyfile(test_it="def test_it(int8_interpreter): pass")
    suite.runpytest().stdout.no_fnmatch_line("*edge AI budgets*")


@pytest.mark.parametrize("args", [["-q"], ["-v"], ["-rA"], ["--no-header"], ["--tb=no"], ["-s"]])
def test_with_the_options_of_pytest(suite: pytest.Pytester, args: list[str]) -> None:
    result = suite.runpytest(*args)
    result.assert_outcomes(passed=2, failed=1)
    assert "test_fits" in section(result)
    if args == ["-v"]:
        result.stdout.fnmatch_lines(["*::test_fits PASSED *%]", "*::test_too_large FAILED *%]"])


def test_very_quiet_and_no_summary(suite: pytest.Pytester) -> None:
    assert suite.runpytest("--no-summary").ret == 1
    assert suite.runpytest("-qq").ret == 1
    assert suite.runpytest("-p", "no:terminal").ret == 1


def test_colours_follow_pytest(suite: pytest.Pytester) -> None:
    assert "\x1b[32mpass" in section(suite.runpytest("--color=yes"))
    assert "\x1b" not in suite.runpytest("--color=no").stdout.str()


def test_junit_xml(suite: pytest.Pytester) -> None:
    suite.runpytest("--junitxml=junit.xml", "-o", "junit_logging=all")
    cases = ElementTree.parse(suite.path / "junit.xml").iter("testcase")
    failures = {case.get("name"): case.find("failure") for case in cases}
    assert failures["test_fits"] is failures["test_other"] is None
    failure = failures["test_too_large"]
    assert failure is not None
    assert "max_size_mb: size" in (failure.text or "")


def test_reports_are_named_and_written(suite: pytest.Pytester) -> None:
    result = suite.runpytest("--edge-report=out/a.json", "--edge-report=b.json")
    result.stdout.fnmatch_lines(["edgeai: report *out/a.json", "edgeai: report *b.json"])
    content = json.loads((suite.path / "out" / "a.json").read_text())
    assert content["schema"] == 1
    assert content["run"]["exit_status"] == 1
    assert [test["outcome"] for test in content["tests"]] == ["passed", "failed"]
    assert "max_size_mb" in content["tests"][1]["error"]
    assert json.loads((suite.path / "b.json").read_text())["tests"] == content["tests"]


def test_a_report_that_cannot_be_written_fails_the_run(suite: pytest.Pytester) -> None:
    (suite.path / "b.json").mkdir()
    result = suite.runpytest("--edge-report=b.json", "--edge-report=a.json", "-k", "fits")
    result.assert_outcomes(passed=1, deselected=2)
    assert result.ret not in (0, 1)
    result.stdout.fnmatch_lines(["edgeai: */b.json was not written: Is a directory"])
    assert (suite.path / "a.json").is_file()


def test_records_of_tests_that_came_to_no_interpreter(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        test_it="""
        import pytest
        from pytest_edgeai import edge_model, max_accuracy_drop

        @edge_model("no.keras")
        def test_no_model(int8_interpreter): pass

        @max_accuracy_drop(2)
        def test_wrong(dynamic_interpreter): pass

        @pytest.mark.skip(reason="not today")
        def test_skipped(dynamic_interpreter): pass
        """
    )
    suite.runpytest("--edge-report=a.json").assert_outcomes(errors=2, skipped=1)
    tests = json.loads((suite.path / "a.json").read_text())["tests"]
    found = {test["nodeid"].partition("::")[2]: test for test in tests}
    assert found["test_no_model"]["outcome"] == found["test_wrong"]["outcome"] == "error"
    assert found["test_skipped"]["outcome"] == "skipped"
    assert "there is no" in found["test_no_model"]["error"]
    assert (found["test_no_model"]["variant"], found["test_no_model"]["budgets"]) == ("int8", [])


def test_a_class_is_named_in_the_table(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        test_it="""
        from pytest_edgeai import max_size_mb

        @max_size_mb(1)
        class TestDigits:
            def test_fits(self, int8_interpreter): pass
        """
    )
    assert "TestDigits::test_fits" in section(suite.runpytest())


def test_a_call_that_fails_is_shown_in_the_test_alone(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        test_it="""
        import numpy as np

        def test_it(int8_interpreter):
            int8_interpreter.predict(np.zeros((3, 4)))
        """
    )
    result = suite.runpytest()
    result.stdout.fnmatch_lines(
        [">* int8_interpreter.predict(np.zeros((3, 4)))", "E *TensorError: input *", "test_it.py:*"]
    )
    result.stdout.no_fnmatch_line("*pytest_edgeai/device*")


def test_a_failure_ends_with_its_place(suite: pytest.Pytester) -> None:
    suite.runpytest("-k", "large").stdout.fnmatch_lines(["test_it.py:6: test_too_large"])
    suite.makepyfile(test_it=SUITE.replace("0.0001", "'tiny'"))
    suite.runpytest("-k", "large").stdout.fnmatch_lines(["test_it.py:6: test_too_large"])


def test_a_skip_is_where_its_test_is(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        test_it="""
        from pytest_edgeai import max_accuracy_drop

        @max_accuracy_drop(0.02)
        def test_it(converted_interpreter): pass
        """
    )
    suite.runpytest("-rs").stdout.fnmatch_lines(
        ["SKIPPED [[]1[]] test_it.py:3: no budget of this test is judged here: converted is the *"]
    )


def test_the_log_of_a_conversion_is_shown_once(suite: pytest.Pytester) -> None:
    suite.makeini("[pytest]\n")  # a cache of its own
    log = "*Captured converter log (int8 of digits.keras) setup*"
    suite.runpytest("-k", "large").stdout.fnmatch_lines([log, "digits.keras, written by Keras *"])
    suite.runpytest("-k", "large").stdout.no_fnmatch_line(log)


def test_the_log_of_a_conversion_that_failed(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        broken="""
        def build():
            for line in range(40):
                print("line", line)
            raise ValueError("no such layer")
        """,
        test_it="""
        from pytest_edgeai import edge_model

        @edge_model("broken:build")
        def test_it(converted_interpreter): pass

        @edge_model("broken:build")
        def test_again(converted_interpreter): pass
        """,
    )
    result = suite.runpytest()
    result.assert_outcomes(errors=2)
    for _ in range(2):
        result.stdout.fnmatch_lines(
            ["*no such layer*", "*Captured converter log (converted of broken:build) setup*"]
        )
    assert result.stdout.str().count("line 0\n") == 2
