"""Every published model passes limits that anything holds, and is called what it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

CONVERTED = ("converted", "dynamic")
"""What a Keras model is tested as without calibration data."""
FILES = {
    "models/ad01.h5": CONVERTED,
    "models/ad01_dynamic.tflite": ("dynamic",),
    "models/ad01_fp32.tflite": ("converted",),
    "models/ad01_int8.tflite": ("int8 with int8 inputs and outputs",),
    "models/mnist_lstm_float.tflite": ("converted",),
    "models/mnist_lstm_int8.tflite": ("int8 with int8 inputs and outputs",),
    "models/mobilenet_v1_0.25_224_float.tflite": ("converted",),
    "models/mobilenet_v1_0.25_224_uint8.tflite": ("int8 with uint8 inputs and outputs",),
    "models/mobilenet_v2_1.0_224_uint8.tflite": ("int8 with uint8 inputs and outputs",),
    "models/resnet8_cifar10.h5": CONVERTED,
    "models/resnet8_cifar10_float.tflite": ("converted",),
    "models/resnet8_cifar10_int8.tflite": ("int8 with int8 inputs and outputs",),
    "models/ssd_mobilenet_v1_coco_uint8.tflite": ("int8 with uint8 inputs and float32 outputs",),
    "models/vww_96.h5": CONVERTED,
    "models/vww_96_float.tflite": ("converted",),
    "models/vww_96_int8.tflite": ("int8 with int8 inputs and outputs",),
    "quantizer/dynamic_wi4_afp32.tflite": ("dynamic",),
    "quantizer/dynamic_wi8_afp32.tflite": ("dynamic",),
    "quantizer/weight_only_wi4_afp32.tflite": (
        "weight-only: weights in int4, made floats by DEQUANTIZE before they are used",
    ),
    "quantizer/weight_only_wi8_afp32.tflite": (
        "weight-only: weights in int8, made floats by DEQUANTIZE before they are used",
    ),
}


def test_these_are_all(realdata: Path) -> None:
    paths = [path for folder in ("models", "quantizer") for path in (realdata / folder).iterdir()]
    assert sorted(path.relative_to(realdata).as_posix() for path in paths) == sorted(FILES)


@pytest.mark.usefixtures("may_be_busy")
@pytest.mark.parametrize(("file", "descriptions"), FILES.items())
def test_limits_that_anything_holds(
    pytester: pytest.Pytester,
    realdata: Path,
    conversions: Path,
    monkeypatch: pytest.MonkeyPatch,
    file: str,
    descriptions: tuple[str, ...],
) -> None:
    monkeypatch.setenv("COLUMNS", "160")  # so that no name is folded
    result = pytester.runpytest(
        f"--edge-model={realdata / file}",
        "--edge-budget=size<=100MB",
        "--edge-budget=p95<=10s",
        "--edge-max-seconds=5",
        f"--edge-cache-dir={conversions}",
        "--edge-report=run.json",
    )
    result.assert_outcomes(passed=len(descriptions))
    tests = json.loads((pytester.path / "run.json").read_text())["tests"]
    assert [test["model"]["description"] for test in tests] == [*descriptions]
    for test, description in zip(tests, descriptions, strict=True):
        variant = description.replace(":", " ").split()[0]
        assert test["variant"] == variant
        name = file.rpartition("/")[2]
        result.stdout.fnmatch_lines([f"{name}[[]{variant}[]] *{variant} *local *pass"])
        if variant == "weight-only":
            result.stdout.fnmatch_lines([f"edgeai: {name} is {description}"])
