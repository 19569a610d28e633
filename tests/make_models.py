"""Writes small models that the tests share: ``python make_models.py FOLDER``.

``digits.keras``, ``digits.h5``, ``digits/`` (a SavedModel) and ``digits.tflite`` (in float) are one
network, trained on scikit-learn's digits; ``digits.npz`` holds x (N, 8, 8, 1) in 0..1 and y.
``lambda.keras`` has a Lambda layer, ``weights.weights.h5`` has no configuration, ``pair.keras`` has
two inputs, ``left`` (4,) and ``right`` (3,), and two outputs. ``signatures/`` (a SavedModel) and
``signatures.tflite`` have two: ``classify`` scores ``x`` (1, 512) by its first four values, at some
cost, and ``embed`` turns these around, at next to none. ``damaging.tflite`` puts values behind its
output's end.
"""

from __future__ import annotations

import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

layers = keras.layers


def digits(folder: Path) -> None:
    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype(np.float32).reshape(-1, 8, 8, 1)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(16, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(32, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(images, labels, epochs=6, verbose=0)
    model.save(folder / "digits.keras")
    model.save(folder / "digits.h5")
    model.export(folder / "digits", verbose=False)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder / "digits"))
    (folder / "digits.tflite").write_bytes(converter.convert())
    model.save_weights(folder / "weights.weights.h5")
    np.savez(folder / "digits.npz", x=images[:400], y=labels[:400])


def pair(folder: Path) -> None:
    left, right = keras.Input((4,), name="left"), keras.Input((3,), name="right")
    hidden = layers.Dense(64, activation="relu")(layers.Concatenate()([left, right]))
    outputs = [layers.Dense(2, name="two")(hidden), layers.Dense(5, name="five")(hidden)]
    keras.Model([left, right], outputs).save(folder / "pair.keras")


def with_lambda(folder: Path) -> None:
    stack = [keras.Input((4,)), layers.Lambda(lambda x: x * 2), layers.Dense(2)]
    keras.Sequential(stack).save(folder / "lambda.keras")


class Signed(tf.Module):
    """Two signatures over one variable."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = tf.Variable(tf.random.stateless_normal((512, 512), seed=(1, 2)) / 32)

    @tf.function(input_signature=[tf.TensorSpec((1, 512), name="x")])
    def classify(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        hidden = x
        for _ in range(12):
            hidden = tf.nn.relu(hidden @ self.weight)
        return {"scores": x[:, :4] + hidden[:, :4] / 1e6}

    @tf.function(input_signature=[tf.TensorSpec((1, 512), name="x")])
    def embed(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"embedding": tf.reverse(x[:, :4], [1])}


def damaging(folder: Path) -> None:
    @tf.function(input_signature=[tf.TensorSpec((400,), name="x")])
    def spread(x: tf.Tensor) -> dict[str, tf.Tensor]:
        places = np.arange(16, 416, dtype=np.int32)
        return {"y": tf.raw_ops.SparseToDense(
            sparse_indices=places, output_shape=[16], sparse_values=x, default_value=0.0,
            validate_indices=False,
        )}  # fmt: skip

    converter = tf.lite.TFLiteConverter.from_concrete_functions([spread.get_concrete_function()])
    (folder / "damaging.tflite").write_bytes(converter.convert())


def signatures(folder: Path) -> None:
    model, path = Signed(), folder / "signatures"
    tf.saved_model.save(model, str(path), {"embed": model.embed, "classify": model.classify})
    converter = tf.lite.TFLiteConverter.from_saved_model(str(path))
    (folder / "signatures.tflite").write_bytes(converter.convert())


if __name__ == "__main__":
    keras.utils.set_random_seed(0)
    for make in (digits, pair, with_lambda, signatures, damaging):
        make(Path(sys.argv[1]))
