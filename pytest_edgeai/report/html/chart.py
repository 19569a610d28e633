"""A chart as plotly's plain data, and what all kinds of charts share."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from pytest_edgeai import units

Trace = dict[str, Any]
REACH = 1.0
"""A limit further away than so many times the samples' own range leaves them little room."""


@dataclass(frozen=True)
class Chart:
    """What plotly draws, and the same in words.

    Attributes:
        title: what it shows.
        text: what it tells, for who cannot see it as well.
        data: plotly's traces; colours are names of custom properties in ``report.css``, which
            follow the reader's light or dark.
        layout: plotly's layout, as far as it is not the same for all charts.
    """

    title: str
    text: str
    data: list[Trace]
    layout: dict[str, Any] = field(default_factory=dict)

    @property
    def spec(self) -> dict[str, Any]:
        """For the page's script."""
        return {"data": self.data, "layout": self.layout}


def rounded(value: float | None, digits: int = 4) -> float | None:
    """A number as short as a chart needs it; None for what JSON has no words for."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.{digits}g}")


def all_rounded(values: Any, digits: int = 4) -> list[float | None]:
    return [rounded(float(value), digits) for value in values]


def axis(title: str, **more: Any) -> dict[str, Any]:
    return {"title": {"text": title}, **more}


def is_near(value: float, low: float, high: float) -> bool:
    """Whether a chart of low to high can reach as far and still show what is in between."""
    reach = REACH * max(high - low, abs(high) * 0.1)
    return low - reach <= value <= high + reach


def limit_line(limit: float, ends: tuple[float, float], text: str) -> Trace:
    """A limit as a horizontal line between two places."""
    return {
        "type": "scatter",
        "mode": "lines",
        "name": text,
        "x": list(ends),
        "y": [rounded(limit)] * 2,
        "line": {"color": "limit", "width": 1.5, "dash": "dash"},
        "hoverinfo": "name",
    }


def with_limit(
    traces: list[Trace], limit: float, ends: tuple[float, float], values: Any, text: str
) -> tuple[list[Trace], dict[str, Any]]:
    """Traces and layout with a limit of values that are not negative, where it is not far away."""
    high = max(values)
    if is_near(limit, 0.0, high):
        return [*traces, limit_line(limit, ends, text)], {}
    return traces, {"annotations": [far_away(f"{text} ↑")]}


def far_away(text: str, y: float = 1) -> dict[str, Any]:
    """An annotation at the right edge, that a limit is beyond."""
    return {
        "text": text,
        "xref": "paper",
        "yref": "paper",
        "x": 1,
        "y": y,
        "xanchor": "right",
        "yanchor": "top",
        "showarrow": False,
        "font": {"color": "limit", "size": 11},
    }


def band(low: float | None, high: float | None, unit: str) -> str:
    """An interval in words; nothing where there is none."""
    if low is None or high is None:
        ends = [("at least", low), ("at most", high)]
        return "".join(
            f"{words} {units.value_text(end, unit)}" for words, end in ends if end is not None
        )
    texts = [units.value_text(end, unit) for end in (low, high)]
    return " to ".join(dict.fromkeys(texts))
