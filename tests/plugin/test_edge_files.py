"""Suites without Python: what a ``*.edge.toml`` file that is right does."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from pytest_edgeai.plugin.collection import MARKER_LINES

SUITE = """\
model = "models/digits.keras"
calibration_data = "data/digits.npz"
evaluation_data = "data/digits.npz"

[tests.ready_for_the_line]
variants = ["int8"]
max_size_mb = 0.1
max_accuracy_drop = {limit = 0.05, confidence = 0.95}
min_accuracy = [0.9, {limit = 0.8, metric = "top_2_accuracy"}]
fully_quantized = true

[tests.float-model]
variants = ["converted", "dynamic"]
max_size_mb = 1
markers = ["nightly"]
"""


@pytest.fixture
def project(
    pytester: pytest.Pytester,
    models: Path,
    conversions: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> pytest.Pytester:
    """The digits network with its data, no Python file, and a mark of the project's own."""
    pytester.makeini(
        f"[pytest]\nedge_cache_dir = {conversions}\nmarkers =\n    nightly(why): takes long\n"
    )
    for folder, file in (("models", "digits.keras"), ("data", "digits.npz")):
        shutil.copy(models / file, pytester.mkdir(folder) / file)
    monkeypatch.setenv("COLUMNS", "80")
    return pytester


@pytest.fixture
def int8_file(digits_suite: pytest.Pytester) -> Path:
    """A ready int8 file, in the folder of the inner run."""
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
    return digits_suite.path / "int8.tflite"


def write(project: pytest.Pytester, text: str, name: str = "parts.edge.toml") -> Path:
    file = project.path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return file


def ids(project: pytest.Pytester, *args: str) -> list[str]:
    """What is collected."""
    result = project.runpytest("--collect-only", "-q", *args)
    return [line for line in result.outlines if "::" in line]


def verdicts(project: pytest.Pytester) -> dict[tuple[str, str], list[str]]:
    """The verdicts of each budget by test and label, from report.json."""
    report: Any = json.loads((project.path / "report.json").read_text())
    found: dict[tuple[str, str], list[str]] = {}
    for record in report["tests"]:
        for budget in record["budgets"]:
            key = record["nodeid"].partition("::")[2], budget["statistic"]
            found.setdefault(key, []).append(budget["verdict"])
    return found


def test_tables_are_tests_and_all_their_budgets_are_judged(project: pytest.Pytester) -> None:
    write(project, SUITE)
    result = project.runpytest("-W", "ignore", "--edge-report=report.json")
    result.assert_outcomes(passed=3)
    assert verdicts(project) == {
        ("ready_for_the_line[int8]", "size"): ["pass"],
        ("ready_for_the_line[int8]", "accuracy drop"): ["pass"],
        ("ready_for_the_line[int8]", "accuracy"): ["pass"],
        ("ready_for_the_line[int8]", "top_2_accuracy"): ["pass"],
        ("ready_for_the_line[int8]", "not quantised"): ["pass"],
        ("float-model[converted]", "size"): ["pass"],
        ("float-model[dynamic]", "size"): ["pass"],
    }


READY, FLOAT, DYNAMIC = (
    f"parts.edge.toml::{name}"
    for name in ("ready_for_the_line[int8]", "float-model[converted]", "float-model[dynamic]")
)


@pytest.mark.parametrize(
    ("args", "left"),
    [
        ([], [READY, FLOAT, DYNAMIC]),
        (["-m", "nightly"], [FLOAT, DYNAMIC]),
        (["-m", "min_accuracy and not nightly"], [READY]),
        (["-k", "int8"], [READY]),
        (["-k", "float-model"], [FLOAT, DYNAMIC]),
        ([DYNAMIC], [DYNAMIC]),
        (["parts.edge.toml"], [READY, FLOAT, DYNAMIC]),
        (["--deselect", FLOAT], [READY, DYNAMIC]),
    ],
    ids=lambda value: " ".join(value) if value and value[0][0] == "-" else None,
)
def test_tests_are_chosen_as_any_others(
    project: pytest.Pytester, args: list[str], left: list[str]
) -> None:
    write(project, SUITE)
    assert ids(project, "--strict-markers", *args) == left


