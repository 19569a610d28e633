"""The same test on several devices, side by side; drawn from records alone."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from pytest_edgeai import units
from pytest_edgeai.report.record import Record

MOST_SAMPLES = 5


def comparisons(records: list[Record]) -> list[dict[str, Any]]:
    """What each test measured of one model on two devices, and how many answers differ.

    Returns:
        For each pair of devices: ``test`` (without the devices' names), ``variant``, ``model`` (its
        SHA-256), ``devices``, ``measured`` ({statistic: one value for each device}), and
        ``answers`` ({samples, different, first}) where both were scored on the same data, else
        None.
    """
    groups: dict[tuple[str, str, str], list[Record]] = {}
    for record in records:
        if record["model"] is not None and record["device"] is not None:
            groups.setdefault(_key(record), []).append(record)
    return [
        _compared(test, one, other)
        for (test, _, _), group in groups.items()
        for one, other in combinations(group, 2)
        if one["device"] != other["device"]
    ]


def differences(compared: list[dict[str, Any]]) -> list[str]:
    """A line for each model that was scored on two devices."""
    found = {}
    for entry in compared:
        answers, (one, other) = entry["answers"], entry["devices"]
        if answers is not None:
            count = units.count(answers["samples"], "sample")
            found[entry["model"], one, other] = (
                f"{entry['variant']} of {entry['name']}: {one} and {other} answer "
                f"{answers['different']:,} of {count} differently"
            )
    return list(found.values())


def _key(record: Record) -> tuple[str, str, str]:
    return _test(record), record["variant"], record["model"]["sha256"]


def _test(record: Record) -> str:
    """The test's name without that of the device among its parameters."""
    name, bracket, parameters = record["nodeid"].partition("[")
    if not bracket:
        return str(name)
    left = f"-{parameters[:-1]}-".replace(f"-{record['device']}-", "-", 1).strip("-")
    return f"{name}[{left}]" if left else str(name)


def _compared(test: str, one: Record, other: Record) -> dict[str, Any]:
    values: list[dict[str, Any]] = [
        {budget["statistic"]: budget["measured"] for budget in record["budgets"]}
        for record in (one, other)
    ]
    return {
        "test": test,
        "name": one["model"]["name"],
        "variant": one["variant"],
        "model": one["model"]["sha256"],
        "devices": [one["device"], other["device"]],
        "measured": {
            name: [values[0][name], values[1][name]] for name in values[0] if name in values[1]
        },
        "answers": _answers(one["answers"], other["answers"]),
    }


def _answers(one: dict[str, Any] | None, other: dict[str, Any] | None) -> dict[str, Any] | None:
    if one is None or other is None or one["data"] != other["data"]:
        return None
    pairs = zip(one["classes"], other["classes"], strict=True)
    differ = [number for number, (mine, its) in enumerate(pairs) if mine != its]
    return {
        "samples": len(one["classes"]),
        "different": len(differ),
        "first": differ[:MOST_SAMPLES],
    }
