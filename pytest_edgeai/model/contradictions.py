"""What in a file's facts contradicts a variant, said for people; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal

from pytest_edgeai.model.facts import (
    EIGHT_BIT_TYPES,
    FLOAT_TYPES,
    SMALL_INTEGER_TYPES,
    ModelFacts,
    TensorFacts,
)
from pytest_edgeai.model.variants import WEIGHT_ONLY
from pytest_edgeai.units import count, kinds, listed, share

EdgeType = Literal["uint8", "int8", "float32"]
"""What a conversion was told to make of float inputs and outputs."""

DYNAMIC_RANGE_FLOOR = 1024
"""Elements below which TensorFlow's dynamic-range conversion leaves a weight in float.

Source: ``minimum_elements_for_weights`` of its converter; 1,023 stay and 1,024 do not in 2.21.
"""

HALF = 0.5
NAME_LENGTH = 60


def contradictions(facts: ModelFacts, variant: str, int8_io: EdgeType | None = None) -> list[str]:
    """Why the file is not that variant, one sentence each; none when it is.

    A variant is what a file stores and how it computes. Inputs and outputs may be of any type,
    except where a conversion was told theirs, or where nothing but they tells.
    """
    found = [*_RULES[variant](facts)]
    if int8_io is not None:
        found += _edges(facts, frozenset({int8_io}), int8_io)
    return found


def names_in_float(facts: ModelFacts) -> str:
    """The operators that compute in float; where others do not, with the layers they are of."""
    pairs = zip(facts.float_operators, facts.float_layers, strict=True)
    if not facts.quantized_operators:
        return kinds(Counter(facts.float_operators))
    return kinds(Counter(f"{name} of {layer}" if layer else name for name, layer in pairs))


def _against_converted(facts: ModelFacts) -> Iterator[str]:
    for dtype, elements in facts.weights_by_type.items():
        if dtype in SMALL_INTEGER_TYPES or dtype in FLOAT_TYPES - {"float32", "float64"}:
            yield f"{count(elements, 'weight element')} in {dtype}"
    yield from _not_in_float(facts)


def _against_dynamic(facts: ModelFacts) -> Iterator[str]:
    yield from _too_few_in_8_bits(facts)
    if _is_mostly_dequantized(facts):
        made_floats = share(facts.dequantized_weight_share or 0.0)
        yield f"{made_floats} of the weights are made floats by DEQUANTIZE before they are used"
    yield from _not_in_float(facts)


def _against_weight_only(facts: ModelFacts) -> Iterator[str]:
    yield from _too_few_in_8_bits(facts)
    if facts.int8_weight_share and not _is_mostly_dequantized(facts):
        yield "operators compute with its weights of 8 bits as they are"
    yield from _not_in_float(facts)


def _too_few_in_8_bits(facts: ModelFacts) -> Iterator[str]:
    in_8_bits = facts.int8_weight_share
    if in_8_bits is None:
        yield "it has no weights that could be quantised"
    elif in_8_bits < HALF:
        yield f"{_share_of_weights(in_8_bits)} in 8 bits; float: {_tensors(facts.float_weights)}"
        yield from _below_floor(facts.float_weights)


def _is_mostly_dequantized(facts: ModelFacts) -> bool:
    """Whether more of the weights in 8 bits are made floats than are computed with as they are."""
    in_8_bits, made_floats = facts.int8_weight_share or 0.0, facts.dequantized_weight_share or 0.0
    return made_floats > in_8_bits * HALF


def _against_int8(facts: ModelFacts) -> Iterator[str]:
    if facts.float_weights:
        number = count(len(facts.float_weights), "weight")
        yield f"{number} in float: {_tensors(facts.float_weights)}"
    for dtype, elements in facts.weights_by_type.items():
        if dtype not in SMALL_INTEGER_TYPES | FLOAT_TYPES:
            yield f"{count(elements, 'weight element')} in {dtype}"
    if facts.float_operators:
        number = count(len(facts.float_operators), "operator")
        yield f"{number} computing in float: {names_in_float(facts)}"
    if _activations(facts, {"int16"}) > _activations(facts, EIGHT_BIT_TYPES):
        yield "its activations are int16"
    if not (facts.quantized_operators or facts.int8_weight_share or _has_8_bit_edge(facts)):
        yield "nothing in it is quantised"


def _against_float16(facts: ModelFacts) -> Iterator[str]:
    total = sum(facts.weights_by_type.values())
    if not total:
        yield "it has no weights that could be float16"
    elif (in_float16 := facts.weights_by_type.get("float16", 0) / total) < HALF:
        yield f"{_share_of_weights(in_float16)} in float16"
    yield from _not_in_float(facts)


def _against_int16x8(facts: ModelFacts) -> Iterator[str]:
    in_8_bits = facts.int8_weight_share
    if in_8_bits is not None and in_8_bits < HALF:
        yield f"{_share_of_weights(in_8_bits)} in 8 bits; float: {_tensors(facts.float_weights)}"
    if _activations(facts, {"int16"}) <= _activations(facts, EIGHT_BIT_TYPES):
        yield "its activations are not int16"
    if len(facts.float_operators) > len(facts.quantized_operators):
        number = count(len(facts.float_operators), "operator")
        yield f"{number} computing in float: {names_in_float(facts)}"


_RULES: Mapping[str, Callable[[ModelFacts], Iterator[str]]] = {
    "converted": _against_converted,
    "dynamic": _against_dynamic,
    "int8": _against_int8,
    "float16": _against_float16,
    "int16x8": _against_int16x8,
    WEIGHT_ONLY: _against_weight_only,
}


def _edges(facts: ModelFacts, allowed: frozenset[str], expected: str) -> Iterator[str]:
    for kind, tensor in _real_edges(facts):
        exempt = tensor.by_custom and tensor.dtype in FLOAT_TYPES
        if tensor.dtype not in allowed and not exempt:
            yield f"{kind} {_tensor(tensor)} is not {expected}"


def _real_edges(facts: ModelFacts) -> Iterator[tuple[str, TensorFacts]]:
    """Inputs and outputs that stand for real values: indices and flags are not among them."""
    edges = [("input", t) for t in facts.inputs] + [("output", t) for t in facts.outputs]
    yield from ((kind, t) for kind, t in edges if t.dtype in FLOAT_TYPES or t.quantized)


def _has_8_bit_edge(facts: ModelFacts) -> bool:
    return any(tensor.dtype in EIGHT_BIT_TYPES for _, tensor in _real_edges(facts))


def _not_in_float(facts: ModelFacts) -> Iterator[str]:
    """What does not compute in float; inputs and outputs tell where no operator does."""
    if facts.quantized_operators:
        number = count(len(facts.quantized_operators), "operator")
        names = kinds(Counter(facts.quantized_operators))
        yield f"{number} computing on quantised values: {names}"
    if not facts.float_operators:
        yield from _edges(facts, FLOAT_TYPES, "float")


def _below_floor(weights: Sequence[TensorFacts]) -> Iterator[str]:
    if weights and weights[0].elements < DYNAMIC_RANGE_FLOOR:
        yield (
            f"dynamic-range conversion leaves weights under {DYNAMIC_RANGE_FLOOR:,} elements in "
            f"float, and the largest of these has {weights[0].elements:,}"
        )


def _activations(facts: ModelFacts, dtypes: frozenset[str] | set[str]) -> int:
    return sum(facts.activations_by_type.get(dtype, 0) for dtype in dtypes)


def _share_of_weights(value: float) -> str:
    return f"{share(value)} of the weight elements are"


def _tensors(tensors: Sequence[TensorFacts]) -> str:
    return listed([_tensor(tensor) for tensor in tensors])


def _tensor(tensor: TensorFacts) -> str:
    name = tensor.name if len(tensor.name) <= NAME_LENGTH else f"{tensor.name[:NAME_LENGTH]}..."
    return f"{name!r} {tensor.dtype} {list(tensor.shape)}"
