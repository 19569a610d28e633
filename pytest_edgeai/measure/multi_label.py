"""Several labels per sample: 0 and 1 for each class, and a probability of each."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from pytest_edgeai.errors import DataError
from pytest_edgeai.judge.evidence import Score
from pytest_edgeai.judge.metrics import Metric
from pytest_edgeai.measure.answers import Array, Predictions, class_scores
from pytest_edgeai.measure.resampling import scored
from pytest_edgeai.model.labels import are_multi_label

SEVERAL = "several for each sample"


def is_multi_label(labels: Array, predictions: Predictions) -> bool:
    """Whether samples have several labels, and predictions a number for each class."""
    shape = np.shape(predictions)
    return len(shape) == 2 and are_multi_label(labels, shape[1])


def labels_of(predictions: Predictions, name: str) -> Array:
    """Which labels each sample gets, bools of shape (N, classes): those of one half or more.

    Args:
        name: what they are for.

    Raises:
        DataError: predictions that are no probabilities.
    """
    scores = class_scores(predictions, name)
    low, high = float(scores.min()), float(scores.max())
    if low < 0 or high > 1:
        raise DataError(
            f"the model's answers go from {low:.4g} to {high:.4g}: they are no probabilities, of "
            "which one half or more is a label",
            "override the fixture edge_decoder, with 'sigmoid' where these are logits",
        )
    return np.asarray(scores >= 0.5)


def several_decided(metric: Metric, labels: Array, predictions: Predictions) -> Score:
    """F1 of the labels with a probability of one half or more.

    Raises:
        DataError: predictions that are no probabilities.
    """
    from sklearn.metrics import f1_score

    average = metric.name.partition("_")[2]
    has, gets = labels == 1, labels_of(predictions, metric.name)

    def value(at: Any) -> float:
        return float(f1_score(has[at], gets[at], average=average, zero_division=math.nan))

    found = scored(value, len(labels), f"labels: {SEVERAL}")
    return replace(found, chance=_of_one_answer(average, has.mean(axis=0)))


def _of_one_answer(average: str, shares: Array) -> float:
    """What the best answer that is the same for all samples would score.

    Of a label that always is answered, the precision is its share, and the recall 1.
    """
    occurring = np.sort(shares[shares > 0])[::-1]
    if average == "micro":
        likely = np.cumsum(occurring)
        return float((2 * likely / (np.arange(1, len(likely) + 1) + occurring.sum())).max())
    f1 = 2 * occurring / (1 + occurring)
    return float(np.average(f1, weights=occurring if average == "weighted" else None))
