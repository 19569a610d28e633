"""Keras files and SavedModels: what converts, and what is said of what does not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from asking import Array, data_set, made, refused

from pytest_edgeai.convert.converter import Conversion, Converter
from pytest_edgeai.errors import ConversionError
from pytest_edgeai.model.facts import ModelFacts
from pytest_edgeai.model.source import ModelSource, resolve
from pytest_edgeai.model.variants import VARIANTS, Variant

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a21\nsize 1116712\n"


def edges(facts: ModelFacts) -> list[str]:
    return [tensor.dtype for tensor in facts.inputs + facts.outputs]


def test_every_variant_of_a_keras_file(converter: Converter, models: Path, digits: Array) -> None:
    source = resolve(models / "digits.keras", [])
    done = converter.convert(source, VARIANTS, data_set(digits))
    facts = {name: one.model.facts for name, one in done.items() if isinstance(one, Conversion)}
    assert list(facts) == list(VARIANTS)
    assert facts["converted"].int8_weight_share == 0.0
    assert facts["dynamic"].int8_weight_share == pytest.approx(0.975, abs=0.01)
    assert facts["int8"].int8_weight_share == facts["int16x8"].int8_weight_share == 1.0
    assert facts["float16"].weights_by_type.keys() == {"float16"}
    assert facts["int16x8"].activations_by_type["int16"] > 0
    assert facts["int8"].size_bytes < facts["converted"].size_bytes / 3
    assert edges(facts["int8"]) == ["uint8", "uint8"]
    for variant in ("converted", "dynamic", "float16", "int16x8"):
        assert edges(facts[variant]) == ["float32", "float32"]


@pytest.mark.parametrize("name", ["digits.h5", "digits"])
def test_same_network_from_another_format(converter: Converter, models: Path, name: str) -> None:
    conversion = made(converter, models / name)
    assert conversion.model.name == name
    weights = made(converter, models / "digits.keras").model.facts.weights_by_type
    assert conversion.model.facts.weights_by_type == weights


def test_conversion_has_its_log_and_time(
    converter_with: Callable[..., Converter], tmp_path: Path, models: Path
) -> None:
    converter = converter_with(cache=tmp_path / "cache")
    conversion = made(converter, models / "digits.h5")
    assert "digits.h5, written by Keras 3" in conversion.log
    assert "loaded by keras 3" in conversion.log
    assert 1e6 < conversion.elapsed_ns < 60e9


def test_keras_file_of_keras_2(
    converter_with: Callable[..., Converter], tmp_path: Path, odd_models: Path
) -> None:
    conversion = made(converter_with(cache=tmp_path / "cache"), odd_models / "zip.keras")
    assert conversion.model.facts.weights_by_type == {"float32": 1200}
    assert "loaded by tf-keras 2" in conversion.log


def test_environment_that_prefers_another_keras(
    converter_with: Callable[..., Converter],
    tmp_path: Path,
    models: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "1")
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    conversion = made(converter_with(cache=tmp_path / "cache"), models / "digits.keras")
    assert "loaded by keras 3" in conversion.log


class TestWithoutTfKeras:
    @pytest.fixture(autouse=True)
    def no_tf_keras(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The converter's process has our ``sys.path``."""
        missing = 'raise ModuleNotFoundError("No module named \'tf_keras\'", name="tf_keras")'
        (tmp_path / "tf_keras.py").write_text(missing)
        monkeypatch.syspath_prepend(tmp_path)

    def test_keras_3_is_tried(
        self, converter_with: Callable[..., Converter], tmp_path: Path, realdata: Path
    ) -> None:
        converter = converter_with(cache=tmp_path / "cache")
        conversion = made(converter, realdata / "models" / "resnet8_cifar10.h5")
        assert "written by Keras 2.4.0, loaded by keras 3" in conversion.log

    def test_file_that_only_tf_keras_reads(
        self, converter_with: Callable[..., Converter], tmp_path: Path, realdata: Path
    ) -> None:
        converter = converter_with(cache=tmp_path / "cache")
        error = refused(converter, realdata / "models" / "vww_96.h5")
        assert "written by Keras 2.4.0, it does not load: tf_keras: " in error.message
        assert "; keras: " in error.message
        assert error.hint.startswith("pip install 'pytest-edgeai[tensorflow]' brings tf-keras")


@pytest.fixture
def lambda_model(models: Path, odd_models: Path, request: pytest.FixtureRequest) -> Path:
    suffix: str = request.param
    return (models if suffix == "keras" else odd_models) / f"lambda.{suffix}"


