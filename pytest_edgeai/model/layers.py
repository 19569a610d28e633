"""Which tensors of two conversions of a model stand for the same values, layer by layer."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from pytest_edgeai.errors import ModelError
from pytest_edgeai.model.facts import FLOAT_TYPES, Model
from pytest_edgeai.model.flatbuffer import (
    READING_ERRORS,
    Flatbuffer,
    OperatorRow,
    SubgraphRow,
    TensorRow,
)

T = TypeVar("T")

CASTS = frozenset({"QUANTIZE", "DEQUANTIZE"})
"""Operators that change how values are stored; conversions differ in them."""
RESHAPES = frozenset({"RESHAPE", "SQUEEZE", "EXPAND_DIMS"})
"""One may stand for another."""
INPUT = "INPUT"
"""Stands for the operator where values enter the model, and where they are quantised first."""

_ADDED = re.compile(r"_(u?int8|int16|float32)$|:\d+$")
"""What conversions and signatures add to a tensor's name."""
_NUMBER = re.compile(r"\d+$")
_NAMELESS = re.compile(r"(Stateful)?PartitionedCall|Identity|$")
_SURE = ("BiasAdd",)
_LIKELY = ("Conv2D", "convolution", "depthwise", "conv2d_transpose", "MatMul")
"""Last words of a part that is called like the layer with the weights."""


@dataclass(frozen=True)
class LayerRow:
    """What a layer makes, and of what.

    Attributes:
        name: as the converter kept it from Keras, as short as it is unambiguous.
        operator: ``CONV_2D``; ``INPUT`` for an input of the model.
        output: the tensor that it makes.
        baseline: the tensor of the other conversion that stands for the same values.
        inputs: places, in the list of all layers, of those that it reads.
    """

    name: str
    operator: str
    output: TensorRow
    baseline: TensorRow
    inputs: tuple[int, ...]


def read_layers(own: Model, base: Model) -> list[LayerRow]:
    """The matched layers of two models, see ``matched_layers``.

    Raises:
        ModelError: the graphs do not correspond, or a file was damaged meanwhile.
    """
    try:
        graphs = [_main_graph(model) for model in (own, base)]
    except (OSError, *READING_ERRORS) as problem:
        raise ModelError(f"a model's file cannot be read any more: {problem}") from problem
    return matched_layers(*graphs)


def _main_graph(model: Model) -> SubgraphRow:
    return Flatbuffer(model.path.read_bytes()).subgraphs()[model.facts.graph]


def matched_layers(own: SubgraphRow, base: SubgraphRow) -> list[LayerRow]:
    """The layers of a conversion with their counterparts in another one, in the order of running.

    Operators are matched by the names of what they make, else one after the other; either way each
    has to read what its counterpart reads. Values that are neither real nor quantised are left out.

    Raises:
        ModelError: the graphs do not correspond.
    """
    counterparts = _counterparts(own, base)
    entering = {tensor.index: _bare(tensor.name) for tensor in own.inputs}
    rows: list[LayerRow] = []
    places: dict[int, int] = {}

    def add(tensor: TensorRow, name: str, operator: str, reads: Iterable[TensorRow] = ()) -> None:
        partner = counterparts.get(tensor.index)
        if partner is not None and _is_real(tensor) and _is_real(partner):
            inputs = tuple(places[read.index] for read in reads if read.index in places)
            places[tensor.index] = len(rows)
            rows.append(LayerRow(name, operator, tensor, partner, inputs))

    for tensor in own.inputs:
        add(tensor, entering[tensor.index], INPUT)
    for operator in own.operators:
        name = entering.get(operator.inputs[0].index) if operator.name in CASTS else None
        for tensor in operator.outputs:
            if name is not None:
                add(tensor, name, INPUT, operator.inputs)
            else:
                add(tensor, layer_path(operator), operator.name, operator.inputs)
    short = _shortened({row.name for row in rows})
    return [replace(row, name=short[row.name]) for row in rows]


def layer_path(operator: OperatorRow) -> str:
    """What Keras calls the layer, with the models and blocks that it is in: ``model/conv2d_1``.

    Converters join the names of all that they fuse into an operator, each a path of its own:
    ``model/activation/Relu;model/conv2d_1/BiasAdd;model/conv2d_1/Conv2D``.
    """
    outputs = [part for tensor in operator.outputs for part in tensor.name.split(";")]
    constants = [part for t in operator.inputs if t.constant for part in t.name.split(";")]
    for words, parts in (
        (_SURE, outputs),
        (_LIKELY, [*constants, *outputs]),
        ((operator.name.lower(),), outputs),
    ):
        for part in parts:
            path, _, last = part.rpartition("/")
            if path and _NUMBER.sub("", last) in words:
                return path
    path, _, last = outputs[0].rpartition("/")
    if path:
        return path
    return operator.name.lower() if _NAMELESS.match(last) else last.removeprefix("tfl.")


