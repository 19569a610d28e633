"""Sizes, times and shares as text. The only place that formats a number for people."""

from __future__ import annotations

BYTES_PER_MB = 1024 * 1024
"""1 MB, as ``max_size_mb`` counts it."""


def significant(value: float, digits: int = 3) -> str:
    """A number with ``digits`` significant digits and no exponent: 0.0213, 4.13, 1,290."""
    if value == 0:
        return "0"
    whole_digits = len(str(int(abs(value)))) if abs(value) >= 1 else 0
    if whole_digits >= digits:
        return f"{value:,.0f}"
    text = f"{value:.{digits}g}"
    return f"{value:.{digits + 6}f}".rstrip("0") if "e" in text else text


def milliseconds(value: float) -> str:
    """A time given in milliseconds."""
    return f"{significant(value)} ms"


def megabytes(size_bytes: float) -> str:
    """A size given in bytes, in MB of 1024 * 1024 bytes."""
    return f"{significant(size_bytes / BYTES_PER_MB)} MB"


def share(value: float) -> str:
    """A share or accuracy given as a fraction, in percent: 0.9773 is ``97.73 %``."""
    return f"{value * 100:.2f} %"


def points(value: float) -> str:
    """A difference of two shares, in percentage points: 0.011 is ``1.10 pt``."""
    return f"{value * 100:.2f} pt"


def seconds(value: float) -> str:
    """A duration in seconds, for progress and summaries: 0.4 s, 12 s, 3 min 20 s."""
    if value < 10:
        return f"{value:.1f} s"
    if value < 60:
        return f"{value:.0f} s"
    return f"{int(value // 60)} min {int(value % 60)} s"


def count(number: int, noun: str) -> str:
    """A number with its noun: 1 sample, 3,000 samples."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
