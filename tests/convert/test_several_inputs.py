"""Inputs in the model's own order, scalars and integers: in conversion and by the source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asking import Array, data_set, made, refused

from pytest_edgeai.convert.converter import Converter
from pytest_edgeai.errors import ConversionError
from pytest_edgeai.model.source import resolve
from pytest_edgeai.model.tflite import Model

FIVE, ONE = np.full((70, 2), 5, np.float32), np.ones((70, 2), np.float32)
ROWS = np.arange(160, dtype=np.float32).reshape(40, 4)


def answers(converter: Converter, path: Path, data: Any) -> dict[str, Array]:
    given = data_set(data)
    assert given is not None
    return converter.source_predictions(resolve(path, []), given)


@pytest.mark.parametrize("name", ["zebra.keras", "zebra"])
@pytest.mark.parametrize(
    "data", [(FIVE, ONE), [FIVE, ONE], {"apple": ONE, "zebra": FIVE}], ids=["tuple", "list", "dict"]
)
def test_the_source_takes_them_in_its_order(
    converter: Converter, odd_models: Path, name: str, data: Any
) -> None:
    (found,) = answers(converter, odd_models / name, data).values()
    assert found.tolist() == [[4, 4]] * 70


def test_calibration_in_the_order_of_the_source(converter: Converter, odd_models: Path) -> None:
    model = made(converter, odd_models / "zebra.keras", "int8", (FIVE, ONE)).model
    assert input_names(model) == ["zebra", "apple"]
    scales = [tensor.scales[0] for tensor in model.facts.inputs]
    assert scales == [pytest.approx(5 / 255, rel=0.01), pytest.approx(1 / 255, rel=0.01)]


def test_the_order_is_known_without_calibration(converter: Converter, odd_models: Path) -> None:
    model = made(converter, odd_models / "zebra", "converted").model
    assert input_names(model) == ["zebra", "apple"]


def input_names(model: Model) -> list[str]:
    """As the file has them, without what the converter adds."""
    names = (tensor.name.removeprefix("serving_default_") for tensor in model.facts.inputs)
    return [name.rpartition(":")[0] for name in names]


def test_an_input_whose_name_no_argument_can_have(converter: Converter, odd_models: Path) -> None:
    """As exporters of ONNX files name theirs."""
    facts = made(converter, odd_models / "dotted", "int8", ROWS - 80).model.facts
    assert facts.inputs[0].scales[0] == pytest.approx(159 / 255, rel=0.01)
    (found,) = answers(converter, odd_models / "dotted", ROWS - 80).values()
    assert found.tolist() == np.maximum(ROWS - 80, 0).tolist()


def test_three_arrays_for_two_inputs(converter: Converter, odd_models: Path) -> None:
    error = refused(converter, odd_models / "zebra.keras", "int8", (ONE, ONE, ONE))
    assert error.message == (
        "int8 of zebra.keras: the model takes the inputs zebra, apple, calibration_data has "
        "3 arrays in order"
    )


def test_inputs_and_labels_of_a_model_with_one_input(
    converter: Converter, models: Path, digits: Array
) -> None:
    """The labels are no input."""
    alone, with_labels = (
        made(converter, models / "digits.keras", "int8", data).model.facts.inputs[0].scales
        for data in (digits, (digits, np.arange(50)))
    )
    assert alone == with_labels


def test_a_scalar_is_fed_as_it_is(converter: Converter, odd_models: Path) -> None:
    data = {"x": ROWS, "threshold": np.arange(40, dtype=np.float32) * 4 + 1}
    found = answers(converter, odd_models / "over_threshold", data)["over"]
    assert found.tolist() == [2] * 40
    facts = made(converter, odd_models / "over_threshold", "int8", {**data, "threshold": 2.0}).model
    assert [tensor.shape for tensor in facts.facts.inputs] == [(), (1, 4)]


def test_outputs_without_a_batch_dimension(converter: Converter, odd_models: Path) -> None:
    """As on a device, each sample runs alone."""
    found = answers(converter, odd_models / "no_rows", ROWS)
    assert found["largest"].tolist() == ROWS.tolist()
    assert found["all"].tolist() == ROWS.sum(axis=1).tolist()


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.int64])
def test_whole_numbers_for_an_integer_input(
    converter: Converter, odd_models: Path, dtype: Any
) -> None:
    pixels = np.arange(80).reshape(20, 4).astype(dtype)
    made(converter, odd_models / "bytes.keras", "int8", pixels)
    (found,) = answers(converter, odd_models / "bytes.keras", pixels).values()
    (wanted,) = answers(converter, odd_models / "bytes.keras", pixels.astype(np.uint8)).values()
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("values", [np.full((3, 4), 0.5), np.full((3, 4), 256)])
def test_other_numbers_for_an_integer_input(
    converter: Converter, odd_models: Path, values: Array
) -> None:
    with pytest.raises(ConversionError, match="input 'pixels' takes uint8") as caught:
        answers(converter, odd_models / "bytes.keras", values)
    assert "whole numbers that it can hold" in caught.value.hint
