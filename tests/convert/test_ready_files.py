"""``.tflite`` files that were converted elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from asking import made, refused

from pytest_edgeai.convert.converter import Conversion, Converter
from pytest_edgeai.errors import ModelError, UsageError
from pytest_edgeai.model.source import resolve


@pytest.fixture
def published(realdata: Path) -> Path:
    return realdata / "models"


@pytest.fixture
def mapping(published: Path) -> dict[str, Path]:
    names = {"converted": "ad01_fp32", "int8": "ad01_int8"}
    return {variant: published / f"{name}.tflite" for variant, name in names.items()}


def test_one_file_is_the_variant_that_it_is(converter: Converter, published: Path) -> None:
    path = published / "resnet8_cifar10_int8.tflite"
    conversion = made(converter, path, "int8")
    assert conversion.model.path == path
    assert conversion.model.name == path.name
    assert (conversion.log, conversion.elapsed_ns) == ("", 0)
    error = refused(converter, path, "converted")
    assert isinstance(error, ModelError)
    looks = "it looks like: int8 with int8 inputs and outputs"
    assert f"resnet8_cifar10_int8.tflite is not 'converted'; {looks}" in error.message


def test_a_file_for_each_variant(converter: Converter, mapping: dict[str, Path]) -> None:
    source = resolve(mapping, [])
    assert source.name == "ad01_fp32.tflite, ad01_int8.tflite"
    done = converter.convert(source, ["converted", "dynamic", "int8"], None)
    for variant in ("converted", "int8"):
        conversion = done[variant]  # type: ignore[index]
        assert isinstance(conversion, Conversion)
        assert conversion.model.path == mapping[variant]
        assert conversion.model.name == mapping[variant].name
    assert str(done["dynamic"]) == (
        "ad01_fp32.tflite, ad01_int8.tflite: there is no dynamic file among converted, int8\n"
        "hint: add it: edge_model(dynamic='....tflite')"
    )


def test_files_the_wrong_way_round(converter: Converter, mapping: dict[str, Path]) -> None:
    turned = {"converted": mapping["int8"], "int8": mapping["converted"]}
    assert "ad01_fp32.tflite is not 'int8'" in refused(converter, turned, "int8").message


@pytest.mark.parametrize("edges", ["uint8", "int8", "float32"])
def test_what_a_conversion_is_told_of_its_edges_is_nothing_to_a_ready_file(
    converter_with: Any, mapping: dict[str, Path], edges: str
) -> None:
    assert made(converter_with(int8_io=edges), mapping, "int8").model.facts.int8_weight_share == 1


def test_files_that_no_conversion_makes(converter: Converter, realdata: Path) -> None:
    path = realdata / "quantizer" / "weight_only_wi8_afp32.tflite"
    assert made(converter, {"weight-only": path}, "weight-only").model.variant == "weight-only"
    assert "it looks like: weight-only" in refused(converter, {"mixed": path}, "mixed").message
    error = refused(converter, realdata / "models" / "ad01.h5", "mixed")
    assert error.message == (
        "no conversion makes a model that is 'mixed': only a ready .tflite file may be"
    )


def test_a_keras_file_is_no_ready_file(converter: Converter, models: Path) -> None:
    error = refused(converter, {"int8": models / "digits.h5"}, "int8")
    assert "digits.h5" in error.message
    assert "is an HDF5 file, such as Keras writes" in error.message
    assert error.hint == "give it as the source of the model, and it will be converted"


def test_a_damaged_file(converter: Converter, realdata: Path) -> None:
    error = refused(converter, realdata / "broken" / "git_lfs_pointer.tflite")
    assert "is a git-lfs pointer" in error.message
    assert error.hint == "run `git lfs pull`"


def test_nothing_is_written(converter_with: Any, tmp_path: Path, mapping: dict[str, Path]) -> None:
    made(converter_with(cache=tmp_path / "cache"), mapping, "int8")
    assert not (tmp_path / "cache").exists()


def test_usage_errors_are_told_apart(converter: Converter, mapping: dict[str, Path]) -> None:
    assert isinstance(refused(converter, mapping, "float16"), UsageError)
