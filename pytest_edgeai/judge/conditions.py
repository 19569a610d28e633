"""What a measurement was taken under, and when that spoils it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pytest_edgeai import units

OTHERS_SHARE = 0.15
"""Share of the machine that others, the host of a virtual one too, may use during a timing."""
DRIFT = 0.05
"""Drift below this share of the median is none."""

FLAGS = ("under-voltage", "frequency capped", "throttled", "soft temperature limit")
"""Bits 0 to 3 of ``vcgencmd get_throttled``; 16 bits higher, the same since boot."""


class Disturbance(NamedTuple):
    """Why a measurement says nothing.

    Attributes:
        reason: what was wrong.
        advice: what to do about it.
        may_pass: whether it may be gone a little later.
    """

    reason: str
    advice: str
    may_pass: bool = True


def throttling(snapshots: Iterable[Mapping[str, Any]]) -> list[str]:
    """What slowed a device down between the first and the last of these readings.

    Flags that are up in any of them, and flags of what happened since boot that came up after the
    first; a count of throttling that grew; an alarm of the supply voltage.
    """
    readings = list(snapshots)
    flags = [reading.get("throttled") or 0 for reading in readings]
    counts = [reading.get("throttle_count") or 0 for reading in readings]
    up = 0
    for value in flags:
        up |= value & 0xF | ((value & ~flags[0]) >> 16)
    if any(reading.get("undervoltage") for reading in readings):
        up |= 1
    if counts and counts[-1] > counts[0]:
        up |= 4
    return [name for bit, name in enumerate(FLAGS) if up >> bit & 1]


def disturbance(
    conditions: Mapping[str, Any], is_their_fault: bool = True, by_heat: bool = True
) -> Disturbance | None:
    """What spoils a measurement of latency, if anything does.

    Args:
        conditions: as recorded with it.
        is_their_fault: whether work of others, which can only slow it down, may be why it comes out
            as it does.
        by_heat: whether heat and throttling do; not where it looks for them.
    """
    if conditions.get("emulated") and not conditions.get("allow_emulated_timing"):
        return Disturbance(
            "the device is emulated: its times say nothing of the board",
            "time it on the board itself, or set allow_emulated_timing in the device's table",
            may_pass=False,
        )
    if by_heat and (heat := _heat(conditions)):
        return heat
    others = conditions.get("others_share")
    if others is not None and others > OTHERS_SHARE and is_their_fault:
        return Disturbance(
            f"other processes kept {others:.0%} of the machine busy while it was timed",
            "stop what else runs there, or time it on a machine of its own",
        )
    return None


def _heat(conditions: Mapping[str, Any]) -> Disturbance | None:
    if conditions.get("throttling"):
        return Disturbance(
            f"the device was slowed down while it was timed: {', '.join(conditions['throttling'])}",
            "cool the board, and check its power supply and cable",
        )
    limit = conditions.get("max_temperature_c")
    if limit is not None and conditions.get("before", {}).get("temperature_c", limit) is None:
        return Disturbance(
            "its max_temperature_c cannot be kept: the system tells no temperature",
            "take max_temperature_c out of the device's table",
            may_pass=False,
        )
    for reading in (conditions.get("before", {}), conditions.get("after", {})):
        if is_hot(reading, limit):
            return Disturbance(
                f"the device was at {reading['temperature_c']:.1f} °C, over its max_temperature_c "
                f"of {limit:g}",
                "cool the board, or raise max_temperature_c",
            )
    return None


def is_hot(reading: Mapping[str, Any], limit: float | None) -> bool:
    """Whether a reading is over the device's limit; False where either is unknown."""
    degrees = reading.get("temperature_c")
    return limit is not None and degrees is not None and degrees > limit


def drifted(measured: float, limit: float, drift: float, median: float) -> Disturbance | None:
    """Drift that would carry the measured value across the limit if it went on as far again."""
    if abs(drift) <= DRIFT * median or (measured <= limit) == (measured + drift <= limit):
        return None
    way = "slower" if drift > 0 else "faster"
    return Disturbance(
        f"the runs became {units.significant(abs(drift) / median * 100, 2)} % {way} from the first "
        "third to the last, which the distance from the limit cannot bear",
        "see whether the device heats up or its clock changes (governor), and measure for longer",
    )
