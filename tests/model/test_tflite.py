"""Reading the facts of a ``.tflite`` file, and refusing what is none."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import time
from pathlib import Path

import pytest

from pytest_edgeai.errors import ModelError
from pytest_edgeai.model.tflite import ModelFacts, read_facts

SECONDS_AT_MOST = 2


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "digits.tflite"


def refusal(file: Path) -> str:
    with pytest.raises(ModelError) as caught:
        read_facts(file)
    return str(caught.value)


class TestPublishedModels:
    def test_size_and_hash_are_the_files(self, realdata: Path) -> None:
        path = realdata / "models" / "ad01_int8.tflite"
        facts = read_facts(path)
        assert facts.size_bytes == path.stat().st_size == 276_976
        assert facts.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()

    def test_inputs_say_shape_type_and_scale(self, realdata: Path) -> None:
        facts = read_facts(realdata / "models" / "resnet8_cifar10_int8.tflite")
        (image,), (classes,) = facts.inputs, facts.outputs
        assert (image.dtype, image.shape) == ("int8", (1, 32, 32, 3))
        assert image.shape_signature == (-1, 32, 32, 3)
        assert (image.scales, image.zero_points) == ((1.0,), (-128,))
        assert (classes.scales, classes.zero_points) == ((1 / 256,), (-128,))

    def test_float_edges_have_no_scale(self, realdata: Path) -> None:
        (features,) = read_facts(realdata / "models" / "ad01_fp32.tflite").inputs
        assert (features.dtype, features.scales, features.zero_points) == ("float32", (), ())
        assert not features.quantized

    @pytest.mark.parametrize(
        ("name", "weights", "share"),
        [
            ("ad01_fp32", {"float32": 264_192}, 0.0),
            ("ad01_dynamic", {"int8": 264_192}, 1.0),
            ("ad01_int8", {"int8": 264_192}, 1.0),
            ("mnist_lstm_int8", {"int8": 9_440}, 1.0),
            ("mobilenet_v2_1.0_224_uint8", {"uint8": 3_471_040}, 1.0),
        ],
    )
    def test_weights_are_counted_by_type(
        self, realdata: Path, name: str, weights: dict[str, int], share: float
    ) -> None:
        facts = read_facts(realdata / "models" / f"{name}.tflite")
        assert facts.weights_by_type == weights
        assert facts.int8_weight_share == share

    def test_operators_are_counted_by_name_and_version(self, realdata: Path) -> None:
        facts = read_facts(realdata / "models" / "resnet8_cifar10_int8.tflite")
        assert {op.name: op.count for op in facts.operators}["CONV_2D"] == 9
        assert {op.name: op.version for op in facts.operators}["CONV_2D"] == 3
        assert sum(op.count for op in facts.operators) == len(facts.quantized_operators)

    def test_float_operators_are_named_once_per_instance(self, realdata: Path) -> None:
        facts = read_facts(realdata / "models" / "ad01_dynamic.tflite")
        assert facts.float_operators == ("FULLY_CONNECTED",) * 10
        assert facts.quantized_operators == ()

    def test_lstm_keeps_values_between_inferences(self, realdata: Path) -> None:
        assert read_facts(realdata / "models" / "mnist_lstm_int8.tflite").stateful
        assert not read_facts(realdata / "models" / "ad01_int8.tflite").stateful

    def test_signature_keys(self, realdata: Path) -> None:
        assert read_facts(realdata / "models" / "mnist_lstm_float.tflite").signatures == (
            "serving_default",
        )

    def test_detector_has_a_custom_operator_that_makes_its_outputs(self, realdata: Path) -> None:
        facts = read_facts(realdata / "models" / "ssd_mobilenet_v1_coco_uint8.tflite")
        assert facts.custom_operators == ("TFLite_Detection_PostProcess",)
        assert [output.by_custom for output in facts.outputs] == [True] * 4
        assert [image.by_custom for image in facts.inputs] == [False]

    def test_facts_are_json_data(self, realdata: Path) -> None:
        for path in sorted((realdata / "models").glob("*.tflite")):
            plain = read_facts(path).as_dict()
            assert json.loads(json.dumps(plain, allow_nan=False)) == plain
            assert plain["custom_operators"] == list(read_facts(path).custom_operators)


class TestBrokenModels:
    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("git_lfs_pointer", "run `git lfs pull`"),
            ("eight_bytes", "(8 bytes) is a damaged TensorFlow Lite model"),
            ("zero_inputs_zero_outputs", "has no inputs and no outputs: nothing can be tested"),
        ],
    )
    def test_what_is_no_model_is_refused(self, realdata: Path, name: str, text: str) -> None:
        path = realdata / "broken" / f"{name}.tflite"
        message = refusal(path)
        assert text in message
        assert str(path) in message

    @pytest.mark.parametrize(
        ("name", "custom"),
        [
            ("needs_flex_delegate", ("FlexSoftplus",)),
            ("needs_edgetpu", ("edgetpu-custom-op",)),
            ("fails_in_invoke", ("fake-op-double",)),
            ("op_newer_than_tflite_runtime", ()),
            ("valid_but_refused_by_runtime", ()),
        ],
    )
    def test_what_only_a_runtime_refuses_has_facts(
        self, realdata: Path, name: str, custom: tuple[str, ...]
    ) -> None:
        assert read_facts(realdata / "broken" / f"{name}.tflite").custom_operators == custom

    def test_every_file_is_one_or_the_other(self, realdata: Path) -> None:
        assert len(list((realdata / "broken").glob("*.tflite"))) == 8


class TestNotAModel:
    @pytest.mark.parametrize(
        ("content", "text"),
        [
            (b"", "(0 bytes) is not a TensorFlow Lite model: it begins with nothing"),
            (b"\x00" * 64, 'a model has "TFL3" at bytes 4 to 8'),
            (b"version https://git-lfs.github.com/spec/v1\n", "a git-lfs pointer"),
            (b"\n<!DOCTYPE html><html>404</html>", "a web page"),
            (b"\x89HDF\r\n\x1a\n" + b"\x00" * 64, "an HDF5 file"),
            (b"PK\x03\x04" + b"\x00" * 64, "a zip archive, such as a .keras file"),
            (b"\x1f\x8b\x08" + b"\x00" * 64, "a gzip archive"),
        ],
    )
    def test_it_says_what_it_looks_like(self, file: Path, content: bytes, text: str) -> None:
        file.write_bytes(content)
        message = refusal(file)
        assert text in message
        assert str(file) in message
        assert f"({len(content):,} bytes)" in message

    def test_missing(self, file: Path) -> None:
        assert f"{file} does not exist" in refusal(file)

    def test_folder(self, tmp_path: Path) -> None:
        assert f"{tmp_path} is a folder" in refusal(tmp_path)

    def test_pipe_is_not_waited_for(self, file: Path) -> None:
        os.mkfifo(file)
        assert "a device or a pipe" in refusal(file)

    def test_unreadable(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def denied(path: Path) -> bytes:
            raise PermissionError(13, "Permission denied", str(path))

        file.write_bytes(b"")
        monkeypatch.setattr(Path, "read_bytes", denied)
        assert f"{file} cannot be read: Permission denied" in refusal(file)


class TestDamage:
    """Whatever happened to the bytes, it ends soon, as facts or as one kind of error."""

    def read(self, file: Path, data: bytes) -> ModelFacts | None:
        file.write_bytes(data)
        start = time.perf_counter()
        facts = None
        with contextlib.suppress(ModelError):
            facts = read_facts(file)
        assert time.perf_counter() - start < SECONDS_AT_MOST
        return facts

    @pytest.mark.parametrize("name", ["ad01_int8", "mnist_lstm_int8"])
    def test_cut_short_is_always_refused(self, realdata: Path, file: Path, name: str) -> None:
        data = (realdata / "models" / f"{name}.tflite").read_bytes()
        generator = random.Random(1)
        for length in [len(data) - 1, *generator.sample(range(len(data)), 150)]:
            assert self.read(file, data[:length]) is None, length

    @pytest.mark.parametrize("name", ["ad01_int8", "mnist_lstm_int8"])
    @pytest.mark.parametrize("flips", [1, 40])
    def test_flipped_bits(self, realdata: Path, file: Path, name: str, flips: int) -> None:
        data = (realdata / "models" / f"{name}.tflite").read_bytes()
        generator = random.Random(flips)
        for _ in range(150):
            damaged = bytearray(data)
            for _ in range(flips):
                damaged[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
            self.read(file, bytes(damaged))