@pytest.mark.parametrize("workers", [[], ["-n2"]], ids=["alone", "xdist"])
def test_a_failing_budget_names_its_line(project: pytest.Pytester, workers: list[str]) -> None:
    write(project, SUITE.replace("max_size_mb = 0.1", "max_size_mb = 0.001"), "inside/a.edge.toml")
    for folder in ("models", "data"):
        (project.path / "inside" / folder).symlink_to(project.path / folder)
    result = project.runpytest("-W", "ignore", *workers)
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "int8 of digits.keras on local: 1 of 5 budgets not met",
            "  max_size_mb: size *, limit 0.001 MB: *",
            "inside/a.edge.toml:7: ready_for_the_line[[]int8]",
            "FAILED inside/a.edge.toml::ready_for_the_line[[]int8] - size *",
        ]
    )
    result.stdout.no_fnmatch_line("*stated at*")


def test_several_failing_budgets_name_their_own_lines(project: pytest.Pytester) -> None:
    write(
        project,
        'model = "models/digits.keras"\n\n[tests.small]\nvariants = ["converted"]\n'
        "fully_quantized = true\n\nmax_size_mb = {limit = 0.001}\nno_custom_ops = true\n",
    )
    result = project.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["    stated at parts.edge.toml:7", "    stated at parts.edge.toml:5"]
    )
    result.stdout.fnmatch_lines(["parts.edge.toml:7: small[[]converted]"])


def test_only_the_test_that_failed_runs_again(project: pytest.Pytester) -> None:
    write(project, SUITE.replace("max_size_mb = 1\n", "max_size_mb = 0.05\n"))
    project.runpytest("-W", "ignore").assert_outcomes(passed=2, failed=1)
    assert ids(project, "--lf") == [FLOAT]


def test_the_lines_of_budgets_are_kept_with_each_test(project: pytest.Pytester) -> None:
    file = write(project, SUITE)
    items, _ = project.inline_genitems(str(file))
    assert items[0].stash[MARKER_LINES] == {
        "max_size_mb": 7,
        "max_accuracy_drop": 8,
        "min_accuracy": 9,
        "fully_quantized": 10,
    }
    assert [item.location[1] for item in items] == [4, 11, 11]


def test_what_is_not_stated_comes_from_conftest(project: pytest.Pytester) -> None:
    write(
        project,
        'model = "models/digits.keras"\n[tests.t]\nvariants = ["converted"]\nmin_accuracy = 0.5\n',
    )
    missing = project.runpytest()
    missing.assert_outcomes(failed=1)
    missing.stdout.fnmatch_lines(["*there is no evaluation data for the accuracy budgets*"])
    project.makeconftest(
        """
        import pytest

        @pytest.fixture
        def evaluation_data(): return "data/digits.npz"

        @pytest.fixture
        def calibration_data(): return "data/digits.npz"

        @pytest.fixture
        def edge_model(): raise AssertionError("the file names the model")
        """
    )
    project.runpytest("-W", "ignore").assert_outcomes(passed=1)


def test_a_builder_beside_the_file(project: pytest.Pytester) -> None:
    write(
        project,
        "def build():\n"
        "    import keras\n"
        "    return keras.saving.load_model('models/digits.keras')\n",
        "inside/builder.py",
    )
    write(
        project,
        'model = "builder:build"\n[tests.t]\nvariants = ["converted"]\nmax_size_mb = 1\n',
        "inside/a.edge.toml",
    )
    project.runpytest().assert_outcomes(passed=1)


def test_a_ready_file_is_tested_as_what_it_is(
    int8_file: Path, digits_suite: pytest.Pytester
) -> None:
    write(digits_suite, 'model = "int8.tflite"\n[tests.t]\nfully_quantized = true\n')
    assert ids(digits_suite, "parts.edge.toml") == ["parts.edge.toml::t[int8]"]
    digits_suite.runpytest("parts.edge.toml").assert_outcomes(passed=1)


