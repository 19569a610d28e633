"""What every layer of a model makes of some samples, against a baseline of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.errors import ModelError
from pytest_edgeai.judge.evidence import Layer
from pytest_edgeai.model.dataset import Dataset
from pytest_edgeai.model.flatbuffer import TensorRow
from pytest_edgeai.model.layers import RESHAPES, LayerRow, read_layers

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
    rows = read_layers(own.model, baseline.model)
    if not rows:
        raise ModelError("no tensor of the graphs holds real values")
    batch = next(data.pick(np.asarray(samples)).batches(len(samples)))
    pairs = [(*_stored(row.output), *_stored(row.baseline)) for row in rows]
    sums = own.compare(baseline, batch, pairs)
    layers = [_layer(row, of_row) for row, of_row in zip(rows, sums.tolist(), strict=True)]
    return _shown(layers, sums[:, 5].astype(int).tolist())


def _shown(layers: Sequence[Layer], covers: Sequence[int]) -> list[Layer]:
    """The layers without those that others overwrote, which become part of these.

    Args:
        covers: for each layer, its place, or that of the one whose values lie in the same memory.
    """
    shown: list[Layer] = []
    found: dict[int, tuple[int, ...]] = {}
    parts: dict[int, Layer] = {}
    for place, layer in enumerate(layers):
        inputs = tuple(dict.fromkeys(at for read in layer.inputs for at in found[read]))
        layer = replace(layer, inputs=inputs)
        if part := parts.get(place):
            names = f"{part.name}+{layer.name}", f"{part.operator}+{layer.operator}"
            layer = replace(layer, name=names[0], operator=names[1])
        by = covers[place]
        if by == place or layers[by].operator in RESHAPES:
            found[place] = (len(shown),)
            shown.append(layer)
        else:
            found[place], parts[by] = inputs, layer
    return shown


def _stored(tensor: TensorRow) -> tuple[int, float, int]:
    """A tensor's index, and how it stands for real values; a scale of 0 where it holds them."""
    if len(tensor.scales) > 1:
        raise ModelError(f"tensor {tensor.name!r} has a scale for each channel")
    if not tensor.scales:
        return tensor.index, 0.0, 0
    return tensor.index, tensor.scales[0], tensor.zero_points[0]


def _layer(row: LayerRow, sums: Sequence[Any]) -> Layer:
    """See ``Agent.compare`` for the sums."""
    count, squares, error_squares, outside, varying, _ = sums
    step = _stored(row.output)[1] or math.sqrt(squares / count) / FLOAT_STEPS
    noise, signal = math.sqrt(error_squares / count), math.sqrt(max(varying, 0.0) / count)
    error = 0.0 if noise == 0 else noise / max(signal, step) if max(signal, step) else math.inf
    if math.isnan(error):
        error = math.inf
    return Layer(row.name, row.operator, row.inputs, error, outside / count)
