"""Damages one layer's weights in a ``.tflite`` file, and leaves the rest of it as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import tflite

from pytest_edgeai.model.flatbuffer import Flatbuffer, OperatorRow
from pytest_edgeai.model.layers import layer_path

Damage = Literal["negated", "shuffled", "zeroed", "half zeroed"]
WITH_WEIGHTS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def layers_with_weights(path: Path) -> list[str]:
    """What the layers are called, in the order of running."""
    return [*_operators(path.read_bytes())]


def damage(path: Path, layer: str, how: Damage, to: Path) -> Path:
    """Write a copy in which this layer's int8 weights are damaged."""
    content = bytearray(path.read_bytes())
    number = _operators(bytes(content))[layer].inputs[1].buffer
    weights = tflite.Model.GetRootAs(content, 0).Buffers(number).DataAsNumpy().view(np.int8)
    weights[:] = _damaged(weights, how)
    to.write_bytes(content)
    return to


def _damaged(weights: Any, how: Damage) -> Any:
    generator = np.random.default_rng(0)
    if how == "negated":
        return -np.maximum(weights, -127)
    if how == "shuffled":
        return generator.permutation(weights)
    return np.where(generator.random(weights.shape) < (1 if how == "zeroed" else 0.5), 0, weights)


def _operators(content: bytes) -> dict[str, OperatorRow]:
    operators = Flatbuffer(content).subgraphs()[0].operators
    return {layer_path(o).rpartition("/")[2]: o for o in operators if o.name in WITH_WEIGHTS}
