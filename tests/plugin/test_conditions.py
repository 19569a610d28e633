"""A device that tells of its state: a fake sysfs and a fake vcgencmd."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

VCGENCMD = """#!/bin/sh
# get_throttled: the flags, a line for each call; the last one stays.
flags=$(head -n 1 {flags})
sed -i '1{{$!d}}' {flags}
echo "throttled=$flags"
"""
QUIET, THROTTLED, PAST = "0x0", "0xe0008", "0x50000"
TEST = """
from pytest_edgeai import max_latency_ms

@max_latency_ms(p95={limit})
def test_it(converted_interpreter): pass
"""


@pytest.fixture
def board(digits_suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of the fake sysfs; ``flags`` beside it are what vcgencmd says next."""
    root = digits_suite.mkdir("fake")
    sysfs, programs = root / "sys", root / "bin"
    files = {
        "class/thermal/thermal_zone0/temp": "51234",
        "class/thermal/thermal_zone1/temp": "48000",
        "devices/system/cpu/cpu0/cpufreq/scaling_governor": "ondemand",
        "devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "600000",
        "devices/system/cpu/cpu1/cpufreq/scaling_cur_freq": "1800000",
        "class/hwmon/hwmon2/in0_lcrit_alarm": "0",
    }
    for name, content in files.items():
        (sysfs / name).parent.mkdir(parents=True, exist_ok=True)
        (sysfs / name).write_text(f"{content}\n")
    programs.mkdir()
    program = programs / "vcgencmd"
    program.write_text(VCGENCMD.format(flags=root / "flags"))
    program.chmod(0o755)
    flags(root, QUIET)
    monkeypatch.setenv("HOST_SYS", str(sysfs))
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    return root


def flags(root: Path, *values: str) -> None:
    (root / "flags").write_text("".join(f"{value}\n" for value in values))


def judged(suite: pytest.Pytester, *args: str, limit: float = 1000) -> dict[str, Any]:
    suite.makepyfile(TEST.format(limit=limit))
    suite.runpytest(
        "--edge-report=report.json", "--edge-max-seconds=4", "--benchmark-disable", *args
    )
    (test,) = json.loads((suite.path / "report.json").read_text())["tests"]
    return dict(test)


def test_the_record_holds_them_before_and_after(digits_suite: pytest.Pytester, board: Path) -> None:
    flags(board, PAST)
    test = judged(digits_suite)
    assert test["budgets"][0]["verdict"] == "pass"
    for when in ("before", "after"):
        seen = test["conditions"][when]
        assert (seen["temperature_c"], seen["throttled"]) == (51.234, 0x50000)
        assert (seen["governor"], seen["frequency_mhz"]) == ("ondemand", 1800)
        assert seen["undervoltage"] is False
    assert test["conditions"]["throttling"] == []


def test_a_throttled_run_is_void_if_the_second_one_is(
    digits_suite: pytest.Pytester, board: Path
) -> None:
    flags(board, QUIET, QUIET, *[THROTTLED, PAST] * 20)
    test = judged(digits_suite)
    (budget,) = test["budgets"]
    assert budget["verdict"] == "void"
    assert budget["reason"].startswith("the device was slowed down while it was timed: ")
    assert budget["reason"].endswith(", in a second run as well")
    assert test["conditions"]["first_void"]
    seen = {test["conditions"][when]["throttled"] for when in ("before", "after")}
    assert seen == {int(THROTTLED, 16), int(PAST, 16)}


def test_what_passes_at_the_second_time_counts(digits_suite: pytest.Pytester, board: Path) -> None:
    flags(board, QUIET, QUIET, THROTTLED, QUIET)
    test = judged(digits_suite)
    assert test["budgets"][0]["verdict"] == "pass"
    assert "soft temperature limit" in test["conditions"]["first_void"]


def test_a_board_that_is_too_hot_waits_and_is_void(
    digits_suite: pytest.Pytester, board: Path
) -> None:
    (digits_suite.path / "edgeai.toml").write_text("[devices.local]\nmax_temperature_c = 50\n")
    test = judged(digits_suite, "--edge-max-seconds=2")
    (budget,) = test["budgets"]
    assert budget["verdict"] == "void"
    assert "the device was at 51.2 °C, over its max_temperature_c of 50" in budget["reason"]


def test_a_failing_budget_shows_them(digits_suite: pytest.Pytester, board: Path) -> None:
    digits_suite.makepyfile(TEST.format(limit=0.00001))
    result = digits_suite.runpytest("--edge-max-seconds=4")
    said = " ".join(result.stdout.str().split())
    assert "governor ondemand, 1800 MHz, 51 to 51 °C, others" in said


SUSTAINED = """
from pytest_edgeai import max_sustained_latency_ms

@max_sustained_latency_ms(p95=1000, seconds=1)
def test_it(converted_interpreter): pass
"""
FOOTPRINT = """
from pytest_edgeai import max_memory_mb, max_startup_ms

@max_memory_mb(1000)
@max_startup_ms(10_000)
def test_it(converted_interpreter): pass
"""


def test_heat_is_what_a_run_without_pause_looks_for(
    digits_suite: pytest.Pytester, board: Path
) -> None:
    """It is told of, and voids nothing."""
    (digits_suite.path / "edgeai.toml").write_text("[devices.local]\nmax_temperature_c = 50\n")
    flags(board, QUIET, QUIET, QUIET, QUIET, THROTTLED)
    digits_suite.makepyfile(SUSTAINED)
    digits_suite.runpytest("--edge-report=report.json", "--benchmark-disable")
    (test,) = json.loads((digits_suite.path / "report.json").read_text())["tests"]
    (budget,) = test["budgets"]
    assert budget["verdict"] == "pass"
    plot, course = budget["details"]
    assert plot.splitlines()[-1].endswith("51 °C, 1800 MHz")
    assert "hottest 51.2 °C; the device was slowed down: " in course
    assert course.endswith("soft temperature limit")
    seen = [(w["temperature_c"], w["frequency_mhz"]) for w in budget["data"]["windows"]]
    assert seen == [(51.234, 1800)] * 3


def test_a_start_up_that_is_throttled_is_void_and_memory_is_not(
    digits_suite: pytest.Pytester, board: Path
) -> None:
    flags(board, *[THROTTLED, PAST] * 60)
    digits_suite.makepyfile(FOOTPRINT)
    digits_suite.runpytest(
        "--edge-report=report.json", "--edge-max-seconds=4", "--benchmark-disable"
    )
    (test,) = json.loads((digits_suite.path / "report.json").read_text())["tests"]
    memory, start_up = test["budgets"]
    assert (memory["verdict"], start_up["verdict"]) == ("pass", "void")
    assert start_up["reason"].startswith("the device was slowed down while it was timed: ")
    assert start_up["reason"].endswith(", in a second run as well")
    seen = start_up["data"]["conditions"]
    assert {seen[when]["throttled"] for when in ("before", "after")} <= {0xE0008, 0x50000}
    assert seen["first_void"]
