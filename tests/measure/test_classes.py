"""Metrics of classes against scikit-learn, on ties, absent classes and single samples."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import metrics

from pytest_edgeai.errors import DataError
from pytest_edgeai.judge.evidence import Score
from pytest_edgeai.judge.metrics import metric_of
from pytest_edgeai.measure.metrics import score
from pytest_edgeai.measure.multi_label import is_multi_label, labels_of
from pytest_edgeai.model.dataset import ArrayDataset

Array = npt.NDArray[Any]
Answers = tuple[Array, Array]
"""Class indices of shape (N,), and scores of shape (N, classes)."""


def scored(name: str, labels: Any, predictions: Any) -> Score:
    labels = np.asarray(labels)
    return score(metric_of(name), ArrayDataset(np.zeros((len(labels), 1)), labels), predictions)


def value(name: str, labels: Any, predictions: Any) -> float:
    return scored(name, labels, predictions).value


def refusal(name: str, labels: Any, predictions: Any) -> str:
    with pytest.raises(DataError) as caught:
        scored(name, labels, predictions)
    return str(caught.value)


@st.composite
def answers(draw: st.DrawFn, classes: int = 0, samples: int = 1) -> Answers:
    """Many ties, as quantised scores have them, and classes that no label has."""
    count = classes or draw(st.integers(2, 5))
    n = draw(st.integers(samples, 12))
    labels = draw(st.lists(st.integers(0, count - 1), min_size=n, max_size=n))
    levels = st.lists(st.integers(0, 4), min_size=n * count, max_size=n * count)
    scores = np.array(draw(levels), np.float32).reshape(n, count) / 4
    assume((scores != scores[:1]).any() or len(set(labels)) == 1)
    return np.array(labels), scores


def int8_softmax(logits: Array) -> Array:
    """As int8 models put it out, with scale 1/256 and zero point -128: sums are not 1."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    exact = powers / powers.sum(axis=1, keepdims=True)
    return (np.clip(np.round(exact * 256), 0, 255) / 256).astype(np.float32)


