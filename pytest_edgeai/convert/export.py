"""Keras models as SavedModels; runs where TensorFlow is imported already."""

from __future__ import annotations

import contextlib
import importlib
import io
from pathlib import Path
from typing import Any

from pytest_edgeai.convert.inference import answers_by_name, as_on_a_device, is_of
from pytest_edgeai.convert.keras_facts import KerasFacts


def export_model(model: Any, folder: str) -> None:
    """Export what a Keras model answers in inference mode, with the facts of it.

    A fixed batch size is kept. A model with recurrent layers gets a batch size of 1, because the
    converter takes their loops in no other way.

    Raises:
        ValueError: the shapes of the inputs are not known.
    """
    keras_3 = not is_of(model, "tf_keras")
    keras = importlib.import_module("keras" if keras_3 else "tf_keras")
    signature, outputs = _signature(model), list[str]()
    with contextlib.redirect_stdout(io.StringIO()), as_on_a_device(model) as policy:
        archive = keras.export.ExportArchive()
        archive.track(model)
        archive.add_endpoint("serve", answers_by_name(model, outputs), signature)
        archive.write_out(folder)
    layers = tuple(layer.name for layer in model._flatten_layers())
    KerasFacts(tuple(outputs), layers, policy, keras_3).write(Path(folder))


def _signature(model: Any) -> list[Any]:
    """What the model is called with, as specs of tensors."""
    import tensorflow as tf

    batch = 1 if any(map(_is_recurrent, model._flatten_layers())) else None
    if not _has_graph(model):
        return _called_with(model, batch)

    def spec(tensor: Any) -> Any:
        shape = (tensor.shape[0] or batch, *tensor.shape[1:])
        return tf.TensorSpec(shape, tensor.dtype, name=tensor.name)

    structure = model.inputs if len(model.inputs) > 1 else model.inputs[0]
    if not (is_of(model, "tf_keras") or _kinds(model) & {"Sequential"}):
        structure = model.input
    return [tf.nest.map_structure(spec, structure)]


def _called_with(model: Any, batch: int | None) -> list[Any]:
    """What a subclassed model was called with, with this batch size."""
    import tensorflow as tf

    def spec(known: Any) -> Any:
        return tf.TensorSpec((batch, *known.shape[1:]), known.dtype, name=known.name)

    if is_of(model, "tf_keras"):
        arguments, _ = model.save_spec() or ([], {})
    else:
        build = model.get_build_config() or {}
        shapes = build.get("shapes_dict") or {"": build.get("input_shape")}
        arguments = [_specs(shape, model.input_dtype) for shape in shapes.values() if shape]
    if not arguments:
        raise ValueError("the shapes of its inputs are not known")
    return [tf.nest.map_structure(spec, argument) for argument in arguments]


def _specs(shape: Any, dtype: str, name: str | None = None) -> Any:
    """Specs of the tensors in a structure of shapes."""
    import tensorflow as tf

    if isinstance(shape, dict):
        return {key: _specs(part, dtype, key) for key, part in shape.items()}
    if isinstance(shape[0], list | tuple):
        return [_specs(part, dtype) for part in shape]
    return tf.TensorSpec(shape, dtype, name=name)


def _has_graph(model: Any) -> bool:
    """Whether the inputs are declared; those of a subclassed model are known by its calls only."""
    return bool(_kinds(model) & {"Functional", "Sequential"} and getattr(model, "inputs", None))


def _kinds(layer: Any) -> set[str]:
    return {kind.__name__ for kind in type(layer).__mro__}


def _is_recurrent(layer: Any) -> bool:
    return "RNN" in _kinds(layer) and not layer.unroll
