"""That files are read as by another reader, the schema's classes that ship in ai-edge-litert."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from pytest_edgeai.model.flatbuffer import (
    READING_ERRORS,
    Flatbuffer,
    OperatorRow,
    SignatureRow,
    SubgraphRow,
    TensorRow,
)

MORE_VARIABLE = "EDGEAI_MORE_MODELS"
"""Names a folder of further ``.tflite`` files, at any depth."""

NAMES = {number: name for name, number in vars(schema.BuiltinOperator).items() if name.isupper()}
TYPES = {number: name.lower() for name, number in vars(schema.TensorType).items() if name.isupper()}
Plain = dict[str, Any]


def ours(path: Path) -> Plain:
    flatbuffer = Flatbuffer(path.read_bytes())
    graphs = flatbuffer.subgraphs()
    return {
        "graphs": [_our_graph(graph) for graph in graphs],
        "signatures": [_our_signature(row) for row in flatbuffer.signatures(graphs)],
    }


def _our_signature(row: SignatureRow) -> Plain:
    sides = {side: [(n, t.index) for n, t in getattr(row, side)] for side in ("inputs", "outputs")}
    return {"key": row.key, "graph": row.graph, **sides}


def _our_graph(graph: SubgraphRow) -> Plain:
    return {
        "tensors": [_our_tensor(tensor) for tensor in graph.tensors],
        "operators": [_our_operator(operator) for operator in graph.operators],
        "inputs": [tensor.index for tensor in graph.inputs],
        "outputs": [tensor.index for tensor in graph.outputs],
    }


def _our_tensor(row: TensorRow) -> Plain:
    shown = ("name", "dtype", "shape", "shape_signature", "constant", "variable", "size_bytes")
    quantisation = {} if row.constant else {"scales": row.scales, "zero_points": row.zero_points}
    return {key: getattr(row, key) for key in shown} | quantisation


def _our_operator(row: OperatorRow) -> Plain:
    edges = {side: [t.index for t in getattr(row, side)] for side in ("inputs", "outputs")}
    return {"name": row.name, "version": row.version, "custom": row.custom, **edges}


def theirs(path: Path) -> Plain:
    model = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
    return {
        "graphs": [_their_graph(model, graph) for graph in model.subgraphs],
        "signatures": [_their_signature(row) for row in model.signatureDefs or ()],
    }


def _their_signature(signature: Any) -> Plain:
    sides = {
        side: [(_text(entry.name), entry.tensorIndex) for entry in getattr(signature, side) or ()]
        for side in ("inputs", "outputs")
    }
    return {"key": _text(signature.signatureKey), "graph": signature.subgraphIndex, **sides}


def _their_graph(model: Any, graph: Any) -> Plain:
    return {
        "tensors": [_their_tensor(model, tensor) for tensor in _many(graph.tensors)],
        "operators": [_their_operator(model, operator) for operator in _many(graph.operators)],
        "inputs": [*_many(graph.inputs)],
        "outputs": [*_many(graph.outputs)],
    }


def _their_tensor(model: Any, tensor: Any) -> Plain:
    size = _their_size(model.buffers[tensor.buffer]) if model.buffers and tensor.buffer else 0
    shape = tuple(_many(tensor.shape))
    found = {
        "name": _text(tensor.name),
        "dtype": TYPES[tensor.type],
        "shape": shape,
        "shape_signature": tuple(_many(tensor.shapeSignature)) or shape,
        "constant": size > 0,
        "variable": tensor.isVariable,
        "size_bytes": size,
    }
    if size:
        return found
    scales = tuple(_many(tensor.quantization and tensor.quantization.scale))
    zero_points = tuple(_many(tensor.quantization and tensor.quantization.zeroPoint))
    return found | {"scales": scales, "zero_points": zero_points if scales else ()}


def _their_size(buffer: Any) -> int:
    return int(buffer.size) if buffer.offset > 1 else len(_many(buffer.data))


def _their_operator(model: Any, operator: Any) -> Plain:
    code = model.operatorCodes[operator.opcodeIndex]
    number = max(code.deprecatedBuiltinCode, code.builtinCode)
    custom = number == schema.BuiltinOperator.CUSTOM
    return {
        "name": _text(code.customCode) if custom else NAMES[number],
        "version": code.version,
        "custom": custom,
        "inputs": [index for index in _many(operator.inputs) if index != -1],
        "outputs": [*_many(operator.outputs)],
    }


def _many(values: Any) -> Any:
    """A vector that was left out is None."""
    return [] if values is None else getattr(values, "tolist", lambda: values)()


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")


def disagreements(one: Any, other: Any, place: str) -> Iterator[str]:
    """Where two readings differ, the innermost places."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for key in one:
            yield from disagreements(one[key], other[key], f"{place}.{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, pair in enumerate(zip(one, other, strict=True)):
            yield from disagreements(*pair, f"{place}[{number}]")
    elif one != other:
        yield f"{place}: {one!r} is {other!r}"


def compared(path: Path) -> list[str] | None:
    """Where the readers disagree on a file; None for one that ours refuses."""
    try:
        mine = ours(path)
    except READING_ERRORS:
        return None
    return [*disagreements(mine, theirs(path), path.name)]


def test_published_files_and_those_of_another_folder(realdata: Path) -> None:
    published = {path: compared(path) for path in sorted(realdata.glob("*/*.tflite"))}
    refused = {path.stem for path, differences in published.items() if differences is None}
    assert refused <= {"git_lfs_pointer", "eight_bytes"}
    assert len(published) - len(refused) >= 23
    more = Path(os.environ.get(MORE_VARIABLE, os.devnull))
    further = {path: compared(path) for path in sorted(more.rglob("*.tflite"))}
    every = [*published.values(), *further.values()]
    assert [line for differences in every for line in differences or ()] == []


def test_files_converted_here(tiny: Path) -> None:
    paths = sorted(tiny.glob("*.tflite"))
    assert len(paths) > 30
    assert [line for path in paths for line in compared(path) or ()] == []