def quiet(function: Callable[..., Any], *args: Any, **kwargs: Any) -> float:
    """What scikit-learn computes; it warns of absent classes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(function(*args, **kwargs))


def one_against_others(function: Callable[..., Any], labels: Array, scores: Array) -> float:
    classes = np.unique(labels)
    return float(np.mean([function(labels == c, scores[:, c]) for c in classes]))


@given(answers())
def test_of_the_likeliest_class(found: Answers) -> None:
    labels, scores = found
    answered = scores.argmax(axis=1)
    expected = {
        "accuracy": metrics.accuracy_score(labels, answered),
        "top_1_accuracy": metrics.accuracy_score(labels, answered),
        "balanced_accuracy": quiet(metrics.balanced_accuracy_score, labels, answered),
        "f1_macro": quiet(metrics.f1_score, labels, answered, average="macro"),
        "f1_micro": metrics.f1_score(labels, answered, average="micro"),
        "f1_weighted": quiet(metrics.f1_score, labels, answered, average="weighted"),
    }
    for name, wanted in expected.items():
        assert value(name, labels, scores) == pytest.approx(wanted), name


@given(answers(2))
def test_f1_of_two_classes(found: Answers) -> None:
    labels, scores = found
    answered = scores.argmax(axis=1)
    if labels.any() or answered.any():
        assert value("f1", labels, scores) == pytest.approx(
            quiet(metrics.f1_score, labels, answered)
        )
    else:
        assert "f1 is not defined on" in refusal("f1", labels, scores)


@given(answers(5), st.integers(2, 4))
def test_among_the_k_likeliest(found: Answers, k: int) -> None:
    labels, scores = found
    wanted = metrics.top_k_accuracy_score(labels, scores, k=k, labels=range(5))
    assert value(f"top_{k}_accuracy", labels, scores) == pytest.approx(wanted)


RANKED = {
    "roc_auc": metrics.roc_auc_score,
    "average_precision": metrics.average_precision_score,
}


@pytest.mark.parametrize("name", RANKED)
@given(found=answers())
def test_of_ranks(name: str, found: Answers) -> None:
    labels, scores = found
    if len(set(labels.tolist())) == 1:
        text = refusal(name, labels, scores)
        assert f"{name} compares classes, and all {len(labels)} labels are {labels[0]}" in text
        assert "samples of more than one class" in text
    elif scores.shape[1] == 2:
        wanted = RANKED[name](labels, scores[:, 1])
        assert value(name, labels, scores) == pytest.approx(wanted)
    else:
        wanted = one_against_others(RANKED[name], labels, scores)
        assert value(name, labels, scores) == pytest.approx(wanted)


@pytest.mark.parametrize("name", RANKED)
@given(found=answers(samples=2), seed=st.integers(0, 99))
def test_resamples_of_ranks(name: str, found: Answers, seed: int) -> None:
    """They are counted in another way than all samples are."""
    labels, scores = found
    assume(len(set(labels.tolist())) > 1)
    resampled = scored(name, labels, scores).resampled
    assert resampled is not None
    at = np.random.default_rng(seed).integers(len(labels), size=len(labels))
    asked = [1] if scores.shape[1] == 2 else np.unique(labels).tolist()
    for indices in (np.arange(len(labels)), at):
        drawn = [(labels[indices] == c, scores[indices, c]) for c in asked]
        if all(is_it.any() and not is_it.all() for is_it, _ in drawn):
            wanted = np.mean([RANKED[name](*column) for column in drawn])
            assert resampled(indices) == pytest.approx(float(wanted))


def test_a_resample_without_a_class_has_no_value() -> None:
    for name in RANKED:
        resampled = scored(name, [0, 1, 0], np.array([0.1, 0.9, 0.2], np.float32)).resampled
        assert resampled is not None
        assert np.isnan(resampled(np.array([0, 2, 2]))), name


def test_of_all_classes_it_is_scikit_learns_own_average() -> None:
    random = np.random.default_rng(0)
    labels, logits = random.integers(4, size=200), random.normal(size=(200, 4))
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    auc = metrics.roc_auc_score(labels, scores, multi_class="ovr", average="macro")
    assert value("roc_auc", labels, scores) == pytest.approx(auc)
    precision = metrics.average_precision_score(np.eye(4)[labels], scores, average="macro")
    assert value("average_precision", labels, scores) == pytest.approx(precision)


def test_of_int8_probabilities_that_do_not_sum_to_1() -> None:
    random = np.random.default_rng(0)
    labels, scores = random.integers(4, size=200), int8_softmax(2 * random.normal(size=(200, 4)))
    assert (scores.sum(axis=1) != 1).any()
    for name, function in RANKED.items():
        wanted = one_against_others(function, labels, scores)
        assert value(name, labels, scores) == pytest.approx(wanted)


NAMES = ("accuracy", "balanced_accuracy", "f1", "f1_macro", "f1_weighted", *RANKED)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=30)
@given(found=answers(2, samples=4))
def test_one_column_is_the_second_of_two(name: str, found: Answers) -> None:
    labels, scores = found
    labels[:2], scores[:2] = [0, 1], [[0.75, 0.25], [0.5, 0.5]]
    second = scores[:, 1]
    two = np.stack([1 - second, second], axis=1)
    two[second == 0.5] = [0.4, 0.5]  # one half is the second class, by a hair
    for one in (second, second[:, None], second[:, None, None]):
        assert value(name, labels, one) == pytest.approx(value(name, labels, two))


@pytest.mark.parametrize("name", NAMES)
def test_labels_in_any_form(name: str) -> None:
    random = np.random.default_rng(1)
    labels, scores = random.integers(2, size=30), random.random((30, 2))
    forms = [labels, labels[:, None], labels.astype(bool), labels.astype("u1"), np.eye(2)[labels]]
    assert len({value(name, form, scores) for form in forms}) == 1


def test_ties_of_the_k_likeliest_go_to_the_higher_class() -> None:
    scores = np.array([[0.25, 0.25, 0.25, 0.25], [1, 0, 0, 0]])
    assert value("top_2_accuracy", [3, 0], scores) == 1
    assert value("top_2_accuracy", [1, 0], scores) == 0.5


@pytest.mark.parametrize(
    "name", ["accuracy", "top_2_accuracy", "balanced_accuracy", "f1_macro", *RANKED]
)
def test_one_answer_to_everything_is_refused(name: str) -> None:
    """A drop from nothing to nothing would pass."""
    text = refusal(name, [0, 1, 2, 0], np.full((4, 3), 0.25, np.float32))
    assert "the model answers the same to all 4 samples, whose labels differ" in text
    assert "look at the scaling" in text


@pytest.mark.parametrize(
    ("name", "chance"),
    [
        ("accuracy", 0.5),
        ("balanced_accuracy", 1 / 3),
        ("roc_auc", 0.5),
        ("average_precision", 1 / 3),
        ("top_2_accuracy", 0.75),
        ("f1_macro", 2 / 3 / 3),
        ("f1_weighted", 1 / 3),
    ],
)
def test_what_one_answer_would_score(name: str, chance: float) -> None:
    scores = np.random.default_rng(0).random((4, 3))
    assert scored(name, [0, 1, 2, 0], scores).chance == pytest.approx(chance)


@pytest.mark.parametrize(
    "name", ["accuracy", "balanced_accuracy", "f1_macro", "f1_micro", "f1_weighted"]
)
def test_no_single_class_scores_more(name: str) -> None:
    labels = np.random.default_rng(1).integers(0, 4, 60)
    of_class = []
    for number in range(4):
        scores = np.random.default_rng(2).random((60, 4)) / 10
        scores[:, number] += 1  # not the same scores for all, but the same class
        found = scored(name, labels, scores)
        of_class.append(found.value)
    assert found.chance == pytest.approx(max(of_class))


@pytest.mark.parametrize(
    ("name", "predictions", "text"),
    [
        ("f1", np.eye(3)[[0, 1, 2, 0]], 'the model has 3\nhint: metric="f1_macro" averages them'),
        ("top_3_accuracy", np.eye(3)[[0, 1, 2, 0]], "has 3 classes, so that every answer is right"),
        ("top_2_accuracy", np.array([0.1, 0.2, 0.9, 1]), "labels reach 2 but the model has 2"),
        ("roc_auc", np.array([0.1, 0.2, 0.9, 1]), "labels reach 2 but the model has 2 classes"),
        ("f1_macro", np.array([-3.0, 2, 1, 1]), "one number, and the labels, int64, go from 0 to"),
        ("top_2_accuracy", np.array([0, 1, 2, 0]), "needs scores, and the model answers with cla"),
        ("accuracy", np.array([0, 1, -2, 0]), "answers with class -2, and classes begin at 0"),
        ("roc_auc", np.array([1, np.nan, 1, 2]), "hold NaN or infinity, the first for sample 1"),
        ("roc_auc", np.zeros((4, 3, 2)), "needs numbers of shape (N, classes), not float64 (4, 3"),
        ("average_precision", {"a": 0, "b": 0}, "the model has the outputs a, b: average_precisio"),
    ],
)
def test_refusals(name: str, predictions: Any, text: str) -> None:
    assert text in refusal(name, [0, 1, 2, 0], predictions)


@pytest.mark.parametrize("name", ["accuracy", "balanced_accuracy", "f1_macro", "f1_weighted"])
@given(found=answers(samples=3))
def test_whole_numbers_are_classes(name: str, found: Answers) -> None:
    """A model that ends in ArgMax scores as the one without it."""
    labels, scores = found
    answered = scores.argmax(axis=1)
    assume((answered != answered[0]).any() or len(set(labels.tolist())) == 1)
    of_scores = scored(name, labels, scores)
    for answer in (answered, answered[:, None].astype(np.int32)):
        of_classes = scored(name, labels, answer)
        assert of_classes.value == pytest.approx(of_scores.value)
        assert of_classes.answered is not None
        assert of_classes.answered.tolist() == answered.tolist()


def test_labels_of_minus_1_and_1() -> None:
    labels, chances = np.array([-1, 1, 1, -1]), np.array([0.1, 0.9, 0.2, 0.6])
    found = scored("accuracy", labels, chances)
    assert found.value == 0.5
    assert found.labels == "labels: -1 and 1, taken as classes 0 and 1"
    assert value("roc_auc", labels.astype(float), chances) == metrics.roc_auc_score(labels, chances)
    assert "labels go down to -1 but the model has 3 classes" in refusal(
        "accuracy", labels, np.eye(3)[[0, 1, 2, 0]]
    )


class TestSeveralLabelsPerSample:
    labels = np.array([[1, 0, 1], [0, 0, 1], [1, 1, 0], [0, 0, 0], [1, 1, 1]])
    chances = np.array(
        [[0.9, 0.2, 0.4], [0.6, 0.1, 0.7], [0.8, 0.5, 0.6], [0.1, 0.3, 0.2], [0.4, 0.9, 0.8]]
    )

    @pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
    @pytest.mark.parametrize("dtype", [int, bool, np.float32])
    def test_f1(self, average: str, dtype: type) -> None:
        wanted = metrics.f1_score(self.labels, self.chances >= 0.5, average=average)
        found = scored(f"f1_{average}", self.labels.astype(dtype), self.chances)
        assert found.value == pytest.approx(wanted)
        assert found.labels == "labels: several for each sample"
        assert found.resampled is not None
        at = np.array([0, 2, 2, 4, 4])
        again = metrics.f1_score(self.labels[at], self.chances[at] >= 0.5, average=average)
        assert found.resampled(at) == pytest.approx(again)

    def test_labels_are_what_is_as_likely_as_not(self) -> None:
        assert is_multi_label(self.labels, self.chances)
        gets = labels_of(self.chances, "agreement")
        assert gets.tolist() == (self.chances >= 0.5).tolist()
        with pytest.raises(DataError, match="they are no probabilities"):
            labels_of(self.chances - 1, "agreement")

    @pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
    def test_no_answer_that_is_the_same_for_all_scores_more(self, average: str) -> None:
        constant = [
            metrics.f1_score(self.labels, np.tile(row, (5, 1)), average=average, zero_division=0)
            for row in np.ndindex(2, 2, 2)
        ]
        chance = scored(f"f1_{average}", self.labels, self.chances).chance
        assert chance == pytest.approx(max(constant))

    @pytest.mark.parametrize("name", RANKED)
    def test_ranks(self, name: str) -> None:
        wanted = RANKED[name](self.labels, self.chances, average="macro")
        assert value(name, self.labels, self.chances) == pytest.approx(wanted)
        never = np.column_stack([self.labels, np.zeros(5, int)])  # a label that no sample has
        four = np.column_stack([self.chances, self.chances[:, 0]])
        assert value(name, never, four) == pytest.approx(wanted)

    def test_accuracy_is_not_for_them(self) -> None:
        text = refusal("accuracy", self.labels, self.chances)
        assert "labels are not one-hot: sample 0 has [1, 0, 1]" in text
        assert "Several labels per sample are for f1_macro" in text
        text = refusal("accuracy", self.labels + 0.137, self.chances)
        assert "Where a model puts out numbers, take metric='mean_absolute_error'" in text

    def test_logits_are_no_probabilities(self) -> None:
        text = refusal("f1_macro", self.labels, self.chances * 8 - 4)
        assert "the model's answers go from -3.2 to 3.2: they are no probabilities" in text
        assert "'sigmoid'" in text
        assert value("roc_auc", self.labels, self.chances * 8 - 4) == value(
            "roc_auc", self.labels, self.chances
        )


@pytest.mark.parametrize("labels", [[0.3, 1.2, -4.5, 2.2], [3.0, 45.0, 7.0, 12.0]])
@pytest.mark.parametrize("name", ["accuracy", "f1", "roc_auc"])
def test_a_regression_is_told_its_metrics(labels: list[float], name: str) -> None:
    text = refusal(name, labels, np.array([0.5, 1.5, -3, 2], np.float32)[:, None])
    assert "the model puts out one number, and the labels, float64, go from" in text
    assert "take metric='mean_absolute_error'" in text
    assert "sigmoid" not in text


class TestClassFolders:
    class Folder(ArrayDataset):
        classes, are_classes_stated = ("bent", "good"), False

    def scored(self, predictions: Any, stated: bool = False) -> Score:
        data = self.Folder(np.zeros((4, 1)), np.array([0, 1, 1, 0]))
        data.are_classes_stated = stated
        return score(metric_of("accuracy"), data, predictions)

    @pytest.mark.parametrize("columns", [1, 2])
    def test_as_many_as_the_model_has(self, columns: int) -> None:
        assert self.scored(np.eye(2)[[0, 1, 1, 0]][:, -columns:]).value == 1

    def test_fewer_than_the_model_has(self) -> None:
        scores = np.eye(3)[[0, 1, 1, 0]]
        with pytest.raises(DataError) as caught:
            self.scored(scores)
        assert "2 class folders and the model has 3 classes" in caught.value.message
        assert "ImageFolder(..., classes=[...])" in caught.value.hint
        assert self.scored(scores, stated=True).value == 1

    def test_a_model_that_answers_with_classes_does_not_tell(self) -> None:
        assert self.scored(np.array([0, 1, 1, 2])).value == 0.75
