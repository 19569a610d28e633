"""Arrays that an agent on this machine maps, and what it gets where it cannot."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from pytest_edgeai.device import agent, connection
from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.device.window import Window

LARGE = (40, 224, 224, 3)


@given(
    st.lists(
        arrays_of.arrays(
            arrays_of.scalar_dtypes(), arrays_of.array_shapes(min_dims=0, max_side=40)
        ),
        max_size=4,
    )
)
def test_what_was_put_is_what_is_read(arrays: list[Any]) -> None:
    window = Window()
    agent.WINDOWS.clear()  # an agent has one in its life
    for _ in range(2):  # a window is used again and again
        window.clear()
        packed = [window.put(array) for array in arrays]
        for array, read in zip(arrays, agent.unpack(packed), strict=True):
            assert (read.dtype, read.shape) == (array.dtype, array.shape)
            assert read.tobytes() == array.tobytes()


def test_slices_with_gaps_and_a_window_that_grows() -> None:
    window, values = Window(), np.arange(6000, dtype=np.float32).reshape(60, 100)
    agent.WINDOWS.clear()
    small, gaps = window.put(values[:2]), window.put(values[::2, ::3])
    np.testing.assert_array_equal(agent.unpack(small), values[:2])
    np.testing.assert_array_equal(agent.unpack(gaps), values[::2, ::3])
    large = window.put(np.ones((3000, 100)))
    np.testing.assert_array_equal(agent.unpack(small), values[:2])
    assert agent.unpack(large).sum() == 300_000


def test_nothing_of_it_is_left() -> None:
    window = Window()
    path = window.path
    assert os.access(path, os.R_OK)
    del window
    assert not os.access(path, os.R_OK)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The bytes of each array that travels to an agent."""
    travelled: list[int] = []
    pack = agent.pack

    def noted(value: Any, store: Any = None) -> Any:
        if isinstance(value, np.ndarray) and store is None:
            travelled.append(value.nbytes)
        return pack(value, store)

    monkeypatch.setattr(connection.agent, "pack", noted)
    return travelled


def test_a_batch_does_not_travel(open_model: Any, realdata: Path, sent: list[int]) -> None:
    interpreter = open_model(realdata / "models" / "mobilenet_v1_0.25_224_float.tflite")
    batch = np.random.default_rng(0).random(LARGE, np.float32)
    answers = interpreter.predict(batch)
    assert sent == []
    inputs = interpreter.inputs()
    np.testing.assert_array_equal(next(iter(inputs.values())), batch[-1:])  # its own, not mapped
    interpreter.predict(np.zeros(LARGE, np.float32))
    np.testing.assert_array_equal(next(iter(inputs.values())), batch[-1:])
    assert answers.shape == (40, 1001)


def test_it_travels_where_the_agent_cannot_see_it(
    open_model: Any, realdata: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = realdata / "models" / "mobilenet_v1_0.25_224_float.tflite"
    batch = np.random.default_rng(0).random(LARGE, np.float32)
    answers = open_model(path).predict(batch)
    monkeypatch.setattr(
        Window, "path", property(lambda window: "/nowhere", lambda *_: None), raising=False
    )
    interpreter: Interpreter = open_model(path)
    assert interpreter.predict(batch).tobytes() == answers.tobytes()
