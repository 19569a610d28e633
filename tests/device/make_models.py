"""Writes one small model for each thing that a model can do: ``python make_models.py FOLDER``.

A file is called after its function; the outputs are called as the function's dict says.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"

import numpy as np
import tensorflow as tf

Outputs = dict[str, Any]
INT16X8 = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8


def takes(**inputs: tf.TensorSpec) -> Callable[[Callable[..., Outputs]], Any]:
    """Say what a model's inputs are."""

    def marked(function: Callable[..., Outputs]) -> Any:
        function.inputs = inputs  # type: ignore[attr-defined]
        return function

    return marked


class Models(tf.Module):
    """Each public method is a model; its inputs are above it."""

    def __init__(self) -> None:
        super().__init__()
        self.total = tf.Variable(0.0)
        words = tf.lookup.KeyValueTensorInitializer(["one", "two"], tf.constant([1, 2], tf.int64))
        self.table = tf.lookup.StaticHashTable(words, -1)

    @takes(x=tf.TensorSpec([1, 3], tf.int32))
    def twice_int32(self, x: Any) -> Outputs:
        return {"y": x * 2}

    @takes(x=tf.TensorSpec([1, 3], tf.int32))
    def parts_of_100(self, x: Any) -> Outputs:
        return {"y": 100 // x}

    @takes(x=tf.TensorSpec([1, 8]), k=tf.TensorSpec([], tf.int32))
    def best_k(self, x: Any, k: Any) -> Outputs:
        return {"best": tf.math.top_k(x, k).values}

    @takes(x=tf.TensorSpec([1, 3], tf.int64))
    def next_int64(self, x: Any) -> Outputs:
        return {"y": x + 1}

    @takes(x=tf.TensorSpec([1, 2, 3], tf.int16))
    def flat_int16(self, x: Any) -> Outputs:
        return {"y": tf.reshape(x, [1, 6])}

    @takes(x=tf.TensorSpec([1, 3], tf.bool))
    def not_bool(self, x: Any) -> Outputs:
        return {"y": tf.logical_not(x)}

    @takes(word=tf.TensorSpec([1], tf.string))
    def number_of_word(self, word: Any) -> Outputs:
        return {"number": self.table.lookup(word)}

    @takes(number=tf.TensorSpec([1], tf.int32))
    def word_of_number(self, number: Any) -> Outputs:
        return {"word": tf.gather(tf.constant(["nil", "one", "two and more"]), number)}

    @takes(number=tf.TensorSpec([1], tf.int32))
    def far_word(self, number: Any) -> Outputs:
        return {"word": tf.gather(tf.constant(["nil", "one"]), number - 100)}

    @takes(x=tf.TensorSpec([1, None, 2]))
    def mean_of_any(self, x: Any) -> Outputs:
        return {"mean": tf.reduce_mean(x, axis=1)}

    @takes(x=tf.TensorSpec([None]))
    def sum_of_any(self, x: Any) -> Outputs:
        return {"sum": tf.reduce_sum(x)}

    @takes(x=tf.TensorSpec([1, None]))
    def doubled_any(self, x: Any) -> Outputs:
        return {"y": x * 2}

    @takes(x=tf.TensorSpec([1, None]))
    def in_fours(self, x: Any) -> Outputs:
        return {"y": tf.reshape(x, [1, -1, 4])}

    @takes(x=tf.TensorSpec([1, 1]))
    def counts(self, x: Any) -> Outputs:
        return {"total": self.total.assign_add(x[0, 0]) + tf.zeros([1, 1])}

    @takes(x=tf.TensorSpec([4, 3]))
    def batch_of_4(self, x: Any) -> Outputs:
        return {"sum": tf.reduce_sum(x, axis=1), "top": tf.reduce_max(x, axis=1, keepdims=True)}

    @takes(x=tf.TensorSpec([4, 3]))
    def batch_lost(self, x: Any) -> Outputs:
        return {"sum": tf.reduce_sum(x, axis=0)}

    @takes(x=tf.TensorSpec([3, 3]))
    def no_batch(self, x: Any) -> Outputs:
        return {"sum": tf.reduce_sum(x, axis=1)}

    @takes(pixel=tf.TensorSpec([1, 1, 1, 3]))
    def pixel_scores(self, pixel: Any) -> Outputs:
        return {"scores": pixel[:, 0, 0] / 2}

    @takes(x=tf.TensorSpec([1, 3]))
    def argmax(self, x: Any) -> Outputs:
        return {"class": tf.argmax(x, axis=-1)}

    @takes(x=tf.TensorSpec([1, 4, 5, 3]))
    def argmax_mask(self, x: Any) -> Outputs:
        return {"classes": tf.argmax(x, axis=-1, output_type=tf.int32)}

    @takes(x=tf.TensorSpec([1, 4]))
    def over_one_half(self, x: Any) -> Outputs:
        return {"rows": tf.boolean_mask(x[0], x[0] > 0.5)}

    @takes(x=tf.TensorSpec([]))
    def scalar(self, x: Any) -> Outputs:
        return {"y": x * 2 + 1}

    @takes(zebra=tf.TensorSpec([1, 2]), apple=tf.TensorSpec([1, 2]))
    def zebra_minus_apple(self, zebra: Any, apple: Any) -> Outputs:
        return {"second": zebra - apple, "first": zebra + apple}

    @takes(x=tf.TensorSpec([1, 3]), threshold=tf.TensorSpec([]))
    def over_threshold(self, x: Any, threshold: Any) -> Outputs:
        return {"over": x > threshold}

    @takes(many=tf.TensorSpec([4, 1]), one=tf.TensorSpec([1, 1]))
    def four_and_one(self, many: Any, one: Any) -> Outputs:
        return {"y": many + one}

    @takes(x=tf.TensorSpec([1, 2]))
    def same_twice(self, x: Any) -> Outputs:
        y = x + 1
        return {"left": y, "right": y, "given": x}

    @takes(count=tf.TensorSpec([1], tf.int32))
    def steps(self, count: Any) -> Outputs:
        """As slow as asked for: so many rounds of a loop."""

        def more(i: Any) -> Any:
            return i < count[0]

        return {"i": tf.while_loop(more, lambda i: (i + 1,), (tf.constant(0),))[0]}

    @takes(shape=tf.TensorSpec([2], tf.int32))
    def filled(self, shape: Any) -> Outputs:
        """As large as asked for."""
        return {"sum": tf.reduce_sum(tf.fill(shape, 1.0))}

    @takes(x=tf.TensorSpec([1, 6]))
    def ratio(self, x: Any) -> Outputs:
        """NaN where nothing is to be shared out."""
        return {"share": x / tf.reduce_sum(x)}

    @takes(x=tf.TensorSpec([1, 32, 32, 3]))
    def image_ratio(self, x: Any) -> Outputs:
        return {"share": x / tf.reduce_sum(x)}

    @takes(x=tf.TensorSpec([1, 8, 8, 1]), gain=tf.TensorSpec([1]))
    def scaled_image(self, x: Any, gain: Any) -> Outputs:
        return {"y": x * gain}

    @takes(x=tf.TensorSpec([1, 3]))
    def with_noise(self, x: Any) -> Outputs:
        return {"y": x + tf.random.uniform([1, 3])}

    @takes(x=tf.TensorSpec([4, 3]))
    def running_total(self, x: Any) -> Outputs:
        return {"y": tf.cumsum(x, axis=0)}

    @takes(ids=tf.TensorSpec([1, None], tf.int32), mask=tf.TensorSpec([1, None], tf.int32))
    def masked_ids(self, ids: Any, mask: Any) -> Outputs:
        return {"y": tf.reduce_sum(tf.gather(tf.range(10), ids) * mask, axis=1)}

    @takes(pixels=tf.TensorSpec([1, 4, 4, 3], tf.uint8))
    def brightness(self, pixels: Any) -> Outputs:
        return {"mean": tf.reduce_mean(tf.cast(pixels, tf.float32), axis=[1, 2, 3])}

    @takes(x=tf.TensorSpec([1, 2]))
    def three_scores(self, x: Any) -> Outputs:
        return {"scores": tf.matmul(x, tf.constant([[1.0, -1.0, 0.0], [-1.0, 1.0, 0.2]]))}

    @takes(x=tf.TensorSpec([1, 2]))
    def other_scores(self, x: Any) -> Outputs:
        return {"scores": tf.matmul(x, tf.constant([[-1.0, 1.0, 0.0], [1.0, -1.0, 0.2]]))}

    @takes(x=tf.TensorSpec([1, 2]))
    def _squared(self, x: Any) -> Outputs:
        return {"y": tf.math.squared_difference(tf.matmul(x, tf.ones((2, 2))), 0.3)}

    @takes(x=tf.TensorSpec([1, 2]))
    def _negated(self, x: Any) -> Outputs:
        """NEG has no int8 kernel."""
        return {"y": tf.matmul(-tf.matmul(x, tf.ones((2, 2))), tf.ones((2, 2)))}

    @takes(x=tf.TensorSpec([1, 2]))
    def _there(self, x: Any) -> Outputs:
        return {"y": x + 1}

    @takes(y=tf.TensorSpec([1, 2]), scale=tf.TensorSpec([1]))
    def _back(self, y: Any, scale: Any) -> Outputs:
        return {"x": (y - 1) * scale, "negative": -y}

    @takes(x=tf.TensorSpec([1, 256]))
    def _brief(self, x: Any) -> Outputs:
        return {"first": x[:, :3]}

    @takes(x=tf.TensorSpec([1, 256]))
    def _long(self, x: Any) -> Outputs:
        weight = tf.constant(np.random.default_rng(0).normal(0, 0.1, (256, 256)), tf.float32)
        for _ in range(16):
            x = tf.nn.relu(x @ weight)
        return {"y": x}

    @takes(x=tf.TensorSpec([1, 1]))
    def _add(self, x: Any) -> Outputs:
        return {"total": self.total.assign_add(x[0, 0]) + tf.zeros([1, 1])}

    @takes(x=tf.TensorSpec([1, 1]))
    def _add_twice(self, x: Any) -> Outputs:
        return {"total": self.total.assign_add(2 * x[0, 0]) + tf.zeros([1, 1])}


def write(
    folder: Path, models: tf.Module, name: str, methods: dict[str, Any], only: Any = None
) -> None:
    """Convert methods of ``models``, each to a signature; quantised to ``only`` these operators."""
    functions = {
        key: tf.function(method).get_concrete_function(**method.inputs)
        for key, method in methods.items()
    }
    tf.saved_model.save(models, str(folder / name), functions)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder / name))
    if only is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_ops = [only]
        converter.representative_dataset = lambda: ([tf.constant([[x, 1.0]])] for x in (-1.0, 1.0))
    (folder / f"{name}.tflite").write_bytes(converter.convert())


def main(folder: Path) -> None:
    models = Models()
    for name in vars(Models):
        if not name.startswith("_"):
            write(folder, models, name, {"serving_default": getattr(models, name)})
    write(folder, models, "two_signatures", {"there": models._there, "back": models._back})
    several = {key: getattr(models, f"_{key}") for key in ("brief", "long", "add", "add_twice")}
    write(folder, models, "several_signatures", {**several, "steps": models.steps})
    for name, method, only in (
        ("squared_int16x8", models._squared, INT16X8),
        ("negated_mixed", models._negated, tf.lite.OpsSet.TFLITE_BUILTINS_INT8),
    ):
        write(folder, tf.Module(), name, {"serving_default": method}, only)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
