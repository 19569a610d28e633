"""Calibration and evaluation data: what the fixtures may return, and what is wrong with it."""

from __future__ import annotations

import json

import pytest

from pytest_edgeai.model.dataset import Dataset, as_dataset

NO_DATA = """
from pytest_edgeai import max_accuracy_drop, max_size_mb, min_accuracy

def test_no_calibration_data(int8_interpreter): pass

def test_none_needed(dynamic_interpreter): pass

@max_size_mb(1)
@min_accuracy(0.5)
def test_no_evaluation_data(converted_interpreter): pass

@max_size_mb(1)
def test_next(converted_interpreter): pass
"""


@pytest.fixture
def bare_suite(digits_suite: pytest.Pytester) -> pytest.Pytester:
    """The digits model with fixtures of session scope, and neither of the two data fixtures."""
    own = (digits_suite.path / "conftest.py").read_text()
    fixtures = own[: own.index("@pytest.fixture\ndef calibration_data")]
    digits_suite.makeconftest(
        fixtures.replace("@pytest.fixture\n", '@pytest.fixture(scope="session")\n')
    )
    return digits_suite


def test_there_is_no_default(bare_suite: pytest.Pytester) -> None:
    bare_suite.makepyfile(NO_DATA)
    result = bare_suite.runpytest()
    result.assert_outcomes(passed=2, failed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "*ERROR at setup of test_no_calibration_data*",
            "int8 of digits.keras: there is no calibration data",
            "hint: define a `calibration_data` fixture that returns typical inputs *",
            "* test_no_evaluation_data *",
            "*there is no evaluation data for the accuracy budgets of this test",
            "*try: define an `evaluation_data` fixture that returns (inputs, labels), *",
        ]
    )
    result.stdout.no_fnmatch_line("*pytest_edgeai/*.py:*")


EVALUATION = """
import numpy as np
import pytest
from pytest_edgeai import ArrayDataset, min_accuracy

class Scored:
    @min_accuracy(0.9)
    def test_it(self, converted_interpreter): pass

class TestPair(Scored):
    @pytest.fixture(scope="class")
    def evaluation_data(self, data): return data[0][:200], data[1][:200]

class TestOneHot(Scored):
    @pytest.fixture(scope="class")
    def evaluation_data(self, data): return data[0][:200], np.eye(10)[data[1][:200]]

class TestColumn(Scored):
    @pytest.fixture(scope="class")
    def evaluation_data(self, data): return data[0][:200], data[1][:200, np.newaxis]

class TestFile(Scored):
    @pytest.fixture(scope="class")
    def evaluation_data(self, data, tmp_path_factory):
        path = tmp_path_factory.mktemp("data") / "test.npz"
        np.savez(path, x=data[0][:200], y=data[1][:200])
        return path

class TestDataset(Scored):
    @pytest.fixture(scope="class")
    def evaluation_data(self, data): return ArrayDataset(data[0][:200], data[1][:200])
"""


def test_evaluation_data_may_be(bare_suite: pytest.Pytester) -> None:
    bare_suite.makepyfile(EVALUATION)
    bare_suite.runpytest("--edge-report=report.json").assert_outcomes(passed=5)
    tests = json.loads((bare_suite.path / "report.json").read_text())["tests"]
    budgets = {test["nodeid"].split("::")[1]: test["budgets"][0] for test in tests}
    assert len({(budget["measured"], budget["n"]) for budget in budgets.values()}) == 1
    assert budgets["TestPair"]["reason"] == "on 200 samples, labels: class indices"
    assert budgets["TestOneHot"]["reason"] == (
        "on 200 samples, labels: one-hot, taken as class indices"
    )


