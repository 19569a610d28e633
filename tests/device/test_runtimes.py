"""Which runtime a device gets, and what each says of models that it cannot run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from pytest_edgeai.device.device import Device
from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.device.spec import DeviceSpec
from pytest_edgeai.errors import DeviceError, EdgeAIError, InterpreterError, ModelError
from pytest_edgeai.model.tflite import Model, read_facts

Open = Callable[..., Interpreter]

WRONG_RUNTIME = """
class Interpreter:
    def __init__(self, model_content): pass
    def allocate_tensors(self): pass
    def set_tensor(self, index, value): pass
    def invoke(self): pass
    def get_tensor(self, index): return [0.0]
    def get_input_details(self): return [{"index": 0}]
    get_output_details = get_input_details
"""


@pytest.fixture
def numpy_alone(tmp_path: Path) -> str:
    """The command of a Python that has numpy, and in ``tmp_path`` whatever else a test writes."""
    site = Path(np.__file__).parent.parent
    for folder in site.glob("numpy*"):
        (tmp_path / folder.name).symlink_to(folder)
    return f"env PYTHONPATH={tmp_path} {sys.executable} -S"


def refusal(spec: DeviceSpec) -> str:
    with pytest.raises(DeviceError) as caught:
        _ = Device(spec).facts
    return str(caught.value)


class TestChoice:
    def test_litert_comes_first(self, litert: Device) -> None:
        assert litert.facts.runtime == "ai-edge-litert"
        assert litert.facts.runtime_version == metadata.version("ai-edge-litert")
        assert litert.facts.numpy == np.__version__

    def test_tflite_runtime_where_it_is_alone(
        self, tflite_runtime: Device, tiny: Path, open_model: Open
    ) -> None:
        facts = tflite_runtime.facts
        assert (facts.runtime, facts.runtime_version) == ("tflite-runtime", "2.14.0")
        mean = open_model(tiny / "mean_of_any.tflite", tflite_runtime)
        assert mean.predict(np.ones((2, 4, 2))).tolist() == [[1, 1]] * 2

    def test_tensorflow_where_warnings_are_errors(
        self, tiny: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PYTHONWARNINGS", "error")
        device = Device(DeviceSpec(runtime="tensorflow"))
        path = tiny / "zebra_minus_apple.tflite"
        with Interpreter(device, Model(path, "pair", "converted", read_facts(path))) as pair:
            assert pair.get_signature_runner()(
                zebra=np.full((1, 2), 5, np.float32), apple=np.ones((1, 2), np.float32)
            )["second"].tolist() == [[4, 4]]
        assert device.facts.runtime == "tensorflow"
        assert device.facts.runtime_version == metadata.version("tensorflow")

    def test_a_broken_one_is_passed_over(self, tflite_runtime_python: Path, tmp_path: Path) -> None:
        (tmp_path / "ai_edge_litert").mkdir()
        (tmp_path / "ai_edge_litert" / "interpreter.py").write_text("raise ImportError('GLIBC')")
        command = f"env PYTHONPATH={tmp_path} {tflite_runtime_python}"
        assert Device(DeviceSpec("pi", command)).facts.runtime == "tflite-runtime"
        text = refusal(DeviceSpec("pi", command, "litert"))
        assert (
            "device 'pi' has no usable runtime: runtime litert: start: ImportError: GLIBC" in text
        )


class TestNone:
    def test_nothing_is_installed(self, numpy_alone: str) -> None:
        assert refusal(DeviceSpec("pi", numpy_alone)) == (
            "device 'pi' has no usable runtime: "
            "runtime litert: start: ModuleNotFoundError: No module named 'ai_edge_litert'; "
            "runtime tflite-runtime: start: ModuleNotFoundError: "
            "No module named 'tflite_runtime'; "
            "runtime tensorflow: start: ModuleNotFoundError: No module named 'tensorflow'\n"
            f"hint: {numpy_alone} -m pip install ai-edge-litert numpy"
        )

    @pytest.mark.parametrize(
        ("runtime", "requirement"),
        [
            ("litert", "ai-edge-litert numpy"),
            ("tflite-runtime", "tflite-runtime 'numpy<2'"),
            ("tensorflow", "'pytest-edgeai[tensorflow]'"),
        ],
    )
    def test_the_one_asked_for(self, numpy_alone: str, runtime: str, requirement: str) -> None:
        text = refusal(DeviceSpec("pi", numpy_alone, runtime))
        assert text.endswith(f"hint: {numpy_alone} -m pip install {requirement}")

    def test_tflite_runtime_with_numpy_2(
        self, numpy_alone: str, tflite_runtime_python: Path, tmp_path: Path
    ) -> None:
        for folder in tflite_runtime_python.parent.parent.glob("lib/*/site-packages/tflite_*"):
            (tmp_path / folder.name).symlink_to(folder)
        text = refusal(DeviceSpec("pi", numpy_alone, "tflite-runtime"))
        assert "runtime tflite-runtime: start: it was built for NumPy 1, and NumPy 2." in text
        assert f"hint: {numpy_alone} -m pip install 'numpy<2', or use ai-edge-litert" in text

    def test_one_that_imports_and_computes_nonsense(self, numpy_alone: str, tmp_path: Path) -> None:
        (tmp_path / "ai_edge_litert").mkdir()
        (tmp_path / "ai_edge_litert" / "interpreter.py").write_text(WRONG_RUNTIME)
        text = refusal(DeviceSpec("pi", numpy_alone, "litert"))
        assert "runtime litert: start: relu(3) came out as 0.0" in text


OLD = (
    "hint: tflite-runtime 2.14.0 is older than the converter that wrote the file: ai-edge-litert "
    "follows it"
)


@pytest.mark.parametrize(
    ("name", "litert_says", "tflite_runtime_says"),
    [
        ("needs_edgetpu", *["hint: compiled for an Edge TPU, which is not here"] * 2),
        (
            "needs_flex_delegate",
            "hint: it needs Select TF ops, which ai-edge-litert 2.",
            "hint: it needs Select TF ops, which tflite-runtime 2.14.0 does not have",
        ),
        (
            "fails_in_invoke",
            "does not know the custom operators fake-op-double",
            "hint: tflite-runtime 2.14.0 does not know the custom operators fake-op-double",
        ),
        (
            "valid_but_refused_by_runtime",
            "load: quantized_dimension must be in range [0, 1). Was 3.",
            "hint: tflite-runtime 2.14.0 refuses this model: ai-edge-litert follows it",
        ),
        ("op_newer_than_tflite_runtime", None, f"Op builtin_code out of range: 206{OLD}"),
        ("git_lfs_pointer", *["a git-lfs pointer"] * 2),
        ("eight_bytes", *["is a damaged TensorFlow Lite model"] * 2),
        ("zero_inputs_zero_outputs", *["no inputs and no outputs: nothing can be tested"] * 2),
    ],
)
def test_broken_models(
    realdata: Path,
    open_model: Open,
    litert: Device,
    tflite_runtime: Device,
    name: str,
    litert_says: str | None,
    tflite_runtime_says: str,
) -> None:
    path = realdata / "broken" / f"{name}.tflite"
    for device, text in ((litert, litert_says), (tflite_runtime, tflite_runtime_says)):
        if text is None:
            assert open_model(path, device).predict(np.zeros((1, 4), np.float32)).shape == (1, 4)
            continue
        with pytest.raises((ModelError, InterpreterError)) as caught:
            open_model(path, device)
        for part in text.partition(OLD):
            assert part in str(caught.value)
        assert name in str(caught.value)


def test_every_broken_model_is_among_them(realdata: Path) -> None:
    (marker,) = (m for m in test_broken_models.pytestmark if m.name == "parametrize")
    assert {case[0] for case in marker.args[1]} == {
        path.stem for path in realdata.glob("broken/*.tflite")
    }


def test_an_operator_without_a_kernel_for_16_bits(
    tiny: Path, open_model: Open, litert: Device
) -> None:
    model = open_model(tiny / "squared_int16x8.tflite", litert)
    with pytest.raises(InterpreterError) as caught:
        model.predict(np.ones((1, 2), np.float32))
    version = metadata.version("ai-edge-litert")
    assert caught.value.hint == (
        f"ai-edge-litert {version} has no kernel of SQUARED_DIFFERENCE for int16 values: replace "
        "it in the model, or test another variant"
    )


def test_a_name_is_not_taken_for_a_reason(tiny: Path, litert: Device) -> None:
    """Only what the runtime says decides on the hint, not what it is said of."""
    path = tiny / "twice_int32.tflite"
    model = Model(path, "old tflite binary, version 2.keras", "int8", read_facts(path))
    with Interpreter(litert, model) as twice, pytest.raises(EdgeAIError) as caught:
        twice.resize_tensor_input(0, [2, 3], strict=True)
    assert OLD not in str(caught.value)
