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
    Trace,
    all_rounded,
    axis,
    is_near,
    limit_across,
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

    @property
    def name(self) -> str:
        return f"limit of {self.statistic} {units.milliseconds(self.limit)}"


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
    """Bins of the runs, the last of which has those beyond it as well."""
    import numpy as np

    low, high = float(samples.min()), float(np.quantile(samples, SHOWN))
    width = (high - low or high * 0.1 or 1.0) / BINS
    end = low + width * BINS
    counts, _ = np.histogram(np.minimum(samples, end), BINS, (low, end))
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
    lines = [*_lines(limits, (low, end), int(counts.max()))]
    shown = [low, end, *(line["x"][0] for line in lines if line["x"][0] is not None)]
    ends = min(shown) - width, max(shown) + width
    layout = {
        "xaxis": axis("ms", range=[*ends]),
        "yaxis": axis("runs"),
        "shapes": [_interval(limit, ends) for limit in limits if limit.low or limit.high],
        "bargap": 0,
    }
    return Chart(f"Latency{whose}", _in_words(samples, limits), [bars, *lines], layout)


def _lines(limits: list[_Limit], ends: tuple[float, float], top: int) -> Iterator[Trace]:
    """Each statistic and its limit as vertical lines."""
    for one, dash in zip(limits, itertools.cycle(DASHES), strict=False):
        if one.measured is not None:
            name = f"{one.statistic} {units.milliseconds(one.measured)}"
            is_shown = is_near(one.measured, *ends)
            line = limit_line(name, [one.measured] * 2, [0, top], is_shown)
            yield {**line, "line": {"color": "ink", "dash": dash, "width": 1.5}}
        yield limit_line(one.name, [one.limit] * 2, [0, top], is_near(one.limit, *ends))


def _interval(limit: _Limit, ends: tuple[float, float]) -> dict[str, Any]:
    """What has no bound on a side goes to the end of the axis there."""
    return {
        "type": "rect",
        "yref": "paper",
        "x0": ends[0] if limit.low is None else limit.low,
        "x1": ends[1] if limit.high is None else limit.high,
        "y0": 0,
        "y1": 1,
        "fillcolor": "muted",
        "opacity": 0.25,
        "layer": "below",
        "line": {"width": 0},
    }


def _in_words(samples: Any, limits: list[_Limit]) -> str:
    figures = ", ".join(
        f"{name} {units.milliseconds(statistic(name, samples))}"
        for name in ("median", "p95", "p99", "max")
    )
    return "; ".join([f"{units.count(len(samples), 'run')}: {figures}", *map(_limit_text, limits)])


def _limit_text(limit: _Limit) -> str:
    where = units.interval(limit.low, limit.high, "ms", "between {} and {}")
    return f"{limit.statistic} {where} (grey), {limit.name}" if where else limit.name


def _course(samples: Any, limits: list[_Limit], whose: str) -> Chart:
    traces, high = course(samples), float(samples.max())
    layout = {"xaxis": axis("run"), "yaxis": axis("ms", rangemode="tozero")}
    if high > SPIKE * statistic("median", samples):
        layout["yaxis"] = axis("ms, logarithmic", type="log")
    ends = (1, len(samples))
    traces += [limit_across(one.name, one.limit, ends, high) for one in limits]
    share = drift(samples) / (statistic("median", samples) or 1.0)
    way = "slower" if share > 0 else "faster"
    said = f"from the first third of the runs to the last, {units.magnitude(abs(share))} {way}"
    return Chart(f"Latency over the run{whose}", said, traces, layout)


def course(samples: Any) -> list[Trace]:
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
    edge = {"line": {"width": 0.5, "color": "muted"}}
    return [
        {**_line(high, first, step, "slowest", "muted"), **edge, "showlegend": False},
        {**_line(low, first, step, "fastest to slowest", "muted"), **edge, "fill": "tonexty"},
        _line(middle, first, step, "median", "accent"),
    ]


def _line(values: list[Any], first: float | None, step: float, name: str, colour: str) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x0": first,
        "dx": rounded(step),
        "y": values,
        "line": {"width": 1.5, "color": colour},
    }
