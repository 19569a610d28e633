"""Real values as integers and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pytest_edgeai.device.quantisation import (
    dequantise,
    is_quantised,
    native,
    quantise,
    real_range,
)
from pytest_edgeai.errors import TensorError

INTEGERS = [np.int8, np.uint8, np.int16, np.int32]


def details(dtype: Any, scale: float = 0.0, zero_point: int = 0, **more: Any) -> dict[str, Any]:
    return {"name": "x", "dtype": dtype, "quantization": (scale, zero_point), **more}


@st.composite
def tensors(draw: st.DrawFn) -> dict[str, Any]:
    """Details of a quantised tensor: a scale is stored as float32."""
    dtype = draw(st.sampled_from(INTEGERS))
    limits = np.iinfo(dtype)
    scale = draw(st.floats(2**-20, 2**10, width=32))
    return details(dtype, scale, draw(st.integers(limits.min // 2, limits.max // 2)))


@given(tensors(), st.data())
def test_what_is_stored_survives_the_round_trip(
    tensor: dict[str, Any], data: st.DataObject
) -> None:
    stored = data.draw(hnp.arrays(tensor["dtype"], 5))
    tolerance = 2**8 if tensor["dtype"] is np.int32 else 0  # float32 has 24 bits
    back = quantise(dequantise(stored, tensor), tensor)
    assert back.dtype == stored.dtype
    assert np.abs(back.astype(np.int64) - stored).max() <= tolerance


@given(tensors(), st.data())
def test_within_half_a_step_and_saturated_beyond(
    tensor: dict[str, Any], data: st.DataObject
) -> None:
    scale, _ = tensor["quantization"]
    low, high = real_range(tensor)
    wide = st.floats(2 * low, 2 * high, width=64)
    values = np.array(data.draw(st.lists(wide, min_size=1, max_size=5)))
    stored = quantise(values, tensor)
    real = (stored.astype(np.float64) - tensor["quantization"][1]) * scale
    assert np.all(np.abs(real - np.clip(values, low, high)) <= scale * 0.500001)


@pytest.mark.parametrize(
    ("dtype", "zero_point", "ends"),
    [(np.uint8, 128, [0, 255]), (np.int8, -1, [-128, 127]), (np.int16, 0, [-(2**15), 2**15 - 1])],
)
def test_far_beyond(dtype: Any, zero_point: int, ends: list[int]) -> None:
    tensor = details(dtype, 0.5, zero_point)
    assert quantise(np.array([-1e30, 1e30]), tensor).tolist() == ends


def test_as_tensorflow_lite_computes_it() -> None:
    tensor = details(np.uint8, 0.0078125, 128)
    assert quantise(np.array([-1, 0, 0.5, 0.992], np.float32), tensor).tolist() == [
        0,
        128,
        192,
        255,
    ]
    assert dequantise(np.array([0, 128, 255], np.uint8), tensor).tolist() == [-1, 0, 0.9921875]
    assert real_range(tensor) == (-1, 0.9921875)


@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.bool_])
def test_what_is_not_quantised_stays(dtype: Any) -> None:
    values = np.array([1, 0], dtype)
    assert not is_quantised(details(dtype))
    assert quantise(values, details(dtype)) is values
    assert dequantise(values, details(dtype)) is values


def test_text_becomes_bytes() -> None:
    stored = quantise(np.array(["naïve", b"\xff\x00a"], object), details(np.bytes_))
    assert stored.tolist() == ["naïve".encode(), b"\xff\x00a"]


@pytest.mark.parametrize(
    ("dtype", "values", "text"),
    [
        (np.float32, np.array(["1"]), "takes float values, not <U1 (predict() takes real values"),
        (np.float32, np.array([None]), "takes float values, not object"),
        (np.float32, np.array([1j]), "takes float values, not complex128"),
        (np.int64, np.array([1.5]), "is int64 and takes whole numbers, from -9223372036854775808"),
        (np.int64, np.array([np.nan]), "is int64 and takes whole numbers"),
        (np.int64, np.array([2.0**63]), "is int64 and takes whole numbers"),
        (np.bool_, np.array([2]), "is bool and takes 0 and 1: a value does not fit into it"),
        (np.uint8, np.array([-1]), "is uint8 and takes whole numbers, from 0 to 255: a value does"),
        (np.uint8, np.array([256.0]), "is uint8 and takes whole numbers, from 0 to 255: a value"),
        (np.bytes_, np.array([1]), "takes string values, not int64"),
    ],
)
def test_other_kinds_are_refused(dtype: Any, values: np.ndarray[Any, Any], text: str) -> None:
    with pytest.raises(TensorError) as caught:
        quantise(values, details(dtype))
    assert f"input 'x' {text}" in str(caught.value)


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        (np.float32, np.array([0, 255], np.uint8)),
        (np.float32, np.array([True, False])),
        (np.uint8, np.array([0.0, 255.0])),
        (np.int32, np.array([-3.0, 7.0], np.float32)),
        (np.int64, np.array([2], np.uint8)),
        (np.bool_, np.array([1.0, 0.0])),
        (np.bool_, np.array([0, 1])),
    ],
)
def test_whole_numbers_are_their_values_in_any_dtype(
    dtype: Any, values: np.ndarray[Any, Any]
) -> None:
    stored = quantise(values, details(dtype))
    assert stored.dtype == dtype
    assert stored.tolist() == values.tolist()


def test_pixels_are_real_values_of_a_quantised_input() -> None:
    pixels = np.array([0, 128, 255], np.uint8)
    assert quantise(pixels, details(np.int8, 1.0, -128)).tolist() == [-128, 0, 127]
    assert quantise(pixels, details(np.uint8, 1.0, 0)).tolist() == [0, 128, 255]
    assert quantise(pixels, details(np.uint8, 0.9, 0)).tolist() == [0, 142, 255]


def test_what_is_quantised_already_is_refused() -> None:
    with pytest.raises(TensorError) as caught:
        quantise(np.array([0, 3, 200, 255], np.uint8), details(np.uint8, 1 / 255, 0))
    assert "input 'x' takes real values, from 0 to 1: the uint8 values go from 0 to 255" in str(
        caught.value
    )
    assert "already quantised tensors go in with set_tensor()" in str(caught.value)


@given(hnp.arrays(st.sampled_from([">f4", "<f4", ">i2", "<u8", "?"]), 4))
def test_native_byte_order(values: np.ndarray[Any, Any]) -> None:
    assert native(values).dtype.isnative
    assert np.array_equal(native(values), values, equal_nan=values.dtype.kind == "f")
