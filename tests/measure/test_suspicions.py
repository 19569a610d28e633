"""What would mend a failing metric: tried on a model, not guessed."""

from __future__ import annotations

from typing import Any

import numpy as np

from pytest_edgeai.judge.metrics import ACCURACY
from pytest_edgeai.measure.suspicions import suspicions
from pytest_edgeai.model.dataset import ArrayDataset

F = np.float32


class Plain:
    """A model of four classes that answers the largest of four inputs in 0..1."""

    def predict(self, batch: Any) -> Any:
        inputs = np.asarray(batch).reshape(len(batch), 4)
        return np.where((inputs >= 0) & (inputs <= 1), inputs, 0.5).astype(F)


def samples(n: int = 200) -> tuple[Any, Any]:
    inputs = np.random.default_rng(0).random((n, 4)).astype(F)
    return inputs, inputs.argmax(axis=1)


def said(inputs: Any, labels: Any) -> tuple[str, ...]:
    data = ArrayDataset(inputs, labels)
    return suspicions(Plain(), data, None, ACCURACY)  # type: ignore[arg-type]


def test_nothing_of_what_is_right() -> None:
    assert said(*samples()) == ()


def test_labels_that_begin_at_1() -> None:
    inputs, labels = samples()
    kept = labels < 3
    (text,) = [t for t in said(inputs[kept], labels[kept] + 1) if "lower" in t]
    assert text == (
        "with labels lower by 1 accuracy would be 100.00 % instead of 0.00 % "
        f"({kept.sum()} samples)"
    )


def test_classes_in_another_order() -> None:
    inputs, labels = samples()
    order = np.array([2, 1, 3, 0])
    (text,) = said(inputs, order[labels])
    assert text.startswith("with the classes in another order (3 for label 0, 0 for label 2, ")
    assert "accuracy would be 100.00 % instead of" in text


def test_a_few_samples_fit_any_order() -> None:
    inputs, labels = samples(30)
    assert said(inputs, np.random.default_rng(1).permutation(labels)) == ()


def test_answers_that_are_guessed_are_not_mended_by_anything() -> None:
    inputs, _ = samples()
    assert said(inputs, np.random.default_rng(2).integers(0, 4, 200)) == ()
