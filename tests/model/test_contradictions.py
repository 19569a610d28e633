"""What contradicts each variant, on facts made by hand."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from pytest_edgeai.errors import ModelError, UsageError
from pytest_edgeai.model.facts import ModelFacts, TensorFacts
from pytest_edgeai.model.proof import EdgeType, describe, prove, proven_variant


def tensor(name: str, dtype: str, *shape: int, **more: Any) -> TensorFacts:
    return TensorFacts(name=name, dtype=dtype, shape=shape, shape_signature=shape, **more)


def float_facts(**changes: Any) -> ModelFacts:
    """A float32 model of one layer, but for the changes."""
    facts = ModelFacts(
        size_bytes=9_000,
        sha256="0" * 64,
        inputs=(tensor("x", "float32", 1, 64),),
        outputs=(tensor("y", "float32", 1, 32),),
        operators=(),
        tensors_by_type={"float32": 3},
        activations_by_type={"float32": 1},
        weights_by_type={"float32": 2048},
        int8_weight_share=0.0,
        dequantized_weight_share=0.0,
        largest_tensors={"w": 8192},
        float_weights=(tensor("w", "float32", 32, 64),),
        float_operators=("FULLY_CONNECTED",),
        float_layers=("dense",),
        quantized_operators=(),
        signatures=("serving_default",),
        stateful=False,
    )
    return dataclasses.replace(facts, **changes)


def int8_facts(**changes: Any) -> ModelFacts:
    """A full-integer model of one layer with int8 edges, but for the changes."""
    facts = float_facts(
        inputs=(tensor("x", "int8", 1, 64, scales=(0.5,), zero_points=(0,)),),
        outputs=(tensor("y", "int8", 1, 32, scales=(0.5,), zero_points=(0,)),),
        activations_by_type={"int8": 1},
        weights_by_type={"int8": 2048},
        int8_weight_share=1.0,
        float_weights=(),
        float_operators=(),
        float_layers=(),
        quantized_operators=("FULLY_CONNECTED",),
    )
    return dataclasses.replace(facts, **changes)


def refusal(facts: ModelFacts, variant: str, int8_io: EdgeType | None = None) -> str:
    with pytest.raises(ModelError) as caught:
        prove(facts, variant, name="digits.keras", int8_io=int8_io)
    return str(caught.value)


class TestInt8:
    def test_float_file_is_refused_with_what_to_do(self) -> None:
        assert refusal(float_facts(), "int8") == (
            "digits.keras is not 'int8'; it looks like: converted\n"
            "- 1 weight in float: 'w' float32 [32, 64]\n"
            "- 1 operator computing in float: FULLY_CONNECTED\n"
            "- nothing in it is quantised\n"
            "hint: test it with converted_interpreter, or convert again with "
            "optimizations=[tf.lite.Optimize.DEFAULT], a representative_dataset and "
            "supported_ops=[TFLITE_BUILTINS_INT8]"
        )

    def test_indices_and_flags_may_be_other_integers(self) -> None:
        edges = tensor("ids", "int32", 1, 8), tensor("flag", "bool", 1), tensor("n", "string", 1)
        prove(int8_facts(inputs=edges, outputs=edges), "int8", name="m", int8_io="uint8")

    def test_custom_operators_may_make_floats(self) -> None:
        boxes = tensor("boxes", "float32", 1, 10, 4, by_custom=True)
        prove(int8_facts(outputs=(boxes,)), "int8", name="m", int8_io="int8")

    def test_custom_operators_may_not_change_a_quantised_edge(self) -> None:
        image = tensor("image", "uint8", 1, 8, scales=(0.5,), by_custom=True)
        assert "input 'image' uint8 [1, 8] is not int8" in refusal(
            int8_facts(inputs=(image,)), "int8", "int8"
        )

    @pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
    def test_a_file_may_have_any_edges_and_a_conversion_those_it_was_told(
        self, dtype: EdgeType
    ) -> None:
        scales = () if dtype == "float32" else (0.5,)
        facts = int8_facts(inputs=(tensor("x", dtype, 1, 64, scales=scales),))
        prove(facts, "int8", name="m")
        assert describe(facts) == f"int8 with {dtype} inputs and int8 outputs"
        assert f"input 'x' {dtype} [1, 64] is not int8" in refusal(facts, "int8", "int8")

    def test_sixteen_bit_weights(self) -> None:
        facts = int8_facts(weights_by_type={"int8": 2048, "int16": 64}, int8_weight_share=0.97)
        assert "- 64 weight elements in int16" in refusal(facts, "int8")

    def test_sixteen_bit_activations_behind_float_edges(self) -> None:
        floats = float_facts()
        facts = int8_facts(
            inputs=floats.inputs, outputs=floats.outputs, activations_by_type={"int16": 3}
        )
        assert "- its activations are int16" in refusal(facts, "int8", "float32")

    def test_four_bit_weights_are_fine(self) -> None:
        prove(int8_facts(weights_by_type={"int4": 2048}), "int8", name="m")

    def test_no_weights_are_fine_and_nothing_quantised_is_not(self) -> None:
        pooling = int8_facts(weights_by_type={}, int8_weight_share=None)
        prove(pooling, "int8", name="m")
        ids = (tensor("ids", "int32", 1, 8),)
        counting = dataclasses.replace(pooling, inputs=ids, outputs=ids, quantized_operators=())
        assert "- nothing in it is quantised" in refusal(counting, "int8")

    def test_five_float_weights_are_listed_and_the_rest_counted(self) -> None:
        long = "model/block_1/" * 10
        weights = tuple(tensor(f"{n}{long}", "float32", 9, 9) for n in range(8))
        message = refusal(int8_facts(float_weights=weights), "int8")
        assert "- 8 weights in float: '0model/block_1/" in message
        assert "..." in message
        assert "'4model" in message
        assert "'5model" not in message
        assert " and 3 more\n" in message
        assert len(message) < 1_000

    def test_float_operators_are_counted_by_kind(self) -> None:
        layers = {"float_layers": ("norm", "", "norm")}
        facts = int8_facts(float_operators=("NEG", "EXP", "NEG"), **layers)
        assert "- 3 operators computing in float: NEG of norm (2), EXP" in refusal(facts, "int8")

    def test_a_file_without_large_weights_gains_from_int8(self) -> None:
        facts = float_facts(weights_by_type={}, int8_weight_share=None, float_weights=())
        assert "changes nothing" not in refusal(facts, "int8")


class TestDynamic:
    def with_share(self, share: float, *weights: TensorFacts) -> ModelFacts:
        elements = {"int8": round(share * 100_000), "float32": round((1 - share) * 100_000)}
        return float_facts(weights_by_type=elements, int8_weight_share=share, float_weights=weights)

    def test_half_of_the_weights_is_enough(self) -> None:
        prove(self.with_share(0.5, tensor("small", "float32", 10, 10)), "dynamic", name="m")

    def test_one_big_layer_left_in_float(self) -> None:
        message = refusal(self.with_share(0.49, tensor("big", "float32", 510, 100)), "dynamic")
        assert "49.00 % of the weight elements are in 8 bits; float: 'big'" in message
        assert "leaves weights under" not in message.split("hint")[0]
        assert "it looks like: mixed: float with 49.00 % of the weights in int8" in message
        assert "operators without a dynamic-range kernel" in message

    def test_small_layers_alone(self) -> None:
        message = refusal(self.with_share(0.1, tensor("small", "float32", 31, 33)), "dynamic")
        assert "leaves weights under 1,024 elements in float, and the largest" in message
        assert "of these has 1,023" in message

    def test_float_file_with_large_weights_was_not_converted_so(self) -> None:
        message = refusal(float_facts(), "dynamic")
        assert "test it with converted_interpreter, or convert again with opt" in message

    def test_uint8_embedding(self) -> None:
        facts = float_facts(weights_by_type={"uint8": 3200}, int8_weight_share=1.0)
        prove(facts, "dynamic", name="m")
        assert "- 3,200 weight elements in uint8" in refusal(facts, "converted")

    def test_quantised_activations(self) -> None:
        floats = float_facts()
        facts = int8_facts(inputs=floats.inputs, outputs=floats.outputs)
        message = refusal(facts, "dynamic")
        assert "- 1 operator computing on quantised values: FULLY_CONNECTED" in message
        assert "test it with int8_interpreter" in message


class TestConverted:
    def test_few_weights_or_none(self) -> None:
        prove(float_facts(weights_by_type={"float32": 4}), "converted", name="m")
        prove(float_facts(weights_by_type={}, int8_weight_share=None), "converted", name="m")

    def test_raw_bytes_as_input_are_not_quantised(self) -> None:
        prove(float_facts(inputs=(tensor("jpeg", "uint8", 1, 64),)), "converted", name="m")

    def test_one_small_weight_in_8_bits(self) -> None:
        facts = float_facts(weights_by_type={"float32": 99_000, "int8": 1_000})
        assert "- 1,000 weight elements in int8" in refusal(facts, "converted")

    def test_quantised_edges_where_nothing_computes_in_float(self) -> None:
        edges = (tensor("x", "uint8", 1, 64, scales=(0.5,)),)
        prove(float_facts(inputs=edges), "converted", name="m")
        facts = float_facts(inputs=edges, float_operators=(), float_layers=())
        assert "input 'x' uint8 [1, 64] is not float" in refusal(facts, "converted")

    def test_quantised_operators_without_weights(self) -> None:
        facts = float_facts(quantized_operators=("MAX_POOL_2D",))
        assert "quantised values: MAX_POOL_2D" in refusal(facts, "converted")


class TestFloat16:
    def test_less_than_half(self) -> None:
        facts = float_facts(weights_by_type={"float16": 49, "float32": 51})
        assert "49.00 % of the weight elements are in float16" in refusal(facts, "float16")
        prove(float_facts(weights_by_type={"float16": 50, "float32": 50}), "float16", name="m")

    def test_edges_may_be_of_16_bits(self) -> None:
        half = tensor("x", "float16", 1, 64)
        facts = float_facts(inputs=(half,), weights_by_type={"float16": 100})
        prove(facts, "float16", name="m")


class TestInt16x8:
    def facts(self, **changes: Any) -> ModelFacts:
        floats = float_facts()
        base = int8_facts(
            inputs=floats.inputs, outputs=floats.outputs, activations_by_type={"int16": 2}
        )
        return dataclasses.replace(base, **changes)

    def test_float_operators_may_be_fewer_only(self) -> None:
        prove(self.facts(float_operators=("NEG",), float_layers=("",)), "int16x8", name="m")
        two = {"float_operators": ("NEG", "EXP"), "float_layers": ("", "")}
        assert "- 2 operators computing in float: NEG, EXP" in refusal(self.facts(**two), "int16x8")

    def test_8_bit_activations(self) -> None:
        message = refusal(self.facts(activations_by_type={"int8": 2}), "int16x8")
        assert "- its activations are not int16" in message

    def test_weights_left_in_float(self) -> None:
        facts = self.facts(int8_weight_share=0.1, float_weights=(tensor("w", "float32", 9, 9),))
        assert "10.00 % of the weight elements are in 8 bits; float: 'w'" in refusal(
            facts, "int16x8"
        )


class TestWeightOnly:
    def facts(self, dequantized: float, **changes: Any) -> ModelFacts:
        elements = {"weights_by_type": {"int8": 4096}, "int8_weight_share": 1.0}
        shares = {**elements, "dequantized_weight_share": dequantized, "float_weights": ()}
        return float_facts(**{**shares, **changes})

    def test_weights_that_are_made_floats_are_no_dynamic_range(self) -> None:
        facts = self.facts(1.0)
        prove(facts, "weight-only", name="m")
        message = refusal(facts, "dynamic")
        assert "it looks like: weight-only: weights in int8, made floats by DEQUANTIZE" in message
        assert "- 100.00 % of the weights are made floats by DEQUANTIZE before they are" in message
        assert "hint: test the .tflite file as what it is, with the interpreter fixture" in message

    def test_most_of_them_decide(self) -> None:
        assert proven_variant(self.facts(0.51)) == "weight-only"
        assert proven_variant(self.facts(0.5)) == "dynamic"
        few = self.facts(0.4, int8_weight_share=0.4, weights_by_type={"int8": 40, "float32": 60})
        assert describe(few) == "mixed: float with 40.00 % of the weights in int8"

    def test_dynamic_range_is_no_weight_only(self) -> None:
        message = refusal(self.facts(0.0), "weight-only")
        assert "- operators compute with its weights of 8 bits as they are" in message
        assert message.endswith("hint: test it with dynamic_interpreter")

    def test_a_float_file_is_neither(self) -> None:
        assert "0.00 % of the weight elements are in 8 bits" in refusal(
            float_facts(), "weight-only"
        )


class TestMixed:
    @pytest.mark.parametrize(
        ("changes", "description"),
        [
            ({"float_operators": ("NEG",)}, "int8 with 1 operator in float: NEG"),
            (
                {"float_operators": ("NEG",), "float_weights": (tensor("w", "float32", 9, 9),)},
                "int8 with 1 operator in float: NEG and 1 weight in float",
            ),
            (
                {"float_operators": ("EXP", "NEG")},
                "float with 1 operator on quantised values: FULLY_CONNECTED and 100.00 % of the "
                "weights in int8",
            ),
            (
                {"weights_by_type": {"int16": 50, "int8": 50}},
                "int8 with 50.00 % of the weights in int16",
            ),
        ],
    )
    def test_what_is_none_of_the_others(self, changes: dict[str, Any], description: str) -> None:
        layers = ("",) * len(changes.get("float_operators", ()))
        facts = int8_facts(float_layers=layers, **changes)
        assert (proven_variant(facts), describe(facts)) == ("mixed", f"mixed: {description}")
        prove(facts, "mixed", name="m")

    def test_what_is_one_of_the_others_is_not_mixed(self) -> None:
        message = refusal(int8_facts(), "mixed")
        assert message.startswith("digits.keras is not 'mixed'; it looks like: int8 with int8 in")
        assert message.endswith("hint: test it with int8_interpreter")


def test_unknown_variant_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="no variant is called 'int4'\nhint: one of converted, "):
        prove(float_facts(), "int4", name="m")