@pytest.mark.parametrize("lambda_model", ["keras", "h5"], indirect=True)
class TestLambdaLayer:
    def test_is_not_run(self, converter: Converter, lambda_model: Path) -> None:
        error = refused(converter, lambda_model)
        assert f"converted of {lambda_model.name}: it has a Lambda layer: code" in error.message
        assert "edge_model(path, safe_mode=False)" in error.hint

    def test_is_run_when_its_file_is_trusted(
        self, converter: Converter, lambda_model: Path
    ) -> None:
        conversion = made(converter, ModelSource(lambda_model, safe_mode=False))
        assert conversion.model.facts.weights_by_type == {"float32": 8}


def truncated(folder: Path, name: str) -> bytes:
    content = (folder / name).read_bytes()
    return content[: len(content) // 2]


class TestNotAModel:
    """None of these is found out by loading it: the converter's process is gone in a moment."""

    @pytest.mark.parametrize("suffix", ["h5", "keras"])
    @pytest.mark.parametrize(
        ("content", "message", "hint"),
        [
            (POINTER, "the file is a git-lfs pointer, not the model itself", "git lfs pull"),
            (b"", "the file is empty: it is no Keras model", "save it with model.save()"),
            (b"<html></html>", "the file begins with b'<html></'", "save it with model.save()"),
        ],
    )
    def test_something_else(
        self,
        converter: Converter,
        tmp_path: Path,
        suffix: str,
        content: bytes,
        message: str,
        hint: str,
    ) -> None:
        path = tmp_path / f"model.{suffix}"
        path.write_bytes(content)
        error = refused(converter, path)
        assert isinstance(error, ConversionError)
        assert error.message.startswith(f"converted of model.{suffix}: {message}")
        assert error.hint == hint

    @pytest.mark.parametrize("name", ["digits.h5", "digits.keras"])
    def test_cut_short(self, converter: Converter, tmp_path: Path, models: Path, name: str) -> None:
        (tmp_path / name).write_bytes(truncated(models, name))
        error = refused(converter, tmp_path / name)
        assert f"converted of {name}: the file is damaged: " in error.message
        assert error.hint == "copy or save the model again"

    def test_weights_only(self, converter: Converter, models: Path) -> None:
        error = refused(converter, models / "weights.weights.h5")
        assert error.message.endswith("weights.weights.h5: the file holds weights only")
        assert "save the whole model" in error.hint


def test_inputs_and_outputs_are_in_the_models_order(converter: Converter, odd_models: Path) -> None:
    samples = {"left": np.eye(4, dtype=np.float32), "right": np.eye(4, 3, dtype=np.float32)}
    model = made(converter, odd_models / "ordered.keras", "int8", samples).model
    assert [tensor.shape for tensor in model.facts.inputs] == [(1, 3), (1, 4)]
    assert [tensor.shape for tensor in model.facts.outputs] == [(1, 2), (1, 5), (1, 7)]
    interpreter = Interpreter(str(model.path))
    names = interpreter.get_signature_runner("serving_default").get_output_details()
    assert {name: details["shape"][-1] for name, details in names.items()} == {
        "zeta": 2,
        "alpha": 5,
        "mid": 7,
    }
    data = data_set(samples)
    assert data is not None
    answers = converter.source_predictions(resolve(odd_models / "ordered.keras", []), data)
    assert list(answers) == ["zeta", "alpha", "mid"]


class TestCustomObjects:
    def test_hint_is_a_function_that_loads_them(
        self, converter: Converter, odd_models: Path
    ) -> None:
        path = odd_models / "custom.keras"
        error = refused(converter, path)
        assert "it does not load: keras: TypeError: Could not locate class 'Doubled'" in (
            error.message
        )
        assert error.hint == (
            'give a function that loads it with its custom objects, edge_model("module:load"), '
            f"with def load(): return keras.models.load_model('{path}', "
            'custom_objects={"Doubled": Doubled}, compile=False)'
        )

    def test_hint_followed(
        self,
        converter: Converter,
        odd_models: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        load = refused(converter, odd_models / "custom.keras").hint.partition("with def ")[2]
        (tmp_path / "loading_custom.py").write_text(
            "import keras\n\nclass Doubled(keras.layers.Layer):\n"
            f"    def call(self, x):\n        return x * 2\n\ndef {load}\n"
        )
        monkeypatch.syspath_prepend(tmp_path)
        facts = made(converter, "loading_custom:load").model.facts
        assert facts.weights_by_type == {"float32": 8}

    @pytest.mark.parametrize(("suffix", "safe_mode"), [("keras", True), ("h5", False)])
    def test_lambda_as_an_activation(
        self, converter: Converter, odd_models: Path, suffix: str, safe_mode: bool
    ) -> None:
        """Keras cannot read it, also where the file is trusted."""
        path = odd_models / f"lambda_activation.{suffix}"
        error = refused(converter, ModelSource(path, safe_mode=safe_mode))
        assert "a lambda is the activation, or another argument, of layer squared: Keras" in (
            error.message
        )
        assert error.hint.startswith("put a named function in its place")
        assert f"model.load_weights('{path}')" in error.hint


@pytest.mark.parametrize(
    ("name", "other"),
    [("digits.keras", "MODEL.KERAS"), ("digits.h5", "MODEL.H5"), ("digits.keras", "of_zip.h5")],
)
def test_suffix_of_another_kind(
    converter_with: Callable[..., Converter], tmp_path: Path, models: Path, name: str, other: str
) -> None:
    """In capital letters, and of the other format."""
    shutil.copy(models / name, tmp_path / other)
    conversion = made(converter_with(cache=tmp_path / "cache"), tmp_path / other)
    assert conversion.model.facts.weights_by_type["float32"] > 10000


def test_saved_model_under_any_path(
    converter: Converter, models: Path, tmp_path: Path, digits: Array
) -> None:
    path = tmp_path / "a [x] b, 50% *#? größe\\n" / "two\nlines {a,b}"
    shutil.copytree(models / "digits", path)
    assert made(converter, path, "int8", digits[:4]).model.facts.int8_weight_share == 1.0
    data = data_set(digits[:2])
    assert data is not None
    (answers,) = converter.source_predictions(resolve(path, []), data).values()
    assert answers.shape == (2, 10)


def test_operation_without_a_kernel(converter: Converter, odd_models: Path) -> None:
    error = refused(converter, odd_models / "odd")
    assert error.message == "converted of odd: TensorFlow Lite has no operator for Betainc"
    assert error.hint.startswith("use layers that TensorFlow Lite has")


class TestSignatures:
    def test_usual_one_alone(self, converter: Converter, odd_models: Path, digits: Array) -> None:
        usual, calibration = odd_models / "usual", digits.reshape(-1, 4)
        facts = made(converter, usual, "int8", calibration).model.facts
        assert facts.signatures == ("serving_default",)
        assert facts.outputs[0].shape == (1, 300)

    @pytest.mark.parametrize("variant", ["converted", "int8"])
    def test_several_others(
        self, converter: Converter, odd_models: Path, digits: Array, variant: Variant
    ) -> None:
        error = refused(converter, odd_models / "several", variant, digits.reshape(-1, 4))
        assert error.message == (
            f"{variant} of several: the SavedModel has 2 signatures, and which one is meant is not "
            "said:\n- a(x: float32 [1, 4]) -> sum: float32 [1]\n"
            "- b(x: float32 [1, 4]) -> y: float32 [1, 300]"
        )
        assert error.hint.startswith('name the one to test: edge_model(..., signature="a"), ')

    def test_one_that_is_named(self, converter: Converter, odd_models: Path, digits: Array) -> None:
        calibration = digits.reshape(-1, 4)
        for key, operators in (("a", {"SUM"}), ("b", {"FULLY_CONNECTED", "SOFTMAX", "RESHAPE"})):
            source = ModelSource(odd_models / "several", signature=key)
            for variant in VARIANTS[:1] + VARIANTS[2:3]:
                model = made(converter, source, variant, calibration).model
                assert model.facts.signatures == (key,)
                kinds = {operator.name for operator in model.facts.operators}
                assert kinds - {"QUANTIZE", "DEQUANTIZE"} == operators
                assert (model.name, model.source) == (f"several:{key}", f"several:{key}")

    def test_a_name_that_is_not_there(self, converter: Converter, odd_models: Path) -> None:
        error = refused(converter, ModelSource(odd_models / "several", signature="c"))
        assert error.message.startswith(
            "converted of several:c: the SavedModel has no signature 'c'; it has these:\n- a(x: "
        )
        error = refused(converter, ModelSource(odd_models / "lstm.keras", signature="c"))
        assert "has no signature 'c'; it has these:\n- serv" in error.message

    def test_none(self, converter: Converter, odd_models: Path) -> None:
        error = refused(converter, odd_models / "unsigned")
        assert error.message == "converted of unsigned: the SavedModel has no signature"
        assert error.hint == "save it with signatures, or model.export()"
