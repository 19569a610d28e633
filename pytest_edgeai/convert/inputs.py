"""Data on its way to a worker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pytest_edgeai.model.dataset import Dataset

BATCH = 64


def written_inputs(data: Dataset, folder: Path) -> dict[str, str]:
    """A data set as one ``.npy`` file per input, batch by batch; "" names an only input."""
    files: dict[str, Any] = {}
    first = 0
    for batch in data.batches(BATCH):
        arrays = batch if isinstance(batch, dict) else {"": batch}
        for name, array in arrays.items():
            if name not in files:
                shape = (len(data), *array.shape[1:])
                path = folder / f"input-{len(files)}.npy"
                files[name] = np.lib.format.open_memmap(path, "w+", array.dtype, shape)
            files[name][first : first + len(array)] = array
        first += len(next(iter(arrays.values())))
    for file in files.values():
        file.flush()
    return {name: str(file.filename) for name, file in files.items()}
