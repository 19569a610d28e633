"""Markers: both spellings, where they may stand, and which of them counts."""

from __future__ import annotations

import pytest

from pytest_edgeai.judge.markers import MARKERS
from pytest_edgeai.plugin.collection import ASKED, MARKER_NAMES
from pytest_edgeai.plugin.markers import descriptions


def labels(pytester: pytest.Pytester, source: str) -> dict[str, list[str]]:
    """Budgets by test, as collected: statistic or marker, and limit."""
    items, _ = pytester.inline_genitems(pytester.makepyfile(source))
    return {
        item.name: [
            f"{budget.label} {vars(budget).get('limit_ms', vars(budget).get('limit_mb'))}"
            for budget in item.stash[ASKED].budgets
        ]
        for item in items
    }


def test_decorator_and_mark_are_the_same(pytester: pytest.Pytester) -> None:
    found = labels(
        pytester,
        """
        import pytest
        from pytest_edgeai import max_latency_ms, max_size_mb

        @max_latency_ms(p95=40, max=80)
        @max_size_mb(4)
        def test_decorated(int8_interpreter): pass

        @pytest.mark.max_latency_ms(p95=40, max=80)
        @pytest.mark.max_size_mb(limit=4)
        def test_marked(int8_interpreter): pass
        """,
    )
    assert found["test_decorated"] == found["test_marked"] == ["p95 40.0", "max 80.0", "size 4.0"]


def test_the_nearest_marks_replace_those_further_out(pytester: pytest.Pytester) -> None:
    found = labels(
        pytester,
        """
        import pytest
        from pytest_edgeai import max_latency_ms, max_size_mb

        pytestmark = [max_latency_ms(p95=1, p99=2), max_size_mb(8)]

        def test_of_module(int8_interpreter): pass

        @max_latency_ms(mean=30)
        class TestClass:
            def test_of_class(self, int8_interpreter): pass

            @max_latency_ms(max=5)
            def test_own(self, int8_interpreter): pass
        """,
    )
    assert found == {
        "test_of_module": ["p95 1.0", "p99 2.0", "size 8.0"],
        "test_of_class": ["mean 30.0", "size 8.0"],
        "test_own": ["max 5.0", "size 8.0"],
    }


def test_two_marks_of_one_name_on_one_test_both_count(pytester: pytest.Pytester) -> None:
    found = labels(
        pytester,
        """
        import pytest
        from pytest_edgeai import max_latency_ms, max_size_mb

        @max_latency_ms(p95=400, device="local")
        @max_latency_ms(p95=40, device="pi")
        def test_two_devices(int8_interpreter): pass

        @pytest.mark.parametrize("n", [pytest.param(1, marks=max_size_mb(2)), 2])
        def test_each(n, int8_interpreter): pass
        """,
    )
    assert found == {
        "test_two_devices": ["p95 400.0", "p95 40.0"],
        "test_each[1]": ["size 2.0"],
        "test_each[2]": [],
    }


def test_the_confidence_of_the_run_is_the_default_of_each_marker(pytester: pytest.Pytester) -> None:
    path = pytester.makepyfile(
        """
        from pytest_edgeai import max_latency_ms

        @max_latency_ms(p95=4)
        @max_latency_ms(p95=4, confidence=None)
        @max_latency_ms(p95=4, confidence=0.8)
        def test_it(int8_interpreter): pass
        """
    )
    (item,), _ = pytester.inline_genitems("--edge-confidence=0.99", path)
    assert [vars(budget)["confidence"] for budget in item.stash[ASKED].budgets] == [0.99, 0.99, 0.8]


NO_INTERPRETER = """
import pytest
from pytest_edgeai import max_size_mb

@max_size_mb(4)
def test_own(): pass

class TestInherited:
    pytestmark = max_size_mb(4)
    def test_helper(self): pass

@pytest.fixture
def loaded(int8_interpreter): return int8_interpreter

@max_size_mb(4)
def test_through_another_fixture(loaded): pass
"""


