"""What a file is, and the proof that it is the variant that it is taken for; pure."""

from __future__ import annotations

from collections import Counter

from pytest_edgeai.errors import ModelError, UsageError
from pytest_edgeai.model.contradictions import (
    DYNAMIC_RANGE_FLOOR,
    EdgeType,
    contradictions,
)
from pytest_edgeai.model.facts import SMALL_INTEGER_TYPES, ModelFacts
from pytest_edgeai.model.variants import MIXED, NAMES, VARIANTS, WEIGHT_ONLY
from pytest_edgeai.units import count, kinds, share

__all__ = ["EdgeType", "describe", "prove", "proven_variant"]

_MOST_TELLING_FIRST = ("int8", "int16x8", "float16", "dynamic", WEIGHT_ONLY, "converted")

_DEFAULT = "optimizations=[tf.lite.Optimize.DEFAULT]"
_RECIPES = {
    "converted": "no optimizations",
    "dynamic": f"{_DEFAULT} and no representative_dataset",
    "int8": f"{_DEFAULT}, a representative_dataset and supported_ops=[TFLITE_BUILTINS_INT8]",
    "float16": f"{_DEFAULT} and supported_types=[tf.float16]",
    "int16x8": f"{_DEFAULT}, a representative_dataset and "
    "supported_ops=[EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8]",
}
_AS_IT_IS = "test the .tflite file as what it is, with the interpreter fixture and no variant named"
_LEFT_IN_FLOAT = {
    "dynamic": "weights under 1,024 elements, and operators without a dynamic-range kernel, in "
    "float: replace these",
    "int8": "operators without an int8 kernel in float, with TFLITE_BUILTINS_INT8 too: replace "
    "their layers, or move them out of the model",
}


def prove(
    facts: ModelFacts,
    variant: str,
    *,
    name: str,
    int8_io: EdgeType | None = None,
    is_conversion: bool = False,
) -> None:
    """Refuse a file that is not what it is called.

    ``converted`` computes in float, with weights in float32. ``dynamic`` computes in float, with
    at least half of its weights in 8 bits or fewer, most of them as they are; ``weight-only`` makes
    most of them floats first. ``int8`` has all weights and operators in 8 bits. ``float16`` has at
    least half of its weights in float16. ``int16x8`` has 8-bit weights and 16-bit activations.
    ``mixed`` is none of these. What custom operators do has no say, and neither have the types of
    inputs and outputs. The source of these is TensorFlow's guide to post-training quantisation.

    Args:
        facts: what the file says of itself.
        variant: one of ``NAMES``.
        name: what the message calls the file.
        int8_io: of a conversion to ``int8``, the type of the inputs and outputs that stand for real
            values, as the converter was told; None for a file that was not converted here.
        is_conversion: whether it was converted here, as the variant is.

    Raises:
        ModelError: the file is something else; the message lists what contradicts.
        UsageError: there is no such variant.
    """
    if variant not in NAMES:
        raise UsageError(f"no variant is called {variant!r}", f"one of {', '.join(NAMES)}")
    if variant == MIXED:
        found = [] if proven_variant(facts) == MIXED else ["nothing contradicts what it looks like"]
    else:
        found = contradictions(facts, variant, int8_io)
    if found:
        lines = "".join(f"\n- {contradiction}" for contradiction in found)
        looks = f"{name} is not {variant!r}; it looks like: {describe(facts)}"
        raise ModelError(f"{looks}{lines}", _advice(facts, variant, int8_io, is_conversion))


def proven_variant(facts: ModelFacts) -> str:
    """What a file is: one of ``NAMES``."""
    for variant in _MOST_TELLING_FIRST:
        if not contradictions(facts, variant):
            return variant
    return MIXED


def describe(facts: ModelFacts) -> str:
    """What a file is, in a few words: ``int8 with uint8 inputs and outputs``."""
    variant = proven_variant(facts)
    if variant == MIXED:
        return f"{MIXED}: {_mixture(facts)}"
    if variant == WEIGHT_ONLY:
        stored = " and ".join(sorted(SMALL_INTEGER_TYPES & facts.weights_by_type.keys()))
        return f"{WEIGHT_ONLY}: weights in {stored}, made floats by DEQUANTIZE before they are used"
    return f"{variant} with {_edges(facts)}" if variant == "int8" else variant


def _edges(facts: ModelFacts) -> str:
    reads, makes = (
        " and ".join(sorted({tensor.dtype for tensor in tensors}))
        for tensors in (facts.inputs, facts.outputs)
    )
    return f"{reads} inputs and {'' if reads == makes else f'{makes} '}outputs"


def _mixture(facts: ModelFacts) -> str:
    """What most of it is, and what else is in it."""
    in_float, quantized = len(facts.float_operators), len(facts.quantized_operators)
    if quantized >= in_float and quantized:
        by_type = facts.activations_by_type
        is_16_bits = by_type.get("int16", 0) > by_type.get("int8", 0) + by_type.get("uint8", 0)
        parts = _floats_in(facts)
        return _with("int16x8" if is_16_bits else "int8", parts)
    return _with("float", _integers_in(facts))


def _with(most: str, parts: list[str]) -> str:
    return f"{most} with {' and '.join(parts)}" if parts else f"mostly {most}"


def _floats_in(facts: ModelFacts) -> list[str]:
    parts = []
    if facts.float_operators:
        number = count(len(facts.float_operators), "operator")
        parts.append(f"{number} in float: {kinds(Counter(facts.float_operators))}")
    if facts.float_weights:
        parts.append(f"{count(len(facts.float_weights), 'weight')} in float")
    return parts + [text for dtype, text in _weights(facts) if dtype == "int16"]


def _integers_in(facts: ModelFacts) -> list[str]:
    parts = []
    if facts.quantized_operators:
        number = count(len(facts.quantized_operators), "operator")
        names = kinds(Counter(facts.quantized_operators))
        parts.append(f"{number} on quantised values: {names}")
    return parts + [text for dtype, text in _weights(facts) if dtype != "float32"]


def _weights(facts: ModelFacts) -> list[tuple[str, str]]:
    total = max(sum(facts.weights_by_type.values()), 1)
    return [
        (dtype, f"{share(elements / total)} of the weights in {dtype}")
        for dtype, elements in facts.weights_by_type.items()
    ]


def _advice(facts: ModelFacts, variant: str, int8_io: EdgeType | None, is_conversion: bool) -> str:
    looks = proven_variant(facts)
    if looks == "converted" and _gains_nothing(facts, variant):
        return f"{variant} conversion changes nothing here: test converted_interpreter instead"
    if looks == variant == "int8":
        return f"convert with tf.{int8_io} as inference_input_type and inference_output_type"
    if looks == MIXED and variant in _LEFT_IN_FLOAT:
        return f"the converter leaves {_LEFT_IN_FLOAT[variant]}; or {_AS_IT_IS}"
    instead = f"test it with {looks}_interpreter" if looks in VARIANTS else _AS_IT_IS
    recipe = None if is_conversion else _RECIPES.get(variant)
    return f"{instead}, or convert again with {recipe}" if recipe else instead


def _gains_nothing(facts: ModelFacts, variant: str) -> bool:
    """Nothing in the model is large enough for this variant to change."""
    floor = {"dynamic": DYNAMIC_RANGE_FLOOR, "float16": 1}.get(variant)
    return floor is not None and all(weight.elements < floor for weight in facts.float_weights)
