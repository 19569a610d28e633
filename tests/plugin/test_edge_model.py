"""Where the model under test comes from."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

PROJECT = Callable[[str], pytest.Pytester]
NAME = """
def test_name(converted_interpreter):
    assert converted_interpreter.model.name == {name!r}
"""


@pytest.fixture
def project(pytester: pytest.Pytester, models: Path, conversions: Path) -> pytest.Pytester:
    """The digits model under several names and no edge_model fixture."""
    pytester.makeini(f"[pytest]\nedge_cache_dir = {conversions}\n")
    for name in ("one", "two"):
        shutil.copy(models / "digits.keras", pytester.path / f"{name}.keras")
    (pytester.path / "inside").mkdir()
    shutil.copy(models / "digits.keras", pytester.path / "inside" / "near.keras")
    return pytester


@pytest.fixture
def ready(digits_suite: pytest.Pytester) -> pytest.Pytester:
    """Ready files beside the tests: float.tflite and int8.tflite."""
    digits_suite.makepyfile(
        conftest_files="""
        import shutil
        def test_save(converted_interpreter, int8_interpreter):
            shutil.copy(converted_interpreter.model.path, "float.tflite")
            shutil.copy(int8_interpreter.model.path, "int8.tflite")
        """
    )
    digits_suite.runpytest("-q", "conftest_files.py").assert_outcomes(passed=1)
    (digits_suite.path / "conftest.py").unlink()
    return digits_suite


def test_flag_over_ini(project: pytest.Pytester, conversions: Path) -> None:
    project.makeini(f"[pytest]\nedge_cache_dir = {conversions}\nedge_model = one.keras\n")
    project.makepyfile(NAME.format(name="one.keras"))
    project.runpytest().assert_outcomes(passed=1)
    project.makepyfile(NAME.format(name="two.keras"))
    project.runpytest("--edge-model=two.keras").assert_outcomes(passed=1)


def test_the_flag_is_relative_to_where_you_are(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.makepyfile(NAME.format(name="near.keras"))
    monkeypatch.chdir(project.path / "inside")
    project.runpytest("--edge-model=near.keras", "..").assert_outcomes(passed=1)


def test_fixture_over_flag_and_marker_over_fixture(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest
        from pytest_edgeai import edge_model as use

        @pytest.fixture
        def edge_model(): return "two.keras"

        def test_fixture(converted_interpreter):
            assert converted_interpreter.model.name == "two.keras"

        @use("inside/near.keras")
        def test_marker(converted_interpreter):
            assert converted_interpreter.model.name == "near.keras"

        @pytest.mark.edge_model("no.keras")
        class TestClass:
            @pytest.mark.edge_model("one.keras")
            def test_nearest(self, converted_interpreter):
                assert converted_interpreter.model.name == "one.keras"
        """
    )
    project.runpytest("--edge-model=no.keras").assert_outcomes(passed=3)


def test_markers_are_relative_to_the_test_file_then_to_the_root(project: pytest.Pytester) -> None:
    (project.path / "inside" / "test_inside.py").write_text(
        "from pytest_edgeai import edge_model\n"
        "@edge_model('near.keras')\n"
        "def test_near(converted_interpreter): pass\n"
        "@edge_model('one.keras')\n"
        "def test_root(converted_interpreter): pass\n"
    )
    project.runpytest().assert_outcomes(passed=2)


RETURNED = """
import pathlib
import pytest
from pytest_edgeai import ModelSource

class One:
    def test_it(self, converted_interpreter):
        assert converted_interpreter.model.name == "one.keras"

class TestText(One):
    @pytest.fixture
    def edge_model(self): return "one.keras"

class TestPath(One):
    @pytest.fixture
    def edge_model(self): return pathlib.Path("one.keras")

class TestAbsolute(One):
    @pytest.fixture(scope="class")
    def edge_model(self): return pathlib.Path("one.keras").absolute()

class TestSource(One):
    @pytest.fixture
    def edge_model(self): return ModelSource(pathlib.Path("one.keras"), safe_mode=True)
"""


def test_what_a_fixture_may_return(project: pytest.Pytester) -> None:
    project.makepyfile(RETURNED)
    project.runpytest().assert_outcomes(passed=4)


PARAMETRIZED = """
import pytest

class TestFixture:
    @pytest.fixture(params=["one.keras", "two.keras"])
    def edge_model(self, request): return request.param

    def test_it(self, converted_interpreter, request):
        assert converted_interpreter.model.name in request.node.name

@pytest.mark.parametrize("edge_model", ["one.keras", "two.keras"])
def test_direct(converted_interpreter, request):
    assert converted_interpreter.model.name in request.node.name
"""


def test_several_models(project: pytest.Pytester) -> None:
    project.makepyfile(PARAMETRIZED)
    project.runpytest().assert_outcomes(passed=4)


