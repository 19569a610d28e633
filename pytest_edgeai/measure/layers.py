"""What every layer of a model makes of some samples, against a baseline of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.errors import ModelError
from pytest_edgeai.judge.evidence import Layer
from pytest_edgeai.model.dataset import Dataset
from pytest_edgeai.model.flatbuffer import TensorRow
from pytest_edgeai.model.layers import LayerRow, read_layers

FLOAT_STEPS = 256
"""The step of a tensor that has none is its RMS divided by so many."""


def compare_layers(
    own: Interpreter, baseline: Interpreter, data: Dataset, samples: Sequence[int]
) -> list[Layer]:
    """The layers of a model on samples with these indices, against those of its baseline.

    Both interpreters are on one device. They serve to know the inputs; the values come from new
    ones, and only sums travel.

    Raises:
        ModelError: the graphs do not correspond, or hold nothing to compare.
        TensorError, InterpreterError, DeviceError: the device cannot run them so.
    """
    rows = read_layers(own.model.path, baseline.model.path)
    if not rows:
        raise ModelError("no tensor of the graphs holds real values")
    batch = next(data.pick(np.asarray(samples)).batches(len(samples)))
    pairs = [(*_stored(row.output), *_stored(row.baseline)) for row in rows]
    sums = own.compare(baseline, batch, pairs)
    return [_layer(row, of_row) for row, of_row in zip(rows, sums.tolist(), strict=True)]


def _stored(tensor: TensorRow) -> tuple[int, float, int]:
    """A tensor's index, and how it stands for real values; a scale of 0 where it holds them."""
    if len(tensor.scales) > 1:
        raise ModelError(f"tensor {tensor.name!r} has a scale for each channel")
    if not tensor.scales:
        return tensor.index, 0.0, 0
    return tensor.index, tensor.scales[0], tensor.zero_points[0]


def _layer(row: LayerRow, sums: Sequence[Any]) -> Layer:
    """See ``Agent.compare`` for the sums."""
    count, squares, error_squares, outside, varying = sums
    step = _stored(row.output)[1] or math.sqrt(squares / count) / FLOAT_STEPS
    noise, signal = math.sqrt(error_squares / count), math.sqrt(max(varying, 0.0) / count)
    error = 0.0 if noise == 0 else noise / max(signal, step) if max(signal, step) else math.inf
    if math.isnan(error):
        error = math.inf
    return Layer(row.name, row.operator, row.inputs, error, outside / count)
