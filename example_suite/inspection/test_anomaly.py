"""Parts that are unlike good ones are found by an autoencoder that has seen only good ones."""

import anomaly
import pytest

from pytest_edgeai import max_accuracy_drop, max_latency_ms, max_size_mb, min_accuracy


@pytest.fixture(scope="module")
def edge_model(made):
    """The autoencoder, trained on good parts."""
    return made("anomaly.keras", "anomaly.py")


@pytest.fixture(scope="module")
def calibration_data():
    """Good parts, as in training: defects are not to be typical."""
    return anomaly.good_parts(200)


@pytest.fixture(scope="module")
def evaluation_data():
    """Good and defective parts, labelled 0 and 1."""
    return anomaly.mixed_parts()


@pytest.fixture(scope="module")
def edge_decoder():
    """How unlike its drawing a part is: the mean of the squared differences."""
    return "reconstruction_error"


@min_accuracy(0.95, metric="roc_auc")
def test_float_autoencoder_tells_defective_parts_from_good_ones(converted_interpreter):
    """The AUC is independent of the threshold, which the line may choose later."""


@max_accuracy_drop(0.02, metric="roc_auc")
@min_accuracy(0.95, metric="average_precision")
@max_size_mb(0.15)
@max_latency_ms(p95=20)
def test_int8_autoencoder_still_does(int8_interpreter):
    """Rounding to bytes is an error as well; it has to stay small beside that of defects."""
