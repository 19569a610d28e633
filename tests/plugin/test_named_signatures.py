"""Models with several signatures: the one that is named is tested, however it is named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

CONFTEST = """
import numpy as np, pytest

@pytest.fixture(scope="session")
def calibration_data():
    return np.random.default_rng(0).random((8, 512)).astype("float32")

@pytest.fixture(scope="session")
def evaluation_data():
    x = np.zeros((40, 512), "float32")
    x[np.arange(40), np.arange(40) % 4] = 1
    return x, np.arange(40) % 4
"""
LISTED = [
    "*signatures* has 2 signatures, and which one is meant is not said:",
    "*- classify(x: float32 [[]1, 512[]]) -> scores: float32 [[]1, 4[]]",
    "*- embed(x: float32 [[]1, 512[]]) -> embedding: float32 [[]1, 4[]]",
    '*name the one to test: edge_model(..., signature="classify"), *--edge-signature=classify*',
]


@pytest.fixture
def project(pytester: pytest.Pytester, models: Path, conversions: Path) -> pytest.Pytester:
    """A SavedModel and a ready file with two signatures, and data for one of them."""
    pytester.makeini(f"[pytest]\nedge_cache_dir = {conversions}\n")
    pytester.makeconftest(CONFTEST)
    shutil.copytree(models / "signatures", pytester.path / "signatures")
    shutil.copy(models / "signatures.tflite", pytester.path)
    return pytester


def reported(project: pytest.Pytester, *options: str) -> list[dict[str, Any]]:
    """The records of a run in which all pass."""
    result = project.runpytest("--edge-report=report.json", "-p", "no:cacheprovider", *options)
    assert result.ret == 0, result.stdout.str()
    tests: list[dict[str, Any]] = json.loads((project.path / "report.json").read_text())["tests"]
    return tests


NAMED = """
from pytest_edgeai import edge_model, min_accuracy

@min_accuracy(0.99)
@edge_model({model!r}, signature="classify")
def test_classify(converted_interpreter, evaluation_data):
    facts = converted_interpreter.model.facts
    assert facts.signature == "classify"
    assert "FULLY_CONNECTED" in [operator.name for operator in facts.operators]
    inputs, labels = evaluation_data
    assert (converted_interpreter.predict(inputs).argmax(1) == labels).all()

@edge_model({model!r}, signature="embed")
def test_embed(converted_interpreter, evaluation_data):
    facts = converted_interpreter.model.facts
    assert "FULLY_CONNECTED" not in [operator.name for operator in facts.operators]
    assert converted_interpreter.output_names == ["embedding"]
    inputs, labels = evaluation_data
    assert (converted_interpreter.predict(inputs).argmax(1) == 3 - labels).all()
"""


@pytest.mark.parametrize("model", ["signatures", "signatures.tflite"])
def test_the_marker_names_it(project: pytest.Pytester, model: str) -> None:
    project.makepyfile(NAMED.format(model=model))
    records = reported(project)
    assert [record["model"]["name"] for record in records] == [
        f"{model}:{record['model']['signature']}" for record in records
    ]
    assert len({record["model"]["key"] for record in records}) == 2


def test_int8_is_calibrated_with_the_data_of_its_signature(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        from pytest_edgeai import edge_model, fully_quantized, max_accuracy_drop

        @edge_model("signatures", signature="classify")
        @fully_quantized()
        @max_accuracy_drop(0.01)
        @max_accuracy_drop(0.01, baseline="source")
        def test_it(int8_interpreter): ...
        """
    )
    (record,) = reported(project)
    assert [budget["verdict"] for budget in record["budgets"]] == ["pass"] * 3


@pytest.mark.parametrize("key", ["classify", "embed"])
def test_the_source_answers_with_it(project: pytest.Pytester, key: str) -> None:
    project.makepyfile(
        f"""
        from pytest_edgeai import edge_model, max_output_error, min_agreement

        @edge_model("signatures", signature={key!r})
        @max_output_error(1e-6, baseline="source")
        @min_agreement(0.999, baseline="source")
        def test_it(converted_interpreter): ...
        """
    )
    (record,) = reported(project)
    assert [budget["measured"] for budget in record["budgets"]] == [1, pytest.approx(0, abs=1e-6)]


PLACES = {
    "fixture": (
        """
        import pytest
        from pytest_edgeai import ModelSource, max_size_mb

        @pytest.fixture
        def edge_model(): return ModelSource("signatures.tflite", signature="classify")

        @max_size_mb(9)
        def test_it(converted_interpreter): ...
        """,
        "",
    ),
    "mapping": (
        """
        from pytest_edgeai import edge_model, max_size_mb

        @max_size_mb(9)
        @edge_model(converted="signatures.tflite", signature="classify")
        def test_it(converted_interpreter): ...
        """,
        "",
    ),
    "option": (
        """
        from pytest_edgeai import edge_model, max_size_mb

        @max_size_mb(9)
        @edge_model("signatures.tflite")
        def test_it(converted_interpreter): ...
        """,
        "--edge-signature=classify",
    ),
    "over the option": (
        """
        from pytest_edgeai import edge_model, max_size_mb

        @max_size_mb(9)
        @edge_model("signatures.tflite", signature="classify")
        def test_it(converted_interpreter): ...
        """,
        "--edge-signature=embed",
    ),
}


