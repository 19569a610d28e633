"""Ready files with several signatures, each a graph of its own: the one that is named is run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from pytest_edgeai.device.device import Device
from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.measure.layers import compare_layers
from pytest_edgeai.model.dataset import ArrayDataset
from pytest_edgeai.model.tflite import read_facts, read_signatures

Open = Callable[..., Interpreter]
Array = npt.NDArray[Any]
WIDE = np.random.default_rng(0).random((3, 256)).astype(np.float32)


@pytest.fixture(params=["litert", "tflite_runtime"])
def device(request: pytest.FixtureRequest) -> Device:
    """Each runtime that calls graphs by their number."""
    found: Device = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def file(tiny: Path) -> Path:
    return tiny / "several_signatures.tflite"


def by_runner(interpreter: Interpreter, key: str, batch: Array) -> Array:
    """The only output of a signature for each sample, by the runtime's own runner."""
    runner = interpreter.get_signature_runner(key)
    return np.concatenate([next(iter(runner(x=x[None]).values())) for x in batch])


@pytest.mark.parametrize("key", ["brief", "long"])
def test_outputs_are_those_of_the_runner(file: Path, open_model: Open, device: Device, key: str):
    interpreter, other = (open_model(file, device, key) for _ in range(2))
    expected = by_runner(other, key, WIDE)
    np.testing.assert_array_equal(interpreter.predict(WIDE), expected)
    (given,), (made,) = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.set_tensor(given["index"], WIDE[1:2])
    interpreter.invoke()
    np.testing.assert_array_equal(interpreter.get_tensor(made["index"]), expected[1:2])
    assert len(interpreter.get_tensor_details()) >= 3


def test_the_timed_loop_runs_it(file: Path, open_model: Open, device: Device) -> None:
    """Both are timed on the device; the runner also resizes, allocates and reads."""
    long, brief = (open_model(file, device, key) for key in ("long", "brief"))
    timed_ns = np.median(long.time_runs(50, 0.2, 5_000, 2.0))
    assert timed_ns > 10 * np.median(brief.time_runs(50, 0.2, 5_000, 2.0))
    runs = [long._request("run_signature", "long", {"x": WIDE[:1]})[0][1] for _ in range(50)]
    assert timed_ns == pytest.approx(np.median(runs), rel=0.5)


def test_a_start_and_its_memory_are_those_of_the_graph(
    file: Path, open_model: Open, device: Device
) -> None:
    long, brief = (open_model(file, device, key) for key in ("long", "brief"))
    for interpreter in (long, brief):
        before, _, after = interpreter.start_afresh("memory", 1, interpreter.inputs(), 3)
        assert after >= before > 0
    runs_ns = [
        min(i.start_afresh("start_up", 1, i.inputs())[0][2] for _ in range(3))
        for i in (long, brief)
    ]
    assert runs_ns[0] > runs_ns[1]


@pytest.mark.parametrize(("key", "total"), [("add", 1), ("add_twice", 2)])
def test_what_signatures_share_is_reset(
    file: Path, open_model: Open, device: Device, key: str, total: int
) -> None:
    interpreter = open_model(file, device, key)
    assert interpreter.model.facts.stateful
    assert interpreter.predict(np.ones((3, 1), np.float32)).ravel().tolist() == [total] * 3
    (given,), (made,) = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.allocate_tensors()
    interpreter.set_tensor(given["index"], np.ones((1, 1), np.float32))
    interpreter.invoke()
    kept = interpreter.get_tensor(made["index"]).item()
    interpreter.invoke()
    assert interpreter.get_tensor(made["index"]).item() == kept + total


def test_resetting_keeps_the_inputs(file: Path, open_model: Open, device: Device) -> None:
    (key,) = {"add", "add_twice"} - {read_signatures(file)[0]}
    interpreter = open_model(file, device, key)
    assert interpreter.model.facts.graph > 0
    (given,), (made,) = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.set_tensor(given["index"], np.ones((1, 1), np.float32))
    totals = []
    for _ in range(2):
        interpreter.invoke()
        totals.append(interpreter.get_tensor(made["index"]).item())
        interpreter.reset_all_variables()
    assert totals == [{"add": 1, "add_twice": 2}[key]] * 2


def test_names_are_in_the_order_of_the_file(tiny: Path, open_model: Open, device: Device) -> None:
    for key in ("there", "back"):
        interpreter = open_model(tiny / "two_signatures.tflite", device, key)
        facts = interpreter.model.facts
        for details, tensors in (
            (interpreter.get_input_details(), facts.inputs),
            (interpreter.get_output_details(), facts.outputs),
        ):
            assert [one["name"] for one in details] == [tensor.name for tensor in tensors]
    given = {"y": np.array([[2, 3]], np.float32), "scale": np.array([[10]], np.float32)}
    answers = interpreter.predict(given)
    assert answers["x"].tolist() == [[10, 20]]
    assert answers["negative"].tolist() == [[-2, -3]]


def test_facts_are_those_of_what_it_runs(file: Path) -> None:
    assert read_signatures(file) == tuple(sorted(read_signatures(file)))
    counts = {
        key: {operator.name: operator.count for operator in read_facts(file, key).operators}
        for key in read_signatures(file)
    }
    first_call = {"CALL_ONCE": 1, "VAR_HANDLE": 1, "ASSIGN_VARIABLE": 1}  # of the shared variable
    first_call |= {"HASHTABLE": 1, "HASHTABLE_IMPORT": 1}
    assert counts["long"] == {**first_call, "FULLY_CONNECTED": 16}
    assert counts["brief"] == {**first_call, "STRIDED_SLICE": 1}
    assert counts["steps"].keys() == {*first_call, "WHILE", "LESS", "ADD", "STRIDED_SLICE"}
    facts = read_facts(file, "long")
    assert facts.signature == "long"
    assert [tensor.shape for tensor in (*facts.inputs, *facts.outputs)] == [(1, 256)] * 2
    assert facts.weights_by_type == {"float32": 256 * 256}


def test_layers_are_those_of_the_graph(file: Path, open_model: Open, device: Device) -> None:
    own, base = (open_model(file, device, "long") for _ in range(2))
    layers = compare_layers(own, base, ArrayDataset(WIDE), [0, 1])
    assert [layer.operator for layer in layers].count("FULLY_CONNECTED") == 16
    assert {layer.error for layer in layers} == {0.0}


def test_after_a_crash_it_is_the_same_one(file: Path, open_model: Open) -> None:
    interpreter = open_model(file, signature="long")
    expected = interpreter.predict(WIDE)
    interpreter._process._started.process.kill()
    with pytest.raises(Exception, match="SIGKILL"):
        interpreter.invoke()
    np.testing.assert_array_equal(interpreter.predict(WIDE), expected)
