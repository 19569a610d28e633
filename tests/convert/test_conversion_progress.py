"""What people see while they wait, and conversions that are made afresh."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from asking import Array, data_set

from pytest_edgeai.convert.converter import Converter
from pytest_edgeai.errors import ConversionError, UsageError
from pytest_edgeai.model.source import resolve


def of_itself(told: list[str]) -> list[str]:
    """Without the seconds, and without what is said while another process has the machine."""
    texts = [text for text in told if text and not text.startswith("waiting for this machine")]
    assert all(re.search(r", \d+(\.\d)? s$", text) for text in texts)
    return [text.rpartition(",")[0] for text in texts]


def test_afresh_leaves_the_cache_alone(
    converter_with: Callable[..., Converter], models: Path, digits: Array, tmp_path: Path
) -> None:
    """And it tells what takes so long."""
    told: list[str] = []
    converter = converter_with(cache=tmp_path / "cache", progress=told.append)
    source = resolve(models / "digits.keras", [])
    conversion = converter.convert_afresh(source, "int8", data_set(digits))
    assert conversion.elapsed_ns > 1e6
    assert conversion.model.facts.int8_weight_share == 1.0
    assert not (tmp_path / "cache").exists()
    assert (converter.tally.converted, converter.tally.cached) == (0, 0)
    assert told[-1] == ""
    assert set(of_itself(told)) == {"digits.keras: int8"}


def test_progress_names_what_is_left(
    converter_with: Callable[..., Converter], conversions: Path
) -> None:
    told: list[str] = []
    converter = converter_with(limit_s=1.2, progress=told.append)
    with pytest.raises(ConversionError, match="handmade:hangs: the converter was ended"):
        converter.convert_afresh(resolve("handmade:hangs", [Path(__file__).parent]), "int8", None)
    assert set(of_itself(told)) == {"handmade:hangs: building"}
    assert told[-1] == ""


def test_afresh_without_calibration_data(converter: Converter, models: Path) -> None:
    with pytest.raises(UsageError, match=r"int8 of digits\.keras: there is no calibration data"):
        converter.convert_afresh(resolve(models / "digits.keras", []), "int8", None)


def test_afresh_of_a_ready_file(converter: Converter, tmp_path: Path) -> None:
    (tmp_path / "model.tflite").touch()
    with pytest.raises(UsageError, match=r"is a ready \.tflite file: there is nothing to convert"):
        converter.convert_afresh(resolve("model.tflite", [tmp_path]), "converted", None)
