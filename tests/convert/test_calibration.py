"""Data for the calibration of int8: what is taken, and what is said of what does not fit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asking import Array, made, refused
from PIL import Image

from pytest_edgeai.convert.converter import Converter
from pytest_edgeai.errors import ConversionError, DataError, UsageError
from pytest_edgeai.model.dataset import ArrayDataset
from pytest_edgeai.model.image_folder import ImageFolder
from pytest_edgeai.model.preprocessing import Preprocessing
from pytest_edgeai.model.source import resolve


@pytest.mark.parametrize("variant", ["int8", "int16x8"])
def test_none(converter: Converter, models: Path, variant: Any) -> None:
    error = refused(converter, models / "digits.keras", variant)
    assert isinstance(error, UsageError)
    assert error.message == f"{variant} of digits.keras: there is no calibration data"
    assert error.hint.startswith("define a `calibration_data` fixture that returns typical inputs")


def test_wrong_shape(converter: Converter, models: Path) -> None:
    error = refused(converter, models / "digits.keras", "int8", np.zeros((5, 64), np.float32))
    assert isinstance(error, ConversionError)
    assert error.message == (
        "int8 of digits.keras: input 'input_layer' takes samples of shape (8, 8, 1), "
        "calibration_data has (64,)"
    )
    assert error.hint.startswith("reshape the data as in training")


def test_a_single_sample(converter: Converter, models: Path, digits: Array) -> None:
    error = refused(converter, models / "digits.keras", "int8", digits[0])
    assert error.message.endswith("takes samples of shape (8, 8, 1), calibration_data has (8, 1)")
    assert error.hint.startswith("this is one sample: sample[np.newaxis] is a batch of it")


def test_bytes_where_floats_are_taken_are_their_values(
    converter: Converter, models: Path, digits: Array
) -> None:
    pixels = (digits * 16).astype(np.uint8)
    facts = made(converter, models / "digits.keras", "int8", pixels).model.facts
    assert facts.inputs[0].scales[0] == pytest.approx(pixels.max() / 255, rel=1e-3)


def test_text_where_floats_are_taken(converter: Converter, models: Path) -> None:
    error = refused(converter, models / "digits.keras", "int8", np.full((5, 8, 8, 1), "a"))
    assert error.message == (
        "int8 of digits.keras: input 'input_layer' takes float32, calibration_data is <U1"
    )
    assert error.hint == "give numbers, scaled exactly as in training"


@pytest.mark.parametrize(
    ("values", "message"),
    [(np.empty((0, 8, 8, 1), np.float32), "is empty"), (np.full((3, 4), np.nan), "NaN")],
)
def test_nothing_or_not_numbers(
    converter: Converter, models: Path, values: Array, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        refused(converter, models / "digits.keras", "int8", values)


@pytest.mark.parametrize("io", ["int8", "float32"])
def test_more_than_the_limit_is_sampled(
    converter_with: Callable[..., Converter], models: Path, digits: Array, io: str
) -> None:
    """Float64, as from a division, is cast; the edges are of the type that was asked for."""
    converter = converter_with(calibration_samples=20, int8_io=io)
    samples = digits.astype(np.float64)
    model = made(converter, models / "digits.keras", "int8", samples).model
    known = json.loads(model.path.with_suffix(".json").read_text())
    assert known["calibration_samples"] == 20
    assert [tensor.dtype for tensor in model.facts.inputs + model.facts.outputs] == [io, io]
    assert model.facts.int8_weight_share == 1.0


def test_two_inputs_by_name(converter: Converter, odd_models: Path) -> None:
    generator = np.random.default_rng(0)
    left, right = (generator.random((9, size), np.float32) for size in (4, 3))
    data = {"right": right * 100, "left": left}
    facts = made(converter, odd_models / "apart.keras", "int8", data).model.facts
    scales = {tensor.shape: tensor.scales[0] for tensor in facts.inputs}
    assert scales[1, 4] == pytest.approx(1 / 255, rel=0.1)
    assert scales[1, 3] == pytest.approx(100 / 255, rel=0.1)


@pytest.mark.parametrize(("names", "said"), [(("left", "rihgt"), "left, rihgt"), ((), "one array")])
def test_wrong_names(converter: Converter, models: Path, names: tuple[str, ...], said: str) -> None:
    array = np.zeros((3, 4), np.float32)
    data = dict.fromkeys(names, array) if names else array
    error = refused(converter, models / "pair.keras", "int8", data)
    assert error.message == (
        f"int8 of pair.keras: the model takes the inputs left, right, calibration_data has {said}"
    )
    assert "give a" in error.hint
    assert "mapping" in error.hint


def test_names_that_no_function_takes(converter: Converter, odd_models: Path) -> None:
    """By the signature's names, and by those of the function's arguments."""
    generator = np.random.default_rng(0)
    left, right = (generator.random((9, size), np.float32) for size in (4, 3))
    by_name = {"a.right": right * 100, "z.left": left}
    by_argument = {"a_right": right * 100, "z_left": left}
    source = resolve(odd_models / "two_dotted", [])
    found = [
        made(converter, odd_models / "two_dotted", "int8", data).model
        for data in (by_name, by_argument)
    ]
    assert len({model.facts.sha256 for model in found}) == 1
    scales = {tensor.shape: tensor.scales[0] for tensor in found[0].facts.inputs}
    assert scales[1, 3] == pytest.approx(100 / 255, rel=0.1)
    wanted = left.sum(axis=1, keepdims=True) - right * 100
    for given in (by_name, by_argument):
        answers = converter.source_predictions(source, ArrayDataset(given))
        np.testing.assert_allclose(answers["y"], wanted, rtol=1e-4)


def test_words_are_looked_up(converter: Converter, odd_models: Path) -> None:
    """Text and bytes alike; the vector of all other words is far smaller."""

    def digest(words: list[str], kind: str) -> str:
        data = np.array([words] * 3, dtype=kind).reshape(-1, 1)
        return made(converter, odd_models / "words.keras", "int8", data).model.facts.sha256

    known = ["low", "mid", "high"]
    assert digest(known, "U") == digest(known, "S") != digest(["other"], "S")


def test_pictures_with_their_channels_first(
    converter: Converter, models: Path, digits: Array
) -> None:
    data = digits.transpose(0, 3, 1, 2)
    error = refused(converter, models / "digits.keras", "int8", data)
    assert error.message.endswith(
        "takes samples of shape (8, 8, 1), calibration_data has (1, 8, 8)"
    )
    assert error.hint == (
        "transpose the data as in training: one has its channels last (NHWC), the other first "
        "(NCHW)"
    )


def test_fixed_batch_size(converter: Converter, odd_models: Path) -> None:
    """4 at a time; what is missing at the end is filled up."""
    data = np.random.default_rng(0).random((10, 4), np.float32)
    facts = made(converter, odd_models / "fixed_batch", "int8", data).model.facts
    assert facts.inputs[0].shape == (4, 4)
    assert facts.inputs[0].scales[0] == pytest.approx(data.max() / 255, rel=1e-3)


def test_image_folder(converter: Converter, models: Path, tmp_path: Path) -> None:
    """Its brightest pixel is 204: with the scaling 0..1 the range ends at 0.8."""
    images = tmp_path / "images"
    images.mkdir()
    for shade in range(6):
        image = Image.new("L", (12, 12), shade * 40)
        image.putpixel((6, 6), 204)
        image.save(images / f"{shade}.png")
    folder = ImageFolder(images, Preprocessing((8, 8), "0..1", "grey", resize="nearest"))
    facts = made(converter, models / "digits.keras", "int8", folder).model.facts
    assert facts.inputs[0].scales[0] == pytest.approx(0.8 / 255, rel=1e-3)
