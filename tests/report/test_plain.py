"""What crosses from a user's objects into records is plain, whatever it was."""

from __future__ import annotations

import enum
import fractions
import json
import math
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import execnet
import numpy as np
import pytest

from pytest_edgeai.report.plain import as_json, plain


class Color(enum.Enum):
    RED = "red"


class Text(str):
    __slots__ = ()

    def __str__(self) -> str:
        raise OSError


class Refusing:
    def __getattribute__(self, name: str) -> Any:
        raise OSError


def recursive() -> list[Any]:
    made: list[Any] = []
    made.append(made)
    return made


@pytest.mark.parametrize(
    ("value", "made"),
    [
        (np.float32(0.5), 0.5),
        (np.float64(0.5), 0.5),
        (np.int8(-3), -3),
        (np.bool_(True), True),
        (np.arange(3), [0, 1, 2]),
        (np.array(2.5), 2.5),
        (Decimal("0.5"), 0.5),
        (fractions.Fraction(1, 2), 0.5),
        (Color.RED, "red"),
        (Text("a"), "a"),
        ("caf\udce9", "caf\\udce9"),
        ("café", "café"),
        (b"\xff", "\\xff"),
        (Path("a/b"), "a/b"),
        ((1, {2}), [1, [2]]),
        ({"a": np.float32(1)}, {"a": 1.0}),
        ({Path("caf\udce9"): 1}, None),
        (2**63 - 1, 2**63 - 1),
        (2**63, 2.0**63),
        (10**5000, math.inf),
        (-(10**5000), -math.inf),
        (fractions.Fraction(10**400, 3), math.inf),
        (None, None),
        (True, True),
    ],
    ids=lambda value: type(value).__name__,
)
def test_plain_and_the_same(value: Any, made: Any) -> None:
    found = plain(value)
    assert made is None or (found == made and type(found) is type(made))
    assert execnet.loads(execnet.dumps(found)) == found
    json.dumps(as_json(value), allow_nan=False)


@pytest.mark.parametrize("make", [Refusing, recursive, object, lambda: Decimal("sNaN"), lambda: 1j])
def test_what_has_no_plain_form_is_shown(make: Callable[[], Any]) -> None:
    execnet.dumps(plain(make()))
    json.dumps(as_json(make()), allow_nan=False)


def test_null_where_json_has_no_number() -> None:
    assert as_json({"a": (math.nan, -math.inf, 1.5)}) == {"a": [None, None, 1.5]}
