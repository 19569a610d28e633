"""The calls of ``tf.lite.Interpreter``: the same results as from the runtime itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter as Runtime

from pytest_edgeai.device.device import Device
from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.device.spec import DeviceSpec
from pytest_edgeai.errors import DeviceError, InterpreterError, TensorError
from pytest_edgeai.model.tflite import Model, read_facts

Open = Callable[..., Interpreter]
PUBLISHED = ["ad01_int8", "mnist_lstm_int8", "ssd_mobilenet_v1_coco_uint8"]
X = 0
"""Index of the only input of the small models."""


def runtime(path: Path) -> Any:
    """The same file in this process, without a handle."""
    interpreter = Runtime(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    return interpreter


def plain(value: Any) -> Any:
    """Details as what ``==`` can compare."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tolist()
    return value


class TestDetails:
    @pytest.mark.parametrize("name", PUBLISHED)
    @pytest.mark.parametrize("side", ["input", "output", "tensor"])
    def test_of_published_models(self, realdata: Path, shared: Open, name: str, side: str) -> None:
        path = realdata / "models" / f"{name}.tflite"
        method = f"get_{side}_details"
        ours = getattr(shared(path), method)()
        assert plain(ours) == plain(getattr(runtime(path), method)())

    @pytest.mark.parametrize(
        ("name", "dtype"),
        [
            ("not_bool", np.bool_),
            ("flat_int16", np.int16),
            ("next_int64", np.int64),
            ("number_of_word", np.bytes_),
        ],
    )
    def test_types(self, tiny: Path, shared: Open, name: str, dtype: type) -> None:
        path = tiny / f"{name}.tflite"
        (ours,) = shared(path).get_input_details()
        assert ours["dtype"] is dtype
        assert plain(ours) == plain(runtime(path).get_input_details()[0])


class TestTensors:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("twice_int32", np.array([[1, -2, 3]], np.int32)),
            ("next_int64", np.array([[1, 2**40, -3]], np.int64)),
            ("flat_int16", np.arange(6, dtype=np.int16).reshape(1, 2, 3)),
            ("not_bool", np.array([[True, False, True]])),
            ("number_of_word", np.array([b"two"])),
            ("word_of_number", np.array([2], np.int32)),
            ("mean_of_any", np.array([[[1, 2]]], np.float32)),
            ("scalar", np.array(1.5, np.float32)),
        ],
    )
    def test_in_and_out(
        self, tiny: Path, shared: Open, name: str, value: np.ndarray[Any, Any]
    ) -> None:
        answers = []
        for interpreter in (shared(tiny / f"{name}.tflite"), runtime(tiny / f"{name}.tflite")):
            interpreter.set_tensor(X, value)
            interpreter.invoke()
            answers.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
        assert answers[0].shape == answers[1].shape
        assert answers[0].tolist() == answers[1].tolist()

    def test_a_list_is_taken_as_the_runtime_takes_it(self, tiny: Path, shared: Open) -> None:
        twice = shared(tiny / "twice_int32.tflite")
        with pytest.raises(TensorError, match="Got value of type INT64 but expected type INT32"):
            twice.set_tensor(X, [[1, 2, 3]])

    def test_foreign_byte_order(self, tiny: Path, shared: Open) -> None:
        """The runtime itself would take the bytes as they are."""
        twice = shared(tiny / "twice_int32.tflite")
        twice.set_tensor(X, np.array([[1, 2, 3]], ">i4"))
        assert twice.get_tensor(X).tolist() == [[1, 2, 3]]

    def test_what_comes_back_is_a_copy(self, tiny: Path, shared: Open) -> None:
        twice = shared(tiny / "twice_int32.tflite")
        twice.set_tensor(X, np.array([[1, 2, 3]], np.int32))
        twice.get_tensor(X)[:] = 0
        assert twice.get_tensor(X).tolist() == [[1, 2, 3]]

    def test_weights(self, realdata: Path, shared: Open) -> None:
        path = realdata / "models" / "ad01_int8.tflite"
        ours, theirs = shared(path), runtime(path)
        for index in range(1, 21):
            weights = theirs.get_tensor(index)
            assert plain(ours.get_tensor(index)) == plain(weights)


