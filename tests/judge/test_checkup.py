"""What a machine tells of its state: healthy, spoiled, or not told of."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_edgeai.judge.checkup import Finding, checkup

DISK = {"cache": "/home/pi/.cache/pytest-edgeai"}
HEALTHY_FACTS = {**DISK, "cache_free_mb": 20_480, "clock_off_s": -0.5}
HEALTHY = {
    "governor": "performance",
    "throttled": 0,
    "undervoltage": False,
    "temperature_c": 48.25,
    "memory_available_mb": 3_210,
}
COOL = "cool the board (fan, heat sink), and use its own power supply and a short cable"


def found(
    facts: dict[str, Any] | None = None,
    conditions: dict[str, Any] | None = None,
    busy_share: float | None = None,
    max_temperature_c: float | None = None,
) -> dict[str, Finding]:
    findings = checkup(facts or {}, conditions or {}, busy_share, max_temperature_c)
    by_what = {finding.what: finding for finding in findings}
    assert len(by_what) == len(findings)
    return by_what


def test_a_healthy_machine() -> None:
    findings = checkup(HEALTHY_FACTS, HEALTHY, 0.02, 70)
    assert [(finding.what, finding.says) for finding in findings] == [
        ("governor", "performance"),
        ("throttling", "none"),
        ("temperature", "48.2 °C"),
        ("load", "2% of the machine is busy"),
        ("memory", "3,210 MB available"),
        ("disk", "20,480 MB free for models and data in /home/pi/.cache/pytest-edgeai"),
        ("clock", "0.5 s off"),
    ]
    assert not any(finding.is_problem for finding in findings)


@pytest.mark.parametrize("nothing", [{}, dict.fromkeys([*HEALTHY, *HEALTHY_FACTS])])
def test_a_machine_that_tells_nothing(nothing: dict[str, Any]) -> None:
    silent = Finding("governor", "the system does not tell")
    assert checkup(nothing, nothing, None, None) == [silent]


def test_a_limit_on_a_temperature_that_nobody_tells() -> None:
    (_, found) = checkup({}, {}, None, 70)
    assert found.is_problem
    assert (found.what, found.mend) == (
        "temperature",
        "take max_temperature_c out of the device's table",
    )


@pytest.mark.parametrize("governor", ["ondemand", "powersave", "schedutil"])
def test_a_governor_that_changes_the_clock(governor: str) -> None:
    finding = found(conditions={"governor": governor})["governor"]
    assert finding.says == f"{governor}: the clock changes while models are timed"
    assert finding.mend == (
        "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"
    )


@pytest.mark.parametrize(
    ("conditions", "says", "mend"),
    [
        ({"throttled": 0x1}, "now: under-voltage", COOL),
        ({"throttled": 0xA}, "now: frequency capped, soft temperature limit", COOL),
        ({"throttled": 0x4}, "now: throttled", COOL),
        ({"throttled": 0x50004}, "now: throttled", COOL),
        (
            {"throttled": 0x50000},
            "since it was booted: under-voltage, throttled",
            f"{COOL}; reboot",
        ),
        ({"throttled": 0x80000}, "since it was booted: soft temperature limit", f"{COOL}; reboot"),
        ({"undervoltage": True}, "now: under-voltage", COOL),
        ({"throttled": 0x1, "undervoltage": True}, "now: under-voltage", COOL),
        ({"throttled": 0x4, "undervoltage": True}, "now: throttled, under-voltage", COOL),
        ({"throttled": 0x50000, "undervoltage": True}, "now: under-voltage", COOL),
        ({"throttled": 0}, "none", ""),
        ({"undervoltage": False}, "none", ""),
        ({"throttled": 0x10}, "none", ""),  # not one of the flags
    ],
)
def test_throttling(conditions: dict[str, Any], says: str, mend: str) -> None:
    assert found(conditions=conditions)["throttling"] == Finding("throttling", says, mend)


@pytest.mark.parametrize(
    ("degrees", "limit", "says", "is_problem"),
    [
        (70.04, 70, "70.0 °C, over its max_temperature_c of 70", True),
        (81.2, 70.5, "81.2 °C, over its max_temperature_c of 70.5", True),
        (70, 70, "70.0 °C", False),
        (99, None, "99.0 °C", False),
        (0, 70, "0.0 °C", False),
    ],
)
def test_temperature(degrees: float, limit: float | None, says: str, is_problem: bool) -> None:
    finding = found(conditions={"temperature_c": degrees}, max_temperature_c=limit)["temperature"]
    assert (finding.says, finding.is_problem) == (says, is_problem)
    assert ("raise max_temperature_c" in finding.mend) == is_problem


@pytest.mark.parametrize(
    ("share", "says", "mend"),
    [
        (0.0, "0% of the machine is busy", ""),
        (0.15, "15% of the machine is busy", ""),
        (0.16, "16% of the machine is busy", "see what runs there: top"),
        (1.0, "100% of the machine is busy", "see what runs there: top"),
    ],
)
def test_load(share: float, says: str, mend: str) -> None:
    assert found(busy_share=share)["load"] == Finding("load", says, mend)


@pytest.mark.parametrize(("available_mb", "is_problem"), [(0, True), (199, True), (200, False)])
def test_memory(available_mb: int, is_problem: bool) -> None:
    finding = found(conditions={"memory_available_mb": available_mb})["memory"]
    assert (finding.says, finding.is_problem) == (f"{available_mb} MB available", is_problem)
    assert ("ps aux --sort=-rss" in finding.mend) == is_problem


@pytest.mark.parametrize(("free_mb", "is_problem"), [(0, True), (99, True), (100, False)])
def test_disk(free_mb: int, is_problem: bool) -> None:
    finding = found({**DISK, "cache_free_mb": free_mb})["disk"]
    assert finding.says == f"{free_mb} MB free for models and data in {DISK['cache']}"
    assert ("`cache_dir` of this device" in finding.mend) == is_problem
    assert finding.is_problem == is_problem


@pytest.mark.parametrize(
    ("off_s", "says", "is_problem"),
    [
        (0.0, "0.0 s off", False),
        (60, "1 min 0 s off", False),
        (61, "1 min 1 s off", True),
        (-61, "1 min 1 s off", True),
    ],
)
def test_clock(off_s: float, says: str, is_problem: bool) -> None:
    mend = "sudo timedatectl set-ntp true" if is_problem else ""
    assert found({"clock_off_s": off_s})["clock"] == Finding("clock", says, mend)
