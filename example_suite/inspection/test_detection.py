"""Defects are found, named and framed; several on one part as well."""

import detector
import pytest

from pytest_edgeai import max_accuracy_drop, max_latency_ms, max_size_mb, min_accuracy, padded


@pytest.fixture(scope="module")
def edge_model(made):
    """The detector, trained on parts with up to two defects."""
    return made("detector.keras", "detector.py")


@pytest.fixture(scope="module")
def calibration_data():
    """Images that it was trained on."""
    return detector.data(200, seed=5)[0]


@pytest.fixture(scope="module")
def evaluation_data():
    """Other images, and rows (ymin, xmin, ymax, xmax, class) of their defects."""
    images, rows = detector.data(300, seed=6)
    return images, padded(rows)


@pytest.fixture(scope="module")
def edge_decoder():
    """From the network's grid to rows (ymin, xmin, ymax, xmax, class, score)."""
    return detector.decode


@min_accuracy(0.8, metric="coco_map_50")
@min_accuracy(0.4, metric="coco_map")
def test_float_detector_finds_the_defects(converted_interpreter):
    """Roughly framed is enough to sort a part out; well framed counts in coco_map."""


@max_accuracy_drop(0.03, metric="coco_map")
@max_accuracy_drop(0.03, metric="coco_map_50")
@max_size_mb(0.15)
@max_latency_ms(p95=10)
def test_int8_detector_is_ready_for_the_line(int8_interpreter):
    """Boxes lose before classes do: their corners are rounded to bytes."""
