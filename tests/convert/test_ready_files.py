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
    assert "resnet8_cifar10_int8.tflite is not 'converted'; it looks like: 'int8'" in error.message


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


@pytest.mark.parametrize("edges", ["uint8", "int8"])
def test_either_type_of_8_bits_will_do_at_the_edges(
    converter_with: Any, mapping: dict[str, Path], edges: str
) -> None:
    assert made(converter_with(int8_io=edges), mapping, "int8").model.facts.int8_weight_share == 1


def test_floats_at_the_edges_where_they_were_asked_for(
    converter_with: Any, mapping: dict[str, Path]
) -> None:
    error = refused(converter_with(int8_io="float32"), mapping, "int8")
    assert "int8 [1, 640] is not float32" in error.message


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
