"""Statistics of latency samples, and how many samples their claims need."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter
from scipy.stats import rankdata

from pytest_edgeai.judge.statistics import (
    STATISTICS,
    autocorrelation_time,
    drift,
    effective_runs,
    ranks,
    spread,
    statistic,
)

SAMPLES = st.lists(st.integers(0, 10**12), min_size=1, max_size=300)
SHARES = {"median": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}


def test_of_ten_samples_by_hand() -> None:
    samples = [70, 10, 20, 30, 100, 50, 60, 40, 80, 90]
    found = {name: statistic(name, samples) for name in STATISTICS}
    assert found == {"mean": 55, "median": 50, "p90": 90, "p95": 100, "p99": 100, "max": 100}


def test_outliers_are_not_trimmed() -> None:
    samples = [1] * 94 + [1000] * 6
    assert statistic("p90", samples) == 1
    assert statistic("p95", samples) == 1000
    assert statistic("max", samples) == 1000


@given(SAMPLES)
def test_one_sample_is_every_statistic(samples: list[int]) -> None:
    assert {statistic(name, samples[:1]) for name in STATISTICS} == {samples[0]}


@pytest.mark.parametrize("name", SHARES)
@given(samples=SAMPLES)
def test_a_percentile_is_the_nearest_rank(name: str, samples: list[int]) -> None:
    found = statistic(name, samples)
    # The definition, in whole numbers: 100 times a share is one.
    percent = round(SHARES[name] * 100)
    enough = [s for s in samples if sum(t <= s for t in samples) * 100 >= percent * len(samples)]
    assert found == min(enough)


@given(SAMPLES)
def test_mean_and_maximum_are_those_of_numpy(samples: list[int]) -> None:
    assert statistic("mean", np.array(samples)) == np.mean(samples)
    assert statistic("max", np.array(samples)) == np.max(samples)


def correlated(correlation: float, n: int) -> np.ndarray:
    """Normal samples, each resembling the one before it."""
    noise = np.random.default_rng(1).standard_normal(n + 500) * np.sqrt(1 - correlation**2)
    return np.asarray(lfilter([1], [1, -correlation], noise)[500:])


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_the_autocorrelation_time_of_an_autoregression(correlation: float) -> None:
    true = (1 + correlation) / (1 - correlation)
    assert autocorrelation_time(correlated(correlation, 100_000)) == pytest.approx(true, rel=0.1)


def test_what_never_varies_is_taken_for_independent() -> None:
    assert autocorrelation_time([3, 3, 3, 3]) == 1
    assert effective_runs([3] * 100) == 100


def test_outliers_do_not_hide_how_runs_resemble_each_other() -> None:
    samples = correlated(0.9, 2000)
    alone = effective_runs(samples)
    samples[np.random.default_rng(0).choice(2000, 20)] += 1e6
    assert effective_runs(samples) == pytest.approx(alone, rel=0.3)
    assert alone < 250


def test_at_a_limit_what_exceeds_it_counts() -> None:
    """Slow waves of the body do not matter where single outliers exceed the limit."""
    random = np.random.default_rng(0)
    waves = np.sin(np.arange(10_000) / 1000) + 0.1 * random.standard_normal(10_000)
    waves[random.choice(10_000, 100, replace=False)] = 50
    assert effective_runs(waves, 0.0) < 20
    assert effective_runs(waves, 20.0) > 50


@given(SAMPLES)
def test_equal_values_share_a_rank(samples: list[int]) -> None:
    assert ranks(np.array(samples)).tolist() == rankdata(samples).tolist()


def test_drift_and_spread() -> None:
    assert drift([1, 1, 9, 9, 2, 2]) == 1
    assert drift([5]) == 0
    assert spread(list(range(1, 102))) == pytest.approx(50 / 51)
