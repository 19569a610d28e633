"""What a metric makes of a model's predictions on a data set."""

from __future__ import annotations

import copy
import math
import reprlib
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from pytest_edgeai.errors import DataError
from pytest_edgeai.judge.evidence import Score
from pytest_edgeai.judge.metrics import COCO, Metric
from pytest_edgeai.measure.answers import Array, Predictions, class_scores, numbers, top_1
from pytest_edgeai.measure.detection import average_precision
from pytest_edgeai.model.dataset import Dataset
from pytest_edgeai.model.labels import class_indices


def score(metric: Metric, data: Dataset, predictions: Predictions) -> Score:
    """What a metric makes of predictions.

    Raises:
        DataError: no labels, labels or predictions that the metric is not for, NaN among the
            predictions, or a metric that is not defined for them.
    """
    if data.labels is None:
        raise DataError(
            "evaluation_data has no labels", "return a pair (inputs, labels), or an .npz with y"
        )
    found = _reader(metric)(metric, data.labels, predictions)
    if not math.isfinite(found.value):
        raise DataError(
            f"{metric.name} is not defined on {len(data.labels):,} samples with these labels",
            "give evaluation_data samples of more than one kind",
        )
    return replace(found, data=data.digest())


def _reader(metric: Metric) -> Callable[[Metric, Array, Predictions], Score]:
    if metric.function is not None:
        return _given
    if metric.k is not None:
        return _hits
    for names, reader in _READERS:
        if metric.name in names:
            return reader
    raise AssertionError(metric.name)


def _given(metric: Metric, labels: Array, predictions: Predictions) -> Score:
    """A user's own."""
    assert metric.function is not None
    call = partial(_value, metric.function)
    return Score(
        call(labels, predictions),
        len(labels),
        "labels as given",
        resampled=lambda at: call(labels[at], _part(predictions, at)),
    )


def _hits(metric: Metric, labels: Array, predictions: Predictions) -> Score:
    """The share of samples whose class is among the k likeliest."""
    count, answered = top_1(predictions)
    classes, how = class_indices(labels, count)
    commonest = np.bincount(classes).max()
    if commonest < len(classes) and (predictions == predictions[:1]).all():
        raise DataError(
            f"the model answers the same to all {len(classes):,} samples, whose labels differ",
            "look at the scaling of evaluation_data, and at the model",
        )
    hits = classes == answered
    assert metric.k is not None
    if metric.k > 1:
        if metric.k >= count:
            raise DataError(f"{metric.name}: the model has {count} classes, all of them count")
        scores = np.asarray(predictions).reshape(len(classes), -1)
        # Ties go to the higher class, as in scikit-learn.
        likeliest = np.argsort(scores, axis=1, kind="mergesort")[:, -metric.k :]
        hits = (likeliest == classes[:, None]).any(axis=1)
    return Score(
        float(hits.mean()),
        len(classes),
        f"labels: {how}",
        chance=float(commonest / len(classes)) if metric.k == 1 else None,
        hits=hits,
        classes=classes,
        answered=answered,
    )


def _decided(metric: Metric, labels: Array, predictions: Predictions) -> Score:
    """Of the likeliest classes."""
    from sklearn.metrics import balanced_accuracy_score, f1_score

    count, answered = top_1(predictions)
    classes, how = class_indices(labels, count)
    kind = metric.name.partition("_")[2] or "binary"
    if metric.name == "f1" and count > 2:
        raise DataError(
            f"f1 is for two classes, and the model has {count}", 'metric="f1_macro" averages them'
        )

    def value(at: Any) -> float:
        if metric.name == "balanced_accuracy":
            return float(balanced_accuracy_score(classes[at], answered[at]))
        return float(f1_score(classes[at], answered[at], average=kind, zero_division=0.0))

    found = _scored(value, len(classes), f"labels: {how}", strata=classes)
    return replace(found, classes=classes, answered=answered)


