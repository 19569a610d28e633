"""Metrics of numbers, of masks and of boxes."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from pytest_edgeai.errors import DataError
from pytest_edgeai.judge.evidence import Score
from pytest_edgeai.judge.metrics import ERRORS, Metric
from pytest_edgeai.measure.answers import (
    Array,
    Predictions,
    likeliest,
    numbers,
    without_ones,
)
from pytest_edgeai.measure.detection import average_precision
from pytest_edgeai.measure.resampling import scored
from pytest_edgeai.model.casting import cast_to
from pytest_edgeai.model.labels import outside_hint


def values(metric: Metric, labels: Array, predictions: Predictions) -> Score:
    """Of numbers."""
    from sklearn import metrics

    function = {
        "mean_absolute_error": metrics.mean_absolute_error,
        "root_mean_squared_error": metrics.root_mean_squared_error,
        "r2": partial(metrics.r2_score, force_finite=False),
    }[metric.name]
    answers = numbers(predictions, metric.name)
    wanted, made = (without_ones(np.asarray(values)) for values in (labels, answers))
    if wanted.shape != made.shape or wanted.dtype.kind not in "biuf":
        raise DataError(
            f"{metric.name} compares numbers: labels of {labels.dtype} {labels.shape} do not fit "
            f"predictions of {answers.shape}",
            "give one label for each number that the model puts out",
        )
    wanted, made = (values.reshape(len(values), -1).astype(float) for values in (wanted, made))
    is_known = np.isfinite(wanted).all(axis=1)
    if not is_known.all():
        raise DataError(
            f"labels hold NaN or infinity, the first for sample {is_known.argmin()}",
            "leave such samples out of evaluation_data",
        )
    found = scored(lambda at: float(function(wanted[at], made[at])), len(made), "labels as numbers")
    middle = np.median(wanted, axis=0) if metric.name == ERRORS[0] else wanted.mean(axis=0)
    chance = 0.0 if metric.name == "r2" else float(function(wanted, np.full_like(wanted, middle)))
    return replace(found, chance=chance)


def masks(metric: Metric, labels: Array, predictions: Predictions) -> Score:
    """Intersection over union of each class's pixels of all samples, averaged over the classes."""
    wanted, made, count = _as_masks(metric, labels, numbers(predictions, metric.name))
    pixels = [_pixels(mask, count) for mask in (wanted, made, np.where(wanted == made, made, -1))]

    def value(at: Any) -> float:
        there, found, both = (of_class[at].sum(axis=0) for of_class in pixels)
        either = there + found - both
        return float((both[either > 0] / either[either > 0]).mean())

    how = "" if metric.ignore_label is None else f", {metric.ignore_label} ignored"
    found = scored(value, len(made), f"labels: masks of class indices{how}")
    there = pixels[0].sum(axis=0)
    return replace(found, chance=float(there.max() / there.sum() / np.count_nonzero(there)))


def _as_masks(metric: Metric, labels: Array, predictions: Array) -> tuple[Array, Array, int]:
    """Labels and answers as classes of pixels, -1 where one is ignored, and how many there are."""
    wanted, are_indices = without_ones(labels), predictions.dtype.kind in "iu"
    if are_indices and without_ones(predictions).shape == wanted.shape:
        made, count = without_ones(predictions), None
    else:
        made, count = predictions, max(predictions.shape[-1], 2)
        if labels.shape == predictions.shape and count == labels.shape[-1]:
            wanted = _from_one_hot(labels)
        elif labels.shape == predictions.shape[:-1]:
            wanted = labels
    shape = made.shape if count is None else made.shape[:-1]
    whole = cast_to(wanted, np.int64)
    if wanted.ndim < 2 or wanted.shape != shape or whole is None:
        raise DataError(
            f"mean_iou compares masks: labels of {labels.dtype} {labels.shape} do not fit "
            f"predictions of shape {predictions.shape}",
            "labels are class indices, (N, height, width); predictions are class scores, (N, "
            "height, width, classes), probabilities of one class, or class indices",
        )
    is_known = np.ones(shape, bool) if metric.ignore_label is None else whole != metric.ignore_label
    if not is_known.any():
        raise DataError(f"all labels are {metric.ignore_label}, which is ignored")
    _refuse_outside(metric, whole[is_known], count)
    made = (made if count is None else likeliest(made)).astype(np.int64)
    if made.min() < 0:
        raise DataError(f"the model answers with class {made.min()}, and classes begin at 0")
    highest = int(max(whole[is_known].max(), made.max(), 1))
    wanted, made = (np.where(is_known, mask, -1) for mask in (whole, made))
    return wanted, made, count or highest + 1


def _from_one_hot(labels: Array) -> Array:
    """Masks of which each class has a channel, where exactly one of them is 1."""
    is_one_hot = np.isin(labels, (0, 1)).all() and (labels.sum(axis=-1) == 1).all()
    return np.asarray(labels.argmax(axis=-1)) if is_one_hot else labels


def _refuse_outside(metric: Metric, labels: Array, count: int | None) -> None:
    outside = np.unique(labels[(labels < 0) | (labels >= (count or np.inf))])
    if not len(outside):
        return
    hint = outside_hint(labels, count or int(labels.max()) + 1)
    if len(outside) == 1 and metric.ignore_label is None:
        limit = f'min_accuracy(0.8, metric="{metric.name}", ignore_label={outside[0]})'
        hint = f"where {outside[0]} marks pixels that do not count, leave them out: {limit}"
    known = "" if count is None else f", and the model has {count} classes"
    raise DataError(f"labels go from {labels.min()} to {labels.max()}{known}", hint)


def boxes(metric: Metric, labels: Array, predictions: Predictions) -> Score:
    """Of boxes found in images."""
    if isinstance(predictions, dict):
        raise DataError(
            f"{metric.name} is computed on boxes, and the model has the outputs "
            f"{', '.join(predictions)}",
            "override the fixture edge_decoder: 'detections', or a callable (inputs, outputs)",
        )
    iou = metric.name.removeprefix("coco_map").removeprefix("_")
    value = average_precision(labels, np.asarray(predictions), iou)
    return replace(scored(value, len(labels), "labels: boxes"), chance=0.0)


def _pixels(mask: Array, count: int) -> Array:
    """How many pixels of each class each sample has, shape (N, classes); -1 is none."""
    classes = mask.reshape(len(mask), -1).astype(np.int64)
    cells = classes + count * np.arange(len(mask))[:, None]
    return np.bincount(cells[classes >= 0], minlength=len(mask) * count).reshape(-1, count)
