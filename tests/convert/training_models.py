"""Writes a model of all layers that train differently: ``python training_models.py KERAS FOLDER``.

KERAS is ``keras`` or ``tf_keras``. Each layer has an output of its own, called as its class is:
``model.keras`` or ``model.h5`` takes 8x8x3. ``answers.npz`` holds the inputs ``x`` and what the
model answers in inference mode, by output. A layer is in it if it answers otherwise in training.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from pathlib import Path

if sys.argv[1] == "tf_keras":
    os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np

keras = importlib.import_module(sys.argv[1])
layers = keras.layers
ARGUMENTS = {
    "rate": 0.5,
    "stddev": 0.3,
    "factor": 0.5,
    "height_factor": 0.4,
    "width_factor": 0.4,
    "x_factor": (0.1, 0.4),
    "brightness_factor": 0.5,
    "height": 6,
    "width": 6,
    "scale": (0.02, 0.1),
    "alpha": 0.5,
    "value_range": (0, 1),
}
"""What layers of one sort call the same; the range of pixels is not 0..255 here."""


def made(kind):
    """A layer of a kind, or None where it takes other arguments or cannot be read back."""
    if kind is layers.SpectralNormalization:
        return kind(layers.Conv2D(3, 3)) if sys.argv[1] == "keras" else None
    known = set(inspect.signature(kind.__init__).parameters) & set(ARGUMENTS)
    for names in (known, *(known - {name} for name in sorted(known))):
        try:
            return kind(**{name: ARGUMENTS[name] for name in names})
        except (TypeError, ValueError):
            continue
    return None


def outputs_of(image):
    """What each kind of layer with a training mode makes of an image, by the layer's class."""
    shapes = ((8, 8, 3), (8, 24), (8, 8, 3, 1))
    outputs = {}
    for name, kind in inspect.getmembers(layers, inspect.isclass):
        training = "training" in inspect.signature(getattr(kind, "call", len)).parameters
        layer = made(kind) if training else None
        for shape in shapes if layer is not None else ():
            tensor = layers.Reshape(shape)(image)  # some layers keep it, and it is theirs then
            try:
                output = layer(tensor)
                if output is not tensor:
                    outputs[name] = output
                break
            except (TypeError, ValueError, AttributeError):
                continue
    return outputs


def main(folder: Path) -> None:
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).random((6, 8, 8, 3), np.float32)
    image = keras.Input((8, 8, 3), name="image")
    everything = keras.Model(image, outputs_of(image))
    before = everything(x, training=False)
    in_training = everything(x, training=True)  # moves what layers gather in training
    differing = {
        name: tensor
        for name, tensor in everything.output.items()
        if in_training[name].shape != before[name].shape
        or np.abs(in_training[name] - before[name]).max() > 1e-6
    }
    model = keras.Model(image, differing)
    model.save(folder / ("model.h5" if sys.argv[1] == "tf_keras" else "model.keras"))
    np.savez(folder / "answers.npz", x=x, **model(x, training=False))


if __name__ == "__main__":
    main(Path(sys.argv[2]))
