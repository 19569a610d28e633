"""What a model is fed with: one array, several in the model's order, or several by name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from pytest_edgeai.errors import DataError, raised, shown
from pytest_edgeai.units import count

Array = npt.NDArray[Any]
Key = TypeVar("Key", str, int)
Inputs = Array | tuple[Array, ...] | dict[str, Array]
"""A batch of shape (n, ...); for several inputs a tuple in the model's order, or a dict by name."""

MOST_IN_A_LIST = 4
"""A longer list of arrays of one shape is a list of samples; a tuple never is."""
ACCEPTED = (
    "Give an array of samples; for several inputs a tuple of arrays in the model's order, or a "
    "mapping by input name; with labels a tuple (inputs, labels); or the path of an .npz or .npy "
    "file, or an ImageFolder."
)


def by_name(inputs: Inputs, names: Sequence[str], what: str) -> dict[str, Array]:
    """The arrays by input name, in the model's order.

    Args:
        names: what the model calls its inputs, in its order; given by their ``as_keyword``, too.
        what: the name that errors give to the data.

    Raises:
        DataError: other inputs than the model has.
    """
    arrays = _renamed(inputs, names) if isinstance(inputs, dict) else _in_order(inputs, names)
    if set(arrays) != set(names):
        hint = "give a mapping from input name to array, with exactly these names"
        if len(names) == 1 and isinstance(inputs, dict):
            hint = f"give {names[0]} alone, in an .npz file as x, and the labels apart, there as y"
        elif len(names) == 1:
            hint = "give one array; np.stack(samples) makes one of a list of samples"
        elif not isinstance(inputs, dict):
            hint = "give as many arrays in this order, (first, second), or a mapping by name"
        takes = f"the input{'s' if len(names) > 1 else ''} {', '.join(names)}"
        raise DataError(f"the model takes {takes}, {what} has {_given(inputs)}", hint)
    return {name: arrays[name] for name in names}


def as_keyword(name: str) -> str:
    """What a function calls an input of this name: ``input.1`` is its argument ``input_1``."""
    return re.sub(r"\W", "_", name)


def _renamed(arrays: Mapping[str, Array], names: Sequence[str]) -> dict[Any, Array]:
    """The arrays by input name, where they are given by a function's arguments."""
    missing = {as_keyword(name): name for name in names if name not in arrays}
    return {
        name if name in names else missing.get(name, name): array for name, array in arrays.items()
    }


def parts(inputs: Inputs) -> dict[str | int, Array]:
    """The arrays by name or by place; "" names an only one."""
    if isinstance(inputs, tuple):
        return dict(enumerate(inputs))
    return dict(inputs.items()) if isinstance(inputs, dict) else {"": inputs}


def sample_count(inputs: Inputs) -> int:
    """How many samples a batch holds."""
    return len(next(iter(parts(inputs).values())))


def at(inputs: Inputs, where: Any) -> Inputs:
    """Some of the samples, by a slice or by indices."""
    if isinstance(inputs, dict):
        return {name: array[where] for name, array in inputs.items()}
    if isinstance(inputs, tuple):
        return tuple(array[where] for array in inputs)
    array: Array = inputs[where]
    return array


def checked_inputs(inputs: Any, what: str) -> Inputs:
    """Arrays of numbers, bools or text, with at least one sample and as many in each.

    A single number beside arrays of samples is the same for all of them.

    Raises:
        DataError: anything else.
    """
    if isinstance(inputs, Mapping):
        if not inputs or not all(isinstance(name, str) for name in inputs):
            problem = (
                f"has the keys {shown(list(inputs))}, not input names" if inputs else "is empty"
            )
            raise DataError(f"{what} {problem}.", ACCEPTED)
        return _checked(inputs, what)
    if not is_in_order(inputs):
        return _samples(inputs, what)
    arrays = tuple(_checked(dict(enumerate(inputs)), what).values())
    return arrays if len(arrays) > 1 else arrays[0]


