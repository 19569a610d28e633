"""MobileNetV2 at 224x224: does it fit the board, and does it keep up with the line?

The limits leave room for slow machines. Tighten them for yours, or judge them on the board alone:
``max_latency_ms(p95=40, device="pi")``.
"""

import numpy as np
import pytest

from pytest_edgeai import edge_model, max_latency_ms, max_size_mb

pytestmark = edge_model("mobilenet:build")


@pytest.fixture(scope="module")
def calibration_data():
    """Smooth synthetic images in -1..1: enough for size and latency, not for accuracy."""
    coarse = np.random.default_rng(0).uniform(-1, 1, (8, 14, 14, 3)).astype(np.float32)
    return coarse.repeat(16, axis=1).repeat(16, axis=2)


@max_size_mb(4)
@max_latency_ms(p95=400)
def test_ready_for_the_line(int8_interpreter):
    """MobileNetV2, int8, on the inspection station."""


@max_size_mb(14)
@max_latency_ms(p95=400)
def test_float_model_for_comparison(converted_interpreter):
    """What quantisation is compared with."""