@pytest.mark.parametrize("place", PLACES)
def test_where_it_is_named(project: pytest.Pytester, place: str) -> None:
    text, *options = PLACES[place]
    project.makepyfile(text)
    (record,) = reported(project, *filter(None, options))
    assert record["model"]["signature"] == "classify"


def test_the_ini_names_it(project: pytest.Pytester, conversions: Path) -> None:
    project.makeini(f"[pytest]\nedge_cache_dir = {conversions}\nedge_signature = embed\n")
    options = ["--edge-model=signatures.tflite", "--edge-budget=size<=9MB"]
    (record,) = reported(project, *options)
    assert record["nodeid"] == "--edge-budget::signatures.tflite:embed[converted]"
    assert record["model"]["signature"] == "embed"
    (record,) = reported(project, *options, "--edge-signature=classify")
    assert record["model"]["signature"] == "classify"


SUITE = """\
model = "signatures.tflite"
{signature}
[tests.ready]
max_size_mb = 9
"""


def test_a_suite_names_it(project: pytest.Pytester) -> None:
    suite = project.path / "line.edge.toml"
    suite.write_text(SUITE.format(signature='signature = "embed"'))
    (record,) = reported(project, "--edge-signature=classify")
    assert record["model"]["name"] == "signatures.tflite:embed"
    suite.write_text(SUITE.format(signature=""))
    (record,) = reported(project, "--edge-signature=classify")
    assert record["model"]["name"] == "signatures.tflite:classify"


@pytest.mark.parametrize(
    ("signature", "lines"),
    [
        ("", ["line.edge.toml:1: model: signatures.tflite has 2 signatures, and *", *LISTED[1:]]),
        (
            'signature = "clasify"',
            [
                "line.edge.toml:2: signature: signatures.tflite has no signature 'clasify'; *",
                *LISTED[1:],
            ],
        ),
        ("signature = 3", ["line.edge.toml:2: signature: 3 names no signature"]),
        ('signature = ""', ["line.edge.toml:2: signature: '' names no signature"]),
    ],
)
def test_a_suite_that_does_not(project: pytest.Pytester, signature: str, lines: list[str]) -> None:
    (project.path / "line.edge.toml").write_text(SUITE.format(signature=signature))
    result = project.runpytest()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(lines)


@pytest.mark.parametrize("model", ["signatures", "signatures.tflite"])
def test_unnamed_is_an_error_that_lists_them(project: pytest.Pytester, model: str) -> None:
    project.makepyfile(
        f"""
        from pytest_edgeai import edge_model, max_latency_ms

        @edge_model({model!r})
        @max_latency_ms(p95=1000)
        def test_it(converted_interpreter): ...
        """
    )
    result = project.runpytest()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(LISTED)


def test_unnamed_on_the_command_line_is_an_error_before_anything_runs(
    project: pytest.Pytester,
) -> None:
    result = project.runpytest("--edge-model=signatures.tflite", "--edge-budget=size<=9MB")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(LISTED)


def test_a_name_that_cannot_be(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        from pytest_edgeai import edge_model, max_size_mb

        @edge_model("signatures.tflite", signature="")
        @max_size_mb(9)
        def test_empty(converted_interpreter): ...

        @edge_model("signatures.tflite", signature="detect")
        @max_size_mb(9)
        def test_unknown(converted_interpreter): ...
        """
    )
    result = project.runpytest()
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(
        [
            "*edge_model: '' names no signature",
            "*signatures.tflite has no signature 'detect'; it has these:",
            *LISTED[1:3],
        ]
    )


TIMED = """
from pytest_edgeai import (
    edge_model, max_latency_ms, max_memory_mb, max_startup_ms, min_throughput
)
import pytest

@pytest.mark.parametrize("source", [
    pytest.param("file", marks=edge_model("signatures.tflite", signature={key!r})),
    pytest.param("converted", marks=edge_model("signatures", signature={key!r})),
])
@max_latency_ms(p95=1000)
@min_throughput(0.001)
@max_startup_ms(60_000)
@max_memory_mb(1000)
def test_it(converted_interpreter, source): ...
"""


@pytest.mark.usefixtures("may_be_busy")
def test_times_and_baselines_are_those_of_the_signature(project: pytest.Pytester) -> None:
    median = {}
    for key in ("classify", "embed"):
        project.makepyfile(TIMED.format(key=key))
        for record in reported(project, "--edge-save-baseline", "--edge-max-seconds=3"):
            budgets = {budget["marker"]: budget for budget in record["budgets"]}
            median[record["model"]["source"]] = budgets["max_latency_ms"]["measured"]
    for model in ("signatures", "signatures.tflite"):
        assert median[f"{model}:classify"] > 10 * median[f"{model}:embed"]
    names = {path.name for path in project.path.glob("edge_baselines/*/*.json")}
    assert names == {
        f"{model}_{key}.converted.json"
        for model in ("signatures", "signatures.tflite")
        for key in ("classify", "embed")
    }
