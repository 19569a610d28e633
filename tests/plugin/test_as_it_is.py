"""Ready files that nobody calls a variant are tested once, as what they are."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

TEST = """
from pytest_edgeai import *

{marks}
@max_size_mb(2)
def test_it(interpreter):
    assert interpreter.variant == {variant!r}
"""


@pytest.fixture
def project(pytester: pytest.Pytester, realdata: Path, tiny: Path) -> pytest.Pytester:
    """Files of all kinds, each called after what it is."""
    files = {
        "converted": realdata / "models/ad01_fp32.tflite",
        "int8": realdata / "models/ad01_int8.tflite",
        "weight-only": realdata / "quantizer/weight_only_wi8_afp32.tflite",
        "mixed": tiny / "negated_mixed.tflite",
        "unreadable": realdata / "broken/git_lfs_pointer.tflite",
    }
    for name, path in files.items():
        shutil.copy(path, pytester.path / f"{name}.tflite")
    return pytester


def ids(project: pytest.Pytester, *args: str) -> list[str]:
    """What is collected."""
    result = project.runpytest("--collect-only", "-q", *args)
    return [line.partition("::")[2] for line in result.outlines if "::" in line]


@pytest.mark.parametrize("variant", ["converted", "int8", "weight-only", "mixed"])
@pytest.mark.parametrize("stated", ["by marker", "by option", "by ini", "by fixture"])
def test_one_run(project: pytest.Pytester, variant: str, stated: str) -> None:
    file = f"{variant}.tflite"
    marks = f"@edge_model({file!r})" if stated == "by marker" else ""
    project.makepyfile(TEST.format(marks=marks, variant=variant))
    if stated == "by ini":
        project.makeini(f"[pytest]\nedge_model = {file}")
    if stated == "by fixture":
        project.makeconftest(f"import pytest\n@pytest.fixture\ndef edge_model(): return {file!r}")
    args = [f"--edge-model={file}"] if stated == "by option" else []
    result = project.runpytest("-rs", *args, "--edge-report=run.json")
    if stated == "by fixture":
        result.assert_outcomes(passed=1, skipped=2)
        result.stdout.fnmatch_lines([f"*{file} is {variant}: a ready file is tested as what it*"])
    else:
        result.assert_outcomes(passed=1)
        assert ids(project, *args) == [f"test_it[{variant}]"]
    tests = json.loads((project.path / "run.json").read_text())["tests"]
    (tested,) = [test for test in tests if test["outcome"] == "passed"]
    assert tested["variant"] == variant
    assert tested["model"]["description"].startswith(variant)


def test_what_a_mixture_is_of_stands_below_the_table_and_in_reports(
    project: pytest.Pytester,
) -> None:
    budget = ["--edge-budget=size<=1MB", "--edge-model=mixed.tflite"]
    result = project.runpytest(*budget, "--edge-report=run.md", "--edge-report=run.json")
    result.assert_outcomes(passed=1)
    described = "mixed.tflite is mixed: int8 with 1 operator in float: NEG"
    result.stdout.fnmatch_lines(["*mixed.tflite[[]mixed[]]*pass", f"edgeai: {described}"])
    assert f"- {described}" in (project.path / "run.md").read_text().replace("\\", "")


def test_suites_without_variants(project: pytest.Pytester) -> None:
    (project.path / "a.edge.toml").write_text(
        'model = "weight-only.tflite"\n[tests.small]\nmax_size_mb = 1\n'
        '[tests.int8]\nvariants = ["int8"]\nmax_size_mb = 1\n'
    )
    result = project.runpytest()
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        ["weight-only.tflite is not 'int8'; it looks like: weight-only: *", "small[[]weight-only]*"]
    )


@pytest.mark.parametrize(
    ("arguments", "option"),
    [("int8_interpreter", []), ("interpreter", ["--edge-variant=int8"])],
    ids=["fixture", "option"],
)
def test_a_variant_that_is_named_has_to_be_proven(
    project: pytest.Pytester, arguments: str, option: list[str]
) -> None:
    project.makepyfile(f"def test_it({arguments}): pass")
    project.runpytest("--edge-model=int8.tflite", *option).assert_outcomes(passed=1)
    result = project.runpytest("--edge-model=mixed.tflite", *option)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "mixed.tflite is not 'int8'; it looks like: mixed: int8 with 1 operator in float: NEG",
            "- 1 operator computing in float: NEG*",
            "hint: *or test the .tflite file as what it is, with the interpreter fixture and no *",
        ]
    )


def test_files_by_variant_are_a_run_each(project: pytest.Pytester) -> None:
    """Also those that no conversion makes, so that they can be compared."""
    project.makepyfile(
        """
        from pytest_edgeai import *

        @edge_model(converted="converted.tflite", weight_only="weight-only.tflite")
        @max_size_mb(2)
        def test_it(interpreter): pass
        """
    )
    assert ids(project) == ["test_it[converted]", "test_it[weight-only]"]
    project.runpytest().assert_outcomes(passed=2)


def test_a_mapping_from_a_fixture_is_a_run_for_each_file(project: pytest.Pytester) -> None:
    project.makeconftest(
        """
        import pytest
        @pytest.fixture
        def edge_model(): return {"converted": "converted.tflite", "mixed": "mixed.tflite"}
        """
    )
    project.makepyfile("def test_it(interpreter): print('is', interpreter.variant)")
    result = project.runpytest("-s")
    result.assert_outcomes(passed=2, skipped=1)
    result.stdout.fnmatch_lines(["*is converted*", "*is mixed*"])


def test_a_file_that_cannot_be_read_is_one_error(project: pytest.Pytester) -> None:
    project.makepyfile(TEST.format(marks="@edge_model('unreadable.tflite')", variant=""))
    result = project.runpytest()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*test_it[[]unreadable]*", "*git-lfs pointer*"])


def test_a_file_that_a_session_fixture_makes(project: pytest.Pytester) -> None:
    """It is not there yet when tests are collected."""
    project.makeconftest(
        """
        import pytest, shutil
        @pytest.fixture(scope="session", autouse=True)
        def made(): shutil.copy("mixed.tflite", "made.tflite")
        """
    )
    project.makepyfile(TEST.format(marks="@edge_model('made.tflite')", variant="mixed"))
    project.runpytest().assert_outcomes(passed=1, skipped=2)


def test_parametrized_models_are_each_what_they_are(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest
        @pytest.mark.parametrize("edge_model", ["int8.tflite", "mixed.tflite"])
        def test_it(edge_model, interpreter):
            assert edge_model == f"{interpreter.variant}.tflite"
        """
    )
    project.runpytest("--edge-model=converted.tflite").assert_outcomes(passed=2, skipped=4)


def test_with_workers(project: pytest.Pytester) -> None:
    project.makepyfile(TEST.format(marks="@edge_model('mixed.tflite')", variant="mixed"))
    project.runpytest("-n2").assert_outcomes(passed=1)


def test_a_keras_model_is_converted_as_ever(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile("def test_it(interpreter): pass")
    assert ids(digits_suite) == [f"test_it[{name}]" for name in ("converted", "dynamic", "int8")]


def test_no_conversion_makes_a_mixture(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile("def test_it(interpreter): pass")
    result = digits_suite.runpytest("--edge-variant=mixed")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["no conversion makes a model that is 'mixed': only a ready *"])


def test_quantised_throughout_is_an_assertion_of_its_own(project: pytest.Pytester) -> None:
    project.makepyfile(TEST.format(marks="@fully_quantized()", variant="mixed"))
    result = project.runpytest("--edge-model=mixed.tflite")
    result.assert_outcomes(failed=1)
    text = " ".join(result.stdout.str().split())
    assert "operators that compute in float: NEG" in text
    assert "replace these operators, which have no integer kernel" in text
