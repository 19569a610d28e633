"""Strategies of batches that a model takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from pytest_edgeai.device.batch import open_shape
from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.device.quantisation import Details, is_quantised, real_range
from pytest_edgeai.errors import UsageError
from pytest_edgeai.strategies.samples import Samples, Shape, sparse

LARGEST = 8
"""Of a dimension that may change, where nothing else is said."""
MOST_FILLS = 16
MOST_ODD = 32
"""Values in one array at most: beyond some hundreds Hypothesis gives up on an example."""
TEXT_LENGTH = 8
ROUNDING = 1e-6
"""In steps of a quantised input."""


def model_inputs(
    interpreter: Interpreter,
    *,
    max_samples: int = 3,
    low: float | None = None,
    high: float | None = None,
    sizes: SearchStrategy[int] | None = None,
) -> SearchStrategy[Any]:
    """Batches for ``interpreter.predict()``: an array, or for several inputs a dict by name.

    Each sample has one value everywhere, but for up to 32 elements of the batch; zeros and the ends
    of the range are likely. The arrays print as expressions that rebuild them (``Samples``).

    Args:
        max_samples: in a batch. A model with a fixed batch size gets whole runs, at least one.
        low, high: the range of the values. Where they are not given, it is 0..1 for a float
            input, the dtype's for an integer one (give ``high`` for indices), and for a quantised
            one what it can tell apart. A quantised input gets the values of its steps.
        sizes: of dimensions that may change, 1 to 8 if not given. The same dimension has the same
            size in all inputs.

    Raises:
        UsageError: no value of an input is in the range, or its dtype is not supported.
    """
    inputs = interpreter.seen_inputs
    elements = [_elements(details, low, high) for details in inputs]
    groups = {_group(details) for details in inputs}
    group = max(groups)
    is_grouped = len(groups) == 1 and (group == 1 or _answers_each(interpreter, group))
    step = group if is_grouped else 1
    samples = st.integers(1, max(max_samples // step, 1)).map(lambda runs: runs * step)
    shapes = [_sample_shape(details, is_grouped) for details in inputs]
    if sizes is None:
        sizes = st.integers(1, LARGEST)
    return _batches(inputs, elements, shapes, samples, sizes)


@st.composite
def _batches(
    draw: DrawFn,
    inputs: Sequence[Details],
    elements: Sequence[SearchStrategy[Any]],
    shapes: Sequence[Shape],
    samples: SearchStrategy[int],
    sizes: SearchStrategy[int],
) -> Any:
    count, drawn = draw(samples), dict[int, int]()

    def known(place: int, size: int) -> int:
        if size == -1 and place not in drawn:
            drawn[place] = draw(sizes)
        return drawn[place] if size == -1 else size

    batch: dict[str, Samples] = {}
    for details, values, sample_shape in zip(inputs, elements, shapes, strict=True):
        shape = (count, *(known(place, size) for place, size in enumerate(sample_shape)))
        batch[str(details["name"])] = draw(_arrays(shape, _dtype(details), values))
    return batch if len(batch) > 1 else next(iter(batch.values()))


@st.composite
def _arrays(draw: DrawFn, shape: Shape, dtype: str, values: SearchStrategy[Any]) -> Samples:
    """Drawn as they are printed: a fill for each sample, and the elements that differ."""
    fills = [draw(values) for _ in range(shape[0] if shape[0] <= MOST_FILLS else 1)]
    size = math.prod(shape)
    places = st.integers(0, max(size - 1, 0))
    odd = draw(st.dictionaries(places, values, max_size=min(size, MOST_ODD)))
    return sparse(shape, dtype, fills if len(fills) > 1 else fills[0], odd)


def _elements(details: Details, low: float | None, high: float | None) -> SearchStrategy[Any]:
    """The values of one input; zero and the ends of the range are likely."""
    dtype = np.dtype(details["dtype"])
    if dtype.kind in "OS":
        return st.text(max_size=TEXT_LENGTH)
    if dtype.kind == "b":
        return st.booleans()
    if dtype.kind == "f":
        return _floats(details, dtype, 0.0 if low is None else low, 1.0 if high is None else high)
    if dtype.kind not in "iu":
        raise UsageError(f"input {details['name']!r} is {dtype}: there is no strategy for it")
    if is_quantised(details):
        return _steps(details, low, high)
    limits = np.iinfo(dtype.name)
    first = limits.min if low is None else max(math.ceil(low), limits.min)
    last = limits.max if high is None else min(math.floor(high), limits.max)
    return _ends(details, first, last) | st.integers(first, last)


def _floats(details: Details, dtype: Any, low: float, high: float) -> SearchStrategy[float]:
    first, last = float(dtype.type(low)), float(dtype.type(high))
    return _ends(details, first, last) | st.floats(first, last, width=dtype.itemsize * 8)


def _steps(details: Details, low: float | None, high: float | None) -> SearchStrategy[float]:
    """Real values of a quantised input, each of another step of it."""
    scale, (least, most) = float(details["quantization"][0]), real_range(details)
    first = math.ceil(max(least, least if low is None else low) / scale - ROUNDING)
    last = math.floor(min(most, most if high is None else high) / scale + ROUNDING)
    steps = _ends(details, first, last) | st.integers(first, last)
    return steps.map(lambda step: float(np.float32(step * scale)))


def _ends(details: Details, first: Any, last: Any) -> SearchStrategy[Any]:
    """Zero and the two ends of a range, as far as they lie in it."""
    if not first <= last:
        raise UsageError(
            f"input {details['name']!r} has no value from {first} to {last}",
            "low= and high= are real values, scaled as in training",
        )
    kind = type(first)
    return st.sampled_from([x for x in {kind(0): 0, first: 0, last: 0} if first <= x <= last])


def _group(details: Details) -> int:
    """How many samples one run takes."""
    shape = open_shape(details)
    return shape[0] if shape and shape[0] > 0 else 1


def _answers_each(interpreter: Interpreter, group: int) -> bool:
    """Whether every output has one value for each sample of a run."""
    return all(output.shape[:1] == (group,) for output in interpreter.model.facts.outputs)


def _sample_shape(details: Details, is_grouped: bool) -> Shape:
    """One sample, with -1 for what may change; a whole run where a run has one answer."""
    shape = open_shape(details)
    return shape[1:] if is_grouped or _group(details) == 1 else shape


def _dtype(details: Details) -> str:
    """What ``predict`` takes: real values for a quantised input."""
    dtype = np.dtype(details["dtype"])
    if dtype.kind in "OS":
        return "object"
    return "float32" if is_quantised(details) else dtype.name
