"""Facts of files that are written here, with what no published file at hand has."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flatbuffers
import pytest
import tflite
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_edgeai.errors import ModelError
from pytest_edgeai.model.tflite import ModelFacts, read_facts

FLOAT32, FLOAT16, INT32, INT8, NEVER_HEARD_OF = 0, 1, 2, 9, 99
ADD, CUSTOM, GATHER, VAR_HANDLE = 0, 32, 36, 142


@dataclass
class Tensor:
    shape: Sequence[int] = (2, 3)
    type: int = FLOAT32
    buffer: int = 0
    name: str = "t"
    scale: Sequence[float] = ()
    variable: bool = False
    signature: Sequence[int] = ()


@dataclass
class Operator:
    inputs: Sequence[int] = (0,)
    outputs: Sequence[int] = (1,)
    code: int = ADD
    custom: str = ""


@dataclass
class Outside:
    """A buffer whose data is behind the flatbuffer."""

    offset: int
    size: int


class Writer:
    """Writes a ``.tflite`` file of one graph, its tensors and operators as given."""

    def __init__(self) -> None:
        self.builder = flatbuffers.Builder(1024)

    def write(
        self,
        tensors: Sequence[Tensor],
        operators: Sequence[Operator] = (Operator(),),
        buffers: Sequence[bytes | Outside] = (b"",),
        inputs: Sequence[int] = (0,),
        outputs: Sequence[int] = (1,),
    ) -> bytes:
        graph = self._graph(tensors, operators, inputs, outputs)
        codes = self._tables([self._code(operator) for operator in operators])
        data = self._tables([self._buffer(buffer) for buffer in buffers])
        graphs = self._tables([graph])
        tflite.ModelStart(self.builder)
        tflite.ModelAddVersion(self.builder, 3)
        tflite.ModelAddOperatorCodes(self.builder, codes)
        tflite.ModelAddSubgraphs(self.builder, graphs)
        tflite.ModelAddBuffers(self.builder, data)
        self.builder.Finish(tflite.ModelEnd(self.builder), file_identifier=b"TFL3")
        return bytes(self.builder.Output())

    def _graph(
        self,
        tensors: Sequence[Tensor],
        operators: Sequence[Operator],
        inputs: Sequence[int],
        outputs: Sequence[int],
    ) -> int:
        tensor_table = self._tables([self._tensor(tensor) for tensor in tensors])
        operator_table = self._tables([self._operator(i, o) for i, o in enumerate(operators)])
        numbers = self._integers(inputs), self._integers(outputs)
        tflite.SubGraphStart(self.builder)
        tflite.SubGraphAddTensors(self.builder, tensor_table)
        tflite.SubGraphAddInputs(self.builder, numbers[0])
        tflite.SubGraphAddOutputs(self.builder, numbers[1])
        tflite.SubGraphAddOperators(self.builder, operator_table)
        return int(tflite.SubGraphEnd(self.builder))

    def _tensor(self, tensor: Tensor) -> int:
        shape, signature = self._integers(tensor.shape), self._integers(tensor.signature)
        name, quantization = self.builder.CreateString(tensor.name), self._scale(tensor.scale)
        tflite.TensorStart(self.builder)
        tflite.TensorAddShape(self.builder, shape)
        tflite.TensorAddShapeSignature(self.builder, signature)
        tflite.TensorAddType(self.builder, tensor.type)
        tflite.TensorAddBuffer(self.builder, tensor.buffer)
        tflite.TensorAddName(self.builder, name)
        tflite.TensorAddQuantization(self.builder, quantization)
        tflite.TensorAddIsVariable(self.builder, tensor.variable)
        return int(tflite.TensorEnd(self.builder))

    def _scale(self, scale: Sequence[float]) -> int:
        self.builder.StartVector(4, len(scale), 4)
        for value in reversed(scale):
            self.builder.PrependFloat32(value)
        values = self.builder.EndVector()
        tflite.QuantizationParametersStart(self.builder)
        tflite.QuantizationParametersAddScale(self.builder, values)
        return int(tflite.QuantizationParametersEnd(self.builder))

    def _operator(self, index: int, operator: Operator) -> int:
        inputs, outputs = self._integers(operator.inputs), self._integers(operator.outputs)
        tflite.OperatorStart(self.builder)
        tflite.OperatorAddOpcodeIndex(self.builder, index)
        tflite.OperatorAddInputs(self.builder, inputs)
        tflite.OperatorAddOutputs(self.builder, outputs)
        return int(tflite.OperatorEnd(self.builder))

    def _code(self, operator: Operator) -> int:
        custom = self.builder.CreateString(operator.custom) if operator.custom else 0
        tflite.OperatorCodeStart(self.builder)
        tflite.OperatorCodeAddDeprecatedBuiltinCode(self.builder, min(operator.code, 127))
        tflite.OperatorCodeAddBuiltinCode(self.builder, operator.code)
        if custom:
            tflite.OperatorCodeAddCustomCode(self.builder, custom)
        return int(tflite.OperatorCodeEnd(self.builder))

    def _buffer(self, buffer: bytes | Outside) -> int:
        data = self.builder.CreateByteVector(buffer) if isinstance(buffer, bytes) else 0
        tflite.BufferStart(self.builder)
        if isinstance(buffer, Outside):
            tflite.BufferAddOffset(self.builder, buffer.offset)
            tflite.BufferAddSize(self.builder, buffer.size)
        elif buffer:
            tflite.BufferAddData(self.builder, data)
        return int(tflite.BufferEnd(self.builder))

    def _integers(self, numbers: Sequence[int]) -> int:
        self.builder.StartVector(4, len(numbers), 4)
        for number in reversed(numbers):
            self.builder.PrependInt32(number)
        return int(self.builder.EndVector())

    def _tables(self, offsets: Sequence[int]) -> int:
        self.builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self.builder.PrependUOffsetTRelative(offset)
        return int(self.builder.EndVector())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "digits.tflite"


def facts_of(file: Path, *args: Any, **kwargs: Any) -> ModelFacts:
    file.write_bytes(Writer().write(*args, **kwargs))
    return read_facts(file)


def refusal(file: Path) -> str:
    with pytest.raises(ModelError) as caught:
        read_facts(file)
    return str(caught.value)


class TestWrittenModels:
    def test_types_newer_than_the_schema(self, file: Path) -> None:
        tensors = [Tensor(type=number) for number in (19, 20, 21, 22, NEVER_HEARD_OF)]
        facts = facts_of(file, [Tensor(), Tensor(), *tensors])
        assert list(facts.tensors_by_type) == [
            "float32",
            "int2",
            "uint4",
            "float8_e4m3fn",
            "float8_e5m2",
            "type_99",
        ]

    def test_operator_newer_than_the_schema(self, file: Path) -> None:
        facts = facts_of(file, [Tensor(), Tensor()], [Operator(code=250)])
        assert [op.name for op in facts.operators] == ["BUILTIN_250"]
        assert facts.custom_operators == ()

    def test_operator_beyond_127(self, file: Path) -> None:
        facts = facts_of(file, [Tensor(), Tensor()], [Operator(code=VAR_HANDLE)])
        assert [op.name for op in facts.operators] == ["VAR_HANDLE"]
        assert facts.stateful

    def test_variable_tensor_is_state(self, file: Path) -> None:
        assert facts_of(file, [Tensor(), Tensor(variable=True)]).stateful
        assert not facts_of(file, [Tensor(), Tensor()]).stateful

    def test_signature_is_the_shape_when_none_is_given(self, file: Path) -> None:
        facts = facts_of(file, [Tensor(shape=(1, 5)), Tensor(shape=(1, 5), signature=(-1, 5))])
        assert facts.inputs[0].shape_signature == (1, 5)
        assert facts.outputs[0].shape_signature == (-1, 5)

    def test_data_behind_the_flatbuffer_is_constant(self, file: Path) -> None:
        weight = Tensor(shape=(2, 3), buffer=1)
        operators = [Operator(inputs=(0, 2))]
        facts = facts_of(file, [Tensor(), Tensor(), weight], operators, [b"", Outside(8, 24)])
        assert facts.weights_by_type == {"float32": 6}

    def test_data_behind_the_end_of_the_file_is_damage(self, file: Path) -> None:
        outside = Outside(1 << 33, 24)
        data = Writer().write([Tensor(), Tensor(buffer=1)], buffers=[b"", outside])
        file.write_bytes(data)
        assert "data begins or ends behind the end of the file" in refusal(file)

    def test_constants_of_custom_operators_are_no_weights(self, file: Path) -> None:
        anchors = Tensor(shape=(2, 3), buffer=1)
        custom = Operator(inputs=(0, 2), code=CUSTOM, custom="Detect")
        facts = facts_of(file, [Tensor(), Tensor(), anchors], [custom], [b"", bytes(24)])
        assert facts.weights_by_type == {}
        assert facts.int8_weight_share is None
        assert facts.float_operators == ()

    def test_input_that_others_read_too_is_not_by_custom(self, file: Path) -> None:
        custom = Operator(code=CUSTOM, custom="Detect")
        tensors = [Tensor(), Tensor()]
        assert facts_of(file, tensors, [custom]).inputs[0].by_custom
        assert not facts_of(file, tensors, [custom, Operator()]).inputs[0].by_custom

    def test_float_weights_come_largest_first(self, file: Path) -> None:
        small, large = Tensor(shape=(1, 2), buffer=1), Tensor(shape=(3, 3), buffer=2)
        operators = [Operator(inputs=(0, 2, 3))]
        buffers = [b"", bytes(8), bytes(36)]
        facts = facts_of(file, [Tensor(), Tensor(), small, large], operators, buffers)
        assert [weight.elements for weight in facts.float_weights] == [9, 2]

    def test_biases_shapes_and_unread_constants_are_no_weights(self, file: Path) -> None:
        bias, shape = Tensor(shape=(6,), buffer=1), Tensor(shape=(2, 3), type=INT32, buffer=1)
        unread = Tensor(shape=(2, 3), buffer=1)
        tensors = [Tensor(), Tensor(), bias, shape, unread]
        facts = facts_of(file, tensors, [Operator(inputs=(0, 2, 3))], [b"", bytes(24)])
        assert facts.weights_by_type == {}

    def test_shared_weight_counts_once(self, file: Path) -> None:
        tensors = [Tensor(), Tensor(), *[Tensor(buffer=1, name=n) for n in ("a", "b")]]
        facts = facts_of(file, tensors, [Operator(inputs=(0, 2, 3))], [b"", bytes(24)])
        assert facts.weights_by_type == {"float32": 6}
        assert [weight.name for weight in facts.float_weights] == ["a"]

    def test_four_bit_weights_count_as_eight_bit(self, file: Path) -> None:
        packed = Tensor(shape=(3, 3), type=17, buffer=1)
        tensors = [Tensor(), Tensor(), packed]
        facts = facts_of(file, tensors, [Operator(inputs=(0, 2))], [b"", bytes(5)])
        assert facts.weights_by_type == {"int4": 9}
        assert facts.int8_weight_share == 1.0

    def test_left_out_inputs_are_skipped(self, file: Path) -> None:
        facts = facts_of(file, [Tensor(), Tensor()], [Operator(inputs=(0, -1))])
        assert facts.float_operators == ("ADD",)

    def test_reading_stored_floats_alone_is_not_computing_in_float(self, file: Path) -> None:
        tensors = [Tensor(type=INT32), Tensor(), Tensor(buffer=1)]
        gather = Operator(inputs=(2, 0), code=GATHER)
        assert facts_of(file, tensors, [gather], [b"", bytes(24)]).float_operators == ()

    def test_index_of_float_values_computes_in_float(self, file: Path) -> None:
        arg_max = Operator(code=56)
        assert facts_of(file, [Tensor(), Tensor(type=4)], [arg_max]).float_operators == ("ARG_MAX",)

    @pytest.mark.parametrize("code", [6, 77, 110, 114])
    def test_form_of_float_values_does_not(self, file: Path, code: int) -> None:
        assert facts_of(file, [Tensor(), Tensor()], [Operator(code=code)]).float_operators == ()

    def test_scale_of_zero_is_no_quantisation(self, file: Path) -> None:
        facts = facts_of(file, [Tensor(type=INT8, scale=[0.0]), Tensor(type=INT8, scale=[0.5])])
        assert [t.quantized for t in facts.inputs + facts.outputs] == [False, True]

    def test_scale_that_is_not_finite_is_damage(self, file: Path) -> None:
        file.write_bytes(Writer().write([Tensor(), Tensor(scale=[float("nan")])]))
        assert "a quantisation scale is not finite" in refusal(file)

    def test_name_that_is_not_utf8_is_read(self, file: Path) -> None:
        data = Writer().write([Tensor(name="PATTERN"), Tensor()])
        file.write_bytes(data.replace(b"PATTERN", b"PAT\xffERN"))
        assert read_facts(file).inputs[0].name == "PAT\ufffdERN"

    @pytest.mark.parametrize(
        ("change", "text"),
        [
            ({"outputs": ()}, "has no outputs: nothing can be tested"),
            ({"inputs": ()}, "has no inputs: nothing can be tested"),
            ({"inputs": (7,)}, "tensor 7 is used, and there are 2"),
            ({"inputs": (-1,)}, "tensor -1 is used, and there are 2"),
            ({"operators": [Operator(inputs=(-2,))]}, "tensor -2 is used"),
        ],
    )
    def test_wrong_edges(self, file: Path, change: dict[str, Any], text: str) -> None:
        file.write_bytes(Writer().write([Tensor(), Tensor()], **change))
        assert text in refusal(file)

    def test_constant_of_another_size_than_its_shape(self, file: Path) -> None:
        tensors = [Tensor(), Tensor(shape=(2, 3), type=FLOAT16, buffer=1, name="kernel")]
        file.write_bytes(Writer().write(tensors, buffers=[b"", bytes(24)]))
        expected = "tensor 'kernel', float16 [2, 3], needs 12 bytes and has 24"
        assert expected in refusal(file)

    def test_buffer_that_is_not_there(self, file: Path) -> None:
        file.write_bytes(Writer().write([Tensor(), Tensor(buffer=3)]))
        assert "a tensor is in buffer 3, and there are 1" in refusal(file)


class TestDamage:
    @settings(
        max_examples=150,
        derandomize=True,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(data=st.data())
    def test_any_word_changed_in_a_small_file(self, file: Path, data: st.DataObject) -> None:
        tensors = [Tensor(), Tensor(scale=[0.5]), Tensor(buffer=1)]
        original = Writer().write(tensors, [Operator(inputs=(0, 2))], [b"", bytes(24)])
        place = data.draw(st.integers(8, len(original) - 4))
        word = data.draw(st.binary(min_size=4, max_size=4))
        file.write_bytes(original[:place] + word + original[place + 4 :])
        with contextlib.suppress(ModelError):
            assert read_facts(file).inputs

    def test_zeros_are_not_taken_for_a_table_of_defaults(self, file: Path) -> None:
        data = Writer().write([Tensor(), Tensor()])
        file.write_bytes(len(data).to_bytes(4, "little") + data[4:] + bytes(64))
        assert "an entry of Model has no possible size" in refusal(file)

    def test_vector_longer_than_the_file(self, file: Path) -> None:
        data = Writer().write([Tensor(shape=(1, 77)), Tensor()])
        at = data.index(b"\x02\x00\x00\x00\x01\x00\x00\x00\x4d\x00\x00\x00")
        file.write_bytes(data[:at] + (1 << 30).to_bytes(4, "little") + data[at + 4 :])
        assert "Shape with 1,073,741,824 elements, more than the file can hold" in refusal(file)
