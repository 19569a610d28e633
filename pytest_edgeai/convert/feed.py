"""Samples as a SavedModel's signature takes them; runs in the converter's process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from pytest_edgeai.convert.keras_file import Refusal


class Feed:
    """Samples by input name, checked against what a signature takes.

    Args:
        paths: one ``.npy`` file per input; "" names an only input.
        signature: a concrete function of a SavedModel.
        what: what messages call the samples.
    """

    def __init__(self, paths: dict[str, str], signature: Any, what: str) -> None:
        specs = dict(sorted(signature.structured_input_signature[1].items()))
        arrays = {name: np.load(path, mmap_mode="r") for name, path in paths.items()}
        if list(arrays) == [""] and len(specs) == 1:
            arrays = {next(iter(specs)): arrays[""]}
        if set(arrays) != set(specs):
            given = "one array" if list(arrays) == [""] else ", ".join(arrays)
            raise Refusal(
                f"the model takes the inputs {', '.join(specs)}, {what} has {given}",
                "give a mapping from input name to array, with exactly these names",
            )
        self._arrays = {
            name: _fitting(name, array, specs[name], what) for name, array in arrays.items()
        }
        self._fixed_batch = next(iter(specs.values())).shape[0]

    def __len__(self) -> int:
        return len(next(iter(self._arrays.values())))

    def batches(self, size: int) -> Iterator[dict[str, Any]]:
        """All samples in order; of the model's own batch size, where that is fixed.

        The last batch is filled up with its last sample then.
        """
        size = self._fixed_batch or size
        for first in range(0, len(self), size):
            part = {name: array[first : first + size] for name, array in self._arrays.items()}
            missing = first + size - len(self) if self._fixed_batch else 0
            yield part if missing <= 0 else {n: _filled(a, missing) for n, a in part.items()}


def _filled(array: Any, missing: int) -> Any:
    return np.concatenate([array, np.repeat(array[-1:], missing, axis=0)])


def _fitting(name: str, array: Any, spec: Any, what: str) -> Any:
    wanted, dtype = list(spec.shape[1:]), spec.dtype.as_numpy_dtype
    if len(array.shape[1:]) != len(wanted) or any(
        want not in (None, have) for have, want in zip(array.shape[1:], wanted, strict=True)
    ):
        shape = tuple("any" if size is None else size for size in wanted)
        raise Refusal(
            f"input {name!r} takes samples of shape {shape}, {what} has {tuple(array.shape[1:])}",
            "reshape the data as in training; the first dimension counts the samples",
        )
    floats = spec.dtype.is_floating
    if floats != (array.dtype.kind == "f"):
        raise Refusal(
            f"input {name!r} takes {spec.dtype.name}, {what} is {array.dtype}",
            "scale and cast the data exactly as in training, e.g. x.astype('float32') / 255",
        )
    return array.astype(dtype, copy=False) if array.dtype.kind in "fiub" else array
