"""Samples for calibration and evaluation: arrays in memory or in a file, and their labels."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from pytest_edgeai.errors import DataError, UsageError, raised, shown
from pytest_edgeai.model.labels import Array, sample_indices
from pytest_edgeai.units import count

Inputs = Array | dict[str, Array]
"""A batch of shape (n, ...); a dict by input name for models with several inputs."""

_ACCEPTED = (
    "Give an array of samples, a tuple (inputs, labels), a dict of arrays by input name, "
    "the path of an .npz or .npy file, or an ImageFolder."
)
_ARCHIVE_FORM = (
    "Write it with np.savez(path, x=inputs, y=labels); for several inputs, name each as the model "
    "does and add y=labels. Arrays of Python objects are never read."
)
_HASH_CHUNK_BYTES = 1 << 22


@runtime_checkable
class Dataset(Protocol):
    """Samples in a fixed order; ``labels`` has shape (N, ...) or is None."""

    @property
    def labels(self) -> Array | None: ...

    def __len__(self) -> int: ...

    def batches(self, size: int) -> Iterator[Inputs]:
        """All samples in order as real values, up to ``size`` at a time."""

    def take(self, limit: int | None, seed: int = 0) -> Dataset:
        """At most ``limit`` samples in the order they had, class proportions kept."""

    def pick(self, indices: Array) -> Dataset:
        """The samples with these indices, in this order."""

    def digest(self) -> str:
        """SHA-256, in hex, of the content and of how it is read."""

    def fingerprints(self) -> Iterator[bytes]:
        """A hash of each sample's content, in order; equal ones are equal samples."""

    def describe(self) -> str:
        """One line for reports."""


class ArrayDataset:
    """Samples in memory.

    Args:
        inputs: shape (N, ...), or a dict of such arrays by input name. Numbers, bools or text.
        labels: shape (N, ...) or None.
        what: the name that errors give to the data.

    Raises:
        DataError: no samples, NaN or infinite inputs, or counts that do not agree.
    """

    def __init__(self, inputs: object, labels: object = None, *, what: str = "data") -> None:
        self.inputs: Inputs = _checked_inputs(inputs, what)
        self.labels: Array | None = None
        self._count = len(next(iter(_by_name(self.inputs).values())))
        if labels is None:
            return
        self.labels = _as_array(labels, f"labels of {what}")
        if len(self.labels) != self._count:
            raise DataError(
                f"{what}: {count(self._count, 'sample')} but {count(len(self.labels), 'label')}.",
                "Give one label per sample, in the same order.",
            )

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        return f"<ArrayDataset: {self.describe()}>"

    def batches(self, size: int) -> Iterator[Inputs]:
        for part in batch_slices(len(self), size):
            yield self._inputs_at(part)

    def take(self, limit: int | None, seed: int = 0) -> Dataset:
        keep = sample_indices(len(self), self.labels, limit, seed)
        return self if keep is None else self.pick(keep)

    def pick(self, indices: Array) -> Dataset:
        labels = None if self.labels is None else self.labels[indices]
        return ArrayDataset(self._inputs_at(indices), labels)

    def digest(self) -> str:
        return self._digest

    @cached_property
    def _digest(self) -> str:
        sha256 = hashlib.sha256()
        for name, array in sorted(_by_name(self.inputs).items()):
            _hash_array(sha256, f"input {name!r}", array)
        if self.labels is not None:
            _hash_array(sha256, "labels", self.labels)
        return sha256.hexdigest()

    def fingerprints(self) -> Iterator[bytes]:
        arrays = [array for _, array in sorted(_by_name(self.inputs).items())]
        for rows in zip(*arrays, strict=True):
            yield hashlib.sha256(b"".join(np.asarray(row).tobytes() for row in rows)).digest()

    def describe(self) -> str:
        samples = ", ".join(
            (f"{name}: " if name else "") + _sample_text(array)
            for name, array in _by_name(self.inputs).items()
        )
        return f"{count(len(self), 'sample')} of {samples}, {_labels_text(self.labels)}"

    def _inputs_at(self, where: slice | Array) -> Inputs:
        if isinstance(self.inputs, dict):
            return {name: array[where] for name, array in self.inputs.items()}
        return self.inputs[where]


def as_dataset(value: object, what: str) -> Dataset:
    """The data set that a fixture's value stands for.

    Args:
        value: a Dataset, an array of shape (N, ...), a tuple (inputs, labels), a dict of arrays by
            input name, or the path of an ``.npz`` (``x``, optional ``y``) or ``.npy`` file.
        what: the name that errors give to it, such as ``calibration_data``.

    Raises:
        DataError: anything else, or data that cannot be used.
    """
    if isinstance(value, Dataset):
        return value
    if value is None:
        raise DataError(f"{what} is None: there are no samples.", _ACCEPTED)
    if isinstance(value, (str, os.PathLike)):
        return _from_path(Path(value), what)
    if isinstance(value, np.lib.npyio.NpzFile):
        return _from_loaded(_load(value, what), what)
    if hasattr(value, "as_numpy_iterator"):
        raise DataError(
            f"{what} is a tf.data.Dataset ({type(value).__name__}), which is not read here.",
            "Convert it to arrays. For batches of (x, y): x, y = zip(*data.as_numpy_iterator()), "
            "then give (np.concatenate(x), np.concatenate(y)).",
        )
    if callable(value) or isinstance(value, Iterator):
        raise DataError(
            f"{what} is a {type(value).__name__}, such as a converter's representative_dataset.",
            "Return its samples as one array: np.concatenate([inputs[0] for inputs in dataset()]).",
        )
    if not isinstance(value, tuple):
        return ArrayDataset(value, what=what)
    if len(value) != 2:
        raise DataError(f"{what} is a tuple of {len(value)}, not (inputs, labels).", _ACCEPTED)
    return ArrayDataset(*value, what=what)