def _ranked(metric: Metric, labels: Array, predictions: Predictions) -> Score:
    """Of how well scores tell each class from the others, averaged over the classes that occur.

    One score for a sample is that of the second of two classes.
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    function = roc_auc_score if metric.name == "roc_auc" else average_precision_score
    scores = class_scores(predictions, metric.name)
    count = max(scores.shape[1], 2)
    classes, how = class_indices(labels, count)
    if count == 2:
        scores, asked = scores[:, -1:], np.array([1])
    else:
        asked = np.unique(classes)
    columns = {number: scores[:, 0 if count == 2 else number] for number in asked.tolist()}
    if len(np.unique(classes)) < 2:
        raise DataError(
            f"{metric.name} compares classes, and all {len(classes):,} labels are {classes[0]}",
            "give evaluation_data samples of more than one class",
        )

    def value(at: Any) -> float:
        of_class = [function(classes[at] == c, column[at]) for c, column in columns.items()]
        return float(np.mean(of_class))

    return _scored(value, len(classes), f"labels: {how}", strata=classes)


def _values(metric: Metric, labels: Array, predictions: Predictions) -> Score:
    """Of numbers."""
    from sklearn import metrics

    function = {
        "mean_absolute_error": metrics.mean_absolute_error,
        "root_mean_squared_error": metrics.root_mean_squared_error,
        "r2": metrics.r2_score,
    }[metric.name]
    answers = numbers(predictions, metric.name)
    wanted, made = (_without_ones(np.asarray(values)) for values in (labels, answers))
    if wanted.shape != made.shape or wanted.dtype.kind not in "biuf":
        raise DataError(
            f"{metric.name} compares numbers: labels of {labels.dtype} {labels.shape} do not fit "
            f"predictions of {answers.shape}",
            "give one label for each number that the model puts out",
        )
    wanted, made = (values.reshape(len(values), -1) for values in (wanted, made))
    return _scored(lambda at: float(function(wanted[at], made[at])), len(made), "labels as numbers")


def _masks(metric: Metric, labels: Array, predictions: Predictions) -> Score:
    """Intersection over union of each class's pixels of all samples, averaged over the classes."""
    scores = numbers(predictions, metric.name)
    count = max(scores.shape[-1], 2)
    made = scores.argmax(axis=-1) if scores.shape[-1] > 1 else scores[..., 0] >= 0.5
    wanted = labels[..., 0] if labels.shape[-1:] == (1,) and labels.ndim == scores.ndim else labels
    if wanted.shape != made.shape or wanted.dtype.kind not in "biu":
        raise DataError(
            f"mean_iou compares masks: labels of {labels.dtype} {labels.shape} do not fit "
            f"predictions of shape {scores.shape}",
            "labels are class indices, (N, height, width); predictions are class scores, (N, "
            "height, width, classes), or probabilities of one class",
        )
    if wanted.min() < 0 or wanted.max() >= count:
        raise DataError(
            f"labels go from {wanted.min()} to {wanted.max()}, and the model has {count} classes"
        )
    n, pixels = len(wanted), wanted[0].size
    pair = wanted.reshape(n, -1).astype(np.int64) * count + made.reshape(n, -1)
    cells = (pair + np.arange(n)[:, None] * count * count).reshape(-1)
    seen = np.bincount(cells, minlength=n * count * count).reshape(n, count, count)
    assert seen.sum() == n * pixels

    def value(at: Any) -> float:
        counted = seen[at].sum(axis=0)
        both = np.diagonal(counted)
        either = counted.sum(axis=0) + counted.sum(axis=1) - both
        return float((both[either > 0] / either[either > 0]).mean())

    return _scored(value, n, "labels: masks of class indices")


def _boxes(metric: Metric, labels: Array, predictions: Predictions) -> Score:
    """Of boxes found in images."""
    if isinstance(predictions, dict):
        raise DataError(
            f"{metric.name} is computed on boxes, and the model has the outputs "
            f"{', '.join(predictions)}",
            "override the fixture edge_decoder: 'detections', or a callable (inputs, outputs)",
        )
    iou = metric.name.removeprefix("coco_map").removeprefix("_")
    value = average_precision(labels, np.asarray(predictions), iou)
    return _scored(value, len(labels), "labels: boxes")


_READERS: tuple[tuple[tuple[str, ...], Callable[[Metric, Array, Predictions], Score]], ...] = (
    (("balanced_accuracy", "f1", "f1_macro", "f1_weighted"), _decided),
    (("roc_auc", "average_precision"), _ranked),
    (("mean_absolute_error", "root_mean_squared_error", "r2"), _values),
    (("mean_iou",), _masks),
    (COCO, _boxes),
)


def _scored(
    value: Callable[[Any], float], n: int, labels: str, strata: Array | None = None
) -> Score:
    """A metric of all samples, and of resamples of them."""

    def quietly(at: Any) -> float:
        with warnings.catch_warnings():  # a resample may lack a class, or have few samples
            warnings.simplefilter("ignore")
            return value(at)

    return Score(quietly(np.arange(n)), n, labels, resampled=quietly, strata=strata)


def _without_ones(values: Array) -> Array:
    """Without dimensions of size 1 at the end; (N, 1) and (N,) are the same numbers."""
    while values.ndim > 1 and values.shape[-1] == 1:
        values = values[..., 0]
    return values


def _part(predictions: Predictions, indices: Any) -> Predictions:
    if isinstance(predictions, dict):
        return {name: values[indices] for name, values in predictions.items()}
    return predictions[indices]


def _form(values: Any) -> str:
    if isinstance(values, dict):
        return f"outputs by name ({', '.join(values)})"
    return f"{values.dtype} {values.shape}"


def _value(metric: Callable[[Any, Any], float], labels: Any, predictions: Predictions) -> float:
    """What a user's metric makes of copies: the next one gets what this one got."""
    try:
        returned = metric(*copy.deepcopy((labels, predictions)))
    except Exception as error:
        raise DataError(
            f"the metric raised {type(error).__name__}: {error}",
            f"it was given labels, {_form(labels)}, and predictions, {_form(predictions)}: the "
            "model's outputs as they are; .argmax(axis=1) makes classes of scores",
        ) from error
    try:
        value = float(returned)
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        raise DataError(
            f"the metric returned {reprlib.repr(returned)}, not a number",
            "a metric is a callable (labels, predictions) -> float, higher is better",
        )
    return value
