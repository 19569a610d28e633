"""Metrics of numbers, of masks and of boxes."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from pytest_edgeai.errors import DataError
from pytest_edgeai.judge.evidence import Score
from pytest_edgeai.judge.metrics import ERRORS, Metric
from pytest_edgeai.measure.answers import Array, Predictions, likeliest, numbers
from pytest_edgeai.measure.detection import average_precision
from pytest_edgeai.measure.resampling import scored


def values(metric: Metric, labels: Array, predictions: Predictions) -> Score:
    """Of numbers."""
    from sklearn import metrics

    function = {
        "mean_absolute_error": metrics.mean_absolute_error,
        "root_mean_squared_error": metrics.root_mean_squared_error,
        "r2": partial(metrics.r2_score, force_finite=False),
    }[metric.name]
    answers = numbers(predictions, metric.name)
    wanted, made = (_without_ones(np.asarray(values)) for values in (labels, answers))
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
    scores = numbers(predictions, metric.name)
    count, n = max(scores.shape[-1], 2), len(scores)
    wanted = labels[..., 0] if labels.shape[-1:] == (1,) and labels.ndim == scores.ndim else labels
    fits = wanted.ndim > 1 and wanted.shape == scores.shape[:-1]
    if not fits or wanted.dtype.kind not in "biu":
        raise DataError(
            f"mean_iou compares masks: labels of {labels.dtype} {labels.shape} do not fit "
            f"predictions of shape {scores.shape}",
            "labels are class indices, (N, height, width); predictions are class scores, (N, "
            "height, width, classes), or probabilities of one class",
        )
    if wanted.min() < 0 or wanted.max() >= count:
        raise DataError(
            f"labels go from {wanted.min()} to {wanted.max()}, and the model has {count} classes",
            "number them from 0; a metric of your own can leave pixels out",
        )
    made = likeliest(scores)
    pixels = [_pixels(mask, count) for mask in (wanted, made, np.where(wanted == made, made, -1))]

    def value(at: Any) -> float:
        there, found, both = (of_class[at].sum(axis=0) for of_class in pixels)
        either = there + found - both
        return float((both[either > 0] / either[either > 0]).mean())

    found, there = scored(value, n, "labels: masks of class indices"), pixels[0].sum(axis=0)
    return replace(found, chance=float(there.max() / there.sum() / np.count_nonzero(there)))


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


def _without_ones(values: Array) -> Array:
    """Without dimensions of size 1 at the end; (N, 1) and (N,) are the same numbers."""
    while values.ndim > 1 and values.shape[-1] == 1:
        values = values[..., 0]
    return values
