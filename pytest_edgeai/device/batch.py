"""A batch of samples as single runs of a model, and the runs' answers as a batch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pytest_edgeai.device.quantisation import Array, Details, checked, dequantise
from pytest_edgeai.errors import DataError, TensorError
from pytest_edgeai.model.inputs import Inputs, by_name, for_all_samples

__tracebackhide__ = True
"""A failing call shows in the test that made it, not here."""

Batch = Array | Sequence[Any] | Mapping[str, Any]
"""Samples of a model's only input, or of each input in the model's order or by name."""

RUNS_PER_REQUEST = 64
BYTES_PER_REQUEST = 64 * 1024 * 1024
"""What one request carries at most, there and back; one run goes whatever its size."""


@dataclass(frozen=True)
class Runs:
    """A batch, cut into runs of the model.

    Attributes:
        tensors: for each input by index, real values, shape (runs, *input shape).
        samples: how many there were.
        group: samples in one run; 0 where the model's inputs have no batch dimension.
    """

    tensors: dict[int, Array]
    samples: int
    group: int

    def __len__(self) -> int:
        return len(next(iter(self.tensors.values())))

    def part(self, done: int, outputs: Sequence[Details]) -> tuple[dict[int, Array], int]:
        """The runs that go in one request with the next one, and the place of that among them.

        The parts are the same however many are done: a board that knows them is not sent others.
        """
        sizes = [array[:1].nbytes for array in self.tensors.values()]
        sizes += [_nbytes(details) for details in outputs]
        count = min(max(BYTES_PER_REQUEST // max(sum(sizes), 1), 1), RUNS_PER_REQUEST)
        begin = done - done % count
        part = {index: array[begin : begin + count] for index, array in self.tensors.items()}
        return part, done - begin

    def joined(self, answers: Sequence[Array], details: Details) -> Array:
        """One output's answers to all runs as real values, one per sample.

        Raises:
            TensorError: the answers differ in shape, or are not one per sample.
        """
        shapes = {np.shape(answer) for answer in answers}
        if len(shapes) > 1:
            raise TensorError(
                f"output {details['name']!r} changes its shape from sample to sample "
                f"({', '.join(map(str, sorted(shapes)))}): call predict() for one sample at a time"
            )
        (shape,) = shapes
        if self.group and shape[:1] == (self.group,):
            return dequantise(np.concatenate(answers), details)[: self.samples]
        if self.group > 1:
            raise TensorError(
                f"output {details['name']!r} of shape {shape} does not have one value for each of "
                f"the {self.group} samples of a run: use set_tensor(), invoke() and get_tensor()"
            )
        return dequantise(np.stack(answers), details)


def as_runs(arrays: Mapping[int, Array], inputs: Sequence[Details]) -> Runs:
    """A batch as runs.

    Args:
        arrays: real values by tensor index. Shape (N, ...) where the input is (B, ...), its last
            run filled up with the last sample; or (N, *input shape), one run each.

    Raises:
        TensorError: a shape, dtype or value that an input does not take.
    """
    by_number = {int(details["index"]): details for details in inputs}
    tensors = {
        index: _runs(checked(array, by_number[index]), by_number[index])
        for index, array in arrays.items()
    }
    counts = {str(by_number[index]["name"]): len(array) for index, array in tensors.items()}
    if len(set(counts.values())) > 1:
        raise TensorError(f"the inputs take different numbers of samples in a run: {counts} runs")
    return Runs(tensors, len(next(iter(arrays.values()))), _group(arrays, by_number))


def resized(values: Array, details: Details) -> list[int] | None:
    """The shape that an input with dynamic dimensions needs for these values; None if it has it."""
    shape = _shape(details)
    kept = shape[:1] if values.ndim == len(shape) else ()
    wanted = (*kept, *values.shape[1:])
    if wanted == shape or not _fits(wanted, open_shape(details)):
        return None
    return list(wanted)


def by_index(
    batch: Batch, inputs: Sequence[Details], input_names: Sequence[str]
) -> dict[int, Array]:
    """A batch by tensor index.

    Args:
        input_names: what the inputs are called beside their tensors' names.

    Raises:
        TensorError: names that are not the inputs', or different numbers of samples.
    """
    given = _as_inputs(batch, inputs, input_names)
    try:
        named = for_all_samples(by_name(given, input_names, "the batch"))
    except DataError as error:
        raise TensorError(error.message, error.hint) from None
    counts = {name: len(np.atleast_1d(array)) for name, array in named.items()}
    if len(set(counts.values())) > 1:
        raise TensorError(f"the inputs differ in their number of samples: {counts}")
    return {
        int(details["index"]): named[name]
        for name, details in zip(input_names, inputs, strict=True)
    }


def _as_inputs(batch: Batch, inputs: Sequence[Details], input_names: Sequence[str]) -> Inputs:
    """The batch's arrays; those by name under the ``input_names``."""
    if isinstance(batch, Mapping):
        known = _aliases(inputs, input_names)
        names = [known.get(name, name) for name in batch]
        if len(set(names)) < len(batch):
            names = list(batch)  # two of them are the same input's
        return {name: _as_array(a, name) for name, a in zip(names, batch.values(), strict=True)}
    if len(inputs) > 1 and isinstance(batch, (list, tuple)):
        return tuple(_as_array(array, str(place)) for place, array in enumerate(batch))
    return _as_array(batch, input_names[0])


