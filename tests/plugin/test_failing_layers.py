"""A failing drop names the layer that it begins with, in the message and in the report."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from weights import damage

from pytest_edgeai.convert.cache import ModelCache
from pytest_edgeai.convert.converter import Converter
from pytest_edgeai.model.dataset import ArrayDataset
from pytest_edgeai.model.source import resolve

SUITE = """
from pytest_edgeai import edge_model, max_accuracy_drop, min_agreement

@edge_model(converted="float.tflite", int8="damaged.tflite")
@max_accuracy_drop(0.01)
def test_drop(int8_interpreter): pass

@edge_model(converted="float.tflite", int8="damaged.tflite")
@min_agreement(0.99)
def test_agreement(int8_interpreter): pass

@edge_model(converted="float.tflite", int8="healthy.tflite")
@max_accuracy_drop(0.01)
def test_healthy(int8_interpreter): pass

@edge_model(converted="other.tflite", int8="damaged.tflite")
@max_accuracy_drop(0.01)
def test_of_another_model(int8_interpreter): pass
"""
OTHER = """
import sys, keras

layers = keras.layers
stack = [keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(10)]
keras.Sequential(stack).save(sys.argv[1])
"""


@pytest.fixture
def suite(digits_suite: pytest.Pytester, conversions: Path, models: Path) -> pytest.Pytester:
    """The digits network as files; one of them has a damaged layer."""
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("tensorflow is not installed: nothing converts")
    folder = digits_suite.path
    with np.load(models / "digits.npz") as file:
        data = ArrayDataset(file["x"][:50])
    converter = Converter(ModelCache(conversions), folder, int8_io="int8")
    done: dict[Any, Any] = converter.convert(
        resolve(str(models / "digits.keras"), [folder]), ["converted", "int8"], data
    )
    (folder / "float.tflite").write_bytes(done["converted"].model.path.read_bytes())
    (folder / "healthy.tflite").write_bytes(done["int8"].model.path.read_bytes())
    damage(folder / "healthy.tflite", "dense_1", "negated", folder / "damaged.tflite")
    digits_suite.makepyfile(SUITE)
    return digits_suite


def budgets(suite: pytest.Pytester) -> dict[str, dict[str, Any]]:
    """The only budget of each test, as the report has it."""
    content = json.loads((suite.path / "report.json").read_text())
    return {test["nodeid"].rpartition("::")[2]: test["budgets"][0] for test in content["tests"]}


def test_the_layer_is_named(suite: pytest.Pytester) -> None:
    result = suite.runpytest("--edge-report=report.json", "-k", "not another")
    result.assert_outcomes(failed=2, passed=1)
    text = result.stdout.str()
    said = " ".join(text.split())
    begin = "layers whose error jumps first, on 16 samples against converted: dense_1 (FULLY_CON"
    assert said.count(begin) == 2
    failures = text.partition("FAILURES")[2].partition("edge AI budgets")[0]
    assert max(map(len, failures.splitlines())) <= 80
    found = budgets(suite)
    for name in ("test_drop", "test_agreement"):
        data = found[name]["data"]
        assert [layer["name"] for layer in data["layers"] if layer["to_blame"]] == ["dense_1"]
        assert len(data["layer_samples"]) == 16
    names = [layer["name"] for layer in found["test_drop"]["data"]["layers"]]
    assert names == ["input_layer", "conv2d_1", "flatten_1", "dense_1", "dense_1_2", "softmax"]
    healthy = found["test_healthy"]["data"]
    assert "layers" not in healthy, "nothing is compared where the budget is met"


def test_what_cannot_be_compared_leaves_the_verdict(suite: pytest.Pytester) -> None:
    """The other file takes the same inputs, and has other layers."""
    keras_file = suite.path / "other.keras"
    subprocess.run([sys.executable, "-c", OTHER, keras_file], check=True, capture_output=True)
    converter = Converter(ModelCache(suite.path / "cache"), suite.path)
    done: Any = converter.convert(resolve(str(keras_file), [suite.path]), ["converted"], None)
    shutil.copy(done["converted"].model.path, suite.path / "other.tflite")
    suite.makepyfile(SUITE.replace("max_accuracy_drop(0.01)", "min_agreement(1.0)"))
    result = suite.runpytest("-k", "another")
    result.assert_outcomes(failed=1)
    text = " ".join(result.stdout.str().split())
    assert "layers were not compared: the graphs do not correspond: 8 operators in one" in text
    assert "min_agreement: agreement" in text
