"""Budgets as text, for a command line: ``p95<=40ms``, or a marker as it is called."""

from __future__ import annotations

import ast
import inspect
import re
from difflib import get_close_matches
from typing import Any, NamedTuple

from pytest_edgeai.errors import UsageError
from pytest_edgeai.judge.examples import EXAMPLES, called, with_limit
from pytest_edgeai.judge.markers import MARKERS, parse_marker
from pytest_edgeai.judge.statistics import STATISTICS

_MS = {"us": 1e-3, "ms": 1.0, "s": 1e3}
_MB = {"B": 1 / 1024**2, "KB": 1 / 1024, "MB": 1.0, "GB": 1024.0}
_PER_SECOND = {"/s": 1.0}
_FRACTION = {"": 1.0, "%": 0.01}


class _Quantity(NamedTuple):
    """What stands left of a limit, and what a limit is in the marker's unit."""

    marker: str
    argument: str
    units: dict[str, float]

    @property
    def sign(self) -> str:
        return ">=" if self.marker.startswith("min_") else "<="

    @property
    def own_unit(self) -> str:
        """The marker's."""
        return next(unit for unit, factor in self.units.items() if factor == 1.0)

    @property
    def example(self) -> str:
        return f"{next(iter(EXAMPLES[self.marker].values()))}{self.own_unit}"


_QUANTITIES = {
    **{name: _Quantity("max_latency_ms", name, _MS) for name in STATISTICS},
    "size": _Quantity("max_size_mb", "limit", _MB),
    "memory": _Quantity("max_memory_mb", "limit", _MB),
    "startup": _Quantity("max_startup_ms", "limit", _MS),
    "throughput": _Quantity("min_throughput", "per_second", _PER_SECOND),
    "accuracy": _Quantity("min_accuracy", "limit", _FRACTION),
    "accuracy_drop": _Quantity("max_accuracy_drop", "limit", _FRACTION),
    "agreement": _Quantity("min_agreement", "limit", _FRACTION),
    "delegated": _Quantity("min_delegated", "share", _FRACTION),
}
_COMPARISON = re.compile(r"(\w[\w -]*?)\s*([^\w\s.,'\"()\[\]{}*+/-]+)\s*(.*)")
_SIGNS = {"≤": "<=", "≥": ">="}
_LIMIT = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(\D*)")
_OTHER_UNITS = {
    "kib": "KB",
    "mib": "MB",
    "gib": "GB",
    "\N{MICRO SIGN}s": "us",
    "\N{GREEK SMALL LETTER MU}s": "us",
    "fps": "/s",
    "per second": "/s",
    "percent": "%",
}


def parse_budget(text: str) -> tuple[str, dict[str, Any]]:
    """The marker that a text stands for, and its arguments by name.

    A quantity with its limit and unit (us, ms, s; B, KB, MB, GB, where 1 MB is 1024 * 1024 bytes;
    ``/s``; fractions, or percent with ``%``), or a marker as it is called.

    Raises:
        UsageError: it stands for none, or for one whose values cannot be; the hint says what is
            likely to be meant, or lists what is known.
    """
    comparison = _COMPARISON.fullmatch(text.strip())
    try:
        return _compared(*comparison.groups()) if comparison else _called(text)
    except UsageError as error:
        raise UsageError(f"budget {text!r}: {error.message}", error.hint) from None


def known_budgets() -> str:
    """What a text may say, in a line."""
    named = [f"{name}{quantity.sign}" for name, quantity in _QUANTITIES.items()]
    return f"known: {', '.join(named)}; or a marker, as in max_latency_ms(p95=40, threads=4)"


def likely_limit(marker: str, argument: str, given: Any) -> float | None:
    """What a limit that cannot be may stand for, in the marker's unit: ``4MB`` is 4."""
    for quantity in _QUANTITIES.values():
        if (quantity.marker, quantity.argument) == (marker, argument):
            return _value(quantity, _respelt(quantity, str(given)))
    return None


