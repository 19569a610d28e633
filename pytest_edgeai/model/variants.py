"""The ways to convert a model, by name."""

from __future__ import annotations

from typing import Literal, get_args

Variant = Literal["converted", "dynamic", "int8", "float16", "int16x8"]
"""``converted`` is float32 with no optimisation; ``int8`` is full integer quantisation."""

VARIANTS: tuple[Variant, ...] = get_args(Variant)
