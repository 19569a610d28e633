"""What metrics make of predictions, and what they are not for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from pytest_edgeai.errors import DataError
from pytest_edgeai.judge.metrics import ACCURACY, metric_of
from pytest_edgeai.measure.answers import classes_of
from pytest_edgeai.measure.metrics import score
from pytest_edgeai.model.dataset import ArrayDataset

Array = npt.NDArray[Any]
F = np.float32


def refusal(call: Callable[..., object], *args: Any) -> str:
    with pytest.raises(DataError) as caught:
        call(*args)
    return str(caught.value)


class TestClasses:
    """What two models have to agree on."""

    @pytest.mark.parametrize("shape", [(2, 3), (2, 1, 3), (2, 1, 1, 3), (2, 3, 1)])
    def test_of_scores(self, shape: tuple[int, ...]) -> None:
        assert classes_of(np.array([0, 5, 1, 9, 2, 0], F).reshape(shape)).tolist() == [1, 0]

    @pytest.mark.parametrize("shape", [(4,), (4, 1), (4, 1, 1)])
    def test_of_one_probability(self, shape: tuple[int, ...]) -> None:
        answers = np.array([0.1, 0.5, 0.49, 1], F).reshape(shape)
        assert classes_of(answers).tolist() == [0, 1, 0, 1]

    def test_of_true_and_false(self) -> None:
        assert classes_of(np.array([[True], [False]])).tolist() == [1, 0]

    @pytest.mark.parametrize("shape", [(3,), (3, 1), (3, 1, 1)])
    def test_whole_numbers_are_classes(self, shape: tuple[int, ...]) -> None:
        assert classes_of(np.array([7, 0, 2]).reshape(shape)).tolist() == [7, 0, 2]

    def test_of_masks(self) -> None:
        masks = np.random.default_rng(0).integers(0, 3, (2, 4, 5))
        for answers in (masks, masks[..., None], np.eye(3, dtype=F)[masks] * 0.9 + 0.03):
            assert classes_of(answers).tolist() == masks.tolist()

    @pytest.mark.parametrize(
        ("answers", "text"),
        [
            (np.array([[0, 1], [np.inf, 1]], F), "1 answers hold NaN or infinity"),
            (
                np.array([[0, 1], [np.nan, 1], [0, np.nan]], F),
                "2 answers hold NaN or infinity, the first for ",
            ),
            (np.array([[-3.2], [4.1]], F), "goes from -3.2 to 4.1 (float32): that is no prob"),
            (np.zeros((2, 7, 4), F), "numbers of shape (N, classes), not float32 (2, 7, 4)"),
            (np.array([b"cat", b"dog"], object), "agreement needs numbers, not object (2,)"),
            ({"boxes": np.zeros(2), "kinds": np.zeros(2)}, "the outputs boxes, kinds: agreement"),
        ],
    )
    def test_what_has_none(self, answers: Any, text: str) -> None:
        assert text in refusal(classes_of, answers)


class TestScore:
    answers = np.eye(3, dtype=F)[[0, 1, 2, 2]]

    def score(self, labels: Any, metric: Any = "accuracy", answers: Any = answers) -> float:
        return score(metric_of(metric), ArrayDataset(np.zeros((4, 1)), labels), answers).value

    @pytest.mark.parametrize(
        "labels",
        [[0, 1, 2, 0], [[0], [1], [2], [0]], [0.0, 1.0, 2.0, 0.0], np.eye(3)[[0, 1, 2, 0]]],
    )
    def test_of_labels_in_any_form(self, labels: Any) -> None:
        assert self.score(labels) == 0.75

    def test_of_a_probability(self) -> None:
        assert self.score([0, 1, 1, 1], answers=np.array([0.2, 0.8, 0.6, 0.3], F)) == 0.75

    def test_by_a_callable(self) -> None:
        given = []

        def metric(labels: Array, answers: Array) -> np.float64:
            given.append((labels.tolist(), answers.shape))
            return np.mean(labels)

        assert self.score([0, 1, 2, 0], metric) == 0.75
        assert given == [([0, 1, 2, 0], (4, 3))]

    def test_a_callable_cannot_change_what_the_next_one_gets(self) -> None:
        def greedy(labels: Any, answers: Any) -> float:
            labels -= 1
            answers[:] = 0
            return 1.0

        before = self.answers.copy()
        data = ArrayDataset(np.zeros((4, 2)), np.array([0, 1, 2, 0]))
        assert score(metric_of(greedy), data, self.answers).value == 1.0
        assert np.array_equal(self.answers, before)
        assert data.labels is not None
        assert data.labels.tolist() == [0, 1, 2, 0]

    def test_a_model_that_always_answers_the_same(self) -> None:
        dead = np.zeros((4, 3), F)
        text = refusal(lambda: self.score([0, 0, 0, 1], answers=dead))
        assert "the model answers the same to all 4 samples, whose labels differ" in text
        assert self.score([0, 0, 0, 0], answers=dead) == 1.0, "right, as far as these samples tell"

    def test_chance_is_the_share_of_the_commonest_class(self) -> None:
        data = ArrayDataset(np.zeros((4, 2)), np.array([0, 1, 2, 0]))
        assert score(ACCURACY, data, self.answers).chance == 0.5

    def test_a_callable_gets_all_outputs(self) -> None:
        answers = {"boxes": self.answers, "kinds": self.answers}
        assert self.score([0] * 4, lambda labels, found: len(found), answers) == 2

    @pytest.mark.parametrize(
        ("labels", "metric", "text"),
        [
            (None, "accuracy", "has no labels\nhint: return a pair (inputs, labels)"),
            ([0, 1, 2, 3], "accuracy", "labels reach 3 but the model has 3 classes (0..2)"),
            ([-1, 1, 2, 0], "accuracy", "labels go down to -1 but the model has 3 classes"),
            (np.eye(5)[[0, 1, 2, 0]], "accuracy", "labels have 5 columns but the model has 3"),
            ([0] * 4, lambda labels, answers: np.nan, "the metric returned nan"),
            ([0] * 4, lambda labels, answers: labels, "returned array([0, 0, 0, 0]), not a number"),
            ([0] * 4, lambda labels, answers: 1 / 0, "raised ZeroDivisionError: division by zero"),
            ([0] * 4, lambda labels, answers: None, "the metric returned None, not a number"),
        ],
    )
    def test_refusals(self, labels: Any, metric: Any, text: str) -> None:
        assert text in refusal(self.score, labels, metric)
