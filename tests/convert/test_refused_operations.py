"""Operations that TensorFlow Lite has no operators for: which, from where, why, and what to do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from asking import HERE, Array, data_set, made, refused

from pytest_edgeai.convert.converter import Converter
from pytest_edgeai.convert.keras_facts import KerasFacts
from pytest_edgeai.convert.refused_operations import layer_of, refusal, refused_operations
from pytest_edgeai.model.source import resolve


@pytest.fixture(scope="session")
def folder(once: Callable[..., Path]) -> Path:
    """The folder that ``refused_models.py`` writes."""

    def make(folder: Path) -> None:
        command = [sys.executable, HERE / "refused_models.py", folder]
        run = subprocess.run(command, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr[-4000:]

    return once("refused-models", make)


@pytest.fixture
def known(folder: Path) -> dict[str, Array]:
    with np.load(folder / "answers.npz") as file:
        return dict(file)


def answers(path: Path, samples: Array) -> dict[str, Array]:
    """What a converted model answers, one sample at a time."""
    runner = Interpreter(str(path)).get_signature_runner("serving_default")
    (name,) = runner.get_input_details()
    each = [runner(**{name: sample[None]}) for sample in samples]
    return {output: np.concatenate([answer[output] for answer in each]) for output in each[0]}


@pytest.mark.parametrize(
    ("name", "what", "hint"),
    [
        (
            "text.keras",
            "StringLower, StaticRegexReplace, StringSplitV2, RaggedTensorToTensor in layer words: "
            "these work on text",
            "split text into numbers before the model",
        ),
        (
            "pools.keras",
            "MaxPool3D in layers pool_1, pool_2",
            "use layers that TensorFlow Lite has",
        ),
        (
            "half.keras",
            "Conv2D in layer conv; BiasAdd in layers conv, scores; MatMul in layer scores: it has "
            "them in float32, and the model computes in float16",
            "build the model with the dtype policy float32",
        ),
        (
            "mixed",
            "Conv2D in net_1/conv_1; BiasAdd in net_1/conv_1, net_1/scores_1; MatMul in "
            "net_1/scores_1: it has them in float32, and the model computes in float16",
            "give the Keras model itself, which is exported to compute in float32",
        ),
    ],
)
def test_message(converter: Converter, folder: Path, name: str, what: str, hint: str) -> None:
    error = refused(converter, folder / name)
    assert error.message == f"converted of {name}: TensorFlow Lite has no operator for {what}"
    assert error.hint.startswith(hint)


def test_saved_model_that_was_exported_for_training(converter: Converter, folder: Path) -> None:
    error = refused(converter, folder / "augmented")
    assert "no operator for StatelessRandomGetKeyCounter" in error.message
    assert "/flip_1/" in error.message
    assert error.message.endswith(": these draw random numbers")
    assert error.hint.startswith("layers for training draw them: give the Keras model itself")


def test_mixed_precision_converts_in_float32(
    converter_with: Callable[..., Converter],
    tmp_path: Path,
    folder: Path,
    known: dict[str, Array],
) -> None:
    """With the same weights: the answers are those of a float32 model that has them."""
    converter = converter_with(cache=tmp_path / "cache")
    conversion = made(converter, folder / "mixed.keras")
    assert "its policy is mixed_float16: converted to compute in float32" in conversion.log
    (answer,) = answers(conversion.model.path, known["mixed_x"]).values()
    np.testing.assert_allclose(answer, known["mixed"], atol=1e-5)
    data = data_set(known["mixed_x"])
    assert data is not None
    (source,) = converter.source_predictions(resolve(folder / "mixed.keras", []), data).values()
    np.testing.assert_allclose(source, known["mixed"], atol=1e-5)


def test_one_sample_at_a_time_where_no_other_number_converts(
    converter_with: Callable[..., Converter],
    tmp_path: Path,
    folder: Path,
    known: dict[str, Array],
) -> None:
    conversion = made(converter_with(cache=tmp_path / "cache"), folder / "spectrum")
    assert conversion.model.facts.inputs[0].shape_signature == (1, 128)
    assert "with a free batch size: TensorFlow Lite has no operator for StridedSlice" in (
        conversion.log
    )
    assert "it converts with a batch of 1, which is fixed in the file" in conversion.log
    (answer,) = answers(conversion.model.path, known["spectrum_x"]).values()
    np.testing.assert_allclose(answer, known["spectrum"], atol=1e-4)


def test_argmax_of_keras_3(converter: Converter, folder: Path, known: dict[str, Array]) -> None:
    conversion = made(converter, folder / "argmax.keras")
    operators = {operator.name for operator in conversion.model.facts.operators}
    assert operators <= {"ARG_MAX", "ARG_MIN", "RESHAPE", "SHAPE", "EXPAND_DIMS"}
    for name, answer in answers(conversion.model.path, known["argmax_x"]).items():
        np.testing.assert_array_equal(answer, known[name])


class TestReading:
    """What other versions and models say."""

    @pytest.mark.parametrize("kind", ["TF Select", "Flex", "Custom"])
    def test_summary_alone(self, kind: str) -> None:
        error = f"failed while converting: 'main':\n{kind} ops: Erf, Cross\nDetails:\n\ttf.Erf(...)"
        assert [each.name for each in refused_operations(error)] == ["Cross", "Erf"]

    def test_several_layers(self) -> None:
        lines = [
            f'<unknown>:0: error: loc(fused["Tan:", "net/dense_{n}/Tan@f"]): \'tf.Tan\' op is '
            "neither a custom op nor a flex op"
            for n in range(1, 6)
        ]
        facts = KerasFacts(layers=tuple(f"dense_{n}" for n in range(1, 6)))
        assert str(refusal("\n".join(lines), facts, free_sizes=False)) == (
            "TensorFlow Lite has no operator for Tan in layers dense_1, dense_2, dense_3 and 2 more"
        )

    @pytest.mark.parametrize(
        ("place", "keras_3", "layer"),
        [
            ("net_1/dense_1/Tan", True, "dense"),
            ("net_1/dense_1_1/Tan", True, "dense_1"),
            ("net_1/block_1/dense_1/deep/Tan", True, "dense"),
            ("net/dense_1/Tan", False, "dense_1"),
            ("net/dense_2/Tan", False, "dense"),
            ("net/other/Tan", False, "net"),
            ("a/b/Tan", False, "a/b"),
            ("Tan", False, ""),
        ],
    )
    def test_layer(self, place: str, keras_3: bool, layer: str) -> None:
        """Keras 3 numbers the scope of a layer; Keras 2 that of its second call."""
        facts = KerasFacts(layers=("net", "dense", "dense_1", "block"), keras_3=keras_3)
        assert layer_of(place, facts) == layer

    def test_sizes_that_are_not_fixed(self) -> None:
        error = (
            "<unknown>:0: error: loc(\"a/Slice\"): 'tf.Slice' op is neither a custom op nor a flex "
            'op\n<unknown>:0: note: loc("a/Slice"): see current operation: '
            '%2 = "tf.Slice"(%1) {} : (tensor<1x?xf32>) -> tensor<1x?xf32>'
        )
        assert [each.types for each in refused_operations(error)] == [
            "(tensor<1x?xf32>) -> tensor<1x?xf32>"
        ]
        assert "of the model's inputs are not fixed" in str(
            refusal(error, KerasFacts(), free_sizes=True)
        )
        assert "not fixed" not in str(refusal(error, KerasFacts(), free_sizes=False))

    def test_error_of_another_kind(self) -> None:
        error = (
            'Could not convert.<unknown>:0: error: loc(callsite(fused["Conv2D:", "n/conv/Conv2D@f"]'
            " at \"x\")): 'tf.Conv2D' op requires a fixed channel\n<unknown>:0: note: called from"
        )
        assert str(refusal(error, KerasFacts(layers=("conv",)), free_sizes=False)) == (
            "the converter refused it: 'tf.Conv2D' op requires a fixed channel in layer conv"
        )
