"""Real values as a tensor's own type, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pytest_edgeai.device.agent import quantised
from pytest_edgeai.errors import TensorError

__tracebackhide__ = True
"""A failing call shows in the test that made it, not here."""

Array = np.ndarray[Any, np.dtype[Any]]
Details = Mapping[str, Any]
"""One entry of ``get_input_details()`` or ``get_output_details()``."""

_KINDS = {"f": "float", "i": "integer", "u": "integer", "b": "bool", "S": "string", "c": "complex"}


def is_quantised(details: Details) -> bool:
    """Whether a tensor holds integers that stand for real values."""
    return np.dtype(details["dtype"]).kind in "iu" and float(details["quantization"][0]) > 0


def real_range(details: Details) -> tuple[float, float]:
    """The smallest and largest real value that a quantised tensor can hold."""
    scale, zero_point = details["quantization"]
    limits = np.iinfo(np.dtype(details["dtype"]).name)
    return float((limits.min - zero_point) * scale), float((limits.max - zero_point) * scale)


def quantise(values: Array, details: Details) -> Array:
    """Real values as the tensor's dtype: ``round(real / scale) + zero_point``, saturating.

    Raises:
        TensorError: see ``checked``.
    """
    values, how = checked(values, details), rule(details)
    return values if how is None else np.asarray(quantised(values, *how))


def rule(details: Details) -> tuple[str, float, int] | None:
    """How real values become a tensor's own: dtype, scale, zero point; None if it is not quantised.

    The device applies it, so that data reaches it once, whatever the models on it make of it.
    """
    if not is_quantised(details):
        return None
    scale, zero_point = details["quantization"]
    return np.dtype(details["dtype"]).name, float(scale), int(zero_point)


def checked(values: Array, details: Details) -> Array:
    """Values that a tensor takes: real ones where it is quantised, else of its dtype.

    Raises:
        TensorError: another kind of dtype than the tensor takes, or a value that it cannot hold.
    """
    dtype = np.dtype(details["dtype"])
    if dtype.kind in "OS":
        return _strings(values, details)
    expected = "float" if is_quantised(details) else _KINDS[dtype.kind]
    if _KINDS.get(values.dtype.kind) != expected:
        raise TensorError(_wrong_kind(values, details, expected))
    if is_quantised(details):
        if not np.isfinite(values).all():
            raise TensorError(
                f"input {details['name']!r} is {dtype} and cannot hold NaN or infinity"
            )
        return values
    if dtype.kind in "iu" and not np.array_equal(values.astype(dtype), values):
        raise TensorError(f"input {details['name']!r} is {dtype}: a value does not fit into it")
    return values.astype(dtype, copy=False)


def dequantise(values: Array, details: Details) -> Array:
    """A tensor as real values, float32: ``(quantised - zero_point) * scale``."""
    if not is_quantised(details):
        return values
    scale, zero_point = details["quantization"]
    real: Array = (values.astype(np.float64) - zero_point) * float(scale)
    return real.astype(np.float32)


def native(value: Any) -> Array:
    """An array in this machine's byte order, which the runtimes take for granted."""
    array = np.asarray(value)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _strings(values: Array, details: Details) -> Array:
    if values.dtype.kind not in "OSU":
        raise TensorError(_wrong_kind(values, details, "string"))
    texts = [v if isinstance(v, bytes) else str(v).encode() for v in values.ravel().tolist()]
    array: Array = np.empty(len(texts), dtype=object)
    array[:] = texts
    return array.reshape(values.shape)


def _wrong_kind(values: Array, details: Details, expected: str) -> str:
    text = f"input {details['name']!r} takes {expected} values, not {values.dtype}"
    if expected == "float":
        text += (
            " (predict() takes real values, scaled as in training: batch.astype('float32'); "
            "already quantised tensors go in with set_tensor())"
        )
    return text
