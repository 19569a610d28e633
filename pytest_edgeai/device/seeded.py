"""Inputs that nobody gave: seeded values that a model can take."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pytest_edgeai.device.quantisation import Array, Details, is_quantised

SEED = 20_240_229
MOST = 9
"""The largest of the integers that nothing is known of, such as lengths and divisors."""
TEXT = "some text"


class Origin(NamedTuple):
    """Where an input's values come from, in words, and whether they are made up here."""

    text: str
    is_made_up: bool = False


RANDOM = Origin("seeded random values", True)


def seeded_input(
    details: Details, generator: np.random.Generator, most: int | None = None
) -> tuple[Array, Origin]:
    """Values that an input can hold: 0 to 1 for floats, the whole range where it is quantised.

    Integers that stand for themselves are over 0, which may be a divisor or a number of things,
    and at most ``most``, where it is known what they may be.
    """
    shape, dtype = tuple(details["shape"]), np.dtype(details["dtype"])
    if dtype.kind in "iu":
        return _integers(details, generator, most)
    if dtype.kind in "OSU":
        return np.full(shape, TEXT.encode(), dtype=object), Origin(f"the text {TEXT!r}", True)
    values = np.asarray(generator.random(shape))
    return np.asarray(values < 0.5 if dtype.kind == "b" else values.astype(dtype)), RANDOM


def _integers(
    details: Details, generator: np.random.Generator, most: int | None
) -> tuple[Array, Origin]:
    dtype = np.dtype(details["dtype"])
    limits = np.iinfo(dtype.name)
    low, high, origin = int(limits.min), int(limits.max), RANDOM
    if not is_quantised(details):
        plain = high if dtype.itemsize == 1 else MOST
        high = plain if most is None else min(high, most)
        low = min(1, high)
        origin = Origin(f"seeded integers {low}..{high}", True)
    drawn = generator.integers(low, high, tuple(details["shape"]), np.int64, endpoint=True)
    return np.asarray(drawn).astype(dtype), origin
