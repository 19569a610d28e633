"""What would make a failing metric much better: the same data, read in another way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from pytest_edgeai import units
from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.errors import EdgeAIError
from pytest_edgeai.judge.evidence import Score
from pytest_edgeai.judge.metrics import Metric
from pytest_edgeai.measure.decoders import Decoder, decoded
from pytest_edgeai.measure.metrics import score
from pytest_edgeai.model.dataset import ArrayDataset, Dataset

Array = np.ndarray[Any, np.dtype[Any]]
Change = tuple[str, Array]

MOST_SAMPLES = 200
LEAST_GAIN = 0.1
"""Of a metric from 0 to 1; what improves by less may have improved by chance."""
LEAST_FACTOR = 2.0
"""How many times smaller an error has to become, and what a metric from 0 to 1 lacks to 1."""
PER_CLASS = 10
"""With fewer samples for each class, some order of the classes fits whatever the model answers."""
MOST_NAMED = 3


@dataclass(frozen=True)
class _Trial:
    """A model, and how what it makes of data is scored."""

    interpreter: Interpreter
    decoder: Decoder
    metric: Metric

    def score(self, inputs: Array, labels: Array | None) -> Score | None:
        """None where it cannot be scored."""
        try:
            data = ArrayDataset(inputs, labels)
            with self.interpreter.inputs_kept():
                outputs = self.interpreter.predict(inputs)
            return score(self.metric, data, decoded(self.decoder, data, outputs))
        except EdgeAIError:
            return None


def suspicions(
    interpreter: Interpreter, data: Dataset, decoder: Decoder, metric: Metric
) -> tuple[str, ...]:
    """Try the usual mistakes of data, and tell which of them, undone, makes a large difference.

    At most ``MOST_SAMPLES`` samples are tried in each way. Nothing is said of several inputs, and
    of inputs that are no floats.
    """
    some, trial = data.take(MOST_SAMPLES), _Trial(interpreter, decoder, metric)
    (inputs,) = some.batches(MOST_SAMPLES)
    if isinstance(inputs, dict) or inputs.dtype.kind != "f":
        return ()
    as_fed = trial.score(inputs, some.labels)
    if as_fed is None:
        return ()
    tried = [(name, trial.score(changed, some.labels)) for name, changed in _inputs(inputs)]
    tried += [(name, trial.score(inputs, changed)) for name, changed in _labels(some.labels)]
    better = [(name, found.value) for name, found in tried if found is not None]
    better += _in_another_order(as_fed) if metric.k == 1 else []
    least = max(LEAST_GAIN, len(inputs) ** -0.5)  # two standard errors of a share, at most
    return tuple(
        f"with {name} {metric.name} would be {_text(metric, value)} instead of "
        f"{_text(metric, as_fed.value)} ({units.count(len(inputs), 'sample')})"
        for name, value in better
        if _is_much_better(metric, as_fed.value, value, least)
    )


def _inputs(inputs: Array) -> Iterator[Change]:
    """Ways to read inputs of these shapes and values."""
    low, high = float(inputs.min()), float(inputs.max())
    if inputs.ndim == 4 and inputs.shape[3] == 3:
        yield "the channels in reverse order (RGB and BGR)", inputs[..., ::-1]
    if inputs.ndim == 4 and inputs.shape[1] == inputs.shape[2]:
        yield "height and width swapped", inputs.transpose(0, 2, 1, 3)
    if low >= 0 and high <= 1 / 255:
        yield "inputs 255 times as large (divided by 255 twice)", inputs * 255
    elif low >= 0 and high <= 1:
        yield "inputs from 0 to 255 (not divided by 255)", inputs * 255
        yield "inputs from -1 to 1 (x / 127.5 - 1)", inputs * 2 - 1
    elif low >= 0 and high <= 255:
        yield "inputs from 0 to 1 (x / 255)", inputs / 255
        yield "inputs from -1 to 1 (x / 127.5 - 1)", inputs / 127.5 - 1
    elif low >= -1 and high <= 1:
        yield "inputs from 0 to 1 (x / 255)", (inputs + 1) / 2
        yield "inputs from 0 to 255 (not scaled)", (inputs + 1) * 127.5


def _labels(labels: Array | None) -> Iterator[Change]:
    """Ways to number classes."""
    if labels is not None and labels.ndim == 1 and labels.dtype.kind in "iu":
        numbers = labels.astype(np.int64)
        yield "labels lower by 1", numbers - 1
        yield "labels higher by 1", numbers + 1


def _in_another_order(found: Score) -> list[tuple[str, float]]:
    """The order of the classes that fits best, where there are samples enough to tell."""
    from scipy.optimize import linear_sum_assignment

    classes, answered = found.classes, found.answered
    if classes is None or answered is None or len(classes) < PER_CLASS * len(np.unique(classes)):
        return []
    count = int(max(classes.max(), answered.max())) + 1
    table = np.bincount(classes * count + answered, minlength=count**2).reshape(count, count)
    labels, answers = linear_sum_assignment(-table)
    moved = [(a, b) for a, b in zip(labels, answers, strict=True) if a != b and table[a, b]]
    named = ", ".join(f"{b} for label {a}" for a, b in moved[:MOST_NAMED])
    more = ", ..." if len(moved) > MOST_NAMED else ""
    right = float(table[labels, answers].sum() / len(classes))
    return [(f"the classes in another order ({named}{more})", right)] if moved else []


def _is_much_better(metric: Metric, as_fed: float, better: float, least: float) -> bool:
    gain = metric.worsening(better, as_fed)
    if metric.is_bounded:
        return gain >= least and (1 - better) * LEAST_FACTOR <= 1 - as_fed
    return gain > 0 and not metric.higher_is_better and better * LEAST_FACTOR <= as_fed


def _text(metric: Metric, value: float) -> str:
    return units.share(value) if metric.is_share else units.significant(value)
