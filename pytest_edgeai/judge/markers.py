"""The budget markers: each is the signature of its function here, and its result the budgets."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from numbers import Real
from typing import Any

from pytest_edgeai.errors import UsageError
from pytest_edgeai.judge.accuracy import AccuracyDropBudget, MinAccuracyBudget
from pytest_edgeai.judge.agreement import AgreementBudget
from pytest_edgeai.judge.budget import DEFAULT_CONFIDENCE, Budget
from pytest_edgeai.judge.evidence import HOST, Metric
from pytest_edgeai.judge.latency import LatencyBudget
from pytest_edgeai.judge.regression import OF, RegressionBudget
from pytest_edgeai.judge.size import SizeBudget
from pytest_edgeai.judge.statistics import STATISTICS

BASELINES = ("converted", "dynamic", "int8", "float16", "int16x8", "source")


def max_latency_ms(
    *,
    mean: float | None = None,
    median: float | None = None,
    p90: float | None = None,
    p95: float | None = None,
    p99: float | None = None,
    max: float | None = None,
    confidence: float | None = None,
    threads: int | None = None,
    device: str | None = None,
) -> tuple[Budget, ...]:
    """Latency of one inference, in milliseconds: set_tensor and invoke, timed on the device.

    Args:
        mean, median, p90, p95, p99, max: limits; at least one. ``max`` is of the runs that were
            made: nothing bounds those to come.
        confidence: of the verdict (default 0.95); measuring goes on until it is reached.
        threads: interpreter threads for this budget (default: the device's).
        device: judge this budget on that device only.
    """
    limits = dict(zip(STATISTICS, (mean, median, p90, p95, p99, max), strict=True))
    given = {name: limit for name, limit in limits.items() if limit is not None}
    if not given:
        raise UsageError(f"no limit given: one of {', '.join(STATISTICS)}")
    for name, limit in given.items():
        _require_number(name, limit, above=0.0)
    _require_confidence(confidence)
    if threads is not None and (
        isinstance(threads, bool) or not isinstance(threads, int) or threads < 1
    ):
        raise UsageError(f"threads must be a whole number from 1, not {threads!r}")
    if device is not None and not isinstance(device, str):
        raise UsageError(f"device must be a device's name, not {device!r}")
    return tuple(
        LatencyBudget(name, float(limit), confidence or DEFAULT_CONFIDENCE, threads, device)
        for name, limit in given.items()
    )


def max_size_mb(limit: float) -> tuple[Budget, ...]:
    """Size of the ``.tflite`` file, in MB of 1024 * 1024 bytes."""
    _require_number("limit", limit, above=0.0)
    return (SizeBudget(float(limit)),)


def max_accuracy_drop(
    limit: float,
    *,
    metric: Metric = "accuracy",
    baseline: str = "converted",
    confidence: float | None = None,
) -> tuple[Budget, ...]:
    """How far a metric on ``evaluation_data`` may fall below the baseline's, absolute.

    Args:
        limit: a fraction, 0.02 is two percentage points; for a callable metric in its own unit.
        metric: ``"accuracy"`` (top-1), or any ``(labels, predictions) -> float`` where higher is
            better.
        baseline: a variant, or ``"source"`` for the Keras model itself.
        confidence: judge the interval that holds with this confidence, as if the samples were
            drawn anew; without it, the number on this data set is judged.
    """
    _require_metric(metric)
    if callable(metric):
        _require_number("limit", limit, least=0.0)
    else:
        hint = "a fraction: 0.02 is two points"
        _require_number("limit", limit, least=0.0, below=1.0, hint=hint)
    _require_confidence(confidence)
    _require_one_of("baseline", baseline, BASELINES)
    return (AccuracyDropBudget(float(limit), metric, confidence, baseline),)


def min_accuracy(
    limit: float, *, metric: Metric = "accuracy", confidence: float | None = None
) -> tuple[Budget, ...]:
    """What a metric on ``evaluation_data`` must reach.

    Args:
        limit: a fraction, 0.9 is 90 %; for a callable metric in its own unit.
        metric: ``"accuracy"`` (top-1), or any ``(labels, predictions) -> float`` where higher is
            better.
        confidence: judge the interval that holds with this confidence, as if the samples were
            drawn anew; without it, the number on this data set is judged.
    """
    _require_metric(metric)
    if callable(metric):
        _require_number("limit", limit)
    else:
        _require_number("limit", limit, above=0.0, most=1.0, hint="a fraction: 0.9 is 90 %")
    _require_confidence(confidence)
    return (MinAccuracyBudget(float(limit), metric, confidence),)


def min_agreement(limit: float, *, baseline: str = "converted") -> tuple[Budget, ...]:
    """Share of ``evaluation_data`` that must get the same answer (top-1) as from a baseline.

    Args:
        limit: a fraction, 0.99 is 99 %.
        baseline: a variant, ``"source"`` for the Keras model itself, or ``"host"`` for the same
            file on the machine that pytest runs on.
    """
    _require_number("limit", limit, above=0.0, most=1.0, hint="a fraction: 0.99 is 99 %")
    _require_one_of("baseline", baseline, (*BASELINES, HOST))
    return (AgreementBudget(float(limit), baseline),)


def max_regression(
    fraction: float, *, of: str = "p95", confidence: float | None = None
) -> tuple[Budget, ...]:
    """How much worse than the stored baseline of this device a model may be.

    Args:
        fraction: of the baseline's value, 0.10 is ten per cent; differences below 0.05 ms or 16 KB
            never count.
        of: ``"mean"``, ``"median"``, ``"p90"``, ``"p95"``, ``"p99"``, ``"size"`` or
            ``"accuracy"``.
        confidence: of the verdict on latency (default 0.95).
    """
    _require_number("fraction", fraction, least=0.0, most=1.0, hint="0.10 is ten per cent")
    if of not in OF:
        raise UsageError(f"of={of!r} is not known", f"one of {', '.join(OF)}")
    _require_confidence(confidence)
    return (RegressionBudget(float(fraction), of, confidence or DEFAULT_CONFIDENCE),)


MARKERS: dict[str, Callable[..., tuple[Budget, ...]]] = {
    function.__name__: function
    for function in (
        max_latency_ms,
        max_size_mb,
        max_accuracy_drop,
        min_accuracy,
        min_agreement,
        max_regression,
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
    except TypeError as error:
        raise UsageError(f"@{name}: {error}", f"the signature is {signature}") from None
    except UsageError as error:
        hint = f"{error.hint}; " if error.hint else ""
        raise UsageError(
            f"@{name}: {error.message}", f"{hint}the signature is {signature}"
        ) from None


def signature_text(function: Callable[..., object]) -> str:
    """What a marker takes, without types: ``(limit, *, metric='accuracy')``."""
    taken = inspect.signature(function).parameters.values()
    bare = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in taken]
    return str(inspect.Signature(bare))


def _require_number(
    name: str,
    value: Any,
    *,
    above: float | None = None,
    below: float | None = None,
    least: float | None = None,
    most: float | None = None,
    hint: str = "",
) -> None:
    fits = not isinstance(value, bool) and isinstance(value, Real) and math.isfinite(value)
    fits = fits and (above is None or value > above) and (below is None or value < below)
    fits = fits and (least is None or value >= least) and (most is None or value <= most)
    if not fits:
        bounds = {"from": least, "over": above, "under": below, "to": most}
        words = [f" {word} {bound:g}" for word, bound in bounds.items() if bound is not None]
        raise UsageError(f"{name} must be a number{''.join(words)}, not {value!r}", hint)


def _require_one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UsageError(f"{name} {value!r} is not known", f"one of {', '.join(known)}")


def _require_metric(metric: Any) -> None:
    if not callable(metric) and metric != "accuracy":
        raise UsageError(
            f"metric {metric!r} is not known", '"accuracy", or a callable (labels, predictions)'
        )


def _require_confidence(confidence: float | None) -> None:
    if confidence is not None:
        _require_number("confidence", confidence, above=0.5, below=1.0)
