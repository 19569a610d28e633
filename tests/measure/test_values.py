"""Metrics of numbers and masks against scikit-learn."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn import metrics

from pytest_edgeai.errors import DataError
from pytest_edgeai.judge.evidence import Score
from pytest_edgeai.judge.metrics import metric_of
from pytest_edgeai.measure.metrics import score
from pytest_edgeai.model.dataset import ArrayDataset

Array = npt.NDArray[Any]
ERRORS = {
    "mean_absolute_error": metrics.mean_absolute_error,
    "root_mean_squared_error": metrics.root_mean_squared_error,
}


def scored(name: str, labels: Any, predictions: Any, ignore: int | None = None) -> Score:
    labels = np.asarray(labels)
    return score(
        metric_of(name, ignore), ArrayDataset(np.zeros((len(labels), 1)), labels), predictions
    )


def value(name: str, labels: Any, predictions: Any) -> float:
    return scored(name, labels, predictions).value


def refusal(name: str, labels: Any, predictions: Any) -> str:
    with pytest.raises(DataError) as caught:
        scored(name, labels, predictions)
    return str(caught.value)


def numbers(n: int, columns: int) -> st.SearchStrategy[Array]:
    return arrays.arrays(np.float32, (n, columns), elements=st.floats(-100, 100, width=16))


@given(st.data(), st.integers(1, 10), st.integers(1, 3))
def test_of_numbers(data: st.DataObject, n: int, columns: int) -> None:
    labels, made = data.draw(numbers(n, columns)), data.draw(numbers(n, columns))
    assume(n == 1 or (made != made[:1]).any())
    for name, function in ERRORS.items():
        assert value(name, labels, made) == pytest.approx(function(labels, made), rel=1e-4)
    if n > 1 and (labels != labels[:1]).any(axis=0).all():
        wanted = metrics.r2_score(labels, made)
        assert value("r2", labels, made) == pytest.approx(wanted, rel=1e-3, abs=1e-3)
    else:
        text = refusal("r2", labels, made)
        assert f"r2 is not defined on {n} samples with these labels\nhint: give eval" in text


def test_shapes_that_hold_the_same_numbers() -> None:
    labels, made = np.arange(6.0), np.arange(6.0) * 1.5
    wanted = metrics.mean_absolute_error(labels, made)
    for shape in [(6,), (6, 1), (6, 1, 1)]:
        for other in [(6,), (6, 1), (6, 1, 1)]:
            found = value("mean_absolute_error", labels.reshape(shape), made.reshape(other))
            assert found == pytest.approx(wanted)


def test_small_whole_numbers_do_not_wrap_around() -> None:
    labels, made = np.array([0, 200, 255], "u1"), np.array([255, 0, 254], "u1")
    assert value("mean_absolute_error", labels, made) == pytest.approx(456 / 3)
    assert value("mean_absolute_error", labels > 9, made < 9) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("labels", "made", "text"),
    [
        ([0, 1, 2], np.ones((3, 2)), "labels of int64 (3,) do not fit predictions of (3, 2)"),
        (["a", "b", "c"], np.ones(3), "do not fit predictions of (3,)\nhint: give one label for"),
        ([0, np.nan, 2], np.arange(3), "labels hold NaN or infinity, the first for sample 1"),
        ([0, 1, 2], np.array([0, 1, np.inf]), "1 answers hold NaN or infinity, the first for sam"),
        ([0, 1, 2], np.ones(3), "the model answers the same to all 3 samples, whose labels differ"),
        ([0, 1, 2], {"a": 1, "b": 2}, "has the outputs a, b: mean_absolute_error needs one"),
    ],
)
def test_refusals_of_numbers(labels: Any, made: Any, text: str) -> None:
    assert text in refusal("mean_absolute_error", labels, made)


@given(st.data(), st.integers(2, 4), st.integers(1, 4))
def test_of_masks(data: st.DataObject, classes: int, n: int) -> None:
    """Classes that neither labels nor answers have do not count."""
    shape = (n, 3, 2)
    labels, made = (
        data.draw(arrays.arrays(np.uint8, shape, elements=st.integers(0, classes - 1)))
        for _ in range(2)
    )
    assume(n == 1 or (made != made[:1]).any() or (labels == labels[:1]).all())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = metrics.jaccard_score(labels.ravel(), made.ravel(), average="macro")
    scores = np.eye(classes, dtype=np.float32)[made]
    found = scored("mean_iou", labels, scores)
    assert found.value == pytest.approx(wanted)
    assert value("mean_iou", labels[..., None], scores) == found.value
    assert found.resampled is not None
    twice = found.resampled(np.repeat(np.arange(n), 2)[:n])
    half = np.repeat(np.arange(n), 2)[:n]
    again = metrics.jaccard_score(labels[half].ravel(), made[half].ravel(), average="macro")
    assert twice == pytest.approx(again)


def test_of_one_class_and_all_else() -> None:
    labels = np.array([[[0, 1], [1, 1]], [[0, 0], [0, 1]]])
    chances = np.array([[[0.4, 0.5], [0.9, 0.1]], [[0, 0], [0.6, 1]]], np.float32)
    wanted = metrics.jaccard_score(labels.ravel(), (chances >= 0.5).ravel(), average="macro")
    assert value("mean_iou", labels, chances[..., None]) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("labels", "scores", "text"),
    [
        (np.zeros((2, 3, 3), int), np.zeros((2, 3, 2, 4)), "do not fit predictions of shape (2, 3"),
        (np.full((2, 3, 3), 0.5), np.zeros((2, 3, 3, 4)), "labels of float64 (2, 3, 3) do not fi"),
        (np.full((2, 3, 3), 255), np.zeros((2, 3, 3, 4)), "labels go from 255 to 255, and the mod"),
        (np.full((2, 3, 3), -1), np.zeros((2, 3, 3, 4)), 'metric="mean_iou", ignore_label=-1'),
        (np.zeros((2, 3, 3), int), np.full((2, 3, 3, 1), -4.2), "that is no probability of one of"),
        (np.zeros((2, 3, 3), int), np.full((2, 3, 3, 4), np.nan), "2 answers hold NaN or infinity"),
        (np.zeros((2, 3, 3), int), np.full((2, 3, 3), -1), "answers with class -1, and classes be"),
        (np.zeros(2, int), np.zeros(2), "do not fit predictions of shape (2,)"),
    ],
)
def test_refusals_of_masks(labels: Any, scores: Any, text: str) -> None:
    assert text in refusal("mean_iou", labels, scores)


class TestMasks:
    labels = np.array([[[0, 1], [1, 2]], [[0, 0], [2, 1]]])
    made = np.array([[[0, 1], [0, 2]], [[0, 1], [2, 1]]])
    scores = np.eye(3, dtype=np.float32)[made]

    @property
    def wanted(self) -> float:
        return float(metrics.jaccard_score(self.labels.ravel(), self.made.ravel(), average="macro"))

    @pytest.mark.parametrize("is_deep", [False, True])
    @pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8])
    def test_of_a_model_that_answers_with_classes(self, is_deep: bool, dtype: Any) -> None:
        labels, made = self.labels.astype(np.uint8), self.made.astype(dtype)
        for answers in (made, made[..., None]):
            found = value("mean_iou", labels[..., None] if is_deep else labels, answers)
            assert found == pytest.approx(self.wanted)

    def test_labels_in_any_form(self) -> None:
        forms = [
            self.labels.astype(float),
            np.eye(3)[self.labels],
            np.eye(3, dtype=bool)[self.labels],
        ]
        for labels in forms:
            assert value("mean_iou", labels, self.scores) == pytest.approx(self.wanted)

    @pytest.mark.parametrize("answers", ["scores", "made"])
    def test_an_ignored_label(self, answers: str) -> None:
        labels = self.labels.copy()
        labels[0, 0, 0] = labels[1, 0, 1] = 255
        known = labels != 255
        wanted = metrics.jaccard_score(labels[known], self.made[known], average="macro")
        found = scored("mean_iou", labels, getattr(self, answers), ignore=255)
        assert found.value == pytest.approx(wanted)
        assert found.labels == "labels: masks of class indices, 255 ignored"

    def test_what_looks_like_an_ignored_label_is_named(self) -> None:
        labels = np.where(self.labels == 2, 255, self.labels)
        text = refusal("mean_iou", labels, self.scores)
        assert "labels go from 0 to 255, and the model has 3 classes" in text
        assert "where 255 marks pixels that do not count, leave them out: min_accuracy" in text
        assert 'metric="mean_iou", ignore_label=255)' in text
        labels[0, 0, 0] = 254
        assert "ignore_label" not in refusal("mean_iou", labels, self.scores)
        with pytest.raises(DataError, match="all labels are 7, which is ignored"):
            scored("mean_iou", np.full((2, 2, 2), 7), self.scores, ignore=7)

    def test_accuracy_leads_to_them(self) -> None:
        text = refusal("accuracy", self.labels, self.scores)
        assert "metric='mean_iou' compares masks" in text
