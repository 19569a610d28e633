"""Published models, accepted by what they were made for: anomalies, objects, classes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

SUITE = """
from pathlib import Path
import numpy as np, pytest
from PIL import Image
from pytest_edgeai import Metric, edge_model, max_accuracy_drop, min_accuracy, min_agreement, padded

REALDATA = Path("REALDATA_FOLDER")

def model(name):
    return REALDATA / "models" / f"{name}.tflite"

def photo(name, size):
    image = Image.open(REALDATA / "images" / name).convert("RGB").resize((size, size))
    return (np.asarray(image, np.float32) - 128) / 128
"""
ANOMALY = """
def mean_error(labels, errors):
    return float(errors.mean())

ERROR = Metric(mean_error, higher_is_better=False)

@pytest.fixture
def evaluation_data():
    path = REALDATA / "anomaly" / "normal_id_01_00000000_hist_librosa.bin"
    features = np.fromfile(path, "<f4")
    windows = np.lib.stride_tricks.sliding_window_view(features, 640)[::128]
    return windows, np.zeros(len(windows))

@pytest.fixture
def edge_decoder():
    return "reconstruction_error"

@edge_model(converted=model("ad01_fp32"), int8=model("ad01_int8"))
@min_accuracy(9.7072, metric=ERROR)
def test_float(converted_interpreter): ...

@edge_model(converted=model("ad01_fp32"), int8=model("ad01_int8"))
@max_accuracy_drop(0.6, metric=ERROR)
def test_int8(int8_interpreter): ...
"""
OBJECTS = """
PHOTOS = {"cat.bmp": 16, "bird.bmp": 15, "parrot.jpg": 15, "grace_hopper.bmp": 0}

@pytest.fixture
def evaluation_data(): # where the objects are was read off the pictures by eye
    boxes = {
        "cat.bmp": (0.11, 0.10, 0.99, 0.71),
        "bird.bmp": (0.23, 0.07, 0.98, 0.95),
        "parrot.jpg": (0.12, 0.18, 0.98, 0.91),
        "grace_hopper.bmp": (0.05, 0.05, 1.0, 1.0),
    }
    inputs = np.stack([photo(name, 300) for name in PHOTOS])
    return inputs, padded([[[*boxes[name], label]] for name, label in PHOTOS.items()])

@edge_model(model("ssd_mobilenet_v1_coco_uint8"))
@min_accuracy(0.7, metric="coco_map_50")
def test_finds_them(int8_interpreter): ...
"""
CLASSES = """
PHOTOS = ("cat", "bird", "grace_hopper", "sunflower", "person", "no_person")

@pytest.fixture
def evaluation_data():
    return np.stack([*(photo(f"{name}.bmp", 224) for name in PHOTOS), photo("parrot.jpg", 224)])

@edge_model(
    converted=model("mobilenet_v1_0.25_224_float"), int8=model("mobilenet_v1_0.25_224_uint8")
)
@min_agreement(1.0)
def test_agree(int8_interpreter): ...
"""


def budgets(
    pytester: pytest.Pytester, realdata: Path, suite: str, passed: int
) -> dict[str, dict[str, Any]]:
    """Run a suite; the results of its tests by the test's name."""
    pytester.makepyfile(SUITE.replace("REALDATA_FOLDER", str(realdata)) + suite)
    result = pytester.runpytest("--edge-report", "results.json")
    result.assert_outcomes(passed=passed)
    records = json.loads((pytester.path / "results.json").read_text())["tests"]
    return {record["nodeid"].partition("::")[2]: record["budgets"][0] for record in records}


def test_anomaly_scores(pytester: pytest.Pytester, realdata: Path) -> None:
    found = budgets(pytester, realdata, ANOMALY, 2)
    assert found["test_float"]["measured"] == pytest.approx(9.7071, abs=5e-5)
    assert found["test_float"]["n"] == 196
    assert "mean_error 9.71 (converted) -> 10.3 on 196 samples" in found["test_int8"]["reason"]
    assert found["test_int8"]["measured"] == pytest.approx(0.558, abs=0.01)


def test_objects(pytester: pytest.Pytester, realdata: Path) -> None:
    found = budgets(pytester, realdata, OBJECTS, 1)
    assert found["test_finds_them"]["reason"] == "on 4 samples, labels: boxes"
    assert found["test_finds_them"]["measured"] == 1.0


def test_the_same_classes(pytester: pytest.Pytester, realdata: Path) -> None:
    found = budgets(pytester, realdata, CLASSES, 1)
    assert (found["test_agree"]["measured"], found["test_agree"]["n"]) == (1.0, 7)
