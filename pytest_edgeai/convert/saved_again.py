"""A signature of a SavedModel, saved again for the converter; runs where TensorFlow is imported."""

from __future__ import annotations

from typing import Any


def has_free_batch(signature: Any) -> bool:
    """Whether every input takes any number of samples."""
    shapes = [spec.shape for spec in _specs(signature).values()]
    return bool(shapes) and all(shape.rank and shape[0] is None for shape in shapes)


def has_free_sizes(signature: Any) -> bool:
    """Whether an input has a size that is not fixed, apart from the number of samples."""
    shapes = [spec.shape for spec in _specs(signature).values()]
    return any(shape.rank is None or None in shape[1:] for shape in shapes)


def save_again(loaded: Any, key: str, folder: str, *, batch_of_1: bool = False) -> None:
    """Save one signature of a loaded SavedModel, with all that it needs beside it.

    Args:
        batch_of_1: it takes one sample at a time then.
    """
    import tensorflow as tf

    signature = loaded.signatures[key]
    shapes = {name: spec.shape for name, spec in _specs(signature).items()}
    if batch_of_1:
        shapes = {name: (1, *shape[1:]) for name, shape in shapes.items()}
    specs = {
        name: tf.TensorSpec(shapes[name], spec.dtype, name=name)
        for name, spec in _specs(signature).items()
    }
    module = tf.Module()
    module.loaded, module.held = loaded, list(signature.variables)  # and its tables
    run = tf.function(lambda **inputs: signature(**inputs)).get_concrete_function(**specs)
    tf.saved_model.save(module, folder, {key: run})


def _specs(signature: Any) -> dict[str, Any]:
    return dict(signature.structured_input_signature[1])
