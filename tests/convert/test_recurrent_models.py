"""LSTMs and their like: the converter takes their loops at a fixed batch size only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from asking import made, refused

from pytest_edgeai.convert.converter import Converter

SAMPLES = np.random.default_rng(0).random((5, 6, 5), np.float32)


def test_of_keras_3(converter: Converter, odd_models: Path) -> None:
    facts = made(converter, odd_models / "lstm.keras").model.facts
    assert facts.inputs[0].shape_signature == (1, 6, 5)
    assert "WHILE" in {operator.name for operator in facts.operators}
    assert not facts.custom_operators


def test_of_keras_3_unrolled(converter: Converter, odd_models: Path) -> None:
    """What the hint after a crash says: it works with int8."""
    facts = made(converter, odd_models / "unrolled.keras", "int8", SAMPLES).model.facts
    assert facts.inputs[0].shape_signature == (-1, 6, 5)
    assert facts.int8_weight_share == 1.0


def test_of_keras_2(converter: Converter, odd_models: Path) -> None:
    facts = made(converter, odd_models / "lstm.h5", "int8", SAMPLES).model.facts
    assert "UNIDIRECTIONAL_SEQUENCE_LSTM" in {operator.name for operator in facts.operators}
    assert facts.int8_weight_share == 1.0


def test_exported_with_a_free_batch_size(converter: Converter, odd_models: Path) -> None:
    error = refused(converter, odd_models / "lstm")
    assert error.message == (
        "converted of lstm: it has a recurrent layer, which converts with a fixed batch size only"
    )
    assert error.hint.startswith("give the Keras model itself")
