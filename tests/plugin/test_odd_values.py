"""Whatever a user's objects are, return or raise: no run ends, each test has one clear answer.

``odd/odd_suite.py`` fills every place that a user can fill with the values and the exceptions of
``odd/odd_values.py``; this runs it, once in one process and once on two workers.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from PIL import Image

HERE = Path(__file__).parent / "odd"
LEAST = 300
"""Odd values in odd places."""
FAST = ("-p", "no:hypothesispytest", "-p", "no:benchmark", "--tb=short", "--edge-max-seconds=1")
REPORTS = ("a.json", "a.md", "a.jsonl", "a.html")
LOG = """
import json
import os

def write(name, said):
    with open(name, "ab", 0) as file:  # a line at a time, of whichever worker
        file.write(json.dumps(said).encode() + b"\\n")

def pytest_collection_finish(session):
    for item in session.items:
        write("collected.jsonl", item.nodeid)

def pytest_runtest_logreport(report):
    if "PYTEST_XDIST_WORKER" not in os.environ:  # the controller has them all
        write("reports.jsonl", [report.nodeid, report.when, report.outcome, report.longreprtext])
"""
OTHERS = """
from pytest_edgeai import edge_model, max_size_mb

def test_plain(): pass

@edge_model("m.tflite")
@max_size_mb(1)
def test_model(converted_interpreter): pass
"""
TOML = (
    "nan", "1e400", "true", "1" + 5000 * "0", '""', r'"\u0000"', '"m.tflite"', "2026-01-01", "[]",
    "[[0.5]]", '["int8"]', "{a.b = 1}", '{path = "m.tflite", limit = nan}', 900 * "[" + 900 * "]",
)  # fmt: skip
KEYS = (
    "model", "calibration_data", "evaluation_data", "decoder", "preprocessing", "tests",
    "tests.x.max_size_mb", "tests.x.min_accuracy", "tests.x.variants", "tests.x.markers",
)  # fmt: skip
PASSED = {
    "test_metric_result": {
        "decimal", "float_child", "fraction", "int_2_63", "int_enum", "largest", "magic_mock",
        "np_bool", "np_float16", "np_float32", "np_longdouble", "np_scalar_array", "np_uint64",
        "true",
    },
    "test_marker_size": {
        "float_child", "fraction", "int_2_63", "int_child", "int_enum", "np_float16",
        "np_float32", "np_float64", "np_int8", "np_longdouble", "np_uint64",
    },
    "test_marker_metric": {"lambda", "nameless", "magic_mock"},
}  # fmt: skip
"""Numbers that are as good as a float, and callables."""


class Report(NamedTuple):
    when: str
    outcome: str
    text: str


@pytest.fixture(params=["-n0", "-n2"])
def run(
    request: pytest.FixtureRequest,
    pytester: pytest.Pytester,
    tiny: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> subprocess.CompletedProcess[str]:
    """The odd suite, odd suites without Python, and ordinary tests before and after them."""
    monkeypatch.setenv("TMPDIR", str(pytester.mkdir("tmp")))  # nobody else's locks
    shutil.copy(tiny / "three_scores.tflite", pytester.path / "m.tflite")
    shutil.copy(HERE / "odd_values.py", pytester.path)
    shutil.copy(HERE / "odd_suite.py", pytester.path / "test_odd.py")
    for name in "ab":
        pytester.mkdir("images") if name == "a" else None
        (pytester.path / "images" / name).mkdir()
        Image.new("RGB", (8, 8)).save(pytester.path / "images" / name / "0.png")
    for number, key in enumerate(KEYS):
        for other, value in enumerate(TOML):
            lines = {"model": '"m.tflite"', "tests.y.max_size_mb": "1", key: value}
            if key == "tests":
                del lines["tests.y.max_size_mb"]
            text = "".join(f"{name} = {of}\n" for name, of in lines.items())
            (pytester.path / f"odd_{number}_{other}.edge.toml").write_text(text)
    pytester.makepyfile(test_a_before=OTHERS, test_z_after=OTHERS)
    pytester.makeconftest(LOG)
    reports = [f"--edge-report={name}" for name in REPORTS]
    words = [sys.executable, "-m", "pytest", *FAST, request.param, "--junitxml=a.xml", *reports]
    return subprocess.run(
        words, cwd=pytester.path, capture_output=True, text=True, errors="replace", check=False
    )


def lines_of(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def reports_in(folder: Path) -> dict[str, list[Report]]:
    found = defaultdict[str, list[Report]](list)
    for nodeid, *report in lines_of(folder / "reports.jsonl"):
        found[nodeid].append(Report(*report))
    return found


def is_clear(report: Report) -> bool:
    """It says something, and shows no code of this package."""
    return bool(report.text.strip()) and not re.search(r"pytest_edgeai/\S+\.py", report.text)


def test_no_run_ends_and_each_test_has_one_clear_answer(
    run: subprocess.CompletedProcess[str], pytester: pytest.Pytester
) -> None:
    assert "INTERNALERROR" not in run.stdout + run.stderr
    assert run.returncode == pytest.ExitCode.TESTS_FAILED
    found = reports_in(pytester.path)
    assert found.keys() == {*lines_of(pytester.path / "collected.jsonl")}

    failed = {nodeid: [r for r in all_ if r.outcome == "failed"] for nodeid, all_ in found.items()}
    assert {nodeid for nodeid, of in failed.items() if len(of) > 1} == set()
    assert {nodeid: of[0] for nodeid, of in failed.items() if of and not is_clear(of[0])} == {}
    innocent = [n for n in found if "innocent" in n or n.startswith(("test_a_", "test_z_"))]
    assert len(innocent) >= 5
    assert [nodeid for nodeid in innocent if failed[nodeid]] == []

    places = defaultdict[str, dict[str, bool]](dict)
    for nodeid, of in failed.items():
        place, _, value = nodeid.partition("::")[2].rpartition("[")
        if nodeid.startswith("test_odd.py") and place:
            places[place][value.removesuffix("]")] = not of
    print(*(f"{place}: {', '.join(values)}" for place, values in places.items()), sep="\n")
    assert sum(map(len, places.values())) >= LEAST
    passed = {place: {name for name, well in places[place].items() if well} for place in PASSED}
    assert passed == PASSED

    document = json.loads((pytester.path / "a.json").read_text())
    asked = {test["nodeid"] for test in document["tests"]}
    assert asked == {nodeid for nodeid in found if not nodeid.endswith("test_plain")}
    files = {path.name for path in pytester.path.glob("*.edge.toml")}
    ran = {nodeid.partition("::")[0] for nodeid in found}
    assert files - ran == document["run"]["uncollected"].keys()
    assert all(document["run"]["uncollected"].values())
    assert all((pytester.path / name).stat().st_size for name in (*REPORTS, "a.xml"))
