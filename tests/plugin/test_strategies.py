"""Properties in a user's test: found, shrunk, printed, and fed again."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from pytest_edgeai.device.device import Device
from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.device.spec import DeviceSpec
from pytest_edgeai.model.tflite import Model, read_facts
from pytest_edgeai.strategies import sparse

SUITE = """
import numpy as np, pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from pytest_edgeai.strategies import model_inputs, assert_finite

settings.register_profile("inner", derandomize=True, database=None, deadline=None)
settings.load_profile("inner")

@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_drawn(converted_interpreter, data):
    batch = data.draw(model_inputs(converted_interpreter), label="batch")
    assert np.isfinite(converted_interpreter.predict(batch)).all()

def test_given(converted_interpreter):
    @given(batch=model_inputs(converted_interpreter))
    def never_nan(batch):
        assert np.isfinite(converted_interpreter.predict(batch)).all()
    never_nan()

def test_ready(converted_interpreter):
    assert_finite(converted_interpreter)
"""


def has_nan(path: Path, expression: str) -> bool:
    """Feed what was printed."""
    batch = eval(expression, {"np": np, "sparse": sparse})
    model = Model(path, path.name, "converted", read_facts(path))
    with Interpreter(Device(DeviceSpec(), 30), model) as interpreter:
        return bool(np.isnan(interpreter.predict(batch)).any())


@pytest.mark.parametrize(
    ("name", "pattern", "simplest"),
    [
        ("ratio", r"np\.array\(.*?float32\)", "np.array([[0.0, 0.0, 0.0, 0.0, 0.0, 0.0]], "),
        ("image_ratio", r"sparse\(.*fill=.*?\)", "sparse((1, 32, 32, 3), 'float32', fill=0.0)"),
    ],
)
def test_nan_of_a_division_is_shrunk_and_fed_again(
    pytester: pytest.Pytester, tiny: Path, name: str, pattern: str, simplest: str
) -> None:
    path = tiny / f"{name}.tflite"
    pytester.makepyfile(SUITE)
    result = pytester.runpytest(f"--edge-model={path}")
    result.assert_outcomes(failed=3)
    output = result.stdout.str()
    shown = {
        "drawn": rf"batch\)?: ({pattern})",
        "given": rf"batch=({pattern})",
        "ready": rf"batch = ({pattern})",
    }
    for test, form in shown.items():
        part = re.split(r"_{3,} test_(\w+)\[?.*_{3,}", output)
        said = dict(zip(part[1::2], part[2::2], strict=True))[test]
        (expression, *_) = re.findall(rf"E .*{form}", said)
        assert expression.startswith(simplest)
        assert has_nan(path, expression)


def test_mappings_are_printed_by_name(pytester: pytest.Pytester, tiny: Path) -> None:
    pytester.makepyfile(
        """
        from hypothesis import given, settings
        from pytest_edgeai.strategies import model_inputs

        def test_it(converted_interpreter):
            @settings(derandomize=True, database=None, deadline=None)
            @given(batch=model_inputs(converted_interpreter))
            def small(batch):
                assert (converted_interpreter.predict(batch) < 0.5).all()
            small()
        """
    )
    result = pytester.runpytest(f"--edge-model={tiny / 'scaled_image.tflite'}")
    result.assert_outcomes(failed=1)
    output = re.sub(r"\nE +", " ", result.stdout.str())
    assert re.search(
        r"'x': sparse\(\(1, 8, 8, 1\), 'float32', fill=[\d.]+.*?\),.*"
        r"'gain': np.array\(\[\d.*?\], dtype=np.float32\)",
        output,
    ) or re.search(r"'gain': np.array\(\[.*'x': sparse\(\(1, 8, 8, 1\)", output)


def test_without_hypothesis_it_says_what_to_install(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("import sys; sys.modules['hypothesis'] = None")
    pytester.makepyfile("from pytest_edgeai.strategies import model_inputs")
    result = pytester.runpytest_subprocess("-p", "no:hypothesispytest")
    result.stdout.fnmatch_lines(
        [
            "*pytest_edgeai.strategies needs hypothesis, which is not installed",
            "*hint: pip install 'pytest-edgeai[[]hypothesis[]]'",
        ]
    )
