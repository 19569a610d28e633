"""What changed from one run to another, beyond noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pytest_edgeai import units

Side = Literal["worse", "better", "changed", "same", "untold"]
"""``changed`` is neither worse nor better; ``untold`` what could not be compared, or not told from
noise."""
Value = float | str | None


@dataclass(frozen=True)
class Change:
    """One measurement in two runs.

    Attributes:
        what: what was measured: "p95", "size", "accuracy".
        unit: as of a ``BudgetResult``; "text" for what is no number.
        side: what the change is, if it is one at all.
        chance: how likely a difference like this one is without a change, two-sided; None for what
            has no noise.
        reason: what it rests on, or why it is not told.
    """

    what: str
    unit: str
    before: Value
    after: Value
    side: Side
    reason: str = ""
    chance: float | None = None


def untold(what: str, unit: str, reason: str, before: Value = None, after: Value = None) -> Change:
    """What cannot be compared."""
    return Change(what, unit, before, after, "untold", reason)


def sided(
    what: str,
    unit: str,
    before: float,
    after: float,
    counts: bool,
    reason: str = "",
    chance: float | None = None,
    higher_is_better: bool = False,
) -> Change:
    """Worse or better where the difference counts, whatever its chance."""
    side: Side = "same"
    if counts and before != after:
        side = "better" if (after > before) == higher_is_better else "worse"
    return Change(what, unit, before, after, side, reason, chance)


def beyond_noise(changes: Sequence[Change], confidence: float) -> list[Change]:
    """The same changes, where those that may be noise are not told.

    Of all comparisons together not one is marked by chance, with this confidence: Holm, "A simple
    sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6(2), 1979.
    Chances become those that it makes of them.
    """
    numbers = [number for number, change in enumerate(changes) if change.chance is not None]
    adjusted = dict(zip(numbers, holm([changes[n].chance or 0.0 for n in numbers]), strict=True))
    return [
        _told(replace(change, chance=adjusted[number]), confidence)
        if number in adjusted
        else change
        for number, change in enumerate(changes)
    ]


def holm(chances: Sequence[float]) -> list[float]:
    """Adjusted p-values, in the same order; each at most 1, and valid however they depend."""
    order = sorted(range(len(chances)), key=lambda number: chances[number])
    adjusted, largest = [0.0] * len(chances), 0.0
    for rank, number in enumerate(order):
        largest = max(largest, min(1.0, (len(chances) - rank) * chances[number]))
        adjusted[number] = largest
    return adjusted


def _told(change: Change, confidence: float) -> Change:
    assert change.chance is not None
    reason = ", ".join(filter(None, (change.reason, units.p_value(change.chance))))
    if change.side in ("worse", "better") and change.chance > 1 - confidence:
        return replace(change, side="untold", reason=f"within the noise: {reason}")
    return replace(change, reason=reason)
