"""Markers, and what they say about a test."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import pytest

from pytest_edgeai.errors import UsageError, of_the_user, shown
from pytest_edgeai.judge import (
    accuracy,
    agreement,
    delegation,
    drop,
    facts,
    footprint,
    latency,
    output_error,
    regression,
    size,
    sustained,
)
from pytest_edgeai.judge.budget import Budget
from pytest_edgeai.judge.markers import (
    MARKERS,
    parse_marker,
    plain_arguments,
    signature_text,
)
from pytest_edgeai.model.source import ModelSource
from pytest_edgeai.model.variants import NAMES, Variant
from pytest_edgeai.plugin.collection import model_mark, nearest_marks

P = ParamSpec("P")
T = TypeVar("T")
MEASURED = (
    "max_latency_ms",
    "max_memory_mb",
    "max_regression",
    "max_startup_ms",
    "max_sustained_latency_ms",
    "min_throughput",
)
"""Budgets of what comes out different each time: they are judged with the run's confidence."""
DEFAULT_VARIANTS: tuple[Variant, ...] = ("converted", "dynamic", "int8")


def _decorator(signature: Callable[P, object]) -> Callable[P, pytest.MarkDecorator]:
    """A decorator that sets the mark; its arguments are judged at collection, test by test."""

    def mark(*args: P.args, **kwargs: P.kwargs) -> pytest.MarkDecorator:
        bare: pytest.MarkDecorator = getattr(pytest.mark, mark.__name__)
        if args and (inspect.isclass(args[0]) or inspect.isfunction(args[0])):
            return cast(pytest.MarkDecorator, bare(args[0]))  # written without parentheses
        return bare.with_args(*args, **kwargs)

    mark.__name__ = mark.__qualname__ = signature.__name__
    mark.__doc__ = signature.__doc__
    return mark


def _edge_model(
    location: Any = None, *, safe_mode: bool = True, signature: str | None = None, **files: Any
) -> ModelSource:
    """The model under test.

    Args:
        location: as for ``ModelSource``.
        safe_mode: False lets Keras run code that is stored in the file (Lambda layers).
        signature: which one is meant, where the model has several.
        files: ready ``.tflite`` files by variant: ``converted="a.tflite", int8="b.tflite"``, or
            ``weight_only=`` and ``mixed=``.
    """
    if (location is None) == (not files):
        raise UsageError(
            "@edge_model: give one location, or files by variant",
            'edge_model("model.keras"), or edge_model(converted="a.tflite", int8="b.tflite")',
        )
    by_variant = {name.replace("_", "-"): path for name, path in files.items()}
    return ModelSource(location if location is not None else by_variant, safe_mode, signature)


def _edge_variants(*variants: str) -> tuple[str, ...]:
    """The variants that the ``interpreter`` fixture runs a test with."""
    unknown = [name for name in variants if not isinstance(name, str) or name not in NAMES]
    if unknown or not variants:
        named = ", ".join(map(shown, unknown)) or "nothing"
        raise UsageError(f"@edge_variants: {named} is not a variant", f"known: {', '.join(NAMES)}")
    return variants


_edge_model.__name__, _edge_variants.__name__ = "edge_model", "edge_variants"
OF_MODEL: dict[str, Callable[..., object]] = {
    "edge_model": _edge_model,
    "edge_variants": _edge_variants,
}
"""Markers that say what is tested, by name."""
max_latency_ms = _decorator(latency.max_latency_ms)
max_sustained_latency_ms = _decorator(sustained.max_sustained_latency_ms)
min_throughput = _decorator(latency.min_throughput)
max_size_mb = _decorator(size.max_size_mb)
fully_quantized = _decorator(facts.fully_quantized)
no_custom_ops = _decorator(facts.no_custom_ops)
min_delegated = _decorator(delegation.min_delegated)
max_memory_mb = _decorator(footprint.max_memory_mb)
max_startup_ms = _decorator(footprint.max_startup_ms)
max_regression = _decorator(regression.max_regression)
max_accuracy_drop = _decorator(drop.max_accuracy_drop)
min_accuracy = _decorator(accuracy.min_accuracy)
min_agreement = _decorator(agreement.min_agreement)
max_output_error = _decorator(output_error.max_output_error)
edge_model = _decorator(_edge_model)
edge_variants = _decorator(_edge_variants)


def descriptions() -> list[str]:
    """Every marker with its signature and summary, for ``--markers``."""
    lines = []
    for name, function in {**OF_MODEL, **MARKERS}.items():
        summary = (function.__doc__ or "").partition("\n")[0]
        lines.append(f"{name}{signature_text(function)}: {summary}")
    return lines


def budgets_of(
    item: pytest.Item, confidence: float
) -> tuple[tuple[Budget, ...], tuple[dict[str, Any], ...]]:
    """The budgets of a test: of each marker those nearest to it, which replace those further out.

    Returns:
        The budgets, and the markers that stated them: ``marker`` and ``arguments``, plain data.

    Raises:
        UsageError: a marker with arguments that cannot be.
    """
    found: list[Budget] = []
    stated = []
    for name in MARKERS:
        for mark in nearest_marks(item, name):
            given = dict(mark.kwargs)
            if name in MEASURED and given.get("confidence") is None:
                given["confidence"] = confidence
            found += parse_marker(name, mark.args, given)
            arguments = plain_arguments(name, mark.args, given)
            stated.append({"marker": name, "arguments": arguments})
    return tuple(found), tuple(stated)


def has_own_budget(item: pytest.Item) -> bool:
    """Whether a budget stands on the test itself, not only on its class or module."""
    return any(mark.name in MARKERS for mark in item.own_markers)


def model_of(item: pytest.Item) -> ModelSource | None:
    """What the nearest ``edge_model`` marker names; None where there is none.

    Raises:
        UsageError: arguments that cannot be.
    """
    mark = model_mark(item)
    return None if mark is None else _called(_edge_model, mark)


def refuse_unknown_variants(marks: list[pytest.Mark]) -> None:
    """Look at what the nearest ``edge_variants`` marker lists.

    Raises:
        UsageError: names that are not variants.
    """
    for mark in marks[:1]:
        _called(_edge_variants, mark)


def _called(function: Callable[..., T], mark: pytest.Mark) -> T:
    """What a marker stands for; wrong arguments are an error that repeats its signature."""
    try:
        inspect.signature(function).bind(*mark.args, **mark.kwargs)
    except TypeError as error:
        signature = f"{mark.name}{signature_text(function)}"
        raise UsageError(f"@{mark.name}: {error}", f"the signature is {signature}") from None
    with of_the_user(f"@{mark.name}"):
        return function(*mark.args, **mark.kwargs)
