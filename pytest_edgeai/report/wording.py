"""What all reports say of a budget and of a device in the same words."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from pytest_edgeai import units

Budget = Mapping[str, Any]
"""A ``BudgetResult`` as plain data."""
WARNS = "fail (warns)"
WIDTH = 79


def own_name(nodeid: str) -> str:
    """The test's own name, with its class and its parameters."""
    return nodeid.partition("::")[2] or nodeid


def statistic_text(budget: Budget) -> str:
    """What is limited, with the threads that the budget names."""
    threads, name = budget["threads"], str(budget["statistic"])
    return f"{name} ({units.count(threads, 'thread')})" if threads else name


def verdict_text(budget: Budget) -> str:
    """The verdict; of a limit that is missed and fails no test, that it only warns."""
    return WARNS if budget["warns"] and budget["verdict"] == "fail" else str(budget["verdict"])


def indented(text: str) -> str:
    """A sentence of what a failing budget says, filled; further lines as they are."""
    first, *others = text.splitlines()
    filled = textwrap.fill(first, WIDTH, initial_indent="    ", subsequent_indent="      ")
    return "\n".join([filled, *(f"      {line}" for line in others)])


def gap(budget: Budget) -> str:
    """What was measured, the limit, and by how much it is missed."""
    verdict, unit = budget["verdict"], budget["unit"]
    limit_text = units.value_text(budget["limit"], unit)
    if verdict == "error":
        return f"{budget['statistic']}, limit {limit_text}: not judged"
    measured = units.value_text(budget["measured"], unit)
    return f"{budget['statistic']} {measured}, limit {limit_text}: {missed_by(budget) or verdict}"


def warning(budget: Budget) -> str:
    """All of a budget that only warns, in a line."""
    return f"{budget['marker']}: {gap(budget)}: {budget['reason']}; try: {budget['advice']}"


def missed_by(budget: Budget) -> str:
    """By how much a limit is missed: "4.11 MB over (22.6 times the limit)"; "" where it is not."""
    measured, limit, unit = budget["measured"], budget["limit"], budget["unit"]
    if budget["verdict"] != "fail" or measured is None:
        return ""
    side = "under" if budget["is_floor"] else "over"
    unit = "points" if unit == "fraction" else unit
    text = f"{units.value_text(abs(measured - limit), unit)} {side}"
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
