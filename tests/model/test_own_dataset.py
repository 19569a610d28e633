"""Data sets of a user's own class are held to what a data set answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from pytest_edgeai.errors import DataError
from pytest_edgeai.model.dataset import ArrayDataset
from pytest_edgeai.model.own_dataset import OwnDataset, held

X = np.arange(6.0).reshape(3, 2)


class Samples(ArrayDataset):
    """Of a user's own class."""


class Raising:
    """Answers nothing."""

    def __getattr__(self, name: str) -> Any:
        raise OSError("the disk is gone")

    def __len__(self) -> int:
        raise OSError("the disk is gone")


@pytest.fixture
def own() -> OwnDataset:
    return OwnDataset(Samples(X, [0, 1, 2]), "evaluation_data")


def test_the_same_answers(own: OwnDataset) -> None:
    right = ArrayDataset(X, [0, 1, 2])
    assert (len(own), own.digest(), own.describe()) == (3, right.digest(), right.describe())
    assert [*own.fingerprints()] == [*right.fingerprints()]
    assert np.concatenate([*own.batches(2)]).tolist() == X.tolist()  # type: ignore[arg-type]
    assert len(own.take(2)) == 2
    assert own.labels is not None
    assert own.labels.tolist() == [0, 1, 2]
    assert own.preprocessing is None


def test_inputs_by_name() -> None:
    own = OwnDataset(Samples({"a": X, "b": X}), "evaluation_data")
    assert [[*batch] for batch in own.batches(2)] == [["a", "b"], ["a", "b"]]


def test_only_what_is_not_of_this_package() -> None:
    ours = ArrayDataset(X)
    assert held(ours, "x") is ours
    assert isinstance(held(Samples(X), "x"), OwnDataset)


@pytest.mark.parametrize(
    "ask",
    [
        len,
        lambda own: own.labels,
        lambda own: next(own.batches(1)),
        lambda own: own.take(1),
        lambda own: own.pick(np.arange(1)),
        lambda own: own.digest(),
        lambda own: own.describe(),
        lambda own: own.fingerprints(),
        lambda own: own.preprocessing,
    ],
)
def test_what_it_raises_names_the_method(ask: Any) -> None:
    own = OwnDataset(Raising(), "evaluation_data")
    with pytest.raises(
        DataError, match=r"^evaluation_data: \S+ of Raising raised OSError: the disk is gone"
    ):
        ask(own)


def test_batches_of_another_size(own: OwnDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    def batches(self: Samples, size: int) -> Iterator[Any]:
        yield X[:1]

    monkeypatch.setattr(Samples, "batches", batches)
    with pytest.raises(DataError, match=r"batches\(\) of Samples gave array"):
        [*own.batches(2)]
