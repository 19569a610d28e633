"""From the rows of a ``.tflite`` file to its facts; pure."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from pytest_edgeai.model.facts import (
    FLOAT_TYPES,
    SMALL_INTEGER_TYPES,
    WEIGHT_TYPES,
    ModelFacts,
    OperatorFacts,
    TensorFacts,
)
from pytest_edgeai.model.flatbuffer import OperatorRow, SubgraphRow, TensorRow
from pytest_edgeai.model.layers import named_layer

INEXACT_TYPES = FLOAT_TYPES | {"complex64", "complex128"}
"""Types whose arithmetic is floating point."""

NOT_COMPUTING = frozenset({"QUANTIZE", "DEQUANTIZE", "SHAPE", "RANK"})
"""Operators that change how a value is written, or read its form alone."""

MOST_LARGEST = 3
"""Tensors that are named where a file is too large."""


def summarize(
    data: bytes, subgraphs: Sequence[SubgraphRow], signatures: tuple[str, ...]
) -> ModelFacts:
    """The facts of a file from its bytes and its graphs; inputs and outputs are the first one's."""
    tensors = [tensor for graph in subgraphs for tensor in graph.tensors]
    operators = [operator for graph in subgraphs for operator in graph.operators]
    ours = [operator for operator in operators if not operator.custom]
    weights = list(_weights(subgraphs))
    weights_by_type = _elements_by_type(weights)
    in_float = [operator for operator in ours if _computes_in_float(operator)]
    return ModelFacts(
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        inputs=_inputs(subgraphs[0]),
        outputs=_outputs(subgraphs[0]),
        operators=_kinds(operators),
        tensors_by_type=dict(Counter(tensor.dtype for tensor in tensors)),
        activations_by_type=dict(Counter(t.dtype for op in ours for t in op.outputs)),
        weights_by_type=weights_by_type,
        int8_weight_share=_int8_share(weights_by_type),
        dequantized_weight_share=_dequantized_share(weights, subgraphs),
        largest_tensors=_largest(tensors),
        float_weights=_float_weights(weights),
        float_operators=tuple(op.name for op in in_float),
        float_layers=tuple(map(named_layer, in_float)),
        quantized_operators=tuple(op.name for op in ours if _computes_quantized(op)),
        signatures=signatures,
        stateful=any(t.variable for t in tensors) or any(o.name == "VAR_HANDLE" for o in operators),
    )


def _inputs(graph: SubgraphRow) -> tuple[TensorFacts, ...]:
    read_by_ours = _read_by(op for op in graph.operators if not op.custom)
    only_custom = _read_by(op for op in graph.operators if op.custom) - read_by_ours
    return tuple(_facts(tensor, tensor.index in only_custom) for tensor in graph.inputs)


def _outputs(graph: SubgraphRow) -> tuple[TensorFacts, ...]:
    custom = {t.index for op in graph.operators if op.custom for t in op.outputs}
    return tuple(_facts(tensor, tensor.index in custom) for tensor in graph.outputs)


def _facts(row: TensorRow, by_custom: bool = False) -> TensorFacts:
    return TensorFacts(
        name=row.name,
        dtype=row.dtype,
        shape=row.shape,
        shape_signature=row.shape_signature,
        scales=row.scales,
        zero_points=row.zero_points,
        by_custom=by_custom,
    )


def _kinds(operators: Iterable[OperatorRow]) -> tuple[OperatorFacts, ...]:
    counts = Counter((op.name, op.version, op.custom) for op in operators)
    return tuple(
        OperatorFacts(name=name, version=version, count=count, custom=custom)
        for (name, version, custom), count in counts.items()
    )


def _weights(subgraphs: Iterable[SubgraphRow]) -> Iterator[TensorRow]:
    """Constants that operators of the runtime read, each buffer once (see ``ModelFacts``)."""
    seen: set[int] = set()
    for graph in subgraphs:
        read = _read_by(op for op in graph.operators if not op.custom)
        for tensor in graph.tensors:
            if tensor.index in read and tensor.buffer not in seen and _is_weight(tensor):
                seen.add(tensor.buffer)
                yield tensor


def _is_weight(tensor: TensorRow) -> bool:
    return tensor.constant and len(tensor.shape) >= 2 and tensor.dtype in WEIGHT_TYPES


def _read_by(operators: Iterable[OperatorRow]) -> set[int]:
    return {tensor.index for operator in operators for tensor in operator.inputs}


def _elements_by_type(weights: Iterable[TensorRow]) -> dict[str, int]:
    elements: Counter[str] = Counter()
    for weight in weights:
        elements[weight.dtype] += math.prod(weight.shape)
    return dict(elements)


def _int8_share(elements: dict[str, int]) -> float | None:
    small = sum(count for dtype, count in elements.items() if dtype in SMALL_INTEGER_TYPES)
    return small / max(sum(elements.values()), 1) if elements else None


def _dequantized_share(
    weights: Sequence[TensorRow], subgraphs: Iterable[SubgraphRow]
) -> float | None:
    """Share of the weights in 8 bits or fewer that nothing but DEQUANTIZE reads."""
    if not weights:
        return None
    readers: dict[int, set[str]] = {}
    for operator in (operator for graph in subgraphs for operator in graph.operators):
        for tensor in operator.inputs:
            readers.setdefault(tensor.buffer, set()).add(operator.name)
    stored = [w for w in weights if w.dtype in SMALL_INTEGER_TYPES]
    behind = [w for w in stored if readers[w.buffer] == {"DEQUANTIZE"}]
    every, made_floats = (sum(math.prod(w.shape) for w in some) for some in (weights, behind))
    return made_floats / max(every, 1)


def _largest(tensors: Iterable[TensorRow]) -> dict[str, int]:
    """Sizes of the largest constants; one that several names share counts under its first."""
    by_buffer = {tensor.buffer: tensor for tensor in reversed([*tensors]) if tensor.constant}
    by_size = sorted(by_buffer.values(), key=lambda tensor: -tensor.size_bytes)
    return {tensor.name: tensor.size_bytes for tensor in by_size[:MOST_LARGEST]}


def _float_weights(weights: Iterable[TensorRow]) -> tuple[TensorFacts, ...]:
    in_float = [weight for weight in weights if weight.dtype in FLOAT_TYPES]
    by_size = sorted(in_float, key=lambda weight: -math.prod(weight.shape))
    return tuple(_facts(weight) for weight in by_size)


def _computes_in_float(operator: OperatorRow) -> bool:
    """It reads a float value that is computed, not stored; what it makes may be an index."""
    reads = any(t.dtype in INEXACT_TYPES and not t.constant for t in operator.inputs)
    return reads and bool(operator.outputs) and operator.name not in NOT_COMPUTING


def _computes_quantized(operator: OperatorRow) -> bool:
    """It reads and makes quantised values that are computed: its scales were set beforehand."""
    reads = any(_is_quantized(t) for t in operator.inputs)
    makes = any(_is_quantized(t) for t in operator.outputs)
    return reads and makes and operator.name not in NOT_COMPUTING


def _is_quantized(tensor: TensorRow) -> bool:
    return not tensor.constant and tensor.dtype not in FLOAT_TYPES and any(tensor.scales)
