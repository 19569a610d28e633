"""What would make a failing metric much better: the same inputs, read in another way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from pytest_edgeai import units
from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.errors import EdgeAIError
from pytest_edgeai.judge.metrics import Metric
from pytest_edgeai.measure.decoders import Decoder, decoded
from pytest_edgeai.measure.metrics import score
from pytest_edgeai.model.dataset import ArrayDataset, Dataset

Array = np.ndarray[Any, np.dtype[Any]]
Change = tuple[str, Callable[[Array], Array]]

MOST_SAMPLES = 200
LEAST_GAIN = 0.1
"""Of a metric from 0 to 1; what improves by less may have improved by chance."""
LEAST_FACTOR = 2.0
"""How many times smaller an error has to become."""


def suspicions(
    interpreter: Interpreter, data: Dataset, decoder: Decoder, metric: Metric
) -> tuple[str, ...]:
    """Try the usual mistakes of preprocessing, and tell which of them, undone, makes a difference.

    At most ``MOST_SAMPLES`` samples are tried in each way. Nothing is said of several inputs, and
    of inputs that are no floats.
    """
    some = data.take(MOST_SAMPLES)
    (inputs,) = some.batches(MOST_SAMPLES)
    if isinstance(inputs, dict) or inputs.dtype.kind != "f":
        return ()

    def value(changed: Array) -> float | None:
        try:
            tried = ArrayDataset(changed, some.labels)
            outputs = interpreter.predict(changed)
            return score(metric, tried, decoded(decoder, tried, outputs)).value
        except EdgeAIError:
            return None

    as_fed = value(inputs)
    found = [
        f"with {name} {metric.name} would be {_text(metric, better)} instead of "
        f"{_text(metric, as_fed)} ({units.count(len(inputs), 'sample')})"
        for name, change in _changes(inputs)
        if as_fed is not None and (better := value(change(inputs))) is not None
        if _is_much_better(metric, as_fed, better)
    ]
    return tuple(found)


def _changes(inputs: Array) -> Iterator[Change]:
    """Ways to read inputs of these shapes and values."""
    low, high = float(inputs.min()), float(inputs.max())
    if inputs.ndim == 4 and inputs.shape[3] == 3:
        yield "the channels in reverse order (RGB and BGR)", lambda x: x[..., ::-1]
    if inputs.ndim == 4 and inputs.shape[1] == inputs.shape[2]:
        yield "height and width swapped", lambda x: x.transpose(0, 2, 1, 3)
    if low >= 0 and high <= 1:
        yield "inputs from 0 to 255 (not divided by 255)", lambda x: x * 255
        yield "inputs from -1 to 1 (x / 127.5 - 1)", lambda x: x * 2 - 1
    elif low >= 0 and high <= 255:
        yield "inputs from 0 to 1 (x / 255)", lambda x: x / 255
        yield "inputs from -1 to 1 (x / 127.5 - 1)", lambda x: x / 127.5 - 1
    elif low >= -1 and high <= 1:
        yield "inputs from 0 to 1 (x / 255)", lambda x: (x + 1) / 2
        yield "inputs from 0 to 255 (not scaled)", lambda x: (x + 1) * 127.5


def _is_much_better(metric: Metric, as_fed: float, better: float) -> bool:
    gain = metric.worsening(better, as_fed)
    if metric.is_bounded:
        return gain >= LEAST_GAIN
    return gain > 0 and not metric.higher_is_better and better * LEAST_FACTOR <= as_fed


def _text(metric: Metric, value: float) -> str:
    return units.share(value) if metric.is_share else units.significant(value)
