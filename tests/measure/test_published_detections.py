"""The published detector's outputs, decoded as TFLite_Detection_PostProcess writes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.measure.decoders import decoded
from pytest_edgeai.measure.predictions import predictions
from pytest_edgeai.model.dataset import ArrayDataset

FIRST = {"cat.bmp": (16, 0.730), "bird.bmp": (15, 0.758), "parrot.jpg": (15, 0.809)}
FIRST |= {"grace_hopper.bmp": (0, 0.711)}


@pytest.mark.parametrize("decoder", [None, "detections"])
def test_first_detections(
    published: Callable[[str], Interpreter], realdata: Path, decoder: str | None
) -> None:
    """Bytes as they are: the model's scale is 1/128, its zero point 128."""
    photos = [
        Image.open(realdata / "images" / name).convert("RGB").resize((300, 300)) for name in FIRST
    ]
    data = ArrayDataset((np.stack(photos).astype(np.float32) - 128) / 128)
    outputs = predictions(published("ssd_mobilenet_v1_coco_uint8"), data)
    found = decoded(decoder, data, outputs)
    assert found.shape == (4, 10, 6)
    for rows, (label, score) in zip(found, FIRST.values(), strict=True):
        assert rows[0, 4] == label
        assert rows[0, 5] == pytest.approx(score, abs=0.001)
        assert (np.diff(rows[:, 5]) <= 0).all()
        assert (rows[0, 2:4] > rows[0, :2]).all()
