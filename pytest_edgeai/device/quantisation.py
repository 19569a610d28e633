"""Real values as a tensor's own type, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pytest_edgeai.device.agent import quantised
from pytest_edgeai.errors import TensorError
from pytest_edgeai.model.casting import NUMBERS, cast_to

__tracebackhide__ = True
"""A failing call shows in the test that made it, not here."""

Array = np.ndarray[Any, np.dtype[Any]]
Details = Mapping[str, Any]
"""One entry of ``get_input_details()`` or ``get_output_details()``."""

_KINDS = {"f": "float", "i": "integer", "u": "integer", "b": "bool", "c": "complex"}
_REAL_VALUES = (
    " (predict() takes real values, scaled as in training: batch.astype('float32'); "
    "already quantised tensors go in with set_tensor())"
)
MOST_OUTSIDE = 0.5
"""A larger share of values outside of an input's range is a mistake."""


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
    """Values that a tensor takes: real ones where it is quantised, else as its dtype holds them.

    Whole numbers are their values, whatever dtype they come in.

    Raises:
        TensorError: another kind of dtype than the tensor takes, or a value that it cannot hold.
    """
    dtype = np.dtype(details["dtype"])
    if dtype.kind in "OS":
        return _strings(values, details)
    if is_quantised(details):
        return _real(values, details)
    cast = values.astype(dtype, copy=False) if dtype.kind == "c" else cast_to(values, dtype)
    if cast is None:
        is_number = values.dtype.kind in NUMBERS
        raise TensorError(_not_held(dtype, details) if is_number else _wrong_kind(values, details))
    return cast


def _real(values: Array, details: Details) -> Array:
    """Real values for a quantised tensor."""
    if values.dtype.kind not in NUMBERS:
        raise TensorError(_wrong_kind(values, details))
    dtype = np.dtype(details["dtype"])
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise TensorError(f"input {details['name']!r} is {dtype} and cannot hold NaN or infinity")
    if values.dtype == dtype and _are_quantised(values, details):
        low, high = real_range(details)
        raise TensorError(
            f"input {details['name']!r} takes real values, from {low:.4g} to {high:.4g}: the "
            f"{dtype} values go from {values.min()} to {values.max()}, as if they were quantised "
            f"already{_REAL_VALUES}"
        )
    return values


def _are_quantised(values: Array, details: Details) -> bool:
    """Whether most values of the tensor's own dtype are none that it was quantised for."""
    low, high = real_range(details)
    step = float(details["quantization"][0])
    outside = (values < low - step) | (values > high + step)
    return bool(outside.mean() > MOST_OUTSIDE)


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
        raise TensorError(_wrong_kind(values, details))
    texts = [v if isinstance(v, bytes) else str(v).encode() for v in values.ravel().tolist()]
    array: Array = np.empty(len(texts), dtype=object)
    array[:] = texts
    return array.reshape(values.shape)


def _not_held(dtype: np.dtype[Any], details: Details) -> str:
    name, kind = details["name"], "0 and 1" if dtype.kind == "b" else "whole numbers"
    limits = "" if dtype.kind == "b" else f", from {np.iinfo(dtype).min} to {np.iinfo(dtype).max}"
    return f"input {name!r} is {dtype} and takes {kind}{limits}: a value does not fit into it"


def _wrong_kind(values: Array, details: Details) -> str:
    kind = np.dtype(details["dtype"]).kind
    expected = "string" if kind in "OS" else "float" if is_quantised(details) else _KINDS[kind]
    text = f"input {details['name']!r} takes {expected} values, not {values.dtype}"
    return text + (_REAL_VALUES if expected == "float" else "")
