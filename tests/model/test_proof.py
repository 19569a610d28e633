"""That a file is the variant that it is taken for."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_edgeai.errors import ModelError
from pytest_edgeai.model.proof import EdgeType, describe, prove, proven_variant
from pytest_edgeai.model.tflite import ModelFacts, read_facts, read_signatures
from pytest_edgeai.model.variants import NAMES

TINY_MODELS = Path(__file__).with_name("tiny_models.py")

PUBLISHED = {
    "ad01_fp32": "converted",
    "ad01_dynamic": "dynamic",
    "ad01_int8": "int8",
    "mnist_lstm_float": "converted",
    "mnist_lstm_int8": "int8",
    "mobilenet_v1_0.25_224_float": "converted",
    "mobilenet_v1_0.25_224_uint8": "int8",
    "mobilenet_v2_1.0_224_uint8": "int8",
    "resnet8_cifar10_float": "converted",
    "resnet8_cifar10_int8": "int8",
    "ssd_mobilenet_v1_coco_uint8": "int8",
    "vww_96_float": "converted",
    "vww_96_int8": "int8",
}
QUANTIZER = {
    "dynamic_wi4_afp32": "dynamic",
    "dynamic_wi8_afp32": "dynamic",
    "weight_only_wi4_afp32": "weight-only",
    "weight_only_wi8_afp32": "weight-only",
}
FRESH = {
    "image-converted": "converted",
    "image-dynamic": "dynamic",
    "image-float16": "float16",
    "image-int8-uint8": "int8",
    "image-int8-int8": "int8",
    "image-int16x8": "int16x8",
    "image-int16x8-int16": "int16x8",
    "ids-converted": "converted",
    "ids-dynamic": "dynamic",
    "ids-float16": "float16",
    "ids-int8-uint8": "int8",
    "pair-converted": "converted",
    "pair-dynamic": "dynamic",
    "pair-int8-int8": "int8",
    "volume-dynamic": "dynamic",
    "chosen-int8-uint8": "int8",
    "pool-int8-uint8": "int8",
    "dense1024-dynamic": "dynamic",
    "signed-converted": "converted",
    "counting-converted": "converted",
}


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny models converted by the TensorFlow that is installed here."""
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("tensorflow is not installed: nothing converts the tiny models")
    folder = tmp_path_factory.mktemp("fresh")
    command = [sys.executable, str(TINY_MODELS), str(folder)]
    quiet = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    run = subprocess.run(command, env=quiet, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr[-4000:]
    return folder


def refusal(facts: ModelFacts, variant: str, int8_io: EdgeType | None = None) -> str:
    with pytest.raises(ModelError) as caught:
        prove(facts, variant, name="digits.keras", int8_io=int8_io)
    return str(caught.value)


@pytest.mark.parametrize(("name", "variant"), [*PUBLISHED.items(), *QUANTIZER.items()])
def test_published_model_is_what_it_is_and_nothing_else(
    realdata: Path, name: str, variant: str
) -> None:
    folder = "quantizer" if name in QUANTIZER else "models"
    facts = read_facts(realdata / folder / f"{name}.tflite")
    prove(facts, variant, name=name)
    assert proven_variant(facts) == variant
    for other in set(NAMES) - {variant}:
        assert f"digits.keras is not {other!r}; it looks like: {variant}" in refusal(facts, other)


@pytest.mark.parametrize(("name", "variant"), FRESH.items())
def test_fresh_conversion_is_what_it_is_and_nothing_else(
    fresh: Path, name: str, variant: str
) -> None:
    path = fresh / f"{name}.tflite"
    facts = read_facts(path, read_signatures(path)[0])
    prove(facts, variant, name=name)
    assert proven_variant(facts) == variant
    for other in set(NAMES) - {variant}:
        assert f"digits.keras is not {other!r}; it looks like: {variant}" in refusal(facts, other)


class TestConvertedHere:
    """What TensorFlow's converter makes of models that do not suit a variant."""

    @pytest.mark.parametrize("io", ["uint8", "int8", "float32"])
    def test_int8_edges_are_exactly_what_was_asked(self, fresh: Path, io: EdgeType) -> None:
        facts = read_facts(fresh / f"image-int8-{io}.tflite")
        prove(facts, "int8", name="image", int8_io=io)
        others: set[EdgeType] = {"uint8", "int8", "float32"}
        for other in others - {io}:
            message = refusal(facts, "int8", other)
            assert f"{io} [1, 16, 16, 3] is not {other}" in message
            assert f"convert with tf.{other} as inference_input_type" in message

    def test_int8_with_float_edges(self, fresh: Path) -> None:
        facts = read_facts(fresh / "image-int8-float32.tflite")
        prove(facts, "int8", name="image")
        assert describe(facts) == "int8 with float32 inputs and outputs"

    def test_operator_without_an_int8_kernel(self, fresh: Path) -> None:
        message = refusal(read_facts(fresh / "negated-int8-uint8.tflite"), "int8", "uint8")
        assert "it looks like: mixed: int8 with 1 operator in float: NEG" in message
        in_float = r"- 1 operator computing in float: NEG of sequential\w*/lambda\w*\n"
        assert re.search(in_float, message)
        assert "with TFLITE_BUILTINS_INT8 too: replace their layers" in message

    def test_layer_without_an_int8_kernel(self, fresh: Path) -> None:
        message = refusal(read_facts(fresh / "volume-int8-uint8.tflite"), "int8")
        assert "- 1 weight in float: 'sequential" in message
        assert "float32 [3, 3, 3, 3, 16]" in message
        assert "- 1 operator computing in float: CONV_3D" in message

    def test_dynamic_range_conversion_that_changed_nothing(self, fresh: Path) -> None:
        message = refusal(read_facts(fresh / "dense1023-dynamic.tflite"), "dynamic")
        assert "0.00 % of the weight elements are in 8 bits; float: " in message
        assert "leaves weights under 1,024 elements in float" in message
        assert "the largest of these has 1,023" in message
        assert message.endswith("test converted_interpreter instead")

    @pytest.mark.parametrize("variant", ["dynamic", "float16"])
    def test_nothing_to_gain_without_weights(self, fresh: Path, variant: str) -> None:
        message = refusal(read_facts(fresh / f"pool-{variant}.tflite"), variant)
        assert "it has no weights that could be" in message
        assert message.endswith("test converted_interpreter instead")

    def test_several_signatures_over_one_weight(self, fresh: Path) -> None:
        for key in ("there", "back"):
            facts = read_facts(fresh / "signed-converted.tflite", key)
            assert set(facts.signatures) == {"there", "back"}
            assert facts.weights_by_type == {"float32": 64 * 64}

    def test_variable_is_state(self, fresh: Path) -> None:
        assert read_facts(fresh / "counting-converted.tflite").stateful
        assert not read_facts(fresh / "image-converted.tflite").stateful

    def test_two_inputs_and_outputs(self, fresh: Path) -> None:
        facts = read_facts(fresh / "pair-int8-int8.tflite")
        assert [edge.dtype for edge in facts.inputs + facts.outputs] == ["int8"] * 4


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("recipe", ["dynamic", "weight_only"])
def test_weights_of_another_quantizer(realdata: Path, recipe: str, bits: int) -> None:
    facts = read_facts(realdata / "quantizer" / f"{recipe}_wi{bits}_afp32.tflite")
    is_weight_only = recipe == "weight_only"
    counts = {operator.name: operator.count for operator in facts.operators}
    assert counts.pop("DEQUANTIZE", 0) == (10 if is_weight_only else 0)
    assert counts.pop("CONV_2D") == 9
    assert counts.pop("ADD") == 3
    assert set(counts.values()) == {1}
    assert facts.weights_by_type == {f"int{bits}": 77_360}
    assert facts.dequantized_weight_share == (1.0 if is_weight_only else 0.0)
    if is_weight_only:
        assert describe(facts).startswith(f"weight-only: weights in int{bits}, made floats by DEQ")


def test_a_file_says_of_which_type_its_outputs_are(realdata: Path) -> None:
    facts = read_facts(realdata / "models" / "ssd_mobilenet_v1_coco_uint8.tflite")
    assert describe(facts) == "int8 with uint8 inputs and float32 outputs"


@pytest.mark.parametrize(
    ("name", "variant"),
    [("needs_edgetpu", "int8"), ("needs_flex_delegate", "converted")],
)
def test_models_of_custom_operators_alone(realdata: Path, name: str, variant: str) -> None:
    assert proven_variant(read_facts(realdata / "broken" / f"{name}.tflite")) == variant
