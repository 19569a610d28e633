"""Metrics of classes: of the likeliest, and of how scores rank them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pytest_edgeai import units
from pytest_edgeai.errors import DataError
from pytest_edgeai.judge.evidence import Score
from pytest_edgeai.judge.metrics import Metric
from pytest_edgeai.measure import ranking
from pytest_edgeai.measure.answers import (
    Array,
    Predictions,
    are_classes,
    class_scores,
    likeliest,
    numbers,
)
from pytest_edgeai.measure.multi_label import SEVERAL, is_multi_label, several_decided
from pytest_edgeai.measure.resampling import scored
from pytest_edgeai.model.dataset import Dataset
from pytest_edgeai.model.labels import FOR_NUMBERS, class_indices


@dataclass(frozen=True)
class _Compared:
    """The class that each sample has, and the one that it got."""

    labels: Array
    answered: Array
    count: int
    how: str


def _compared(name: str, labels: Array, predictions: Predictions) -> _Compared:
    """Labels and answers as class indices.

    Raises:
        DataError: they are no classes.
    """
    values = numbers(predictions, name)
    if are_classes(values):
        classes, how = class_indices(labels, None)
        answered = values.reshape(-1).astype(np.int64)
        if answered.min() < 0:
            raise DataError(
                f"the model answers with class {answered.min()}, and classes begin at 0",
                "override the fixture edge_decoder, so that it makes classes of the outputs",
            )
        return _Compared(classes, answered, int(max(classes.max(), answered.max(), 1)) + 1, how)
    scores = class_scores(predictions, name)
    count = max(scores.shape[1], 2)
    if scores.shape[1] == 1:
        _refuse_regression(labels, scores)
    classes, how = class_indices(labels, count)
    return _Compared(classes, likeliest(scores), count, how)


def _refuse_regression(labels: Array, scores: Array) -> None:
    """Raise a DataError where one number for a sample is no choice between two classes."""
    flat = labels.reshape(-1)
    if flat.dtype.kind not in "uif" or flat.size != len(labels) or not np.isfinite(flat).all():
        return
    are_probabilities = scores.min() >= 0 and scores.max() <= 1
    is_regression = flat.dtype.kind == "f" or not are_probabilities
    if is_regression and not np.isin(flat, (-1, 0, 1)).all():
        raise DataError(
            f"the model puts out one number, and the labels, {flat.dtype}, go from "
            f"{flat.min():.4g} to {flat.max():.4g}: that is no choice between two classes",
            FOR_NUMBERS,
        )


def refuse_other_folders(data: Dataset, predictions: Predictions) -> None:
    """Raise a DataError where class folders are not as many as the model's classes.

    They are numbered by their names, so that one that is missing shifts the labels of others.
    Where the order of the classes is stated, a model may have more.
    """
    names = getattr(data, "classes", ())
    if not names or getattr(data, "are_classes_stated", False):
        return
    values = numbers(predictions, "")
    count = max(values.size // len(values), 2)
    if are_classes(values) or count == len(names):
        return
    raise DataError(
        f"evaluation_data has {units.count(len(names), 'class folder')} and the model has {count} "
        "classes: folders are numbered in the order of their names, so that labels may be shifted",
        "make an empty folder for each class without images; or state all classes in the order of "
        "the model's outputs: ImageFolder(..., classes=[...])",
    )


def hits(metric: Metric, labels: Array, predictions: Predictions) -> Score:
    """The share of samples whose class is among the k likeliest."""
    compared = _compared(metric.name, labels, predictions)
    classes, count = compared.labels, compared.count
    hits = classes == compared.answered
    assert metric.k is not None
    if metric.k > 1:
        if are_classes(np.asarray(predictions)):
            raise DataError(
                f"{metric.name} needs scores, and the model answers with classes",
                'metric="accuracy" counts the right ones',
            )
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
        f"labels: {compared.how}",
        chance=float(np.sort(np.bincount(classes))[-metric.k :].sum() / len(classes)),
        hits=hits,
        classes=classes,
        answered=compared.answered,
    )


def decided(metric: Metric, labels: Array, predictions: Predictions) -> Score:
    """Of the likeliest classes; with several labels per sample, of those that are likely."""
    from sklearn.metrics import balanced_accuracy_score, f1_score

    if is_multi_label(labels, predictions) and metric.name.startswith("f1_"):
        return several_decided(metric, labels, predictions)
    compared = _compared(metric.name, labels, predictions)
    classes, answered = compared.labels, compared.answered
    average = metric.name.partition("_")[2] or "binary"
    if metric.name == "f1" and compared.count > 2:
        raise DataError(
            f"f1 is for two classes, and the model has {compared.count}",
            'metric="f1_macro" averages them',
        )

    def value(at: Any) -> float:
        if metric.name == "balanced_accuracy":
            return float(balanced_accuracy_score(classes[at], answered[at]))
        return float(f1_score(classes[at], answered[at], average=average, zero_division=math.nan))

    found = scored(value, len(classes), f"labels: {compared.how}", strata=classes)
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
    of = {"f1": f1, "f1_macro": f1 / occurring, "f1_micro": share, "f1_weighted": share * f1}
    return of[name]


def ranked(metric: Metric, labels: Array, predictions: Predictions) -> Score:
    """Of how well scores tell each class from the others, averaged over the classes that occur.

    Of two classes only the second is asked for; one score for a sample is that of the second. With
    several labels per sample, each class is asked for that some samples have and others have not.
    """
    from sklearn import metrics

    scores = class_scores(predictions, metric.name)
    columns, how, strata = _asked(metric.name, labels, scores)
    function = getattr(metrics, f"{metric.name}_score")
    weighted = [getattr(ranking, metric.name)(*column) for column in columns]

    def resampled(at: Any) -> float:
        weights = np.bincount(at, minlength=len(labels))
        return float(np.mean([value(weights) for value in weighted]))

    return Score(
        float(np.mean([function(*column) for column in columns])),
        len(labels),
        f"labels: {how}",
        chance=0.5 if metric.name == "roc_auc" else float(np.mean([is_it for is_it, _ in columns])),
        resampled=resampled,
        strata=strata,
    )


def _asked(
    name: str, labels: Array, scores: Array
) -> tuple[list[tuple[Array, Array]], str, Array | None]:
    """For each class that is asked for whether samples have it, and its scores; how; the strata."""
    if is_multi_label(labels, scores):
        has = labels == 1
        asked = [place for place, one in enumerate(has.T) if one.any() and not one.all()]
        if not asked:
            raise DataError(
                f"{name} compares samples with a label and without, and every label is at all "
                f"{len(labels):,} samples or at none",
                "give evaluation_data more samples",
            )
        return [(has[:, place], scores[:, place]) for place in asked], SEVERAL, None
    count = max(scores.shape[1], 2)
    if scores.shape[1] == 1:
        _refuse_regression(labels, scores)
    classes, how = class_indices(labels, count)
    occurring = np.unique(classes)
    if len(occurring) < 2:
        raise DataError(
            f"{name} compares classes, and all {len(classes):,} labels are {classes[0]}",
            "give evaluation_data samples of more than one class",
        )
    numbers = [1] if count == 2 else occurring.tolist()
    columns = [(classes == number, scores[:, -1 if count == 2 else number]) for number in numbers]
    return columns, how, classes
