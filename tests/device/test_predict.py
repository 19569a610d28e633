"""``predict``: real values in, real values out, one answer for each sample."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_edgeai.device import batch
from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.errors import TensorError

Open = Callable[..., Interpreter]
F = np.float32


@pytest.fixture
def predict(tiny: Path, shared: Open) -> Callable[[str, Any], Any]:
    """``predict(name, batch)`` by a small model that has seen the batches before."""
    return lambda name, batch: shared(tiny / f"{name}.tflite").predict(batch)


def listed(answers: Any) -> Any:
    if isinstance(answers, dict):
        return {name: answer.tolist() for name, answer in answers.items()}
    return answers.tolist()


@pytest.mark.parametrize(
    ("name", "given", "answers"),
    [
        ("twice_int32", np.arange(6).reshape(2, 3), [[0, 2, 4], [6, 8, 10]]),
        ("next_int64", np.array([[1, 2, 2**40]]), [[2, 3, 2**40 + 1]]),
        ("flat_int16", np.ones((2, 2, 3), np.uint8), [[1] * 6] * 2),
        ("not_bool", np.array([[True, False, False]] * 2), [[False, True, True]] * 2),
        ("number_of_word", np.array(["two", "one", "three"]), [2, 1, -1]),
        ("number_of_word", [b"two", "one"], [2, 1]),
        ("word_of_number", np.array([2, 0]), [b"two and more", b"nil"]),
        ("scalar", np.array([1.0, 2.0]), [3, 5]),
        ("doubled_any", np.ones((2, 5)), [[2] * 5] * 2),
        ("mean_of_any", np.ones((3, 5, 2), np.float16), [[1, 1]] * 3),
        ("sum_of_any", np.ones((2, 5), ">f8"), [5, 5]),
        ("no_batch", np.arange(18.0).reshape(2, 3, 3), [[3, 12, 21], [30, 39, 48]]),
        ("steps", np.array([3, 5]), [3, 5]),
    ],
)
def test_every_kind_of_value(
    predict: Callable[..., Any], name: str, given: Any, answers: Any
) -> None:
    assert listed(predict(name, given)) == answers


def test_sizes_may_change_from_call_to_call(tiny: Path, open_model: Open) -> None:
    mean = open_model(tiny / "mean_of_any.tflite")
    for size in (4, 2, 8):
        assert mean.predict(np.full((2, size, 2), size, F)).tolist() == [[size, size]] * 2


@pytest.mark.parametrize("samples", [1, 4, 6, 8])
def test_fixed_batch_is_filled_up(predict: Callable[..., Any], samples: int) -> None:
    answers = predict("batch_of_4", np.arange(3.0 * samples).reshape(samples, 3))
    assert answers["sum"].tolist() == [9 * i + 3 for i in range(samples)]
    assert answers["top"].tolist() == [[3 * i + 2] for i in range(samples)]


def test_a_run_that_answers_once_for_four_samples_is_refused(predict: Callable[..., Any]) -> None:
    with pytest.raises(TensorError, match="'sum' of shape \\(3,\\) does not have one value for"):
        predict("batch_lost", np.ones((8, 3), F))


def test_more_samples_than_one_request_takes(
    tiny: Path, open_model: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    twice = open_model(tiny / "twice_int32.tflite")
    given = np.arange(3000).reshape(1000, 3)
    assert np.array_equal(twice.predict(given), 2 * given)
    monkeypatch.setattr(batch, "BYTES_PER_REQUEST", 7 * 24)
    assert np.array_equal(twice.predict(given), 2 * given)


class TestSeveral:
    """``zebra`` comes before ``apple`` in the function, and after it in the file."""

    @pytest.mark.parametrize(
        "names",
        [
            ("zebra", "apple"),
            ("apple", "zebra"),
            ("serving_default_zebra:0", "serving_default_apple:0"),
        ],
    )
    def test_inputs_go_by_name(self, predict: Callable[..., Any], names: tuple[str, str]) -> None:
        values = {"zebra": np.full((2, 2), 5, F), "apple": np.ones((2, 2), F)}
        given = {name: values["zebra" if "zebra" in name else "apple"] for name in names}
        answers = predict("zebra_minus_apple", given)
        assert listed(answers) == {"second": [[4, 4]] * 2, "first": [[6, 6]] * 2}

    def test_one_of_them_without_batch_dimension(self, predict: Callable[..., Any]) -> None:
        given = {"x": np.array([[0, 1, 2], [3, 4, 5]], F), "threshold": np.array([1, 4], F)}
        answers = predict("over_threshold", given)
        assert answers.tolist() == [[False, False, True]] * 2
        given["threshold"] = np.array(1, F)  # one number for all samples
        assert predict("over_threshold", given).tolist() == [[False, False, True], [True] * 3]

    @pytest.mark.parametrize("kind", [list, tuple])
    def test_inputs_in_order(self, predict: Callable[..., Any], kind: type) -> None:
        """In the file's order."""
        five, one = np.full((2, 2), 5, F), np.ones((2, 2), F)
        answers = predict("zebra_minus_apple", kind([one, five]))
        assert listed(answers) == {"second": [[4, 4]] * 2, "first": [[6, 6]] * 2}

    def test_outputs_that_share_a_tensor(self, predict: Callable[..., Any]) -> None:
        answers = predict("same_twice", np.array([[1, 2], [3, 4]], F))
        more = [[2, 3], [4, 5]]
        assert listed(answers) == {"left": more, "right": more, "given": [[1, 2], [3, 4]]}

    def test_one_input_by_name(self, predict: Callable[..., Any]) -> None:
        assert predict("twice_int32", {"x": np.ones((1, 3), int)}).tolist() == [[2, 2, 2]]


