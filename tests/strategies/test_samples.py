"""A batch prints as an expression that rebuilds it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pytest_edgeai.strategies import Samples, packed, sparse

TYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]
VALUES = [np.nan, np.inf, -np.inf, -0.0, 0.1, 1e-45, 3.4028235e38, 1 / 3, 16777217.0]


def rebuilt(batch: Any) -> Any:
    return eval(repr(batch), {"np": np, "sparse": sparse, "packed": packed})


def is_same(one: Any, other: Any) -> bool:
    """To the bit, but for the many kinds of NaN."""
    signs = one.dtype.kind != "f" or np.array_equal(np.signbit(one), np.signbit(other))
    return (
        one.shape == other.shape
        and one.dtype == other.dtype
        and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
        and (signs or bool(np.isnan(one).any()))
    )


@st.composite
def arrays(draw: st.DrawFn) -> Any:
    """Listed, sparse and packed ones."""
    dtype = np.dtype(draw(st.sampled_from(TYPES)))
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=12))
    if draw(st.booleans()):
        return draw(hnp.arrays(dtype, shape))
    generator = np.random.default_rng(draw(st.integers(0, 99)))
    dense = draw(st.sampled_from([0.0, 0.02, 1.0]))
    noise = generator.uniform(-9, 9, shape) * (generator.random(shape) < dense)
    return np.asarray(noise + draw(st.integers(0, 9))).astype(dtype)


@given(arrays())
def test_every_array_comes_back(array: Any) -> None:
    assert is_same(rebuilt(array.view(Samples)), array)


@given(hnp.arrays(np.float32, st.integers(1, 40), elements=st.floats(width=32)))
def test_floats_come_back_to_the_bit(array: Any) -> None:
    again = rebuilt(array.view(Samples))
    numbers = ~np.isnan(array)
    assert np.array_equal(np.isnan(again), ~numbers)
    assert again[numbers].tobytes() == array[numbers].tobytes()


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.array([[1, 0.1]], np.float32), "np.array([[1.0, 0.1]], dtype=np.float32)"),
        (np.array([-0.0, np.nan, -np.inf]), "np.array([-0.0, np.nan, -np.inf], dtype=np.float64)"),
        (np.array([[True], [False]]), "np.array([[True], [False]], dtype=bool)"),
        (np.array(["a", "'"], object), "np.array(['a', \"'\"], dtype=object)"),
        (np.uint8(7), "np.array(7, dtype=np.uint8)"),
        (np.zeros((1, 224, 224, 3), np.float32), "sparse((1, 224, 224, 3), 'float32', fill=0.0)"),
        (np.zeros((0, 3), np.int8), "sparse((0, 3), 'int8')"),
    ],
)
def test_what_it_looks_like(array: Any, text: str) -> None:
    assert repr(np.asarray(array).view(Samples)) == text


def test_a_large_one_names_what_differs() -> None:
    array = np.full((2, 100), 0.1, np.float32)
    array[1] = -0.0
    array[1, 17], array[0, 3] = np.nan, 0.0
    text = "sparse((2, 100), 'float32', fill=[0.1, -0.0], at={3: 0.0, 117: np.nan})"
    assert repr(array.view(Samples)) == text


def test_noise_is_packed() -> None:
    noise = np.random.default_rng(0).random((3, 50)).astype(np.float32)
    assert repr(noise.view(Samples)).startswith("packed((3, 50), '<f4', 'eN")
    again = rebuilt(noise.view(Samples))
    again[0] = 0  # it owns its memory
    assert np.array_equal(again[1:], noise[1:])


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("size", [3, 300])
def test_odd_values(value: float, size: int) -> None:
    with np.errstate(over="ignore"):
        array = np.full((1, size), value, np.float32)
    array[0, 1] = 1
    assert is_same(rebuilt(array.view(Samples)), array)


def test_other_byte_order_and_parts() -> None:
    array = np.arange(400).reshape(20, 20).astype(">f4")
    assert np.array_equal(rebuilt(array.view(Samples)), array)
    assert np.array_equal(rebuilt(array.view(Samples)[::2, ::5]), array[::2, ::5])


def test_what_cannot_be_written_is_printed_as_numpy_does() -> None:
    assert repr(np.array([1 + 2j]).view(Samples)) == "array([1.+2.j])"
