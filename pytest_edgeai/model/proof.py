"""Proves from a file's facts that it is the variant that it is taken for; pure."""

from __future__ import annotations

from pytest_edgeai.errors import ModelError, UsageError
from pytest_edgeai.model.contradictions import (
    DYNAMIC_RANGE_FLOOR,
    EdgeType,
    contradictions,
    edge_types,
)
from pytest_edgeai.model.facts import ModelFacts
from pytest_edgeai.model.variants import VARIANTS, Variant
from pytest_edgeai.units import count, share

__all__ = ["EdgeType", "appearance", "guess_variant", "prove"]

_MOST_TELLING_FIRST: tuple[Variant, ...] = ("int8", "int16x8", "float16", "dynamic", "converted")

_DEFAULT = "optimizations=[tf.lite.Optimize.DEFAULT]"
_RECIPES = {
    "converted": "no optimizations",
    "dynamic": f"{_DEFAULT} and no representative_dataset",
    "int8": f"{_DEFAULT}, a representative_dataset, supported_ops=[TFLITE_BUILTINS_INT8], and "
    "tf.uint8 or tf.int8 as inference_input_type and inference_output_type",
    "float16": f"{_DEFAULT} and supported_types=[tf.float16]",
    "int16x8": f"{_DEFAULT}, a representative_dataset and "
    "supported_ops=[EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8]",
}
_LEFT_IN_FLOAT = {
    "dynamic": "weights under 1,024 elements, and operators without a dynamic-range kernel, in "
    "float: replace these, or test it with converted_interpreter",
    "int8": "operators without an int8 kernel in float, with TFLITE_BUILTINS_INT8 too: replace "
    "these, or move them out of the model, or test it with dynamic_interpreter",
}


def prove(facts: ModelFacts, variant: str, *, name: str, int8_io: EdgeType | None = None) -> None:
    """Refuse a file that is not what it is called.

    ``converted`` is float throughout. ``dynamic`` has at least half of its weights in 8 bits and
    computes in float. ``int8`` has all weights, operators, inputs and outputs in 8 bits, save
    indices and what custom operators take and make. ``float16`` has at least half of its weights
    in float16. ``int16x8`` has 8-bit weights and 16-bit activations. The source of these is
    TensorFlow's guide to post-training quantisation.

    Args:
        facts: what the file says of itself.
        variant: one of ``VARIANTS``.
        name: what the message calls the file.
        int8_io: for ``int8``, the exact type of the inputs and outputs that stand for real values;
            None for either 8-bit type.

    Raises:
        ModelError: the file is something else; the message lists what contradicts.
        UsageError: there is no such variant.
    """
    if variant not in VARIANTS:
        raise UsageError(f"no variant is called {variant!r}", f"one of {', '.join(VARIANTS)}")
    found = contradictions(facts, variant, int8_io)
    if found:
        lines = "".join(f"\n- {contradiction}" for contradiction in found)
        raise ModelError(
            f"{name} is not {variant!r}; it looks like: {appearance(facts)}{lines}",
            _advice(facts, variant, int8_io),
        )


def guess_variant(facts: ModelFacts) -> Variant | None:
    """The variant that a file is, or None for a mixture that is none of them.

    An int8 model with float inputs or outputs is ``int8``, although ``prove`` wants
    ``int8_io="float32"`` for it.
    """
    for variant in _MOST_TELLING_FIRST:
        if not contradictions(facts, variant):
            return variant
    return "int8" if not contradictions(facts, "int8", "float32") else None


def appearance(facts: ModelFacts) -> str:
    """The variant that a file looks like, or what a mixture consists of."""
    looks = guess_variant(facts)
    if looks == "int8":
        return f"'int8' with {' and '.join(edge_types(facts)) or 'custom'} inputs and outputs"
    if looks:
        return repr(looks)
    parts = [
        count(len(facts.quantized_operators), "quantised operator"),
        count(len(facts.float_operators), "float operator"),
    ]
    if facts.int8_weight_share is not None:
        parts.append(f"{share(facts.int8_weight_share)} of the weights in 8 bits")
    return f"a mixture: {', '.join(parts)}"


def _advice(facts: ModelFacts, variant: str, int8_io: EdgeType | None) -> str:
    looks = guess_variant(facts)
    if looks == "converted" and _gains_nothing(facts, variant):
        return f"{variant} conversion changes nothing here: test converted_interpreter instead"
    if looks == variant == "int8":
        wanted = f"tf.{int8_io}" if int8_io else "tf.uint8 or tf.int8"
        again = f"convert with {wanted} as inference_input_type and inference_output_type"
        accepted = edge_types(facts) == ["float32"] and int8_io is None
        return f"accept it with --edge-int8-io=float32, or {again}" if accepted else again
    if looks is None and variant in _LEFT_IN_FLOAT:
        return f"the converter leaves {_LEFT_IN_FLOAT[variant]}"
    again = f"convert again with {_RECIPES[variant]}"
    return f"test it with {looks}_interpreter, or {again}" if looks else again


def _gains_nothing(facts: ModelFacts, variant: str) -> bool:
    """Nothing in the model is large enough for this variant to change."""
    floor = {"dynamic": DYNAMIC_RANGE_FLOOR, "float16": 1}.get(variant, 0)
    return all(weight.elements < floor for weight in facts.float_weights)
