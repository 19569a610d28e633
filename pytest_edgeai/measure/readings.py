"""Other ways to read inputs: the usual mistakes, each of them undone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from pytest_edgeai.device.quantisation import Details, is_quantised

Array = np.ndarray[Any, np.dtype[Any]]
Batch = Any
"""An array of shape (N, ...); of several inputs a tuple, or a dict by name."""

MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
"""Of ImageNet's channels, red first, as torchvision's models are trained with."""
NEAR = 0.01
"""Ranges may be wider by this share of their width: 1 / 255 is rounded, too."""


class Reading(NamedTuple):
    """Inputs or labels as they would be without a mistake.

    Attributes:
        name: what is read so, to follow "with".
        values: of the same number of samples.
    """

    name: str
    values: Any


class _Scaling(NamedTuple):
    """A usual way to scale pixels of 0 to 255."""

    name: str
    low: float
    high: float
    pixels: Callable[[Array], Array]
    scaled: Callable[[Array], Array] | None
    """None where it is nothing but a mistake."""
    is_colour: bool = False


_UNIT = "inputs from 0 to 1 (x / 255)"
_SCALINGS = (
    _Scaling("scaled twice", 0, 1 / 255, lambda x: x * 65025, None),
    _Scaling("divided, then scaled", -1, -0.992, lambda x: (x + 1) * 127.5 * 255, None),
    _Scaling("scaled twice", -1.008, -0.992, lambda x: (x * 127.5 + 128.5) * 127.5, None),
    _Scaling(_UNIT, 0, 1, lambda x: x * 255, lambda p: p / 255),
    _Scaling("inputs from 0 to 255 (not scaled)", 0, 255, lambda x: x, lambda p: p),
    _Scaling(
        "inputs from -1 to 1 (x / 127.5 - 1)",
        *(-1, 1, lambda x: (x + 1) * 127.5, lambda p: p / 127.5 - 1),
    ),
    _Scaling(
        "inputs less ImageNet's mean, by its deviation ((x / 255 - mean) / deviation)",
        *(-2.2, 2.7, lambda x: (x * DEVIATION + MEAN) * 255),
        lambda p: (p / 255 - MEAN) / DEVIATION,
        True,
    ),
)
_DIVIDED_TWICE = "inputs 255 times as large (divided by 255 twice)"


def of_inputs(batch: Batch) -> Iterator[Reading]:
    """Ways to read inputs of these shapes and values; what holds no real values stays as it is."""
    if isinstance(batch, np.ndarray):
        yield from _of_input(batch)
        return
    every = parts(batch)
    for key, array in every.items():
        for reading in _of_input(array):
            changed = {**every, key: reading.values}
            made = changed if isinstance(batch, Mapping) else tuple(changed.values())
            yield Reading(f"{reading.name} in input {key!r}", made)


def parts(batch: Batch) -> dict[Any, Array]:
    """Each input by its name or place; an only one by none."""
    if isinstance(batch, np.ndarray):
        return {"": batch}
    return dict(batch) if isinstance(batch, Mapping) else dict(enumerate(batch))


def _of_input(array: Array) -> Iterator[Reading]:
    if array.dtype.kind != "f":
        return
    if array.ndim == 4 and array.shape[3] == 3:
        yield Reading("the channels in reverse order (RGB and BGR)", array[..., ::-1])
    if array.ndim == 4 and array.shape[1] == array.shape[2]:
        yield Reading("height and width swapped", array.transpose(0, 2, 1, 3))
    for name, values in _scaled_otherwise(array):
        yield Reading(name, values.astype(array.dtype, copy=False))
    if array.ndim == 2:
        deviation = array.std(axis=0)
        values = (array - array.mean(axis=0)) / np.where(deviation > 0, deviation, 1)
        yield Reading("each feature less its mean, by its deviation", values)


def _scaled_otherwise(array: Array) -> Iterator[Reading]:
    low, high = float(array.min()), float(array.max())
    is_colour = array.ndim == 4 and array.shape[3] == 3
    known = [one for one in _SCALINGS if is_colour or not one.is_colour]
    seen = next((one for one in known if _is_in(low, high, one)), None)
    if seen is None or low == high:
        return
    pixels = seen.pixels(array.astype(np.float64))
    for other in known:
        if other is not seen and other.scaled is not None:
            is_undone = seen.high == 1 / 255 and other.name == _UNIT
            yield Reading(_DIVIDED_TWICE if is_undone else other.name, other.scaled(pixels))


def _is_in(low: float, high: float, scaling: _Scaling) -> bool:
    more = NEAR * (scaling.high - scaling.low)
    begins = low >= scaling.low - (more if scaling.low else 0)
    return begins and high <= scaling.high + more


def as_real(batch: Batch, inputs: Sequence[Details], names: Sequence[str]) -> Batch:
    """Whole numbers as floats where the model takes real values, which readings may be tried of."""
    takes = {name: _takes_real(details) for name, details in zip(names, inputs, strict=True)}
    if isinstance(batch, Mapping):
        return {name: _real(array, takes.get(name, False)) for name, array in batch.items()}
    every = all(takes.values())
    if isinstance(batch, np.ndarray):
        return _real(batch, every)
    return tuple(_real(array, every) for array in batch)


def _takes_real(details: Details) -> bool:
    return is_quantised(details) or np.dtype(details["dtype"]).kind == "f"


def _real(array: Array, takes_real: bool) -> Array:
    return array.astype(np.float32) if takes_real and array.dtype.kind in "iu" else array
