"""Layers for training: a model answers as Keras does in inference mode, and all of it converts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from asking import HERE, Array, data_set, made

from pytest_edgeai.convert.converter import Converter
from pytest_edgeai.model.source import resolve

OF_BOTH = {"AlphaDropout", "BatchNormalization", "Dropout", "GaussianDropout", "GaussianNoise"}
OF_BOTH |= {"SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"}
OF_BOTH |= {"RandomBrightness", "RandomContrast", "RandomCrop", "RandomFlip", "RandomRotation"}
OF_BOTH |= {"RandomTranslation", "RandomZoom"}
OF_KERAS_3 = {"AugMix", "CutMix", "MixUp", "RandAugment", "RandomHue", "SpectralNormalization"}


@pytest.fixture(scope="module", params=["model.keras", "model.h5"])
def model(request: pytest.FixtureRequest, once: Callable[..., Path]) -> Path:
    """A file of Keras 3, or of Keras 2, with ``answers.npz`` beside it."""
    keras = "keras" if request.param == "model.keras" else "tf_keras"

    def make(folder: Path) -> None:
        command = [sys.executable, HERE / "training_models.py", keras, folder]
        run = subprocess.run(command, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr[-4000:]

    return once(f"training-{keras}", make) / str(request.param)


@pytest.fixture
def known(model: Path) -> dict[str, Array]:
    """What the model answers in inference mode, by output, and its inputs ``x``."""
    with np.load(model.parent / "answers.npz") as file:
        return dict(file)


def test_every_kind_is_there(model: Path, known: dict[str, Array]) -> None:
    assert set(known) > OF_BOTH | (OF_KERAS_3 if model.suffix == ".keras" else set())


def test_source_answers_in_inference_mode(
    converter: Converter, model: Path, known: dict[str, Array]
) -> None:
    data = data_set(known.pop("x"))
    assert data is not None
    answers = converter.source_predictions(resolve(model, []), data)
    assert set(answers) == set(known)
    for name, answer in answers.items():
        np.testing.assert_allclose(answer, known[name], atol=1e-6, err_msg=name)


def test_converted_model_answers_the_same(
    converter: Converter, model: Path, known: dict[str, Array]
) -> None:
    conversion = made(converter, model)
    runner = Interpreter(str(conversion.model.path)).get_signature_runner("serving_default")
    samples = known.pop("x")
    answers = [runner(image=sample[None]) for sample in samples]
    for name, expected in known.items():
        answer = np.concatenate([each[name] for each in answers])
        np.testing.assert_allclose(answer, expected, atol=1e-5, err_msg=name)


def test_nothing_of_training_is_left(converter: Converter, model: Path) -> None:
    """No seeds, and no random numbers that nobody needs."""
    operators = {operator.name for operator in made(converter, model).model.facts.operators}
    assert not operators & {"VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE", "CALL_ONCE"}
    assert not [name for name in operators if "RANDOM" in name]
