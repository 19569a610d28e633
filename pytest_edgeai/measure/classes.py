"""Metrics of classes: of the likeliest, and of how scores rank them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from pytest_edgeai.errors import DataError
from pytest_edgeai.judge.evidence import Score
from pytest_edgeai.judge.metrics import Metric
from pytest_edgeai.measure import ranking
from pytest_edgeai.measure.answers import Array, Predictions, class_scores, top_1
from pytest_edgeai.measure.resampling import scored
from pytest_edgeai.model.labels import class_indices


def hits(metric: Metric, labels: Array, predictions: Predictions) -> Score:
    """The share of samples whose class is among the k likeliest."""
    count, answered = top_1(predictions)
    classes, how = class_indices(labels, count)
    hits = classes == answered
    assert metric.k is not None
    if metric.k > 1:
        if metric.k >= count:
            raise DataError(
                f"{metric.name}: the model has {count} classes, so that every answer is right",
                'metric="accuracy" counts the likeliest class',
            )
        scores = class_scores(predictions, metric.name)
        # Ties go to the higher class, as in scikit-learn.
        first_k = np.argsort(scores, axis=1, kind="stable")[:, -metric.k :]
        hits = (first_k == classes[:, None]).any(axis=1)
    return Score(
        float(hits.mean()),
        len(classes),
        f"labels: {how}",
        chance=float(np.sort(np.bincount(classes))[-metric.k :].sum() / len(classes)),
        hits=hits,
        classes=classes,
        answered=answered,
    )


def decided(metric: Metric, labels: Array, predictions: Predictions) -> Score:
    """Of the likeliest classes."""
    from sklearn.metrics import balanced_accuracy_score, f1_score

    count, answered = top_1(predictions)
    classes, how = class_indices(labels, count)
    average = metric.name.partition("_")[2] or "binary"
    if metric.name == "f1" and count > 2:
        raise DataError(
            f"f1 is for two classes, and the model has {count}", 'metric="f1_macro" averages them'
        )

    def value(at: Any) -> float:
        if metric.name == "balanced_accuracy":
            return float(balanced_accuracy_score(classes[at], answered[at]))
        return float(f1_score(classes[at], answered[at], average=average, zero_division=math.nan))

    found = scored(value, len(classes), f"labels: {how}", strata=classes)
    return replace(
        found, classes=classes, answered=answered, chance=_of_one_class(metric.name, classes)
    )


def _of_one_class(name: str, classes: Array) -> float:
    """What always answering one class would score, the best of them.

    Its precision is its share of the samples, its recall 1.
    """
    shares = np.bincount(classes) / len(classes)
    occurring = np.count_nonzero(shares)
    if name == "balanced_accuracy":
        return 1 / occurring
    share = float(shares[1:2].sum() if name == "f1" else shares.max())
    f1 = 2 * share / (1 + share)
    return {"f1": f1, "f1_macro": f1 / occurring, "f1_weighted": share * f1}[name]


def ranked(metric: Metric, labels: Array, predictions: Predictions) -> Score:
    """Of how well scores tell each class from the others, averaged over the classes that occur.

    Of two classes only the second is asked for; one score for a sample is that of the second.
    """
    from sklearn import metrics

    scores = class_scores(predictions, metric.name)
    count = max(scores.shape[1], 2)
    classes, how = class_indices(labels, count)
    occurring = np.unique(classes)
    if len(occurring) < 2:
        raise DataError(
            f"{metric.name} compares classes, and all {len(classes):,} labels are {classes[0]}",
            "give evaluation_data samples of more than one class",
        )
    asked = [1] if count == 2 else occurring.tolist()
    columns = [(classes == number, scores[:, -1 if count == 2 else number]) for number in asked]
    function = getattr(metrics, f"{metric.name}_score")
    weighted = [getattr(ranking, metric.name)(*column) for column in columns]

    def resampled(at: Any) -> float:
        weights = np.bincount(at, minlength=len(classes))
        return float(np.mean([value(weights) for value in weighted]))

    return Score(
        float(np.mean([function(*column) for column in columns])),
        len(classes),
        f"labels: {how}",
        chance=0.5 if metric.name == "roc_auc" else float(np.mean([is_it for is_it, _ in columns])),
        resampled=resampled,
        strata=classes,
    )
