"""The bytes of a ``.tflite`` file as plain rows, checked as they are read.

The file follows TensorFlow Lite's ``schema.fbs``, version 3. A damaged one must end as an error,
soon: no vector may be longer than the file could hold, and all of them together may not be either.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

CUSTOM = 32
"""The operator code of ``schema.fbs`` that says: the name is in ``custom_code``."""

MIN_RUNTIME_VERSION = b"min_runtime_version"
"""The metadata of the converter's that says so."""

_BUILTIN_CODE = 10
"""The place of ``builtin_code``, the fourth field of ``OperatorCode``, in its table."""

NEWER_TYPES = {19: "int2", 20: "uint4", 21: "float8_e4m3fn", 22: "float8_e5m2"}
BYTES_PER_ELEMENT = {"float32": 4, "float16": 2, "bfloat16": 2, "float64": 8}
BYTES_PER_ELEMENT |= {"int8": 1, "uint8": 1, "int16": 2, "int32": 4, "int64": 8}
RUNS_GRAPHS = {
    "CALL": ("CallOptions", "Subgraph"),
    "CALL_ONCE": ("CallOnceOptions", "InitSubgraphIndex"),
    "IF": ("IfOptions", "ThenSubgraphIndex", "ElseSubgraphIndex"),
    "STABLEHLO_COMPOSITE": ("StableHLOCompositeOptions", "DecompositionSubgraphIndex"),
    "STABLEHLO_REDUCE": ("StablehloReduceOptions", "BodySubgraphIndex"),
    "STABLEHLO_REDUCE_WINDOW": ("StablehloReduceWindowOptions", "BodySubgraphIndex"),
    "STABLEHLO_SCATTER": ("StablehloScatterOptions", "UpdateComputationSubgraphIndex"),
    "STABLEHLO_SORT": ("StablehloSortOptions", "ComparatorSubgraphIndex"),
    "STABLEHLO_WHILE": ("StablehloWhileOptions", "CondSubgraphIndex", "BodySubgraphIndex"),
    "WHILE": ("WhileOptions", "CondSubgraphIndex", "BodySubgraphIndex"),
}
"""Operators that run other graphs: the table of their options, and the fields that name these."""


class DamageError(ValueError):
    """The bytes contradict themselves; the text says where."""


READING_ERRORS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    struct.error,
)
"""What the schema's classes raise on bytes that they cannot follow."""


@dataclass(frozen=True)
class TensorRow:
    """A tensor; ``constant`` when the file holds its data, in the buffer of that number.

    ``index`` is its place in its graph, ``size_bytes`` what a constant takes in the file. The
    scales of constants are not read.
    """

    index: int
    name: str
    dtype: str
    shape: tuple[int, ...]
    shape_signature: tuple[int, ...]
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    buffer: int
    constant: bool
    variable: bool
    size_bytes: int = 0


@dataclass(frozen=True)
class OperatorRow:
    """An operator and the tensors that it reads and makes; left-out inputs are not listed.

    ``graphs`` are the numbers of those that it runs, such as the body of a loop.
    """

    name: str
    version: int
    custom: bool
    inputs: tuple[TensorRow, ...]
    outputs: tuple[TensorRow, ...]
    graphs: tuple[int, ...] = ()


@dataclass(frozen=True)
class SubgraphRow:
    """A graph of operators; the first one of a file runs where no signature names another."""

    tensors: tuple[TensorRow, ...]
    operators: tuple[OperatorRow, ...]
    inputs: tuple[TensorRow, ...]
    outputs: tuple[TensorRow, ...]


@dataclass(frozen=True)
class SignatureRow:
    """A name for one of the graphs, by its number, and names for its inputs and outputs."""

    key: str
    graph: int
    inputs: tuple[tuple[str, TensorRow], ...]
    outputs: tuple[tuple[str, TensorRow], ...]


def graphs_from(graphs: Sequence[SubgraphRow], entry: int) -> tuple[SubgraphRow, ...]:
    """A graph of a file, and those that its operators run, directly or not."""
    reached: dict[int, SubgraphRow] = {}
    ahead = [entry] if graphs else []
    while ahead:
        number = ahead.pop(0)
        if number not in reached:
            reached[number] = graphs[number]
            ahead += [graph for op in graphs[number].operators for graph in op.graphs]
    return tuple(reached.values())


