"""What earlier runs measured: the recorded baseline, and the runs of the history."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

from pytest_edgeai import units
from pytest_edgeai.report.html.chart import Chart, axis, rounded
from pytest_edgeai.report.record import Record

Entry = dict[str, Any]
Earlier = dict[tuple[Any, ...], list[Entry]]
"""What earlier runs measured, by test."""
MOST_RUNS = 100
MOST_TICKS = 10
SYMBOLS = {"pass": "circle", "fail": "x", "error": "x"}


def by_test(history: Iterable[Entry]) -> Earlier:
    """What earlier runs measured of each test, the oldest first."""
    found: Earlier = {}
    for entry in sorted(history, key=lambda entry: str(entry["time"])):
        found.setdefault(_key(entry), []).append(entry)
    return found


def history_charts(test: Record, history: Earlier) -> Iterator[Chart]:
    """For each budget of a test the runs before, and this one."""
    of_test = history.get(_key(test), [])
    for budget in test["budgets"]:
        before = [one for one in of_test if one["statistic"] == budget["statistic"]]
        if before and _tells(budget, before):
            yield _over_runs(budget, before)


def baseline_text(test: Record) -> str:
    """What was recorded as the baseline, in words; nothing where there is none."""
    found = next((one["baseline"] for one in test["evidence"].get("recorded", ())
                  if one.get("baseline")), None)  # fmt: skip
    if found is None:
        return ""
    texts = [f"size {units.megabytes(found['size_bytes'])}"]
    if found["latency"]:
        times = found["latency"]["ms"]
        texts += [f"{name} {units.milliseconds(value)}" for name, value in times.items()]
    if found["accuracy"]:
        texts.append(f"accuracy {units.share(found['accuracy']['value'])}")
    return f"recorded {found['recorded']}: {', '.join(texts)}"


def _key(entry: Entry) -> tuple[Any, ...]:
    return entry["nodeid"], entry["device"], entry["variant"]


def _tells(budget: Entry, before: list[Entry]) -> bool:
    """Whether anything was measured; of a count, whether it changed."""
    known = {run["measured"] for run in (*before, budget)} - {None}
    return len(known) > (1 if budget["unit"] == "count" else 0)


def _over_runs(budget: Entry, before: list[Entry]) -> Chart:
    runs = [*before[1 - MOST_RUNS :], {**budget, "time": None, "commit": None}]
    scale = units.BYTES_PER_MB if budget["unit"] == "bytes" else 1
    measured, limits = (
        [None if run[key] is None else rounded(run[key] / scale) for run in runs]
        for key in ("measured", "limit")
    )
    traces = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": budget["statistic"],
            "x0": 1,
            "y": measured,
            "hovertext": [_run_text(run) for run in runs],
            "line": {"color": "accent", "width": 1.5},
            "marker": {"size": 7, "symbol": [SYMBOLS.get(r["verdict"], "diamond") for r in runs]},
        },
        {
            "type": "scatter",
            "mode": "lines",
            "name": "limit",
            "x0": 1,
            "y": limits,
            "line": {"color": "limit", "width": 1.5, "dash": "dash", "shape": "hvh"},
        },
    ]
    unit = {"bytes": "MB", "ms": "ms", "per_second": "per second"}.get(budget["unit"], "")
    whole = {"tick0": 1, "dtick": math.ceil(len(runs) / MOST_TICKS)}
    layout = {"xaxis": axis("run, this one last", **whole), "yaxis": axis(unit), "height": 190}
    return Chart(budget["statistic"], _text(budget, before), traces, layout)


def _run_text(run: Entry) -> str:
    known = [run["time"] or "this run", str(run["commit"] or "")[:10], run["verdict"]]
    return ", ".join(filter(None, known))


def _text(budget: Entry, before: list[Entry]) -> str:
    first, last, now = (
        units.value_text(run["measured"], budget["unit"]) for run in (before[0], before[-1], budget)
    )
    runs = units.count(len(before), "earlier run")
    return f"{runs}: {first} in the first ({before[0]['time']}), {last} in the last, {now} now"
