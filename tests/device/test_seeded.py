"""Values of inputs that nobody gave."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.device.seeded import seeded_input
from pytest_edgeai.errors import InterpreterError

Open = Callable[..., Interpreter]


def drawn(dtype: Any, most: int | None = None, scale: float = 0.0) -> tuple[Any, str]:
    details = {"name": "x", "dtype": dtype, "shape": [100, 100], "quantization": (scale, 0)}
    values, origin = seeded_input(details, np.random.default_rng(0), most)
    assert (values.shape, values.dtype) == ((100, 100), np.dtype(dtype))
    assert origin.is_made_up
    return values, origin.text


@pytest.mark.parametrize(
    ("dtype", "scale", "most", "low", "high", "origin"),
    [
        (np.float32, 0, None, 0, 1, "seeded random values"),
        (np.float16, 0, None, 0, 1, "seeded random values"),
        (np.bool_, 0, None, 0, 1, "seeded random values"),
        (np.int8, 0.1, None, -128, 127, "seeded random values"),
        (np.uint8, 0.1, None, 0, 255, "seeded random values"),
        (np.int16, 0.1, None, -32767, 32767, "seeded random values"),
        (np.uint8, 0, None, 1, 255, "seeded integers 1..255"),
        (np.int8, 0, None, 1, 127, "seeded integers 1..127"),
        (np.int32, 0, None, 1, 9, "seeded integers 1..9"),
        (np.int64, 0, None, 1, 9, "seeded integers 1..9"),
        (np.int32, 0, 49, 1, 49, "seeded integers 1..49"),
        (np.int64, 0, 0, 0, 0, "seeded integers 0..0"),
        (np.uint8, 0, 999, 1, 255, "seeded integers 1..255"),
    ],
)
def test_values_fit_the_dtype(
    dtype: Any, scale: float, most: int | None, low: int, high: int, origin: str
) -> None:
    values, text = drawn(dtype, most, scale)
    ends = [round(float(values.min())), round(float(values.max()))]
    assert ends == pytest.approx([low, high], abs=9 if dtype == np.int16 else 0)
    assert text == origin


def test_text_is_no_emptiness() -> None:
    details = {"name": "x", "dtype": np.bytes_, "shape": [2], "quantization": (0.0, 0)}
    values, origin = seeded_input(details, np.random.default_rng(0))
    assert values.tolist() == [b"some text"] * 2
    assert origin.text == "the text 'some text'"


@pytest.mark.parametrize(
    ("name", "origin"),
    [
        ("word_of_number", "seeded integers 1..2"),
        ("parts_of_100", "seeded integers 1..9"),
        ("best_k", "seeded random values, seeded integers 1..8"),
        ("not_bool", "seeded random values"),
        ("number_of_word", "the text 'some text'"),
        ("next_int64", "seeded integers 1..9"),
    ],
)
def test_a_model_runs_on_them(tiny: Path, open_model: Open, name: str, origin: str) -> None:
    model = open_model(tiny / f"{name}.tflite")
    assert len(model.time_runs(3, 0.0, 3, 1.0)) == 3
    assert sorted(str(model.input_origin).split(", ")) == sorted(origin.split(", "))


def test_a_model_that_cannot_take_them_is_not_said_to_be_wrong(
    tiny: Path, open_model: Open
) -> None:
    """What is added to an input before it is an index shows in no shape."""
    model = open_model(tiny / "far_word.tflite")
    with pytest.raises(InterpreterError) as caught:
        model.time_runs(1, 0.0, 1, 0.0)
    assert caught.value.hint.startswith(
        "it ran on seeded integers 1..9, made up here: where it cannot take them, set inputs in "
        "the test's body, or define an `evaluation_data` fixture"
    )