def _aliases(inputs: Sequence[Details], input_names: Sequence[str]) -> dict[str, str]:
    """The input names by all that an input may be called."""
    known: dict[str, str] = {}
    for name, details in zip(input_names, inputs, strict=True):
        tensor_name = str(details["name"])
        bare = tensor_name.removeprefix("serving_default_").rpartition(":")[0] or tensor_name
        known |= dict.fromkeys((tensor_name, bare), name)
    return known | dict(zip(input_names, input_names, strict=True))


def _as_array(values: Any, name: str) -> Array:
    try:
        return np.asarray(values)
    except ValueError as error:
        raise TensorError(f"input {name!r}: the batch is no array: {error}") from None


def _runs(values: Array, details: Details) -> Array:
    """Shape (runs, *input shape)."""
    shape, signature = _shape(details), open_shape(details)
    whole = values.ndim == len(shape) + 1 and _fits(values.shape[1:], signature)
    grouped = shape and values.ndim == len(shape) and _fits(values.shape[1:], signature[1:])
    if not whole and not grouped:
        raise TensorError(_wrong_shape(values, details["name"], signature))
    if len(values) == 0:
        raise TensorError(f"input {details['name']!r}: the batch is empty")
    if whole:
        return values
    missing = -len(values) % shape[0]
    if missing:
        values = np.concatenate([values, np.repeat(values[-1:], missing, axis=0)])
    return values.reshape((-1, shape[0], *values.shape[1:]))


def _group(arrays: Mapping[int, Array], by_number: Mapping[int, Details]) -> int:
    shapes = {index: _shape(by_number[index]) for index in arrays}
    grouped = [shapes[index][0] for index, a in arrays.items() if a.ndim == len(shapes[index])]
    if grouped:
        return grouped[0]
    return 1 if any(shape[:1] == (1,) for shape in shapes.values()) else 0


def _shape(details: Details) -> tuple[int, ...]:
    return tuple(int(size) for size in details["shape"])


def open_shape(details: Details) -> tuple[int, ...]:
    """The shape as it is now, with -1 for what may change."""
    shape, signature = _shape(details), [int(size) for size in details["shape_signature"]]
    if len(signature) != len(shape):
        return shape
    return tuple(-1 if may == -1 else now for now, may in zip(shape, signature, strict=True))


def _nbytes(details: Details) -> int:
    return math.prod(_shape(details)) * np.dtype(details["dtype"]).itemsize


def _fits(shape: tuple[int, ...], signature: tuple[int, ...]) -> bool:
    return len(shape) == len(signature) and all(
        want in (-1, have) for have, want in zip(shape, signature, strict=True)
    )


def _wrong_shape(values: Array, name: str, signature: tuple[int, ...]) -> str:
    sizes = ["any" if size == -1 else str(size) for size in signature]
    wanted = f"({', '.join(['N', *sizes[1:]])})"
    if sizes[:1] and sizes[0] not in ("any", "1"):
        wanted += f" or ({', '.join(['N', *sizes])})"
    text = f"input {name!r} takes a batch of shape {wanted}, not {values.shape}"
    if _fits(values.shape, signature[1:]):
        text += " (one sample is a batch of one: sample[np.newaxis])"
    return text
