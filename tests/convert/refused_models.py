"""Writes models that TensorFlow Lite has no operators for: ``python refused_models.py FOLDER``.

Keras files: ``text.keras`` with a layer that takes text, ``pools.keras`` with two pools in 3D,
``mixed.keras`` and ``half.keras`` that compute in float16, the latter with weights of float16 too,
``argmax.keras``. SavedModels as Keras itself exports them: ``mixed``, ``augmented``, ``spectrum``
(which converts with one sample at a time). ``answers.npz`` holds inputs and answers: those of
``mixed.keras`` in float32.
"""

from __future__ import annotations

import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

layers, set_policy = keras.layers, keras.config.set_dtype_policy


class Spectrum(layers.Layer):
    """The magnitudes of a Fourier transform, over time."""

    def call(self, inputs):
        return tf.abs(tf.signal.stft(inputs, 32, 16))[..., None]


def text(folder: Path) -> None:
    words = layers.TextVectorization(max_tokens=9, output_sequence_length=4, name="words")
    words.adapt(tf.constant(["pump leaks", "pump burns"]))
    stack = [keras.Input((1,), dtype="string"), words, layers.Embedding(9, 3), layers.Dense(2)]
    keras.Sequential(stack).save(folder / "text.keras")


def pools(folder: Path) -> None:
    stack = [layers.MaxPooling3D(2, name=f"pool_{place}") for place in (1, 2)]
    keras.Sequential([keras.Input((8, 8, 8, 1)), *stack]).save(folder / "pools.keras")


def classifier() -> keras.Model:
    stack = [keras.Input((8, 8, 1)), layers.Conv2D(4, 3, name="conv"), layers.Flatten()]
    return keras.Sequential([*stack, layers.Dense(3, name="scores")], name="net")


def half(folder: Path) -> dict[str, np.ndarray]:
    x = np.random.default_rng(0).random((5, 8, 8, 1), np.float32)
    set_policy("float16")
    classifier().save(folder / "half.keras")
    set_policy("mixed_float16")
    mixed = classifier()
    mixed.save(folder / "mixed.keras")
    mixed.export(folder / "mixed", verbose=False)
    set_policy("float32")
    exact = classifier()
    exact.set_weights(mixed.get_weights())
    return {"mixed_x": x, "mixed": exact.predict(x, verbose=0)}


def augmented(folder: Path) -> None:
    stack = [layers.RandomFlip(name="flip"), layers.RandomZoom(0.2, name="zoom")]
    keras.Sequential([keras.Input((8, 8, 3)), *stack]).export(folder / "augmented", verbose=False)


def spectrum(folder: Path) -> dict[str, np.ndarray]:
    x = np.random.default_rng(0).random((5, 128), np.float32)
    stack = [keras.Input((128,)), Spectrum(), layers.Conv2D(2, 3), layers.Flatten()]
    model = keras.Sequential(stack)
    model.export(folder / "spectrum", verbose=False)
    return {"spectrum_x": x, "spectrum": model.predict(x, verbose=0)}


def argmax(folder: Path) -> dict[str, np.ndarray]:
    x = np.random.default_rng(0).random((5, 4, 6), np.float32)
    image = keras.Input((4, 6))
    classes = keras.ops.argmax(image, -1), keras.ops.argmin(image, 1, keepdims=True)
    keras.Model(image, classes).save(folder / "argmax.keras")
    return {"argmax_x": x, "argmax": x.argmax(-1), "argmin": x.argmin(1, keepdims=True)}


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    for make in (text, pools, augmented):
        make(folder)
    np.savez(folder / "answers.npz", **half(folder), **spectrum(folder), **argmax(folder))
