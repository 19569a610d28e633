"""Writes models that few have: ``python odd_models.py FOLDER MODELS``.

Keras 3 files: ``lambda.h5``, ``custom.keras`` with a layer that no other process knows,
``lambda_activation.keras`` and ``.h5``, ``lstm.keras`` and ``unrolled.keras``, ``apart.keras``
with inputs of which each has an output of its own, ``ordered.keras`` whose inputs and outputs are
in no order of their names, ``words.keras`` that looks words up, ``zebra.keras`` (and ``zebra``)
with such inputs, ``bytes.keras`` that takes uint8. SavedModels: ``fixed_batch`` takes 4 samples at
a time, ``usual`` has a usual signature and another one, ``several`` has two others, ``unsigned``
has none, ``over_threshold`` takes a scalar and counts what is over it, ``no_rows`` has outputs
without a batch dimension, ``dotted`` has an input called input.1, ``two_dotted`` two of such names,
``wrapped`` a Keras model whose variables the converter leaves out, ``odd`` has an operation that
TensorFlow Lite does not have, ``lstm`` a free batch size.
``answers.npz`` holds what Keras answers for ``digits.keras`` and ``pair.keras`` of MODELS, and the
inputs of ``pair.keras``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

layers = keras.layers


class Doubled(layers.Layer):
    """Known in this process only."""

    def call(self, inputs):
        return inputs * 2


def keras_files(folder: Path) -> None:
    keras.Sequential([keras.Input((4,)), layers.Lambda(lambda x: x * 2), layers.Dense(2)]).save(
        folder / "lambda.h5"
    )
    keras.Sequential([keras.Input((4,)), Doubled(), layers.Dense(2)]).save(folder / "custom.keras")
    squared = layers.Dense(3, activation=lambda x: x * x, name="squared")
    for suffix in ("keras", "h5"):
        keras.Sequential([keras.Input((4,)), squared]).save(folder / f"lambda_activation.{suffix}")
    left, right = keras.Input((4,), name="left"), keras.Input((3,), name="right")
    apart = keras.Model([left, right], [layers.Dense(40)(left), layers.Dense(40)(right)])
    apart.save(folder / "apart.keras")
    both = layers.Concatenate()([right, left])
    sizes = {"zeta": 2, "alpha": 5, "mid": 7}
    outputs = [layers.Dense(size, name=name)(both) for name, size in sizes.items()]
    keras.Model([right, left], outputs).save(folder / "ordered.keras")
    zebra, apple = keras.Input((2,), name="zebra"), keras.Input((2,), name="apple")
    minus = keras.Model([zebra, apple], layers.Subtract(name="minus")([zebra, apple]))
    minus.save(folder / "zebra.keras")
    minus.export(folder / "zebra", verbose=False)
    pixels = keras.Input((4,), dtype="uint8", name="pixels")
    keras.Model(pixels, layers.Dense(3)(layers.Rescaling(1 / 255)(pixels))).save(
        folder / "bytes.keras"
    )
    word = keras.Input((1,), batch_size=1, dtype="string", name="word")
    place = layers.StringLookup(vocabulary=["low", "mid", "high"])(word)
    table = np.repeat([[0.01], [-1], [0], [1]], 8, axis=1)
    vector = layers.Embedding(4, 8, weights=[table.astype("float32")])(place)
    known = layers.Dense(2)(layers.Reshape((8,))(vector))
    keras.Model(word, known).save(folder / "words.keras")
    for name, unroll in (("lstm", False), ("unrolled", True)):
        stack = [keras.Input((6, 5)), layers.LSTM(24, unroll=unroll), layers.Dense(3)]
        model = keras.Sequential(stack)
        model.save(folder / f"{name}.keras")
        model.export(folder / name, verbose=False)


def saved_models(folder: Path) -> None:
    module = tf.Module()
    module.weight = tf.Variable(tf.random.stateless_normal((4, 300), seed=(1, 2)))

    def times(rows: int) -> tf.types.experimental.PolymorphicFunction:
        spec = tf.TensorSpec([rows, 4], name="x")

        def y(x: tf.Tensor) -> dict[str, tf.Tensor]:
            halves = tf.nn.softmax(tf.reshape(x, (rows * 2, 2)))  # of so many rows, no other number
            return {"y": tf.reshape(halves, (rows, 4)) @ module.weight}

        return tf.function(y, [spec])

    sums = tf.function(lambda x: {"sum": tf.reduce_sum(x, 1)}, [tf.TensorSpec([1, 4], name="x")])
    tf.saved_model.save(module, folder / "fixed_batch", {"serving_default": times(4)})
    tf.saved_model.save(module, folder / "usual", {"a": sums, "serving_default": times(1)})
    tf.saved_model.save(module, folder / "several", {"a": sums, "b": times(1)})
    tf.saved_model.save(module, folder / "unsigned")
    over = tf.function(
        lambda x, threshold: {"over": tf.reduce_sum(tf.cast(x > threshold, tf.float32), -1)},
        [tf.TensorSpec([1, 4], name="x"), tf.TensorSpec([], name="threshold")],
    )
    sizes = tf.function(
        lambda x: {"largest": tf.reduce_max(x, 0), "all": tf.reduce_sum(x)},
        [tf.TensorSpec([None, 4], name="x")],
    )
    tf.saved_model.save(module, folder / "over_threshold", {"serving_default": over})
    tf.saved_model.save(module, folder / "no_rows", {"serving_default": sizes})
    tf.saved_model.save(*wrapped(folder / "wrapped"))
    dotted = tf.function(lambda x: {"y": tf.nn.relu(x)}, [tf.TensorSpec([1, 4], name="input.1")])
    tf.saved_model.save(module, folder / "dotted", {"serving_default": dotted})
    two_dotted = tf.function(
        lambda z, a: {"y": tf.nn.relu(z) @ tf.ones((4, 3)) - a},
        [tf.TensorSpec([1, 4], name="z.left"), tf.TensorSpec([1, 3], name="a.right")],
    )
    tf.saved_model.save(module, folder / "two_dotted", {"serving_default": two_dotted})
    odd = tf.function(lambda x: tf.raw_ops.Betainc(a=x, b=x, x=x), times(1).input_signature)
    tf.saved_model.save(module, folder / "odd", {"serving_default": odd})


def wrapped(folder: Path) -> tuple[tf.Module, Path, dict[str, tf.types.experimental.Callable]]:
    """A Keras model in a module that calls it, as tutorials export one with its front end."""
    module = tf.Module()
    stack = [keras.Input((4,)), layers.BatchNormalization(), layers.Dense(300), layers.Dense(3)]
    module.net = keras.Sequential(stack)
    spec = [tf.TensorSpec([1, 4], name="x")]
    module.call = tf.function(lambda x: {"y": module.net(x * 2, training=False)}, spec)
    return module, folder, {"serving_default": module.call}


def answers(folder: Path, models: Path) -> None:
    generator = np.random.default_rng(0)
    left, right = (generator.normal(size=(40, size)).astype("float32") for size in (4, 3))
    digits = keras.models.load_model(models / "digits.keras")
    pair = keras.models.load_model(models / "pair.keras")
    two, five = pair.predict([left, right], verbose=0)
    with np.load(models / "digits.npz") as file:
        known = digits.predict(file["x"][:50], verbose=0)
    np.savez(folder / "answers.npz", left=left, right=right, two=two, five=five, digits=known)


def normalised() -> keras.Model:
    """LayerNormalization has a NEG, which has no kernel for integers; one is in a nested model."""
    head = keras.Sequential([keras.Input((8,)), layers.LayerNormalization(name="scaled")])
    stack = [layers.Dense(8), layers.LayerNormalization(), head, layers.Dense(8), layers.Dense(4)]
    return keras.Sequential([keras.Input((8,)), *stack])


if __name__ == "__main__":
    keras.utils.set_random_seed(0)
    keras_files(Path(sys.argv[1]))
    saved_models(Path(sys.argv[1]))
    answers(Path(sys.argv[1]), Path(sys.argv[2]))
