"""The built package in an environment that has nothing else."""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_edgeai.convert.cache import ModelCache
from pytest_edgeai.convert.converter import Conversion, Converter
from pytest_edgeai.model.dataset import as_dataset
from pytest_edgeai.model.source import resolve

READY = """
import numpy as np
from pytest_edgeai import max_latency_ms, max_size_mb

@max_latency_ms(p95=1000)
@max_size_mb(1)
def test_ready(int8_interpreter):
    assert int8_interpreter.predict(np.zeros((3, 8, 8, 1), "float32")).shape == (3, 10)
"""


@pytest.fixture(scope="session")
def default_python(once: Callable[..., Path], request: pytest.FixtureRequest) -> Path:
    """A Python in which this checkout was installed as ``pip install pytest-edgeai`` would."""

    def make(folder: Path) -> None:
        venv.create(folder, with_pip=True, symlinks=True)
        pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, request.config.rootpath], check=True, capture_output=True)

    return once("python-default-install", make) / "bin" / "python"


@pytest.fixture
def int8_file(models: Path, conversions: Path, tmp_path: Path) -> Path:
    """The digits network, converted to int8."""
    converter = Converter(ModelCache(conversions), tmp_path)
    source = resolve(models / "digits.keras", [])
    calibration = as_dataset(models / "digits.npz", "calibration_data")
    made = converter.convert(source, ["int8"], calibration)["int8"]
    assert isinstance(made, Conversion)
    return made.model.path


def run(python: Path, folder: Path, *args: str) -> str:
    """What a pytest run with another Python prints."""
    (folder / "pytest.ini").touch()
    command = [python, "-m", "pytest", "-p", "no:cacheprovider", *args]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return ended.stdout


def test_default_install_tests_a_ready_file(
    default_python: Path, int8_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "test_ready.py").write_text(READY)
    output = run(default_python, tmp_path, f"--edge-model={int8_file}")
    assert "1 passed" in output, output
    assert "device local: ai-edge-litert" in output


def test_without_tensorflow_a_conversion_says_what_to_install(
    default_python: Path, models: Path, tmp_path: Path
) -> None:
    (tmp_path / "test_float.py").write_text("def test_float(converted_interpreter): pass")
    output = run(default_python, tmp_path, f"--edge-model={models / 'digits.keras'}")
    assert "converting a model needs TensorFlow, which is not installed" in output
    assert "pip install 'pytest-edgeai[tensorflow]'" in output


def test_tensorflow_runtime_that_is_missing_is_named(
    default_python: Path, int8_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "test_ready.py").write_text(READY)
    output = run(default_python, tmp_path, "--edge-runtime=tensorflow", f"--edge-model={int8_file}")
    assert "no usable runtime: runtime tensorflow" in output
    assert "pip install 'pytest-edgeai[tensorflow]'" in output


def test_package_has_types_and_licence(default_python: Path) -> None:
    script = "from importlib.metadata import files; print([str(f) for f in files('pytest-edgeai')])"
    listed = subprocess.run([default_python, "-c", script], capture_output=True, text=True).stdout
    assert "pytest_edgeai/py.typed" in listed
    assert "LICENSE" in listed
    assert "tests/" not in listed


@pytest.mark.alone
def test_entry_point_costs_less_than_that_of_pytest_benchmark(tmp_path: Path) -> None:
    """Both are imported by every pytest start; byte code is cached, as it is for users."""
    ours, theirs = (
        import_seconds(module, tmp_path)
        for module in ("pytest_edgeai.plugin", "pytest_benchmark.plugin")
    )
    print(f"pytest_edgeai {ours * 1e3:.2f} ms, pytest_benchmark {theirs * 1e3:.2f} ms")
    assert ours < theirs


def import_seconds(module: str, cache: Path) -> float:
    """The fastest of ten imports, after pytest, each in a fresh process."""
    script = (
        "import pytest, time; start = time.perf_counter();"
        f"import {module}; print(time.perf_counter() - start)"
    )
    environment = {"PYTHONPYCACHEPREFIX": str(cache), "PATH": ""}
    runs = [
        subprocess.run(
            [sys.executable, "-c", script],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        for _ in range(10)
    ]
    return min(float(run.stdout) for run in runs)
