"""The budget markers by name; each is the signature of a function that stands by its budget."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any

from pytest_edgeai.errors import UsageError, raised
from pytest_edgeai.judge.accuracy import min_accuracy
from pytest_edgeai.judge.agreement import min_agreement
from pytest_edgeai.judge.budget import Budget
from pytest_edgeai.judge.delegation import min_delegated
from pytest_edgeai.judge.drop import max_accuracy_drop
from pytest_edgeai.judge.facts import fully_quantized, no_custom_ops
from pytest_edgeai.judge.footprint import max_memory_mb, max_startup_ms
from pytest_edgeai.judge.latency import max_latency_ms, min_throughput
from pytest_edgeai.judge.metrics import Metric, metric_of
from pytest_edgeai.judge.output_error import max_output_error
from pytest_edgeai.judge.regression import max_regression
from pytest_edgeai.judge.size import max_size_mb
from pytest_edgeai.judge.sustained import max_sustained_latency_ms

MARKERS: dict[str, Callable[..., tuple[Budget, ...]]] = {
    function.__name__: function
    for function in (
        max_latency_ms,
        min_throughput,
        max_size_mb,
        fully_quantized,
        no_custom_ops,
        min_delegated,
        max_memory_mb,
        max_startup_ms,
        max_accuracy_drop,
        min_accuracy,
        min_agreement,
        max_output_error,
        max_regression,
        max_sustained_latency_ms,  # the last: it heats the device
    )
}


def parse_marker(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Budget, ...]:
    """The budgets of a marker.

    Raises:
        UsageError: arguments that its signature does not take, or values that cannot be; the hint
            repeats the signature.
    """
    function = MARKERS[name]
    signature = f"{name}{signature_text(function)}"
    try:
        inspect.signature(function).bind(*args, **kwargs)
        return function(*args, **kwargs)
    except UsageError as error:
        hint = f"{error.hint}; " if error.hint else ""
        raise UsageError(
            f"@{name}: {error.message}", f"{hint}the signature is {signature}"
        ) from None
    except TypeError as error:
        raise UsageError(f"@{name}: {error}", f"the signature is {signature}") from None
    except Exception as error:  # of what the arguments are
        raise UsageError(f"@{name}: {raised(error)}", f"the signature is {signature}") from error


def plain_arguments(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a marker that parses, by name, as plain data; ``given_again`` reads them."""
    bound = inspect.signature(MARKERS[name]).bind(*args, **kwargs).arguments
    return {key: _plain(value) for key, value in bound.items() if value is not None}


def given_again(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Keyword arguments of a marker, from what ``plain_arguments`` made of them."""
    return {
        key: Metric(_only_in_tests, **value) if isinstance(value, Mapping) else value
        for key, value in arguments.items()
    }


def _plain(value: Any) -> Any:
    """A user's own metric is a name, and which way is better."""
    if isinstance(value, Metric) or callable(value):
        metric = metric_of(value)
        if metric.function is None:
            return metric.name
        return {"name": metric.name, "higher_is_better": metric.higher_is_better}
    if isinstance(value, Real) and not isinstance(value, (bool, int, float)):
        return float(value)  # of numpy, or a Fraction
    return value


def _only_in_tests(labels: Any, predictions: Any) -> float:
    raise UsageError("a metric that is a function is not in the report", "run the tests again")


def signature_text(function: Callable[..., object]) -> str:
    """What a marker takes, without types: ``(limit, *, metric='accuracy')``."""
    taken = inspect.signature(function).parameters.values()
    bare = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in taken]
    return str(inspect.Signature(bare))