class TestResizing:
    def test_as_in_the_runtime(self, tiny: Path, open_model: Open) -> None:
        value = np.arange(10, dtype=np.float32).reshape(1, 5, 2)
        path = tiny / "mean_of_any.tflite"
        for interpreter in (open_model(path), runtime(path)):
            interpreter.resize_tensor_input(X, value.shape)
            interpreter.allocate_tensors()
            interpreter.set_tensor(X, value)
            interpreter.invoke()
            assert interpreter.get_input_details()[0]["shape"].tolist() == [1, 5, 2]
            answer = interpreter.get_output_details()[0]["index"]
            assert interpreter.get_tensor(answer).tolist() == [[4, 5]]

    def test_predict_follows_a_fixed_size_that_was_changed(
        self, tiny: Path, open_model: Open
    ) -> None:
        twice = open_model(tiny / "twice_int32.tflite")
        twice.resize_tensor_input(X, [1, 5])
        twice.allocate_tensors()
        assert twice.predict(np.arange(10).reshape(2, 5)).tolist() == [
            [0, 2, 4, 6, 8],
            [10, 12, 14, 16, 18],
        ]

    def test_strict(self, tiny: Path, open_model: Open) -> None:
        twice = open_model(tiny / "twice_int32.tflite")
        with pytest.raises(InterpreterError, match="only allows mutating unknown dimensions"):
            twice.resize_tensor_input(X, [2, 3], strict=True)

    def test_allocating_is_asked_for(self, tiny: Path, open_model: Open) -> None:
        twice = open_model(tiny / "twice_int32.tflite")
        twice.resize_tensor_input(X, [2, 3])
        with pytest.raises(InterpreterError) as caught:
            twice.invoke()
        assert str(caught.value) == (
            "converted of twice_int32.tflite: invoke: Invoke called on model that is not ready.\n"
            "hint: call allocate_tensors() after resize_tensor_input()"
        )


class TestSignatures:
    @pytest.mark.parametrize(
        ("name", "tested"), [("two_signatures", "there"), ("zebra_minus_apple", "")]
    )
    def test_list_and_details(self, tiny: Path, shared: Open, name: str, tested: str) -> None:
        ours, theirs = shared(tiny / f"{name}.tflite", tested), runtime(tiny / f"{name}.tflite")
        assert ours.get_signature_list() == theirs.get_signature_list()
        for key in ours.get_signature_list():
            mine, bare = ours.get_signature_runner(key), theirs.get_signature_runner(key)
            assert plain(mine.get_input_details()) == plain(bare.get_input_details())
            assert plain(mine.get_output_details()) == plain(bare.get_output_details())

    def test_each_signature_runs(self, tiny: Path, open_model: Open) -> None:
        interpreter = open_model(tiny / "two_signatures.tflite", signature="back")
        there = interpreter.get_signature_runner("there")
        back = interpreter.get_signature_runner("back")
        y = there(x=np.array([[1, 2]], np.float32))["y"]
        assert y.tolist() == [[2, 3]]
        outputs = back(y=y, scale=np.array([10], np.float32))
        assert {name: value.tolist() for name, value in outputs.items()} == {
            "x": [[10, 20]],
            "negative": [[-2, -3]],
        }
        assert there(x=y)["y"].tolist() == [[3, 4]]

    def test_a_runner_leaves_the_interpreter_usable(self, tiny: Path, open_model: Open) -> None:
        """A runner of the runtime itself makes ``invoke`` of its interpreter fail."""
        interpreter = open_model(tiny / "zebra_minus_apple.tflite")
        runner = interpreter.get_signature_runner()
        ones = np.ones((1, 2), np.float32)
        interpreter.invoke()
        interpreter.allocate_tensors()
        assert runner(zebra=5 * ones, apple=ones)["second"].tolist() == [[4, 4]]

    def test_predict_follows_a_shape_that_a_runner_left(self, tiny: Path, open_model: Open) -> None:
        interpreter = open_model(tiny / "doubled_any.tflite")
        interpreter.get_signature_runner()(x=np.ones((1, 7), np.float32))
        assert interpreter.predict(np.ones((2, 3), np.float32)).tolist() == [[2, 2, 2]] * 2
        interpreter.get_signature_runner()(x=np.ones((1, 7), np.float32))
        assert len(interpreter.time_runs(1, 0.0, 1, 1.0)) == 1

    def test_without_a_key_it_is_the_one_under_test(
        self, tiny: Path, shared: Open, realdata: Path
    ) -> None:
        runner = shared(tiny / "two_signatures.tflite", "there").get_signature_runner()
        assert runner(x=np.array([[1, 2]], np.float32))["y"].tolist() == [[2, 3]]
        unsigned = shared(realdata / "models" / "ad01_int8.tflite")
        with pytest.raises(TensorError, match=r"ad01_int8.tflite on local> has no signature"):
            unsigned.get_signature_runner()

    @pytest.mark.parametrize(
        ("key", "inputs", "text"),
        [
            ("nowhere", {}, 'Invalid signature_key provided: "nowhere"'),
            ("there", {"y": 1}, r"signature there: Invalid Input name \(y\)"),
            ("there", {}, "expected 1 vs provided 0"),
            ("there", {"x": np.ones((1, 2))}, "type FLOAT64 but expected type FLOAT32"),
        ],
    )
    def test_refusals(
        self, tiny: Path, shared: Open, key: str, inputs: dict[str, Any], text: str
    ) -> None:
        interpreter = shared(tiny / "two_signatures.tflite", "there")
        with pytest.raises(TensorError, match=text):
            interpreter.get_signature_runner(key)(**inputs)


