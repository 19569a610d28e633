"""In which order a SavedModel's function takes its inputs; runs where TensorFlow is imported."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any


def input_order(folder: Path, signature: str) -> list[str]:
    """The names of a signature's inputs in the model's own order.

    A signature has them sorted by name, and so has the file that is converted from it. The function
    behind it, which is Keras's or the user's, is saved beside it with its arguments in order.
    """
    from tensorflow.core.protobuf import saved_model_pb2

    content = (folder / "saved_model.pb").read_bytes()
    return order_in(saved_model_pb2.SavedModel.FromString(content).meta_graphs[0], signature)


def order_in(meta_graph: Any, signature: str) -> list[str]:
    """The same of a SavedModel's graph."""
    names = sorted(meta_graph.signature_def[signature].inputs)
    functions = meta_graph.object_graph_def.concrete_functions
    for function in sorted(functions):
        order = list(_names(functions[function].canonicalized_input_signature))
        if order != names and sorted(order) == names:
            return order
    return names


def _names(value: Any) -> Iterator[str]:
    """Of the tensors in a structure of arguments."""
    kind = value.WhichOneof("kind")
    if kind in ("tensor_spec_value", "bounded_tensor_spec_value"):
        yield getattr(value, kind).name
    elif kind in ("list_value", "tuple_value"):
        for item in getattr(value, kind).values:
            yield from _names(item)
    elif kind == "dict_value":
        for _, item in sorted(value.dict_value.fields.items()):
            yield from _names(item)
