"""Samples for calibration and evaluation: arrays in memory or in a file, and their labels."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np

from pytest_edgeai.errors import DataError, UsageError
from pytest_edgeai.model.inputs import (
    ACCEPTED,
    Array,
    Inputs,
    as_array,
    at,
    checked_inputs,
    is_array,
    is_in_order,
    parts,
    sample_count,
)
from pytest_edgeai.model.labels import sample_indices
from pytest_edgeai.units import count

_ARCHIVE_FORM = (
    "Write it with np.savez(path, x=inputs, y=labels); for several inputs, name each as the model "
    "does, and the labels y. Arrays of Python objects are never read."
)
_HASH_CHUNK_BYTES = 1 << 22

T = TypeVar("T")
R = TypeVar("R")


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
        inputs: shape (N, ...); for several inputs a tuple of such arrays in the model's order, or
            a mapping by input name. Numbers, bools or text.
        labels: shape (N, ...) or None.
        what: the name that errors give to the data.

    Raises:
        DataError: no samples, NaN or infinite inputs, or counts that do not agree.
    """

    def __init__(self, inputs: object, labels: object = None, *, what: str = "data") -> None:
        self.inputs: Inputs = checked_inputs(inputs, what)
        self.labels: Array | None = None
        self._count = sample_count(self.inputs)
        if labels is None:
            return
        self.labels = as_array(labels, f"labels of {what}")
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
            yield at(self.inputs, part)

    def take(self, limit: int | None, seed: int = 0) -> Dataset:
        groups, inputs = self.labels, self.inputs
        if groups is None and isinstance(inputs, tuple) and len(inputs) == 2:
            groups = inputs[1]  # perhaps the labels of the first
        keep = sample_indices(len(self), groups, limit, seed)
        return self if keep is None else self.pick(keep)

    def pick(self, indices: Array) -> Dataset:
        labels = None if self.labels is None else self.labels[indices]
        return ArrayDataset(at(self.inputs, indices), labels)

    def digest(self) -> str:
        return self._digest

    @cached_property
    def _digest(self) -> str:
        named = [(f"input {name!r}", array) for name, array in self._arrays()]
        if self.labels is not None:
            named.append(("labels", self.labels))
        sha256 = hashlib.sha256()
        for name, array in named:
            sha256.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
            for digest in in_threads(partial(_digest, array), _chunks(len(array), array.nbytes)):
                sha256.update(digest)
        return sha256.hexdigest()

    def fingerprints(self) -> Iterator[bytes]:
        arrays = [array for _, array in self._arrays()]
        chunks = _chunks(len(self), sum(array.nbytes for array in arrays))
        for digests in in_threads(partial(_row_digests, arrays), chunks):
            yield from digests

    def describe(self) -> str:
        samples = ", ".join(
            ("" if name == "" else f"{name}: ") + _sample_text(array)
            for name, array in parts(self.inputs).items()
        )
        return f"{count(len(self), 'sample')} of {samples}, {_labels_text(self.labels)}"

    def _arrays(self) -> list[tuple[str | int, Array]]:
        """In the order of their names or places."""
        return sorted(parts(self.inputs).items(), key=lambda named: (str(named[0]), named[0]))


def as_dataset(value: object, what: str, inputs: int | None = None) -> Dataset:
    """The data set that a fixture's value stands for.

    Two arrays, ``(a, b)``, are inputs and labels for a model with one input, and else two inputs.
    Who does not know the model yet gets them as inputs, and leaves the second out where it turns
    out to be labels (``by_name``).

    Args:
        value: a Dataset, an array of shape (N, ...), a tuple or list of such arrays in the order
            of the model's inputs, a mapping of them by input name, a tuple (inputs, labels) with
            any of these, or the path of an ``.npz`` (``x`` or the inputs' names, optional ``y``)
            or ``.npy`` file.
        what: the name that errors give to it, such as ``calibration_data``.
        inputs: how many inputs the model has, where that is known.

    Raises:
        DataError: anything else, or data that cannot be used.
    """
    if isinstance(value, Dataset):
        return value
    if value is None:
        raise DataError(f"{what} is None: there are no samples.", ACCEPTED)
    if isinstance(value, (str, os.PathLike)):
        return _from_path(Path(value), what, inputs)
    if isinstance(value, np.lib.npyio.NpzFile):
        return _from_loaded(_load(value, what), what, inputs)
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
    return _from_arrays(value, what, inputs)


