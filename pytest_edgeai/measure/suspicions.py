"""What would make a failing metric much better: the same data, read in another way."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from pytest_edgeai import units
from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.errors import EdgeAIError
from pytest_edgeai.judge.evidence import Score
from pytest_edgeai.judge.metrics import Metric
from pytest_edgeai.measure.answers import Predictions
from pytest_edgeai.measure.coarse_inputs import OpenFloat, coarse_inputs
from pytest_edgeai.measure.decoders import Decoder, decoded
from pytest_edgeai.measure.label_readings import of_labels
from pytest_edgeai.measure.metrics import score
from pytest_edgeai.measure.readings import Array, Batch, Reading, as_real, of_inputs
from pytest_edgeai.model.dataset import ArrayDataset, Dataset

MOST_SAMPLES = 200
LEAST_GAIN = 0.1
"""Of a metric from 0 to 1; what improves by less may have improved by chance."""
LEAST_FACTOR = 2.0
"""How many times smaller an error has to become, and what a metric from 0 to 1 lacks to 1."""
AS_GOOD = 0.02
"""The first of those is named that come so near to the best, of a metric from 0 to 1."""


def suspicions(
    interpreter: Interpreter,
    data: Dataset,
    decoder: Decoder,
    metric: Metric,
    predictions: Predictions | None,
    open_float: OpenFloat,
) -> tuple[str, ...]:
    """Try the usual mistakes of data; tell which of them, undone, makes the largest difference.

    Other labels are tried on all predictions, other inputs on at most ``MOST_SAMPLES`` samples. A
    model that computes in integers was calibrated with the same mistake, perhaps, so that what is
    right lies beyond its range: where nothing helps enough, the model in float is tried.

    Args:
        predictions: on all of the data; None where it could not be fed.
        open_float: opens the model in float.
    """
    if data.labels is None:
        return ()
    trials = _Trials(data.take(MOST_SAMPLES), decoder, metric)
    found = trials.of_inputs(interpreter)
    if predictions is not None:
        found += trials.of_labels(data.labels, predictions, _image_size(interpreter))
    if interpreter.model.facts.quantized_operators and not _are_enough(found, metric):
        if not found and (lost := coarse_inputs(interpreter, data, open_float)):
            return lost
        with suppress(EdgeAIError), open_float() as other:
            found += trials.of_inputs(other, f" of {other.variant}")
            if not found:
                return trials.only_of_float(interpreter, other)
    return tuple(one.text(metric) for one in _best(found, metric))


@dataclass(frozen=True)
class _Better:
    """A reading with which the metric is much better than as fed, which may not be possible."""

    name: str
    value: float
    as_fed: float | None
    samples: int
    whose: str

    def text(self, metric: Metric) -> str:
        instead = "" if self.as_fed is None else f" instead of {_text(metric, self.as_fed)}"
        would_be = f"{metric.name}{self.whose} would be {_text(metric, self.value)}{instead}"
        return f"with {self.name} {would_be} ({units.count(self.samples, 'sample')})"


@dataclass(frozen=True)
class _Trials:
    """Tries other readings of some samples, or of their labels."""

    some: Dataset
    decoder: Decoder
    metric: Metric

    def of_inputs(self, interpreter: Interpreter, whose: str = "") -> list[_Better]:
        """Inputs, read otherwise."""
        (given,) = self.some.batches(MOST_SAMPLES)
        batch = as_real(given, interpreter.get_input_details(), interpreter.input_names)
        scored = partial(self._score, interpreter)
        return self._better(scored, batch, of_inputs(batch), len(self.some), whose)

    def only_of_float(self, interpreter: Interpreter, other: Interpreter) -> tuple[str, ...]:
        """That the model in float answers well what the one in integers cannot be scored on."""
        (given,) = self.some.batches(MOST_SAMPLES)
        own, found = (_if_any(partial(self._score, one), given) for one in (interpreter, other))
        if own is not None or found is None or found.chance is None:
            return ()
        if found.value - found.chance < _least(len(self.some)):
            return ()
        well = f"{other.variant} answers them well ({self.metric.name} "
        return (
            f"{well}{_text(self.metric, found.value)}): it is lost in quantisation, and "
            "max_output_error(0.1) names the layers where",
        )

    def _score(self, interpreter: Interpreter, inputs: Batch) -> Score:
        data = ArrayDataset(inputs, self.some.labels)
        with interpreter.inputs_kept():
            outputs = interpreter.predict(inputs)
        return score(self.metric, data, decoded(self.decoder, data, outputs))

    def of_labels(
        self, labels: Array, predictions: Predictions, size: tuple[int, int] | None
    ) -> list[_Better]:
        """Labels, read otherwise."""
        no_inputs = np.zeros((len(labels), 1))

        def scored(changed: Array) -> Score:
            return score(self.metric, ArrayDataset(no_inputs, changed), predictions)

        every = of_labels(self.metric, labels, predictions, size)
        return self._better(scored, labels, every, len(labels))

    def _better(
        self,
        scored: Callable[[Any], Score],
        given: Any,
        every: Iterable[Reading],
        samples: int,
        whose: str = "",
    ) -> list[_Better]:
        as_fed = _if_any(scored, given)
        least = _least(samples)
        if as_fed is not None and self.metric.is_bounded and 1 - as_fed.value < least:
            return []
        before = None if as_fed is None else as_fed.value
        tried = [(name, _if_any(scored, changed)) for name, changed in every]
        return [
            _Better(name, found.value, before, samples, whose)
            for name, found in tried
            if found is not None and _is_much_better(self.metric, before, found, least)
        ]


def _least(samples: int) -> float:
    """Two standard errors of a share, at most."""
    return max(LEAST_GAIN, float(samples**-0.5))


def _if_any(scored: Callable[[Any], Score], of: Any) -> Score | None:
    try:
        return scored(of)
    except EdgeAIError:
        return None


def _is_much_better(metric: Metric, as_fed: float | None, found: Score, least: float) -> bool:
    """What cannot be computed as fed is compared with chance."""
    before, better = found.chance if as_fed is None else as_fed, found.value
    if before is None:
        return False
    if metric.is_bounded or (metric.higher_is_better and 0 <= before <= better <= 1):
        return better - before >= least and (1 - better) * LEAST_FACTOR <= 1 - before
    return not metric.higher_is_better and better < before and better * LEAST_FACTOR <= before


def _are_enough(found: list[_Better], metric: Metric) -> bool:
    """Whether nothing could be much better than the best of them."""
    return metric.is_bounded and any(one.value >= 1 - AS_GOOD for one in found)


def _best(found: list[_Better], metric: Metric) -> list[_Better]:
    """The first of those that come near to the best; none of none."""
    gains = [metric.worsening(one.value, 0) for one in found]
    near = AS_GOOD if metric.is_bounded else 0
    return [one for one, gain in zip(found, gains, strict=True) if gain >= max(gains) - near][:1]


def _image_size(interpreter: Interpreter) -> tuple[int, int] | None:
    """Height and width of the only input, where that is an image."""
    (shape, *more) = interpreter.input_shapes.values()
    return (shape[1], shape[2]) if len(shape) == 4 and not more else None


def _text(metric: Metric, value: float) -> str:
    return units.share(value) if metric.is_share else units.significant(value)
