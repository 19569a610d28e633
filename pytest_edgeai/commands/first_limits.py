"""Limits for a model's first suite, from what was measured of it; pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, NamedTuple

from pytest_edgeai import units
from pytest_edgeai.judge.conditions import OTHERS_SHARE

Budget = Mapping[str, Any]
"""A budget of the JSON report."""


class AtMost(NamedTuple):
    """How an upper limit is written.

    Attributes:
        argument: of the marker; "" where it is the first and only one.
        scale: the report's units in one of the marker's.
        least: how far the limit is from what was measured at least, in the marker's unit: small
            models vary by more than a share.
        binds: whether it judges the machine as well.
    """

    argument: str
    scale: float
    least: float
    binds: bool


UPPER_LIMITS = {
    "max_size_mb": AtMost("", units.BYTES_PER_MB, 0.0, False),
    "max_latency_ms": AtMost("p95", 1.0, 0.05, True),
    "max_startup_ms": AtMost("", 1.0, 5.0, True),
    "max_memory_mb": AtMost("", units.BYTES_PER_MB, 1.0, True),
}
POINT = 0.01
USUAL_DROP = 0.02
"""What quantisation may cost, by TensorFlow's guide to post-training quantisation."""

MOST_TELLING = 0.999


class Line(NamedTuple):
    """A budget as TOML; "" where there is none, and the comment says why."""

    budget: str
    comment: str

    def __str__(self) -> str:
        return f"{self.budget}  # {self.comment}" if self.comment else self.budget


def rounded(value: float, *, up: bool) -> float:
    """Two significant figures, on the side where the limit is easier to hold."""
    exact = Decimal(f"{value:.9g}")
    step = Decimal((0, (1,), exact.adjusted() - 1))
    return float(exact.quantize(step, ROUND_CEILING if up else ROUND_FLOOR))


def lines(
    record: Mapping[str, Any], markers: tuple[str, ...], margin: float, device: str | None
) -> Iterator[Line]:
    """The budgets of a variant that these markers make.

    Args:
        record: of the JSON report, measured with limits that anything holds.
        margin: share of the measured value that the limit leaves.
        device: the only one whose times count; None for any.
    """
    measured = {budget["marker"]: budget for budget in record["budgets"]}
    for budget in [measured[marker] for marker in markers if marker in measured]:
        if budget["verdict"] != "pass":
            yield Line("", f"no {budget['marker']}: {budget['reason']}")
        elif budget["marker"] in UPPER_LIMITS:
            conditions = budget["data"].get("conditions", record["conditions"])
            yield _at_most(budget, margin, device, _place(conditions))
        else:
            yield _OTHERS[budget["marker"]](budget)


def is_busy(record: Mapping[str, Any]) -> bool:
    """Whether others kept the machine busy while it was timed: times may be too long."""
    return (record["conditions"].get("others_share") or 0.0) > OTHERS_SHARE


def _place(conditions: Mapping[str, Any]) -> str:
    """Where something was measured, and beside whom."""
    others = conditions.get("others_share") or 0.0
    return (
        f"{conditions['cpu']}, {conditions['runtime']} {conditions['runtime_version']}, "
        f"{units.count(conditions['threads'], 'thread')}"
        + (f", beside others ({units.magnitude(others)})" if others > OTHERS_SHARE else "")
    )


def _at_most(budget: Budget, margin: float, device: str | None, where: str) -> Line:
    how = UPPER_LIMITS[budget["marker"]]
    value = budget["measured"] / how.scale
    limit = _number(rounded(value + max(value * margin, how.least), up=True))
    given, comment, added = limit, f"measured {_said(budget)}", ""
    if value * margin < how.least:
        added = f"; {units.value_text(how.least * how.scale, budget['unit'])} added"
    if how.binds and device:
        given = f"{{{how.argument or 'limit'} = {limit}, device = {json.dumps(device)}}}"
    elif how.argument:
        given = f"{{{how.argument} = {limit}}}"
    if how.binds:
        comment += f" on {where}"
    return Line(f"{budget['marker']} = {given}", comment + added)


def _bare(budget: Budget) -> Line:
    return Line(f"{budget['marker']} = true", "")


def _accuracy(budget: Budget) -> Line:
    """A point below, or two samples where they are more: another machine may round otherwise."""
    limit = budget["measured"] - _slack(budget)
    samples = units.count(budget["n"], "sample")
    if limit <= 0:
        return Line("", f"no min_accuracy: {_said(budget)} on {samples} is too low for a limit")
    limit = rounded(min(limit, MOST_TELLING), up=False)
    return Line(f"min_accuracy = {_number(limit)}", f"measured {_said(budget)} on {samples}")


def _drop(budget: Budget) -> Line:
    """The usual two points, or as many more as it has lost."""
    samples = units.count(budget["n"], "sample")
    limit = max(USUAL_DROP, rounded(max(budget["measured"], 0.0) + _slack(budget), up=True))
    comment = f"measured {_said(budget)} on {samples}"
    if limit > USUAL_DROP:
        comment += f"; {units.points(USUAL_DROP)} are usual"
    if limit >= 1:
        return Line("", f"no max_accuracy_drop: {comment}")
    return Line(f"max_accuracy_drop = {_number(limit)}", comment)


_OTHERS: dict[str, Callable[[Budget], Line]] = {
    "fully_quantized": _bare,
    "no_custom_ops": _bare,
    "min_accuracy": _accuracy,
    "max_accuracy_drop": _drop,
}


def _slack(budget: Budget) -> float:
    samples: int = budget["n"]
    return max(POINT, 2 / samples)


def _said(budget: Budget) -> str:
    return units.value_text(budget["measured"], budget["unit"])


def _number(value: float) -> str:
    """As TOML has it."""
    return f"{value:.12g}"
