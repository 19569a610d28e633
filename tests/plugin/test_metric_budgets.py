"""Metrics other than accuracy, and output errors, from marker to verdict."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import sklearn.metrics  # noqa: F401  # once, as pytester forgets what an inner run imports

OUTPUT_ERRORS = """
import json
from pathlib import Path

import numpy as np
import pytest
from pytest_edgeai import max_output_error

pytestmark = [max_output_error(1e-9), pytest.mark.usefixtures("written")]
OUT = Path("outputs.npz")
FOUND = {}

@pytest.fixture(scope="session")
def written():
    yield
    np.savez(OUT, **FOUND)

def predicted(interpreter, evaluation_data):
    FOUND[interpreter.variant] = interpreter.predict(evaluation_data[0])

def test_max(int8_interpreter, evaluation_data):
    predicted(int8_interpreter, evaluation_data)

@max_output_error(1e-9, norm="mean", baseline="converted")
def test_mean(int8_interpreter, converted_interpreter, evaluation_data):
    predicted(converted_interpreter, evaluation_data)

@max_output_error(1e-9, norm="rms", baseline="dynamic")
def test_rms(int8_interpreter): pass

@max_output_error(1e-5, baseline="source")
def test_source(converted_interpreter): pass

@max_output_error(0, baseline="host")
def test_host(converted_interpreter): pass
"""


def test_output_errors_are_those_of_the_interpreters(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(OUTPUT_ERRORS)
    result = digits_suite.runpytest("--edge-report=report.json")
    result.assert_outcomes(passed=1, failed=3, skipped=1)
    result.stdout.fnmatch_lines(["test_max * output error (max) * fail"])
    records = json.loads((digits_suite.path / "report.json").read_text())["tests"]
    measured = {
        (record["nodeid"].partition("::")[2], record["variant"]): budget
        for record in records
        for budget in record["budgets"]
    }
    with np.load(digits_suite.path / "outputs.npz") as file:
        error = np.abs(file["int8"].astype(float) - file["converted"].astype(float))
    assert error.max() > 0.01
    assert measured["test_max", "int8"]["measured"] == pytest.approx(error.max())
    assert measured["test_mean", "int8"]["measured"] == pytest.approx(error.mean())
    assert measured["test_mean", "converted"]["verdict"] == "skipped"
    assert 0 < measured["test_rms", "int8"]["measured"] < error.max()
    assert measured["test_source", "converted"]["verdict"] == "pass"
    assert measured["test_host", "converted"]["verdict"] == "skipped"
    worst = error.max(axis=1).argmax()
    result.stdout.fnmatch_lines([f"    samples that differ most, by index: {worst} (*"])


NAMED = """
import numpy as np
import pytest
from sklearn import metrics
from pytest_edgeai import Metric, max_accuracy_drop, min_accuracy

LOSS = Metric(metrics.log_loss, higher_is_better=False)

@min_accuracy(1.0, metric="f1_macro")
@max_accuracy_drop(0.5, metric="roc_auc", confidence=0.95)
def test_named(int8_interpreter, evaluation_data):
    inputs, labels = evaluation_data
    answered = int8_interpreter.predict(inputs).argmax(axis=1)
    print("f1:", metrics.f1_score(labels, answered, average="macro"))

@min_accuracy(0.0001, metric=LOSS)
@max_accuracy_drop(9, metric=LOSS)
def test_loss(dynamic_interpreter): pass
"""


def test_metrics_by_name_and_of_a_user(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(NAMED)
    result = digits_suite.runpytest("--edge-report=report.json")
    result.assert_outcomes(failed=2)
    records = json.loads((digits_suite.path / "report.json").read_text())["tests"]
    named, loss = ({b["statistic"]: b for b in record["budgets"]} for record in records)
    printed = result.stdout.str().partition("f1: ")[2].split()[0]
    assert named["f1_macro"]["measured"] == pytest.approx(float(printed))
    assert named["roc_auc drop"]["verdict"] == "pass"
    low, high = named["roc_auc drop"]["low"], named["roc_auc drop"]["high"]
    assert low <= named["roc_auc drop"]["measured"] <= high
    assert (loss["log_loss"]["verdict"], loss["log_loss"]["is_floor"]) == ("fail", False)
    assert loss["log_loss rise"]["verdict"] == "pass"
    result.stdout.re_match_lines(
        [
            r"  min_accuracy: f1_macro 0\.\d+, limit 1: 0\.\d+ under",
            r"  min_accuracy: log_loss 0\.\d+, limit 0\.0001: 0\.\d+ over",
            r"test_loss +log_loss rise +-?0\.\d+ +9 +\+100% pass",
        ]
    )
    assert max(map(len, result.stdout.str().partition("= FAILURES")[2].splitlines())) <= 80


MISSING = """
import pytest
from pytest_edgeai import max_accuracy_drop, max_latency_ms, min_accuracy

