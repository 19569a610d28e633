"""Preprocessing is part of the model's contract: what breaks it is named, whatever it scores."""

from __future__ import annotations

import json
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

import pytest

SUITE = """
import numpy as np, pytest
from pathlib import Path
from PIL import Image
from pytest_edgeai import (
    Preprocessing, edge_model, max_accuracy_drop, max_output_error, min_accuracy, min_agreement
)

MODELS = Path("REALDATA_FOLDER") / "models"
READY = edge_model(
    converted=MODELS / "resnet8_cifar10_float.tflite", int8=MODELS / "resnet8_cifar10_int8.tflite"
)
SOURCE = edge_model(MODELS / "resnet8_cifar10.h5")

def photos():
    '''Cuts of real photographs, pixels 0..255.'''
    found = []
    for path in sorted((Path("REALDATA_FOLDER") / "images").glob("*.[bj][mp][pg]")):
        image = Image.open(path).convert("RGB")
        w, h = image.size
        for x in (0, w / 4, w / 2):
            for y in (0, h / 4, h / 2):
                found.append(image.resize((32, 32), box=(x, y, x + w / 2, y + h / 2)))
    return np.stack(found).astype(np.float32)

PHOTOS = photos()

@pytest.fixture
def evaluation_data():
    return FED, np.zeros(len(FED))

@pytest.fixture
def calibration_data():
    return CALIBRATED
"""
AGREES = """
@READY
@min_agreement(0.5)
def test_agrees(int8_interpreter): ...
"""
CALIBRATED = AGREES.replace("READY", "SOURCE")


@pytest.fixture
def suite(pytester: pytest.Pytester, realdata: Path, conversions: Path) -> Callable[..., None]:
    """Writes a suite with these data; conversions are shared."""

    def written(tests: str, fed: str, calibrated: str) -> None:
        pytester.makeini(f"[pytest]\nedge_cache_dir = {conversions}\n")
        begin = SUITE.replace("REALDATA_FOLDER", str(realdata))
        pytester.makepyfile(f"{begin}{tests}\nFED, CALIBRATED = {fed}, {calibrated}\n")

    return written


@pytest.mark.parametrize(
    ("fed", "calibrated", "text"),
    [
        ("PHOTOS / 255", "PHOTOS", "*they were divided by 255, and the model takes 0 to 255*"),
        ("PHOTOS[..., ::-1]", "PHOTOS", "*red and blue are swapped between evaluation_data*"),
        ("PHOTOS.transpose(0, 3, 1, 2)", "PHOTOS", "*channels last (NHWC), the other first*"),
        ("PHOTOS", "PHOTOS / 127.5 - 1", "*they are pixels, and the model takes -1 to 1*"),
    ],
)
def test_what_is_unlike_the_calibration(
    pytester: pytest.Pytester, suite: Callable[..., None], fed: str, calibrated: str, text: str
) -> None:
    """Two halves of the photographs, so that no sample is in both."""
    fed = fed.replace("PHOTOS", "PHOTOS[::2]")
    suite(CALIBRATED, fed, calibrated.replace("PHOTOS", "PHOTOS[1::2]"))
    result = pytester.runpytest()
    result.assert_outcomes(failed=1)
    shown = " ".join(" ".join(line.split()) for line in result.outlines)
    assert fnmatch(shown, text), shown


@pytest.mark.parametrize(
    ("fed", "text"),
    [
        ("PHOTOS / 255", "*was quantised for 0 to 255: evaluation data from 0 to 1*"),
        ("PHOTOS.transpose(0, 3, 1, 2)", "*takes a batch of shape (N, 32, 32, 3), not*"),
    ],
)
def test_what_a_ready_file_does_not_take(
    pytester: pytest.Pytester, suite: Callable[..., None], fed: str, text: str
) -> None:
    suite(AGREES, fed, "None")
    result = pytester.runpytest()
    result.assert_outcomes(failed=1)
    shown = " ".join(" ".join(line.split()) for line in result.outlines)
    assert fnmatch(shown, text), shown


def test_what_keeps_it(pytester: pytest.Pytester, suite: Callable[..., None]) -> None:
    suite(CALIBRATED, "PHOTOS[::2]", "PHOTOS[1::2]")
    pytester.runpytest("-W", "error").assert_outcomes(passed=1)


def test_samples_in_both_are_a_warning(
    pytester: pytest.Pytester, suite: Callable[..., None]
) -> None:
    suite(CALIBRATED, "PHOTOS[::2]", "PHOTOS[:9]")
    result = pytester.runpytest("--edge-report", "results.json", "-W", "default")
    result.assert_outcomes(passed=1, warnings=1)
    said = "5 samples of calibration_data are in evaluation_data, too"
    result.stdout.fnmatch_lines([f"*EdgeAIWarning: {said}*"])
    (record,) = json.loads((pytester.path / "results.json").read_text())["tests"]
    assert record["warnings"][0].startswith(said)


def test_a_warning_that_is_an_error_hides_no_failure(
    pytester: pytest.Pytester, suite: Callable[..., None]
) -> None:
    failing = CALIBRATED.replace("min_agreement(0.5)", "max_output_error(1e-6)")
    suite(failing, "PHOTOS[::2]", "PHOTOS[:9]")
    result = pytester.runpytest("-W", "error")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*max_output_error: * limit 0.000001: *over*"])


