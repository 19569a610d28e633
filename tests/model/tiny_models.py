"""Converts tiny models into a folder: ``python tiny_models.py FOLDER``.

A file is called ``model-variant.tflite`` or ``model-variant-io.tflite``, ``io`` being the type that
was asked of inputs and outputs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

layers = tf.keras.layers
INT16X8 = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8


def signed() -> tuple[tf.Module, dict[str, Any]]:
    """Signatures: two over one weight, and one that counts."""
    module = tf.Module()
    module.weight = tf.Variable(tf.ones((64, 64)))
    module.total = tf.Variable(0.0)
    row, number = [tf.TensorSpec([1, 64])], [tf.TensorSpec([1])]
    return module, {
        "there": tf.function(lambda x: {"y": x @ module.weight}, row),
        "back": tf.function(lambda x: {"y": tf.nn.relu(x @ module.weight)}, row),
        "count": tf.function(lambda x: {"total": module.total.assign_add(x[0])}, number),
    }


def sequential(shape: tuple[int, ...], *stack: Any) -> tf.keras.Model:
    return tf.keras.Sequential([layers.Input(shape), *stack])


def image() -> tf.keras.Model:
    stack = [layers.Conv2D(16, 3), layers.MaxPool2D(), layers.Flatten(), layers.Dense(10)]
    return sequential((16, 16, 3), *stack)


def ids() -> tf.keras.Model:
    tokens = tf.keras.Input((8,), dtype="int32")
    flat = layers.Flatten()(layers.Embedding(100, 32)(tokens))
    return tf.keras.Model(tokens, layers.Dense(4)(flat))


def two_inputs() -> tf.keras.Model:
    left, right = tf.keras.Input((40,)), tf.keras.Input((40,))
    both = layers.Concatenate()([left, right])
    return tf.keras.Model([left, right], [layers.Dense(60)(both), layers.Dense(20)(left)])


def volume() -> tf.keras.Model:
    """Its convolution has neither an int8 nor a dynamic-range kernel."""
    return sequential((4, 8, 8, 3), layers.Conv3D(16, 3), layers.Flatten(), layers.Dense(4))


def negated() -> tf.keras.Model:
    """Its NEG has no int8 kernel."""
    return sequential((32,), layers.Dense(32), layers.Lambda(lambda x: -x), layers.Dense(4))


def chosen() -> tf.keras.Model:
    return sequential((64,), layers.Dense(32), layers.Lambda(lambda x: tf.argmax(x, -1)))


def calibration(model: tf.keras.Model) -> Callable[[], Iterator[list[np.ndarray]]]:
    def samples() -> Iterator[list[np.ndarray]]:
        generator = np.random.default_rng(0)
        for _ in range(4):
            draws = [(generator.random((1, *i.shape[1:])) * 5, i.dtype) for i in model.inputs]
            yield [values.astype(dtype) for values, dtype in draws]

    return samples


def convert(model: tf.keras.Model, variant: str, io: str = "") -> bytes:
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if variant != "converted":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if variant == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if variant in ("int8", "int16x8"):
        converter.representative_dataset = calibration(model)
        strict = tf.lite.OpsSet.TFLITE_BUILTINS_INT8 if variant == "int8" else INT16X8
        converter.target_spec.supported_ops = [strict]
    if io:
        converter.inference_input_type = converter.inference_output_type = tf.as_dtype(io)
    return bytes(converter.convert())


def from_signatures(folder: Path, *names: str) -> bytes:
    module, functions = signed()
    tf.saved_model.save(module, str(folder), {name: functions[name] for name in names})
    return bytes(tf.lite.TFLiteConverter.from_saved_model(str(folder)).convert())


def all_models() -> Iterator[tuple[str, tf.keras.Model, list[str]]]:
    """Name, model, and what to convert it to."""
    quantized = ["int8-uint8", "int8-int8", "int8-float32", "int16x8", "int16x8-int16"]
    yield "image", image(), ["converted", "dynamic", "float16", *quantized]
    yield "ids", ids(), ["converted", "dynamic", "int8-uint8", "float16"]
    yield "pair", two_inputs(), ["converted", "dynamic", "int8-int8"]
    yield "volume", volume(), ["dynamic", "int8-uint8"]
    yield "negated", negated(), ["int8-uint8"]
    yield "chosen", chosen(), ["int8-uint8"]
    yield "pool", sequential((8, 8, 3), layers.MaxPool2D()), ["dynamic", "int8-uint8", "float16"]
    for size in (1023, 1024):
        yield f"dense{size}", sequential((size,), layers.Dense(1)), ["dynamic"]


def main(folder: Path) -> None:
    for name, model, conversions in all_models():
        for conversion in conversions:
            variant, _, io = conversion.partition("-")
            (folder / f"{name}-{conversion}.tflite").write_bytes(convert(model, variant, io))
    two = from_signatures(folder / "two", "there", "back")
    (folder / "signed-converted.tflite").write_bytes(two)
    counting = from_signatures(folder / "counting", "count")
    (folder / "counting-converted.tflite").write_bytes(counting)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