def named_layer(operator: OperatorRow) -> str:
    """The same, or "" where no name in the file tells the layer."""
    path = layer_path(operator)
    return "" if path == operator.name.lower() else path


def _counterparts(own: SubgraphRow, base: SubgraphRow) -> dict[int, TensorRow]:
    """For each tensor of ``own``, by index, the one of ``base`` with the same values."""
    mine, its = _Graph(own), _Graph(base)
    entries = _by_name(own.inputs, base.inputs) or _in_order(own.inputs, base.inputs, "inputs")
    found = {tensor.index: partner for tensor, partner in entries}
    for operator, partner in _matched(mine.operators, its.operators):
        reads = [found[index].index if index in found else -1 for index in mine.values_of(operator)]
        if sorted(reads) != sorted(its.values_of(partner)):
            raise _differ(f"{operator.name} of {layer_path(operator)!r} reads other values")
        made = _in_order(operator.outputs, partner.outputs, f"outputs of {operator.name}")
        found |= {tensor.index: other for tensor, other in made}
    return found | {index: found[root] for index, root in mine.roots.items() if root in found}


class _Graph:
    """A graph without its casts.

    Attributes:
        operators: those that make something, and are no casts.
        roots: for each tensor that a cast makes, by index, what was cast.
    """

    def __init__(self, graph: SubgraphRow) -> None:
        self.operators = [op for op in graph.operators if op.outputs and op.name not in CASTS]
        self.roots: dict[int, int] = {}
        for cast in graph.operators:
            if cast.name in CASTS:
                source = cast.inputs[0].index
                self.roots[cast.outputs[0].index] = self.roots.get(source, source)
        made = [tensor for operator in self.operators for tensor in operator.outputs]
        self._values = {tensor.index for tensor in (*graph.inputs, *made)}

    def values_of(self, operator: OperatorRow) -> list[int]:
        """The tensors, before any casts, that an operator reads and that are no constants."""
        read = [self.roots.get(tensor.index, tensor.index) for tensor in operator.inputs]
        return [index for index in read if index in self._values]


def _matched(
    own: Sequence[OperatorRow], base: Sequence[OperatorRow]
) -> list[tuple[OperatorRow, OperatorRow]]:
    makers = {op.outputs[0].index: op for op in base}
    made = [[op.outputs[0] for op in operators] for operators in (own, base)]
    partners = {tensor.index: makers[other.index] for tensor, other in _by_name(*made)}
    named = [(op, partners[op.outputs[0].index]) for op in own] if partners else []
    if named and all(_same_kind(*pair) for pair in named):
        return named
    pairs = _in_order(own, base, "operators")
    for operator, partner in pairs:
        if not _same_kind(operator, partner):
            where = layer_path(operator)
            raise _differ(f"{where!r} is {operator.name} in one and {partner.name} in the other")
    return pairs


def _same_kind(own: OperatorRow, base: OperatorRow) -> bool:
    return own.name == base.name or {own.name, base.name} <= RESHAPES


def _by_name(
    own: Sequence[TensorRow], base: Sequence[TensorRow]
) -> list[tuple[TensorRow, TensorRow]]:
    """Pairs of the same name; none unless that pairs all of them."""
    mine, its = ({_bare(tensor.name): tensor for tensor in tensors} for tensors in (own, base))
    if mine.keys() != its.keys() or not len(mine) == len(own) == len(base):
        return []
    return [(tensor, its[name]) for name, tensor in mine.items()]


def _in_order(own: Sequence[T], base: Sequence[T], what: str) -> list[tuple[T, T]]:
    if len(own) != len(base):
        raise _differ(f"{len(own)} {what} in one and {len(base)} in the other")
    return list(zip(own, base, strict=True))


def _differ(how: str) -> ModelError:
    return ModelError(f"the graphs do not correspond: {how}")


def _is_real(tensor: TensorRow) -> bool:
    """Whether it holds real values, or integers that stand for them."""
    return tensor.dtype in FLOAT_TYPES or any(tensor.scales)


def _bare(name: str) -> str:
    """A tensor's name without what conversions and signatures add to it."""
    return _ADDED.sub("", _ADDED.sub("", name)).removeprefix("serving_default_")


def _shortened(paths: set[str]) -> dict[str, str]:
    """As many last words of each path as tell it from the others."""

    def endings(path: str) -> list[str]:
        words = path.split("/")
        return ["/".join(words[at:]) for at in reversed(range(len(words)))]

    ambiguous = Counter(ending for path in paths for ending in endings(path))
    return {path: next((e for e in endings(path) if ambiguous[e] == 1), path) for path in paths}
