"""Asking a converter for one variant, and what comes back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy.typing as npt

from pytest_edgeai.convert.converter import Conversion, Converter
from pytest_edgeai.errors import EdgeAIError
from pytest_edgeai.model.dataset import Dataset, as_dataset
from pytest_edgeai.model.source import resolve
from pytest_edgeai.model.variants import Variant

HERE = Path(__file__).parent
Array = npt.NDArray[Any]


def data_set(calibration: Any) -> Dataset | None:
    return None if calibration is None else as_dataset(calibration, "calibration_data")


def made(
    converter: Converter, value: Any, variant: Variant = "converted", calibration: Any = None
) -> Conversion:
    """The conversion; raises where it failed."""
    source = resolve(value, [HERE])
    result = converter.convert(source, [variant], data_set(calibration))[variant]
    if isinstance(result, EdgeAIError):
        raise result
    return result


def refused(
    converter: Converter, value: Any, variant: Variant = "converted", calibration: Any = None
) -> EdgeAIError:
    """The error of a conversion that fails."""
    source = resolve(value, [HERE])
    result = converter.convert(source, [variant], data_set(calibration))[variant]
    assert isinstance(result, EdgeAIError), result
    return result