def _from_arrays(value: Any, what: str, inputs: int | None) -> ArrayDataset:
    if _has_labels(value, inputs):
        given, labels = value
        is_list = inputs == 1 or _are_samples(given, labels)
        return ArrayDataset(_stacked(given) if is_list else given, labels, what=what)
    if isinstance(value, tuple) and not is_in_order(value):
        raise DataError(f"{what} is a tuple of {len(value)}, not (inputs, labels).", ACCEPTED)
    return ArrayDataset(_stacked(value) if inputs == 1 else value, what=what)


def _has_labels(value: object, inputs: int | None) -> bool:
    """Whether a value is (inputs, labels), and not two inputs or two samples."""
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        return False
    given, labels = value
    if isinstance(given, Mapping) or is_in_order(given):
        return True
    if is_array(given) and is_array(labels):
        return inputs == 1
    return isinstance(value, tuple) or (is_array(given) and labels is None)


def _are_samples(given: Any, labels: Any) -> bool:
    """Whether labels tell that a list holds samples, and not an array for each input."""
    if not isinstance(given, list) or not is_in_order(given) or np.ndim(labels) == 0:
        return False
    return bool(len(given) == len(labels) != len(given[0]))


def _stacked(value: Any) -> Any:
    """A list of samples for a model's only input as one array."""
    is_list = isinstance(value, list) and len(value) > 1 and is_in_order(value)
    return np.stack(value) if is_list and len({np.shape(v) for v in value}) == 1 else value


def in_threads(work: Callable[[T], R], parts: Iterable[T]) -> Iterator[R]:
    """Work that frees the interpreter's lock, such as hashing, on all cores; in order."""
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        yield from threads.map(work, parts)


def batch_slices(total: int, size: int) -> Iterator[slice]:
    """Slices that cover ``total`` samples in order, ``size`` at a time."""
    if size < 1:
        raise UsageError(f"a batch size of {size} is not possible.", "Give 1 or more.")
    for start in range(0, total, size):
        yield slice(start, min(start + size, total))


def _from_path(path: Path, what: str, inputs: int | None) -> Dataset:
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
        raise DataError(f"{what} names {path}, which is no .npz or .npy file.", ACCEPTED)
    return _from_loaded(_load(path, what), f"{what} ({path})", inputs)


def _load(source: Path | np.lib.npyio.NpzFile, what: str) -> Array | dict[str, Array]:
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


def _from_loaded(loaded: Array | dict[str, Array], what: str, inputs: int | None) -> ArrayDataset:
    """An archive's arrays are inputs by name; those that np.savez numbered are in order."""
    if not isinstance(loaded, dict):
        return ArrayDataset(loaded, what=what)
    if loaded and set(loaded) == {f"arr_{place}" for place in range(len(loaded))}:
        in_order = tuple(loaded[f"arr_{place}"] for place in range(len(loaded)))
        return _from_arrays(in_order, what, inputs)
    named = {name: array for name, array in loaded.items() if name != "y"}
    if not named:
        names = ", ".join(loaded) or "no arrays"
        raise DataError(f"{what} holds {names}: there are no inputs.", _ARCHIVE_FORM)
    is_only = list(named) == ["x"]
    return ArrayDataset(named["x"] if is_only else named, loaded.get("y"), what=what)


def _chunks(samples: int, nbytes: int) -> Iterator[slice]:
    """Of samples, as many as are hashed at a time."""
    return batch_slices(samples, max(1, _HASH_CHUNK_BYTES * samples // max(1, nbytes)))


def _digest(array: Array, part: slice) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(array[part]).data).digest()


def _row_digests(arrays: Sequence[Array], part: slice) -> list[bytes]:
    rows = zip(*(array[part] for array in arrays), strict=True)
    return [hashlib.sha256(b"".join(map(_bytes, row))).digest() for row in rows]


def _bytes(row: Any) -> bytes:
    return np.asarray(row).tobytes()


def _sample_text(array: Array) -> str:
    kind = "text" if array.dtype.kind in "US" else array.dtype.name
    return " ".join(filter(None, ["x".join(map(str, array.shape[1:])), kind]))


def _labels_text(labels: Array | None) -> str:
    if labels is None:
        return "no labels"
    if labels.dtype.kind in "biu" and labels.size == len(labels):
        return f"labels {int(labels.min())}..{int(labels.max())}"
    return f"labels of {_sample_text(labels)}"
