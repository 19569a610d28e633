"""Charts of sustained runs: minute by minute, with the device's heat and clock."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pytest_edgeai import units
from pytest_edgeai.report.html.chart import Chart, all_rounded, axis, limit_across
from pytest_edgeai.report.record import Record

HEAT = (("temperature_c", "°C"), ("frequency_mhz", "MHz"))


def sustained_charts(test: Record) -> Iterator[Chart]:
    """One for each budget of a sustained run."""
    for budget in test["budgets"]:
        windows = budget["data"].get("windows", [])
        if windows:
            yield _minutes(budget, windows)


def _minutes(budget: dict[str, Any], windows: list[dict[str, Any]]) -> Chart:
    known = [(key, unit) for key, unit in HEAT if any(window[key] for window in windows)]
    p95 = [window["p95_ms"] for window in windows]
    limit = f"limit {units.value_text(budget['limit'], budget['unit'])}"
    begins = [window["begin_s"] for window in windows]
    traces = [
        _trace("p95", begins, p95, "accent", "circle"),
        _trace("median", begins, [w["median_ms"] for w in windows], "second", "square"),
    ]
    traces.append(limit_across(limit, budget["limit"], (begins[0], begins[-1]), max(p95)))
    rows = 1 + len(known)
    top = [1 - 1 / rows + 0.05 * bool(known), 1]
    layout: dict[str, Any] = {
        "xaxis": axis("begin of the window, s", anchor=f"y{rows}" if known else "y"),
        "yaxis": axis("ms", rangemode="tozero", domain=top),
    }
    for place, (key, unit) in enumerate(known, 2):
        values = [window[key] for window in windows]
        trace = _trace(unit, begins, values, "limit" if unit == "°C" else "ink", "diamond")
        traces.append({**trace, "yaxis": f"y{place}"})
        bottom = 1 - place / rows
        layout[f"yaxis{place}"] = axis(unit, domain=[bottom, bottom + 1 / rows - 0.05])
    if known:
        layout["height"] = 200 + 100 * len(known)
    return Chart("Sustained run", _in_words(windows, known), traces, layout)


def _trace(name: str, x: list[float], y: list[Any], colour: str, symbol: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": all_rounded(x),
        "y": [None if value is None else float(f"{value:.4g}") for value in y],
        "line": {"color": colour, "width": 1.5},
        "marker": {"color": colour, "symbol": symbol, "size": 7},
    }


def _in_words(windows: list[dict[str, Any]], known: list[tuple[str, str]]) -> str:
    first, last = windows[0], windows[-1]
    texts = [
        f"{units.count(len(windows), 'window')} of {units.seconds(first['seconds'])}: p95 "
        f"{units.milliseconds(first['p95_ms'])} in the first, "
        f"{units.milliseconds(last['p95_ms'])} in the last"
    ]
    for key, unit in known:
        ends = [units.significant(window[key]) for window in (first, last) if window[key]]
        texts.append(f"{' to '.join(ends)} {unit}")
    return "; ".join(texts)
