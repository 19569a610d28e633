"""How large the integers may be that a model takes for indices, as far as its graph says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pytest_edgeai.model.flatbuffer import (
    READING_ERRORS,
    Flatbuffer,
    OperatorRow,
    SubgraphRow,
    TensorRow,
)

_PASSING = frozenset(
    {
        "BROADCAST_TO", "CAST", "CONCATENATION", "EXPAND_DIMS", "PACK", "RESHAPE", "REVERSE_V2",
        "SELECT", "SELECT_V2", "SLICE", "SPLIT", "SPLIT_V", "SQUEEZE",
        "STRIDED_SLICE", "TILE", "TRANSPOSE", "UNPACK",
    }
)  # fmt: skip
"""Operators whose outputs hold values that they read. Keras 3 looks up through a SELECT_V2, so
that negative numbers count from the end."""


def index_limits(path: Path) -> dict[str, int]:
    """The largest value of each input, by tensor name, that no operator takes for an index too far.

    Inputs that nothing takes for an index are left out, and all of a file that cannot be read.
    """
    limits: dict[str, int] = {}
    try:
        for graph in Flatbuffer(path.read_bytes()).subgraphs():
            limits |= of_graph(graph)
    except (OSError, IndexError, *READING_ERRORS):
        return {}
    return limits


def of_graph(graph: SubgraphRow) -> dict[str, int]:
    """The same of one graph of operators."""
    limits: dict[str, int] = {}
    for name, limit in _limits(graph):
        limits[name] = min(limit, limits.get(name, limit))
    return limits


def _limits(graph: SubgraphRow) -> Iterator[tuple[str, int]]:
    """Inputs by name, each with a limit, as often as there is one."""
    carried: dict[int, set[str]] = {tensor.index: {tensor.name} for tensor in graph.inputs}
    for operator in graph.operators:
        reads = [carried.get(tensor.index, set()) for tensor in operator.inputs]
        for place, limit in _indices(operator):
            for name in reads[place]:
                yield name, limit
        if operator.name in _PASSING:
            for tensor in operator.outputs:
                carried[tensor.index] = set().union(*reads)


def _indices(operator: OperatorRow) -> Iterator[tuple[int, int]]:
    """Which of its inputs an operator takes for indices, and the largest that it can."""
    tensors, made = operator.inputs, operator.outputs
    if operator.name == "EMBEDDING_LOOKUP":
        yield from _within(0, tensors[1].shape[:1])
    elif operator.name == "GATHER":
        yield from _within(1, _gathered(tensors[0], tensors[1], made[0]))
    elif operator.name == "GATHER_ND":
        yield from _within(1, tensors[0].shape[: tensors[1].shape[-1]])
    elif operator.name == "SCATTER_ND":
        yield from _within(0, made[0].shape[: tensors[0].shape[-1]])
    elif operator.name == "TOPK_V2":  # how many, not which
        yield from _within(1, [size + 1 for size in tensors[0].shape[-1:]])


def _within(place: int, sizes: tuple[int, ...] | list[int]) -> Iterator[tuple[int, int]]:
    known = [size for size in sizes if size > 0]
    if known:
        yield place, min(known) - 1


def _gathered(table: TensorRow, indices: TensorRow, made: TensorRow) -> list[int]:
    """The sizes of the table's dimensions that may be the one that is looked up.

    The operator's option says which one; so do the shapes, where they are not all alike.
    """
    sizes = table.shape
    fits = [
        size
        for axis, size in enumerate(sizes)
        if (*sizes[:axis], *indices.shape, *sizes[axis + 1 :]) == made.shape
    ]
    return fits or [*sizes]
