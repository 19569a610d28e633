"""How well scores tell samples of a class from the others, of a thousand resamples in a second.

The scores are sorted once, a resample only says how often each sample counts: scikit-learn sorts
anew, and takes half a minute for the resamples of ten classes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pytest_edgeai.measure.answers import Array

Weighted = Callable[[Array], float]
"""A value of samples that count so many times each; NaN where it is not defined."""


def roc_auc(is_class: Array, scores: Array) -> Weighted:
    """Area under the ROC curve, as the Mann-Whitney statistic; ties count half.

    Args:
        is_class: bool, shape (N,).
        scores: shape (N,).
    """
    level = _levels(scores)

    def value(weights: Array) -> float:
        ones, others = _at_levels(level, is_class, weights)
        below = np.cumsum(others) - others
        pairs = ones.sum() * others.sum()
        return float((ones * (below + others / 2)).sum() / pairs) if pairs else float("nan")

    return value


def average_precision(is_class: Array, scores: Array) -> Weighted:
    """Precision at each score, weighted by the recall that is gained there.

    Args:
        is_class: bool, shape (N,).
        scores: shape (N,).
    """
    level = _levels(scores)

    def value(weights: Array) -> float:
        ones, others = _at_levels(level, is_class, weights)
        ones, others = ones[::-1], others[::-1]
        right, found = np.cumsum(ones), np.cumsum(ones + others)
        precision = right / np.maximum(found, 1)
        return float((ones * precision).sum() / right[-1]) if right[-1] else float("nan")

    return value


def _levels(scores: Array) -> Array:
    """The rank of each score, equal ones alike."""
    return np.unique(scores, return_inverse=True)[1].reshape(-1)


def _at_levels(level: Array, is_class: Array, weights: Any) -> tuple[Array, Array]:
    """How many samples of the class, and how many others, each score has."""
    everyone = np.bincount(level, weights)
    ones = np.bincount(level, weights * is_class)
    return ones, everyone - ones
