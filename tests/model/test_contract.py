"""What contradicts the contract between a model and its data, and what is within it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pytest_edgeai.errors import DataError
from pytest_edgeai.model.contract import (
    Fed,
    check_alike,
    check_declared,
    check_model,
    explained,
)
from pytest_edgeai.model.dataset import ArrayDataset
from pytest_edgeai.model.preprocessing import Preprocessing
from pytest_edgeai.model.profile import profiles

F = np.float32


def photos(seed: int, n: int = 40) -> Any:
    """Smooth pictures, redder than blue as most are, pixels 0..255; shape (n, 16, 12, 3)."""
    random = np.random.default_rng(seed)
    coarse = random.uniform(0, 255, (n, 4, 3, 3)) * [1.0, 0.9, 0.7]
    return coarse.repeat(4, axis=1).repeat(4, axis=2).astype(F)


def fed(what: str, inputs: Any, how: Preprocessing | None = None) -> Fed:
    return Fed(what, profiles(ArrayDataset(inputs))[""], how)


def refusal(one: Any, other: Any) -> str:
    with pytest.raises(DataError) as caught:
        check_alike(fed("evaluation_data", one), fed("calibration_data", other))
    assert caught.value.hint
    return str(caught.value)


class TestAlike:
    @pytest.mark.parametrize(
        ("change", "text"),
        [
            (lambda x: x / 255, "they were divided by 255, and the model takes 0 to 255"),
            (lambda x: x / 127.5 - 1, "they go from -1 to 1, and the model takes 0 to 255"),
            (lambda x: x[..., ::-1], "red and blue are swapped between evaluation_data and"),
            (lambda x: x.transpose(0, 3, 1, 2), "channels last (NHWC), the other first (NCHW)"),
            (lambda x: x.transpose(0, 2, 1, 3), "height and width are swapped"),
        ],
    )
    def test_what_is_prepared_otherwise(self, change: Any, text: str) -> None:
        assert text in refusal(change(photos(1)), photos(2))
        assert refusal(photos(2), change(photos(1)))

    def test_what_is_of_another_model(self) -> None:
        check_alike(fed("a", photos(1)[:, ::2]), fed("b", photos(2) / 255))

    def test_half_of_a_range(self) -> None:
        """x / 255 on one side, x / 127.5 - 1 on the other: neither is out of the other's reach."""
        text = refusal(photos(1) / 255, photos(2) / 127.5 - 1)
        assert "if calibration_data is what the model expects: they were divided by 255" in text

    @pytest.mark.parametrize(
        "change",
        [
            lambda x: x,
            lambda x: x * 0.1,
            lambda x: np.clip(x + 60, 0, 255),
            lambda x: x[:1],
            lambda x: x[..., :1],
        ],
        ids=["the same", "darker", "lighter", "one picture", "grey"],
    )
    def test_what_may_be(self, change: Any) -> None:
        check_alike(
            fed("a", change(photos(1))), fed("b", photos(2)[..., : change(photos(1)).shape[-1]])
        )

    def test_pictures_without_a_leading_colour(self) -> None:
        """As many redder as bluer ones: nothing can be told, and nothing is said."""
        grey = photos(1).mean(axis=-1, keepdims=True).repeat(3, axis=-1)
        noise = np.random.default_rng(3).normal(0, 5, grey.shape).astype(F)
        check_alike(fed("a", grey + noise), fed("b", (grey + noise)[..., ::-1]))

    def test_features_may_differ_in_their_range(self) -> None:
        """Anomalies go beyond what is normal."""
        normal = np.random.default_rng(1).normal(0, 1, (50, 640)).astype(F)
        check_alike(fed("a", normal * 500), fed("b", normal))
        positive = np.random.default_rng(1).random((50, 640)).astype(F)
        assert "goes from" in refusal(positive * 255, positive)

    def test_two_descriptions(self) -> None:
        one = Preprocessing((16, 12), "0..1", "bgr")
        other = Preprocessing((16, 12), "-1..1", "rgb")
        with pytest.raises(DataError, match=r"a and b are read differently: scaling 0..1, not -1"):
            check_alike(fed("a", photos(1), one), fed("b", photos(1), other))
        check_alike(fed("a", photos(1), one), fed("b", photos(1), one))


class TestDeclared:
    how = Preprocessing((16, 12), "0..1")

    @pytest.mark.parametrize(
        ("inputs", "text"),
        [
            (photos(1), "to 254.9, the fixture edge_preprocessing says 0..1"),
            (
                photos(1) / 127.5 - 1,
                "they go from -1 to 1, and the model takes 0 to 1: (x + 1)",
            ),
            (photos(1) / 255 / 255, "the fixture edge_preprocessing says 0..1"),
            (photos(1).transpose(0, 3, 1, 2) / 255, "the other first (NCHW)"),
            (photos(1)[:, :8] / 255, "has samples of shape (8, 12, 3)"),
        ],
    )
    def test_arrays(self, inputs: Any, text: str) -> None:
        with pytest.raises(DataError) as caught:
            check_declared(self.how, fed("evaluation_data", inputs))
        assert text in str(caught.value)

    def test_arrays_that_are_as_declared(self) -> None:
        check_declared(self.how, fed("evaluation_data", photos(1) / 255))
        check_declared(self.how, fed("evaluation_data", photos(1) / 255 / 3))

    def test_images_that_are_read_otherwise(self) -> None:
        read = fed("evaluation_data", photos(1) / 255, Preprocessing((16, 12), "0..1", "bgr"))
        with pytest.raises(DataError, match=r"is read otherwise than the fixture .* rgb, not bgr"):
            check_declared(self.how, read)


class TestModel:
    @pytest.mark.parametrize(
        ("shape", "limits", "text"),
        [
            ((16, 12, 3), (0.0, 255.0), "was quantised for values from 0 to 255"),
            ((16, 12, 3), (-1.0, 0.992), "calibrate it with data that goes from 0 to 1"),
            ((3, 16, 12), None, "the other first (NCHW)"),
            ((32, 32, 3), None, "the model takes samples of shape (32, 32, 3)"),
            ((640,), None, "the model takes samples of shape (640,)"),
        ],
    )
    def test_another_one(self, shape: Any, limits: Any, text: str) -> None:
        with pytest.raises(DataError) as caught:
            check_model(Preprocessing((16, 12), "0..1"), shape, limits)
        assert text in str(caught.value)

    def test_its_own(self) -> None:
        how = Preprocessing((16, 12), "-1..1")
        check_model(how, (16, 12, 3), (-1.0, 0.992))
        check_model(how, (-1, -1, 3), None)


@pytest.mark.parametrize(
    ("seen", "wanted", "advice"),
    [
        ((0, 1), (0, 255), "leave it out"),
        ((0.02, 0.9), (-1, 0.992), "x / 127.5 - 1"),
        ((0, 1 / 255), (0, 1), "divided by 255 twice"),
        ((3, 250), (0, 1), "x / 255"),
        ((0, 1), (0, 1), ""),
        ((-40, 3), (0, 1), ""),
    ],
)
def test_usual_mistakes_are_explained(seen: Any, wanted: Any, advice: str) -> None:
    assert advice in explained(seen, wanted)
    assert bool(explained(seen, wanted)) == bool(advice)
