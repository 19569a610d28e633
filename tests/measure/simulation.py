"""How often verdicts are wrong: the real measuring loop and budgets, on simulated latencies.

``python tests/measure/simulation.py --runs 1000`` prints the tables of docs/statistics.md.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import chain
from types import SimpleNamespace
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
from scipy import stats
from scipy.signal import lfilter

from pytest_edgeai.device.device import DeviceFacts
from pytest_edgeai.device.timed_model import Used
from pytest_edgeai.errors import EdgeAIError
from pytest_edgeai.judge.evidence import SustainedRun
from pytest_edgeai.judge.latency import LatencyBudget
from pytest_edgeai.judge.statistics import QUANTILES
from pytest_edgeai.judge.sustained import SustainedBudget
from pytest_edgeai.measure import latency, sustained

CAP_S = 15.0
CONFIDENCE = 0.95
HAIR = 0.002
"""How far the limit lies from the truth, as a share of the tail or of the mean."""


class Latency(NamedTuple):
    """A distribution of times in milliseconds, by its inverse."""

    name: str
    at: Callable[[Any], Any]

    def mean(self) -> float:
        middles = (np.arange(2_000_000) + 0.5) / 2_000_000
        return float(self.at(middles).mean())


def _two_modes(share: Any) -> Any:
    slow = np.asarray(share) > 0.8
    within = np.where(slow, (share - 0.8) / 0.2, share / 0.8).clip(1e-9, 1 - 1e-9)
    return np.where(slow, 8, 5) + 0.2 * stats.norm.ppf(within)


LATENCIES = (
    Latency("normal", lambda share: 5 + 0.5 * stats.norm.ppf(share)),
    Latency("log-normal", lambda share: 5 * np.exp(0.5 * stats.norm.ppf(share))),
    Latency("bimodal", _two_modes),
    Latency("heavy-tailed", lambda share: 4 * (1 - np.asarray(share)) ** (-1 / 2.5)),
)
CORRELATIONS = (0.0, 0.6, 0.9)
"""Of a run with the one before it (AR(1) of the normal scores)."""


class Simulated:
    """What ``measure_latency`` needs of an interpreter; its time passes as the runs say."""

    variant, load_ms, threads, delegated = "simulated", 0.0, 1, None
    input_origin, input_shapes, before_bursts, left_out = None, {}, None, {}
    first_run_ns = 0
    used = Used()

    def __init__(self, times: Latency, correlation: float, random: np.random.Generator) -> None:
        self.model = SimpleNamespace(name="model")
        self.device = self
        self.spec = SimpleNamespace(max_temperature_c=None, allow_emulated_timing=False, host="")
        self.facts = DeviceFacts(*["simulated"] * 4, 1, *["simulated"] * 4, emulated=False)
        self.now = 0.0
        most = int(2 * CAP_S * 1000 / 4)
        noise = random.standard_normal(most + 300) * np.sqrt(1 - correlation**2)
        scores = lfilter([1], [1, -correlation], noise)[300:]
        self._ahead_ns = np.rint(times.at(stats.norm.cdf(scores)) * 1e6).astype(np.int64)

    def alone(self, what: str) -> AbstractContextManager[None]:
        return nullcontext()

    def progress(self, text: str) -> None: ...

    def conditions(self) -> dict[str, Any]:
        return {}

    def warm_up(self, max_s: float) -> int:
        self.now += max_s
        return 1

    def time_runs(
        self, min_runs: int, min_s: float, max_runs: int, max_s: float, rewarm_s: float = 0.0
    ) -> Any:
        ends_s = self._ahead_ns[:max_runs].cumsum() / 1e9
        by_minima = max(min_runs, int(np.searchsorted(ends_s, min_s)) + 1)
        by_time = int(np.searchsorted(ends_s, max_s)) + 1
        n = max(1, min(by_minima, by_time, max_runs))
        taken, self._ahead_ns = self._ahead_ns[:n], self._ahead_ns[n:]
        self.now += float(taken.sum()) / 1e9
        return taken


class SlowsDown(Simulated):
    """Its runs take longer after so many seconds: before, ``ease`` of what they take then."""

    slow_from_s, ease = 2 / 3 * CAP_S, 0.7

    def time_runs(self, *args: Any) -> Any:
        if self.now >= self.slow_from_s:
            return super().time_runs(*args)
        before = self.now
        taken = np.rint(super().time_runs(*args) * self.ease).astype(np.int64)
        self.now = before + float(taken.sum()) / 1e9
        return taken


@contextmanager
def time_of(interpreter: Simulated) -> Iterator[None]:
    """Let the loops read the simulated clock."""
    clock = SimpleNamespace(monotonic=lambda: interpreter.now)
    with mock.patch.object(latency, "time", clock), mock.patch.object(sustained, "time", clock):
        yield


def verdict(interpreter: Simulated, budget: LatencyBudget, cap_s: float = CAP_S) -> tuple[str, int]:
    """Of one measurement, and how many runs it took."""
    timing = latency.Timing(
        interpreter,  # type: ignore[arg-type]
        lambda samples: budget.is_decided(samples, None),  # type: ignore[arg-type]
        budget.least_runs,
    )
    with time_of(interpreter):
        (samples,) = latency.measure_latency([timing], cap_s)
    assert not isinstance(samples, EdgeAIError)
    holds, _ = budget.claim.decision(samples.ms, budget.limit_ms, samples.looks)
    return {True: "pass", False: "fail", None: "inconclusive"}[holds], len(samples.ms)


def wrong_verdicts(
    name: str, times: Latency, correlation: float, is_over: bool, runs: int, seed: int = 0
) -> Counter[str]:
    """Verdicts where the true statistic is a hair over its limit, or under it."""
    side = 1 if is_over else -1
    if name == "mean":
        limit = times.mean() * (1 - side * HAIR)
    else:
        limit = float(times.at(1 - (1 - QUANTILES[name]) * (1 + side * HAIR)))
    budget = LatencyBudget(name, limit, CONFIDENCE)
    key = [seed, int(correlation * 100), is_over, LATENCIES.index(times)]
    random = np.random.default_rng(key)
    return Counter(verdict(Simulated(times, correlation, random), budget)[0] for _ in range(runs))


def sustained_verdict(interpreter: Simulated, budget: SustainedBudget) -> str:
    """Of one run of ``CAP_S``, in thirds."""

    class Taken:
        device_name = "simulated"

        def sustained(self, lengths_s: Any, threads: Any, is_enough: Any) -> SustainedRun:
            return sustained.measure_sustained(interpreter, lengths_s, is_enough)  # type: ignore[arg-type]

    with time_of(interpreter):
        return budget.judge(Taken()).verdict  # type: ignore[arg-type]


def wrong_sustained_verdicts(
    times: Latency, correlation: float, is_over: bool, runs: int, seed: int = 0
) -> Counter[str]:
    """Verdicts where the p95 of the last third alone is a hair over, or those of all are under."""
    side = 1 if is_over else -1
    limit = float(times.at(1 - 0.05 * (1 + side * HAIR)))
    budget = SustainedBudget(limit, CAP_S, CONFIDENCE)
    kind = SlowsDown if is_over else Simulated
    random = np.random.default_rng([seed, int(correlation * 100), is_over, LATENCIES.index(times)])
    return Counter(sustained_verdict(kind(times, correlation, random), budget) for _ in range(runs))


def table(runs: int) -> Iterator[str]:
    """Shares of wrong verdicts, in Markdown."""
    heads = [f"{r:g} {side}" for r in CORRELATIONS for side in ("pass", "fail")]
    yield f"| statistic | latencies | {' | '.join(heads)} |"
    yield "|---|---|" + "---|" * len(heads)
    for name in ("median", "p90", "p95", "p99", "mean"):
        for times in LATENCIES:
            cells = []
            for correlation in CORRELATIONS:
                for is_over in (True, False):
                    seen = wrong_verdicts(name, times, correlation, is_over, runs)
                    cells.append(f"{seen['pass' if is_over else 'fail'] / runs:.1%}")
            yield f"| {name} | {times.name} | {' | '.join(cells)} |"


def sustained_table(runs: int) -> Iterator[str]:
    """Shares of wrong verdicts on runs without pause, in Markdown."""
    heads = [f"{r:g} {side}" for r in CORRELATIONS for side in ("pass", "fail")]
    yield f"| latencies | {' | '.join(heads)} |"
    yield "|---|" + "---|" * len(heads)
    for times in LATENCIES:
        cells = []
        for correlation in CORRELATIONS:
            for is_over in (True, False):
                seen = wrong_sustained_verdicts(times, correlation, is_over, runs)
                cells.append(f"{seen['pass' if is_over else 'fail'] / runs:.1%}")
        yield f"| {times.name} | {' | '.join(cells)} |"


def effort(runs: int) -> Iterator[str]:
    """Verdicts and numbers of runs by the distance of the limit, in Markdown."""
    times, random = LATENCIES[1], np.random.default_rng(0)
    p95 = float(times.at(0.95))
    yield "| p95 / limit | pass | fail | inconclusive | runs, median |"
    yield "|---|---|---|---|---|"
    for ratio in (0.5, 0.8, 0.9, 0.95, 0.99, 1.0, 1.01, 1.05, 1.1, 1.2, 2.0):
        budget = LatencyBudget("p95", p95 / ratio, CONFIDENCE)
        found = [verdict(Simulated(times, 0.3, random), budget) for _ in range(runs)]
        seen = Counter(name for name, _ in found)
        shares = " | ".join(f"{seen[name] / runs:.0%}" for name in ("pass", "fail", "inconclusive"))
        yield f"| {ratio:g} | {shares} | {np.median([n for _, n in found]):,.0f} |"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000, help="measurements for each number")
    asked = parser.parse_args().runs
    tables = (table(asked), [""], sustained_table(asked), [""], effort(max(asked // 5, 1)))
    for line in chain(*tables):
        print(line, flush=True)
