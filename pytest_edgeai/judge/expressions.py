"""Budgets as text, for a command line: ``p95<=40ms``, or a marker as it is called."""

from __future__ import annotations

import ast
import inspect
import re
from difflib import get_close_matches
from typing import Any, NamedTuple

from pytest_edgeai.errors import UsageError
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
_COMPARISON = re.compile(r"(\w+)\s*(<=|>=|==|[<>=])\s*(\S.*)")
_LIMIT = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(\D*)")


def parse_budget(text: str) -> tuple[str, dict[str, Any]]:
    """The marker that a text stands for, and its arguments by name.

    A quantity with its limit and unit (us, ms, s; B, KB, MB, GB, where 1 MB is 1024 * 1024 bytes;
    ``/s``; fractions, or percent with ``%``), or a marker as it is called.

    Raises:
        UsageError: it stands for none, or for one whose values cannot be; the hint lists what is
            known.
    """
    comparison = _COMPARISON.fullmatch(text.strip())
    try:
        marker, args, kwargs = _compared(*comparison.groups()) if comparison else _called(text)
        parse_marker(marker, args, kwargs)
    except UsageError as error:
        raise UsageError(f"budget {text!r}: {error.message}", error.hint) from None
    return marker, dict(inspect.signature(MARKERS[marker]).bind(*args, **kwargs).arguments)


def known_budgets() -> str:
    """What a text may say, in a line."""
    named = [f"{name}{quantity.sign}" for name, quantity in _QUANTITIES.items()]
    return f"known: {', '.join(named)}; or a marker, as in max_latency_ms(p95=40, threads=4)"


def _compared(name: str, sign: str, limit: str) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
    if name not in _QUANTITIES:
        raise _unknown(name)
    quantity = _QUANTITIES[name]
    if sign != quantity.sign:
        raise UsageError(f"{name} is limited with {quantity.sign}", f"{name}{quantity.sign}{limit}")
    found = _LIMIT.fullmatch(limit)
    if not found or found[2] not in quantity.units:
        units = ", ".join(unit or "no unit" for unit in quantity.units)
        raise UsageError(
            f"{limit!r} is not a number with a unit of {name} ({units})",
            f"for example {name}{quantity.sign}{_example(quantity)}",
        )
    value = float(found[1])
    scaled = value / 100 if found[2] == "%" else value * quantity.units[found[2]]
    return quantity.marker, (), {quantity.argument: scaled}


def _example(quantity: _Quantity) -> str:
    examples = {"ms": "40ms", "MB": "4MB", "/s": "30/s"}
    return next((examples[unit] for unit in quantity.units if unit in examples), "0.02")


def _called(text: str) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
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
    if call.func.id not in MARKERS:
        raise _unknown(call.func.id)
    return call.func.id, args, kwargs


def _unknown(name: str) -> UsageError:
    near = get_close_matches(name, [*_QUANTITIES, *MARKERS], 1)
    meant = f"did you mean {near[0]}? " if near else ""
    return UsageError(f"there is no {name!r}", f"{meant}{known_budgets()}")
