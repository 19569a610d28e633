"""What the three networks have in common."""

import keras
from keras import layers


def convolution(x, filters, strides=2, kind=layers.Conv2D):
    """A convolution with batch normalisation, which the converter folds into it."""
    x = kind(filters, 3, strides=strides, padding="same", use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))


def optimizer(steps):
    """Adam with steps that get smaller and end at nothing: few epochs are enough."""
    return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(5e-3, steps))
