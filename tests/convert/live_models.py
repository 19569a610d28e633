"""Hands live models to a converter: ``python live_models.py keras|tf_keras CACHE FOLDER``.

Prints, as JSON, the digest of each model, and what else the tests ask for.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

if sys.argv[1] == "tf_keras":
    os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
from asking import HERE, made, refused

from pytest_edgeai.convert.cache import ModelCache
from pytest_edgeai.convert.converter import Converter
from pytest_edgeai.convert.origin import Origins
from pytest_edgeai.convert.process import Workers
from pytest_edgeai.model.source import resolve

keras = importlib.import_module(sys.argv[1])
layers = keras.layers
ones = np.ones((1, 4), np.float32)


def dense(*stack: Any) -> Any:
    """The same weights in each, and the same names."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((4,)), *stack, layers.Dense(300)])


def times(factor: float) -> Callable[[Any], Any]:
    return lambda inputs: inputs * factor


def with_layer(factor: float) -> Any:
    class Times(layers.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs * factor

    return dense(Times())


def subclassed(table: list[float], swapped: bool = False) -> Any:
    """A model whose configuration does not tell what it computes."""

    class Net(keras.Model):
        def __init__(self, table: Any) -> None:
            super().__init__()
            self.table, self.one, self.two = table, layers.Dense(4), layers.Dense(4)

        def call(self, inputs: Any) -> Any:
            first, second = (self.two, self.one) if swapped else (self.one, self.two)
            return second(first(inputs) * self.table[0])

    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    model = Net(tuple(table))
    model.one.build((1, 4))
    model.two.build((1, 4))
    model(ones)
    return model


def main(cache: Path, folder: Path) -> None:
    origins = Origins(folder, Workers(60, lambda text: None))
    converter = Converter(ModelCache(cache), folder)

    def digest(model: Any) -> str:
        return origins.find(resolve(model, [HERE])).digest

    plain = dense()
    found: dict[str, Any] = {
        "plain": digest(plain),
        "plain again": digest(dense()),
        "layer 2": digest(with_layer(2)),
        "layer 2 again": digest(with_layer(2)),
        "layer 3": digest(with_layer(3)),
        "lambda 2": digest(dense(layers.Lambda(times(2)))),
        "lambda 3": digest(dense(layers.Lambda(times(3)))),
        "activation 2": digest(dense(layers.Dense(4, activation=times(2)))),
        "activation 3": digest(dense(layers.Dense(4, activation=times(3)))),
        "table 2": digest(subclassed([2.0])),
        "table 2 again": digest(subclassed([2.0])),
        "table 3": digest(subclassed([3.0])),
        "swapped": digest(subclassed([2.0], swapped=True)),
    }
    folders = len(list(folder.glob("exported-*")))
    found["exported again"] = (digest(plain), len(list(folder.glob("exported-*"))) - folders)
    for _ in range(2):
        conversion = made(converter, plain)
    found["converted"] = (conversion.model.name, conversion.model.facts.weights_by_type)
    found["tally"] = converter.tally.converted + converter.tally.cached
    plain.layers[-1].activation = keras.activations.tanh
    found["other activation"] = digest(plain)
    plain.layers[-1].activation = keras.activations.linear
    plain.layers[-1].set_weights([weight + 1 for weight in plain.layers[-1].get_weights()])
    found["other weights"] = digest(plain)
    found["not built"] = str(refused(converter, keras.Sequential([layers.Dense(3)])))
    if sys.argv[1] == "keras":
        found["handmade"] = digest("handmade:small")
    print(json.dumps(found))


if __name__ == "__main__":
    warnings.simplefilter("error")
    main(Path(sys.argv[2]), Path(sys.argv[3]))