class Flatbuffer:
    """One reading of a file's bytes.

    Raises:
        DamageError: the bytes contradict themselves.
        READING_ERRORS: the schema's classes were led outside of the file.
    """

    def __init__(self, data: bytes) -> None:
        import tflite

        self._data = data
        # Elements take four bytes at least; four times over, as builders may share vectors.
        self._elements_left = len(data)
        self._operator_names: dict[int, str] = tflite.BUILTIN_OPCODE2NAME
        self._types = NEWER_TYPES | _names_by_number(tflite.TensorType)
        self._root = tflite.Model.GetRootAs(data, 0)
        self._check_table(self._root, "Model")
        self._buffers = [self._data_bytes(b) for b in self._tables(self._root, "Buffers")]
        self._codes = [self._code(c) for c in self._tables(self._root, "OperatorCodes")]

    def subgraphs(self) -> tuple[SubgraphRow, ...]:
        """All graphs of the file, the main one first."""
        return tuple(self._subgraph(graph) for graph in self._tables(self._root, "Subgraphs"))

    def signatures(self, graphs: Sequence[SubgraphRow]) -> tuple[SignatureRow, ...]:
        """The signatures of these graphs of the file, in its order."""
        defs = self._tables(self._root, "SignatureDefs")
        return tuple(self._signature(signature, graphs) for signature in defs)

    def _signature(self, signature: Any, graphs: Sequence[SubgraphRow]) -> SignatureRow:
        key, graph = self._text(signature.SignatureKey()), signature.SubgraphIndex()
        if graph >= len(graphs):
            raise DamageError(f"signature {key!r} is of graph {graph}, and there are {len(graphs)}")
        inputs, outputs = (
            tuple(self._named(entry, graphs[graph]) for entry in self._tables(signature, side))
            for side in ("Inputs", "Outputs")
        )
        return SignatureRow(key, graph, inputs, outputs)

    def _named(self, entry: Any, graph: SubgraphRow) -> tuple[str, TensorRow]:
        (tensor,) = _pick(graph.tensors, [entry.TensorIndex()])
        return self._text(entry.Name()), tensor

    def min_runtime_version(self) -> str:
        """The oldest runtime that has all operators, as the converter wrote it; "" if it did not.

        Converters look it up in TensorFlow Lite's ``tools/versioning/runtime_version.cc``.
        """
        for entry in self._tables(self._root, "Metadata"):
            if entry.Name() == MIN_RUNTIME_VERSION and entry.Buffer() < len(self._buffers):
                data = self._root.Buffers(entry.Buffer()).DataAsNumpy()
                return "" if isinstance(data, int) else self._text(bytes(data)).rstrip("\0")
        return ""

    def _subgraph(self, graph: Any) -> SubgraphRow:
        tensors = tuple(self._tensor(i, t) for i, t in enumerate(self._tables(graph, "Tensors")))
        return SubgraphRow(
            tensors=tensors,
            operators=tuple(self._operator(op, tensors) for op in self._tables(graph, "Operators")),
            inputs=_pick(tensors, self._numbers(graph, "Inputs")),
            outputs=_pick(tensors, self._numbers(graph, "Outputs")),
        )

    def _operator(self, operator: Any, tensors: tuple[TensorRow, ...]) -> OperatorRow:
        index = operator.OpcodeIndex()
        if index >= len(self._codes):
            raise DamageError(f"an operator is of kind {index}, and there are {len(self._codes)}")
        name, version, custom = self._codes[index]
        inputs = [i for i in self._numbers(operator, "Inputs") if i != -1]
        outputs = self._numbers(operator, "Outputs")
        read, made = _pick(tensors, inputs), _pick(tensors, outputs)
        return OperatorRow(name, version, custom, read, made, self._graphs_of(name, operator))

    def _graphs_of(self, name: str, operator: Any) -> tuple[int, ...]:
        import tflite

        options, *fields = RUNS_GRAPHS.get(name, ("",))
        table = operator.BuiltinOptions() or operator.BuiltinOptions2() if fields else None
        if table is None:
            return ()
        typed = getattr(tflite, options)()
        typed.Init(table.Bytes, table.Pos)
        graphs = tuple(getattr(typed, field)() for field in fields)
        if not all(0 <= graph < self._root.SubgraphsLength() for graph in graphs):
            raise DamageError(f"{name} runs a graph that is not there")
        return graphs

    def _code(self, code: Any) -> tuple[str, int, bool]:
        number = max(code.DeprecatedBuiltinCode(), _builtin_code(code))
        if number == CUSTOM:
            return self._text(code.CustomCode()) or "CUSTOM", code.Version(), True
        return self._operator_names.get(number, f"BUILTIN_{number}"), code.Version(), False

    def _tensor(self, index: int, tensor: Any) -> TensorRow:
        number, buffer = tensor.Type(), tensor.Buffer()
        shape = tuple(self._numbers(tensor, "Shape"))
        # Tensors of a file without any buffer name some all the same, and the runtime accepts it.
        if self._buffers and buffer >= len(self._buffers):
            raise DamageError(f"a tensor is in buffer {buffer}, and there are {len(self._buffers)}")
        constant = 0 < buffer < len(self._buffers) and self._buffers[buffer] > 0
        scales, zero_points = self._quantization(tensor, constant)
        row = TensorRow(
            index=index,
            name=self._text(tensor.Name()),
            dtype=self._types.get(number, f"type_{number}"),
            shape=shape,
            shape_signature=tuple(self._numbers(tensor, "ShapeSignature")) or shape,
            scales=scales,
            zero_points=zero_points,
            buffer=buffer,
            constant=constant,
            variable=tensor.IsVariable(),
            size_bytes=self._buffers[buffer] if constant else 0,
        )
        if constant and tensor.Sparsity() is None:
            _check_size(row, self._buffers[buffer])
        return row

    def _quantization(
        self, tensor: Any, constant: bool
    ) -> tuple[tuple[float, ...], tuple[int, ...]]:
        parameters = tensor.Quantization()
        if parameters is None or constant:
            return (), ()
        scales = tuple(self._numbers(parameters, "Scale"))
        if not all(math.isfinite(scale) for scale in scales):
            raise DamageError(f"a quantisation scale is not finite: {scales[:3]}")
        return scales, tuple(self._numbers(parameters, "ZeroPoint")) if scales else ()

    def _data_bytes(self, buffer: Any) -> int:
        """The length of a buffer's data, which files above 2 GB keep behind the flatbuffer."""
        if buffer.Offset() <= 1:
            return 0 if buffer.DataIsNone() else len(buffer.DataAsNumpy())
        if buffer.Offset() + buffer.Size() > len(self._data):
            raise DamageError("data begins or ends behind the end of the file")
        return int(buffer.Size())

    def _numbers(self, table: Any, field: str) -> list[Any]:
        if getattr(table, f"{field}IsNone")():
            return []
        self._spend(getattr(table, f"{field}Length")(), field)
        numbers: list[Any] = getattr(table, f"{field}AsNumpy")().tolist()
        return numbers

    def _tables(self, parent: Any, field: str) -> Iterator[Any]:
        length = getattr(parent, f"{field}Length")()
        self._spend(length, field)
        for index in range(length):
            table = getattr(parent, field)(index)
            self._check_table(table, field)
            yield table

    def _text(self, value: bytes | None) -> str:
        self._spend(len(value or b"") // 4, "text")
        return (value or b"").decode("utf-8", "replace")

    def _spend(self, elements: int, field: str) -> None:
        self._elements_left -= elements
        if elements > len(self._data) // 4 or self._elements_left < 0:
            raise DamageError(f"{field} with {elements:,} elements, more than the file can hold")

    def _check_table(self, table: Any, field: str) -> None:
        """Zeros would pass for a table with all defaults; a real one states its size."""
        position = table._tab.Pos
        vtable = position - struct.unpack_from("<i", self._data, position)[0]
        if not 0 <= vtable <= len(self._data) - 4:
            raise DamageError(f"an entry of {field} is described outside of the file")
        vtable_size, table_size = struct.unpack_from("<HH", self._data, vtable)
        if min(vtable_size, table_size) < 4 or position + table_size > len(self._data):
            raise DamageError(f"an entry of {field} has no possible size")


def _builtin_code(code: Any) -> int:
    """The field of that name as it is in the file, 0 where it is left out.

    ``code.BuiltinCode()`` gives the deprecated field for kinds below 127, which writers that know
    the newer field alone leave at 0. Which of both counts is the larger one.
    """
    from flatbuffers import number_types

    position = code._tab.Offset(_BUILTIN_CODE)
    if not position:
        return 0
    return int(code._tab.Get(number_types.Int32Flags, position + code._tab.Pos))


def _names_by_number(constants: type) -> dict[int, str]:
    return {number: name.lower() for name, number in vars(constants).items() if name.isupper()}


def _pick(tensors: tuple[TensorRow, ...], indices: list[int]) -> tuple[TensorRow, ...]:
    for index in indices:
        if not 0 <= index < len(tensors):
            raise DamageError(f"tensor {index} is used, and there are {len(tensors)}")
    return tuple(tensors[index] for index in indices)


def _check_size(row: TensorRow, size_bytes: int) -> None:
    """As the runtime does when it loads; types packed by the bit are left to it."""
    per_element = BYTES_PER_ELEMENT.get(row.dtype)
    expected = math.prod(row.shape) * (per_element or 0)
    if per_element and expected != size_bytes:
        raise DamageError(
            f"tensor {row.name!r}, {row.dtype} {list(row.shape)}, needs {expected:,} bytes "
            f"and has {size_bytes:,}"
        )
