"""Arrays as plain data: a few hundred times a number would be most of a report."""

from __future__ import annotations

import base64
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
        smallest = np.result_type(*map(np.min_scalar_type, (array.min(), array.max())))
        array = array.astype(smallest)
    array = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    content = base64.b64encode(zlib.compress(array.tobytes())).decode()
    return {"dtype": array.dtype.str, "shape": list(array.shape), "zlib": content}


def unpack(packed: Packed) -> Array:
    """The array; whole numbers as int64.

    Raises:
        ValueError: damaged data.
    """
    try:
        content = zlib.decompress(base64.b64decode(packed["zlib"]))
        array = np.frombuffer(content, packed["dtype"]).reshape(packed["shape"])
    except (KeyError, TypeError, zlib.error) as error:
        raise ValueError(f"damaged numbers: {type(error).__name__}: {error}") from None
    return array.astype(np.int64) if array.dtype.kind in "iu" else array
