"""What would spoil measurements on a machine, and how to mend it; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pytest_edgeai import units
from pytest_edgeai.judge.conditions import FLAGS, OTHERS_SHARE, is_hot

LITTLE_MEMORY_MB = 200
LITTLE_DISK_MB = 100
CLOCK_OFF_S = 60
ALL_GOVERNORS = "/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"


class Finding(NamedTuple):
    """One thing that was looked at.

    Attributes:
        what: what was looked at, in a word or two.
        says: what was found.
        mend: the command or step that mends it; "" where nothing is wrong.
    """

    what: str
    says: str
    mend: str = ""

    @property
    def is_problem(self) -> bool:
        return bool(self.mend)


def checkup(
    facts: Mapping[str, Any],
    conditions: Mapping[str, Any],
    busy_share: float | None,
    max_temperature_c: float | None,
) -> list[Finding]:
    """Everything that a machine tells of its own state.

    Args:
        facts, conditions: see ``keeper``; what is None there is not told of.
        busy_share: share of the machine that was busy just now.
        max_temperature_c: the device's own limit, if it has one.
    """
    return [
        *_governor(conditions.get("governor")),
        *_power(conditions),
        *_temperature(conditions, max_temperature_c),
        *_load(busy_share),
        *_memory(conditions.get("memory_available_mb")),
        *_disk(facts),
        *_clock(facts.get("clock_off_s")),
    ]


def _governor(governor: str | None) -> Iterator[Finding]:
    if governor is None:
        yield Finding("governor", "the system does not tell")
    elif governor == "performance":
        yield Finding("governor", governor)
    else:
        mend = f"echo performance | sudo tee {ALL_GOVERNORS}"
        yield Finding("governor", f"{governor}: the clock changes while models are timed", mend)


def _power(conditions: Mapping[str, Any]) -> Iterator[Finding]:
    flags = conditions.get("throttled")
    now = [name for bit, name in enumerate(FLAGS) if (flags or 0) >> bit & 1]
    past = [name for bit, name in enumerate(FLAGS) if (flags or 0) >> (bit + 16) & 1]
    if conditions.get("undervoltage") and FLAGS[0] not in now:
        now.append(FLAGS[0])
    mend = "cool the board (fan, heat sink), and use its own power supply and a short cable"
    if now:
        yield Finding("throttling", f"now: {', '.join(now)}", mend)
    elif past:
        yield Finding("throttling", f"since it was booted: {', '.join(past)}", f"{mend}; reboot")
    elif flags is not None or conditions.get("undervoltage") is not None:
        yield Finding("throttling", "none")


def _temperature(conditions: Mapping[str, Any], limit: float | None) -> Iterator[Finding]:
    degrees = conditions.get("temperature_c")
    if is_hot(conditions, limit):
        says = f"{degrees:.1f} °C, over its max_temperature_c of {limit:g}"
        yield Finding("temperature", says, "cool the board, or raise max_temperature_c")
    elif degrees is not None:
        yield Finding("temperature", f"{degrees:.1f} °C")
    elif limit is not None:
        says = "the system does not tell, so that max_temperature_c cannot be kept"
        yield Finding("temperature", says, "take max_temperature_c out of the device's table")


def _load(share: float | None) -> Iterator[Finding]:
    if share is None:
        return
    says = f"{share:.0%} of the machine is busy"
    mend = "see what runs there: top" if share > OTHERS_SHARE else ""
    yield Finding("load", says, mend)


def _memory(available_mb: int | None) -> Iterator[Finding]:
    if available_mb is None:
        return
    says = f"{available_mb:,} MB available"
    mend = "end what is not needed: ps aux --sort=-rss | head" * (available_mb < LITTLE_MEMORY_MB)
    yield Finding("memory", says, mend)


def _disk(facts: Mapping[str, Any]) -> Iterator[Finding]:
    free_mb = facts.get("cache_free_mb")
    if free_mb is None:
        return
    mend = "make room, or name another disk: `cache_dir` of this device"
    says = f"{free_mb:,} MB free for models and data in {facts['cache']}"
    yield Finding("disk", says, mend if free_mb < LITTLE_DISK_MB else "")


def _clock(off_s: float | None) -> Iterator[Finding]:
    if off_s is None:
        return
    mend = "sudo timedatectl set-ntp true" if abs(off_s) > CLOCK_OFF_S else ""
    yield Finding("clock", f"{units.seconds(abs(off_s))} off", mend)
