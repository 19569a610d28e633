"""Builds the MobileNetV2 of keras.applications for 224x224 images.

The weights are random, so that nothing is downloaded: size and latency do not depend on them.
Replace ``weights=None`` by your own weights to accept its accuracy as well.
"""


def build():
    """A MobileNetV2 with 1,000 classes; inputs (N, 224, 224, 3) in -1..1."""
    import keras

    keras.utils.set_random_seed(0)
    return keras.applications.MobileNetV2(input_shape=(224, 224, 3), weights=None)
