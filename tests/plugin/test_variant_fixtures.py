"""A fixture for each variant, and ``interpreter`` for several."""

from __future__ import annotations

import pytest

ALL = """
import numpy as np
import pytest

@pytest.fixture
def share(request, data):
    def share(interpreter):
        x, y = data[0][100:], data[1][100:]
        return (interpreter.predict(x).argmax(axis=1) == y).mean()
    return share

def test_converted(converted_interpreter, share):
    facts = converted_interpreter.model.facts
    assert facts.int8_weight_share == 0
    assert facts.inputs[0].dtype == "float32"
    assert share(converted_interpreter) > 0.9

def test_dynamic(dynamic_interpreter, share):
    facts = dynamic_interpreter.model.facts
    assert facts.int8_weight_share > 0.5
    assert facts.inputs[0].dtype == "float32"
    assert share(dynamic_interpreter) > 0.9

def test_int8(int8_interpreter, share):
    facts = int8_interpreter.model.facts
    assert facts.int8_weight_share == 1
    assert facts.inputs[0].dtype == facts.outputs[0].dtype == "uint8"
    assert share(int8_interpreter) > 0.9

def test_float16(float16_interpreter, share):
    facts = float16_interpreter.model.facts
    assert facts.weights_by_type["float16"] > 0
    assert share(float16_interpreter) > 0.9

def test_int16x8(int16x8_interpreter, share):
    facts = int16x8_interpreter.model.facts
    assert facts.activations_by_type["int16"] > 0
    assert share(int16x8_interpreter) > 0.9

def test_the_usual_calls(int8_interpreter):
    index = int8_interpreter.get_input_details()[0]["index"]
    int8_interpreter.set_tensor(index, np.zeros((1, 8, 8, 1), np.uint8))
    int8_interpreter.invoke()
    output = int8_interpreter.get_tensor(int8_interpreter.get_output_details()[0]["index"])
    assert (output.shape, output.dtype) == ((1, 10), np.uint8)
    assert int8_interpreter.device.name == "local"
"""


def test_each_variant_is_what_it_says(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(ALL)
    digits_suite.runpytest().assert_outcomes(passed=6)


EACH = """
import pytest
from pytest_edgeai import edge_variants, max_size_mb

@max_size_mb(1)
def test_default(interpreter): pass

@pytest.mark.edge_variants("float16", "converted")
def test_named(interpreter): pass

@edge_variants("int8")
@pytest.mark.parametrize("n", [1, 2])
def test_with_parameters(n, interpreter): assert interpreter.variant == "int8"

@edge_variants("int4", "int8")
def test_unknown(interpreter): pass

@edge_variants()
def test_nothing(interpreter): pass
"""


def test_interpreter_runs_once_per_variant(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(EACH)
    result = digits_suite.runpytest("-v")
    result.stdout.fnmatch_lines(
        [
            "*::test_default[[]converted[]] PASSED*",
            "*::test_default[[]dynamic[]] PASSED*",
            "*::test_default[[]int8[]] PASSED*",
            "*::test_named[[]float16[]] PASSED*",
            "*::test_named[[]converted[]] PASSED*",
            "*::test_with_parameters[[]int8-1[]] PASSED*",
            "*::test_with_parameters[[]int8-2[]] PASSED*",
            "*::test_unknown[[]int4[]] ERROR*",
            "*::test_unknown[[]int8[]] ERROR*",
            "*::test_nothing[[]*[]] ERROR*",
            "@edge_variants: 'int4' is not a variant",
            "hint: known: converted, dynamic, int8, float16, int16x8, weight-only, mixed",
            "@edge_variants: nothing is not a variant",
        ]
    )


def test_interpreters_of_one_test_are_apart(digits_suite: pytest.Pytester) -> None:
    """And of two tests: nothing that one sets is seen by the other."""
    digits_suite.makepyfile(
        """
        import numpy as np

        def answer(interpreter, fed):
            index = interpreter.get_input_details()[0]["index"]
            if fed is not None:
                interpreter.set_tensor(index, np.full((1, 8, 8, 1), fed, np.float32))
            interpreter.invoke()
            return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])

        def test_two(converted_interpreter, dynamic_interpreter):
            ones = answer(converted_interpreter, 1)
            answer(dynamic_interpreter, 0)
            assert (answer(converted_interpreter, None) == ones).all()
            np.save("ones.npy", ones)

        def test_next(converted_interpreter):
            assert (answer(converted_interpreter, None) != np.load("ones.npy")).any()
        """
    )
    digits_suite.runpytest().assert_outcomes(passed=2)


def test_int8_io(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(
        """
        def test_it(int8_interpreter):
            facts = int8_interpreter.model.facts
            assert facts.inputs[0].dtype == facts.outputs[0].dtype == "int8"
        """
    )
    digits_suite.runpytest("--edge-int8-io=int8").assert_outcomes(passed=1)


def test_a_fixture_may_stand_between(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(
        """
        import pytest
        from pytest_edgeai import max_size_mb

        @pytest.fixture
        def predict(int8_interpreter):
            return int8_interpreter.predict

        @max_size_mb(0.0001)
        def test_it(predict, data):
            assert predict(data[0][:3]).shape == (3, 10)
        """
    )
    result = digits_suite.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["int8 of digits.keras on local: 1 of 1 budget not met"])