@max_latency_ms(p95=1000)
@min_accuracy(0.1, metric="roc_auc")
def test_auc(int8_interpreter): pytest.fail("it ran")

@max_accuracy_drop(0.1, metric="coco_map")
def test_boxes(int8_interpreter): pytest.fail("it ran")

@min_accuracy(0.1, metric="top_3_accuracy")
@max_accuracy_drop(0.1)
def test_without(int8_interpreter): pass
"""


def test_a_package_that_is_missing_is_named_before_anything_is_measured(
    digits_suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("sklearn", "pycocotools"):
        monkeypatch.setitem(sys.modules, name, None)
    digits_suite.makepyfile(MISSING)
    result = digits_suite.runpytest()
    result.assert_outcomes(passed=1, errors=2)
    result.stdout.fnmatch_lines(
        [
            "*ERROR at setup of test_auc*",
            "@min_accuracy: metric 'roc_auc' needs scikit-learn, which is not installed",
            "hint: pip install 'pytest-edgeai[[]metrics]'; the signature is min_accuracy(*",
            "*ERROR at setup of test_boxes*",
            "@max_accuracy_drop: metric 'coco_map' needs pycocotools, which is not installed",
            "hint: pip install 'pytest-edgeai[[]metrics]'; the signature is max_accuracy_drop(*",
        ]
    )
    result.stdout.no_fnmatch_line("*it ran*")


def test_a_forgotten_decoder_of_an_autoencoder(pytester: pytest.Pytester, realdata: Path) -> None:
    """Its outputs would pass for scores of 640 classes."""
    model = str(realdata / "models" / "ad01_fp32.tflite")
    pytester.makepyfile(
        f"""
        import numpy as np, pytest
        from pytest_edgeai import edge_model, min_accuracy

        @pytest.fixture
        def evaluation_data():
            return np.random.default_rng(0).normal(size=(20, 640)).astype("f4"), np.arange(20) % 2

        @edge_model({model!r})
        @min_accuracy(0.1, metric="roc_auc")
        def test_it(converted_interpreter): ...
        """
    )
    result = pytester.runpytest()
    result.assert_outcomes(failed=1)
    shown = " ".join(" ".join(result.outlines).split())
    assert "the output has the shape of the input, (640,), and the labels are 0 and 1" in shown
    assert "override the fixture edge_decoder: 'reconstruction_error'" in shown


def test_an_object_that_is_no_number_leaves_the_other_budgets(
    digits_suite: pytest.Pytester,
) -> None:
    digits_suite.makepyfile(
        """
        from pytest_edgeai import max_size_mb, min_accuracy

        class Odd:
            def __float__(self):
                raise RuntimeError("it will not be a number")

        def odd(labels, predictions):
            return Odd()

        @max_size_mb(0.001)
        @min_accuracy(0.5, metric=odd)
        def test_it(converted_interpreter): ...
        """
    )
    result = digits_suite.runpytest("--edge-report", "results.json")
    result.assert_outcomes(failed=1)
    said = "of which no float can be made: RuntimeError: it will not be a number"
    assert said in " ".join(result.stdout.str().split())
    result.stdout.fnmatch_lines(["*2 of 2 budgets not met*"])
    (record,) = json.loads((digits_suite.path / "results.json").read_text())["tests"]
    assert [budget["verdict"] for budget in record["budgets"]] == ["fail", "error"]