def batch_slices(total: int, size: int) -> Iterator[slice]:
    """Slices that cover ``total`` samples in order, ``size`` at a time."""
    if size < 1:
        raise UsageError(f"a batch size of {size} is not possible.", "Give 1 or more.")
    for start in range(0, total, size):
        yield slice(start, min(start + size, total))


def _checked_inputs(inputs: object, what: str) -> Inputs:
    if not isinstance(inputs, dict):
        return _samples(inputs, what)
    if not inputs or not all(isinstance(name, str) for name in inputs):
        problem = (
            f"has the keys {shown(list(inputs))}, not input names" if inputs else "is an empty dict"
        )
        raise DataError(f"{what} {problem}.", _ACCEPTED)
    arrays = {name: _samples(value, f"{what}[{name!r}]") for name, value in inputs.items()}
    if len({len(array) for array in arrays.values()}) > 1:
        counts = ", ".join(f"{name} {len(array):,}" for name, array in arrays.items())
        raise DataError(
            f"the inputs in {what} have different numbers of samples: {counts}.",
            "Give every input the same samples in the same order; the first axis counts them.",
        )
    return arrays


def _samples(value: object, what: str) -> Array:
    array = _as_array(value, what)
    if array.size == 0:
        raise DataError(f"{what} is empty: shape {array.shape}.", "Give at least one sample.")
    if array.dtype.kind == "f":
        _refuse_non_finite(array, what)
    return array


def _as_array(value: object, what: str) -> Array:
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
            _ACCEPTED,
        )
    if array.ndim == 0:
        raise DataError(f"{what} is the single value {shown(value)}.", _ACCEPTED)
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


def _from_path(path: Path, what: str) -> Dataset:
    if path.is_dir():
        raise DataError(
            f"{what} is the folder {path}; how its images are to be read is not said.",
            f'Give ImageFolder("{path}", Preprocessing(size=(height, width), scaling="0..1")), '
            "with the size and scaling that the model was trained with.",
        )
    if not path.is_file():
        raise DataError(
            f"{what} names {path}, which does not exist.",
            f"Relative paths start at the working directory, {Path.cwd()}.",
        )
    if path.suffix.lower() not in (".npz", ".npy"):
        raise DataError(f"{what} names {path}, which is no .npz or .npy file.", _ACCEPTED)
    return _from_loaded(_load(path, what), f"{what} ({path})")


def _load(source: Path | np.lib.npyio.NpzFile, what: str) -> Inputs:
    try:
        if isinstance(source, np.lib.npyio.NpzFile):
            return dict(source)
        with source.open("rb") as file:  # np.load leaves a damaged archive that it opened open
            loaded = np.load(file, allow_pickle=False)
            return loaded if isinstance(loaded, np.ndarray) else dict(loaded)
    except Exception as error:  # a damaged file raises whatever its parser ran into
        raise DataError(
            f"{what} names {source}, which cannot be read: {error}", _ARCHIVE_FORM
        ) from error


def _from_loaded(loaded: Inputs, what: str) -> ArrayDataset:
    if not isinstance(loaded, dict):
        return ArrayDataset(loaded, what=what)
    inputs = {name: array for name, array in loaded.items() if name != "y"}
    labels = loaded.get("y")
    if list(inputs) == ["x"]:
        return ArrayDataset(inputs["x"], labels, what=what)
    if labels is None or not inputs:
        names = ", ".join(loaded) or "no arrays"
        raise DataError(f"{what} holds {names}: which are inputs is not said.", _ARCHIVE_FORM)
    return ArrayDataset(inputs, labels, what=what)


def _by_name(inputs: Inputs) -> dict[str, Array]:
    return inputs if isinstance(inputs, dict) else {"": inputs}


def _hash_array(sha256: hashlib._Hash, name: str, array: Array) -> None:
    sha256.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
    step = max(1, _HASH_CHUNK_BYTES * len(array) // max(1, array.nbytes))
    for part in batch_slices(len(array), step):
        sha256.update(array[part].tobytes())


def _sample_text(array: Array) -> str:
    kind = "text" if array.dtype.kind in "US" else array.dtype.name
    return " ".join(filter(None, ["x".join(map(str, array.shape[1:])), kind]))


def _labels_text(labels: Array | None) -> str:
    if labels is None:
        return "no labels"
    if labels.dtype.kind in "biu" and labels.size == len(labels):
        return f"labels {int(labels.min())}..{int(labels.max())}"
    return f"labels of {_sample_text(labels)}"
