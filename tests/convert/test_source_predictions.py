"""What the source itself answers: the same as Keras."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from asking import HERE, Array, data_set

from pytest_edgeai.convert.converter import Converter
from pytest_edgeai.errors import ConversionError, UsageError
from pytest_edgeai.model.dataset import ArrayDataset
from pytest_edgeai.model.source import resolve


@pytest.fixture
def known(odd_models: Path) -> dict[str, Array]:
    with np.load(odd_models / "answers.npz") as file:
        return dict(file)


@pytest.mark.parametrize("name", ["digits.keras", "digits"])
def test_of_one_output(
    converter: Converter, models: Path, digits: Array, known: dict[str, Array], name: str
) -> None:
    source = resolve(models / name, [])
    (answers,) = converter.source_predictions(source, ArrayDataset(digits)).values()
    np.testing.assert_allclose(answers, known["digits"], atol=1e-6)


def test_of_two_inputs_and_outputs(
    converter: Converter, models: Path, known: dict[str, Array], temporary: Path
) -> None:
    data = data_set({"right": known["right"], "left": known["left"]})
    assert data is not None
    answers = converter.source_predictions(resolve(models / "pair.keras", []), data)
    assert list(answers) == ["two", "five"]
    for name in answers:
        np.testing.assert_allclose(answers[name], known[name], atol=1e-5)


def test_of_a_fixed_batch_size(converter: Converter, odd_models: Path) -> None:
    """7 samples for a model that takes 4 at a time."""
    source = resolve(odd_models / "fixed_batch", [])
    inputs = np.eye(4, dtype=np.float32)[[0, 1, 2, 3, 0, 1, 2]]
    answers = converter.source_predictions(source, ArrayDataset(inputs))["y"]
    assert answers.shape == (7, 300)
    np.testing.assert_array_equal(answers[4:], answers[:3])


def test_of_a_builder_that_failed(converter: Converter, digits: Array) -> None:
    with pytest.raises(ConversionError, match="it returned a int"):
        converter.source_predictions(resolve("handmade:a_number", [HERE]), ArrayDataset(digits))


def test_of_a_ready_file(converter: Converter, tmp_path: Path, digits: Array) -> None:
    (tmp_path / "model.tflite").touch()
    with pytest.raises(UsageError) as caught:
        converter.source_predictions(resolve("model.tflite", [tmp_path]), ArrayDataset(digits))
    assert 'model.tflite is a ready .tflite file: there is no baseline="source"' in str(
        caught.value
    )


def test_of_another_content_at_the_same_path(
    converter: Converter, models: Path, digits: Array, tmp_path: Path
) -> None:
    path = tmp_path / "model.keras"
    shutil.copy(models / "digits.keras", path)
    source, data = resolve(path, []), ArrayDataset(digits)
    answers = converter.source_predictions(source, data)
    assert converter.source_predictions(source, data) is answers, "asked twice"
    shutil.copy(models / "pair.keras", path)
    with pytest.raises(ConversionError, match="the model takes the inputs left, right"):
        converter.source_predictions(source, data)
