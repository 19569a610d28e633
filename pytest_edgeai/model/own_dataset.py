"""A data set of a user's own class, held to what a data set answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np

from pytest_edgeai.errors import DataError, EdgeAIError, raised, shown
from pytest_edgeai.model.dataset import ArrayDataset, Dataset
from pytest_edgeai.model.image_folder import ImageFolder
from pytest_edgeai.model.inputs import Inputs, parts
from pytest_edgeai.model.labels import Array
from pytest_edgeai.model.preprocessing import Preprocessing

T = TypeVar("T")


def held(data: Dataset, what: str) -> Dataset:
    """A data set whose every answer is what it should be, or a DataError that says what it is."""
    is_ours = type(data) in (ArrayDataset, ImageFolder, OwnDataset)
    return data if is_ours else OwnDataset(data, what)


class OwnDataset:
    """Asks another data set.

    Args:
        data: of a class that is not this package's.
        what: the fixture that returned it.

    Raises:
        DataError: an answer that is none, or whatever the other raises.
    """

    def __init__(self, data: Any, what: str) -> None:
        self._data, self._what = data, what

    @property
    def preprocessing(self) -> Preprocessing | None:
        """How its images are read, where it says so."""
        found = self._ask("preprocessing", lambda: getattr(self._data, "preprocessing", None))
        return found if isinstance(found, Preprocessing) else None

    @property
    def labels(self) -> Array | None:
        found = self._ask("labels", lambda: self._data.labels)
        if found is None:
            return None
        array = self._ask("labels", lambda: np.asarray(found))
        self._require("labels", array.dtype.kind in "biufUS" and array.ndim > 0, found)
        self._require("labels", len(array) == len(self), f"{len(array)} of them")
        return array

    def __len__(self) -> int:
        count = self._ask("__len__()", lambda: len(self._data))
        self._require("__len__()", count > 0, count)
        return count

    def batches(self, size: int) -> Iterator[Inputs]:
        parts = self._ask("batches()", lambda: iter(self._data.batches(size)))
        total = len(self)
        for begin in range(0, total, size):
            part = self._ask("batches()", lambda: next(parts, None))
            yield self._batch(part, min(size, total - begin))

    def take(self, limit: int | None, seed: int = 0) -> Dataset:
        return self._part("take()", lambda: self._data.take(limit, seed))

    def pick(self, indices: Array) -> Dataset:
        return self._part("pick()", lambda: self._data.pick(indices))

    def digest(self) -> str:
        return str(self._typed("digest()", str, lambda: self._data.digest()))

    def fingerprints(self) -> Iterator[bytes]:
        found = self._ask("fingerprints()", lambda: list(self._data.fingerprints()))
        self._require("fingerprints()", all(isinstance(one, bytes) for one in found), found)
        return iter(found)

    def describe(self) -> str:
        return str(self._typed("describe()", str, lambda: self._data.describe()))

    def _batch(self, given: Any, samples: int) -> Inputs:
        """So many samples: an array, a tuple of them, or some by name."""
        if type(given) is dict:
            batch: Inputs = {str(name): self._array(array) for name, array in given.items()}
        elif type(given) is tuple:
            batch = tuple(map(self._array, given))
        else:
            batch = self._array(given)
        counts = {len(array) for array in parts(batch).values()}
        self._require("batches()", counts == {samples}, given)
        return batch

    def _array(self, given: object) -> Array:
        array = self._ask("batches()", lambda: np.asarray(given))
        fits = array.dtype.kind in "biufUS" and array.ndim > 0 and array.size > 0
        self._require("batches()", fits, given)
        return array

    def _part(self, method: str, ask: Callable[[], Any]) -> Dataset:
        return held(self._typed(method, Dataset, ask), self._what)

    def _typed(self, method: str, kind: Any, ask: Callable[[], Any]) -> Any:
        found = self._ask(method, ask)
        is_it = self._ask(method, lambda: isinstance(found, kind))
        self._require(method, is_it, found)
        return found

    def _ask(self, method: str, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except EdgeAIError:
            raise
        except Exception as error:
            kind = type(self._data).__name__
            raise DataError(f"{self._what}: {method} of {kind} raised {raised(error)}") from error

    def _require(self, method: str, holds: bool, found: object) -> None:
        if not holds:
            kind = type(self._data).__name__
            raise DataError(
                f"{self._what}: {method} of {kind} gave {shown(found)}", "see pytest_edgeai.Dataset"
            )
