"""The ways to convert a model, and what else a file may be, by name."""

from __future__ import annotations

from typing import Literal, get_args

Variant = Literal["converted", "dynamic", "int8", "float16", "int16x8"]
"""``converted`` is float32 with no optimisation; ``int8`` is full integer quantisation."""

VARIANTS: tuple[Variant, ...] = get_args(Variant)
WEIGHT_ONLY, MIXED = "weight-only", "mixed"
NAMES = (*VARIANTS, WEIGHT_ONLY, MIXED)
"""All that a ``.tflite`` file may be; no conversion makes the last two."""

DESCRIPTIONS: dict[Variant, str] = {
    "converted": "as it was trained, in float32: converted with no optimisation",
    "dynamic": "dynamic-range quantisation: weights of 8 bits, activations in float",
    "int8": "full integer quantisation: weights and activations of 8 bits, by calibration data",
    "float16": "weights of 16 bits, in float",
    "int16x8": "activations of 16 bits, weights of 8, by calibration data",
}