FOREIGN = """
@READY
@min_agreement(0.5)
def test_ready(int8_interpreter): ...

@SOURCE
@min_agreement(0.5, baseline="dynamic")
def test_converted(converted_interpreter): ...

@SOURCE
@min_agreement(0.5)
def test_dynamic(dynamic_interpreter): ...
"""
REFUSED = """
@pytest.fixture
def edge_preprocessing():
    return Preprocessing(size=(32, 32), scaling="0..255")
"""


@pytest.mark.parametrize(
    ("calibrated", "more"),
    [
        ("PHOTOS / 127.5 - 1", ""),
        ("PHOTOS[:, 0, 0]", REFUSED),
        ("PHOTOS[:9]", ""),
        ("'no.npz'", ""),
    ],
)
def test_calibration_data_bear_on_what_is_calibrated_alone(
    pytester: pytest.Pytester, suite: Callable[..., None], calibrated: str, more: str
) -> None:
    """Data of another scale, of another model, samples that are in both, and no data at all."""
    suite(FOREIGN + more, "PHOTOS[::2]", calibrated)
    pytester.runpytest("-W", "error").assert_outcomes(passed=3)


DECLARED = """
@pytest.fixture
def edge_preprocessing():
    return Preprocessing(size=(32, 32), scaling="0..1")
"""


def test_a_declared_one_that_the_model_does_not_keep(
    pytester: pytest.Pytester, suite: Callable[..., None]
) -> None:
    suite(AGREES + DECLARED, "PHOTOS / 255", "None")
    result = pytester.runpytest("--edge-report", "results.json")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*the model was quantised for values from 0 to 255, and the fixture*",
            "*edge_preprocessing says 32x32 rgb nhwc, bilinear, 0..1*",
            "*try: calibrate it with data that goes from 0 to 1; or, if the*",
        ]
    )
    (record,) = json.loads((pytester.path / "results.json").read_text())["tests"]
    assert record["preprocessing"] == {
        "size": [32, 32], "scaling": "0..1", "color": "rgb", "layout": "nhwc", "resize": "bilinear"
    }  # fmt: skip


SUSPECTED = """
from ai_edge_litert.interpreter import Interpreter

NETWORK = MODELS / "mobilenet_v1_0.25_224_float.tflite"

@edge_model(NETWORK)
@min_accuracy(0.9)
def test_reads(converted_interpreter): ...

def cuts():
    paths = sorted(MODELS.parent.glob("images/*.bmp"))
    images = [Image.open(path).convert("RGB") for path in paths]
    boxes = [(image, (x, 0, image.width // 2 + x, image.height)) for image in images
             for x in range(0, image.width // 2, image.width // 8)]
    return np.stack([image.resize((224, 224), box=box) for image, box in boxes]).astype(np.float32)

def answers(inputs): # what the network makes of pictures that are read as it expects
    network = Interpreter(str(NETWORK))
    network.allocate_tensors()
    (given,), (made,) = network.get_input_details(), network.get_output_details()
    for one in inputs:
        network.set_tensor(given["index"], one[None])
        network.invoke()
        yield network.get_tensor(made["index"])[0].argmax()

@pytest.fixture
def evaluation_data():
    return CHANGE(cuts()), np.array([*answers(cuts() / 127.5 - 1)])

@pytest.fixture
def calibration_data(): ...
"""


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ("lambda x: x", "*with inputs from -1 to 1 (x / 127.5 - 1) accuracy would be*"),
        ("lambda x: (x / 127.5 - 1)[..., ::-1]", "*with the channels in reverse order (RGB and*"),
        ("lambda x: (x / 127.5 - 1).swapaxes(1, 2)", "*with height and width swapped accuracy*"),
    ],
)
def test_what_would_mend_a_failing_accuracy(
    pytester: pytest.Pytester, realdata: Path, change: str, text: str
) -> None:
    """A float model says nothing of its range: the usual mistakes are tried, undone."""
    suite = (SUITE + SUSPECTED).replace("REALDATA_FOLDER", str(realdata))
    pytester.makepyfile(suite.replace("CHANGE", f"({change})"))
    result = pytester.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([text])
    assert max(map(len, result.outlines)) <= 200


def test_the_guides_own_line_on_a_uint8_model(pytester: pytest.Pytester, realdata: Path) -> None:
    pytester.makepyfile(
        SUITE.replace("REALDATA_FOLDER", str(realdata))
        + """
FED, CALIBRATED = PHOTOS, None

@edge_model(MODELS / "mobilenet_v2_1.0_224_uint8.tflite")
def test_reads(int8_interpreter):
    image = Image.open(MODELS.parent / "images" / "cat.bmp").convert("RGB").resize((224, 224))
    image = np.array(image, dtype=np.float32) / 255.0
    int8_interpreter.set_tensor(int8_interpreter.get_input_details()[0]["index"], image[None])
    int8_interpreter.invoke()
"""
    )
    result = pytester.runpytest()
    result.assert_outcomes(failed=1)
    shown = " ".join(" ".join(result.outlines).split())
    assert "real values of float32 were given to a quantised input" in shown
    assert "pixels go in as they are, np.array(image, dtype=np.uint8), not divided by 255" in shown
