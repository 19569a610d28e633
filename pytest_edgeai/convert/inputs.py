"""Data on its way to a worker."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from pytest_edgeai.model.dataset import Dataset

BATCH = 64


def written_inputs(data: Dataset, folder: Path) -> dict[str, str]:
    """A data set as one ``.npy`` file per input, batch by batch; "" names an only input.

    Written as a stream: a full disk is an error then, where a memory map would end the process.
    """
    files: dict[str, Any] = {}
    with ExitStack() as stack:
        for batch in data.batches(BATCH):
            for name, array in (batch if isinstance(batch, dict) else {"": batch}).items():
                if name not in files:
                    file = stack.enter_context((folder / f"input-{len(files)}.npy").open("wb"))
                    _write_header(file, array.dtype, (len(data), *array.shape[1:]))
                    files[name] = file
                files[name].write(array.tobytes())
    return {name: str(file.name) for name, file in files.items()}


def _write_header(file: Any, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    descr = np.lib.format.dtype_to_descr(dtype)
    header = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_2_0(file, header)
