"""The same test on several devices, side by side; drawn from records alone."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from pytest_edgeai import units
from pytest_edgeai.report.record import Record
from pytest_edgeai.report.wording import statistic_text

MOST_SAMPLES = 5


def comparisons(records: list[Record]) -> list[dict[str, Any]]:
    """What each test measured of one model on two devices, and how many answers differ.

    Returns:
        For each pair of devices: ``test`` (the same on both), ``variant``, ``model`` (its
        SHA-256), ``devices``, ``measured`` ({statistic: one value for each device}), and
        ``answers`` ({samples, different, first}) where both were scored on the same data, else
        None.
    """
    groups: dict[tuple[str, ...], list[Record]] = {}
    for record in records:
        if record["model"] is not None and record["device"] is not None:
            groups.setdefault(_key(record), []).append(record)
    return [
        _compared(one, other)
        for group in groups.values()
        for ones, others in combinations(_by_device(group), 2)
        for one, other in zip(ones, others, strict=False)
    ]


def differences(compared: list[dict[str, Any]]) -> list[str]:
    """A line for each model that was scored on two devices."""
    found: dict[tuple[str, frozenset[str]], str] = {}
    for entry in compared:
        answers, (one, other) = entry["answers"], entry["devices"]
        if answers is not None:
            count = units.count(answers["samples"], "sample")
            found[entry["model"], frozenset((one, other))] = (
                f"{entry['variant']} of {entry['name']}: {one} and {other} answer "
                f"{answers['different']:,} of {count} differently"
            )
    return list(found.values())


def _key(record: Record) -> tuple[str, ...]:
    return record["test"], record["variant"], record["model"]["sha256"]


def _by_device(group: list[Record]) -> list[list[Record]]:
    """Records of each device, in the order of the run: tests may look alike in all they show."""
    found: dict[str, list[Record]] = {}
    for record in group:
        found.setdefault(record["device"], []).append(record)
    return list(found.values())


def _compared(one: Record, other: Record) -> dict[str, Any]:
    values: list[dict[str, Any]] = [
        {statistic_text(budget): budget["measured"] for budget in record["budgets"]}
        for record in (one, other)
    ]
    return {
        "test": one["test"],
        "name": one["model"]["name"],
        "variant": one["variant"],
        "model": one["model"]["sha256"],
        "devices": [one["device"], other["device"]],
        "measured": {
            name: [values[0][name], values[1][name]] for name in values[0] if name in values[1]
        },
        "answers": _answers(one, other),
    }


def _answers(one: Record, other: Record) -> dict[str, Any] | None:
    """How many of the same samples got another class."""
    if one["data"] != other["data"]:
        return None
    mine, its = _classes(one), _classes(other)
    if mine is None or its is None:
        return None
    differs = (mine != its).reshape(len(mine), -1).any(axis=1)
    differ = [number for number, is_other in enumerate(differs) if is_other]
    return {"samples": len(mine), "different": len(differ), "first": differ[:MOST_SAMPLES]}


def _classes(record: Record) -> Any:
    """The likeliest class of each sample, where a budget asked for it; else None."""
    from pytest_edgeai.report.packing import unpack

    evidence = record["evidence"]
    scores = [e for e in evidence.get("scores", ()) if e.get("metric") == "accuracy"]
    for entry in (*scores, *evidence.get("answered", ())):
        classes = entry.get("answered") or entry.get("classes")
        if entry["baseline"] is None and classes:
            return unpack(classes)
    return None
