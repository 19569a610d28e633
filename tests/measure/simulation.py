"""How often verdicts are wrong: the real measuring loop and budgets, on simulated latencies.

``python tests/measure/simulation.py --runs 1000`` prints the tables of docs/statistics.md.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
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
from pytest_edgeai.judge.undecided import Undecided
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
NAMES = tuple(times.name for times in LATENCIES)
SLOW, SLOW_CAP_S = 60, 30.0
"""How many times as long the runs of a slow model take (0.3 s), and its cap."""
RARELY = 20
"""How many times as long rare runs take."""
CORRELATIONS = (0.0, 0.6, 0.9)
"""Of a run with the one before it (AR(1) of the normal scores)."""


def slow(times: Latency) -> Latency:
    """Of a model that is so much larger."""
    return Latency(times.name, lambda share: SLOW * times.at(share))


def rarely(share_of_slow: float) -> Latency:
    """Log-normal times, of which so many are far beyond all others."""

    def at(share: Any) -> Any:
        usual = LATENCIES[1].at(np.minimum(np.asarray(share) / (1 - share_of_slow), 1 - 1e-3))
        return np.where(np.asarray(share) > 1 - share_of_slow, RARELY * 5.0, usual)

    return Latency("rarely", at)


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
        most = int(2 * CAP_S * 1000 / 4) + 2 * 1000
        noise = random.standard_normal(most + 300) * np.sqrt(1 - correlation**2)
        scores = lfilter([1], [1, -correlation], noise)[300:]
        self._ahead_ns = np.rint(times.at(stats.norm.cdf(scores)) * 1e6).astype(np.int64)

    def alone(self, what: str) -> AbstractContextManager[None]:
        return nullcontext()

    def progress(self, text: str) -> None: ...

    def conditions(self) -> dict[str, Any]:
        return {}

    def warm_up(self, max_s: float) -> int:
        return len(self.time_runs(1, max_s, len(self._ahead_ns), max_s))

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


class Drifts(Simulated):
    """Its runs take half as long again at the end of the cap as in the beginning."""

    def time_runs(self, *args: Any) -> Any:
        part = super().time_runs(*args)
        return np.rint(part * (1 + 0.5 * min(self.now / CAP_S, 1.0))).astype(np.int64)


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
    limits = Undecided([budget], None)  # type: ignore[arg-type]
    timing = latency.Timing(interpreter, limits)  # type: ignore[arg-type]
    with time_of(interpreter):
        (samples,) = latency.measure_latency([timing], cap_s)
    assert not isinstance(samples, EdgeAIError)
    holds, _ = budget.claim.decision(samples.ms, budget.limit_ms, samples.looks)
    return {True: "pass", False: "fail", None: "inconclusive"}[holds], len(samples.ms)


def wrong_verdicts(
    name: str,
    times: Latency,
    correlation: float,
    is_over: bool,
    runs: int,
    seed: int = 0,
    cap_s: float = CAP_S,
) -> Counter[str]:
    """Verdicts where the true statistic is a hair over its limit, or under it."""
    side = 1 if is_over else -1
    if name == "mean":
        limit = times.mean() * (1 - side * HAIR)
    else:
        limit = float(times.at(1 - (1 - QUANTILES[name]) * (1 + side * HAIR)))
    budget = LatencyBudget(name, limit, CONFIDENCE)
    key = [seed, int(correlation * 100), is_over, NAMES.index(times.name)]
    random = np.random.default_rng(key)
    simulated = (Simulated(times, correlation, random) for _ in range(runs))
    return Counter(verdict(one, budget, cap_s)[0] for one in simulated)


def far_verdicts(name: str, ratio: float, runs: int, scale: float, seed: int = 0) -> list[Any]:
    """Verdicts and seconds of them, where the limit is so many times the true statistic.

    All kinds of latencies and correlations in turn; every fourth becomes slower meanwhile.
    """
    random, cap_s = np.random.default_rng(seed), SLOW_CAP_S if scale > 1 else CAP_S
    found = []
    for number in range(runs):
        times = LATENCIES[number % len(LATENCIES)]
        true = times.mean() if name == "mean" else float(times.at(QUANTILES[name]))
        kind = Drifts if number // len(LATENCIES) % 4 == 3 else Simulated
        scaled = slow(times) if scale > 1 else times
        interpreter = kind(scaled, CORRELATIONS[number % len(CORRELATIONS)], random)
        budget = LatencyBudget(name, ratio * scale * true, CONFIDENCE)
        found.append((verdict(interpreter, budget, cap_s)[0], interpreter.now))
    return found


def unseen(name: str, correlation: float, runs: int, seed: int = 0) -> Counter[str]:
    """Verdicts where a hair too many runs are far beyond a limit that is far beyond all others."""
    share = (1 - QUANTILES[name]) * (1 + HAIR)
    budget = LatencyBudget(name, RARELY * 5.0 / 2, CONFIDENCE)
    random = np.random.default_rng(seed)
    simulated = (Simulated(rarely(share), correlation, random) for _ in range(runs))
    return Counter(verdict(one, budget)[0] for one in simulated)


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
    random = np.random.default_rng([seed, int(correlation * 100), is_over, NAMES.index(times.name)])
    return Counter(sustained_verdict(kind(times, correlation, random), budget) for _ in range(runs))


def table(runs: int, all_times: Sequence[Latency], cap_s: float) -> Iterator[str]:
    """Shares of wrong verdicts, in Markdown."""
    heads = [f"{r:g} {side}" for r in CORRELATIONS for side in ("pass", "fail")]
    yield f"| statistic | latencies | {' | '.join(heads)} |"
    yield "|---|---|" + "---|" * len(heads)
    for name in ("median", "p90", "p95", "p99", "mean"):
        for times in all_times:
            cells = []
            for correlation in CORRELATIONS:
                for is_over in (True, False):
                    seen = wrong_verdicts(name, times, correlation, is_over, runs, cap_s=cap_s)
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


def far_table(runs: int) -> Iterator[str]:
    """Verdicts on limits far away, and how long they took, in Markdown."""
    yield "| statistic | limit / value | right | inconclusive | wrong | s | slow model: right | inconclusive | wrong | s |"  # noqa: E501
    yield "|---|---|---|---|---|---|---|---|---|---|"
    for name in ("mean", "median", "p90", "p95", "p99"):
        for ratio in (10.0, 4.0, 0.25, 0.1):
            right, cells = ("pass" if ratio > 1 else "fail"), []
            for scale, n in ((1, runs), (SLOW, runs // 2)):
                found = far_verdicts(name, ratio, n, scale)
                seen = Counter(verdict for verdict, _ in found)
                wrong = n - seen[right] - seen["inconclusive"]
                cells += [f"{k / n:.1%}" for k in (seen[right], seen["inconclusive"], wrong)]
                cells.append(f"{float(f'{np.median([s for _, s in found]):.2g}'):g}")
            yield f"| {name} | {ratio:g} | {' | '.join(cells)} |"


def unseen_table(runs: int) -> Iterator[str]:
    """Shares of wrong passes where rare runs are far beyond the limit, in Markdown."""
    yield f"| statistic | {' | '.join(f'{r:g}' for r in CORRELATIONS)} |"
    yield "|---|" + "---|" * len(CORRELATIONS)
    for name in QUANTILES:
        cells = (f"{unseen(name, r, runs)['pass'] / runs:.1%}" for r in CORRELATIONS)
        yield f"| {name} | {' | '.join(cells)} |"


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
    tables = (
        table(asked, LATENCIES, CAP_S),
        far_table(asked),
        table(asked, [slow(times) for times in LATENCIES], SLOW_CAP_S),
        unseen_table(asked),
        sustained_table(asked),
        effort(max(asked // 5, 1)),
    )
    for line in chain.from_iterable(chain(lines, [""]) for lines in tables):
        print(line, flush=True)
