"""What a model's predictions are read as: numbers, scores of classes, or the likeliest class."""

from __future__ import annotations

from typing import Any

import numpy as np

from pytest_edgeai.errors import DataError

Array = np.ndarray[Any, np.dtype[Any]]
Predictions = Any
"""What a decoder returned: an array of shape (N, ...), or a dict of them by output name."""


def are_classes(values: Array) -> bool:
    """Whether a model answers with classes themselves, as with ArgMax at its end: whole numbers."""
    return values.dtype.kind in "iu" and values.size == len(values)


def classes_of(predictions: Predictions) -> Array:
    """The class of each sample, shape (N,); of each pixel for masks, (N, height, width).

    Raises:
        DataError: no scores, probabilities of pixels, nor classes.
    """
    values = numbers(predictions, "agreement")
    if values.dtype.kind in "iu" and (are_classes(values) or values.ndim > 2):
        return without_ones(values)
    is_mask = values.ndim > 2 and values.shape[-1] > 1
    if is_mask and values.size > len(values) * values.shape[-1] and _are_shares(values):
        return likeliest(values)
    return likeliest(class_scores(predictions, "agreement"))


def _are_shares(values: Array) -> bool:
    """Whether they are probabilities of classes, as far as 8 bits tell."""
    is_one = np.abs(values.sum(axis=-1) - 1) < 0.1
    return bool(values.min() >= 0 and is_one.all())


def likeliest(scores: Array) -> Array:
    """The likeliest class by scores of shape (..., classes); of two by one probability, (..., 1).

    Raises:
        DataError: one score that is no probability.
    """
    if scores.shape[-1] > 1:
        return np.asarray(scores.argmax(axis=-1))
    low, high = float(scores.min()), float(scores.max())
    if scores.dtype.kind not in "bf" or low < 0 or high > 1:
        raise DataError(
            f"the model's only answer goes from {low:.4g} to {high:.4g} ({scores.dtype}): "
            "that is no probability of one of two classes",
            "override the fixture edge_decoder: 'sigmoid' where these are logits, or lambda "
            "inputs, outputs: outputs > 0 where the sign decides; or take a metric of scores, such "
            "as roc_auc, or of numbers, such as mean_absolute_error",
        )
    return (scores[..., 0] >= 0.5).astype(np.int64)


def refuse_one_answer(labels: Array, predictions: Array) -> None:
    """Raise a DataError where all samples get the same answer, and not all have the same label."""
    if _are_alike(predictions) and not _are_alike(labels):
        raise DataError(
            f"the model answers the same to all {len(labels):,} samples, whose labels differ",
            "look at the scaling of evaluation_data, and at the model",
        )


def _are_alike(values: Array) -> bool:
    first = np.broadcast_to(values[:1], values.shape)
    return np.array_equal(values, first, equal_nan=values.dtype.kind == "f")


def class_scores(predictions: Predictions, name: str) -> Array:
    """Scores of shape (N, classes), or (N, 1).

    Raises:
        DataError: several outputs, another shape, or NaN.
    """
    values = numbers(predictions, name)
    scores = values.reshape(len(values), -1)
    if max(values.shape[1:], default=1) != scores.shape[1]:
        masks = "metric='mean_iou' compares masks; else " if values.ndim > 2 else ""
        raise DataError(
            f"{name} needs numbers of shape (N, classes), not {values.dtype} {values.shape}",
            f"{masks}override the fixture edge_decoder, or give metric= a callable (labels, "
            "predictions)",
        )
    return scores


def numbers(predictions: Predictions, name: str) -> Array:
    """Finite numbers, one array.

    Raises:
        DataError: several outputs, something else than numbers, or NaN.
    """
    if isinstance(predictions, dict):
        raise DataError(
            f"the model has the outputs {', '.join(predictions)}: {name} needs one",
            "override the fixture edge_decoder with a callable (inputs, outputs), or give metric= "
            "a callable (labels, predictions) that knows which to take",
        )
    values = np.asarray(predictions)
    if values.dtype.kind not in "biuf":
        raise DataError(
            f"{name} needs numbers, not {values.dtype} {values.shape}",
            "give metric= a callable (labels, predictions)",
        )
    flat = values.reshape(len(values), -1)
    if values.dtype.kind == "f" and not np.isfinite(flat).all():
        rows = np.flatnonzero(~np.isfinite(flat).all(axis=1))
        raise DataError(f"{len(rows)} answers hold NaN or infinity, the first for sample {rows[0]}")
    return values


def part_of(predictions: Predictions, at: Any) -> Predictions:
    """Those of some samples, by indices or a slice."""
    if isinstance(predictions, dict):
        return {name: values[at] for name, values in predictions.items()}
    return predictions[at]


def without_ones(values: Array) -> Array:
    """Without dimensions of size 1 at the end; (N, 1) and (N,) are the same numbers."""
    while values.ndim > 1 and values.shape[-1] == 1:
        values = values[..., 0]
    return values