WRONG = """
import pytest
from pytest_edgeai import edge_model as use

@use("no.keras")
def test_missing(converted_interpreter): pass

@use("model.onnx")
def test_kind(converted_interpreter): pass

@use("inside")
def test_folder(converted_interpreter): pass

@use(42)
def test_number(converted_interpreter): pass

@use(int4="a.tflite")
def test_variant(converted_interpreter): pass

def test_none(converted_interpreter): pass

@use("one.keras")
def test_next(converted_interpreter): pass
"""


def test_a_model_that_is_not_there_is_the_error_of_its_test(project: pytest.Pytester) -> None:
    (project.path / "model.onnx").touch()
    project.makepyfile(WRONG)
    result = project.runpytest()
    result.assert_outcomes(errors=6, passed=1)
    result.stdout.fnmatch_lines(
        [
            "edge_model: there is no */no.keras",
            "hint: check the path, or train the model first; *",
            "edge_model: */model.onnx: unknown kind of file '.onnx'",
            "edge_model: the folder */inside holds no saved_model.pb, nor does a numbered *",
            "edge_model: a int is not a model source",
            "edge_model: int4: not a variant",
            "there is no model to test",
            "hint: name one: @pytest.mark.edge_model(*--edge-model=PATH or ini edge_model",
        ]
    )
    result.stdout.no_fnmatch_line("*pytest_edgeai/*.py:*")


READY = """
import pathlib
import pytest
from pytest_edgeai import edge_model as use, max_size_mb

@use(converted="float.tflite", int8=pathlib.Path("int8.tflite"))
@max_size_mb(1)
def test_by_variant(int8_interpreter, converted_interpreter):
    assert int8_interpreter.model.name == "int8.tflite"
    assert converted_interpreter.model.name == "float.tflite"

@use("float.tflite")
def test_alone(converted_interpreter):
    assert converted_interpreter.variant == "converted"

@use("float.tflite")
def test_not_int8(int8_interpreter): pass

@use(int8="int8.tflite")
def test_not_given(converted_interpreter): pass

@use("int8.tflite")
def test_not_dynamic(dynamic_interpreter): pass

class TestMapping:
    @pytest.fixture
    def edge_model(self):
        return {"int8": "int8.tflite", "converted": pathlib.Path("float.tflite")}

    def test_mapping(self, int8_interpreter, converted_interpreter):
        assert int8_interpreter.variant == "int8"
"""


def test_ready_files(ready: pytest.Pytester) -> None:
    ready.makepyfile(test_ready=READY)
    result = ready.runpytest("test_ready.py")
    result.assert_outcomes(passed=3, errors=3)
    result.stdout.fnmatch_lines(
        [
            "*ERROR at setup of test_not_int8*",
            "float.tflite is not 'int8'; it looks like: converted",
            "- * weights in float: *",
            "hint: test it with converted_interpreter, or convert again with *",
            "*ERROR at setup of test_not_given*",
            "*there is no converted file among int8",
            "hint: add it: edge_model(converted='....tflite')",
            "*ERROR at setup of test_not_dynamic*",
            "int8.tflite is not 'dynamic'; it looks like: int8 with uint8 inputs and outputs",
        ]
    )
    # Nothing was converted, and nothing is said about it.
    result.stdout.no_fnmatch_line("edgeai: * converted, *")


ALONE = """
import numpy as np
import pytest
from pytest_edgeai import max_accuracy_drop, max_size_mb

@pytest.fixture
def evaluation_data():
    return np.eye(64, dtype="float32").reshape(-1, 8, 8, 1), np.zeros(64, int)

@max_size_mb(1)
@max_accuracy_drop(0.02)
def test_drop(int8_interpreter): pass

def test_fits(int8_interpreter): pass
"""


def test_a_single_file_has_no_baseline(ready: pytest.Pytester) -> None:
    ready.makepyfile(test_alone=ALONE)
    result = ready.runpytest("test_alone.py", "--edge-model=int8.tflite")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*max_accuracy_drop: accuracy drop, limit 2.00 pt: not judged",
            "*int8.tflite is a single ready file: there is no 'converted' model to",
            "*compare with",
            '*try: give both files: edge_model(converted="....tflite",',
            "test_drop *size * pass",
            "*accuracy drop * error",
        ]
    )


def test_an_option_that_no_test_used_is_named(project: pytest.Pytester) -> None:
    project.makepyfile(
        "from pytest_edgeai import edge_model\n"
        "@edge_model('one.keras')\n"
        "def test_it(converted_interpreter): pass"
    )
    line = "edgeai: --edge-model=other.keras was not used: a fixture or marker names the model"
    project.runpytest("--edge-model=other.keras").stdout.fnmatch_lines([line])
    project.makepyfile("def test_it(converted_interpreter): pass")
    project.runpytest("--edge-model=one.keras").stdout.no_fnmatch_line("*was not used*")


def test_a_model_without_tests_is_told_what_needs_none(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_other(): pass")
    result = pytester.runpytest("--edge-model=one.keras")
    result.stdout.fnmatch_lines(
        ['edgeai: --edge-model=one.keras was not used: *; --edge-budget="p95<=40ms" needs no test']
    )
