"""Samples as a SavedModel's signature takes them; runs in the converter's process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from pytest_edgeai.convert.inputs import Files
from pytest_edgeai.convert.keras_file import Refusal
from pytest_edgeai.errors import DataError
from pytest_edgeai.model.casting import NUMBERS, cast_to
from pytest_edgeai.model.contract import swapped_axes
from pytest_edgeai.model.inputs import by_name

BATCH = 32


class Feed:
    """Samples by input name, checked against what a signature takes.

    A scalar input (of shape ``[]``) takes one value for each run.

    Args:
        paths: one ``.npy`` file per input, by name or in the model's order.
        specs: the tensor that each input takes, in the model's order.
        what: what messages call the samples.
    """

    def __init__(self, paths: Files, specs: dict[str, Any], what: str) -> None:
        self._arrays = {
            name: _fitting(name, array, specs[name], what)
            for name, array in _read(paths, [*specs], what).items()
        }
        self._scalars = {name for name, spec in specs.items() if not spec.shape.rank}
        sizes = {spec.shape[0] for name, spec in specs.items() if name not in self._scalars}
        self.fixed_batch: int | None = max(filter(None, sizes), default=None)
        if self._scalars and self.fixed_batch is None:
            self.fixed_batch = 1

    def __len__(self) -> int:
        return len(next(iter(self._arrays.values())))

    def batches(self, size: int) -> Iterator[dict[str, Any]]:
        """All samples in order; of the model's own batch size, where that is fixed.

        The last batch is filled up with its last sample then.
        """
        size = self.fixed_batch or size
        for first in range(0, len(self), size):
            missing = first + size - len(self) if self.fixed_batch else 0
            yield {
                name: self._value(name, array[first : first + size], missing)
                for name, array in self._arrays.items()
            }

    def _value(self, name: str, array: Any, missing: int) -> Any:
        if name not in self._scalars:
            return array if missing <= 0 else _filled(array, missing)
        if (array != array[0]).any():
            raise Refusal(
                f"input {name!r} takes one value for the {len(array)} samples of a run, and they "
                "have several",
                "give the samples that go together the same value",
            )
        return np.asarray(array[0])


def joined_answers(
    answers: Callable[[int], list[dict[str, Any]]], feed: Feed
) -> dict[str, np.ndarray[Any, Any]]:
    """The outputs by name, one answer per sample.

    As on a device, an output that has no batch dimension is the answer to a sample that runs alone.

    Args:
        answers: what comes of the runs with so many samples in each.

    Raises:
        Refusal: answers that are not one per sample, or differ in their shape.
    """
    if feed.fixed_batch is None:
        runs = answers(BATCH)
        if _are_batches(runs, len(feed)):
            return {name: np.concatenate([run[name] for run in runs]) for name in runs[0]}
    size = feed.fixed_batch or 1
    runs = answers(size)
    return {name: _joined(name, [run[name] for run in runs], size)[: len(feed)] for name in runs[0]}


def _are_batches(runs: list[dict[str, Any]], samples: int) -> bool:
    """Whether every output has a row for each sample of its run."""
    rows = [min(BATCH, samples - first) for first in range(0, samples, BATCH)]
    return all(
        value.shape[:1] == (count,)
        for run, count in zip(runs, rows, strict=True)
        for value in run.values()
    )


def _joined(name: str, values: list[Any], size: int) -> np.ndarray[Any, Any]:
    shapes = {value.shape for value in values}
    is_one_for_each = all(shape[:1] == (size,) for shape in shapes)
    if len(shapes) > 1 or (size > 1 and not is_one_for_each):
        raise Refusal(
            f"output {name!r} has no answer of one shape for each sample: its shapes are "
            f"{', '.join(map(str, sorted(shapes)))}",
            "compare such outputs sample by sample, in the test's body",
        )
    return np.concatenate(values) if is_one_for_each else np.stack(values)


def _read(paths: Files, order: list[str], what: str) -> dict[str, Any]:
    try:
        if isinstance(paths, dict):
            arrays = {name: np.load(path, mmap_mode="r") for name, path in paths.items()}
            return dict(by_name(arrays, order, what))
        in_order = tuple(np.load(path, mmap_mode="r") for path in paths)
        return dict(by_name(in_order if len(in_order) > 1 else in_order[0], order, what))
    except DataError as error:
        raise Refusal(error.message, error.hint) from None


def _filled(array: Any, missing: int) -> Any:
    return np.concatenate([array, np.repeat(array[-1:], missing, axis=0)])


def _fitting(name: str, array: Any, spec: Any, what: str) -> Any:
    wanted = tuple(spec.shape[1:]) if spec.shape.rank else ()
    if not _fits(array.shape[1:], wanted):
        shape = tuple("any" if size is None else size for size in wanted)
        layout = swapped_axes(tuple(array.shape[1:]), wanted)
        hint = (
            f"transpose the data as in training{layout}"
            if layout
            else "reshape the data as in training; the first dimension counts the samples, and "
            "np.stack(samples) makes one array of a list of samples"
        )
        if _fits(array.shape, wanted):
            hint = "this is one sample: sample[np.newaxis] is a batch of it; give many of them"
        raise Refusal(
            f"input {name!r} takes samples of shape {shape}, {what} has {tuple(array.shape[1:])}",
            hint,
        )
    if spec.dtype.name == "string":
        if array.dtype.kind in "US":  # the calibrator looks up no text but bytes
            return array if array.dtype.kind == "S" else np.char.encode(array, "utf-8")
        raise Refusal(f"input {name!r} takes text, {what} is {array.dtype}")
    cast = cast_to(array, spec.dtype.as_numpy_dtype)
    if cast is None:
        raise Refusal(
            f"input {name!r} takes {spec.dtype.name}, {what} is {array.dtype}",
            "give whole numbers that it can hold, scaled exactly as in training"
            if array.dtype.kind in NUMBERS
            else "give numbers, scaled exactly as in training",
        )
    return cast


def _fits(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(shape) == len(wanted) and all(
        want in (None, have) for have, want in zip(shape, wanted, strict=True)
    )