def _compared(name: str, sign: str, limit: str) -> tuple[str, dict[str, Any]]:
    """A quantity with its limit."""
    if name not in _QUANTITIES:
        raise _unknown(name, limit)
    quantity = _QUANTITIES[name]
    if not limit:
        raise _unlimited(name)
    if _SIGNS.get(sign, sign) != quantity.sign:
        raise UsageError(f"{name} is limited with {quantity.sign}", _meant(name, limit))
    value = _value(quantity, limit)
    if value is None:
        units = ", ".join(unit or "no unit" for unit in quantity.units)
        wrong = f"{limit!r} is not a number with a unit of {name} ({units})"
        raise UsageError(wrong, _meant(name, limit))
    try:
        parse_marker(quantity.marker, (), {quantity.argument: value})
    except UsageError as error:
        wrong = error.message.removeprefix(f"@{quantity.marker}: ")
        raise UsageError(wrong, _meant(name, limit)) from None
    return quantity.marker, {quantity.argument: value}


def _value(quantity: _Quantity, limit: str) -> float | None:
    """A limit in the marker's unit; None where it is no number with one of the units."""
    found = _LIMIT.fullmatch(limit)
    if not found or found[2] not in quantity.units:
        return None
    value = float(found[1])
    return value / 100 if found[2] == "%" else value * quantity.units[found[2]]


def _meant(name: str, limit: str) -> str:
    """The text that is likely to be meant, or an example."""
    quantity = _QUANTITIES[name]
    likely = _respelt(quantity, limit)
    try:
        parse_marker(quantity.marker, (), {quantity.argument: _value(quantity, likely)})
    except UsageError:
        return f"for example {name}{quantity.sign}{quantity.example}"
    return f"did you mean {name}{quantity.sign}{likely}?"


def _respelt(quantity: _Quantity, limit: str) -> str:
    """With a point for a decimal comma, and the unit as it is written here."""
    found = _LIMIT.fullmatch(re.sub(r"(\d),(\d{1,2})(?!\d)", r"\1.\2", limit.strip("<>= ")))
    if not found:
        return limit
    number, unit = found[1], found[2].strip().lower()
    known = {**_OTHER_UNITS, **{name.lower(): name for name in quantity.units}}
    if not unit:
        unit = "%" if "%" in quantity.units and float(number) > 1 else quantity.own_unit
    return f"{number}{known.get(unit, unit)}"


def _called(text: str) -> tuple[str, dict[str, Any]]:
    """A marker with or without parentheses; its arguments are literals."""
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        call = ast.Call(tree, [], []) if isinstance(tree, ast.Name) else tree
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            raise ValueError
        args = tuple(ast.literal_eval(argument) for argument in call.args)
        kwargs = {str(word.arg): ast.literal_eval(word.value) for word in call.keywords if word.arg}
        if len(kwargs) < len(call.keywords):
            raise ValueError
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        raise UsageError("it is no budget", known_budgets()) from None
    name = call.func.id
    if name in _QUANTITIES:
        raise _unlimited(name)
    if name not in MARKERS:
        raise _unknown(name)
    parse_marker(name, args, kwargs)
    return name, dict(inspect.signature(MARKERS[name]).bind(*args, **kwargs).arguments)


def _unlimited(name: str) -> UsageError:
    quantity = _QUANTITIES[name]
    quoted = f'"{name}{quantity.sign}{quantity.example}"'
    return UsageError("a limit is missing", f"in a shell, quote it: {quoted}")


def _unknown(name: str, limit: str = "") -> UsageError:
    """The error for a name that is no quantity."""
    plain = re.sub(r"[ -]+", "_", name.lower())
    near = next(iter(get_close_matches(plain, [*_QUANTITIES, *MARKERS], 1)), None)
    if near is None:
        return UsageError(f"there is no {name!r}", known_budgets())
    if near in MARKERS and limit:
        wrong = f"{name} is a marker" if near == name else f"there is no {name!r}"
        return UsageError(wrong, f"did you mean {_as_a_call(near, limit)}?")
    if limit:
        return UsageError(f"there is no {name!r}", _meant(near, limit))
    return UsageError(f"there is no {name!r}", f"did you mean {near}? {known_budgets()}")


def _as_a_call(marker: str, limit: str) -> str:
    plain = _Quantity(marker, "", {"": 1.0})
    own = next((known for known in _QUANTITIES.values() if known.marker == marker), plain)
    return called(marker, with_limit(marker, _value(own, _respelt(own, limit))))
