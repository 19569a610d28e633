"""Latency: what is timed, how often, and under which conditions."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter as Runtime

from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.errors import TensorError
from pytest_edgeai.judge.evidence import LatencySamples
from pytest_edgeai.measure.latency import ENOUGH_RUNS, MIN_S, measure_latency

Open = Callable[[Path], Interpreter]
ATTEMPTS = 3
"""Whoever else computes on this machine may spoil a comparison of times."""


def slowed(interpreter: Interpreter, run_s: float) -> Interpreter:
    """``steps`` with as many rounds as take about so long."""
    rounds = 1000
    for _ in range(3):
        interpreter.set_tensor(0, np.array([rounds], np.int32))
        took_s = float(np.median(interpreter.time_runs(5, 0.0, 5, 5.0))) / 1e9
        rounds = max(int(rounds * run_s / took_s), 1)
    interpreter.set_tensor(0, np.array([rounds], np.int32))
    return interpreter


@pytest.fixture
def steps(tiny: Path, open_model: Open) -> Callable[[float], Interpreter]:
    """``steps(run_s)``: an interpreter whose runs take about so long."""
    return lambda run_s: slowed(open_model(tiny / "steps.tflite"), run_s)


def runs(samples: LatencySamples) -> int:
    assert samples.conditions["runs"] == len(samples.samples_ns)
    return len(samples.samples_ns)


class TestHowOften:
    def test_a_hundred_runs_though_they_take_longer_than_asked(
        self, steps: Callable[[float], Interpreter]
    ) -> None:
        samples = measure_latency(steps(2 * MIN_S / 100), 0, max_seconds=30)
        assert runs(samples) == 100

    def test_what_the_budgets_need(self, steps: Callable[[float], Interpreter]) -> None:
        assert runs(measure_latency(steps(2 * MIN_S / 100), 163, max_seconds=30)) == 163

    def test_quick_models_run_for_a_while_and_not_for_ever(
        self, tiny: Path, open_model: Open
    ) -> None:
        assert runs(measure_latency(open_model(tiny / "scalar.tflite"), 0, 30)) == ENOUGH_RUNS

    def test_the_cap_is_above_all(self, steps: Callable[[float], Interpreter]) -> None:
        interpreter = steps(0.02)
        start = time.monotonic()
        samples = measure_latency(interpreter, 300, max_seconds=0.6)
        assert time.monotonic() - start < 10 * 0.6
        assert 1 <= runs(samples) < 100

    def test_no_time_at_all(self, steps: Callable[[float], Interpreter]) -> None:
        assert runs(measure_latency(steps(0.02), 300, max_seconds=0.0)) == 1


class TestWhat:
    def test_first_inference_and_warm_up_are_apart(self, tiny: Path, open_model: Open) -> None:
        """The model counts its runs."""
        counter = open_model(tiny / "counts.tflite")
        counter.set_tensor(counter.get_input_details()[0]["index"], np.ones((1, 1), np.float32))
        samples = measure_latency(counter, 0, max_seconds=4)
        counted = int(counter.get_tensor(counter.get_output_details()[0]["index"])[0, 0])
        assert samples.conditions["warm_up_runs"] >= 1
        assert counted == 1 + samples.conditions["warm_up_runs"] + runs(samples)

    def test_samples_are_single_runs_in_nanoseconds(
        self, steps: Callable[[float], Interpreter]
    ) -> None:
        samples = measure_latency(steps(0.004), 0, max_seconds=30).samples_ns
        assert samples.dtype == np.int64
        assert samples.min() > 0
        assert 0.001 < np.median(samples) / 1e9 < 0.016

    def test_conditions_go_with_it(self, published: Callable[[str], Interpreter]) -> None:
        interpreter = published("ad01_int8")
        conditions = measure_latency(interpreter, 0, max_seconds=1).conditions
        assert conditions["runtime"] == "ai-edge-litert"
        assert conditions["threads"] == 1
        assert conditions["delegated"] is True
        assert conditions["cores"] >= 1
        assert conditions["load_1min"] >= 0
        assert conditions["load_ms"] == interpreter.load_ms > 0
        assert conditions["first_inference_ms"] > 0
        missing = {"runtime_version", "machine", "cpu", "kernel", "python", "governor"}
        assert missing - set(conditions) == set()

    def test_a_model_without_delegate(self, tiny: Path, open_model: Open) -> None:
        assert open_model(tiny / "number_of_word.tflite").delegated is False


class TestInputs:
    def test_origin(self, tiny: Path, open_model: Open) -> None:
        pair = open_model(tiny / "zebra_minus_apple.tflite")
        first, second = (details["index"] for details in pair.get_input_details())
        origins = []
        for index in (None, first, second):
            if index is not None:
                pair.set_tensor(index, np.ones((1, 2), np.float32))
            origins.append(measure_latency(pair, 0, max_seconds=0.1).conditions["input"])
        assert origins == ["seeded random values"] * 2 + ["set by the test"]

    def test_a_size_that_nobody_said(self, tiny: Path, open_model: Open) -> None:
        """The runtime has 1 for a dimension that may be anything."""
        interpreter = open_model(tiny / "mean_of_any.tflite")
        with pytest.raises(TensorError) as caught:
            measure_latency(interpreter, 0, max_seconds=0.1)
        assert "input 'serving_default_x:0' has the shape (1, any, 2): how large is not said" in (
            caught.value.message
        )
        interpreter.predict(np.ones((2, 50, 2), np.float32))
        conditions = measure_latency(interpreter, 0, max_seconds=0.1).conditions
        assert conditions["input_shapes"] == {"serving_default_x:0": [1, 50, 2]}

    def test_a_size_that_was_set_is_enough(self, tiny: Path, open_model: Open) -> None:
        interpreter = open_model(tiny / "mean_of_any.tflite")
        interpreter.resize_tensor_input(0, [1, 30, 2])
        interpreter.allocate_tensors()
        conditions = measure_latency(interpreter, 0, max_seconds=0.1).conditions
        assert conditions["input"] == "seeded random values"
        assert conditions["input_shapes"] == {"serving_default_x:0": [1, 30, 2]}

    def test_a_model_that_cannot_run_at_size_1(self, tiny: Path, open_model: Open) -> None:
        interpreter = open_model(tiny / "in_fours.tflite")
        with pytest.raises(TensorError, match="how large is not said"):
            measure_latency(interpreter, 0, max_seconds=0.1)
        assert interpreter.predict(np.ones((1, 8), np.float32)).shape == (1, 2, 4)
        assert len(measure_latency(interpreter, 0, max_seconds=0.1).samples_ns) > 0

    def test_another_interpreter_takes_them(self, tiny: Path, open_model: Open) -> None:
        one, other = (open_model(tiny / "mean_of_any.tflite") for _ in range(2))
        one.predict(np.full((1, 40, 2), 3, np.float32))
        other.take_inputs(one)
        conditions = measure_latency(other, 0, max_seconds=0.1).conditions
        assert (conditions["input"], conditions["input_shapes"]) == (
            "set by the test",
            {"serving_default_x:0": [1, 40, 2]},
        )
        output = other.get_output_details()[0]["index"]
        assert other.get_tensor(output).tolist() == [[3, 3]]

    def test_random_ones_are_the_same_every_time(
        self, published: Callable[[str], Interpreter]
    ) -> None:
        inputs = []
        for _ in range(2):
            interpreter = published("resnet8_cifar10_int8")
            measure_latency(interpreter, 0, max_seconds=0.1)
            inputs.append(interpreter.get_tensor(interpreter.get_input_details()[0]["index"]))
        assert np.array_equal(*inputs)
        assert (inputs[0].min(), inputs[0].max()) == (-128, 127)

    def test_the_tests_own_are_kept(self, published: Callable[[str], Interpreter]) -> None:
        interpreter = published("resnet8_cifar10_int8")
        index = interpreter.get_input_details()[0]["index"]
        interpreter.predict(np.full((2, 32, 32, 3), 7, np.float32))
        samples = measure_latency(interpreter, 0, max_seconds=0.1)
        assert samples.conditions["input"] == "set by the test"
        assert np.unique(interpreter.get_tensor(index)).tolist() == [7 - 128]


def test_the_median_is_that_of_a_plain_loop(
    realdata: Path, published: Callable[[str], Interpreter]
) -> None:
    name = "mobilenet_v1_0.25_224_float"
    ours = published(name)
    plain = Runtime(str(realdata / "models" / f"{name}.tflite"), num_threads=1)
    plain.allocate_tensors()
    given = plain.get_input_details()[0]
    image = np.random.default_rng(0).random(given["shape"]).astype(np.float32)
    ours.set_tensor(given["index"], image)

    def plain_times() -> list[int]:
        times = []
        for _ in range(60):
            start = time.perf_counter_ns()
            plain.set_tensor(given["index"], image)
            plain.invoke()
            times.append(time.perf_counter_ns() - start)
        return times

    ratios = []
    for _ in range(ATTEMPTS):
        before = plain_times()
        samples = measure_latency(ours, 0, max_seconds=5).samples_ns
        ratios.append(float(np.median(samples) / np.median(before + plain_times())))
        if 0.8 < ratios[-1] < 1.2:
            return
    pytest.fail(f"median over that of a plain loop: {ratios}")
