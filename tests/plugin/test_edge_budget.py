"""``--edge-budget``: a test from the command line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

TESTS = "--edge-budget::"


@pytest.fixture
def project(pytester: pytest.Pytester, models: Path, conversions: Path) -> pytest.Pytester:
    """The digits network and its data beside a test that has nothing to do with them."""
    pytester.makeini(f"[pytest]\nedge_cache_dir = {conversions}\n")
    for name in ("digits.keras", "digits.npz"):
        shutil.copy(models / name, pytester.path / name)
    pytester.makepyfile(test_other="def test_other(): pass")
    return pytester


@pytest.fixture
def ready(project: pytest.Pytester) -> pytest.Pytester:
    """The same, with an int8 file."""
    project.makepyfile(
        save="""
        import shutil
        def test_save(int8_interpreter): shutil.copy(int8_interpreter.model.path, "m.tflite")
        """
    )
    options = ["--edge-model=digits.keras", "--edge-calibration-data=digits.npz"]
    project.runpytest("save.py", *options).assert_outcomes(passed=1)
    return project


def ids(project: pytest.Pytester, *args: str) -> list[str]:
    """What is collected."""
    result = project.runpytest("--collect-only", "-q", *args)
    return [line for line in result.outlines if "::" in line]


def test_a_ready_file_needs_nothing_else(ready: pytest.Pytester) -> None:
    result = ready.runpytest(
        "--edge-model=m.tflite", "--edge-budget=fully_quantized", "--edge-budget=size<=4MB"
    )
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["collected 1 item", "--edge-budget *", "m.tflite[[]int8] *pass"])


@pytest.mark.parametrize("workers", [[], ["-n2"]], ids=["alone", "xdist"])
def test_a_budget_that_is_not_met_fails_the_run(ready: pytest.Pytester, workers: list[str]) -> None:
    result = ready.runpytest("--edge-model=m.tflite", "--edge-budget=size<=1KB", *workers)
    result.assert_outcomes(failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "int8 of m.tflite on local: 1 of 1 budget not met",
            "  max_size_mb: size *",
            "FAILED --edge-budget::m.tflite[[]int8] - size * > *",
        ]
    )
    assert "--edge-budget:1" not in result.stdout.str()
    again = ids(ready, "--lf", "--edge-model=m.tflite", "--edge-budget=size<=1KB")
    assert again == [f"{TESTS}m.tflite[int8]"]


def test_of_a_keras_model_int8_needs_calibration_data(project: pytest.Pytester) -> None:
    args = ["--edge-model=digits.keras", "--edge-budget=size<=4MB"]
    float_only = [f"{TESTS}digits.keras[converted]", f"{TESTS}digits.keras[dynamic]"]
    assert ids(project, *args) == float_only
    result = project.runpytest("--collect-only", *args)
    left_out = "edgeai: int8 is left out: it needs --edge-calibration-data"
    assert left_out in result.outlines
    args += ["--edge-calibration-data=digits.npz"]
    assert ids(project, *args) == [*float_only, f"{TESTS}digits.keras[int8]"]
    assert left_out not in project.runpytest("--collect-only", *args).outlines
    args += ["--edge-variant=float16"]
    assert ids(project, *args) == [f"{TESTS}digits.keras[float16]"]


def test_accuracy_is_judged_on_the_data_of_the_options(project: pytest.Pytester) -> None:
    data = ["--edge-calibration-data=digits.npz", "--edge-evaluation-data=digits.npz"]
    args = ["-W", "ignore", "--edge-model=digits.keras", "--edge-variant=int8", *data]
    project.runpytest(*args, "--edge-budget=accuracy>=50%").assert_outcomes(passed=1)
    result = project.runpytest(*args, "--edge-budget=accuracy>=0.9999")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["  min_accuracy: accuracy *, limit 99.99 %*"])


def test_the_options_are_the_defaults_of_the_data_fixtures(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_other="""
        from pytest_edgeai import min_accuracy

        @min_accuracy(0.5)
        def test_it(int8_interpreter): pass
        """
    )
    data = ["--edge-calibration-data=digits.npz", "--edge-evaluation-data=digits.npz"]
    project.runpytest("-W", "ignore", "--edge-model=digits.keras", *data).assert_outcomes(passed=1)


def test_paths_on_the_command_line_are_collected_as_well(project: pytest.Pytester) -> None:
    own = f"{TESTS}digits.keras[dynamic]"
    args = ["--edge-model=digits.keras", "--edge-budget=size<=4MB", "--edge-variant=dynamic"]
    assert ids(project, *args) == [own]
    assert ids(project, *args, "test_other.py") == ["test_other.py::test_other", own]
    assert ids(project, *args, "test_other.py", "-m", "max_size_mb") == [own]
    assert ids(project, *args, "test_other.py", "-k", "keras") == [own]


def test_budgets_of_ini_are_added_to_all_tests(
    project: pytest.Pytester, conversions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.makeini(
        f"[pytest]\nedge_cache_dir = {conversions}\nedge_model = digits.keras\n"
        "edge_variant = dynamic\nedge_budget =\n    size<=4MB\n    no_custom_ops\n"
    )
    monkeypatch.chdir(project.mkdir("inside"))
    own = f"{TESTS}digits.keras[dynamic]"
    assert ids(project, str(project.path)) == ["test_other.py::test_other", own]
    project.runpytest(str(project.path)).assert_outcomes(passed=2)


def test_testpaths_are_no_paths_on_the_command_line(project: pytest.Pytester) -> None:
    args = ["--edge-model=digits.keras", "--edge-budget=size<=4MB", "--edge-variant=dynamic"]
    assert ids(project, "-o", "testpaths=test_other.py", *args) == [f"{TESTS}digits.keras[dynamic]"]


def test_a_model_that_a_function_builds_where_you_are(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = project.mkdir("inside")
    (inside / "building.py").write_text(
        "def build():\n    import keras\n    return keras.saving.load_model('../digits.keras')\n"
    )
    monkeypatch.chdir(inside)
    args = ["--edge-variant=converted", "--edge-budget=size<=4MB"]
    result = project.runpytest("--edge-model=building:build", *args, "-v")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*--edge-budget::building:build[[]converted] PASSED*"])


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--edge-budget=size<=4MB"], "--edge-budget needs a model: --edge-model=PATH"),
        (
            ["--edge-budget=size<=4MB", "--edge-model=no.keras"],
            "--edge-budget: edge_model: there is no */no.keras",
        ),
        (
            ["--edge-budget=p59<=4ms", "--edge-model=digits.keras"],
            "--edge-budget: budget 'p59<=4ms': there is no 'p59'",
        ),
        (
            ["--edge-budget=size<=4MB", "--edge-model=test_other.py"],
            "--edge-budget: edge_model: */test_other.py: unknown kind of file '.py'",
        ),
        (
            ["--edge-budget=size<=4MB", "--edge-model=digits.keras", "--edge-evaluation-data=no"],
            "--edge-budget: there is no */no",
        ),
    ],
    ids=["no model", "missing model", "wrong text", "no kind of model", "missing data"],
)
def test_what_cannot_be_ends_the_run_before_anything_is_collected(
    project: pytest.Pytester, args: list[str], message: str
) -> None:
    result = project.runpytest(*args)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {message}"])
    assert "collected" not in result.stdout.str()
