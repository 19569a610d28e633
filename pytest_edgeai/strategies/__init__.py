"""Hypothesis strategies of model inputs, and properties that hold for any input."""

from __future__ import annotations

from pytest_edgeai.errors import UsageError

try:
    import hypothesis as _hypothesis  # noqa: F401
except ImportError:
    raise UsageError(
        "pytest_edgeai.strategies needs hypothesis, which is not installed",
        "pip install 'pytest-edgeai[hypothesis]'",
    ) from None

from pytest_edgeai.strategies.agreement import assert_agrees
from pytest_edgeai.strategies.inputs import model_inputs
from pytest_edgeai.strategies.properties import (
    assert_deterministic,
    assert_finite,
    assert_in_range,
    assert_order_independent,
)
from pytest_edgeai.strategies.samples import Samples, packed, sparse

__all__ = [
    "Samples",
    "assert_agrees",
    "assert_deterministic",
    "assert_finite",
    "assert_in_range",
    "assert_order_independent",
    "model_inputs",
    "packed",
    "sparse",
]
