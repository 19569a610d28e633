"""Trains an autoencoder on good parts alone: what it cannot draw again is an anomaly.

Run it to write a model file:

    python anomaly.py anomaly.keras
"""

import sys

import numpy as np
from parts import DEFECTS, draw

EPOCHS, BATCH = 12, 16


def good_parts(count=1000, seed=3):
    """Good parts in a fixture: float32 (N, 64, 64, 3) in 0..1."""
    random = np.random.default_rng(seed)
    images = [draw(random, aligned=True)[0] for _ in range(count)]
    return np.stack(images).astype(np.float32) / 255


def mixed_parts(count=300, seed=4):
    """Other parts with labels, 0 for a good one, 1 for one with a defect; half of them each."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    defects = [[random.choice(DEFECTS)] if label else [] for label in labels]
    images = [draw(random, names, aligned=True)[0] for names in defects]
    return np.stack(images).astype(np.float32) / 255, labels


def train(path):
    """Train and save the model: images in, the same images out."""
    import keras
    from blocks import convolution, layers, optimizer

    keras.utils.set_random_seed(0)
    inputs = keras.Input((64, 64, 3))
    x = convolution(inputs, 8)
    x = convolution(x, 16)
    x = convolution(x, 16)
    x = layers.Dense(8)(layers.Flatten()(x))  # eight numbers for a whole part
    x = layers.Dense(8 * 8 * 32, activation="relu")(x)
    x = layers.Reshape((8, 8, 32))(x)
    x = convolution(x, 32, kind=layers.Conv2DTranspose)
    x = convolution(x, 16, kind=layers.Conv2DTranspose)
    x = layers.Conv2DTranspose(3, 3, strides=2, padding="same", activation="sigmoid")(x)
    model = keras.Model(inputs, x)
    images = good_parts()
    model.compile(optimizer(EPOCHS * len(images) // BATCH), "mean_squared_error")
    model.fit(images, images, batch_size=BATCH, epochs=EPOCHS, verbose=2)
    model.save(path)


if __name__ == "__main__":
    train(sys.argv[1])
