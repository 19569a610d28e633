"""Other ways to read inputs and labels: each usual mistake, undone, is what it was before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pytest_edgeai.measure.box_readings import of_boxes
from pytest_edgeai.measure.class_order import in_order, order_text, renumbered
from pytest_edgeai.measure.readings import DEVIATION, MEAN, of_inputs

F = np.float32
PIXELS = np.random.default_rng(0).integers(0, 256, (20, 4, 5, 3))
PIXELS[0, 0, 0], PIXELS[0, 0, 1] = 0, 255
SCALED: dict[str, Callable[[Any], Any]] = {
    "0 to 255": lambda p: p.astype(float),
    "0 to 1": lambda p: p / 255,
    "-1 to 1": lambda p: p / 127.5 - 1,
    "ImageNet": lambda p: (p / 255 - MEAN) / DEVIATION,
}
MISTAKES: dict[str, Callable[[Any], Any]] = {
    **SCALED,
    "divided twice": lambda p: p / 255 / 255,
    "scaled twice": lambda p: (p / 127.5 - 1) / 127.5 - 1,
    "divided, then scaled": lambda p: p / 255 / 127.5 - 1,
}


@pytest.mark.parametrize("wanted", SCALED)
@pytest.mark.parametrize("given", MISTAKES)
def test_one_of_the_readings_is_what_the_model_takes(given: str, wanted: str) -> None:
    fed, right = (scale(PIXELS).astype(F) for scale in (MISTAKES[given], SCALED[wanted]))
    near = [name for name, x in of_inputs(fed) if np.allclose(x, right, atol=2e-3 * right.max())]
    assert len(near) == (given != wanted), [name for name, _ in of_inputs(fed)]


def test_values_of_no_usual_range_are_not_scaled_otherwise() -> None:
    names = [name for name, _ in of_inputs(PIXELS.astype(F) * 3 - 100)]
    assert names == ["the channels in reverse order (RGB and BGR)"]


def test_whole_numbers_are_left_alone() -> None:
    assert list(of_inputs(PIXELS)) == []


def test_of_several_inputs_one_is_read_otherwise() -> None:
    batch = {"left": np.full((4, 2), 0.5, F), "ids": np.ones((4, 2), int)}
    batch["left"][0] = 0, 1
    names = [name for name, changed in of_inputs(batch) if changed["ids"] is batch["ids"]]
    assert "inputs from 0 to 255 (not scaled) in input 'left'" in names
    (first, *_) = (changed for _, changed in of_inputs((batch["left"], batch["ids"])))
    assert isinstance(first, tuple)


class TestOrder:
    def test_of_the_classes(self) -> None:
        classes = np.arange(40) % 4
        order = in_order(classes, np.array([2, 1, 3, 0])[classes])
        assert order == {0: 2, 2: 3, 3: 0}
        assert order_text(order) == (
            "the classes in another order (2 for label 0, 3 for label 2, 0 for label 3)"
        )
        assert renumbered(np.array([0, 1, 2, 3]), order).tolist() == [2, 1, 3, 0]

    def test_a_few_samples_fit_any(self) -> None:
        classes = np.arange(39) % 4
        assert in_order(classes, (classes + 1) % 4) == {}


class TestBoxes:
    there = np.array([[[0.1, 0.2, 0.5, 0.4, 3], [np.nan] * 5]])

    def test_the_simplest_come_first(self) -> None:
        names = [name for name, _ in of_boxes(self.there, None)]
        counts = [name.count(" and class") for name in names]
        assert counts == sorted(counts)
        assert len(names) == len({*names}) == 11

    def test_unused_rows_stay_so(self) -> None:
        for name, changed in of_boxes(self.there, (10, 20)):
            assert np.isnan(changed[0, 1]).all(), name
            assert np.isfinite(changed[0, 0]).all(), name

    @pytest.mark.parametrize(
        ("times", "word"), [(1, "multiplied"), ([10, 20, 10, 20, 1], "divided")]
    )
    def test_pixels_are_tried_in_the_direction_that_is_left(self, times: Any, word: str) -> None:
        (found,) = [
            changed
            for name, changed in of_boxes(self.there * times, (10, 20))
            if name == f"boxes {word} by the image's 10 x 20 pixels"
        ]
        expected = self.there if word == "divided" else self.there * [10, 20, 10, 20, 1]
        assert np.allclose(found, expected, equal_nan=True)
