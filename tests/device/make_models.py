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

import tensorflow as tf

Outputs = dict[str, Any]


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
    def _there(self, x: Any) -> Outputs:
        return {"y": x + 1}

    @takes(y=tf.TensorSpec([1, 2]), scale=tf.TensorSpec([1]))
    def _back(self, y: Any, scale: Any) -> Outputs:
        return {"x": (y - 1) * scale, "negative": -y}


def write(folder: Path, models: Models, name: str, methods: dict[str, Any]) -> None:
    """Convert methods of ``models``, each to a signature."""
    functions = {
        key: tf.function(method).get_concrete_function(**method.inputs)
        for key, method in methods.items()
    }
    tf.saved_model.save(models, str(folder / name), functions)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder / name))
    (folder / f"{name}.tflite").write_bytes(converter.convert())


def main(folder: Path) -> None:
    models = Models()
    for name in vars(Models):
        if not name.startswith("_"):
            write(folder, models, name, {"serving_default": getattr(models, name)})
    write(folder, models, "two_signatures", {"there": models._there, "back": models._back})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
