"""Numbers as a dtype that holds them: what a model's input takes of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
NUMBERS = "biuf"
"""Kinds of dtype whose values are real numbers."""


def cast_to(values: Array, dtype: npt.DTypeLike) -> Array | None:
    """Numbers as another dtype; None where it cannot hold them.

    Floats hold any number, as Keras takes them. Integers hold whole numbers in their range, and
    bools 0 and 1, whatever the dtype that these come in.
    """
    to = np.dtype(dtype)
    if values.dtype.kind not in NUMBERS:
        return None
    with np.errstate(invalid="ignore", over="ignore"):
        cast = values.astype(to, copy=False)
    if to.kind == "f" or cast is values or np.can_cast(values.dtype, to):
        return cast
    if to.kind in "iu" and values.dtype.kind == "f" and not _fits(values, to):
        return None
    return cast if np.array_equal(cast, values) else None


def _fits(values: Array, to: np.dtype[Any]) -> bool:
    """Whether floats are in an integer's range; what is beyond it is cast to anything."""
    limits = np.iinfo(to)
    return bool(np.isfinite(values).all() and values.min() >= limits.min) and bool(
        values.max() <= float(limits.max)
    )
