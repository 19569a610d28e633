"""What a model's predictions are read as: numbers, scores of classes, or the likeliest class."""

from __future__ import annotations

from typing import Any

import numpy as np

from pytest_edgeai.errors import DataError

Array = np.ndarray[Any, np.dtype[Any]]
Predictions = Any
"""What a decoder returned: an array of shape (N, ...), or a dict of them by output name."""


def top_1(predictions: Predictions) -> tuple[int, Array]:
    """Number of classes, and the likeliest class of each sample.

    Raises:
        DataError: several outputs, another shape than (N, classes), NaN, or one score that is no
            probability.
    """
    scores = class_scores(predictions, "accuracy")
    return max(scores.shape[1], 2), likeliest(scores)


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
            "override the fixture edge_decoder, with 'sigmoid' where these are logits; or take a "
            "metric of scores, such as roc_auc",
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
        raise DataError(
            f"{name} needs numbers of shape (N, classes), not {values.dtype} {values.shape}",
            "override the fixture edge_decoder, or give metric= a callable (labels, predictions)",
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
