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

from pytest_edgeai.strategies.agreement import agrees_with
from pytest_edgeai.strategies.inputs import model_inputs
from pytest_edgeai.strategies.properties import (
    batch_order_does_not_matter,
    is_deterministic,
    outputs_are_finite,
    outputs_in_range,
)
from pytest_edgeai.strategies.samples import Samples, packed, sparse

__all__ = [
    "Samples",
    "agrees_with",
    "batch_order_does_not_matter",
    "is_deterministic",
    "model_inputs",
    "outputs_are_finite",
    "outputs_in_range",
    "packed",
    "sparse",
]