def test_files_by_variant_are_tested_each(int8_file: Path, digits_suite: pytest.Pytester) -> None:
    write(
        digits_suite,
        'model.converted = "float.tflite"\nmodel.int8 = "int8.tflite"\n'
        "[tests.t]\nmax_size_mb = 0.05\n",
    )
    result = digits_suite.runpytest("parts.edge.toml")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["parts.edge.toml:4: t[[]converted]"])


def test_images_are_read_as_preprocessing_says(project: pytest.Pytester) -> None:
    project.makepyfile(
        draw="""
        import numpy as np, pathlib, sys
        from PIL import Image
        data = np.load("data/digits.npz")
        for number, (image, label) in enumerate(zip(data["x"][:60], data["y"][:60])):
            folder = pathlib.Path("digits", str(label))
            folder.mkdir(parents=True, exist_ok=True)
            pixels = (image[..., 0] * 255).round().astype("uint8")
            Image.fromarray(pixels).save(folder / f"{number}.png")
        """
    )
    assert project.runpython(project.path / "draw.py").ret == 0
    write(
        project,
        'model = "models/digits.keras"\ncalibration_data = {path = "digits", limit = 30}\n'
        'evaluation_data = {path = "digits"}\n'
        '[preprocessing]\nsize = [8, 8]\nscaling = "0..1"\ncolor = "gray"\n'
        '[tests.t]\nvariants = ["int8"]\nmin_accuracy = 0.9\n',
    )
    result = project.runpytest("-W", "ignore", "--edge-report=report.json")
    result.assert_outcomes(passed=1)
    (record,) = json.loads((project.path / "report.json").read_text())["tests"]
    assert record["preprocessing"]["scaling"] == "0..1"


def test_a_decoder_is_stated(project: pytest.Pytester) -> None:
    text = 'model = "models/digits.keras"\nevaluation_data = "data/digits.npz"\n'
    table = '[tests.t]\nvariants = ["converted"]\nmin_accuracy = 0.9\n'
    write(project, f'{text}decoder = "softmax"\n{table}')
    project.runpytest().assert_outcomes(passed=1)
    write(project, f'{text}decoder = "reconstruction_error"\n{table}')
    result = project.runpytest()
    assert result.ret == 1
    assert "1 passed" not in result.outlines[-1]


def test_several_devices_run_each_test(project: pytest.Pytester) -> None:
    project.makepyprojecttoml('[tool.pytest-edgeai.devices.other]\npython = "python3"\n')
    write(project, SUITE)
    found = ids(project, "--edge-device=local", "--edge-device=other", "-k", "ready")
    assert found == [
        "parts.edge.toml::ready_for_the_line[int8-local]",
        "parts.edge.toml::ready_for_the_line[int8-other]",
    ]


def test_variants_are_those_of_the_run_where_a_table_names_none(project: pytest.Pytester) -> None:
    write(project, 'model = "models/digits.keras"\n[tests.t]\nmax_size_mb = 4\n')
    every = [f"parts.edge.toml::t[{name}]" for name in ("converted", "dynamic", "int8")]
    assert ids(project) == every
    chosen = ids(project, "--edge-variant=float16", "--edge-variant=int8")
    assert chosen == ["parts.edge.toml::t[float16]", "parts.edge.toml::t[int8]"]


def test_latency_is_in_the_table_of_pytest_benchmark(project: pytest.Pytester) -> None:
    write(
        project,
        'model = "models/digits.keras"\n[tests.t]\nvariants = ["converted"]\n'
        "max_latency_ms = {p95 = 1000}\n",
    )
    result = project.runpytest("--edge-max-seconds=2")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*benchmark: 1 tests*", "t[[]converted] *"])


@pytest.mark.parametrize("functions", ["check_*", "*"])
def test_tables_are_tests_whatever_functions_are_called(
    project: pytest.Pytester, functions: str
) -> None:
    write(project, SUITE)
    assert ids(project, "-o", f"python_functions={functions}") == [READY, FLOAT, DYNAMIC]
