"""Where a model goes wrong, found out on a board."""

from __future__ import annotations

from pathlib import Path

import pytest
from suites import FAST
from weights import damage

SUITE = """
import numpy as np, pytest
from pytest_edgeai import edge_model, min_agreement

@pytest.fixture
def evaluation_data():
    return np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3)).astype("float32")

@edge_model(converted={base!r}, int8="damaged.tflite")
@min_agreement(1.0)
def test_it(int8_interpreter): pass
"""


def test_the_layer_is_named(pytester: pytest.Pytester, edgeai_toml: Path, realdata: Path) -> None:
    models = [realdata / "models" / f"resnet8_cifar10_{kind}.tflite" for kind in ("float", "int8")]
    damage(models[1], "conv2d_4", "shuffled", pytester.path / "damaged.tflite")
    pytester.makepyfile(SUITE.format(base=str(models[0])))
    result = pytester.runpytest_subprocess(*FAST, "--edge-device=pi")
    result.assert_outcomes(failed=1)
    text = " ".join(result.stdout.str().split())
    assert "damaged.tflite on pi (board): 1 of 1 budget not met" in text
    assert "on 16 samples against converted: conv2d_4 (CONV_2D, " in text
