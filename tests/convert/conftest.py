"""Fixtures of the conversion tests."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asking import Array

from pytest_edgeai.convert.cache import ModelCache
from pytest_edgeai.convert.converter import Converter

HERE = Path(__file__).parent


@pytest.fixture(scope="session", autouse=True)
def tensorflow() -> None:
    """Most of these tests convert."""
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("tensorflow is not installed: nothing converts")


@pytest.fixture(scope="session")
def odd_models(once: Callable[..., Path], models: Path) -> Path:
    """The folder that ``odd_models.py`` and ``odd_tf_keras_models.py`` write."""

    def make(folder: Path) -> None:
        for script in ("odd_models.py", "odd_tf_keras_models.py"):
            command = [sys.executable, HERE / script, folder, models]
            run = subprocess.run(command, capture_output=True, text=True)
            assert run.returncode == 0, run.stderr[-4000:]

    return once("odd-models", make)


@pytest.fixture(scope="session")
def digits(models: Path) -> Array:
    """50 samples, shape (50, 8, 8, 1), 0..1."""
    with np.load(models / "digits.npz") as file:
        return np.asarray(file["x"][:50])


@pytest.fixture
def converter_with(tmp_path: Path, conversions: Path) -> Callable[..., Converter]:
    """Makes converters, each with a folder of its own; all tests share the cache."""

    def make(cache: Path = conversions, **options: Any) -> Converter:
        folder = Path(tempfile.mkdtemp(prefix="run-", dir=tmp_path))
        return Converter(ModelCache(cache), folder, **options)

    return make


@pytest.fixture
def converter(converter_with: Callable[..., Converter]) -> Converter:
    """A converter with the cache that all tests share."""
    return converter_with()


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the converter's processes keep their files, in this test alone; empty at its end."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield folder
    left = [path.name for path in folder.iterdir()]
    assert [name for name in left if not name.startswith("pytest-edgeai-")] == []  # the lock
