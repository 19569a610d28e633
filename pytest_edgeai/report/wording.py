"""What all reports say of a budget and of a device in the same words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_edgeai import units

Budget = Mapping[str, Any]
"""A ``BudgetResult`` as plain data."""


def gap(budget: Budget) -> str:
    """What was measured, the limit, and by how much it is missed."""
    verdict, unit, limit = budget["verdict"], budget["unit"], budget["limit"]
    measured = budget["measured"]
    limit_text = units.value_text(limit, unit)
    if verdict == "error":
        return f"{budget['statistic']}, limit {limit_text}: not judged"
    text = f"{budget['statistic']} {units.value_text(measured, unit)}, limit {limit_text}"
    if verdict != "fail" or measured is None:
        return f"{text}: {verdict}"
    side = "under" if budget["is_floor"] else "over"
    unit = "points" if unit == "fraction" else unit
    text += f": {units.value_text(abs(measured - limit), unit)} {side}"
    if unit in ("points", "score") or not limit:
        return text
    return f"{text} ({units.significant(measured / limit)} times the limit)"


def runtime_text(seen: Mapping[str, Any]) -> str:
    """Runtime, threads and machine of a measurement's conditions."""
    return (
        f"{seen['runtime']} {seen['runtime_version']}, "
        f"{units.count(seen['threads'], 'thread')}, {seen['cpu']} ({seen['machine']})"
    )


def machine_text(seen: Mapping[str, Any]) -> str:
    """What the device's system told of itself while something was timed, as far as it did."""
    before, after, others = seen["before"], seen["after"], seen["others_share"]
    texts = [f"governor {before['governor'] or 'unknown'}"]
    if after["frequency_mhz"] is not None:
        texts.append(f"{after['frequency_mhz']:.0f} MHz")
    if after["temperature_c"] is not None:
        texts.append(f"{before['temperature_c']:.0f} to {after['temperature_c']:.0f} °C")
    if others is not None:
        texts.append(f"others {others:.0%} of the machine")
    return ", ".join(texts)
