"""Odd values and odd exceptions, by name: what a user's code may hold, return or raise."""

from __future__ import annotations

import array
import builtins
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import subprocess
import types
import uuid
from collections import UserDict, namedtuple
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock, Mock

import numpy as np
import pytest


class Color(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    ONE = 1


class Word(str, enum.Enum):
    INT8 = "int8"


class Bits(enum.Flag):
    A = 1


class IntChild(int):
    pass


class FloatChild(float):
    pass


class StrChild(str):
    __slots__ = ()


class UpsetError(Exception):
    """What odd objects raise."""


def _refuse(*args: Any, **kwargs: Any) -> Any:
    raise UpsetError("an odd object refuses this")


def refusing(*names: str, base: type = object) -> Any:
    """An object of which these methods raise."""
    body = {"__hash__": base.__hash__, **dict.fromkeys(names, _refuse)}
    return type(f"Refuses{names[0].strip('_').title()}", (base,), body)()


@dataclasses.dataclass
class Point:
    x: float = 0.5


class Nameless:
    """A callable with a name that is none."""

    __name__ = property(_refuse)

    def __call__(self, *args: Any) -> float:
        return 0.5


def recursive() -> list[Any]:
    made: list[Any] = []
    made.append(made)
    return made


def deep() -> list[Any]:
    made: list[Any] = []
    for _ in range(100_000):
        made = [made]
    return made


def numbers() -> Iterator[float]:
    yield 0.5


VALUES: dict[str, Any] = {
    "nan": float("nan"),
    "inf": float("inf"),
    "minus_inf": float("-inf"),
    "tiny": 5e-324,
    "largest": 1.7976931348623157e308,
    "np_float16": np.float16(0.5),
    "np_float32": np.float32(0.5),
    "np_float64": np.float64(0.5),
    "np_longdouble": np.longdouble("0.5"),
    "np_nan": np.float32("nan"),
    "np_int8": np.int8(1),
    "np_uint64": np.uint64(2**64 - 1),
    "np_bool": np.bool_(True),
    "np_str": np.str_("int8"),
    "np_bytes": np.bytes_(b"\xff"),
    "np_date": np.datetime64("2026-01-01"),
    "np_complex": np.complex64(1j),
    "np_scalar_array": np.array(0.5),
    "np_one": np.array([0.5]),
    "np_several": np.arange(3.0),
    "np_none": np.empty((0, 2)),
    "np_objects": np.array([None, "x"], object),
    "np_record": np.zeros(2, [("a", "f4"), ("b", "i4")]),
    "np_masked": np.ma.masked_array([0.5, 1.0], [True, False]),
    "int_2_63": 2**63,
    "int_of_401_digits": 10**400,
    "int_of_5001_digits": 10**5000,
    "minus_int_of_5001_digits": -(10**5000),
    "decimal": decimal.Decimal("0.5"),
    "decimal_nan": decimal.Decimal("NaN"),
    "decimal_signalling_nan": decimal.Decimal("sNaN"),
    "fraction": fractions.Fraction(1, 2),
    "fraction_over_all_floats": fractions.Fraction(10**400, 3),
    "complex": 0.5j,
    "true": True,
    "enum": Color.RED,
    "int_enum": Level.ONE,
    "str_enum": Word.INT8,
    "flag": Bits.A,
    "int_child": IntChild(1),
    "float_child": FloatChild(0.5),
    "str_child": StrChild("int8"),
    "none": None,
    "ellipsis": ...,
    "not_implemented": NotImplemented,
    "bytes": b"\xff\xfe",
    "bytearray": bytearray(b"x"),
    "memoryview": memoryview(b"x"),
    "surrogate": "caf\udce9",
    "nul": "a\0b",
    "empty": "",
    "blank": " \n\t",
    "escape": "\x1b[31mred\x1b[0m",
    "long": "x" * 100_000,
    "markup": "<b>&amp;]]>|`*_",
    "template": "%s {0} {x}",
    "path": Path("no/such/file"),
    "surrogate_path": Path("caf\udce9.tflite"),
    "no_file": "no/such/file.tflite",
    "folder": ".",
    "no_function": "no_such_module:function",
    "date": datetime.datetime(2026, 1, 1),
    "duration": datetime.timedelta(1),
    "uuid": uuid.UUID(int=0),
    "list": [0.5],
    "empty_list": [],
    "recursive_list": recursive(),
    "deep_list": deep(),
    "ragged": [[1], [1, 2]],
    "tuple_of_3": (1, 2, 3),
    "empty_tuple": (),
    "named_tuple": namedtuple("Pair", "a b")(1, 2),
    "set": {1, 2},
    "dict": {1: 2, None: 3},
    "dict_of_text": {"caf\udce9": "\udce9"},
    "empty_dict": {},
    "user_dict": UserDict(a=1),
    "mapping_proxy": types.MappingProxyType({"x": 1}),
    "range": range(3),
    "slice": slice(1),
    "array": array.array("d", [0.5]),
    "iterator": iter([1, 2]),
    "generator": numbers(),
    "lambda": lambda *args: 0.5,
    "partial": functools.partial(max, 1),
    "nameless": Nameless(),
    "builtin": len,
    "class": Point,
    "object": object(),
    "dataclass": Point(),
    "module": types,
    "exception": ValueError("a value, not raised"),
    "exception_class": ValueError,
    "mock": Mock(),
    "magic_mock": MagicMock(),
    "refuses_eq": refusing("__eq__", "__ne__"),
    "refuses_hash": refusing("__hash__"),
    "refuses_bool": refusing("__bool__"),
    "refuses_len": refusing("__len__"),
    "refuses_iter": refusing("__iter__", "__len__", "__getitem__"),
    "refuses_repr": refusing("__repr__"),
    "refuses_str": refusing("__str__", "__repr__", "__format__"),
    "refuses_float": refusing("__float__", "__int__", "__index__"),
    "refuses_array": refusing("__array__"),
    "refuses_path": refusing("__fspath__"),
    "refuses_call": refusing("__call__"),
    "refuses_attributes": refusing("__getattr__"),
    "refuses_text": refusing("__str__", "__repr__", "__eq__", "__hash__", base=str),
    "refuses_number": refusing("__float__", "__repr__", "__lt__", "__gt__", base=float),
}
"""No two are odd in the same way."""


class NoTextError(Exception):
    __str__ = __repr__ = _refuse


class Base(BaseException):
    pass


class NoPickleError(Exception):
    def __init__(self, a: object, b: object) -> None:
        super().__init__("pickled with one argument, made with two")

    def __reduce__(self) -> Any:
        raise UpsetError("no pickle")


def with_notes(error: BaseException, notes: Any) -> BaseException:
    error.__notes__ = notes
    return error


def in_circle() -> BaseException:
    error = ValueError("in a circle")
    error.__cause__ = KeyError("of causes")
    error.__cause__.__cause__ = error
    return error


GROUP: Any = getattr(builtins, "ExceptionGroup", ValueError)  # since Python 3.11
ERRORS: dict[str, Callable[[], BaseException]] = {
    "without_text": ValueError,
    "empty_text": lambda: ValueError(""),
    "surrogate": lambda: ValueError("caf\udce9"),
    "nul": lambda: ValueError("a\0b\x1b[31m"),
    "long": lambda: ValueError("x" * 100_000),
    "many_lines": lambda: ValueError("\n" * 1_000),
    "bytes": lambda: ValueError(b"\xff"),
    "array": lambda: ValueError(np.arange(3)),
    "int_of_5001_digits": lambda: ValueError(10**5000),
    "no_text_at_all": NoTextError,
    "refusing_argument": lambda: ValueError(VALUES["refuses_str"]),
    "key": lambda: KeyError(np.float32("nan")),
    "no_pickle": lambda: NoPickleError(1, 2),
    "notes": lambda: with_notes(ValueError("with notes"), ["one", "caf\udce9"]),
    "circle": in_circle,
    "group": lambda: GROUP("caf\udce9", [ValueError(), NoTextError()]),
    "os": lambda: OSError(2, "caf\udce9", "caf\udce9"),
    "unicode": lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, "odd"),
    "timeout": lambda: subprocess.TimeoutExpired(["x"], 1),
    "stop": StopIteration,
    "stop_async": StopAsyncIteration,
    "assertion": lambda: AssertionError((1, "caf\udce9")),
    "recursion": RecursionError,
    "memory": MemoryError,
    "not_implemented": NotImplementedError,
    "exit": lambda: SystemExit(0),
    "exit_text": lambda: SystemExit("caf\udce9"),
    "generator_exit": GeneratorExit,
    "base": lambda: Base("no Exception"),
    "warning": lambda: UserWarning("caf\udce9"),
    "failed": lambda: pytest.fail.Exception("caf\udce9"),
    "failed_without_trace": lambda: pytest.fail.Exception("", pytrace=False),
    "skipped": lambda: pytest.skip.Exception("caf\udce9"),
    "xfailed": lambda: pytest.xfail.Exception("caf\udce9"),
}
