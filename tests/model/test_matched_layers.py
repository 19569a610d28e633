"""Layers of two conversions of a model: which belong together, and what they are called."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from pytest_edgeai.errors import ModelError
from pytest_edgeai.model.flatbuffer import OperatorRow, SubgraphRow, TensorRow
from pytest_edgeai.model.layers import layer_path, matched_layers, read_layers
from pytest_edgeai.model.tflite import Model, read_facts


def tensor(index: int, name: str, dtype: str = "float32", constant: bool = False) -> TensorRow:
    scales = (0.5,) if dtype == "int8" and not constant else ()
    return TensorRow(
        index, name, dtype, (1, 4), (1, 4), scales, (0,) * len(scales), 0, constant, False
    )


def operator(kind: str, reads: Sequence[TensorRow], *makes: TensorRow) -> OperatorRow:
    return OperatorRow(kind, 1, False, tuple(reads), makes)


def graph(inputs: Sequence[TensorRow], *operators: OperatorRow) -> SubgraphRow:
    made = tuple(t for op in operators for t in op.outputs)
    return SubgraphRow((*inputs, *made), operators, tuple(inputs), made[-1:])


class TestNames:
    """As TensorFlow 2.3 to 2.21 and TensorFlow 1 wrote them."""

    @pytest.mark.parametrize(
        ("kind", "weights", "output", "path"),
        [
            (
                "CONV_2D",
                "sequential_1/conv2d_1/convolution",
                "sequential_1/conv2d_1/Relu;sequential_1/conv2d_1/BiasAdd;"
                "sequential_1/conv2d_1/convolution;sequential_1/conv2d_1/Squeeze1",
                "sequential_1/conv2d_1",
            ),
            (
                "CONV_2D",
                "model/conv2d/Conv2D",
                "model/activation/Relu;model/batch_normalization/FusedBatchNormV3;"
                "model/conv2d/BiasAdd/ReadVariableOp/resource;model/conv2d/BiasAdd;"
                "model/conv2d_2/Conv2D;model/conv2d/Conv2D1",
                "model/conv2d",
            ),
            (
                "CONV_2D",
                "model/stem/Conv2D",
                "model/activation/Relu;model/batch_normalization/FusedBatchNormV3;"
                "model/stem_2/Conv2D;model/stem/Conv2D1",
                "model/stem",
            ),
            (
                "DEPTHWISE_CONV_2D",
                "model/batch_normalization_1/FusedBatchNormV3;model/depthwise_conv2d/depthwise",
                "model/activation_1/Relu;model/batch_normalization_1/FusedBatchNormV3;"
                "model/depthwise_conv2d/depthwise",
                "model/depthwise_conv2d",
            ),
            ("FULLY_CONNECTED", "functional_1/dense_9/MatMul", "Identity", "functional_1/dense_9"),
            ("FULLY_CONNECTED", "arith.constant", "Identity", "fully_connected"),
            ("ADD", "", "model/activation_2/Relu;model/add/add", "model/add"),
            ("AVERAGE_POOL_2D", "", "model/average_pooling2d/AvgPool", "model/average_pooling2d"),
            (
                "CONV_2D",
                "MobilenetV1/Conv2d_1_pointwise/weights_quant/FakeQuantWithMinMaxVars",
                "MobilenetV1/Conv2d_1_pointwise/Relu6",
                "MobilenetV1/Conv2d_1_pointwise",
            ),
            ("SOFTMAX", "", "StatefulPartitionedCall_1:0", "softmax"),
            ("LSTM", "", "tfl.unidirectional_sequence_lstm", "unidirectional_sequence_lstm"),
            ("RELU", "", "", "relu"),
        ],
    )
    def test_of_a_layer(self, kind: str, weights: str, output: str, path: str) -> None:
        reads = [tensor(0, "x"), tensor(1, weights, "int8", constant=True)]
        assert layer_path(operator(kind, reads, tensor(2, output))) == path

    def test_are_as_long_as_it_takes_to_tell_them_apart(self) -> None:
        x, *made = (tensor(i, f"model/{n}/BiasAdd") for i, n in enumerate(("x", "a/c", "b/c", "d")))
        own = graph(
            [x],
            *(
                operator("CONV_2D", [before], after)
                for before, after in zip([x, *made], made, strict=False)
            ),
        )
        assert [row.name for row in matched_layers(own, own)][1:] == ["a/c", "b/c", "d"]


def published(realdata: Path, *names: str) -> list[Model]:
    paths = [realdata / "models" / f"{name}.tflite" for name in names]
    return [Model(path, path.name, "", read_facts(path)) for path in paths]


class TestPublishedModels:
    @pytest.mark.parametrize(
        ("own", "base", "count"),
        [
            ("resnet8_cifar10_int8", "resnet8_cifar10_float", 17),
            ("vww_96_int8", "vww_96_float", 32),
            ("ad01_int8", "ad01_fp32", 11),
            ("ad01_dynamic", "ad01_fp32", 11),
            ("mobilenet_v1_0.25_224_uint8", "mobilenet_v1_0.25_224_float", 32),
            ("mnist_lstm_int8", "mnist_lstm_float", 5),
        ],
    )
    def test_all_layers_have_a_counterpart(
        self, realdata: Path, own: str, base: str, count: int
    ) -> None:
        rows = read_layers(*published(realdata, own, base))
        assert len(rows) == count
        assert len({row.name for row in rows}) == count
        assert rows[0].operator == "INPUT"
        for row in rows:
            assert row.output.shape == row.baseline.shape
            assert row.baseline.dtype == "float32"

    def test_residual_additions_read_both_branches(self, realdata: Path) -> None:
        names = ("resnet8_cifar10_int8", "resnet8_cifar10_float")
        rows = read_layers(*published(realdata, *names))
        by_name = {row.name: row for row in rows}
        assert [rows[i].name for i in by_name["add_1"].inputs] == ["conv2d_5", "conv2d_4"]
        assert [rows[i].name for i in by_name["conv2d_5"].inputs] == ["add"]

    def test_another_model_has_none(self, realdata: Path) -> None:
        models = published(realdata, "ad01_int8", "resnet8_cifar10_int8")
        with pytest.raises(ModelError, match="do not correspond: 10 operators in one and 16 in"):
            read_layers(*models)


class TestMatching:
    x = tensor(0, "x")

    def two_convolutions(self, *names: str, kinds: Sequence[str] = ("CONV_2D", "RELU")) -> object:
        a, b = (tensor(i, name) for i, name in enumerate(names, 1))
        return graph([self.x], operator(kinds[0], [self.x], a), operator(kinds[1], [self.x], b))

    def partners(self, own: object, base: object) -> list[str]:
        assert isinstance(own, SubgraphRow)
        assert isinstance(base, SubgraphRow)
        return [row.baseline.name for row in matched_layers(own, base)]

    def test_by_name_where_the_order_differs(self) -> None:
        own = self.two_convolutions("m/a/Relu", "m/b/Relu")
        base = self.two_convolutions("m/b/Relu", "m/a/Relu", kinds=("RELU", "CONV_2D"))
        assert self.partners(own, base) == ["x", "m/a/Relu", "m/b/Relu"]

    def test_in_order_where_the_names_differ(self) -> None:
        own = self.two_convolutions("p", "q")
        assert self.partners(own, self.two_convolutions("r", "s")) == ["x", "r", "s"]

    def test_not_where_the_kinds_differ(self) -> None:
        base = self.two_convolutions("r", "s", kinds=("CONV_2D", "TANH"))
        with pytest.raises(ModelError, match="'q' is RELU in one and TANH in the other"):
            self.partners(self.two_convolutions("p", "q"), base)

    def test_not_where_they_read_something_else(self) -> None:
        a, b = tensor(1, "a"), tensor(2, "b")
        base = graph([self.x], operator("CONV_2D", [self.x], a), operator("RELU", [a], b))
        with pytest.raises(ModelError, match="RELU of 'q' reads other values"):
            self.partners(self.two_convolutions("p", "q"), base)

    def test_casts_are_read_through(self) -> None:
        x, q, a, d = (
            tensor(0, "x"),
            tensor(1, "x_int8", "int8"),
            tensor(2, "a_int8", "int8"),
            tensor(3, "a"),
        )
        own = graph(
            [x],
            operator("QUANTIZE", [x], q),
            operator("CONV_2D", [q], a),
            operator("DEQUANTIZE", [a], d),
        )
        made = tensor(1, "a")
        rows = matched_layers(own, graph([self.x], operator("CONV_2D", [self.x], made)))
        assert [(row.operator, row.baseline.name, row.inputs) for row in rows] == [
            ("INPUT", "x", ()),
            ("INPUT", "x", (0,)),
            ("CONV_2D", "a", (1,)),
            ("DEQUANTIZE", "a", (2,)),
        ]

    def test_numbers_that_are_no_values_are_left_out(self) -> None:
        shape, y = tensor(1, "shape", "int32"), tensor(2, "y")
        own = graph(
            [self.x],
            operator("SHAPE", [self.x], shape),
            operator("RESHAPE", [self.x, shape], y),
        )
        assert [row.output.name for row in matched_layers(own, own)] == ["x", "y"]
