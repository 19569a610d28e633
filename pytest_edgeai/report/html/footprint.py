"""Charts of start-up times and memory: one sample from each fresh process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pytest_edgeai import units
from pytest_edgeai.report.html.chart import Chart, Trace, all_rounded, axis, band, limit_across
from pytest_edgeai.report.record import Record

COLOURS = ("accent", "second", "third", "muted")


def footprint_charts(test: Record) -> Iterator[Chart]:
    """One for each budget of the start-up or of memory."""
    for budget in test["budgets"]:
        if budget["data"].get("values"):
            yield _samples(budget)


def _samples(budget: dict[str, Any]) -> Chart:
    is_memory = budget["unit"] == "bytes"
    scale = units.BYTES_PER_MB if is_memory else 1
    values = [value / scale for value in budget["data"]["values"]]
    limit = units.value_text(budget["limit"], budget["unit"])
    traces = [_whole(values)] if is_memory else [*_parts(budget["data"]["parts"])]
    ends = (0.5, len(values) + 0.5)
    traces.append(limit_across(f"limit {limit}", budget["limit"] / scale, ends, max(values)))
    layout = {
        "xaxis": axis("fresh process", dtick=max(1, len(values) // 8)),
        "yaxis": axis("MB" if is_memory else "ms", rangemode="tozero"),
        "barmode": "stack",
    }
    title = "Memory above that without the model" if is_memory else "Start-up"
    return Chart(title, _in_words(budget, limit), traces, layout)


def _whole(values: list[float]) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "x0": 1,
        "y": all_rounded(values),
        "marker": {"color": "accent", "size": 7},
        "showlegend": False,
        "name": "memory",
    }


def _parts(parts: dict[str, list[float]]) -> Iterator[Trace]:
    for number, (name, values) in enumerate(parts.items()):
        colour = COLOURS[number % len(COLOURS)]
        yield {
            "type": "bar",
            "name": name,
            "x0": 1,
            "y": all_rounded(values),
            "marker": {"color": colour},
        }


def _in_words(budget: dict[str, Any], limit: str) -> str:
    measured = units.value_text(budget["measured"], budget["unit"])
    between = band(budget["low"], budget["high"], budget["unit"])
    text = f"{units.count(len(budget['data']['values']), 'start')}: median {measured}"
    return f"{text}{f' ({between})' if between else ''}, limit {limit}"
