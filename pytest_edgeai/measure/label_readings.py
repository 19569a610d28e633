"""Other ways to read labels: the usual mistakes, each of them undone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pytest_edgeai.errors import DataError
from pytest_edgeai.judge.metrics import COCO, UNBOUNDED, Metric
from pytest_edgeai.measure.answers import Array, Predictions, likeliest, numbers
from pytest_edgeai.measure.box_readings import in_order_of_boxes, of_boxes
from pytest_edgeai.measure.class_order import PER_CLASS, in_order, order_text, renumbered
from pytest_edgeai.measure.readings import Reading


def of_labels(
    metric: Metric, labels: Array, predictions: Predictions, size: tuple[int, int] | None
) -> Iterator[Reading]:
    """Ways to number classes, and to write boxes; none for metrics of numbers.

    Args:
        predictions: of the same samples.
        size: height and width of the model's image, where it has one.
    """
    if metric.name in COCO and metric.function is None:
        yield from of_boxes(labels, size)
        yield from in_order_of_boxes(labels, predictions)
    elif labels.dtype.kind in "biuf" and (metric.function or metric.name not in UNBOUNDED):
        classes = _indices(labels)
        if classes is not None:
            yield Reading("labels lower by 1", classes - 1)
            yield Reading("labels higher by 1", classes + 1)
            yield from _in_another_order(classes, predictions)


def _indices(labels: Array) -> Array | None:
    """Class indices, those of one-hot rows as well; None for labels that are no classes."""
    if labels.ndim == 2 and labels.shape[1] > 1 and (np.count_nonzero(labels, axis=1) == 1).all():
        return np.asarray(labels.argmax(axis=1))
    if not (np.isfinite(labels).all() and (labels == np.round(labels)).all()):
        return None
    is_column = labels.ndim > 1 and labels.shape[-1] == 1
    return (labels[..., 0] if is_column else labels).astype(np.int64)


def _in_another_order(classes: Array, predictions: Predictions) -> Iterator[Reading]:
    try:
        answered = likeliest(_scores(predictions))
    except DataError:  # a score that is no probability, as of an anomaly: what is 0 may be 1
        answered = np.empty(0)
    if answered.shape == classes.shape and classes.min() >= 0:
        order = in_order(classes.ravel(), answered.ravel())
    else:
        are_two = len(classes) >= 2 * PER_CLASS and np.array_equal(np.unique(classes), (0, 1))
        order = {0: 1, 1: 0} if are_two else {}
    if order:
        yield Reading(order_text(order), renumbered(classes, order))


def _scores(predictions: Predictions) -> Array:
    """With the classes in the last place, also where there is nothing else in a sample."""
    scores = numbers(predictions, "accuracy")
    return scores if scores.ndim > 1 else scores[:, None]
