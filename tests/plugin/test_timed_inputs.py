"""What a model is timed on: its data where there are any, and what the conditions say of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

BEGIN = """
import numpy as np, pytest
from pytest_edgeai import (
    ArrayDataset, edge_model, max_latency_ms, max_memory_mb, max_startup_ms, max_size_mb,
    min_accuracy
)
timed = max_latency_ms(p95=10_000)
TINY = "TINY_FOLDER/"
SCORES = edge_model(TINY + "three_scores.tflite")
X, Y = np.arange(2, 22, dtype="float32").reshape(10, 2), np.ones(10, int)
"""


def timed_on(pytester: pytest.Pytester, tiny: Path, suite: str) -> dict[str, Any]:
    """The inputs of each test's latency, by the test's own name; all pass."""
    pytester.makepyfile(BEGIN.replace("TINY_FOLDER", str(tiny)) + suite)
    args = "--edge-report=report.json", "--edge-max-seconds=20", "--benchmark-disable"
    result = pytester.runpytest(*args, "--edge-performance=warn", "-W", "ignore")
    tests = json.loads((pytester.path / "report.json").read_text())["tests"]
    result.assert_outcomes(passed=len(tests))
    return {test["nodeid"].partition("::")[2]: test["conditions"]["input"] for test in tests}


DATA = """
@pytest.fixture(scope="module")
def evaluation_data(): return X, Y

@pytest.fixture(scope="module")
def calibration_data(): return X[1:]

@SCORES
@timed
def test_empty(converted_interpreter): ...

@SCORES
@timed
@min_accuracy(0.1)  # is judged first
def test_scored(converted_interpreter): ...

@SCORES
@timed
@min_accuracy(0.1)  # is judged first
def test_sets(converted_interpreter): converted_interpreter.predict(np.full((1, 2), 7.0))

class TestOnlyCalibrated:
    @pytest.fixture(scope="class")
    def evaluation_data(self): return None

    @SCORES
    @timed
    def test_it(self, converted_interpreter): ...

@edge_model(TINY + "batch_of_4.tflite")
@timed
def test_four(converted_interpreter): ...
"""


def test_samples_of_the_data(pytester: pytest.Pytester, tiny: Path) -> None:
    assert timed_on(pytester, tiny, DATA) == {
        "test_empty": "sample 0 of evaluation_data",
        "test_scored": "sample 0 of evaluation_data",
        "test_sets": "set by the test",
        "TestOnlyCalibrated::test_it": "sample 0 of calibration_data",
        "test_four": "seeded random values, "
        "not evaluation_data: input 'x' takes a batch of shape (N, 3) or (N, 4, 3), not (4, 2), "
        "not calibration_data: input 'x' takes a batch of shape (N, 3) or (N, 4, 3), not (4, 2)",
    }


WITHOUT = """
class TestOfItsOwn:
    @pytest.fixture
    def evaluation_data(self): raise RuntimeError("made for nothing")

    @SCORES
    @timed
    def test_it(self, converted_interpreter): ...

class TestFails:
    @pytest.fixture(scope="class")
    def evaluation_data(self): raise RuntimeError("the disk is not there")

    @SCORES
    @timed
    def test_it(self, converted_interpreter): ...

class TestSkips:
    @pytest.fixture(scope="class")
    def evaluation_data(self): pytest.skip("no data here")

    @pytest.fixture(scope="class")
    def calibration_data(self): return X

    @SCORES
    @timed
    def test_it(self, converted_interpreter): ...

class Lazy(ArrayDataset):
    def batches(self, size):
        assert size == 1
        yield X[:1]
        raise RuntimeError("a second batch was read")

class TestMany:
    @pytest.fixture(scope="class")
    def evaluation_data(self): return Lazy(X)

    @SCORES
    @timed
    def test_it(self, converted_interpreter): ...

class TestTooFar:
    @pytest.fixture(scope="class")
    def evaluation_data(self): return np.array([[99]], "int32"), np.zeros(1)

    @edge_model(TINY + "word_of_number.tflite")
    @timed
    def test_it(self, converted_interpreter): ...

class TestNotTimed:
    @pytest.fixture(scope="class")
    def evaluation_data(self): raise RuntimeError("asked for by nobody")

    @SCORES
    @max_size_mb(1)
    def test_it(self, converted_interpreter): ...
"""


def test_a_test_that_does_without_data_is_no_matter_of_theirs(
    pytester: pytest.Pytester, tiny: Path
) -> None:
    seen = timed_on(pytester, tiny, WITHOUT)
    too_far = seen.pop("TestTooFar::test_it")
    assert seen == {
        "TestOfItsOwn::test_it": "seeded random values",
        "TestFails::test_it": "seeded random values, "
        "not evaluation_data: RuntimeError: the disk is not there",
        "TestSkips::test_it": "sample 0 of calibration_data",
        "TestMany::test_it": "sample 0 of evaluation_data",
        "TestNotTimed::test_it": None,
    }
    assert too_far.startswith("seeded integers 1..2, not evaluation_data: ")
    assert "out of bounds" in too_far


FOOTPRINTS = """
@pytest.fixture(scope="module")
def evaluation_data(): return X, Y

@SCORES
@max_memory_mb(1000)
@max_startup_ms(10_000)
def test_costs(converted_interpreter): ...

@edge_model(TINY + "mean_of_any.tflite")
@max_latency_ms(p95=10_000, threads=2)
class TestAnySize:
    @pytest.fixture(scope="class")
    def evaluation_data(self): return np.ones((3, 50, 2), "float32"), Y[:3]

    def test_other_threads(self, converted_interpreter): ...

    def test_of_another_size(self, converted_interpreter):
        converted_interpreter.predict(np.ones((1, 30, 2)))
"""


def test_memory_start_up_and_other_threads_have_the_same(
    pytester: pytest.Pytester, tiny: Path
) -> None:
    seen = timed_on(pytester, tiny, FOOTPRINTS)
    assert seen["TestAnySize::test_other_threads"] == "sample 0 of evaluation_data"
    assert seen["TestAnySize::test_of_another_size"] == "set by the test"
    costs, any_size, sized = json.loads((pytester.path / "report.json").read_text())["tests"]
    for budget in costs["budgets"]:
        assert budget["data"]["conditions"]["input"] == "sample 0 of evaluation_data"
    shapes = [[*test["conditions"]["input_shapes"].values()] for test in (any_size, sized)]
    assert shapes == [[[1, 50, 2]], [[1, 30, 2]]]
