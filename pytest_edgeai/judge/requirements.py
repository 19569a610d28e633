"""What the arguments of markers have to be; a wrong one is a UsageError."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

from pytest_edgeai.errors import UsageError


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
    fits = not isinstance(value, bool) and isinstance(value, Real) and _is_finite(value)
    fits = fits and (above is None or value > above) and (below is None or value < below)
    fits = fits and (least is None or value >= least) and (most is None or value <= most)
    if not fits:
        upper = ", at most" if least is None else " to"
        bounds = {" from": least, " over": above, ", under": below, upper: most}
        words = [f"{word} {bound:g}" for word, bound in bounds.items() if bound is not None]
        raise UsageError(f"{name} must be a number{''.join(words)}, not {value!r}", hint)


def _is_finite(value: Any) -> bool:
    """Whether it is a number that a float can be."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def require_one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    """One of these names."""
    if value not in known:
        raise UsageError(f"{name} {value!r} is not known", f"one of {', '.join(known)}")


def require_confidence(confidence: float | None) -> None:
    """A confidence, or none."""
    if confidence is not None:
        require_number("confidence", confidence, above=0.5, below=1.0)


def require_threads(threads: int | None) -> None:
    """A number of interpreter threads, or none."""
    is_whole = isinstance(threads, int) and not isinstance(threads, bool)
    if threads is not None and not (is_whole and threads >= 1):
        raise UsageError(f"threads must be a whole number from 1, not {threads!r}")


def require_device(device: str | None) -> None:
    """A device's name, or none."""
    if device is not None and not isinstance(device, str):
        raise UsageError(f"device must be a device's name, not {device!r}")


def require_timing(confidence: float | None, threads: int | None, device: str | None) -> None:
    """What all budgets of times and memory take beside their limit."""
    require_confidence(confidence)
    require_threads(threads)
    require_device(device)
