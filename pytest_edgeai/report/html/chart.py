"""A chart as plotly's plain data, and what all kinds of charts share."""

from __future__ import annotations

import html
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
        return {"data": _literal(self.data), "layout": _literal(self.layout)}


def _literal(value: Any) -> Any:
    """The same with texts that plotly shows as they are: it takes some HTML for formatting."""
    if isinstance(value, str):
        return html.escape(value, quote=False)
    if isinstance(value, list):
        return [_literal(item) for item in value]
    if isinstance(value, dict):
        return {key: of if key == "hovertemplate" else _literal(of) for key, of in value.items()}
    return value


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


def limit_line(text: str, x: list[float], y: list[float], is_shown: bool) -> Trace:
    """A limit at a place; one that is far away stands in the legend only."""
    return {
        "type": "scatter",
        "mode": "lines",
        "name": text if is_shown else f"{text} (far away)",
        "x": x if is_shown else [None],
        "y": y if is_shown else [None],
        "line": {"color": "limit", "width": 1.5, "dash": "dash"},
        "hoverinfo": "name",
    }


def limit_across(text: str, limit: float, ends: tuple[float, float], highest: float) -> Trace:
    """A limit of values from nothing to the highest, as a horizontal line between two places."""
    return limit_line(text, [*ends], [limit] * 2, is_near(limit, 0.0, highest))


def band(low: float | None, high: float | None, unit: str) -> str:
    """An interval in words; nothing where there is none, or none to be seen."""
    ends = [units.value_text(end, unit) for end in (low, high)]
    return "" if ends[0] == ends[1] else units.interval(low, high, unit)
