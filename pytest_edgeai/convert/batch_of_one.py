"""A signature of a SavedModel with its batch size fixed; runs where TensorFlow is imported."""

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


def save_with_batch_of_1(loaded: Any, key: str, folder: str) -> None:
    """Save one signature of a loaded SavedModel, which takes one sample at a time then."""
    import tensorflow as tf

    signature = loaded.signatures[key]
    specs = {
        name: tf.TensorSpec((1, *spec.shape[1:]), spec.dtype, name=name)
        for name, spec in _specs(signature).items()
    }
    module = tf.Module()
    module.loaded = loaded  # keeps its variables and tables
    run = tf.function(lambda **inputs: signature(**inputs)).get_concrete_function(**specs)
    tf.saved_model.save(module, folder, {key: run})


def _specs(signature: Any) -> dict[str, Any]:
    return dict(signature.structured_input_signature[1])
