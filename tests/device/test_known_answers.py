"""Published models on real data: a handle that gives other answers has a bug."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.device.quantisation import dequantise

Array = npt.NDArray[Any]
PHOTOS = ("cat.bmp", "bird.bmp", "parrot.jpg", "grace_hopper.bmp")


@pytest.fixture
def published(realdata: Path, shared: Callable[..., Interpreter]) -> Callable[..., Interpreter]:
    """``published(name)``: one of the real models, which has answered before."""
    return lambda name: shared(realdata / "models" / f"{name}.tflite")


@pytest.fixture
def digits(realdata: Path) -> tuple[Array, Array]:
    with np.load(realdata / "mnist" / "mnist_test3000.npz") as data:
        return (data["x"] / 255).astype(np.float32), data["y"]


def photo(realdata: Path, name: str, size: int) -> Array:
    """Shape (1, size, size, 3), uint8."""
    image = Image.open(realdata / "images" / name).convert("RGB").resize((size, size))
    return np.asarray(image)[np.newaxis]


def crops(realdata: Path, size: int) -> Array:
    """Four cuts of every photo, float32 in 0..255."""
    cuts = []
    for path in sorted(realdata.glob("images/*.[bj][mp][pg]")):
        image = Image.open(path).convert("RGB")
        w, h = image.size
        boxes = [(0, 0, w, h), (0, 0, w / 2, h), (w / 2, 0, w, h), (w / 4, h / 4, w, h)]
        cuts += [np.asarray(image.resize((size, size), box=box)) for box in boxes]
    return np.stack(cuts).astype(np.float32)


@pytest.mark.parametrize("name", ["mnist_lstm_float", "mnist_lstm_int8"])
def test_lstm_reads_2932_of_3000_digits(
    published: Callable[..., Interpreter], digits: tuple[Array, Array], name: str
) -> None:
    images, labels = digits
    answers = published(name).predict(images)
    assert answers.shape == (3000, 10)
    assert int((answers.argmax(axis=1) == labels).sum()) == 2932


def test_lstm_that_is_not_reset_reads_fewer(
    realdata: Path, open_model: Callable[..., Interpreter], digits: tuple[Array, Array]
) -> None:
    """The calls of ``tf.lite.Interpreter`` reset nothing by themselves, as in the runtime."""
    lstm = open_model(realdata / "models" / "mnist_lstm_float.tflite")
    given = lstm.get_input_details()[0]["index"]
    answer = lstm.get_output_details()[0]["index"]
    right = 0
    for image, label in zip(*digits, strict=True):
        lstm.set_tensor(given, image[np.newaxis])
        lstm.invoke()
        right += int(lstm.get_tensor(answer).argmax() == label)
    assert right == 2738


@pytest.mark.parametrize(
    ("name", "index", "label", "score"),
    [
        ("cat.bmp", 286, "Egyptian cat", 0.758),
        ("bird.bmp", 20, "chickadee", 0.980),
        ("parrot.jpg", 89, "macaw", 0.996),
        ("grace_hopper.bmp", 653, "military uniform", 0.891),
    ],
)
def test_mobilenet_knows_the_photos(
    published: Callable[..., Interpreter],
    realdata: Path,
    name: str,
    index: int,
    label: str,
    score: float,
) -> None:
    mobilenet = published("mobilenet_v2_1.0_224_uint8")
    (given,), (answer,) = mobilenet.get_input_details(), mobilenet.get_output_details()
    raw = photo(realdata, name, 224)
    scores = mobilenet.predict(dequantise(raw, given))[0]
    labels = (realdata / "images" / "imagenet_labels.txt").read_text().splitlines()
    assert (scores.argmax(), labels[scores.argmax()]) == (index, label)
    assert round(float(scores.max()), 3) == score

    mobilenet.set_tensor(given["index"], raw)
    mobilenet.invoke()
    stored = mobilenet.get_tensor(answer["index"])
    assert stored.dtype == np.uint8
    assert np.array_equal(dequantise(stored, answer)[0], scores)


@pytest.mark.parametrize(
    ("name", "kind", "score"),
    [
        ("cat.bmp", 16, 0.730),
        ("bird.bmp", 15, 0.758),
        ("parrot.jpg", 15, 0.809),
        ("grace_hopper.bmp", 0, 0.711),
    ],
)
def test_detector_finds_what_is_on_the_photos(
    published: Callable[..., Interpreter], realdata: Path, name: str, kind: int, score: float
) -> None:
    detector = published("ssd_mobilenet_v1_coco_uint8")
    given = detector.get_input_details()[0]
    found = detector.predict(dequantise(photo(realdata, name, 300), given))
    boxes, kinds, scores, count = found.values()
    assert boxes.shape == (1, 10, 4)
    assert count.shape == (1,)
    assert (kinds[0, 0], round(float(scores[0, 0]), 3)) == (kind, score)


def test_detector_takes_several_photos(
    published: Callable[..., Interpreter], realdata: Path
) -> None:
    detector = published("ssd_mobilenet_v1_coco_uint8")
    given = detector.get_input_details()[0]
    photos = [dequantise(photo(realdata, name, 300), given) for name in PHOTOS]
    together = detector.predict(np.concatenate(photos))
    for number, alone in enumerate(photos):
        for name, answer in detector.predict(alone).items():
            assert np.array_equal(together[name][number], answer[0])


def test_autoencoder_reconstructs_as_published(
    published: Callable[..., Interpreter], realdata: Path
) -> None:
    file = realdata / "anomaly" / "normal_id_01_00000000_hist_librosa.bin"
    features = np.fromfile(file, "<f4")
    windows = np.lib.stride_tricks.sliding_window_view(features, 640)[::128]
    errors = ((published("ad01_fp32").predict(windows) - windows) ** 2).mean(axis=1)
    assert len(errors) == 196
    assert round(float(errors.mean()), 4) == 9.7071


@pytest.mark.parametrize(
    ("precise", "small", "size", "scale", "offset"),
    [
        ("resnet8_cifar10_float", "resnet8_cifar10_int8", 32, 1, 0),
        ("vww_96_float", "vww_96_int8", 96, 1 / 255, 0),
        ("mobilenet_v1_0.25_224_float", "mobilenet_v1_0.25_224_uint8", 224, 1 / 127.5, -1),
    ],
)
def test_quantised_models_answer_nearly_as_their_float_originals(
    published: Callable[..., Interpreter],
    realdata: Path,
    precise: str,
    small: str,
    size: int,
    scale: float,
    offset: float,
) -> None:
    images = (crops(realdata, size) * scale + offset).astype(np.float32)
    expected, answers = published(precise).predict(images), published(small).predict(images)
    assert expected.shape == answers.shape
    assert float(np.abs(expected - answers).mean()) < 0.02
    assert float((expected.argmax(axis=1) == answers.argmax(axis=1)).mean()) >= 0.75
