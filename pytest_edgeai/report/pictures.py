"""Samples as small pictures, for reports to show."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from pytest_edgeai.judge.verdict import BudgetResult
from pytest_edgeai.model.dataset import Dataset

if TYPE_CHECKING:
    import numpy as np

MOST = 8
"""Pictures of one kind."""
PIXELS = 96
"""Of the longer side, at most."""


def flipped_samples(results: Iterable[BudgetResult]) -> list[int]:
    """The first samples that became wrong, and right, by index."""
    found = [
        index
        for result in results
        for kind in ("lost", "gained")
        for index in result.data.get(kind, [])[:MOST]
    ]
    return sorted(set(found))


def pictures(data: Dataset, samples: Sequence[int]) -> dict[str, str]:
    """Samples by index as data URIs of PNG files; none where the input is no image.

    Brightness is stretched over the range of each sample: data may be scaled in any way.
    """
    import numpy as np

    if not samples:
        return {}
    inputs = next(data.pick(np.array(samples)).batches(len(samples)))
    if not isinstance(inputs, np.ndarray) or inputs.ndim != 4 or inputs.shape[-1] not in (1, 3):
        return {}
    return {str(index): _data_uri(array) for index, array in zip(samples, inputs, strict=True)}


def _data_uri(array: np.ndarray[Any, Any]) -> str:
    import numpy as np
    from PIL import Image

    values = np.nan_to_num(array.astype(np.float64))
    low, span = values.min(), float(np.ptp(values)) or 1.0
    pixels = ((values - low) / span * 255).round().astype(np.uint8)
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    image.thumbnail((PIXELS, PIXELS))
    content = io.BytesIO()
    image.save(content, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()
