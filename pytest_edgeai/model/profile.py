"""What the values of a data set are like: their range, their channels, how samples are laid out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from pytest_edgeai.model.dataset import Dataset
from pytest_edgeai.model.inputs import parts

Array = np.ndarray[Any, np.dtype[Any]]

MOST_SAMPLES = 200
BATCH = 64


@dataclass(frozen=True)
class Profile:
    """Numbers of one input, from a sample of its data.

    Attributes:
        shape: of one sample.
        samples: how many it was taken of.
        low, high: the smallest and largest value.
        channels: the mean of each channel of each sample, for colour images, channels last or
            first; shape (N, 3), else None.
    """

    shape: tuple[int, ...]
    samples: int
    low: float
    high: float
    channels: Array | None

    @property
    def is_image(self) -> bool:
        """Whether samples have the form of pictures with one, three or four channels."""
        return len(self.shape) == 3 and not {self.shape[0], self.shape[-1]}.isdisjoint({1, 3, 4})


def profiles(data: Dataset) -> dict[str | int, Profile]:
    """The profile of each input that holds numbers, by name or place; "" names an only input."""
    batches = list(_batches(data.take(MOST_SAMPLES)))
    return {name: _profile([batch[name] for batch in batches]) for name in batches[0]}


def _batches(data: Dataset) -> Iterator[dict[str | int, Array]]:
    for batch in data.batches(BATCH):
        yield {name: a for name, a in parts(batch).items() if a.dtype.kind in "iuf"}


def _profile(parts: list[Array]) -> Profile:
    return Profile(
        shape=parts[0].shape[1:],
        samples=sum(map(len, parts)),
        low=float(min(part.min() for part in parts)),
        high=float(max(part.max() for part in parts)),
        channels=_channels(parts),
    )


def _channels(parts: list[Array]) -> Array | None:
    if parts[0].ndim != 4 or 3 not in (parts[0].shape[1], parts[0].shape[3]):
        return None
    axes = (1, 2) if parts[0].shape[3] == 3 else (2, 3)
    return np.concatenate([part.mean(axis=axes, dtype=np.float64) for part in parts])
