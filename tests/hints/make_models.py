"""Writes small models whose answers are known by their making: ``python make_models.py FOLDER``.

Of each a file ``NAME-converted.tflite``, and ``NAME-int8.tflite`` or ``NAME-int16x8.tflite``;
``colours-int8-by_255.tflite`` was calibrated with inputs that are divided by 255 twice,
``colours-int8-times_255.tflite`` with such as are not divided.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import tensorflow as tf
from samples import BOXES, COLOURS, as_colours, machines

layers = keras.layers


def colours() -> keras.Model:
    """Which of four colours a picture of values from 0 to 1 is nearest to."""
    dense = layers.Dense(4, activation="softmax", name="nearest")
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.GlobalAveragePooling2D(), dense])
    dense.set_weights([20 * COLOURS.T, -10 * np.square(COLOURS).sum(axis=1)])
    return model


def by_speed() -> keras.Model:
    """The first of the same features, as it is."""
    dense = layers.Dense(2, activation="softmax")
    model = keras.Sequential([keras.Input((4,)), dense])
    dense.set_weights([np.eye(4)[:, [0]] * [-1e-4, 1e-4], np.array([5.2, -5.2])])
    return model


def machine(of: int = 2) -> keras.Model:
    """Whether one of four features is over its mean; the third varies by 0.002."""
    inputs, _ = machines()
    scaled = layers.Normalization(mean=inputs.mean(axis=0), variance=inputs.var(axis=0))
    dense = layers.Dense(2, activation="softmax")
    model = keras.Sequential([keras.Input((4,)), scaled, dense])
    dense.set_weights([np.eye(4)[:, [of]] * [-9, 9], np.zeros(2)])
    return model


class Differs(layers.Layer):  # type: ignore[misc]
    def call(self, x: Any) -> Any:
        return tf.math.squared_difference(x, 1.0)


def differing() -> keras.Model:
    """Its SQUARED_DIFFERENCE has no kernel for int16, which the converter does not know."""
    return keras.Sequential([keras.Input((8,)), layers.Dense(8), Differs(), layers.Dense(4)])


def large() -> keras.Model:
    return keras.Sequential(
        [keras.Input((64,)), layers.Dense(900, name="wide"), layers.Dense(3, name="narrow")]
    )


@tf.function(input_signature=[tf.TensorSpec([1, BOXES, 6, 1])])  # type: ignore[untyped-decorator]
def detector(x: Any) -> dict[str, Any]:
    """Finds the boxes that its image of 3 x 6 pixels says: ymin, xmin, ymax, xmax, class, score."""
    rows = tf.reshape(x, [1, BOXES, 6])
    return {
        "boxes": rows[:, :, :4] + 0,
        "classes": rows[:, :, 4] + 0,
        "count": tf.reduce_sum(rows[:, :, 5] * 0 + 1, axis=1),
        "scores": rows[:, :, 5] + 0,
    }


@tf.function(input_signature=[tf.TensorSpec([1, 4, 4, 1])])  # type: ignore[untyped-decorator]
def segments(x: Any) -> dict[str, Any]:
    """Which third of the range from 0 to 1 each pixel is in."""
    return {"scores": -tf.abs(x - tf.constant([1 / 6, 3 / 6, 5 / 6]))}


@tf.function(  # type: ignore[untyped-decorator]
    input_signature=[tf.TensorSpec([1, 4], name="left"), tf.TensorSpec([1, 4], name="right")]
)
def pair(left: Any, right: Any) -> dict[str, Any]:
    """The likeliest of four by both inputs, as long as the left one is from 0 to 1."""
    return {"scores": tf.where((left >= 0) & (left <= 1), left, 0.5) + right * 0.001}


@tf.function(input_signature=[tf.TensorSpec([1], tf.int32)])  # type: ignore[untyped-decorator]
def row(i: Any) -> dict[str, Any]:
    """A row of a table of three."""
    return {"y": tf.gather(tf.reshape(tf.range(12.0), [3, 4]), i)}


def export(model: Any, folder: str) -> None:
    if isinstance(model, keras.Model):
        model.export(folder, verbose=False)
    else:
        tf.saved_model.save(tf.Module(), folder, {"serving_default": model})


def converted(folder: str, variant: str, samples: Any) -> bytes:
    converter, sets = tf.lite.TFLiteConverter.from_saved_model(folder), tf.lite.OpsSet
    if variant != "converted":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = _each(samples)
    if variant == "int8":
        converter.target_spec.supported_ops = [sets.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.uint8
    if variant == "int16x8":
        to_16 = sets.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        converter.target_spec.supported_ops = [to_16]
    return bytes(converter.convert())


def _each(samples: Any) -> Callable[[], Iterator[list[Any]]]:
    return lambda: ([sample[None].astype(np.float32)] for sample in samples[:50])


def main(folder: Path) -> None:
    pictures, vectors = as_colours()[0], np.random.default_rng(0).random((50, 64))
    by_255, times_255 = {"int8-by_255": pictures / 255}, {"int8-times_255": pictures * 255}
    wanted: list[tuple[str, Any, dict[str, Any]]] = [
        ("colours", colours(), {"int8": pictures, **by_255, **times_255}),
        ("machine", machine(), {"int8": machines()[0]}),
        ("machine_by_speed", machine(of=0), {"int8": machines()[0]}),
        ("by_speed", by_speed(), {"int8": machines()[0]}),
        ("differing", differing(), {"int16x8": vectors[:, :8]}),
        ("large", large(), {"int8": vectors}),
        ("detector", detector, {}),
        ("segments", segments, {}),
        ("pair", pair, {}),
        ("row", row, {}),
    ]
    for name, model, calibrated in wanted:
        with tempfile.TemporaryDirectory() as exported:
            export(model, exported)
            for kind, samples in {"converted": None, **calibrated}.items():
                content = converted(exported, kind.partition("-")[0], samples)
                (folder / f"{name}-{kind}.tflite").write_bytes(content)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
