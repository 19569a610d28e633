"""Budgets of latency that a device has to keep up, minute by minute."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

from pytest_edgeai import units
from pytest_edgeai.judge.budget import DEFAULT_CONFIDENCE, Budget
from pytest_edgeai.judge.claims import Claim, claim
from pytest_edgeai.judge.conditions import disturbance
from pytest_edgeai.judge.evidence import Evidence, SustainedRun, Window
from pytest_edgeai.judge.latency import Judged, judged
from pytest_edgeai.judge.requirements import require_number, require_timing
from pytest_edgeai.judge.statistics import statistic
from pytest_edgeai.judge.verdict import BudgetResult

WINDOW_S = 60.0
FEWEST_WINDOWS = 3
COLUMNS = 73
"""Of a plot: it stands indented in 79."""
MOST_BAR = 20
"""Columns of the longest bar: that of the slowest window, or of the limit."""
_SLOWS_DOWN = (
    "cool the device, pause between runs, more threads or a smaller model; see the plot for when "
    "it slows down"
)
_FEW = "a larger seconds= makes longer windows, up to a minute, with more runs each"
_NEAR = "a limit further away, or a lower confidence=: a window's runs do not tell"


@dataclass(frozen=True)
class SustainedBudget(Budget):
    """A limit on the p95 of the latency in each minute of a run without pause, in milliseconds."""

    marker: ClassVar[str] = "max_sustained_latency_ms"
    limit_ms: float
    seconds: float
    confidence: float = DEFAULT_CONFIDENCE
    threads: int | None = None
    device: str | None = None

    @property
    def label(self) -> str:
        return "sustained p95"

    @property
    def bound(self) -> tuple[float, str]:
        return self.limit_ms, "ms"

    @property
    def is_performance(self) -> bool:
        return True

    def own_seconds(self, device_name: str) -> float:
        return self.seconds if self.is_for(device_name) else 0.0

    @property
    def lengths_s(self) -> list[float]:
        """Of the windows: equal, a minute or a little more, or thirds of a shorter run."""
        number = max(FEWEST_WINDOWS, int(self.seconds // WINDOW_S))
        return [self.seconds / number] * number

    @cached_property
    def claim(self) -> Claim:
        """What the samples of each window must support.

        The budget is wrong where any window's verdict is, so each may be wrong with the chance
        that is allowed, divided by their number, and what is shown of all holds at once
        (Bonferroni; Dunn, "Multiple comparisons among means", JASA 56(293), 1961).
        """
        return claim("p95", 1 - (1 - self.confidence) / len(self.lengths_s))

    def judge(self, evidence: Evidence) -> BudgetResult:
        if not self.is_for(evidence.device_name):
            return self.elsewhere(evidence.device_name)
        run = evidence.sustained(self.lengths_s, self.threads, self._is_lost)
        return self.judge_run(run)

    def judge_run(self, run: SustainedRun) -> BudgetResult:
        """Judge what was measured."""
        found = self._judged(run)
        seen = Counter(window.verdict for window in found)
        at = _telling(found)
        told, window = found[at], run.windows[at]
        n = len(run.windows)
        when = f"window {at + 1} of {len(self.lengths_s)}, from {units.seconds(window.begin_s)} on"
        if told.verdict == "pass":
            reason = f"in the worst of {n} windows, {when}: {told.reason}"
        else:
            reason = f"{seen[told.verdict]} of {units.count(n, 'window')}: {when}: {told.reason}"
        slows_down = told.verdict == "fail" != found[0].verdict
        advice = self._more() if told.verdict == "inconclusive" else told.advice
        return self.result(
            told.measured,
            sum(window.runs for window in run.windows),
            told.verdict,
            reason,
            _SLOWS_DOWN if slows_down else advice,
            told.interval,
            details=(plot(run.windows, self.limit_ms), _course(run)),
            data=_data(run),
        )

    def _is_lost(self, run: SustainedRun) -> bool:
        """One window that fails is enough; so is what will spoil all of them."""
        if disturbance(run.conditions, is_their_fault=False, by_heat=False) is not None:
            return True
        return self._judged(replace(run, windows=run.windows[-1:]))[0].verdict == "fail"

    def _judged(self, run: SustainedRun) -> list[Judged]:
        return [
            judged(run.samples(window), self.claim, self.limit_ms, is_steady=False)
            for window in run.windows
        ]

    def _more(self) -> str:
        return _FEW if self.lengths_s[0] < WINDOW_S else _NEAR


def _telling(found: Sequence[Judged]) -> int:
    """Which window decides: one that fails, else a void, else an undecided one; the slowest."""
    order = ("pass", "inconclusive", "void", "fail")
    return max(
        range(len(found)), key=lambda at: (order.index(found[at].verdict), found[at].measured)
    )


def plot(windows: Sequence[Window], limit_ms: float) -> str:
    """A line for each window; ``|`` is where the limit is."""
    rows = [
        [
            units.seconds(window.begin_s),
            f"{window.runs:,}",
            units.significant(statistic("median", window.samples_ns / 1e6)),
            units.significant(_p95_ms(window)),
        ]
        for window in windows
    ]
    heads = ["from", "runs", "median", "p95"]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    ends = ["", *map(_state, windows)]
    room = COLUMNS - sum(width + 2 for width in widths) - max(map(len, ends)) - 3
    scale = min(MOST_BAR, room) / max(limit_ms, *map(_p95_ms, windows))
    bars = ["", *(_bar(_p95_ms(window) * scale, limit_ms * scale) for window in windows)]
    widest = max(map(len, bars))
    lines = ["the run in windows, times in ms:"]
    for row, bar, end in zip([heads, *rows], bars, ends, strict=True):
        cells = "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        lines.append(f"{cells}  {bar.ljust(widest)}  {end}".rstrip())
    return "\n".join(lines)


def _bar(columns: float, limit: float) -> str:
    at, bar = round(limit), "#" * round(columns)
    return f"{bar[:at]:{at}}|{bar[at + 1 :]}"


def _state(window: Window) -> str:
    known = {"°C": window.temperature_c, "MHz": window.frequency_mhz}
    return ", ".join(f"{value:.0f} {unit}" for unit, value in known.items() if value is not None)


def _course(run: SustainedRun) -> str:
    """How the last window compares with the first, and how hot and slow the device became."""
    median, p95 = (units.significant(value) for value in _ratio(run.windows).values())
    text = f"last window to first: {median} times the median, {p95} times the p95"
    if len(run.windows) == 1:
        text = "the run ended with its first window"
    known = [w.temperature_c for w in run.windows if w.temperature_c is not None]
    if known:
        text += f"; hottest {max(known):.1f} °C"
    if run.conditions.get("throttling"):
        text += f"; the device was slowed down: {', '.join(run.conditions['throttling'])}"
    return text


def _p95_ms(window: Window) -> float:
    return statistic("p95", window.samples_ns) / 1e6


def _ratio(windows: Sequence[Window]) -> dict[str, float]:
    """Of the last window to the first."""
    first, last = windows[0].samples_ns, windows[-1].samples_ns
    return {name: statistic(name, last) / statistic(name, first) for name in ("median", "p95")}


def _data(run: SustainedRun) -> dict[str, Any]:
    windows = [
        {
            "begin_s": window.begin_s,
            "seconds": window.seconds,
            "runs": window.runs,
            "median_ms": statistic("median", window.samples_ns) / 1e6,
            "p95_ms": _p95_ms(window),
            "temperature_c": window.temperature_c,
            "frequency_mhz": window.frequency_mhz,
        }
        for window in run.windows
    ]
    return {"windows": windows, "ratio": _ratio(run.windows), "conditions": run.conditions}


def max_sustained_latency_ms(
    *,
    p95: float,
    seconds: float,
    confidence: float | None = None,
    threads: int | None = None,
    device: str | None = None,
) -> tuple[Budget, ...]:
    """Latency of every minute of a run without pause, in milliseconds: heat must not slow it down.

    Args:
        p95: the limit, for each minute; for each third of a run of less than three.
        seconds: how long it runs; ``--edge-max-seconds`` does not cap it.
        confidence: of the verdict on all minutes together (default 0.95).
        threads, device: as for ``max_latency_ms``.
    """
    require_number("p95", p95, above=0.0)
    require_number("seconds", seconds, least=1.0)
    require_timing(confidence, threads, device)
    sure = confidence or DEFAULT_CONFIDENCE
    return (SustainedBudget(float(p95), float(seconds), sure, threads, device),)