WRONG = """
import numpy as np
import pytest
from pytest_edgeai import min_accuracy

class Scored:
    @min_accuracy(0.9)
    def test_it(self, converted_interpreter): pass

class TestLength(Scored):
    @pytest.fixture
    def evaluation_data(self, data): return data[0][:200], data[1][:199]

class TestNoLabels(Scored):
    @pytest.fixture
    def evaluation_data(self, data): return data[0][:200]

class TestClasses(Scored):
    @pytest.fixture
    def evaluation_data(self, data): return data[0][:200], data[1][:200] + 1

class TestColumns(Scored):
    @pytest.fixture
    def evaluation_data(self, data): return data[0][:200], np.eye(12)[data[1][:200]]

class TestShape(Scored):
    @pytest.fixture
    def evaluation_data(self, data): return data[0][:200, :6], data[1][:200]

class TestNoFile(Scored):
    @pytest.fixture
    def evaluation_data(self): return "no.npz"

class TestNaN(Scored):
    @pytest.fixture
    def evaluation_data(self, data): return data[0][:200] * np.nan, data[1][:200]

class TestRaises(Scored):
    @pytest.fixture
    def evaluation_data(self): raise RuntimeError("the disk is not there")

class TestNext(Scored):
    @pytest.fixture
    def evaluation_data(self, data): return data[0][:200], data[1][:200]
"""


def test_wrong_evaluation_data_is_an_error_of_its_test(bare_suite: pytest.Pytester) -> None:
    bare_suite.makepyfile(WRONG)
    result = bare_suite.runpytest()
    result.assert_outcomes(passed=1, failed=7, errors=1)
    for line in (
        "*evaluation_data: 200 samples but 199 labels.",
        "*evaluation_data has no labels",
        "*labels reach 10 but the model has 10 classes (0..9).",
        "*labels have 12 columns but the model has 10 classes.",
        "*takes a batch of shape (N, 8, 8, 1), not (*, 6, 8, 1)",
        "*evaluation_data*no.npz*",
        "*evaluation_data *NaN*",
        "E *RuntimeError: the disk is not there",
    ):
        result.stdout.fnmatch_lines([line])


CALIBRATION = """
import numpy as np
import pytest

class Converted:
    def test_it(self, int8_interpreter): assert int8_interpreter.variant == "int8"

class TestArray(Converted):
    @pytest.fixture(scope="class")
    def calibration_data(self, data): return data[0][:50]

class TestFile(Converted):
    @pytest.fixture(scope="class")
    def calibration_data(self, data, tmp_path_factory):
        path = tmp_path_factory.mktemp("data") / "typical.npy"
        np.save(path, data[0][:50])
        return path

class TestShape(Converted):
    @pytest.fixture
    def calibration_data(self, data): return data[0][:50, :6]

class TestEmpty(Converted):
    @pytest.fixture
    def calibration_data(self, data): return data[0][:0]

class TestSkips(Converted):
    @pytest.fixture
    def calibration_data(self): pytest.skip("the data is on another disk")

class TestOther:
    @pytest.fixture
    def calibration_data(self): raise RuntimeError("not asked for by this test")

    def test_it(self, converted_interpreter): pass
"""


def test_calibration_data_may_be_or_not(bare_suite: pytest.Pytester) -> None:
    bare_suite.makepyfile(CALIBRATION)
    result = bare_suite.runpytest("-rs")
    result.assert_outcomes(passed=3, errors=2, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "*ERROR at setup of TestShape.test_it*",
            "*8, 8, 1*",
            "*ERROR at setup of TestEmpty.test_it*",
            "calibration_data is empty: shape (0, 8, 8, 1).",
            "SKIPPED*the data is on another disk",
        ]
    )


LOOKED_AT = """
import pytest
from pytest_edgeai import min_accuracy
from pytest_edgeai.plugin.session import edge_session

@pytest.fixture(scope={scope!r})
def evaluation_data(data):
    return data[0][:200], data[1][:200]

@min_accuracy(0.9)
@pytest.mark.parametrize("number", range(3))
def test_it(converted_interpreter, number): pass

def test_nothing_is_kept(request):
    assert not edge_session(request.config).data
"""


@pytest.mark.parametrize(("scope", "times"), [("class", 3), ("function", 3), ("session", 1)])
def test_what_tests_share_is_looked_at_once(
    bare_suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, scope: str, times: int
) -> None:
    looked_at: list[str] = []

    def noted(value: object, what: str, inputs: int | None = None) -> Dataset:
        looked_at.append(what)
        return as_dataset(value, what, inputs)

    monkeypatch.setattr("pytest_edgeai.model.dataset.as_dataset", noted)
    bare_suite.makepyfile(LOOKED_AT.format(scope=scope))
    lasts = scope == "session"  # so that what was made of its value is still there
    bare_suite.runpytest().assert_outcomes(passed=3 + (not lasts), failed=int(lasts))
    assert looked_at.count("evaluation_data") == times
