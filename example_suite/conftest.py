"""What is tested, and on which data. Copy this folder and put your own model here."""

import os
import subprocess
import sys
from pathlib import Path

import digits as digits_script
import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def edge_model():
    """The trained digits model; trained when it is not there or older than its script."""
    script, model = HERE / "digits.py", HERE / "digits.keras"
    if not model.exists() or model.stat().st_mtime < script.stat().st_mtime:
        unfinished = HERE / f"digits-{os.getpid()}.keras"
        subprocess.run([sys.executable, script, unfinished], check=True, capture_output=True)
        unfinished.replace(model)
    return model


@pytest.fixture(scope="session")
def digits():
    """(training inputs, labels), (test inputs, labels); inputs scaled as in training."""
    return digits_script.data()


@pytest.fixture(scope="session")
def calibration_data(digits):
    """Typical inputs: training data, never the test data."""
    return digits[0][0]


@pytest.fixture(scope="session")
def evaluation_data(digits):
    """The test data with labels."""
    return digits[1]
