"""Keras models as SavedModels; runs where TensorFlow is imported already."""

from __future__ import annotations

import contextlib
import importlib
import io
from typing import Any


def export_model(model: Any, folder: str) -> None:
    """Export a Keras model as a SavedModel, without its long list of variables.

    A fixed batch size is kept. A model with recurrent layers gets a batch size of 1, because the
    converter takes their loops in no other way.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        if not _has_graph(model) or {size for size, *_ in _input_shapes(model)} == {None}:
            model.export(folder)
        elif _is_of(model, "tf_keras"):
            _export_tf_keras(model, folder)
        else:
            _export_keras(model, folder)


def _is_of(model: Any, package: str) -> bool:
    return any(kind.__module__.partition(".")[0] == package for kind in type(model).__mro__)


def _has_graph(model: Any) -> bool:
    """Whether the inputs are declared; those of a subclassed model are known by its calls only."""
    kinds = {kind.__name__ for kind in type(model).__mro__}
    return bool(kinds & {"Functional", "Sequential"}) and bool(getattr(model, "inputs", None))


def _is_recurrent(layer: Any) -> bool:
    return any(kind.__name__ == "RNN" for kind in type(layer).__mro__) and not layer.unroll


def _input_shapes(model: Any) -> list[tuple[int | None, ...]]:
    """The shapes to export with, the batch size first."""
    batch = 1 if any(map(_is_recurrent, model._flatten_layers())) else None
    return [(tensor.shape[0] or batch, *tensor.shape[1:]) for tensor in model.inputs]


def _export_keras(model: Any, folder: str) -> None:
    import keras

    shapes = dict(zip(map(id, model.inputs), _input_shapes(model), strict=True))

    def spec(tensor: Any) -> Any:
        return keras.InputSpec(shape=shapes[id(tensor)], dtype=tensor.dtype, name=tensor.name)

    structure = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    model.export(folder, input_signature=[keras.tree.map_structure(spec, structure)])


def _export_tf_keras(model: Any, folder: str) -> None:
    import tensorflow as tf

    tf_keras = importlib.import_module("tf_keras")
    specs = [
        tf.TensorSpec(shape, tensor.dtype, name=tensor.name)
        for tensor, shape in zip(model.inputs, _input_shapes(model), strict=True)
    ]
    archive = tf_keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", model.__call__, specs if len(specs) == 1 else [specs])
    archive.write_out(folder)