def is_in_order(value: object) -> bool:
    """Whether a value is an array for each input, and not a list of samples."""
    if not isinstance(value, (list, tuple)) or not value or not all(map(is_array, value)):
        return False
    is_short = isinstance(value, tuple) or len(value) <= MOST_IN_A_LIST
    return is_short or len({np.shape(array) for array in value}) > 1


def is_array(value: object) -> bool:
    """Whether a value is an array of samples, of NumPy or of another library."""
    return hasattr(value, "__array__") and np.ndim(value) > 0


def for_all_samples(arrays: Mapping[Key, Array]) -> dict[Key, Array]:
    """The same, with each single number repeated for all samples."""
    counts = [len(array) for array in arrays.values() if array.ndim]
    return {
        name: array if array.ndim or not counts else np.broadcast_to(array, max(counts))
        for name, array in arrays.items()
    }


def as_array(value: object, what: str) -> Array:
    """An array of numbers, bools or text, of one dimension at least.

    Raises:
        DataError: anything else.
    """
    array = _array(value, what)
    if array.ndim == 0:
        raise DataError(f"{what} is the single value {shown(value)}.", ACCEPTED)
    return array


def _in_order(inputs: Array | tuple[Array, ...], names: Sequence[str]) -> dict[Any, Array]:
    """Of two arrays for a model with one input, the second holds labels."""
    arrays = inputs if isinstance(inputs, tuple) else (inputs,)
    if len(names) == 1 and len(arrays) == 2:
        arrays = arrays[:1]
    return dict(zip(names if len(names) == len(arrays) else range(len(arrays)), arrays))  # noqa: B905


def _given(inputs: Inputs) -> str:
    if isinstance(inputs, dict):
        return ", ".join(map(str, inputs))
    return f"{len(inputs)} arrays in order" if isinstance(inputs, tuple) else "one array"


def _checked(values: Mapping[Key, object], what: str) -> dict[Key, Array]:
    arrays = {key: _array(value, f"{what}[{key!r}]") for key, value in values.items()}
    if not any(array.ndim for array in arrays.values()):
        raise DataError(f"{what} holds single values, and no samples.", ACCEPTED)
    arrays = {
        key: _samples(array, f"{what}[{key!r}]") for key, array in for_all_samples(arrays).items()
    }
    if len({len(array) for array in arrays.values()}) > 1:
        counts = ", ".join(f"{key} {len(array):,}" for key, array in arrays.items())
        if 0 in arrays:
            counts = " and ".join(f"{len(array):,}" for array in arrays.values())
        raise DataError(
            f"the arrays in {what} have different numbers of samples: {counts}.",
            "Give every input, and the labels, the same samples in the same order; the first axis "
            "counts them.",
        )
    return arrays


def _samples(value: object, what: str) -> Array:
    array = as_array(value, what)
    if array.size == 0:
        raise DataError(f"{what} is empty: shape {array.shape}.", "Give at least one sample.")
    if array.dtype.kind == "f":
        _refuse_non_finite(array, what)
    return array


def _array(value: object, what: str) -> Array:
    try:
        array = np.asarray(value)
    except Exception as error:
        raise DataError(
            f"{what} cannot be made one array ({type(value).__name__}): {raised(error)}",
            "All samples need the same shape. Inputs with labels are a tuple: (inputs, labels).",
        ) from error
    if array.dtype.kind not in "biufUS":
        raise DataError(
            f"{what} is {shown(value)}, of type {type(value).__name__} and dtype "
            f"{array.dtype}; only numbers, bools and text can be given to a model.",
            ACCEPTED,
        )
    return array


def _refuse_non_finite(array: Array, what: str) -> None:
    # The extremes carry any NaN or infinity, and need no mask as large as the data.
    with np.errstate(invalid="ignore"):
        if np.isfinite(array.min()) and np.isfinite(array.max()):
            return
    bad = ~np.isfinite(array).reshape(len(array), -1)
    raise DataError(
        f"{what} holds {count(int(bad.sum()), 'NaN or infinite value')}, "
        f"the first in sample {int(bad.any(axis=1).argmax())}.",
        "Look for a division by zero or missing values in the preprocessing.",
    )
