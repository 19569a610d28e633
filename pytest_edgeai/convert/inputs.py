"""Data on its way to a worker."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from pytest_edgeai.model.dataset import Dataset
from pytest_edgeai.model.inputs import parts

BATCH = 64

Files = list[str] | dict[str, str]
"""One ``.npy`` file per input: in the model's order, or by name."""


def written_inputs(data: Dataset, folder: Path) -> Files:
    """A data set as files, batch by batch.

    Written as a stream: a full disk is an error then, where a memory map would end the process.
    """
    files: dict[str | int, Any] = {}
    is_named = False
    with ExitStack() as stack:
        for batch in data.batches(BATCH):
            is_named = isinstance(batch, dict)
            for name, array in parts(batch).items():
                if name not in files:
                    file = stack.enter_context((folder / f"input-{len(files)}.npy").open("wb"))
                    _write_header(file, array.dtype, (len(data), *array.shape[1:]))
                    files[name] = file
                files[name].write(array.tobytes())
    paths = {str(name): str(file.name) for name, file in files.items()}
    return paths if is_named else list(paths.values())


def _write_header(file: Any, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    descr = np.lib.format.dtype_to_descr(dtype)
    header = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_2_0(file, header)
