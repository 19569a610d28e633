"""Sizes, times and shares as text. The only place that formats a number for people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

BYTES_PER_MB = 1024 * 1024
"""1 MB, as ``max_size_mb`` counts it."""


def significant(value: float, digits: int = 3) -> str:
    """A number with ``digits`` significant digits: 0.0213, 4.13, 1,290.

    Those that would be longer than a name have an exponent: 3.4e+38.
    """
    if not math.isfinite(value):
        return str(value)
    if value and not 1e-6 <= abs(value) < 1e12:
        return f"{value:.{digits}g}"
    exponent = int(f"{value:.{digits - 1}e}".partition("e")[2])
    decimals = digits - 1 - exponent
    if decimals <= 0:
        return f"{value:,.0f}"
    return f"{value:.{decimals}f}".rstrip("0").rstrip(".")


def milliseconds(value: float) -> str:
    """A time given in milliseconds."""
    return f"{significant(value)} ms"


def megabytes(size_bytes: float) -> str:
    """A size given in bytes, in MB of 1024 * 1024 bytes."""
    return f"{significant(size_bytes / BYTES_PER_MB)} MB"


def share(value: float) -> str:
    """A share or accuracy given as a fraction, in percent: 0.9773 is ``97.73 %``."""
    return f"{_hundredfold(value):.2f} %"


def percent(value: float) -> str:
    """A fraction that was chosen, such as a margin, in percent: 5 %, 12.5 %."""
    return f"{significant(value * 100, 6)} %"


def confidence(value: float) -> str:
    """How sure something is, in percent; what is left to chance has three digits: 99.9 %."""
    left_to_chance = round(1 - value, 15)
    return percent(1 - float(f"{left_to_chance:.3g}"))


def magnitude(value: float) -> str:
    """A fraction of which only the size matters, in percent: 0.84 %, 43 %, 233 %."""
    return f"{significant(value * 100, 2)} %"


def points(value: float) -> str:
    """A difference of two shares, in percentage points: 0.011 is ``1.10 pt``."""
    return f"{_hundredfold(value):.2f} pt"


def signed_points(value: float) -> str:
    """The same where either side matters: ``+1.10 pt``, ``-1.10 pt``."""
    return f"{_hundredfold(value):+.2f} pt"


def p_value(value: float) -> str:
    """The p-value of a test: ``p = 0.19``, ``p < 0.001``."""
    return "p < 0.001" if value < 0.001 else f"p = {significant(value, 2)}"


def seconds(value: float) -> str:
    """A duration in seconds, for progress and summaries: 0.4 s, 12 s, 3 min 20 s."""
    if round(value, 1) < 10:
        return f"{value:.1f} s"
    minutes, left = divmod(round(value), 60)
    return f"{minutes} min {left} s" if minutes else f"{left} s"


def count(number: int, noun: str) -> str:
    """A number with its noun: 1 sample, 3,000 samples."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def rate(value: float) -> str:
    """How often in a second: 254/s."""
    return f"{significant(value)}/s"


def listed(items: Sequence[str], most: int = 5) -> str:
    """The first of several things, and how many more there are."""
    more = f" and {len(items) - most:,} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more


def kinds(counts: Mapping[str, int]) -> str:
    """How many there are of each kind, the most frequent first: ``CONV_2D (15), SOFTMAX``."""
    by_count = sorted(counts.items(), key=lambda entry: -entry[1])
    return listed([name if times == 1 else f"{name} ({times:,})" for name, times in by_count])


def value_text(value: float | None, unit: str) -> str:
    """A measured value or a limit with its unit."""
    if value is None:
        return "-"
    if unit == "ms":
        return milliseconds(value)
    if unit == "bytes":
        return megabytes(value)
    if unit == "per_second":
        return rate(value)
    if unit == "count":
        return f"{value:,.0f}" if value else "none"
    if unit == "score":
        return significant(value)
    return points(value) if unit == "points" else share(value)


def interval(low: float | None, high: float | None, unit: str, both: str = "{} to {}") -> str:
    """Where a value lies, in words; nothing where no end is known."""
    ends = [value_text(end, unit) for end in (low, high)]
    if low is not None and high is not None:
        return both.format(*ends)
    if low is not None:
        return f"at least {ends[0]}, no upper bound"
    return "" if high is None else f"at most {ends[1]}, no lower bound"


def _hundredfold(value: float) -> float:
    """Hundredths to two digits; what rounds to nothing has no sign."""
    return round(value * 100, 2) + 0.0
