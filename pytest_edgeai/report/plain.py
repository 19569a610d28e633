"""The border of what a user's code may return: behind it there is plain data alone.

xdist carries nothing else from a worker to its controller, and reports hold nothing else.
"""

from __future__ import annotations

import enum
import math
import os
from collections.abc import Callable, Mapping
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np

from pytest_edgeai.errors import as_text, shown

MOST_BITS = 63
"""Of a whole number, so that every reader of JSON takes it for the same."""
DEEPEST = 50


def plain(value: Any, depth: int = DEEPEST) -> Any:
    """The same as dicts, lists, text, numbers, bools and None, all of the exact builtin types.

    A whole number that no 64 bits hold is a float; what is nothing of all this is its repr.
    """
    try:
        return _plain(value, depth)
    except Exception:  # an object that refuses to be looked at
        return shown(value)


def as_json(value: Any) -> Any:
    """Plain data that JSON can hold: null for numbers that it has no words for."""
    return _finite(plain(value))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plain(value: Any, depth: int) -> Any:
    if value is None or type(value) in (bool, float):
        return value
    if isinstance(value, enum.Enum):
        return plain(value.value, depth - 1)
    for kinds, made in _SCALARS:
        if isinstance(value, kinds):
            return made(value)
    if depth <= 0:
        return shown(value)
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist(), depth - 1)
    if isinstance(value, Mapping):
        return {_key(key): plain(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item, depth - 1) for item in value]
    return shown(value)


def _key(key: Any) -> Any:
    return key if key is None or type(key) in (int, bool) else as_text(key)


def _whole(value: int) -> int | float:
    number = int.__int__(value)
    return number if number.bit_length() <= MOST_BITS else _real(number)


def _real(value: Any) -> float:
    try:
        return float.__float__(value) if isinstance(value, float) else float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


_SCALARS: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (str, as_text),
    (int, _whole),
    (bytes | bytearray, lambda value: bytes(value).decode("utf-8", "backslashreplace")),
    (os.PathLike, lambda value: as_text(os.fspath(value))),
    (np.integer, lambda value: _whole(int(value))),
    (Real | Decimal | np.floating, _real),
)
