"""A batch of real values as a model's tensors, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pytest_edgeai.errors import TensorError

Array = np.ndarray[Any, np.dtype[Any]]
Details = Mapping[str, Any]
"""One entry of ``get_input_details()`` or ``get_output_details()``."""

Batch = Array | Mapping[str, Any]
"""Samples of a model's only input, or of each input by name."""

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
        scale, zero_point = details["quantization"]
        limits = np.iinfo(dtype.name)
        steps = np.round(values / np.float32(scale)) + zero_point
        saturated: Array = np.clip(steps, limits.min, limits.max)
        return saturated.astype(dtype)
    if dtype.kind in "iu" and not np.array_equal(values.astype(dtype), values):
        raise TensorError(f"input {details['name']!r} is {dtype}: a value does not fit into it")
    return values.astype(dtype, copy=False)


def dequantise(values: Array, details: Details) -> Array:
    """A tensor as real values, float32: ``(quantised - zero_point) * scale``."""
    if not is_quantised(details):
        return values
    scale, zero_point = details["quantization"]
    return (values.astype(np.float32) - np.float32(zero_point)) * np.float32(scale)


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


def runs(values: Array, details: Details) -> Array:
    """A batch cut into one array of the model's own input shape per inference.

    Args:
        values: shape (N, ...) where the model's input is (B, ...) or has no batch dimension.

    Returns:
        Shape (runs, *input shape). A last run that is not full repeats the last sample.

    Raises:
        TensorError: a shape that the input does not take.
    """
    shape = tuple(int(size) for size in details["shape"])
    signature = tuple(int(size) for size in details["shape_signature"]) or shape
    if values.ndim == len(shape) + 1 and _fits(values.shape[1:], signature):
        return values
    if not (shape and values.ndim == len(shape) and _fits(values.shape[1:], signature[1:])):
        raise TensorError(_wrong_shape(values, details["name"], signature))
    if len(values) == 0:
        raise TensorError(f"input {details['name']!r}: the batch is empty")
    missing = -len(values) % shape[0]
    if missing:
        values = np.concatenate([values, np.repeat(values[-1:], missing, axis=0)])
    return values.reshape((-1, shape[0], *values.shape[1:]))


def _fits(shape: tuple[int, ...], signature: tuple[int, ...]) -> bool:
    return len(shape) == len(signature) and all(
        want in (-1, have) for have, want in zip(shape, signature, strict=True)
    )


def _wrong_shape(values: Array, name: str, signature: tuple[int, ...]) -> str:
    wanted = ", ".join(["N", *("any" if size == -1 else str(size) for size in signature[1:])])
    text = f"input {name!r} takes a batch of shape ({wanted}), not {values.shape}"
    if _fits(values.shape, signature[1:]):
        text += " (one sample is a batch of one: sample[np.newaxis])"
    return text


def by_index(
    batch: Batch, inputs: Sequence[Details], input_names: Sequence[str]
) -> dict[int, Array]:
    """A batch by tensor index.

    Args:
        input_names: what the inputs are called beside their tensors' names.

    Raises:
        TensorError: names that are not the inputs', or different numbers of samples.
    """
    if not isinstance(batch, Mapping):
        if len(inputs) != 1:
            names = ", ".join(input_names)
            raise TensorError(f"the model has several inputs: give a mapping by name ({names})")
        return {int(inputs[0]["index"]): np.asarray(batch)}
    known: dict[str, int] = {}
    for name, details in zip(input_names, inputs, strict=True):
        tensor_name = str(details["name"])
        bare = tensor_name.removeprefix("serving_default_").rpartition(":")[0] or tensor_name
        known |= dict.fromkeys((name, tensor_name, bare), int(details["index"]))
    if sorted(known.get(name, -1) for name in batch) != sorted(int(d["index"]) for d in inputs):
        raise TensorError(
            f"the model takes the inputs {', '.join(input_names)}, not {', '.join(batch)}"
        )
    arrays = {known[name]: np.asarray(array) for name, array in batch.items()}
    counts = {name: len(np.atleast_1d(array)) for name, array in batch.items()}
    if len(set(counts.values())) > 1:
        raise TensorError(f"the inputs differ in their number of samples: {counts}")
    return arrays


def joined(answers: Sequence[Array], details: Details, group: int) -> Array:
    """Answers of single runs as one batch.

    Args:
        group: the model's own batch size; an output that does not start with it is stacked.
    """
    shapes = {np.shape(answer)[1:] for answer in answers}
    if len(shapes) > 1:
        raise TensorError(
            f"output {details['name']!r} changes its shape from sample to sample "
            f"({', '.join(map(str, sorted(shapes)))}): call predict() for one sample at a time"
        )
    if np.shape(answers[0])[:1] == (group,):
        return np.concatenate(answers)
    return np.stack(answers)


def random_tensor(details: Details, generator: np.random.Generator) -> Array:
    """Values an input can hold: the full range of 8 bits, 0..1 for floats, zeros for indices."""
    shape, dtype = tuple(details["shape"]), np.dtype(details["dtype"])
    if dtype.kind == "f":
        return generator.random(shape).astype(dtype)
    if dtype.itemsize == 1 and dtype.kind in "iu":
        limits = np.iinfo(dtype.name)
        return generator.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    if dtype.kind in "OS":
        array: Array = np.full(shape, b"", dtype=object)
        return array
    return np.zeros(shape, dtype)
