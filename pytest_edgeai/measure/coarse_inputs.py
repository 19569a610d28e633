"""Features that the steps of a quantised input are too coarse for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager

import numpy as np

from pytest_edgeai import units
from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.errors import EdgeAIError
from pytest_edgeai.measure.readings import Array, Batch, parts
from pytest_edgeai.model.dataset import Dataset
from pytest_edgeai.model.flatbuffer import Flatbuffer

MOST_SAMPLES = 200
MOST_NAMED = 3
LEAST_SHARE = 0.5
"""Of the difference from the model in float, what steps at the input alone have to make."""
_MENDED = (
    "scale the features alike before the model, in training too; or ship dynamic, whose inputs "
    "stay float"
)

OpenFloat = Callable[[], AbstractContextManager[Interpreter]]


def coarse_inputs(
    interpreter: Interpreter, data: Dataset, open_float: OpenFloat
) -> tuple[str, ...]:
    """The features whose values all lie within a step of their input, if that does the harm.

    An input has one step for all of its features, which the widest of them sets. Whether that is
    what spoils the answers is tried on the model in float, where there is one.
    """
    (batch,) = data.take(MOST_SAMPLES).batches(MOST_SAMPLES)
    arrays = _by_name(batch, interpreter.input_names)
    found = [
        _Lost(name, arrays[name], step)
        for name, step in _steps(interpreter).items()
        if name in arrays and _are_features(arrays[name])
    ]
    found = [one for one in found if len(one.features)]
    if not found:
        return ()
    texts = tuple(one.text for one in found)
    without = {**arrays, **{one.name: one.without for one in found}}
    try:
        with open_float() as other:
            with interpreter.inputs_kept():
                own = interpreter.predict(batch)
            plain = other.predict(batch)
            made = other.predict(without if len(without) > 1 else found[0].without)
    except EdgeAIError:
        return texts
    return texts if _difference(made, plain) >= LEAST_SHARE * _difference(own, plain) else ()


class _Lost:
    """The features of an input that are less than a step wide, beside others that are wider."""

    def __init__(self, name: str, array: Array, step: float) -> None:
        self.name, self._array, self._step = name, array, step
        self._spread = np.ptp(array.reshape(-1, array.shape[-1]).astype(np.float64), axis=0)
        is_lost = (self._spread > 0) & (self._spread < step)
        if self._spread.max() < step:  # all of it is scaled otherwise
            is_lost[:] = False
        self.features = np.flatnonzero(is_lost)

    @property
    def without(self) -> Array:
        """The array with these features as the steps leave them."""
        made = self._array.astype(np.float32)
        made[..., self.features] = np.round(made[..., self.features] / self._step) * self._step
        return made

    @property
    def text(self) -> str:
        spread, number = self._spread.tolist(), units.significant
        widest = int(self._spread.argmax())
        named = [f"feature {at} varies by {number(spread[at])}" for at in self.features.tolist()]
        return (
            f"one step of the input {self.name!r} is {number(self._step)}, as feature {widest} "
            f"varies by {number(spread[widest])}; {units.listed(named, MOST_NAMED)}: too little to "
            f"be seen; {_MENDED}"
        )


def _steps(interpreter: Interpreter) -> dict[str, float]:
    """The step of each input that is quantised, or becomes so before anything else, by name."""
    graph = Flatbuffer(interpreter.model.path.read_bytes()).subgraphs()[0]
    stored = {op.inputs[0].index: op.outputs[0] for op in graph.operators if op.name == "QUANTIZE"}
    steps = {row.index: stored.get(row.index, row).scales[:1] for row in graph.inputs}
    named = zip(interpreter.input_names, interpreter.get_input_details(), strict=True)
    found = {name: steps.get(int(details["index"]), ()) for name, details in named}
    return {name: step[0] for name, step in found.items() if any(step)}


def _are_features(array: Array) -> bool:
    """Not of pictures: these are of one kind."""
    return array.ndim in (2, 3) and array.dtype.kind in "iuf" and array.shape[-1] > 1


def _by_name(batch: Batch, names: Sequence[str]) -> dict[str, Array]:
    if isinstance(batch, Mapping):
        return dict(batch)
    return dict(zip(names, parts(batch).values(), strict=False))


def _difference(one: Batch, other: Batch) -> float:
    """Root mean square, summed over the outputs."""
    sides = [made.values() if isinstance(made, Mapping) else [made] for made in (one, other)]
    pairs = [pair for pair in zip(*sides, strict=True) if pair[0].dtype.kind in "biuf"]
    squares = [np.square(np.subtract(*pair, dtype=np.float64)) for pair in pairs]
    return float(sum(np.sqrt(square.mean()) for square in squares))
