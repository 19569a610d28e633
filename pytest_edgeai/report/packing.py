"""Arrays as plain data: a few hundred times a number would be most of a report."""

from __future__ import annotations

import base64
import math
import zlib
from typing import Any

import numpy as np

Array = Any
Packed = dict[str, Any]


def pack(array: Array) -> Packed:
    """An array as JSON data; whole numbers take the smallest type that holds them.

    Returns:
        ``dtype`` and ``shape`` as numpy's, and ``zlib``: the little-endian bytes in C order,
        compressed, in base64.
    """
    array = np.asarray(array)
    if array.dtype.kind in "iu" and array.size:
        array = array.astype(_smallest(int(array.min()), int(array.max())))
    array = np.asarray(array, array.dtype.newbyteorder("<"), order="C")
    content = base64.b64encode(zlib.compress(array.tobytes())).decode()
    return {"dtype": array.dtype.str, "shape": list(array.shape), "zlib": content}


def unpack(packed: Packed) -> Array:
    """The array; whole numbers as int64.

    Raises:
        ValueError: damaged data.
    """
    try:
        dtype, shape = np.dtype(packed["dtype"]), [int(side) for side in packed["shape"]]
        size = dtype.itemsize * math.prod(shape)
        reader = zlib.decompressobj()
        content = reader.decompress(base64.b64decode(packed["zlib"], validate=True), size + 1)
        if dtype.kind not in "biuf" or min(shape, default=0) < 0 or not reader.eof:
            raise ValueError(f"no {dtype} {shape}")
        array = np.frombuffer(content, dtype).reshape(shape)
    except (KeyError, TypeError, ValueError, zlib.error) as error:
        raise ValueError(f"damaged numbers: {type(error).__name__}: {error}") from None
    return array.astype(np.int64 if array.dtype.kind in "iu" else array.dtype)


def _smallest(low: int, high: int) -> np.dtype[Any]:
    """The smallest type of whole numbers; numpy's own answer to -1 and 2**62 is a float."""
    fits = np.result_type(np.min_scalar_type(low), np.min_scalar_type(high))
    return fits if fits.kind in "iu" else np.dtype(np.int64)
