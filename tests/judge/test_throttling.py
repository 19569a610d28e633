"""What readings of a device say of throttling."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_edgeai.judge.conditions import throttling


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        ([0, 0], []),
        ([None, None], []),
        ([0x50000, 0x50000], []),  # since boot, but not in this run
        ([0, 0x4, 0], ["throttled"]),  # only in the middle
        ([0x50000, 0x50005, 0x50000], ["under-voltage", "throttled"]),
        ([0, 0x20000], ["frequency capped"]),  # between two readings
        ([0, 0x80008], ["soft temperature limit"]),
    ],
)
def test_flags_of_the_firmware(flags: list[int | None], names: list[str]) -> None:
    assert throttling([{"throttled": value} for value in flags]) == names


@pytest.mark.parametrize(
    ("readings", "names"),
    [
        ([{"throttle_count": 3}, {"throttle_count": 3}], []),
        ([{"throttle_count": 3}, {"throttle_count": 5}], ["throttled"]),
        ([{"undervoltage": False}, {"undervoltage": True}], ["under-voltage"]),
        ([{}, {}], []),
    ],
)
def test_counts_and_alarms(readings: list[dict[str, Any]], names: list[str]) -> None:
    assert throttling(readings) == names
