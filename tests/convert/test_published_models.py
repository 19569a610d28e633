"""Published Keras 2 files, converted here, beside the conversions that were published with them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from asking import Array, data_set

from pytest_edgeai.convert.converter import Conversion, Converter
from pytest_edgeai.device.device import Device
from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.device.spec import DeviceSpec
from pytest_edgeai.model.source import resolve
from pytest_edgeai.model.tflite import Model, read_facts
from pytest_edgeai.model.variants import Variant

VARIANTS: tuple[Variant, ...] = ("converted", "dynamic", "int8")
SAMPLES = {
    "resnet8_cifar10": lambda rng: rng.random((30, 32, 32, 3)) * 255,
    "vww_96": lambda rng: rng.random((30, 96, 96, 3)),
    "ad01": lambda rng: -20 + 5 * rng.normal(size=(30, 640)),
}


@pytest.fixture(scope="module", params=SAMPLES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def samples(name: str) -> Array:
    return np.asarray(SAMPLES[name](np.random.default_rng(0)), np.float32)


@pytest.fixture(scope="module")
def device() -> Device:
    return Device(DeviceSpec())


@pytest.fixture
def done(
    name: str, samples: Array, realdata: Path, converter: Converter
) -> dict[Variant, Conversion]:
    source = resolve(realdata / "models" / f"{name}.h5", [])
    results = converter.convert(source, VARIANTS, data_set(samples))
    return {variant: one for variant, one in results.items() if isinstance(one, Conversion)}


@pytest.fixture
def answers(device: Device, samples: Array) -> Callable[[Model], Array]:
    def run(model: Model) -> Array:
        interpreter = Interpreter(device, model)
        try:
            return np.asarray(interpreter.predict(samples[:20]))
        finally:
            interpreter.close()

    return run


@pytest.fixture
def published(
    name: str, realdata: Path, answers: Callable[[Model], Array]
) -> Callable[[str], Array]:
    """Answers of the published file with this ending."""

    def run(ending: str) -> Array:
        path = realdata / "models" / f"{name}_{ending}.tflite"
        return answers(Model(path, path.name, "converted", read_facts(path)))

    return run


def agreement(one: Array, other: Array) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def test_every_variant_is_what_it_says(name: str, done: dict[Variant, Conversion]) -> None:
    assert list(done) == list(VARIANTS)
    for conversion in done.values():
        cached = json.loads(conversion.model.path.with_suffix(".json").read_text())
        assert cached["loader"].startswith("tf-keras 2")
    facts = {variant: conversion.model.facts for variant, conversion in done.items()}
    shares = [facts[variant].int8_weight_share for variant in VARIANTS]
    assert shares[0] == 0.0
    assert shares[1] is not None
    assert shares[1] > 0.97
    assert shares[2] == 1.0
    assert not facts["int8"].float_operators
    assert not facts["dynamic"].quantized_operators
    assert facts["int8"].size_bytes < facts["converted"].size_bytes / 2.5


def test_float_answers_are_exact(
    name: str,
    realdata: Path,
    samples: Array,
    converter: Converter,
    done: dict[Variant, Conversion],
    answers: Callable[[Model], Array],
    published: Callable[[str], Array],
) -> None:
    """As in the published file; of ad01 that has other weights, so Keras itself is asked."""
    ours, tolerance = answers(done["converted"].model), 1e-5
    if name == "ad01":
        source, data = resolve(realdata / "models" / "ad01.h5", []), data_set(samples[:20])
        assert data is not None
        (expected,) = converter.source_predictions(source, data).values()
        tolerance = 1e-4 * float(np.abs(expected).max())
    else:
        expected = published("float")
    np.testing.assert_allclose(ours, expected, atol=tolerance)


def test_quantised_answers_are_close(
    name: str,
    done: dict[Variant, Conversion],
    answers: Callable[[Model], Array],
    published: Callable[[str], Array],
) -> None:
    """As close as those of the published int8 file, which was calibrated with real data."""
    exact = answers(done["converted"].model)
    assert agreement(answers(done["dynamic"].model), exact) > 0.995
    assert agreement(answers(done["int8"].model), exact) > 0.99
    assert agreement(published("int8"), exact) > 0.9
