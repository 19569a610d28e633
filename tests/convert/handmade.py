"""Functions that build a model, or should."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import Any


def _was_called() -> None:
    """Leave a line behind for the test that counts calls."""
    if path := os.environ.get("EDGEAI_TEST_CALLS"):
        with Path(path).open("a") as file:
            file.write(f"{os.getpid()}\n")


def small() -> Any:
    import keras

    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(300)])


def without_config() -> Any:
    """A model that Keras can export, but not describe."""
    _was_called()
    import keras

    class Net(keras.Model):
        def __init__(self, table: object) -> None:
            super().__init__()
            self.table, self.dense = table, keras.layers.Dense(300)

        def call(self, inputs: Any) -> Any:
            return self.dense(inputs)

    keras.utils.set_random_seed(0)
    model = Net(object())
    model(keras.ops.ones((1, 4)))
    return model


def a_number() -> int:
    return 42


def fails() -> None:
    _was_called()
    raise ValueError("the weights\nare elsewhere")


def needs_another_package() -> None:
    import package_that_nobody_has  # noqa: F401


def asks() -> None:
    input("password: ")


def leaves() -> None:
    raise SystemExit("no licence")


def aborts() -> None:
    print("nearly there")
    os.abort()


def hangs() -> None:
    print("waiting", flush=True)
    _was_called()
    while True:
        time.sleep(1)


def hangs_with_a_child() -> None:
    child = subprocess.Popen(["sleep", "600"])
    Path(os.environ["EDGEAI_TEST_CALLS"]).write_text(f"{child.pid}\n")
    hangs()


loaded = object()
