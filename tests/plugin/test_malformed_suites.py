"""``*.edge.toml`` files with one thing wrong: each says the line, the key, and what to do."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

RIGHT = """\
model = "digits.keras"
calibration_data = "digits.npz"
evaluation_data = "digits.npz"
decoder = "softmax"

[preprocessing]
size = [8, 8]
scaling = "0..1"

[tests.ready]
variants = ["int8"]
max_latency_ms = {p95 = 40}
max_size_mb = 4
min_accuracy = [0.9, {limit = 0.8, metric = "f1_macro"}]
fully_quantized = true
markers = ["nightly"]
"""


class Wrong(NamedTuple):
    """What is put in the place of what, and what is said about it."""

    old: str
    new: str
    said: str
    hint: str = ""


MODEL, DATA = 'model = "digits.keras"', 'calibration_data = "digits.npz"'
LATENCY, ACCURACY = "{p95 = 40}", '[0.9, {limit = 0.8, metric = "f1_macro"}]'
FORM = "a budget is a limit, a table of arguments, or true where it takes none, not "
MALFORMED = {
    "unfinished value": Wrong("= 4\n", "=\n", "13: this is not TOML: Invalid value", "toml.io"),
    "unclosed list": Wrong(
        'metric = "f1_macro"}]', 'metric = "f1_macro"}', "15: this is not TOML: Unclosed array"
    ),
    "unclosed text": Wrong('"nightly"]', '"nightly]', "16: this is not TOML: "),
    "key twice": Wrong("fully_quantized = true", "max_size_mb = 5", "15: this is not TOML: "),
    "test twice": Wrong("markers =", "[tests.ready]\nmarkers =", "16: this is not TOML: Cannot"),
    "misspelt key": Wrong(
        DATA,
        DATA.replace("data =", "date ="),
        "2: calibration_date: there is no such key",
        "did you mean calibration_data?",
    ),
    "unknown key": Wrong(
        DATA,
        f"zoo = 1\n{DATA}",
        "2: zoo: there is no such key",
        "known: model, signature, calibration_data, evaluation_data, decoder, preprocessing, tests",
    ),
    "device": Wrong(
        DATA, 'devices = ["pi"]', "2: devices: there is no such key", "--edge-device=NAME says"
    ),
    "misspelt marker": Wrong(
        "max_size_mb",
        "max_size_bm",
        "13: tests.ready.max_size_bm: there is no such key",
        "did you mean max_size_mb?",
    ),
    "threads of a test": Wrong(
        "max_size_mb = 4", "threads = 4", "13: tests.ready.threads: there is no", "{p95 = 40, thre"
    ),
    "missing model": Wrong(MODEL, "", "1: model: the model is missing", 'model = "model.keras"'),
    "model of a wrong type": Wrong(MODEL, "model = 3", "1: model: 3 names no model", "give a path"),
    "model that is not there": Wrong(
        MODEL, 'model = "no.keras"', "1: model: there is no ", "train the model first"
    ),
    "model of an unknown kind": Wrong(
        MODEL, 'model = "notes.txt"', "1: model: ", "a path to a .h5, .keras or .tflite file"
    ),
    "model that is damaged": Wrong(
        MODEL, 'model = "broken.tflite"', "1: model: ", "download the file itself"
    ),
    "unknown variant of a file": Wrong(
        MODEL, 'model.int4 = "broken.tflite"', "1: model: int4: not a variant", "converted, dynami"
    ),
    "data of a wrong type": Wrong(DATA, "calibration_data = 3", "2: calibration_data: 3 names no"),
    "data that are not there": Wrong(
        DATA, 'calibration_data = "no.npz"', "2: calibration_data: there is no ", "from this file"
    ),
    "data of an unknown kind": Wrong(
        DATA, 'calibration_data = "notes.txt"', "2: calibration_data: ", "no .npz or .npy file"
    ),
    "unknown key of data": Wrong(
        DATA,
        'calibration_data = {path = "digits.npz", most = 3}',
        "2: calibration_data: there is no 'most'",
        "known: path, limit, classes",
    ),
    "limit of data": Wrong(
        DATA,
        'calibration_data = {path = "digits.npz", limit = 0}',
        "2: calibration_data: limit must be a whole number from 1, not 0",
    ),
    "classes of a file": Wrong(
        DATA,
        'calibration_data = {path = "digits.npz", classes = ["a"]}',
        "2: calibration_data: classes are those of a folder of images, and digits.npz is a file",
    ),
    "classes that are no list": Wrong(
        DATA,
        'calibration_data = {path = "digits.npz", classes = "a"}',
        "2: calibration_data: must be a list of names, not 'a'",
        'write classes = ["a"]',
    ),
    "images without preprocessing": Wrong(
        RIGHT[RIGHT.index(DATA) : RIGHT.index("[tests")],
        'calibration_data = "images"\n',
        "2: calibration_data: ",
        'add [preprocessing] with size = [224, 224] and scaling = "-1..1"',
    ),
    "unknown decoder": Wrong(
        '"softmax"', '"softmin"', "4: decoder: 'softmin' is no decoder", "one of softmax, sigmoid"
    ),
    "unknown scaling": Wrong(
        '"0..1"', '"0..2"', "8: preprocessing.scaling: ", 'Known are "0..1", "-1..1", "0..255"'
    ),
    "wrong size": Wrong("[8, 8]", "8", "7: preprocessing.size: ", "such as size = [224, 224]"),
    "unknown key of preprocessing": Wrong(
        "[8, 8]\n",
        '[8, 8]\ncolour = "gray"\n',
        "8: preprocessing.colour: there is no such key",
        "did you mean color?",
    ),
    "missing scaling": Wrong(
        'scaling = "0..1"', "", "6: preprocessing: scaling must be stated", "size = [224, 224]"
    ),
    "unknown variant": Wrong(
        '["int8"]', '["int4"]', "11: tests.ready.variants: 'int4' is not a variant", "known: conv"
    ),
    "variant twice": Wrong(
        '["int8"]', '["int8", "int8"]', "11: tests.ready.variants: 'int8' is there twice"
    ),
    "variant as it is called elsewhere": Wrong(
        '["int8"]',
        '["INT-8", "float32"]',
        "11: tests.ready.variants: 'INT-8', 'float32' is not a variant",
        "did you mean int8, converted? known: conv",
    ),
    "variants that are no list": Wrong(
        '["int8"]',
        '"int8"',
        "11: tests.ready.variants: must be a list of names, not 'int8'",
        'write variants = ["int8"]',
    ),
    "no variants": Wrong(
        '["int8"]',
        "[]",
        "11: tests.ready.variants: the list is empty",
        'take the line out, or name one: variants = ["int8"]',
    ),
    "positional latency": Wrong(
        LATENCY,
        "30",
        "12: tests.ready.max_latency_ms: 30 needs the name of what it limits",
        "for example max_latency_ms = {p95 = 30}; it takes mean, median, p90, p95",
    ),
    "latency as text": Wrong(
        LATENCY,
        '{p95 = "30ms", threads = 2}',
        "12: tests.ready.max_latency_ms: p95 must be a number over 0, not '30ms'",
        "did you mean max_latency_ms = {p95 = 30, threads = 2}?",
    ),
    "unknown argument": Wrong(
        LATENCY,
        "{p59 = 40}",
        "12: tests.ready.max_latency_ms: there is no argument 'p59'",
        "it takes mean, median, p90, p95",
    ),
    "misspelt argument": Wrong(
        "max_size_mb = 4",
        "max_size_mb = {limt = 4}",
        "13: tests.ready.max_size_mb: there is no argument 'limt'",
        "did you mean limit?",
    ),
    "limit of a budget that has none": Wrong(
        "fully_quantized = true",
        'fully_quantized = "yes"',
        "15: tests.ready.fully_quantized: it takes nothing but true, not 'yes'",
        "write fully_quantized = true",
    ),
    "value that cannot be": Wrong(
        "max_size_mb = 4",
        "max_size_mb = -4",
        "13: tests.ready.max_size_mb: limit must be a number over 0, not -4",
        "for example max_size_mb = 4",
    ),
    "number as text": Wrong(
        "max_size_mb = 4",
        'max_size_mb = "512KB"',
        "13: tests.ready.max_size_mb: limit must be a number over 0, not '512KB'",
        "did you mean max_size_mb = 0.5?",
    ),
    "percent": Wrong(
        ACCURACY,
        "90",
        "14: tests.ready.min_accuracy: limit must be a number over 0, at most 1, not 90",
        "a fraction: 0.9 is 90 %; did you mean min_accuracy = 0.9?",
    ),
    "one of two arguments": Wrong(
        "max_size_mb = 4",
        "max_sustained_latency_ms = {p95 = 40}",
        "13: tests.ready.max_sustained_latency_ms: seconds must be stated",
        "for example max_sustained_latency_ms = {p95 = 40, seconds = 300}",
    ),
    "missing argument": Wrong(
        "max_size_mb = 4",
        "max_size_mb = true",
        "13: tests.ready.max_size_mb: limit must be stated",
        "for example max_size_mb = 4",
    ),
    "false": Wrong(
        "fully_quantized = true",
        "fully_quantized = false",
        f"15: tests.ready.fully_quantized: {FORM}False",
        "take the line out where nothing is required",
    ),
    "a date": Wrong("max_size_mb = 4", "max_size_mb = 2026-01-01", "13: tests.ready.max_", FORM),
    "list in a list": Wrong(ACCURACY, "[[0.9]]", "14: tests.ready.min_accuracy: ", f"{FORM}[0.9]"),
    "empty list": Wrong(ACCURACY, "[]", "14: tests.ready.min_accuracy: the list is empty"),
    "wrong in a list of lines": Wrong(
        ACCURACY,
        '[\n  0.9,\n  {limit = 0.8, metric = "f1_makro"},\n]',
        "14: tests.ready.min_accuracy: ",
        "f1_makro",
    ),
    "unknown mark": Wrong(
        '["nightly"]',
        '["weekly"]',
        "16: tests.ready.markers: no mark is called 'weekly'",
        "add it to `markers` in pytest's configuration",
    ),
    "budget as a mark": Wrong(
        '["nightly"]',
        '["max_size_mb"]',
        "16: tests.ready.markers: max_size_mb takes a value",
        "give it as a key of the test",
    ),
    "no tests": Wrong(
        RIGHT[RIGHT.index("[tests") :], "", "1: tests: there are no tests", "add one:"
    ),
    "tests that are no tables": Wrong(
        RIGHT[RIGHT.index("[tests") :],
        "[tests]\nmax_size_mb = 4\n",
        "11: tests.max_size_mb: 4 is",
        "a budget belongs into a table [tests.NAME]",
    ),
    "budget of no test": Wrong(
        DATA,
        "max_size_mb = 4",
        "2: max_size_mb: there is no such key",
        "a budget belongs into a table [tests.NAME]",
    ),
    "variants of no test": Wrong(
        DATA, 'variants = ["int8"]', "2: variants: there is no", "it belongs into a table [tests.N"
    ),
    "table that is no test": Wrong(
        "[tests.ready]",
        "[ready]",
        "10: ready: there is no such key",
        "did you mean [tests.ready]? a budget belongs into a table [tests.NAME]",
    ),
    "data below a table": Wrong(
        "max_size_mb = 4",
        DATA,
        "13: tests.ready.calibration_data: there is no such key",
        "it belongs above the first [table]",
    ),
    "no budget": Wrong(
        RIGHT[RIGHT.index("max_lat") : RIGHT.index("markers")],
        "",
        "10: tests.ready: it has no budget: nothing would be judged",
        "state one below [tests.ready], such as max_size_mb = 4",
    ),
    "name of a test": Wrong(
        "[tests.ready]", '[tests."is ready"]', "10: tests.is ready: a test's name has letters"
    ),
}


@pytest.fixture
def project(
    pytester: pytest.Pytester, models: Path, monkeypatch: pytest.MonkeyPatch
) -> pytest.Pytester:
    """All that the file above names, and another test."""
    pytester.makeini("[pytest]\nmarkers = nightly: takes long\n")
    for name in ("digits.keras", "digits.npz"):
        shutil.copy(models / name, pytester.path / name)
    pytester.mkdir("images")
    pytester.maketxtfile(notes="")
    (pytester.path / "broken.tflite").write_text("<html>")
    pytester.makepyfile(test_other="def test_other(): pass")
    return pytester


def shown(result: pytest.RunResult) -> str:
    return " ".join(" ".join(result.outlines).split())


def test_the_file_is_right_as_it_is(project: pytest.Pytester) -> None:
    (project.path / "parts.edge.toml").write_text(RIGHT)
    result = project.runpytest("--collect-only", "-q")
    assert "parts.edge.toml::ready[int8]" in result.outlines


@pytest.mark.parametrize("wrong", MALFORMED.values(), ids=MALFORMED)
def test_a_wrong_file_is_an_error_with_its_line(project: pytest.Pytester, wrong: Wrong) -> None:
    assert RIGHT.count(wrong.old) == 1
    (project.path / "parts.edge.toml").write_text(RIGHT.replace(wrong.old, wrong.new))
    result = project.runpytest()
    result.assert_outcomes(errors=1, passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "ERROR collecting parts.edge.toml _" in shown(result)
    assert f" parts.edge.toml:{wrong.said}" in shown(result)
    assert wrong.hint in shown(result)
    assert "Traceback" not in shown(result)


def test_all_mistakes_of_a_file_are_told_together(project: pytest.Pytester) -> None:
    text = RIGHT.replace("40}", "-40}").replace("_mb = 4", "_mb = 0").replace(MODEL, "modle = 3")
    (project.path / "parts.edge.toml").write_text(text)
    result = project.runpytest()
    result.stdout.fnmatch_lines(
        [
            "parts.edge.toml:1: modle: there is no such key",
            "    did you mean model?",
            "parts.edge.toml:1: model: the model is missing",
            "parts.edge.toml:12: tests.ready.max_latency_ms: p95 must be*",
            "parts.edge.toml:13: tests.ready.max_size_mb: limit must be*",
        ]
    )


def test_mistakes_are_told_in_the_order_of_lines(project: pytest.Pytester) -> None:
    text = RIGHT.replace(MODEL, "").replace("= [8, 8]", "= 8").replace('"0..1"', '"0..2"')
    first, rest = text.split("[preprocessing]")
    how, tests = rest.split("[tests.ready]")
    (project.path / "parts.edge.toml").write_text(
        f"{first}[tests.ready]{tests}zoo = 1\n[preprocessing]{how}\n"
    )
    lines = [line for line in project.runpytest().outlines if line.startswith("parts.edge.toml:")]
    assert [line.split(": ")[0:2] for line in lines] == [
        ["parts.edge.toml:1", "model"],
        ["parts.edge.toml:13", "tests.ready.zoo"],
        ["parts.edge.toml:15", "preprocessing.size"],
        ["parts.edge.toml:16", "preprocessing.scaling"],
    ]


def test_a_file_that_is_not_utf_8(project: pytest.Pytester) -> None:
    (project.path / "parts.edge.toml").write_bytes(b'model = "\xff.keras"\n')
    result = project.runpytest()
    result.assert_outcomes(errors=1, passed=1)
    result.stdout.fnmatch_lines(["parts.edge.toml:1: the file cannot be read as UTF-8: *"])


@pytest.mark.parametrize("args", [["-k", "other"], ["-m", "not nightly"], ["-n2"]])
def test_no_choice_of_tests_hides_a_wrong_file(project: pytest.Pytester, args: list[str]) -> None:
    (project.path / "parts.edge.toml").write_text("model = 3\n")
    result = project.runpytest(*args)
    result.assert_outcomes(errors=1, passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_other_errors_of_the_collection_end_the_run_as_ever(project: pytest.Pytester) -> None:
    (project.path / "parts.edge.toml").write_text("model = 3\n")
    project.makepyfile(test_broken="import nothing_that_there_is")
    result = project.runpytest()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.assert_outcomes(errors=2)


def test_the_first_error_may_end_the_run(project: pytest.Pytester) -> None:
    (project.path / "parts.edge.toml").write_text("model = 3\n")
    result = project.runpytest("-x")
    result.assert_outcomes(errors=1)
