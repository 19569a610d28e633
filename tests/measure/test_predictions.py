"""What a model puts out on a data set, and data that it cannot have been made for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from pytest_edgeai.device.device import Device
from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.errors import DataError, DeviceError
from pytest_edgeai.judge.metrics import ACCURACY
from pytest_edgeai.measure import predictions as module
from pytest_edgeai.measure.metrics import score
from pytest_edgeai.measure.predictions import predictions
from pytest_edgeai.model.dataset import ArrayDataset
from pytest_edgeai.model.tflite import Model, read_facts

Array = npt.NDArray[Any]
Published = Callable[[str], Interpreter]
F = np.float32


def refusal(call: Callable[..., object], *args: Any) -> str:
    with pytest.raises(DataError) as caught:
        call(*args)
    return str(caught.value)


class TestPredictions:
    def test_of_a_data_set(self, published: Published, realdata: Path) -> None:
        with np.load(realdata / "mnist" / "mnist_test3000.npz") as file:
            data = ArrayDataset((file["x"][:200] / 255).astype(F), file["y"][:200])
        answers = predictions(published("mnist_lstm_int8"), data)
        assert answers.shape == (200, 10)
        right = int((answers.argmax(axis=1) == data.labels).sum())
        result = score(ACCURACY, data, answers)
        assert (result.value, result.samples) == (right / 200, 200)
        assert result.value > 0.95
        assert result.labels == "labels: class indices"

    def test_of_several_inputs_and_outputs(self, tiny: Path, open_model: Any) -> None:
        data = ArrayDataset({"apple": np.ones((150, 2), F), "zebra": np.full((150, 2), 3, F)})
        answers = predictions(open_model(tiny / "zebra_minus_apple.tflite"), data)
        assert {name: answer.shape for name, answer in answers.items()} == {
            "first": (150, 2),
            "second": (150, 2),
        }
        assert np.all(answers["second"] == 2)

    def test_of_data_of_another_shape(self, published: Published) -> None:
        data = ArrayDataset(np.zeros((70, 28, 28), F))
        assert refusal(predictions, published("resnet8_cifar10_int8"), data) == (
            "evaluation_data (70 samples of 28x28 float32, no labels): input 'input_1_int8' takes "
            "a batch of shape (N, 32, 32, 3), not (64, 28, 28)\n"
            "hint: inputs as the model takes them, with labels apart: (inputs, labels)"
        )


class TestSeveralInterpreters:
    """An interpreter for each core of the device that is left."""

    @pytest.fixture
    def helpers(self, litert: Device, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """How many samples each further interpreter was given at a time, on three cores."""
        given: list[int] = []
        facts = replace(litert.facts, cores=3)
        monkeypatch.setattr(Device, "facts", property(lambda device: facts))
        monkeypatch.setattr(module, "PAYS_S", 0.0)

        class Helper(Interpreter):
            def predict(self, batch: Any) -> Any:
                answers = super().predict(batch)
                given.append(len(batch))
                return answers

        monkeypatch.setattr(module, "Interpreter", Helper)
        return given

    @pytest.fixture
    def digits(self, realdata: Path) -> ArrayDataset:
        with np.load(realdata / "mnist" / "mnist_test3000.npz") as file:
            return ArrayDataset((file["x"][:1000] / 255).astype(F))

    @pytest.mark.parametrize("name", ["mnist_lstm_float", "mnist_lstm_int8"])
    def test_the_answers_of_one_in_its_order(
        self, published: Published, digits: ArrayDataset, helpers: list[int], name: str
    ) -> None:
        alone = published(name)
        one_by_one = np.concatenate([alone.predict(batch) for batch in digits.batches(100)])
        answers = predictions(published(name), digits)
        assert answers.tobytes() == one_by_one.tobytes()
        assert helpers

    def test_as_many_as_cores_are_left_by_its_threads(
        self, litert: Device, realdata: Path, digits: ArrayDataset, helpers: list[int]
    ) -> None:
        path = realdata / "models" / "mnist_lstm_float.tflite"
        model = Model(path, path.name, "converted", read_facts(path))
        with Interpreter(litert, model, threads=2) as interpreter:
            assert predictions(interpreter, digits).shape == (1000, 10)
        assert not helpers

    def test_one_that_cannot_start_is_no_error(
        self,
        published: Published,
        digits: ArrayDataset,
        helpers: list[int],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def refuse(*args: object) -> None:
            raise DeviceError("no memory")

        interpreter = published("mnist_lstm_float")
        monkeypatch.setattr(module, "Interpreter", refuse)
        assert predictions(interpreter, digits).shape == (1000, 10)

    def test_one_that_crashes_gives_its_batch_back(
        self,
        published: Published,
        digits: ArrayDataset,
        helpers: list[int],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        killed: list[Interpreter] = []

        class Dying(Interpreter):
            def predict(self, batch: Any) -> Any:
                if not killed:
                    killed.append(self)
                    self._process._started.process.kill()
                return super().predict(batch)

        interpreter = published("mnist_lstm_float")
        monkeypatch.setattr(module, "Interpreter", Dying)
        answers = predictions(interpreter, digits)
        assert len(killed) == 1
        assert answers.tobytes() == interpreter.predict(digits.inputs).tobytes()

    def test_nobody_goes_on_when_the_first_is_cut_off(
        self,
        published: Published,
        digits: ArrayDataset,
        helpers: list[int],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        interpreter, given = published("mnist_lstm_float"), []

        def cut_off(batch: Any) -> Any:
            given.append(len(batch))
            if len(given) > 1:
                raise KeyboardInterrupt
            return Interpreter.predict(interpreter, batch)

        monkeypatch.setattr(interpreter, "predict", cut_off)
        with pytest.raises(KeyboardInterrupt):
            predictions(interpreter, digits)
        assert sum(helpers) < len(digits) / 2


class TestInputRange:
    """``resnet8`` was quantised for 0..255, ``vww`` for 0..1, ``mobilenet`` for -1..1."""

    @pytest.fixture
    def photo(self) -> Callable[..., ArrayDataset]:
        """``photo(size, low, high)``: two images whose pixels go from ``low`` to ``high``."""

        def made(size: int, low: float, high: float) -> ArrayDataset:
            pixels = np.linspace(low, high, 2 * size * size * 3, dtype=F)
            return ArrayDataset(pixels.reshape(2, size, size, 3))

        return made

    @pytest.mark.parametrize(
        ("name", "size", "low", "high"),
        [
            ("resnet8_cifar10_int8", 32, 0, 255),
            ("resnet8_cifar10_float", 32, 0, 1),
            ("vww_96_int8", 96, 0, 1),
            ("mobilenet_v1_0.25_224_uint8", 224, -1, 1),
        ],
    )
    def test_good_data_passes(
        self, published: Published, photo: Any, name: str, size: int, low: float, high: float
    ) -> None:
        assert len(predictions(published(name), photo(size, low, high))) == 2

    def test_too_small(self, published: Published, photo: Any) -> None:
        resnet = published("resnet8_cifar10_int8")
        assert refusal(predictions, resnet, photo(32, 0, 1)) == (
            "input 'input_1_int8' was quantised for 0 to 255: evaluation data from 0 to 1 "
            "is less than 2 of its steps\n"
            "hint: they were divided by 255, and the model takes 0 to 255: leave it out"
        )

    @pytest.mark.parametrize(
        ("name", "size", "wanted"),
        [("vww_96_int8", 96, "0 to 1"), ("mobilenet_v1_0.25_224_uint8", 224, "-1 to 0.9922")],
    )
    def test_too_large(
        self, published: Published, photo: Any, name: str, size: int, wanted: str
    ) -> None:
        text = refusal(predictions, published(name), photo(size, 0, 255))
        assert f"was quantised for {wanted}: of the evaluation data from 0 to 255, " in text
        assert "lies outside and saturates" in text

    def test_data_by_name_is_looked_at_too(self, published: Published, photo: Any) -> None:
        resnet = published("resnet8_cifar10_int8")
        data = ArrayDataset({resnet.input_names[0]: photo(32, 0, 1).inputs})
        assert "is less than 2 of its steps" in refusal(predictions, resnet, data)

    def test_one_black_image_is_no_proof(self, published: Published) -> None:
        data = ArrayDataset(np.zeros((1, 32, 32, 3), F))
        assert predictions(published("resnet8_cifar10_int8"), data).shape == (1, 10)

    def test_far_beyond_however_much_is_black(self, published: Published) -> None:
        """Four pixels of five are black, the others go to 16 instead of 1."""
        pixels = np.zeros((2, 96, 96, 3), F)
        pixels[:, ::5] = np.random.default_rng(0).random((2, 20, 96, 3)) * 16
        text = refusal(predictions, published("vww_96_int8"), ArrayDataset(pixels))
        assert "lies outside and saturates" in text
