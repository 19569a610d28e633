"""A real run to draw reports from: budgets of every kind, some of them not met."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runs import Document
from weights import damage

from pytest_edgeai.convert.cache import ModelCache
from pytest_edgeai.convert.converter import Converter
from pytest_edgeai.model.dataset import ArrayDataset
from pytest_edgeai.model.source import resolve

CONFTEST = """
import numpy as np, pytest
import pytest_edgeai.judge.conditions

pytest_edgeai.judge.conditions.OTHERS_SHARE = 1.0  # other tests run beside this suite

@pytest.fixture(scope="session")
def evaluation_data():
    with np.load({data!r}) as file:
        return file["x"][100:], file["y"][100:]
"""
SUITE = """
import pytest
from pytest_edgeai import *

pytestmark = edge_model(converted="float.tflite", int8="damaged.tflite")

@pytest.mark.edge_variants("converted", "int8")
@max_latency_ms(p95=1000, p99=1e-6)
@min_accuracy(0.1)
@max_size_mb(0.1)
def test_both(interpreter): pass

@max_accuracy_drop(0.01)
@max_sustained_latency_ms(p95=1000, seconds=1)
@max_memory_mb(500)
@max_startup_ms(60_000)
@max_regression(0.1, of="size")
def test_the_rest(int8_interpreter): pass

@max_accuracy_drop(0.01)
def test_skipped(converted_interpreter): pass

@max_size_mb(1)
@pytest.mark.parametrize("name", ["</script><b>bold</b>"])
def test_named(int8_interpreter, name): pass

@max_size_mb(1)
def test_body(int8_interpreter): raise ValueError("</script><i>body</i>")

@edge_model("missing.keras")
@max_size_mb(1)
def test_no_model(int8_interpreter): pass
"""


@pytest.fixture(scope="session")
def _run(once: Callable[..., Path], models: Path, conversions: Path) -> Path:
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("tensorflow is not installed: nothing converts")

    def make(folder: Path) -> None:
        _write_models(folder, models, conversions)
        (folder / "conftest.py").write_text(CONFTEST.format(data=str(models / "digits.npz")))
        (folder / "test_line.py").write_text(SUITE)
        (folder / "pytest.ini").write_text("[pytest]\n")
        command = [sys.executable, "-m", "pytest", "--edge-report=run.json", "--edge-max-seconds=2"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr

    return once("a-run", make) / "run.json"


@pytest.fixture
def run(_run: Path) -> Document:
    """The document of a run of the digits network, whose int8 variant is damaged."""
    content: Document = json.loads(_run.read_text())
    return content


def _write_models(folder: Path, models: Path, conversions: Path) -> None:
    with np.load(models / "digits.npz") as file:
        data = ArrayDataset(file["x"][:50])
    converter = Converter(ModelCache(conversions), folder, int8_io="int8")
    done: dict[Any, Any] = converter.convert(
        resolve(str(models / "digits.keras"), [folder]), ["converted", "int8"], data
    )
    (folder / "float.tflite").write_bytes(done["converted"].model.path.read_bytes())
    damage(done["int8"].model.path, "dense_1", "half zeroed", folder / "damaged.tflite")
