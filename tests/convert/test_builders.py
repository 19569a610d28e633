"""Models that a function builds, ``"module:function"``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from asking import HERE, made, refused

from pytest_edgeai.convert.cache import ModelCache
from pytest_edgeai.convert.converter import Converter
from pytest_edgeai.errors import ConversionError
from pytest_edgeai.model.source import resolve


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How often the functions of ``handmade`` were called."""
    path = tmp_path / "calls"
    path.touch()
    monkeypatch.setenv("EDGEAI_TEST_CALLS", str(path))
    return lambda: len(path.read_text().splitlines())


def test_is_called_once_per_run_and_converted_once(
    tmp_path: Path, conversions: Path, calls: Callable[[], int]
) -> None:
    """The model is one that Keras can export, but not describe."""
    target, runs = (
        "handmade:without_config",
        [tmp_path / "run", tmp_path / "run", tmp_path / "next"],
    )
    converted = 0
    for folder in runs:  # the first two as the workers of one xdist run
        folder.mkdir(exist_ok=True)
        converter = Converter(ModelCache(conversions), folder)
        conversion = made(converter, target)
        assert conversion.model.name == target
        assert conversion.model.facts.weights_by_type == {"float32": 1200}
        converted += converter.tally.converted
    assert calls() == 2
    assert converted <= 1


def test_is_not_called_again_after_it_failed(tmp_path: Path, calls: Callable[[], int]) -> None:
    for _ in range(2):
        converter = Converter(ModelCache(tmp_path / "cache"), tmp_path)
        error = refused(converter, "handmade:fails")
        assert isinstance(error, ConversionError)
        assert error.message == "handmade:fails: ValueError: the weights are elsewhere"
        assert 'handmade.py", line' in error.log
    assert calls() == 1


def test_one_failure_stands_for_all_variants(converter: Converter) -> None:
    source = resolve("handmade:a_number", [HERE])
    done = converter.convert(source, ["converted", "dynamic"], None)
    messages = {str(error) for error in done.values()}
    assert messages == {"handmade:a_number: it returned a int, not a Keras model"}


@pytest.mark.parametrize(
    ("target", "message", "hint"),
    [
        ("no_such:build", "No module named 'no_such'", "looked up beside the test, in the root"),
        ("handmade.no:build", "No module named 'handmade.no'", "looked up beside the test"),
        ("handmade:no_such", f"there is no 'no_such' in {HERE / 'handmade.py'}", ""),
        ("handmade:loaded", "TypeError: 'object' object is not callable", "Traceback"),
        ("handmade:asks", "EOFError: EOF when reading a line", "password: "),
        ("handmade:leaves", "SystemExit: no licence", "the converter log tells where"),
        (
            "handmade:needs_another_package",
            "ModuleNotFoundError: No module named 'package_that_nobody_has'",
            "in needs_another_package",
        ),
    ],
)
def test_what_is_said(
    converter_with: Callable[..., Converter], target: str, message: str, hint: str
) -> None:
    error = refused(converter_with(limit_s=30), target)
    assert message in error.message
    assert error.message.startswith(f"{target}: ")
    assert hint in error.hint + error.log


def test_module_beside_the_test_comes_first(converter: Converter, tmp_path: Path) -> None:
    for name, number in (("first", 1), ("second", 2)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "twice.py").write_text(f"def build(): raise ValueError({number})")
    source = resolve("twice:build", [tmp_path / "first", tmp_path / "second"])
    error = converter.convert(source, ["converted"], None)["converted"]
    assert "twice:build: ValueError: 1" in str(error)


def test_module_of_the_standard_library_in_the_working_directory(
    converter: Converter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('not me')")
    monkeypatch.chdir(tmp_path)
    assert "it returned a int" in str(refused(converter, "handmade:a_number"))
