"""Reads the facts of a ``.tflite`` file, without a runtime."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_edgeai.errors import ModelError
from pytest_edgeai.model.facts import Model, ModelFacts, OperatorFacts, TensorFacts
from pytest_edgeai.model.flatbuffer import (
    READING_ERRORS,
    DamageError,
    Flatbuffer,
    SignatureRow,
    SubgraphRow,
    graphs_from,
)
from pytest_edgeai.model.signatures import SignatureTexts, chosen_signature, tensor_text
from pytest_edgeai.model.summary import summarize

__all__ = ["Model", "ModelFacts", "OperatorFacts", "TensorFacts", "read_facts", "read_signatures"]

IDENTIFIER = b"TFL3"
"""Bytes 4 to 8 of every ``.tflite`` file."""

_CONVERT_FIRST = "give it as the source of the model, and it will be converted"
_LOOKALIKES = (
    (b"version https://git-lfs", "a git-lfs pointer, not the file itself", "run `git lfs pull`"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file, such as Keras writes", _CONVERT_FIRST),
    (b"PK\x03\x04", "a zip archive, such as a .keras file", _CONVERT_FIRST),
    (b"\x1f\x8b", "a gzip archive", "unpack it first"),
    (b"<", "a web page or XML", "download the file itself, not the page that shows it"),
)


def read_facts(path: Path, signature: str = "") -> ModelFacts:
    """Read what a ``.tflite`` file says of itself.

    Args:
        signature: the one that the facts are to be of; "" where the file has one at most, or the
            usual one is meant.

    Raises:
        ModelError: the file cannot be read, is no TensorFlow Lite model, is damaged, or has no
            inputs or no outputs; there is no such signature, or several and none is named.
    """
    rows = _rows(path)
    chosen = chosen_signature(signature, [_texts(row) for row in rows.signatures], path.name)
    entry = next((row.graph for row in rows.signatures if row.key == chosen), 0)
    graphs = graphs_from(rows.graphs, entry)
    _check_edges(path, graphs)
    facts = summarize(rows.data, graphs, tuple(row.key for row in rows.signatures))
    return replace(
        facts, min_runtime_version=rows.min_runtime_version, signature=chosen, graph=entry
    )


def read_signatures(path: Path) -> tuple[str, ...]:
    """The keys of a file's signatures, in its order.

    Raises:
        ModelError: the file cannot be read, is no TensorFlow Lite model, or is damaged.
    """
    return tuple(row.key for row in _rows(path).signatures)


@dataclass(frozen=True)
class _Rows:
    """What stands in a file."""

    data: bytes
    graphs: tuple[SubgraphRow, ...]
    signatures: tuple[SignatureRow, ...]
    min_runtime_version: str


def _rows(path: Path) -> _Rows:
    data = _read(path)
    if data[4:8] != IDENTIFIER:
        raise _not_a_model(path, data)
    try:
        flatbuffer = Flatbuffer(data)
        graphs = flatbuffer.subgraphs()
        signatures = flatbuffer.signatures(graphs)
        return _Rows(data, graphs, signatures, flatbuffer.min_runtime_version())
    except READING_ERRORS as problem:
        raise _damaged(path, len(data), problem) from problem


def _damaged(path: Path, size: int, problem: Exception) -> ModelError:
    reason = problem if isinstance(problem, DamageError) else "it points outside of itself"
    return ModelError(
        f"{path} ({size:,} bytes) is a damaged TensorFlow Lite model: {reason}",
        "a file that was cut short looks so: copy or convert it again",
    )


def _texts(row: SignatureRow) -> SignatureTexts:
    inputs, outputs = (
        tuple(tensor_text(name, tensor.dtype, tensor.shape_signature) for name, tensor in side)
        for side in (row.inputs, row.outputs)
    )
    return SignatureTexts(row.key, inputs, outputs)


def _read(path: Path) -> bytes:
    shown = os.fsencode(path).decode(errors="backslashreplace")
    if shown != str(path):
        raise ModelError(f"{shown}: the file's name is no UTF-8 text", "rename it")
    try:
        if path.is_dir():
            raise ModelError(f"{path} is a folder, not a .tflite file", _CONVERT_FIRST)
        if path.exists() and not path.is_file():
            raise ModelError(f"{path} is a device or a pipe, not a .tflite file")
        return path.read_bytes()
    except FileNotFoundError:
        raise ModelError(f"{path} does not exist", "check the path") from None
    except OSError as problem:
        raise ModelError(f"{path} cannot be read: {problem.strerror or problem}") from problem


def _not_a_model(path: Path, data: bytes) -> ModelError:
    for magic, likeness, hint in _LOOKALIKES:
        if data[:64].lstrip().startswith(magic):
            return ModelError(f"{path} ({len(data):,} bytes) is {likeness}", hint)
    found = repr(data[:8]) if data else "nothing"
    return ModelError(
        f"{path} ({len(data):,} bytes) is not a TensorFlow Lite model: it begins with {found}, "
        'and a model has "TFL3" at bytes 4 to 8',
        "convert a model with tf.lite.TFLiteConverter, or check how the file was copied",
    )


def _check_edges(path: Path, subgraphs: tuple[SubgraphRow, ...]) -> None:
    if not subgraphs:
        raise ModelError(f"{path} has no graph of operators: nothing can be tested")
    main = subgraphs[0]
    edges = {"inputs": main.inputs, "outputs": main.outputs}
    missing = " and ".join(f"no {kind}" for kind, tensors in edges.items() if not tensors)
    if missing:
        raise ModelError(
            f"{path} has {missing}: nothing can be tested",
            "something went wrong when it was exported; convert the model that is meant",
        )