class TestState:
    def test_resource_variables_start_anew_with_each_sample(
        self, tiny: Path, open_model: Open
    ) -> None:
        counter = open_model(tiny / "counts.tflite")
        assert counter.predict(np.array([[1], [2], [3]], F)).tolist() == [[1], [2], [3]]
        assert counter.predict(np.array([[1]], F)).tolist() == [[1]]

    def test_invoke_keeps_them_as_the_runtime_does(self, tiny: Path, open_model: Open) -> None:
        counter = open_model(tiny / "counts.tflite")
        index = counter.get_output_details()[0]["index"]
        counter.set_tensor(counter.get_input_details()[0]["index"], np.array([[2]], F))
        totals = []
        for _ in range(3):
            counter.invoke()
            totals.append(float(counter.get_tensor(index)[0, 0]))
        assert totals == [2, 4, 6]
        counter.reset_all_variables()
        counter.invoke()
        assert counter.get_tensor(index).tolist() == [[8]]

    def test_order_does_not_matter(self, realdata: Path, open_model: Open) -> None:
        lstm = open_model(realdata / "models" / "mnist_lstm_float.tflite")
        with np.load(realdata / "mnist" / "mnist_test3000.npz") as data:
            digits = (data["x"][:100] / 255).astype(F)
        answers = lstm.predict(digits)
        assert np.array_equal(lstm.predict(digits[::-1]), answers[::-1])
        assert np.array_equal(lstm.predict(digits[7:8])[0], answers[7])


