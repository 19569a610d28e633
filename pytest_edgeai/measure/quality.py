"""A model's answers on the evaluation data, and what is made of them; computed when first asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.errors import DataError, EdgeAIError
from pytest_edgeai.judge.evidence import Layer, Score
from pytest_edgeai.judge.metrics import ACCURACY, Metric
from pytest_edgeai.measure.answers import classes_of
from pytest_edgeai.measure.coarse_inputs import coarse_inputs
from pytest_edgeai.measure.decoders import Decoder, decoded, refuse_reconstruction
from pytest_edgeai.measure.layers import compare_layers
from pytest_edgeai.measure.metrics import score
from pytest_edgeai.measure.multi_label import is_multi_label, labels_of
from pytest_edgeai.measure.suspicions import suspicions
from pytest_edgeai.model.dataset import Dataset

Outputs = Any


class Quality:
    """What an interpreter, and the models that it is compared with, make of one data set.

    Args:
        interpreter: the one that is judged.
        data: the evaluation data.
        decoder: how outputs become predictions.
        ask: the outputs of the interpreter, or of a baseline by name, real values.
        open_baseline: opens a variant that it is compared with, on the same device.
    """

    def __init__(
        self,
        interpreter: Interpreter,
        data: Dataset,
        decoder: Decoder,
        ask: Callable[[str | None], Outputs],
        open_baseline: Callable[[str], AbstractContextManager[Interpreter]],
    ) -> None:
        self.data = data
        self._interpreter = interpreter
        self._decoder = decoder
        self._ask = ask
        self._open_baseline = open_baseline
        self._outputs: dict[str | None, Outputs | EdgeAIError] = {}
        self._predictions: dict[str | None, Any] = {}
        self._scores: dict[tuple[str, int, str | None], Score | DataError] = {}
        self._classes: dict[str | None, Any] = {}

    def outputs(self, baseline: str | None = None) -> dict[str, Any]:
        """Outputs by name, of the interpreter itself or of its baseline."""
        found = self._raw(baseline)
        return found if isinstance(found, dict) else {self._interpreter.output_names[0]: found}

    def score(self, metric: Metric, baseline: str | None = None) -> Score:
        """A metric of the interpreter, or of its baseline.

        Raises:
            DataError: it cannot be computed; the hint is the mistake in the data that is why, where
                one can be shown.
        """
        key = _key(metric, baseline)
        if key not in self._scores:
            try:
                self._scores[key] = self._score(metric, baseline)
            except DataError as error:
                causes = self.suspicions(metric)
                self._scores[key] = DataError(error.message, *causes[:1]) if causes else error
        found = self._scores[key]
        if isinstance(found, DataError):
            raise found
        return found

    def classes(self, baseline: str | None = None) -> Any:
        """The likeliest class of each sample; of each pixel for masks; else all of its labels."""
        if baseline not in self._classes:
            predicted, labels = self._predicted(baseline), self.data.labels
            has_several = labels is not None and is_multi_label(labels, predicted)
            answers = partial(labels_of, name="agreement") if has_several else classes_of
            try:
                self._classes[baseline] = answers(predicted)
            except DataError as error:
                hint = (
                    "agreement is that of the likeliest class: the model needs class scores; "
                    "max_output_error compares numbers. Masks are probabilities: edge_decoder "
                    "'softmax' makes them of logits"
                )
                raise DataError(error.message, hint if error.hint else "") from None
        return self._classes[baseline]

    def suspicions(self, metric: Metric | None) -> tuple[str, ...]:
        """What the inputs' steps are too coarse for, and what would make a metric much better."""
        own, data, decoder = self._interpreter, self.data, self._decoder
        open_float = partial(self._open_baseline, "converted")
        if metric is None:
            return coarse_inputs(own, data, open_float)
        return suspicions(own, data, decoder, metric, self._predictions.get(None), open_float)

    def layers(self, baseline: str, samples: Sequence[int]) -> list[Layer]:
        """The layers on these samples, by interpreters that nothing else uses.

        Raises:
            EdgeAIError: they cannot be compared.
        """
        own = self._interpreter
        with (
            self._open_baseline(baseline) as other,
            Interpreter(own.device, own.model) as fresh,
            own.device.together(f"comparison of the layers of {own.model.name}"),
        ):
            return compare_layers(fresh, other, self.data, samples)

    @property
    def known_accuracy(self) -> Score | None:
        """Its top-1 accuracy, if that was asked for."""
        found = self._scores.get(_key(ACCURACY, None))
        return found if isinstance(found, Score) else None

    @property
    def was_asked(self) -> bool:
        """Whether a budget asked for its answers, and got them."""
        return None in self._outputs and not isinstance(self._outputs[None], EdgeAIError)

    def _score(self, metric: Metric, baseline: str | None) -> Score:
        predicted = self._predicted(baseline)
        if self._decoder is None and metric.function is None:
            refuse_reconstruction(predicted, self.data)
        return score(metric, self.data, predicted)

    def _predicted(self, baseline: str | None) -> Any:
        if baseline not in self._predictions:
            raw = self._raw(baseline)
            self._predictions[baseline] = decoded(self._decoder, self.data, raw)
        return self._predictions[baseline]

    def _raw(self, baseline: str | None) -> Outputs:
        """Asked once, also where it crashes or hangs."""
        if baseline not in self._outputs:
            try:
                self._outputs[baseline] = self._ask(baseline)
            except EdgeAIError as error:
                self._outputs[baseline] = error
        found = self._outputs[baseline]
        if isinstance(found, EdgeAIError):
            raise found
        return found


def _key(metric: Metric, baseline: str | None) -> tuple[str, int, str | None]:
    """A user's callable need not be hashable."""
    return metric.name, id(metric.function), baseline
