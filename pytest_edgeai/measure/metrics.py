"""What a metric makes of a model's predictions on a data set."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from pytest_edgeai.errors import DataError, raised, shown
from pytest_edgeai.judge.evidence import Score
from pytest_edgeai.judge.metrics import COCO, F1_AVERAGES, Metric
from pytest_edgeai.measure.answers import Array, Predictions, part_of, refuse_one_answer
from pytest_edgeai.measure.classes import decided, hits, ranked, refuse_other_folders
from pytest_edgeai.measure.values import boxes, masks, values
from pytest_edgeai.model.dataset import Dataset


def score(metric: Metric, data: Dataset, predictions: Predictions) -> Score:
    """What a metric makes of predictions.

    Raises:
        DataError: no labels, labels or predictions that the metric is not for, NaN among the
            predictions, or a metric that is not defined for them.
    """
    if data.labels is None:
        raise DataError(
            "evaluation_data has no labels",
            "return a pair (inputs, labels), or an .npz with y; several inputs are one of the two: "
            "((first, second), labels)",
        )
    reader = _reader(metric)
    if reader in (hits, decided, ranked):
        refuse_other_folders(data, predictions)
    found = reader(metric, data.labels, predictions)
    if metric.function is None:
        refuse_one_answer(data.labels, np.asarray(predictions))
    if not math.isfinite(found.value):
        raise DataError(
            f"{metric.name} is not defined on {len(data.labels):,} samples with these labels",
            "give evaluation_data more samples, of more than one kind",
        )
    return replace(found, data=data.digest())


def _reader(metric: Metric) -> Reader:
    if metric.function is not None:
        return _given
    return hits if metric.k is not None else _READERS[metric.kind]


def _given(metric: Metric, labels: Array, predictions: Predictions) -> Score:
    """A user's own."""
    assert metric.function is not None
    call = partial(_value, metric.function)
    value = call(labels, predictions)
    if not math.isfinite(value):
        raise DataError(f"the metric returned {value}, not a number", _CALLABLE)
    return Score(
        value,
        len(labels),
        "labels as given",
        resampled=lambda at: call(labels[at], part_of(predictions, at)),
    )


Reader = Callable[[Metric, Array, Predictions], Score]
_READERS: dict[str, Reader] = {
    **dict.fromkeys(("balanced_accuracy", "f1", *F1_AVERAGES), decided),
    **dict.fromkeys(("roc_auc", "average_precision"), ranked),
    **dict.fromkeys(("mean_absolute_error", "root_mean_squared_error", "r2"), values),
    "mean_iou": masks,
    **dict.fromkeys(COCO, boxes),
}
_CALLABLE = "a metric is a callable (labels, predictions) -> float, in a Metric if lower is better"


def _form(values: Any) -> str:
    if isinstance(values, dict):
        return f"outputs by name ({', '.join(values)})"
    return f"{values.dtype} {values.shape}"


def _value(metric: Callable[[Any, Any], float], labels: Any, predictions: Predictions) -> float:
    """What a user's metric makes of copies: the next one gets what this one got."""
    try:
        returned = metric(*copy.deepcopy((labels, predictions)))
    except (Exception, SystemExit) as error:
        raise DataError(
            f"the metric raised {raised(error)}",
            f"it was given labels, {_form(labels)}, and predictions, {_form(predictions)}: the "
            "model's outputs as they are; .argmax(axis=1) makes classes of scores",
        ) from error
    try:
        return float(returned)
    except (TypeError, ValueError):
        found = shown(returned)
        raise DataError(f"the metric returned {found}, not a number", _CALLABLE) from None
    except Exception as error:  # of a number that is too large, or of an object of the user's own
        found = f"{shown(returned)}, of which no float can be made: {raised(error)}"
        raise DataError(f"the metric returned {found}", _CALLABLE) from error
