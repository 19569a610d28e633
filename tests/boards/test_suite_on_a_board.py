"""The digits suite over SSH, on a board that has nothing of ours."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from sshd import Sshd
from suites import FAST, files_in, is_empty_soon

SUITE = """
from pytest_edgeai import max_accuracy_drop, max_size_mb, min_accuracy, min_agreement

@min_accuracy(0.9)
@max_size_mb(0.5)
def test_float(converted_interpreter): pass

@max_accuracy_drop(0.01)
@max_size_mb(0.15)
def test_dynamic(dynamic_interpreter): pass

@max_accuracy_drop(0.02)
@max_size_mb(0.15)
@min_agreement(0.97, baseline="host")
def test_int8(int8_interpreter): pass
"""
DEVICES = """
[devices.pi]
host = "board"
ssh_config = "{config}"
python = "{arm64}/bin/python-litert"

[devices.pi-old]
extends = "pi"
python = "{arm64}/bin/python-tflite"
"""
DEVICES_NAMED = ("local", "pi")
SECOND_RUN_BYTES = 100_000


@pytest.fixture
def suite(digits_suite: pytest.Pytester, board: Sshd, arm64: Path) -> pytest.Pytester:
    digits_suite.makepyfile(test_digits=SUITE)
    tables = DEVICES.format(config=board.ssh_config, arm64=arm64)
    (digits_suite.path / "edgeai.toml").write_text(tables)
    return digits_suite


def report(suite: pytest.Pytester) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((suite.path / "report.json").read_text())
    return content


def test_three_variants(
    suite: pytest.Pytester, board: Sshd, home: Path, arm64: Path, models: Path
) -> None:
    result = suite.runpytest_subprocess(*FAST, "--edge-device=pi")
    result.assert_outcomes(passed=3)
    tests = report(suite)["tests"]
    assert [test["variant"] for test in tests] == ["converted", "dynamic", "int8"]
    for test in tests:
        seen = test["conditions"]
        assert (seen["machine"], seen["emulated"], seen["host"]) == ("aarch64", True, "board")
        assert (seen["runtime"], seen["runtime_version"]) == ("ai-edge-litert", "2.0.2")
        assert (seen["python"], seen["os"]) == ("3.11.2", "Debian GNU/Linux 12 (bookworm)")
        assert seen["cpu"]
        assert seen["memory_mb"] > 100
        assert {budget["verdict"] for budget in test["budgets"]} == {"pass"}
    assert is_empty_soon(board)
    assert files_in(home) == {".cache/pytest-edgeai"}
    ours = [arm64 / "bin" / "python-litert", "-c", "import pytest_edgeai"]
    assert subprocess.run(ours, capture_output=True, check=False).returncode == 1

    sent = board.bytes_received()
    sizes = sum(test["model"]["size_bytes"] for test in tests)
    data = 300 * 64 * 4
    assert sent <= 1.1 * (sizes + data)
    again = suite.runpytest_subprocess(*FAST, "--edge-device=pi")
    again.assert_outcomes(passed=3)
    print(f"first run: {sent:,} bytes to the board, second: {board.bytes_received() - sent:,}")
    assert board.bytes_received() - sent < SECOND_RUN_BYTES


def test_beside_this_machine(suite: pytest.Pytester) -> None:
    devices = ("--edge-device=local", "--edge-device=pi")
    result = suite.runpytest_subprocess(*FAST, *devices, "-n2", "-v")
    result.assert_outcomes(passed=6)
    names = [f"test_{name}[{device}]" for name in ("float", "int8") for device in DEVICES_NAMED]
    said = result.stdout.str()
    assert all(f"::{name}" in said for name in names)
    compared = report(suite)["comparisons"]
    assert {entry["variant"] for entry in compared} == {"converted", "dynamic", "int8"}
    for entry in compared:
        assert sorted(entry["devices"]) == ["local", "pi"]
        assert entry["answers"]["samples"] == 300
        assert entry["measured"]["size"][0] == entry["measured"]["size"][1]
    assert re.search(r"int8 of digits.keras: \S+ and \S+ answer \d+ of 300 samples diff", said)


def test_a_runtime_that_is_too_old_for_an_operator(suite: pytest.Pytester) -> None:
    result = suite.runpytest_subprocess(*FAST, "--edge-device=pi-old")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(
        [
            "*dynamic of digits.keras: load: Didn't find op for builtin opcode 'FULLY_CONNECTED'*",
            "hint: *is older than the converter that wrote the file: *",
        ]
    )
    seen = report(suite)["tests"][0]["conditions"]
    assert (seen["runtime"], seen["runtime_version"]) == ("tflite-runtime", "2.14.0")


ROUNDING = """
import numpy as np, pytest
from pytest_edgeai import edge_model, min_accuracy, min_agreement

@pytest.fixture
def evaluation_data():
    noise = np.random.default_rng(0).integers(0, 256, (100, 32, 32, 3))
    return noise.astype(np.float32), np.arange(100) % 10

@edge_model(int8={model!r})
@min_accuracy(0.01)
@min_agreement(1.0, baseline="host")
def test_it(int8_interpreter): pass
"""


def test_answers_that_differ_are_counted(suite: pytest.Pytester, realdata: Path) -> None:
    """The runtimes round differently: of noise, an int8 ResNet-8 makes different things."""
    model = str(realdata / "models" / "resnet8_cifar10_int8.tflite")
    suite.makepyfile(test_digits=ROUNDING.format(model=model))
    devices = ("--edge-device=local", "--edge-device=pi-old")
    result = suite.runpytest_subprocess(*FAST, *devices)
    result.assert_outcomes(passed=1, failed=1)
    said = result.stdout.str()
    found = re.search(r"local and pi-old answer (\d+) of 100 samples differently", said)
    assert found
    assert int(found[1]) > 0
    assert f"{found[1]} of 100 samples get another answer than on the host" in said
    (compared,) = report(suite)["comparisons"]
    assert compared["answers"]["different"] == int(found[1])
