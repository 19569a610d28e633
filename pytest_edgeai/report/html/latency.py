"""Charts of latency: how it is distributed, and how it went over the run."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pytest_edgeai import units
from pytest_edgeai.judge.statistics import drift, statistic
from pytest_edgeai.report.html.chart import (
    Chart,
    all_rounded,
    axis,
    far_away,
    is_near,
    limit_line,
    rounded,
)
from pytest_edgeai.report.packing import unpack
from pytest_edgeai.report.record import Record

BINS = 40
MOST_POINTS = 200
"""Of a course; longer ones are shown by the least, the median and the greatest of each stretch."""
DASHES = ("solid", "dot", "dashdot")
SPIKE = 5
"""So many times the median, the slowest run would hide the others but for a logarithmic axis."""
SHOWN = 0.995
"""Share of the runs that a histogram's bins divide; the others stand in its last one."""


@dataclass(frozen=True)
class _Limit:
    """A budget of latency, in milliseconds."""

    statistic: str
    limit: float
    measured: float | None
    low: float | None
    high: float | None


def latency_charts(test: Record) -> Iterator[Chart]:
    """Of each number of threads that latency was measured with."""
    for entry in test["evidence"].get("latency", ()):
        if "samples_ns" not in entry:
            continue
        samples = unpack(entry["samples_ns"]) / 1e6
        if len(samples):
            limits = _limits(test, entry["threads"])
            threads = entry["threads"]
            whose = f", {units.count(threads, 'thread')}" if threads else ""
            yield _distribution(samples, limits, whose)
            yield _course(samples, limits, whose)


def _limits(test: Record, threads: int | None) -> list[_Limit]:
    alike = [budget for budget in test["budgets"] if budget["threads"] == threads]
    found = []
    for budget in alike:
        known = [budget[key] for key in ("limit", "measured", "low", "high")]
        if budget["marker"] == "max_latency_ms":
            found.append(_Limit(budget["statistic"], *known))
        elif budget["marker"] == "min_throughput":
            limit, measured, low, high = (1e3 / value if value else None for value in known)
            if limit is not None:
                found.append(_Limit("mean", limit, measured, high, low))
    return found


def _distribution(samples: Any, limits: list[_Limit], whose: str) -> Chart:
    import numpy as np

    low, high = float(samples.min()), float(np.quantile(samples, SHOWN))
    near = [limit.limit for limit in limits if is_near(limit.limit, low, high)]
    span = high - low or high * 0.1 or 1.0
    counts, _ = np.histogram(np.minimum(samples, low + span), BINS, (low, low + span))
    width = span / BINS
    bars = {
        "type": "bar",
        "name": "runs",
        "x0": rounded(low + width / 2, 6),
        "dx": rounded(width, 6),
        "width": rounded(width, 6),
        "y": counts.tolist(),
        "marker": {"color": "accent"},
        "showlegend": False,
    }
    top = int(counts.max())
    ends = [min([low, *near]) - span * 0.03, max([low + span, *near]) + span * 0.03]
    layout = {
        "xaxis": axis("ms", range=all_rounded(ends, 6)),
        "yaxis": axis("runs"),
        "shapes": [_interval(limit) for limit in limits if limit.low and limit.high],
        "annotations": [
            far_away(f"limit of {one.statistic} {units.milliseconds(one.limit)} "
                     f"{'→' if one.limit > high else '←'}", 1 - 0.1 * number)
            for number, one in enumerate(limits) if one.limit not in near
        ],
        "bargap": 0,
    }  # fmt: skip
    lines = [
        line
        for limit, dash in zip(limits, itertools.cycle(DASHES))
        for line in _lines(limit, dash, top, limit.limit in near)
    ]
    return Chart(f"Latency{whose}", _in_words(samples, limits), [bars, *lines], layout)


def _lines(limit: _Limit, dash: str, top: int, is_near: bool) -> Iterator[dict[str, Any]]:
    """The statistic, and its limit where it is not far away, as vertical lines."""
    known = [(limit.statistic, limit.measured, "ink", dash)]
    if is_near:
        known.append((f"limit of {limit.statistic}", limit.limit, "limit", "dash"))
    for name, value, colour, style in known:
        if value is not None:
            yield {
                "type": "scatter",
                "mode": "lines",
                "name": f"{name} {units.milliseconds(value)}",
                "x": [value, value],
                "y": [0, top],
                "line": {"color": colour, "dash": style, "width": 1.5},
                "hoverinfo": "name",
            }


def _interval(limit: _Limit) -> dict[str, Any]:
    return {
        "type": "rect",
        "yref": "paper",
        "x0": limit.low,
        "x1": limit.high,
        "y0": 0,
        "y1": 1,
        "fillcolor": "muted",
        "opacity": 0.25,
        "line": {"width": 0},
    }


def _in_words(samples: Any, limits: list[_Limit]) -> str:
    figures = ", ".join(
        f"{name} {units.milliseconds(statistic(name, samples))}"
        for name in ("median", "p95", "p99", "max")
    )
    return "; ".join([f"{units.count(len(samples), 'run')}: {figures}", *map(_limit_text, limits)])


def _limit_text(limit: _Limit) -> str:
    text = f"limit of {limit.statistic} {units.milliseconds(limit.limit)}"
    if limit.low is None or limit.high is None:
        return text
    low, high = units.milliseconds(limit.low), units.milliseconds(limit.high)
    return f"{text}, which is between {low} and {high} (grey)"


def _course(samples: Any, limits: list[_Limit], whose: str) -> Chart:
    traces, high = course(samples), float(samples.max())
    layout = {"xaxis": axis("run"), "yaxis": axis("ms", rangemode="tozero")}
    if high > SPIKE * statistic("median", samples):
        layout["yaxis"] = axis("ms, logarithmic", type="log")
    for one in limits:
        text = f"limit of {one.statistic} {units.milliseconds(one.limit)}"
        if is_near(one.limit, 0.0, high):
            traces.append(limit_line(one.limit, (1, len(samples)), text))
    share = drift(samples) / statistic("median", samples)
    way = "slower" if share > 0 else "faster"
    said = f"from the first third of the runs to the last, {units.magnitude(abs(share))} {way}"
    return Chart(f"Latency over the run{whose}", said, traces, layout)


def course(samples: Any) -> list[dict[str, Any]]:
    """Traces of at most ``MOST_POINTS`` points; the least and the greatest sample stay."""
    import numpy as np

    if len(samples) <= MOST_POINTS:
        return [_line(all_rounded(samples), 1, 1, "one run", "accent")]
    parts = np.array_split(samples, MOST_POINTS // 3)
    step = len(samples) / len(parts)
    low, middle, high = (
        all_rounded(of(part) for part in parts)
        for of in (np.min, lambda part: statistic("median", part), np.max)
    )
    first = rounded(step / 2)
    return [
        {**_line(high, first, step, "slowest", "muted"), "line": {"width": 0.5, "color": "muted"}},
        {
            **_line(low, first, step, "fastest", "muted"),
            "line": {"width": 0.5, "color": "muted"},
            "fill": "tonexty",
        },
        _line(middle, first, step, "median", "accent"),
    ]


def _line(
    values: list[Any], first: float | None, step: float, name: str, colour: str
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x0": first,
        "dx": rounded(step),
        "y": values,
        "line": {"width": 1.5, "color": colour},
    }
