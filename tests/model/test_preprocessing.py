"""An image as a model takes it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from pytest_edgeai.errors import DataError
from pytest_edgeai.model.preprocessing import Preprocessing

ORANGE = Image.new("RGB", (6, 4), (255, 51, 0))


@pytest.mark.parametrize(
    ("scaling", "color", "expected"),
    [
        ("0..255", "rgb", [255, 51, 0]),
        ("0..1", "rgb", [1, 0.2, 0]),
        ("-1..1", "rgb", [1, -0.6, -1]),
        ("0..1", "bgr", [0, 0.2, 1]),
    ],
)
def test_scaling_and_order_of_colours(scaling: str, color: str, expected: list[float]) -> None:
    how = Preprocessing((4, 6), scaling, color)  # type: ignore[arg-type]
    assert how.apply(ORANGE)[2, 3] == pytest.approx(expected, abs=1e-6)


def test_channels_first() -> None:
    last, first = (Preprocessing((2, 3), "0..1", layout=layout) for layout in ("nhwc", "nchw"))
    assert last.apply(ORANGE).shape == last.shape == (2, 3, 3)
    assert first.apply(ORANGE).shape == first.shape == (3, 2, 3)
    assert np.array_equal(first.apply(ORANGE), last.apply(ORANGE).transpose(2, 0, 1))


def test_it_is_plain_data_and_back() -> None:
    """What feeds the model on the device reads the same description."""
    how = Preprocessing((4, 6), "-1..1", "bgr", "nchw", "nearest")
    assert Preprocessing(**json.loads(json.dumps(how.as_dict()))).apply(ORANGE).tolist() == (
        how.apply(ORANGE).tolist()
    )


@pytest.mark.parametrize("scaling", ["0..1", "-1..1", "0..255"])
def test_limits_are_what_black_and_white_become(scaling: str) -> None:
    how = Preprocessing((1, 1), scaling, "grey")  # type: ignore[arg-type]
    ends = [float(how.apply(Image.new("L", (1, 1), value))[0, 0, 0]) for value in (0, 255)]
    assert ends == pytest.approx(how.limits)


def test_more_than_8_bits() -> None:
    with pytest.raises(DataError, match=r"the image has more than 8 bits .* I;16"):
        Preprocessing((4, 6), "0..1").apply(Image.new("I;16", (6, 4)))


def test_differences_are_named() -> None:
    one, other = Preprocessing((4, 6), "0..1"), Preprocessing((4, 6), "0..1", "bgr", resize="box")
    assert one.differences(other) == ["color rgb, not bgr", "resize bilinear, not box"]
    assert one.differences(one) == []
