"""What an exported Keras model is, as one hash; runs where TensorFlow is imported already."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from pytest_edgeai.convert.input_order import order_in
from pytest_edgeai.convert.keras_facts import KerasFacts
from pytest_edgeai.model.signatures import USUAL

_WHERE_NOT_WHAT = {"config_proto", "executor_type"}


def exported_digest(folder: Path) -> str:
    """SHA-256 of what an exported model computes and of its weights.

    The file itself differs from export to export by the numbers in its functions' names, so a value
    is hashed as its operation, its attributes and the hashes of what goes in.
    """
    import tensorflow as tf
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    weights = tf.train.load_checkpoint(str(folder / "variables" / "variables"))
    values = {name: weights.get_tensor(name) for name in weights.get_variable_to_dtype_map()}
    values.pop("_CHECKPOINTABLE_OBJECT_GRAPH")
    graph = saved.meta_graphs[0]
    order = json.dumps([order_in(graph, USUAL), KerasFacts.read(folder).outputs])
    return _hash(_Graph(graph).digest(), order, *sorted(map(_weight, values.items())))


def _weight(named: tuple[str, Any]) -> str:
    """A weight as one hash; Keras 3 writes each of them again, as one of a set in any order."""
    name, value = named
    place = "" if name.startswith("_all_variables/") else name
    content = f"{place} {value.dtype} {value.shape}\0".encode() + value.tobytes()
    return hashlib.sha256(content).hexdigest()


class _Graph:
    """The graph behind a signature, hashed without regard to names that are made up."""

    def __init__(self, meta_graph: Any) -> None:
        self._signature = meta_graph.signature_def[USUAL]
        self._nodes = meta_graph.graph_def.node
        self._functions = {f.signature.name: f for f in meta_graph.graph_def.library.function}
        self._known: dict[str, str] = {}

    def digest(self) -> str:
        inputs = {
            _node_of(tensor.name): f"input {key} {tensor.dtype} {tensor.tensor_shape}"
            for key, tensor in self._signature.inputs.items()
        }
        outputs = sorted(self._signature.outputs.items())
        values = self._values(self._nodes, [tensor.name for _, tensor in outputs], inputs)
        return _hash(*(key for key, _ in outputs), *values)

    def _function(self, name: str) -> str:
        if name not in self._known:
            function = self._functions[name]
            arguments = {
                argument.name: f"argument {place} {argument.type}"
                for place, argument in enumerate(function.signature.input_arg)
            }
            wanted = [function.ret[output.name] for output in function.signature.output_arg]
            self._known[name] = _hash(*self._values(function.node_def, wanted, arguments))
        return self._known[name]

    def _values(
        self, nodes: Iterable[Any], wanted: Iterable[str], known: dict[str, str]
    ) -> list[str]:
        """The hashes of the wanted values, given those that are known."""
        by_name = {node.name: node for node in nodes}
        before: dict[str, set[str]] = {}
        left = [_node_of(value) for value in wanted]
        while left:
            name = left.pop()
            if name not in before and name not in known:
                before[name] = {_node_of(value) for value in by_name[name].input} - set(known)
                left += before[name]
        hashes = dict(known)
        for name in TopologicalSorter(before).static_order():
            hashes[name] = self._node(by_name[name], hashes)
        return [_value(name, hashes) for name in wanted]

    def _node(self, node: Any, hashes: dict[str, str]) -> str:
        operation = self._function(node.op) if node.op in self._functions else node.op
        inputs = [_value(name, hashes) for name in node.input if not name.startswith("^")]
        first = sorted(hashes[_node_of(name)] for name in node.input if name.startswith("^"))
        attributes = [
            f"{key}={self._attribute(value)}"
            for key, value in sorted(node.attr.items())
            if not key.startswith("_") and key not in _WHERE_NOT_WHAT
        ]
        return _hash(operation, *inputs, "after", *first, "with", *attributes)

    def _attribute(self, value: Any) -> str:
        if value.HasField("func"):
            return self._function(value.func.name)
        if value.list.func:
            return _hash(*(self._function(function.name) for function in value.list.func))
        return hashlib.sha256(value.SerializeToString(deterministic=True)).hexdigest()


def _node_of(value: str) -> str:
    """The node in ``"node"``, ``"node:1"``, ``"node:output:0"`` or ``"^node"``."""
    return value.lstrip("^").partition(":")[0]


def _value(name: str, hashes: dict[str, str]) -> str:
    return f"{hashes[_node_of(name)]}:{name.partition(':')[2]}"


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