class TestRefusals:
    @pytest.mark.parametrize(
        ("call", "text"),
        [
            (
                lambda i: i.set_tensor(X, np.ones((1, 3), np.float32)),
                "twice_int32.tflite: set_tensor: Cannot set tensor: Got value of type FLOAT32 "
                "but expected type INT32",
            ),
            (
                lambda i: i.set_tensor(X, np.ones((1, 4), np.int32)),
                "Got 4 but expected 3 for dimension 1 of input 0",
            ),
            (lambda i: i.set_tensor(99, np.ones(1)), "Invalid tensor index 99"),
            (lambda i: i.get_tensor(99), "get_tensor: Invalid tensor index 99"),
        ],
    )
    def test_what_the_runtime_says_and_all_goes_on(
        self, tiny: Path, shared: Open, call: Callable[[Interpreter], object], text: str
    ) -> None:
        twice = shared(tiny / "twice_int32.tflite")
        with pytest.raises(TensorError) as caught:
            call(twice)
        assert text in str(caught.value)
        assert isinstance(caught.value, ValueError)
        assert twice.predict(np.array([[1, 2, 3]])).tolist() == [[2, 4, 6]]

    def test_nothing_is_told_twice(self, tiny: Path, open_model: Open) -> None:
        """The runtime puts each refusal behind all those that it made before."""
        twice = open_model(tiny / "twice_int32.tflite")
        texts = []
        for size in ([2, 3], [3, 3]):
            with pytest.raises(InterpreterError) as caught:
                twice.resize_tensor_input(X, size, strict=True)
            texts.append(caught.value.message)
        assert "value 1 to 2" in texts[0]
        assert "value 1 to 3" in texts[1]
        assert "value 1 to 2" not in texts[1]

    def test_more_memory_than_there_is(self, tiny: Path, open_model: Open) -> None:
        twice = open_model(tiny / "twice_int32.tflite")
        twice.resize_tensor_input(X, [1_000_000, 1_000_000])
        with pytest.raises(InterpreterError) as caught:
            twice.allocate_tensors()
        assert "hint: often too little memory" in str(caught.value)
        twice.resize_tensor_input(X, [1, 3])
        twice.allocate_tensors()
        assert twice.predict(np.array([[1, 2, 3]])).tolist() == [[2, 4, 6]]

    def test_closed(self, tiny: Path, litert: Device) -> None:
        path = tiny / "twice_int32.tflite"
        with Interpreter(litert, Model(path, "twice", "int8", read_facts(path))) as twice:
            assert repr(twice) == "<int8 of twice on local>"
        with pytest.raises(DeviceError) as caught:
            twice.invoke()
        assert str(caught.value) == "int8 of twice on device 'local': its process is closed"


@pytest.mark.parametrize(
    ("of_device", "asked", "threads"), [(None, None, 1), (2, None, 2), (2, 1, 1)]
)
def test_threads(tiny: Path, of_device: int | None, asked: int | None, threads: int) -> None:
    path = tiny / "scalar.tflite"
    model = Model(path, "scalar", "converted", read_facts(path))
    with Interpreter(Device(DeviceSpec(threads=of_device)), model, asked) as interpreter:
        assert interpreter.threads == threads


class Watch:
    """A clock that keeps what it is told."""

    began = True

    def __init__(self) -> None:
        self.told: list[tuple[int, int]] = []

    def add(self, interpreter: Interpreter, elapsed_ns: int, inferences: int) -> None:
        self.told.append((elapsed_ns, inferences))


class TestClock:
    """What a benchmark is told of the time on the device."""

    def test_set_tensor_counts_once_in_the_run_after_it(self, tiny: Path, open_model: Open) -> None:
        interpreter = open_model(tiny / "next_int64.tflite")
        interpreter.clock = watch = Watch()
        for number in range(3):
            shape = interpreter.get_input_details()[0]["shape"]
            interpreter.set_tensor(X, np.full(shape, number, np.int64))
            interpreter.invoke()
        assert [inferences for _, inferences in watch.told] == [1, 1, 1]
        assert all(elapsed_ns > 0 for elapsed_ns, _ in watch.told)

    def test_before_a_benchmark_begins_a_call_is_a_single_run(
        self, tiny: Path, open_model: Open
    ) -> None:
        """The model counts its runs."""
        counter = open_model(tiny / "counts.tflite")
        counter.clock = watch = Watch()
        watch.began = False
        counter.set_tensor(counter.get_input_details()[0]["index"], np.ones((1, 1), np.float32))
        for _ in range(3):
            counter.invoke()
        assert counter.get_tensor(counter.get_output_details()[0]["index"])[0, 0] == 3
        assert watch.told == []

    @pytest.mark.parametrize("name", ["next_int64", "counts"])
    def test_runs_in_a_row_are_made_in_bursts(
        self, tiny: Path, open_model: Open, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        interpreter = open_model(tiny / f"{name}.tflite")
        interpreter.clock = watch = Watch()
        interpreter.invoke()
        requests: list[str] = []
        request = interpreter._process.request
        monkeypatch.setattr(
            interpreter._process,
            "request",
            lambda operation, *args, **kwargs: (
                requests.append(operation),
                request(operation, *args, **kwargs),
            )[1],
        )
        for _ in range(1000):
            interpreter.invoke()
        assert len(watch.told) == 1001
        assert 1 <= len(requests) <= 10
