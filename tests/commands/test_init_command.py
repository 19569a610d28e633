"""``edgeai init``: suites that pass as they are, and a workflow that runs them."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image
from ruamel.yaml import YAML

from pytest_edgeai.commands import first_limits
from pytest_edgeai.commands.first_plan import Plan
from pytest_edgeai.commands.workflow import workflow_text
from pytest_edgeai.model.tflite import read_facts
from pytest_edgeai.suite.reading import read_suite

PLACEHOLDER = re.compile(r"TODO|FIXME|XXX|path/to|<[^>]*>|CHANGE_ME|%\w|\{\w+\}", re.IGNORECASE)
TIMES = {"max_latency_ms", "max_startup_ms", "max_memory_mb"}
WORKFLOW = ".github/workflows/edgeai.yml"
# Other tests keep the machine busy: what a limit far away says must not be void.
CONFTEST = "import pytest_edgeai.judge.conditions as c\n\nc.OTHERS_SHARE = 1.0\n"
ROOMY = "--margin=9"
ONE_BYTE = """
from pytest_edgeai.judge.size import SizeBudget

def pytest_collection_modifyitems(items):
    if "measuring-" not in items[0].nodeid:
        SizeBudget.bound = (1, "bytes")
"""


class Said(NamedTuple):
    """What the command says."""

    status: int
    out: str
    err: str


Init = Callable[..., Said]


@pytest.fixture
def project(tmp_path: Path, models: Path, conversions: Path) -> Path:
    """A git repository with the digits network and its data, in two parts."""
    folder = tmp_path / "project"
    folder.mkdir()
    subprocess.run(["git", "init", "-q", folder], check=True)
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "pytest.ini").write_text(f"[pytest]\nedge_cache_dir = {conversions}\n")
    shutil.copy(models / "digits.h5", folder)
    with np.load(models / "digits.npz") as file:
        x, y = file["x"], file["y"]
    np.savez(folder / "train.npz", x=x[:100])
    np.savez(folder / "test.npz", x=x[100:], y=y[100:])
    return folder


@pytest.fixture
def init(project: Path) -> Init:
    """``init(*arguments)`` in the project."""

    def said(*arguments: object) -> Said:
        command = [sys.executable, "-m", "pytest_edgeai", "init", *map(str, arguments)]
        environment = {**os.environ, "COLUMNS": "100"}
        done = subprocess.run(
            command,
            cwd=project,
            env=environment,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    return said


def budgets(suite: Path) -> dict[str, dict[str, Any]]:
    """For each test its budgets by marker: the first argument, or all by name."""
    read = read_suite(suite, suite.name, ())
    return {
        test.name: {mark.name: dict(mark.kwargs) or (*mark.args, True)[0] for mark in test.marks}
        for test in read.tests
    }


def test_a_fresh_h5(
    project: Path, init: Init, edgeai: Callable[..., Any], conversions: Path
) -> None:
    data = ("--calibration-data=train.npz", "--evaluation-data=test.npz")
    said = init("digits.h5", *data, ROOMY)
    assert said.status == 0, said
    found = budgets(project / "digits.edge.toml")
    assert list(found) == [
        f"{variant}_{what}"
        for variant in ("converted", "dynamic", "int8")
        for what in ("fits", "is_fast")
    ]
    assert set(found["converted_fits"]) == {"max_size_mb", "no_custom_ops", "min_accuracy"}
    assert set(found["dynamic_is_fast"]) == TIMES
    int8 = found["int8_fits"]
    assert set(int8) == {
        "max_size_mb",
        "fully_quantized",
        "no_custom_ops",
        "min_accuracy",
        "max_accuracy_drop",
    }
    assert 0.8 < int8["min_accuracy"] < 1
    assert int8["max_accuracy_drop"] == 0.02
    text = (project / "digits.edge.toml").read_text()
    assert not PLACEHOLDER.search(text)
    assert text.count("# measured ") == 17
    assert "samples" in text
    assert 'model = "digits.h5"' in text
    assert "it passes; run it with: pytest digits.edge.toml" in said.out
    assert sorted(path.name for path in project.glob("*.toml")) == ["digits.edge.toml"]
    again = run_as_it_is(project)
    assert "6 passed" in again
    for given in (["digits.edge.toml"], ["p95<=9s", "size<=9MB"], ["digits.edge.toml", "-k=fits"]):
        said = edgeai("judge", "out", *given, folder=project)
        assert said.status == 0, said
        assert "error" not in said.out
    missing = edgeai("judge", "out", "delegated>=0.5", folder=project)
    assert missing.status == 1
    assert missing.out.count("did not measure what a delegate") == 3, "once for each variant"
    the_workflow_passes(project, conversions)


def run_as_it_is(project: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "digits.edge.toml", "--edge-report=out/"],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def the_workflow_passes(project: Path, kept: Path) -> None:
    """Its command line, run as it stands with what it keeps, judges all but times and memory."""
    (project / ".edgeai-cache").symlink_to(kept)
    text = (project / WORKFLOW).read_text()
    assert not PLACEHOLDER.search(text)
    assert "pip install 'pytest-edgeai[tensorflow" in text
    assert "hashFiles('digits.h5', 'train.npz')" in text
    step = text.partition("run: >-\n")[2].partition("      - uses")[0]
    command = " ".join(step.split())
    assert command.startswith("python -m pytest $(git ls-files '*.edge.toml') --edge-")
    subprocess.run(["git", "add", "."], cwd=project, check=True)
    done = subprocess.run(
        ["bash", "-c", command.replace("python ", f"{sys.executable} ", 1)],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "6 passed" in done.stdout
    assert (project / "edge-report" / "results.json").exists()
    assert (project / "edge-report" / "junit.xml").exists()
    assert "edgeai: 0 converted, " in done.stdout


@pytest.mark.parametrize(
    ("name", "hashed"),
    [
        ("it's a model.keras", "it''s a model.keras"),
        ("model: the #1 [new]\n\t.keras", "model: the #1 ?new???.keras"),
    ],
)
@pytest.mark.parametrize("is_converted", [True, False])
def test_the_workflow_is_yaml(tmp_path: Path, is_converted: bool, name: str, hashed: str) -> None:
    plan = Plan(
        model=tmp_path / name,
        signature=None,
        is_converted=is_converted,
        folder=tmp_path,
        variants=("converted",),
        calibration_data=None,
        evaluation_data=None,
        has_labels=False,
        preprocessing=None,
        device=None,
        margin=0.25,
    )
    read = YAML(typ="safe").load(workflow_text(tmp_path, plan))
    (job,) = read["jobs"].values()
    steps = job["steps"]
    assert all(len({"uses", "run"} & set(step)) == 1 for step in steps)
    assert [step["uses"].partition("@")[0] for step in steps if "uses" in step] == [
        "actions/checkout",
        "actions/setup-python",
        *(["actions/cache"] if is_converted else []),
        "actions/upload-artifact",
    ]
    if is_converted:
        assert steps[3]["with"]["key"].endswith(f"${{{{ hashFiles('{hashed}') }}}}")


def test_a_tflite_in_place_of_what_is_there(project: Path, init: Init, realdata: Path) -> None:
    (project / "models").mkdir()
    shutil.copy(realdata / "models/ad01_int8.tflite", project / "models")
    suite, workflow = project / "ad01_int8.edge.toml", project / WORKFLOW
    workflow.parent.mkdir(parents=True)
    for path in (suite, workflow):
        path.write_text("mine\n")
    said = init("models/ad01_int8.tflite", ROOMY, "--force")
    assert said.status == 0, said
    found = budgets(suite)
    assert set(found["fits"]) == {"max_size_mb", "fully_quantized", "no_custom_ops"}
    assert set(found["is_fast"]) == TIMES
    size_mb = read_facts(realdata / "models/ad01_int8.tflite").size_bytes / 1024 / 1024
    assert found["fits"]["max_size_mb"] == pytest.approx(size_mb * 10, rel=0.1)
    text = suite.read_text()
    assert 'model = "models/ad01_int8.tflite"' in text
    assert 'variants = ["int8"]' in text
    assert "int8 is not tested" not in said.out, "the file is what it is"
    assert "actions/checkout" in workflow.read_text()
    assert "tensorflow" not in workflow.read_text()
    assert "actions/cache" not in workflow.read_text()


def test_a_signature_in_a_folder_that_is_in_no_repository(
    project: Path, init: Init, models: Path
) -> None:
    shutil.rmtree(project / ".git")
    model = models / "signatures.tflite"
    said = init(model)
    assert said.status == 2
    assert "for edgeai init --signature=classify" in said.err
    said = init(model, "--signature=embed", ROOMY, "--output=acceptance")
    assert said.status == 0, said
    text = (project / "acceptance" / "signatures.edge.toml").read_text()
    assert 'signatures.tflite"\nsignature = "embed"\n' in text
    assert f"acceptance is no git repository: {WORKFLOW} has to be in the root of one" in said.out


def test_images_in_folders(project: Path, init: Init, models: Path) -> None:
    shutil.copy(models / "digits.tflite", project)
    with np.load(project / "test.npz") as file:
        for number, (x, y) in enumerate(zip(file["x"][:60], file["y"][:60], strict=True)):
            folder = project / "test" / str(y)
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray((x[..., 0] * 255).astype(np.uint8)).save(folder / f"{number}.png")
    refused = init("digits.tflite", "--evaluation-data=test")
    assert refused.status == 2
    assert "what their pixels are scaled to is not said" in refused.err
    said = init("digits.tflite", "--evaluation-data=test", "--scaling=0..1", ROOMY)
    assert said.status == 0, said
    read = read_suite(project / "digits.edge.toml", "", ())
    assert read.preprocessing is not None
    assert (read.preprocessing.size, read.preprocessing.color) == ((8, 8), "gray")
    assert budgets(project / "digits.edge.toml")["fits"]["min_accuracy"] > 0.8


def test_what_comes_to_nothing_is_left_out_and_a_workflow_is_kept(
    project: Path, init: Init, models: Path
) -> None:
    shutil.copy(models / "pair.keras", project)  # its weights are too small for dynamic range
    (project / WORKFLOW).parent.mkdir(parents=True)
    (project / WORKFLOW).write_text("mine\n")
    said = init("pair.keras", ROOMY)
    assert said.status == 0, said
    assert "left out: dynamic: " in said.out
    text = (project / "pair.edge.toml").read_text()
    assert "# dynamic is left out: pair.keras is not 'dynamic'" in text
    found = budgets(project / "pair.edge.toml")
    assert list(found) == ["fits", "is_fast"]
    assert set(found["fits"]) == {"max_size_mb", "no_custom_ops"}
    for missing in (
        "int8 is not tested: it needs --calibration-data with typical inputs",
        "accuracy is not tested: it needs --evaluation-data with labels",
    ):
        assert f"note: {missing}" in said.out
        assert f"# {missing}; " in text
    assert f"kept {WORKFLOW}" in said.out
    assert (project / WORKFLOW).read_text() == "mine\n"
    assert "note: it does not install pytest-edgeai[tensorflow], which pair.keras needs" in said.out
    assert "measuring-" not in said.out
    assert "measuring-" not in text


def test_nothing_is_overwritten(project: Path, init: Init) -> None:
    (project / "digits.edge.toml").write_text("mine\n")
    said = init("digits.h5")
    assert said.status == 2
    assert "digits.edge.toml is there already\nhint: --force overwrites it" in said.err
    assert (project / "digits.edge.toml").read_text() == "mine\n"
    assert not (project / WORKFLOW).exists()


def test_ended_it_leaves_nothing(project: Path) -> None:
    """SIGTERM, as a build server ends a job."""
    command = [sys.executable, "-m", "pytest_edgeai", "init", "digits.h5"]
    with subprocess.Popen(command, cwd=project) as running:
        while running.poll() is None and not any(project.glob("measuring-*")):
            time.sleep(0.05)
        running.terminate()
    assert running.returncode == 128 + signal.SIGTERM
    assert not any(project.glob("measuring-*"))
    assert not (project / "digits.edge.toml").exists()


def test_a_suite_that_does_not_pass_is_kept(project: Path, init: Init, realdata: Path) -> None:
    """It does not because the run after the measuring one has a limit of one byte."""
    shutil.copy(realdata / "models/ad01_int8.tflite", project)
    (project / "conftest.py").write_text(f"{CONFTEST}{ONE_BYTE}")
    said = init("ad01_int8.tflite", ROOMY)
    assert said.status == 1, said
    assert "ad01_int8.edge.toml does not pass as it is; it is kept" in said.out
    assert (project / "ad01_int8.edge.toml").exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["missing.keras"], "there is no "),
        (["conftest.py"], "unknown kind of file '.py'"),
        (["package.models:build"], "is no file"),
        (["digits.h5", "--evaluation-data=missing.npz"], "missing.npz"),
        (["digits.h5", "--output=missing/below"], "there is no folder "),
        (["digits.h5", "--output=pytest.ini"], "pytest.ini is no folder"),
        (["digits.h5", "--margin=0"], "must be a number over 0 up to 10, not 0"),
        (["digits.h5", "--margin=25"], "not 25: 0.25 is 25 per cent"),
        (["digits.h5", "--device=moon"], "no device is called 'moon'"),
    ],
)
def test_what_cannot_begin(project: Path, init: Init, arguments: list[str], reason: str) -> None:
    said = init(*arguments)
    assert said.status == 2
    assert reason in said.err
    assert "Traceback" not in said.err
    assert not list(project.glob("*.edge.toml"))


def test_a_model_that_nothing_runs(project: Path, init: Init, realdata: Path) -> None:
    shutil.copy(realdata / "broken/needs_flex_delegate.tflite", project)
    said = init("needs_flex_delegate.tflite")
    assert said.status == 2
    assert "nothing of needs_flex_delegate.tflite could be measured:" in said.err
    assert "it needs Select TF ops" in said.err
    assert not list(project.glob("*.edge.toml"))


@pytest.mark.parametrize(
    ("value", "up", "wanted"),
    [
        (0.0235, True, 0.024),
        (12.31, True, 13.0),
        (1234.0, True, 1300.0),
        (1300.0, True, 1300.0),
        (0.9633, False, 0.96),
        (0.96, False, 0.96),
    ],
)
def test_limits_are_rounded_to_the_safe_side(value: float, up: bool, wanted: float) -> None:
    assert first_limits.rounded(value, up=up) == wanted


CONDITIONS = {
    "cpu": "Cortex-A76",
    "runtime": "ai-edge-litert",
    "runtime_version": "2.3.0",
    "threads": 4,
}


def record(**changes: Any) -> dict[str, Any]:
    budget = {"n": 400, "verdict": "pass", "unit": "ms", "reason": "", "data": {}}
    return {"budgets": [budget | changes], "conditions": CONDITIONS}


@pytest.mark.parametrize(
    ("device", "changes", "line"),
    [
        (
            None,
            {"marker": "max_latency_ms", "measured": 12.3},
            "max_latency_ms = {p95 = 16}  "
            "# measured 12.3 ms on Cortex-A76, ai-edge-litert 2.3.0, 4 threads",
        ),
        (
            None,
            {"marker": "max_latency_ms", "measured": 0.00253},
            "max_latency_ms = {p95 = 0.053}  # measured 0.00253 ms on Cortex-A76, "
            "ai-edge-litert 2.3.0, 4 threads; 0.05 ms added",
        ),
        (
            None,
            {
                "marker": "max_memory_mb",
                "measured": 8 * 1024**2,
                "unit": "bytes",
                "data": {"conditions": CONDITIONS | {"others_share": 0.4}},
            },
            "max_memory_mb = 10  # measured 8 MB on Cortex-A76, ai-edge-litert 2.3.0, 4 threads, "
            "beside others (40 %)",
        ),
        (
            "pi",
            {"marker": "max_startup_ms", "measured": 100.0},
            'max_startup_ms = {limit = 130, device = "pi"}  '
            "# measured 100 ms on Cortex-A76, ai-edge-litert 2.3.0, 4 threads",
        ),
        (
            "pi",
            {"marker": "max_size_mb", "measured": 2 * 1024**2, "unit": "bytes"},
            "max_size_mb = 2.5  # measured 2 MB",
        ),
        (
            None,
            {"marker": "max_accuracy_drop", "measured": 0.05, "unit": "points"},
            "max_accuracy_drop = 0.06  # measured 5.00 pt on 400 samples; 2.00 pt are usual",
        ),
        (
            None,
            {"marker": "min_accuracy", "measured": 0.9, "unit": "fraction", "n": 20},
            "min_accuracy = 0.8  # measured 90.00 % on 20 samples",
        ),
        (
            None,
            {"marker": "min_accuracy", "verdict": "error", "reason": "labels are not whole"},
            "# no min_accuracy: labels are not whole",
        ),
    ],
)
def test_limits_from_what_was_measured(
    device: str | None, changes: dict[str, Any], line: str
) -> None:
    markers = (str(changes["marker"]),)
    (found,) = first_limits.lines(record(**changes), markers, 0.25, device)
    assert (str(found) if found.budget else f"# {found.comment}") == line


def test_help_is_for_who_never_saw_it(init: Init) -> None:
    said = init("--help")
    assert said.status == 0
    assert "example: edgeai init parts.keras" in said.out
    assert "--calibration-data" in said.out
