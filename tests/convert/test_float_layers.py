"""Operators that a conversion leaves in float are named with the layers that Keras has them in."""

from __future__ import annotations

import numpy as np
import pytest
from asking import made, refused

from pytest_edgeai.convert.converter import Converter
from pytest_edgeai.errors import ConversionError, ModelError

MODEL = "odd_models:normalised"


@pytest.fixture(scope="session")
def samples() -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    return np.random.default_rng(0).random((20, 8), dtype=np.float32)


def test_int8_names_the_layers(converter: Converter, samples: object) -> None:
    error = refused(converter, MODEL, "int8", samples)
    assert isinstance(error, ModelError)
    assert error.message == (
        "odd_models:normalised is not 'int8'; it looks like: mixed: int8 with 2 operators in "
        "float: NEG (2)\n"
        "- 2 operators computing in float: NEG of layer_normalization, NEG of scaled"
    )
    assert error.hint.startswith("the converter leaves operators without an int8 kernel in float")


def test_facts_name_them_as_keras_does(converter: Converter) -> None:
    facts = made(converter, MODEL).model.facts
    names = {"dense", "layer_normalization", "scaled", "dense_1", "dense_2"}
    assert set(facts.float_layers) - {""} == names


def test_int16x8_says_which_operator_it_is_not_for(converter: Converter, samples: object) -> None:
    error = refused(converter, MODEL, "int16x8", samples)
    assert isinstance(error, ConversionError)
    assert error.message.endswith("the converter has no quantisation to int16x8 for NEG")
    assert error.hint == "replace its layer, or test the int8 variant"
