"""Writes small models that the tests share: ``python make_models.py FOLDER``.

``digits.keras``, ``digits.h5`` and ``digits/`` (a SavedModel) are one network, trained on
scikit-learn's digits; ``digits.npz`` holds x (N, 8, 8, 1) in 0..1 and y. ``lambda.keras`` has a
Lambda layer, ``weights.weights.h5`` has no configuration, ``pair.keras`` has two inputs, ``left``
(4,) and ``right`` (3,), and two outputs.
"""

from __future__ import annotations

import sys
from pathlib import Path

import keras
import numpy as np
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


if __name__ == "__main__":
    keras.utils.set_random_seed(0)
    for make in (digits, pair, with_lambda):
        make(Path(sys.argv[1]))
