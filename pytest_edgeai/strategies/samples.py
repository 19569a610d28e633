"""Batches that print as Python expressions, so that what failed can be fed again."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pytest_edgeai.device.quantisation import Array, native

DENSE = 32
"""Elements up to which an array is listed."""
MOST_VALUES = 64
"""Values that are written out at most for a larger one; beyond them it is packed."""

Shape = Sequence[int]


class Samples(np.ndarray[Any, np.dtype[Any]]):
    """An array whose repr rebuilds it, where ``np``, ``sparse`` and ``packed`` are in scope."""

    def __repr__(self) -> str:
        array = native(np.asarray(self))
        if array.dtype.kind == "O" or (array.dtype.kind in "biuf" and 0 < array.size <= DENSE):
            return f"np.array({_listed(array)}, dtype={_type(array.dtype)})"
        if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
            return repr(array)
        return _as_sparse(array) or _as_packed(array)


def sparse(shape: Shape, dtype: str, fill: Any = 0, at: Mapping[int, Any] | None = None) -> Samples:
    """A batch of one value, but for some elements.

    Args:
        fill: the value, or a list with one for each sample.
        at: other values, by their place in the flattened array.
    """
    array: Array = np.empty(shape, dtype)
    fills = np.array(fill, dtype)
    array[...] = fills.reshape(-1, *[1] * (array.ndim - 1)) if fills.ndim else fills
    for place, value in (at or {}).items():
        array.flat[place] = value
    return array.view(Samples)


def packed(shape: Shape, dtype: str, data: str) -> Samples:
    """A batch from its bytes: compressed by zlib, as Base64."""
    content = bytearray(zlib.decompress(base64.b64decode(data)))
    return np.frombuffer(content, dtype).reshape(shape).view(Samples)


def _as_sparse(array: Array) -> str:
    """What calls ``sparse``; "" where too many elements differ."""
    if array.size == 0:
        return f"sparse({array.shape}, {array.dtype.name!r})"
    rows = array.reshape(len(array), -1)
    bits = np.ascontiguousarray(rows).view(f"u{array.dtype.itemsize}")  # tells -0.0 from 0.0
    commonest = [_commonest(row) for row in bits]
    odd = np.flatnonzero(bits != bits[range(len(bits)), commonest][:, np.newaxis])
    fills = [_literal(row[place]) for row, place in zip(rows, commonest, strict=True)]
    fill = fills[0] if len(set(fills)) == 1 else f"[{', '.join(fills)}]"
    if len(odd) + len(set(fills)) > MOST_VALUES:
        return ""
    at = ", ".join(f"{place}: {_literal(array.flat[place])}" for place in odd.tolist())
    others = f", at={{{at}}}" if at else ""
    return f"sparse({array.shape}, {array.dtype.name!r}, fill={fill}{others})"


def _as_packed(array: Array) -> str:
    data = base64.b64encode(zlib.compress(array.tobytes(), 9)).decode()
    return f"packed({array.shape}, {array.dtype.str!r}, {data!r})"


def _commonest(row: Array) -> int:
    """Where the value stands first that a row has most often."""
    _, first, counts = np.unique(row, return_index=True, return_counts=True)
    return int(first[counts.argmax()])


def _listed(array: Any) -> str:
    if np.ndim(array) == 0:
        return _literal(array[()] if isinstance(array, np.ndarray) else array)
    return f"[{', '.join(map(_listed, array))}]"


def _type(dtype: np.dtype[Any]) -> str:
    return {"b": "bool", "O": "object"}.get(dtype.kind, f"np.{dtype.name}")


def _literal(value: Any) -> str:
    """An element as it is written in Python; a float as short as its own type allows."""
    if not isinstance(value, np.floating):
        return repr(value.item() if isinstance(value, np.generic) else value)
    if not np.isfinite(value):
        return "np.nan" if np.isnan(value) else f"{'-' if value < 0 else ''}np.inf"
    text = str(value)
    return text if type(value)(float(text)) == value else repr(float(value))
