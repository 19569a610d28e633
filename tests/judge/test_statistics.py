"""Statistics of latency samples, and how many samples their claims need."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_edgeai.judge.statistics import STATISTICS, required_samples, statistic

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


@pytest.mark.parametrize(
    ("name", "confidence", "samples"),
    [
        ("p90", 0.95, 29),
        ("p95", 0.95, 59),
        ("p99", 0.95, 299),
        ("p90", 0.99, 44),
        ("p95", 0.99, 90),
        ("p99", 0.99, 459),
        ("median", 0.95, 5),
        ("mean", 0.95, 5),
        ("max", 0.95, 5),
    ],
)
def test_required_samples(name: str, confidence: float, samples: int) -> None:
    assert required_samples(name, confidence) == samples


@pytest.mark.parametrize("name", SHARES)
@given(confidence=st.floats(0.01, 0.9999))
def test_required_samples_are_the_fewest_that_support_the_claim(
    name: str, confidence: float
) -> None:
    needed = required_samples(name, confidence)
    doubt = 1 - confidence
    assert SHARES[name] ** needed <= doubt * (1 + 1e-9)
    assert needed == 1 or SHARES[name] ** (needed - 1) > doubt * (1 - 1e-9)
