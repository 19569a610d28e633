"""Writes models of Keras 2: ``python odd_tf_keras_models.py FOLDER MODELS``.

``lstm.h5``, and ``zip.keras``, Keras 3's file format as Keras 2 writes it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import tf_keras as keras

layers = keras.layers


def main(folder: Path) -> None:
    keras.utils.set_random_seed(0)
    stack = [keras.Input((6, 5)), layers.LSTM(24), layers.Dense(3)]
    keras.Sequential(stack).save(folder / "lstm.h5")
    keras.Sequential([keras.Input((4,)), layers.Dense(300)]).save(folder / "zip.keras")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
