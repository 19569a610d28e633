"""Trains a small convolutional network on real handwritten digits, in a few seconds.

The digits are the bundled set of scikit-learn: 1,797 images of 8x8 pixels, 0..16, from the
"Optical Recognition of Handwritten Digits" data set (UCI). Run it to write a model file:

    python digits.py digits.keras
"""

import sys

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


def data():
    """(train inputs, train labels), (test inputs, test labels); inputs (N, 8, 8, 1) in 0..1."""
    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype(np.float32).reshape(-1, 8, 8, 1)
    x_train, x_test, y_train, y_test = train_test_split(
        images, labels, test_size=0.4, random_state=0, stratify=labels
    )
    return (x_train, y_train), (x_test, y_test)


def train(path):
    """Train and save the model."""
    import keras

    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(32, 3, padding="same", activation="relu"),
            keras.layers.Conv2D(64, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    (inputs, labels), _ = data()
    model.fit(inputs, labels, epochs=15, batch_size=32, verbose=0)
    model.save(path)


if __name__ == "__main__":
    train(sys.argv[1])