def test_an_own_budget_without_an_interpreter_is_an_error(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(NO_INTERPRETER)
    result = digits_suite.runpytest("-rA")
    result.assert_outcomes(errors=1, passed=2)
    result.stdout.fnmatch_lines(
        [
            "*ERROR at setup of test_own*",
            "*test_own has a budget but asks for no interpreter: nothing is measured",
            "hint: add a fixture to its arguments, e.g. int8_interpreter",
            "PASSED *::test_helper",
            "PASSED *::test_through_another_fixture",
        ]
    )


WRONG = """
import pytest
from pytest_edgeai import edge_model, max_accuracy_drop

@max_accuracy_drop(2)
def test_percent(int8_interpreter): pass

@pytest.mark.max_latency_ms(40)
def test_positional(int8_interpreter): pass

@edge_model()
def test_no_model(int8_interpreter): pass

@edge_model("a.keras", int8="b.tflite")
def test_two_models(int8_interpreter): pass

@pytest.mark.edge_variants("int4")
def test_variant(interpreter): pass

@pytest.mark.edge_variants(variant="int8")
def test_keyword(interpreter): pass

def test_other(): pass
"""


def test_a_wrong_mark_is_the_error_of_its_test_alone(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(WRONG)
    result = pytester.runpytest()
    result.stdout.fnmatch_lines(
        [
            "*ERROR at setup of test_percent*",
            "@max_accuracy_drop: limit must be a number from 0, under 1, not 2",
            "hint: a fraction: 0.02 is two points; the signature is max_accuracy_drop(limit, *,*",
            "*ERROR at setup of test_positional*",
            "@max_latency_ms: too many positional arguments",
            "hint: the signature is max_latency_ms(*, mean=None,*",
            "*ERROR at setup of test_no_model*",
            "@edge_model: give one location, or files by variant",
            'hint: edge_model("model.keras"), or edge_model(converted="a.tflite", int8="b.tflite")',
            "*ERROR at setup of test_two_models*",
            "@edge_model: give one location, or files by variant",
            "*ERROR at setup of test_variant*",
            "@edge_variants: 'int4' is not a variant",
            "hint: known: converted, dynamic, int8, float16, int16x8, weight-only, mixed",
            "@edge_variants: got an unexpected keyword argument 'variant'",
            "hint: the signature is edge_variants(*variants)",
        ]
    )
    result.stdout.no_fnmatch_line("*/pytest_edgeai/*")  # the message alone, no traceback
    outcomes = result.parseoutcomes()
    assert (outcomes["passed"], outcomes["errors"]) == (1, 8)


def test_strict_markers_know_them_all(pytester: pytest.Pytester) -> None:
    marks = "\n".join(f"@pytest.mark.{name}" for name in MARKER_NAMES)
    pytester.makepyfile(f"import pytest\n{marks}\ndef test_it(): pass")
    assert pytester.runpytest("--strict-markers", "--collect-only").ret == 0


def test_markers_are_listed_with_their_signatures(pytester: pytest.Pytester) -> None:
    pytester.runpytest("--markers").stdout.fnmatch_lines(
        [f"@pytest.mark.{line.replace('[', '[[]')}" for line in descriptions()]
    )
    assert "max_size_mb(limit): Size of the ``.tflite`` file, in MB of 1024 * 1024 bytes." in (
        descriptions()
    )


def test_every_budget_is_a_marker_with_a_description() -> None:
    assert {line.partition("(")[0] for line in descriptions()} == set(MARKER_NAMES)
    assert set(MARKERS) == set(MARKER_NAMES) - {"edge_model", "edge_variants"}
    assert all(line.endswith(".") for line in descriptions())


def test_fixtures_are_listed_with_a_summary(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest("--fixtures")
    for name, text in {
        "converted_interpreter": "The converted variant, loaded on the device; as it was trained*",
        "int8_interpreter": "The int8 variant, loaded on the device; full integer quantisation*",
        "interpreter": "A variant, loaded on the device: one run of the test for each*",
        "edge_model": "The model under test: override it*",
        "calibration_data": "Typical inputs for int8 and int16x8, scaled as in training*",
        "evaluation_data": "Inputs with labels for accuracy budgets*",
        "edge_device [[]session scope]": "The device under test, or a pool of them, *",
        "edge_converter": "Convert the model afresh*",
    }.items():
        result.stdout.fnmatch_lines([f"{name} -- *", f"    {text}"], consecutive=True)


def test_a_class_replaces_what_it_inherits(pytester: pytest.Pytester) -> None:
    found = labels(
        pytester,
        """
        from pytest_edgeai import max_size_mb

        @max_size_mb(1)
        class TestBase:
            def test_base(self, int8_interpreter): pass

        @max_size_mb(2)
        class TestDecorated(TestBase):
            def test_decorated(self, int8_interpreter): pass

        class TestAssigned(TestBase):
            pytestmark = max_size_mb(3)
            def test_assigned(self, int8_interpreter): pass

        class TestHeir(TestDecorated):
            def test_heir(self, int8_interpreter): pass
        """,
    )
    found.pop("test_base")
    assert found == {
        "test_decorated": ["size 2.0"],
        "test_assigned": ["size 3.0"],
        "test_heir": ["size 2.0"],
    }


def test_a_decorator_without_parentheses(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from pytest_edgeai import max_latency_ms, max_size_mb

        @max_size_mb
        def test_it(int8_interpreter): pass

        @max_latency_ms
        class TestIt:
            def test_it(self, int8_interpreter): pass

        def test_other(): pass
        """
    )
    result = pytester.runpytest()
    result.assert_outcomes(errors=2, passed=1)
    result.stdout.fnmatch_lines(
        ["@max_size_mb: missing a required argument: 'limit'", "@max_latency_ms: no limit given*"]
    )


def test_a_misspelt_fixture(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from pytest_edgeai import max_size_mb

        @max_size_mb(1)
        def test_it(int8_interpeter): pass
        """
    )
    pytester.runpytest().stdout.fnmatch_lines(
        ["hint: did you mean int8_interpreter where it says int8_interpeter?"]
    )
