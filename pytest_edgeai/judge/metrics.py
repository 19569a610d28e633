"""Metrics: what they are called, which way is better, and in which unit they come out."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from numbers import Integral
from typing import Any

from pytest_edgeai.errors import UsageError, shown
from pytest_edgeai.judge.requirements import require_number

COCO = ("coco_map", "coco_map_50", "coco_map_75")
ERRORS = ("mean_absolute_error", "root_mean_squared_error")
F1_AVERAGES = ("f1_macro", "f1_micro", "f1_weighted")
MEAN_IOU = "mean_iou"
TOP_K = "top_K_accuracy"
NAMES = (
    "accuracy",
    TOP_K,
    "balanced_accuracy",
    "f1",
    *F1_AVERAGES,
    "roc_auc",
    "average_precision",
    MEAN_IOU,
    *COCO,
    *ERRORS,
    "r2",
)
"""Metrics that come with the package; K is a whole number."""
_SHARES = re.compile("(balanced_|top_[0-9]+_)?accuracy")
UNBOUNDED = (*ERRORS, "r2")
_IGNORING = re.compile(f"({MEAN_IOU})_ignoring_(-?[0-9]+)")
_WITHOUT_PACKAGE = re.compile("(top_[0-9]+_)?accuracy|mean_iou")


@dataclass(frozen=True)
class Metric:
    """A number that says how good answers are.

    Args:
        function: ``(labels, predictions) -> float``, called with the labels as given and the
            decoded outputs; None for a metric of ``NAMES``.
        higher_is_better: False for errors and losses.
        name: what reports call it; the function's own name by default.
    """

    function: Callable[[Any, Any], float] | None
    higher_is_better: bool = True
    name: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.name, str) and not str.__str__(self.name):
            object.__setattr__(self, "name", _own_name(self.function))

    @property
    def kind(self) -> str:
        """The name of ``NAMES`` that says what is computed, whichever label is ignored."""
        ignoring = _IGNORING.fullmatch(self.name)
        return ignoring[1] if ignoring else self.name

    @property
    def ignore_label(self) -> int | None:
        """The label of pixels that do not count."""
        ignoring = _IGNORING.fullmatch(self.name)
        return int(ignoring[2]) if ignoring else None

    @property
    def is_share(self) -> bool:
        """Whether it is a share of samples, to be shown in per cent."""
        return self.function is None and _SHARES.fullmatch(self.name) is not None

    @property
    def is_bounded(self) -> bool:
        """Whether it lies between 0 and 1."""
        return self.function is None and self.name not in UNBOUNDED

    @property
    def k(self) -> int | None:
        """How many answers may be right, for accuracies that count hits; None for all others."""
        if self.function is not None or self.name == "balanced_accuracy" or not self.is_share:
            return None
        return 1 if self.name == "accuracy" else int(self.name.split("_")[1])

    def worsening(self, before: float, after: float) -> float:
        """How much worse it has become, in its own unit; negative where it is better."""
        return before - after if self.higher_is_better else after - before

    def require_limit(self, limit: Any) -> None:
        """A value that it can have.

        Raises:
            UsageError: another one.
        """
        if self.is_bounded:
            hint = "a fraction: 0.9 is 90 %" if self.is_share else f"{self.name} goes from 0 to 1"
            require_number("limit", limit, above=0.0, most=1.0, hint=hint)
        else:
            is_error = self.function is None and not self.higher_is_better
            require_number("limit", limit, least=0.0 if is_error else None)

    def require_drop(self, limit: Any) -> None:
        """A difference that two of its values can have.

        Raises:
            UsageError: another one.
        """
        if self.is_bounded:
            hint = "a fraction: 0.02 is two points" if self.is_share else ""
            require_number("limit", limit, least=0.0, below=1.0, hint=hint)
        else:
            require_number("limit", limit, least=0.0)


ACCURACY = Metric(None, name="accuracy")
MetricLike = str | Callable[[Any, Any], float] | Metric
"""A metric's name, any ``(labels, predictions) -> float`` where higher is better, or a Metric."""


def metric_of(given: Any, ignore_label: Any = None) -> Metric:
    """The metric that a marker names.

    Args:
        ignore_label: the label of pixels that do not count, for metrics of masks.

    Raises:
        UsageError: no such metric, or one whose package is not installed.
    """
    if ignore_label is not None:
        return _ignoring(given, ignore_label)
    if isinstance(given, Metric):
        return _checked(given)
    if callable(given):
        return Metric(given)
    if not isinstance(given, str) or not _is_known(given):
        raise UsageError(f"metric {shown(given)} is not known", _hint(given))
    _require_package(given)
    return Metric(None, given not in ERRORS, given)


def _ignoring(given: Any, label: Any) -> Metric:
    """One of another name: what is measured is told apart by it, in reports and saved runs too."""
    if type(given) is not str or given != MEAN_IOU:
        raise UsageError(f"ignore_label is for metric={MEAN_IOU!r}, not for {shown(given)}")
    if isinstance(label, bool) or not isinstance(label, Integral):
        raise UsageError(f"ignore_label {shown(label)} is no whole number", "for example 255")
    return Metric(None, name=f"{MEAN_IOU}_ignoring_{int(label)}")


def _checked(metric: Metric) -> Metric:
    """The same, of a function; what is no function is the name of a metric."""
    if type(metric.name) is not str:
        raise UsageError(f"the name of a Metric must be text, not {shown(metric.name)}")
    if type(metric.higher_is_better) is not bool:
        wrong = shown(metric.higher_is_better)
        raise UsageError(f"higher_is_better of a Metric must be True or False, not {wrong}")
    if callable(metric.function):
        return metric
    return metric_of(metric.name if metric.function is None else metric.function)


def _own_name(function: object) -> str:
    """What a callable calls itself, else what it is."""
    try:
        name = getattr(function, "__name__", None)
    except Exception:
        name = None
    return name if type(name) is str else type(function).__name__


def _is_known(name: str) -> bool:
    is_top_k = re.fullmatch("top_[1-9][0-9]*_accuracy", name) is not None
    return is_top_k or (name in NAMES and name != TOP_K)


def _hint(given: Any) -> str:
    near = get_close_matches(given if isinstance(given, str) else "", NAMES, 1)
    if near == [TOP_K]:
        near = ["top_5_accuracy"]
    known = f"one of {', '.join(NAMES)}; or a callable (labels, predictions)"
    return f"did you mean {near[0]!r}? It is {known}" if near else known


def _require_package(name: str) -> None:
    if _WITHOUT_PACKAGE.fullmatch(name):
        return
    module, package = (
        ("pycocotools", "pycocotools") if name in COCO else ("sklearn", "scikit-learn")
    )
    if importlib.util.find_spec(module) is None:
        raise UsageError(
            f"metric {name!r} needs {package}, which is not installed",
            "pip install 'pytest-edgeai[metrics]'",
        )
