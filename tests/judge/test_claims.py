"""Claims on samples: when they are decided, and what is said of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp

from pytest_edgeai.judge.claims import IN_SIGHT, MIN_CLEAR, MIN_OVER, Interval, claim, log_evidence
from pytest_edgeai.judge.statistics import effective_runs

PERCENTILES = ("median", "p90", "p95", "p99")
Ends = tuple[float | None, float | None]
SHARES = {"median": 0.5, "p90": 0.1, "p95": 0.05, "p99": 0.01}


def noise(n: int, seed: int = 0) -> np.ndarray:
    return np.exp(0.1 * np.random.default_rng(seed).standard_normal(n))


@pytest.mark.parametrize(
    ("name", "confidence", "runs"),
    [
        ("median", 0.95, 30),
        ("p90", 0.95, 36),
        ("p95", 0.95, 72),
        ("p99", 0.95, 368),
        ("p95", 0.99, 104),
        ("p99", 0.99, 528),
        ("mean", 0.95, 100),
        ("max", 0.95, 30),
    ],
)
def test_the_fewest_runs_that_may_pass(name: str, confidence: float, runs: int) -> None:
    assert claim(name, confidence).least_runs == runs


@pytest.mark.parametrize("name", PERCENTILES)
def test_none_over_the_limit_passes_with_the_fewest_runs(name: str) -> None:
    claimed = claim(name, 0.95)
    samples = np.ones(claimed.least_runs)
    assert claimed.holds(samples, 2) is True
    assert claimed.holds(samples[: MIN_CLEAR - 1], 2) is None
    assert claimed.holds(samples[:0], 2) is None


@given(st.integers(0, 200), st.integers(1, 200), st.floats(0.05, 0.95))
def test_evidence_is_the_mean_of_likelihood_ratios(misses: int, hits: int, share: float) -> None:
    def log_ratio(other: np.ndarray) -> np.ndarray:
        log = hits * np.log(other / share)
        return log + (misses * np.log((1 - other) / (1 - share)) if misses else 0)

    others = share + (1 - share) * (np.arange(100_000) + 0.5) / 100_000
    expected = logsumexp(log_ratio(others)) - math.log(100_000)
    if misses == 0:
        expected = np.logaddexp(expected, float(log_ratio(np.array(1.0))))
    if expected > -100:
        found = log_evidence(hits, hits + misses, share)
        assert found == pytest.approx(expected - math.log(2), abs=0.05)


@pytest.mark.parametrize("share", [0.5, 0.05])
def test_the_evidence_against_the_truth_begins_at_one(share: float) -> None:
    """A supermartingale: its mean after any number of samples is at most 1."""
    from scipy.stats import binom

    for n in (1, 10, 100):
        mean = sum(
            binom.pmf(hits, n, share) * math.exp(log_evidence(hits, n, share))
            for hits in range(n + 1)
        )
        assert mean == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize("name", PERCENTILES)
@settings(max_examples=30)
@given(seed=st.integers(0, 1000), n=st.integers(1, 600))
def test_the_interval_holds_what_was_measured(name: str, seed: int, n: int) -> None:
    samples = noise(n, seed)
    claimed = claim(name, 0.95)
    found = claimed.interval(samples)
    measured = float(np.quantile(samples, 1 - SHARES[name], method="inverted_cdf"))
    assert found.low is None or found.low <= measured
    assert found.high is None or found.high >= measured


@pytest.mark.parametrize("name", [*PERCENTILES, "mean"])
def test_more_runs_make_it_narrower(name: str) -> None:
    claimed, samples = claim(name, 0.95), noise(20_000)
    widths = []
    for n in (500, 2000, 20_000):
        found = claimed.interval(samples[:n])
        assert found.low is not None
        assert found.high is not None
        widths.append(found.high - found.low)
    assert widths == sorted(widths, reverse=True)


@pytest.mark.parametrize("name", [*PERCENTILES, "mean"])
def test_a_limit_far_away_is_decided_and_one_in_the_interval_is_not(name: str) -> None:
    claimed, samples = claim(name, 0.95), noise(1000)
    found = claimed.interval(samples)
    assert found.low is not None
    assert found.high is not None
    assert claimed.holds(samples, 3 * found.high) is True
    assert claimed.holds(samples, found.low / 3) is False
    assert claimed.holds(samples, (found.low + found.high) / 2) is None


@pytest.mark.parametrize("name", [*PERCENTILES, "mean"])
def test_runs_needed_are_enough_when_they_come(name: str) -> None:
    claimed, samples = claim(name, 0.95), noise(50_000)
    limit = float(np.quantile(samples, 1 - SHARES.get(name, 0.46))) * (
        1 if name == "mean" else 1.015
    )
    some = samples[:400]
    assert claimed.holds(some, limit) is None
    needed = claimed.runs_needed(some, limit)
    assert needed is not None
    assert needed > 400
    assert claimed.holds(samples[: 4 * needed], limit) is True


def test_no_number_of_runs_is_named_where_none_is_in_sight() -> None:
    samples = [1.0, 3.0] * 200
    assert claim("median", 0.95).runs_needed(samples, 2.0) is None
    needed = claim("median", 0.95).runs_needed([*samples, 1.0], 2.0)
    assert needed is None or needed < IN_SIGHT * 401


def test_a_maximum_is_of_the_runs_made() -> None:
    claimed = claim("max", 0.95)
    assert claimed.holds([1.0] * 99 + [3.0], 2) is False
    assert claimed.holds([3.0], 2) is False
    assert claimed.holds([1.0] * 100, 2) is True
    assert claimed.interval([1.0, 3.0]) == Interval(3.0, None)
    # The rule of three: 3 / n, more exactly -ln(0.05) / n.
    assert claimed.says([1.0] * 100, 2) == "so fewer than 2.95 % of all runs are over the limit"
    assert claimed.says([3.0] * 100, 2) == ""


def test_a_limit_far_away_takes_fewer_effective_runs() -> None:
    """Runs that resemble each other, in a narrow band far below the limit."""
    wave = 1 + 0.1 * np.sin(np.arange(300) / 20) + 0.01 * noise(300)
    claimed = claim("p95", 0.95)
    assert claimed.interval(wave) == Interval()
    assert claimed.holds(np.tile(wave, 12), 2.0) is True
    assert claimed.holds(np.tile(wave, 12), 0.5) is False


class TestFarLimits:
    """Three times what was measured, or a third of it: runs may be few, and worth very few."""

    WAVE = 1 + 0.1 * np.sin(np.arange(2000) / 60)
    """Runs that resemble each other for hundreds of runs."""

    @pytest.mark.parametrize(
        ("name", "runs"), [("median", 6), ("p90", 36), ("p95", 72), ("p99", 368), ("mean", 100)]
    )
    def test_the_fewest_runs_that_pass(self, name: str, runs: int) -> None:
        claimed = claim(name, 0.95)
        assert effective_runs(self.WAVE[:runs]) < max(runs / 2, 10)
        assert claimed.holds(self.WAVE[:runs], 30) is True
        assert claimed.holds(self.WAVE[: runs - 1], 30) is None

    @pytest.mark.parametrize("name", [*PERCENTILES, "mean"])
    def test_ten_fail(self, name: str) -> None:
        claimed = claim(name, 0.95)
        assert claimed.holds(self.WAVE[:MIN_OVER], 0.1) is False
        assert claimed.holds(self.WAVE[: MIN_OVER - 1], 0.1) is None

    @pytest.mark.parametrize("name", [*PERCENTILES, "mean"])
    def test_one_that_is_not_far_enough(self, name: str) -> None:
        claimed, wave = claim(name, 0.95), self.WAVE[:400]
        assert effective_runs(wave) < 10
        for limit in (2.5, 0.4):
            assert not claimed.is_far(wave, limit)
            assert claimed.holds(wave, limit) is None

    @pytest.mark.parametrize("name", ["p95", "mean"])
    def test_one_of_the_runs_that_is_far_beyond_it(self, name: str) -> None:
        """What varies so much may cross any limit."""
        odd = np.where(np.arange(100) == 50, 1000.0, noise(100))
        claimed = claim(name, 0.95)
        assert claimed.holds(odd, 50) is None
        assert claimed.holds(odd, 0.1) is False  # the longest run is no reason to wait


class TestLooks:
    def test_what_was_told_stays_told(self) -> None:
        """Long waves make the later samples worth less than the first ones."""
        first = noise(200)
        samples = np.concatenate([first, np.repeat([1.0, 1.6, 1.0], 300)])
        claimed = claim("p95", 0.95)
        assert claimed.holds(first, 1.8) is True
        assert claimed.holds(samples, 1.8) is None
        assert claimed.decision(samples, 1.8, (200,)) == (True, 200)

    def test_unless_all_samples_say_otherwise(self) -> None:
        samples = np.concatenate([noise(200), [5.0] * 300])
        assert claim("p95", 0.95).decision(samples, 2.0, (200,)) == (None, 200)

    def test_without_looks_all_samples_count(self) -> None:
        assert claim("p95", 0.95).decision(noise(200), 2.0) == (True, 200)
        assert claim("p95", 0.95).decision(noise(20), 2.0) == (None, 20)


class TestInterval:
    """Its ends beside what is known of a limit of 4."""

    @pytest.mark.parametrize(
        ("ends", "holds", "left"),
        [
            ((1, 3), True, (1, 3)),
            ((1, None), True, (1, None)),
            ((1, 5), True, (1, None)),
            ((5, 6), False, (5, 6)),
            ((None, 6), False, (None, 6)),
            ((1, 5), False, (None, 5)),
            ((1, 5), None, (1, 5)),
            ((None, 3), None, (None, None)),
            ((5, None), None, (None, None)),
        ],
    )
    def test_an_end_that_says_otherwise_is_none(
        self, ends: Ends, holds: bool | None, left: Ends
    ) -> None:
        assert Interval(*ends).beside(holds, 4) == Interval(*left)

    def test_nothing_is_bounded_by_what_is_not_finite(self) -> None:
        assert Interval.of(-math.inf, 3) == Interval(None, 3)
        assert Interval.of(2, math.nan) == Interval(2, None)

    def test_no_time_is_negative(self) -> None:
        """A mean of few and very different times."""
        found = claim("mean", 0.95).interval(np.where(np.arange(150) % 50 == 7, 1000.0, 0.1))
        assert found.low is None
        assert found.high is not None
