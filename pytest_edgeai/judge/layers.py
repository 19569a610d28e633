"""Where a model goes wrong: the first layers whose error is not that of their inputs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pytest_edgeai import units
from pytest_edgeai.judge.evidence import HOST, Evidence, Layer

BAD = 0.3
"""Rounding alone comes to 1 / sqrt(12) = 0.289 of a step, the measure of a well quantised layer in
TensorFlow Lite's Quantization Debugger, and an error is relative to a step at least."""
BAD_INPUT = 0.1
"""8 bits of an input that fill its range keep the error under 0.03."""
JUMP = 2.5
"""How many times its inputs' error a layer's has to be: undamaged ones make up to twice of it."""
SATURATED = 0.05
MOST_LAYERS = 3
MOST_WRONG = 8
SAMPLES = 16

_TOO_NARROW = "; what saturates is beyond the range that calibration_data gave it"

FIXED_RANGE = frozenset({"SOFTMAX", "LOG_SOFTMAX", "LOGISTIC", "TANH", "L2_NORMALIZATION"})
"""Operators whose output range is part of TensorFlow Lite's quantisation specification: no
calibration or weights of theirs can be wrong. They may well amplify what they are given."""


def where_it_goes_wrong(
    evidence: Evidence, baseline: str, wrong: Sequence[int], n: int
) -> tuple[list[str], dict[str, Any]]:
    """The layers that a failing model's error begins with: sentences, and data for reports.

    Args:
        wrong: indices of the samples that went wrong.
        n: how many samples there are.
    """
    if baseline == HOST:
        return [], {}  # it is the same file
    variant, samples = "converted" if baseline == "source" else baseline, sample_choice(wrong, n)
    if variant == evidence.variant:
        return [f"layers were not compared: {baseline} has none that {variant} has"], {}
    try:
        layers = evidence.layers(variant, samples)
    except Exception as error:  # whatever it is, the verdict stands
        reason = getattr(error, "message", "") or f"{type(error).__name__}: {error}"
        return [f"layers were not compared: {reason.splitlines()[0]}"], {}
    guilty = to_blame(layers)
    rows = [_row(layer, layers, place in guilty) for place, layer in enumerate(layers)]
    whereof = f"on {units.count(len(samples), 'sample')} against {variant}"
    return [_text(layers, guilty, whereof)], {"layers": rows, "layer_samples": samples}


def sample_choice(wrong: Sequence[int], n: int) -> list[int]:
    """Some of the samples that went wrong, and others; both from all over the data set.

    Samples that are all alike would make much of little: an error is relative to how they vary.
    """
    chosen = _spread(wrong, MOST_WRONG)
    others = [i for i in _spread(range(n), SAMPLES) if i not in chosen]
    return sorted([*chosen, *_spread(others, SAMPLES - len(chosen))])


def to_blame(layers: Sequence[Layer]) -> list[int]:
    """Places of the layers whose error is not that of their inputs, with nothing wrong before."""
    wrong: set[int] = set()
    guilty = []
    for place, layer in enumerate(layers):
        if wrong.isdisjoint(layer.inputs):
            if not _jumps(layer, _input_error(layer, layers)):
                continue
            guilty.append(place)
        wrong.add(place)
    return guilty


def _jumps(layer: Layer, input_error: float) -> bool:
    if layer.operator == "INPUT":
        return layer.error > BAD_INPUT
    is_free = layer.operator not in FIXED_RANGE
    return is_free and layer.error > max(BAD, JUMP * input_error)


def _input_error(layer: Layer, layers: Sequence[Layer]) -> float:
    return max((layers[place].error for place in layer.inputs), default=0.0)


def _text(layers: Sequence[Layer], guilty: Sequence[int], whereof: str) -> str:
    found = [layers[place] for place in guilty]
    if at_input := [layer for layer in found if layer.operator == "INPUT"]:
        named = ", ".join(f"{layer.name} ({_error_text(layer)})" for layer in at_input)
        return (
            f"error by layer, {whereof}: it begins at the input: {named}; the model was quantised "
            "for inputs of another scale"
        )
    if found:
        named = ", ".join(_jump_text(layer, layers) for layer in found[:MOST_LAYERS])
        more = len(found) - MOST_LAYERS
        if more > 0:
            named += f", and {more} more"
        cause = _TOO_NARROW if any(layer.saturated >= SATURATED for layer in found) else ""
        return f"layers whose error jumps first, {whereof}: {named}{cause}"
    last = layers[-1]
    return (
        f"error by layer, {whereof}: no single layer is to blame; it grows to "
        f"{units.magnitude(last.error)} in {last.name}, the last"
    )


def _jump_text(layer: Layer, layers: Sequence[Layer]) -> str:
    before = units.magnitude(_input_error(layer, layers))
    return f"{layer.name} ({layer.operator}, {before} going in, {_error_text(layer)} coming out)"


def _error_text(layer: Layer) -> str:
    if not math.isfinite(layer.error):
        return "NaN or infinity"
    if layer.saturated < SATURATED:
        return units.magnitude(layer.error)
    return f"{units.magnitude(layer.error)} with {units.magnitude(layer.saturated)} saturated"


def _row(layer: Layer, layers: Sequence[Layer], is_guilty: bool) -> dict[str, Any]:
    """A layer in the record; the signal-to-quantisation-noise ratio is in decibel."""
    is_plain = 0 < layer.error < math.inf
    return {
        "name": layer.name,
        "operator": layer.operator,
        "error": layer.error,
        "input_error": _input_error(layer, layers),
        "sqnr_db": -20 * math.log10(layer.error) if is_plain else None,
        "saturated": layer.saturated,
        "to_blame": is_guilty,
    }


def _spread(items: Sequence[int], count: int) -> list[int]:
    """At most so many of the items, evenly spaced, as plain numbers."""
    if len(items) <= count:
        return [int(item) for item in items]
    return [int(items[place * len(items) // count]) for place in range(count)]
