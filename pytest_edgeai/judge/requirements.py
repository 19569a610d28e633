"""What the arguments of markers have to be; a wrong one is a UsageError."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

from pytest_edgeai.errors import UsageError, shown

LEAST, MOST = 1e-290, 1e290
"""Between these a limit is told from none, and from nothing."""
MOST_THREADS = 2**31 - 1
"""More no runtime can be asked for."""


def require_number(
    name: str,
    value: Any,
    *,
    above: float | None = None,
    below: float | None = None,
    least: float | None = None,
    most: float | None = None,
    hint: str = "",
) -> None:
    """A finite number within these bounds."""
    number = _as_float(value)
    fits = math.isfinite(number)
    fits = fits and (above is None or number > above) and (below is None or number < below)
    fits = fits and (least is None or number >= least) and (most is None or number <= most)
    if not fits:
        upper = ", at most" if least is None else " to"
        bounds = {" from": least, " over": above, ", under": below, upper: most}
        words = [f"{word} {bound:g}" for word, bound in bounds.items() if bound is not None]
        raise UsageError(f"{name} must be a number{''.join(words)}, not {shown(value)}", hint)


def _as_float(value: Any) -> float:
    """A number that stays one in any unit; NaN for anything else."""
    try:
        is_number = isinstance(value, Real) and not isinstance(value, bool)
        number = float(value) if is_number else math.nan
    except Exception:  # too large a number, or an object that refuses
        return math.nan
    return number if number == 0 or LEAST < abs(number) < MOST else math.nan


def require_one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    """One of these names."""
    if not isinstance(value, str) or value not in known:
        raise UsageError(f"{name} {shown(value)} is not known", f"one of {', '.join(known)}")


def require_confidence(confidence: float | None) -> None:
    """A confidence, or none."""
    if confidence is not None:
        require_number("confidence", confidence, above=0.5, below=1.0)


def require_threads(threads: int | None) -> None:
    """A number of interpreter threads, or none."""
    fits = type(threads) is int and 1 <= threads <= MOST_THREADS
    if threads is not None and not fits:
        raise UsageError(f"threads must be a whole number from 1, not {shown(threads)}")


def require_device(device: str | None) -> None:
    """A device's name, or none."""
    if device is not None and not isinstance(device, str):
        raise UsageError(f"device must be a device's name, not {shown(device)}")


def require_timing(confidence: float | None, threads: int | None, device: str | None) -> None:
    """What all budgets of times and memory take beside their limit."""
    require_confidence(confidence)
    require_threads(threads)
    require_device(device)
