"""Trains a small classifier of parts on a folder of images, one sub-folder per class.

Run it to write a model file:

    python classifier.py classifier.keras images/train
"""

import sys

EPOCHS = 15


def train(path, folder):
    """Train on pixels in 0..1 and save the model; its classes are the folders' names, sorted."""
    import keras
    from blocks import convolution, layers, optimizer

    keras.utils.set_random_seed(0)
    images = keras.utils.image_dataset_from_directory(folder, image_size=(64, 64), seed=0)
    inputs = keras.Input((64, 64, 3))
    x = convolution(inputs, 16)
    x = convolution(x, 32)
    x = convolution(x, 64)
    x = convolution(x, 64, strides=1)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(len(images.class_names), activation="softmax")(x)
    model = keras.Model(inputs, x)
    model.compile(optimizer(EPOCHS * len(images)), "sparse_categorical_crossentropy")
    scaled = images.map(lambda pixels, label: (pixels / 255, label))
    model.fit(scaled, epochs=EPOCHS, shuffle=False, verbose=2)  # it shuffles itself
    model.save(path)


if __name__ == "__main__":
    train(*sys.argv[1:])