class TestValues:
    def test_nan_goes_through_a_float_model(self, predict: Callable[..., Any]) -> None:
        answers = predict("doubled_any", np.array([[1, np.nan, np.inf]], F))
        assert str(answers.tolist()) == "[[2.0, nan, inf]]"

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_a_quantised_one_cannot_hold_it(
        self, realdata: Path, open_model: Open, value: float
    ) -> None:
        resnet = open_model(realdata / "models" / "resnet8_cifar10_int8.tflite")
        with pytest.raises(TensorError, match="is int8 and cannot hold NaN or infinity"):
            resnet.predict(np.full((1, 32, 32, 3), value, F))
        assert resnet.predict(np.zeros((1, 32, 32, 3), F)).shape == (1, 10)

    def test_pixels_are_values_in_any_dtype(self, realdata: Path, open_model: Open) -> None:
        resnet = open_model(realdata / "models" / "resnet8_cifar10_int8.tflite")
        pixels = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
        answers = resnet.predict(pixels)
        assert np.ptp(answers, axis=0).max() > 0
        assert np.array_equal(answers, resnet.predict(pixels.astype(F)))
        assert np.array_equal(answers, resnet.predict(pixels.astype(np.int64)))

    def test_quantised_bytes_are_not_taken_for_real_values(
        self, realdata: Path, open_model: Open
    ) -> None:
        model = open_model(realdata / "models" / "mobilenet_v2_1.0_224_uint8.tflite")
        with pytest.raises(TensorError) as caught:
            model.predict(np.full((1, 224, 224, 3), 200, np.uint8))
        assert "takes real values, from -1 to 0.9922: the uint8 values go from 200 to 200" in str(
            caught.value
        )
        assert "already quantised tensors go in with set_tensor()" in str(caught.value)

    def test_whole_floats_are_integers(self, predict: Callable[..., Any]) -> None:
        assert predict("twice_int32", np.ones((1, 3), F)).tolist() == [[2, 2, 2]]
        assert predict("not_bool", np.ones((1, 3), F)).tolist() == [[False] * 3]


@pytest.mark.parametrize(
    ("name", "given", "text"),
    [
        ("twice_int32", np.ones((1, 3)) / 2, "input 'x' is int32 and takes whole numbers, from -2"),
        ("twice_int32", np.array([[1, 2, 2**40]]), "to 2147483647: a value does not fit into it"),
        ("twice_int32", np.ones((0, 3), int), "input 'x': the batch is empty"),
        ("twice_int32", np.ones((2, 4), int), "takes a batch of shape (N, 3), not (2, 4)"),
        ("twice_int32", np.ones(3, int), "(one sample is a batch of one: sample[np.newaxis])"),
        ("twice_int32", 5, "takes a batch of shape (N, 3), not ()"),
        ("twice_int32", [[1, 2], [3]], "the batch is no array"),
        (
            "twice_int32",
            {"z": np.ones((1, 3), int)},
            "the model takes the input x, the batch has z",
        ),
        ("not_bool", np.full((1, 3), 2), "input 'x' is bool and takes 0 and 1: a value does not"),
        ("number_of_word", np.ones(1), "input 'word' takes string values, not float64"),
        ("mean_of_any", np.ones((2, 4)), "takes a batch of shape (N, any, 2), not (2, 4)"),
        ("mean_of_any", np.ones((2, 4, 3)), "takes a batch of shape (N, any, 2), not (2, 4, 3)"),
        ("no_batch", np.ones((2, 4, 3)), "shape (N, 3) or (N, 3, 3), not (2, 4, 3)"),
        ("batch_of_4", np.ones((0, 3)), "the batch is empty"),
        ("zebra_minus_apple", np.ones((1, 2)), "the inputs apple, zebra, the batch has one array"),
        ("zebra_minus_apple", [np.ones((1, 2))] * 3, "apple, zebra, the batch has 3 arrays in ord"),
        ("zebra_minus_apple", {"apple": [[1.0, 2.0]]}, "inputs apple, zebra, the batch has apple"),
        (
            "zebra_minus_apple",
            {"apple": np.ones((3, 2)), "zebra": np.ones((2, 2))},
            "the inputs differ in their number of samples: {'apple': 3, 'zebra': 2}",
        ),
        (
            "four_and_one",
            {"many": np.ones((8, 1)), "one": np.ones((8, 1))},
            "the inputs take different numbers of samples in a run: {'one': 8, 'many': 2} runs",
        ),
    ],
)
def test_what_is_wrong_is_said(
    predict: Callable[..., Any], name: str, given: Any, text: str
) -> None:
    with pytest.raises(TensorError) as caught:
        predict(name, given)
    assert text in str(caught.value)
