"""Every situation as a test that fails."""

from __future__ import annotations

from typing import Any

import pytest
from situations import SITUATIONS


@pytest.fixture
def evaluation_data(name: str) -> Any:
    return SITUATIONS[name].data()


def of(variant: str) -> Any:
    return pytest.mark.parametrize(
        "name",
        [
            pytest.param(name, marks=situation.marks, id=name)
            for name, situation in SITUATIONS.items()
            if situation.variant == variant
        ],
    )


@of("converted")
def test_float(converted_interpreter: Any, name: str) -> None:
    SITUATIONS[name].body(converted_interpreter)


@of("int8")
def test_int8(int8_interpreter: Any, name: str) -> None:
    SITUATIONS[name].body(int8_interpreter)


@of("int16x8")
def test_int16(int16x8_interpreter: Any, name: str) -> None:
    SITUATIONS[name].body(int16x8_interpreter)
