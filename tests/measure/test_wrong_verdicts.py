"""The stated confidence holds under the real stopping rule: simulated, seeded measurements."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy.stats import binomtest
from simulation import (
    CONFIDENCE,
    CORRELATIONS,
    LATENCIES,
    NAMES,
    SLOW_CAP_S,
    Latency,
    Simulated,
    SlowsDown,
    far_verdicts,
    slow,
    sustained_verdict,
    unseen,
    verdict,
    wrong_sustained_verdicts,
    wrong_verdicts,
)

from pytest_edgeai.judge.latency import LatencyBudget
from pytest_edgeai.judge.sustained import SustainedBudget

RUNS = 150


@pytest.mark.parametrize("is_over", [True, False], ids=["just_over", "just_under"])
@pytest.mark.parametrize("correlation", CORRELATIONS)
@pytest.mark.parametrize("times", LATENCIES, ids=[latency.name for latency in LATENCIES])
def test_wrong_verdicts_on_p95_are_rare(times: Latency, correlation: float, is_over: bool) -> None:
    seen = wrong_verdicts("p95", times, correlation, is_over, RUNS)
    wrong = seen["pass" if is_over else "fail"]
    assert binomtest(wrong, RUNS, 1 - CONFIDENCE, alternative="greater").pvalue > 0.01, seen


@pytest.mark.parametrize("name", ["median", "p90", "p99"])
def test_other_percentiles_too(name: str) -> None:
    wrong = sum(
        wrong_verdicts(name, LATENCIES[1], correlation, True, RUNS)["pass"]
        for correlation in CORRELATIONS
    )
    assert wrong <= (1 - CONFIDENCE) * RUNS * len(CORRELATIONS)


@pytest.mark.parametrize("times", LATENCIES, ids=NAMES)
@pytest.mark.parametrize("name", ["mean", "median", "p95"])
def test_wrong_verdicts_on_a_slow_model_are_rare(name: str, times: Latency) -> None:
    """A hundred runs at most, each of which resembles the one before."""
    seen = wrong_verdicts(name, slow(times), 0.9, True, RUNS, cap_s=SLOW_CAP_S)
    assert binomtest(seen["pass"], RUNS, 1 - CONFIDENCE, alternative="greater").pvalue > 0.01, seen


def test_few_runs_can_tell_a_wrong_rule_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit that any distance takes to be far away."""
    monkeypatch.setattr("pytest_edgeai.judge.claims.FAR", 1)
    seen = wrong_verdicts("p95", slow(LATENCIES[3]), 0.9, True, RUNS, cap_s=SLOW_CAP_S)
    assert seen["pass"] > 2 * (1 - CONFIDENCE) * RUNS


@pytest.mark.parametrize("name", ["median", "p90", "p95", "p99"])
def test_rare_runs_far_beyond_the_limit_seldom_pass(name: str) -> None:
    seen = unseen(name, 0.0, RUNS)
    assert binomtest(seen["pass"], RUNS, 1 - CONFIDENCE, alternative="greater").pvalue > 0.01, seen


@pytest.mark.parametrize(("ratio", "right"), [(10, "pass"), (0.1, "fail")])
@pytest.mark.parametrize("name", ["mean", "median", "p90", "p95", "p99"])
def test_limits_far_away_are_decided(name: str, ratio: float, right: str) -> None:
    """Whatever the distribution, and however the runs resemble each other or become slower."""
    found = far_verdicts(name, ratio, 48, 1)
    assert {verdict for verdict, _ in found} == {right}


def test_the_simulation_can_tell_a_wrong_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples that are taken for independent, and looked at with an ordinary interval."""
    monkeypatch.setattr(
        "pytest_edgeai.judge.claims.effective_runs", lambda samples, limit=None: len(samples)
    )
    seen = wrong_verdicts("p95", LATENCIES[0], 0.9, True, RUNS)
    assert seen["pass"] > 3 * (1 - CONFIDENCE) * RUNS


@pytest.mark.parametrize("is_over", [True, False], ids=["one_just_over", "all_just_under"])
@pytest.mark.parametrize("correlation", [0.0, 0.9])
def test_wrong_verdicts_on_runs_without_pause_are_rare(correlation: float, is_over: bool) -> None:
    seen: Counter[str] = Counter()
    for times in LATENCIES:
        seen += wrong_sustained_verdicts(times, correlation, is_over, RUNS // 3)
    wrong = seen["pass" if is_over else "fail"]
    assert binomtest(wrong, seen.total(), 1 - CONFIDENCE, alternative="greater").pvalue > 0.01, seen


@pytest.mark.parametrize(("ratio", "right"), [(0.5, "pass"), (1.25, "fail")])
def test_right_verdicts_on_runs_without_pause(ratio: float, right: str) -> None:
    """Where it fails, only the last third is over the limit; before, 0.7 times as long is not."""
    random, times = np.random.default_rng(4), LATENCIES[0]
    budget = SustainedBudget(float(times.at(0.95)) / ratio, 15.0, CONFIDENCE)
    found = {sustained_verdict(SlowsDown(times, 0.3, random), budget) for _ in range(20)}
    assert found == {right}


def test_runs_without_pause_can_tell_it_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "pytest_edgeai.judge.claims.effective_runs", lambda samples, limit=None: len(samples)
    )
    seen = wrong_sustained_verdicts(LATENCIES[0], 0.9, False, RUNS)
    assert seen["fail"] > 2 * (1 - CONFIDENCE) * RUNS


def test_at_half_the_limit_little_is_measured() -> None:
    """150 runs or a second, which is 200 runs here."""
    random, times = np.random.default_rng(2), LATENCIES[0]
    budget = LatencyBudget("p95", 2 * float(times.at(0.95)), CONFIDENCE)
    found = [verdict(Simulated(times, 0.3, random), budget) for _ in range(100)]
    assert {name for name, _ in found} == {"pass"}
    assert max(n for _, n in found) <= 200


def test_within_one_per_cent_the_cap_is_used() -> None:
    random, times = np.random.default_rng(3), LATENCIES[1]
    for ratio in (0.99, 1.01):
        budget = LatencyBudget("p95", float(times.at(0.95)) * ratio, CONFIDENCE)
        found = [verdict(Simulated(times, 0.3, random), budget, 5.0) for _ in range(50)]
        seen = Counter(name for name, _ in found)
        assert seen["inconclusive"] >= 48
        assert min(n for name, n in found if name == "inconclusive") > 700
