"""Parts are sorted by their defect: good, missing_hole, scratch, stain."""

import pytest

from pytest_edgeai import (
    ImageFolder,
    Preprocessing,
    max_accuracy_drop,
    max_latency_ms,
    max_size_mb,
    min_accuracy,
)

AS_IN_TRAINING = Preprocessing(size=(64, 64), scaling="0..1", color="rgb", resize="bilinear")


@pytest.fixture(scope="module")
def edge_model(made, images):
    """The classifier, trained on the folder of images."""
    return made("classifier.keras", "classifier.py", images / "train")


@pytest.fixture(scope="module")
def calibration_data(images):
    """Images that it was trained on."""
    return ImageFolder(images / "train", AS_IN_TRAINING, limit=200)


@pytest.fixture(scope="module")
def evaluation_data(images):
    """Images that it has not seen; a folder per class, in the order of the model's outputs."""
    return ImageFolder(images / "test", AS_IN_TRAINING)


@min_accuracy(0.95)
@min_accuracy(0.95, metric="f1_macro")
def test_float_classifier_is_good_enough_to_start_from(converted_interpreter):
    """All classes count the same, also the rarest."""


@max_accuracy_drop(0.02)
@max_size_mb(0.15)
@max_latency_ms(p95=10)
def test_int8_classifier_is_ready_for_the_line(int8_interpreter):
    """What ships: a pixel's byte goes in as it is."""
    image = int8_interpreter.model.facts.inputs[0]
    assert image.dtype == "uint8"
    assert image.scales == pytest.approx((1 / 255,), rel=0.05)
