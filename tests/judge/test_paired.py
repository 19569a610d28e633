"""Paired differences against published worked examples and other packages."""

from __future__ import annotations

import numpy as np
import pytest
from coverage_of_resampling import misses
from scipy.stats import binomtest
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.proportion import proportion_confint

from pytest_edgeai.judge.paired import (
    discordant,
    drop_interval,
    mcnemar,
    resampled_interval,
    share_interval,
)

EACH_END = 0.975
"""Of a two-sided interval of 95 %."""


@pytest.mark.parametrize(
    ("lost", "gained", "n", "low", "high"),
    [
        # Fagerland, Lydersen & Laake, "Statistical Analysis of Contingency Tables" (2017), chapter
        # 8: complete response before and after consolidation therapy (Cavo et al., 2012), and
        # airway hyper-responsiveness before and after transplantation (Bentur et al., 2009).
        (6, 16, 161, -0.1240, -0.0054),
        (1, 7, 21, -0.5172, -0.0260),
    ],
)
def test_tangos_interval_of_worked_examples(
    lost: int, gained: int, n: int, low: float, high: float
) -> None:
    found = drop_interval(lost, gained, n, EACH_END)
    assert found.low == pytest.approx(low, abs=5e-5)
    assert found.high == pytest.approx(high, abs=5e-5)


def test_mcnemars_exact_p_of_a_worked_example() -> None:
    """Cavo et al., 2012, as above: P = 0.052479 (exact conditional)."""
    assert mcnemar(6, 16) == pytest.approx(0.052479, abs=5e-7)


@pytest.mark.parametrize(("lost", "gained"), [(0, 1), (6, 16), (40, 12), (300, 260), (5, 5)])
def test_mcnemar_is_that_of_statsmodels(lost: int, gained: int) -> None:
    other = statsmodels_mcnemar([[100, lost], [gained, 50]], exact=True).pvalue
    assert mcnemar(lost, gained) == pytest.approx(min(other, 1.0))


def test_without_discordant_pairs_nothing_is_told() -> None:
    assert mcnemar(0, 0) == 1
    found = drop_interval(0, 0, 100, 0.95)
    assert found.high == pytest.approx(-found.low)  # type: ignore[operator]
    assert 0.02 < found.high < 0.03  # type: ignore[operator]


@pytest.mark.parametrize(("lost", "gained", "n"), [(5, 0, 5), (0, 5, 5), (1, 0, 1), (0, 0, 1)])
def test_the_drop_lies_in_its_interval(lost: int, gained: int, n: int) -> None:
    found = drop_interval(lost, gained, n, 0.95)
    assert found.low is not None
    assert found.high is not None
    assert -1 <= found.low <= (lost - gained) / n <= found.high <= 1


def test_tangos_interval_covers_the_truth() -> None:
    """Each end misses a true drop of 3 points in about 5 % of data sets of 500 samples."""
    random = np.random.default_rng(0)
    drawn = random.multinomial(500, [0.06, 0.03, 0.91], size=1500)
    ends = [drop_interval(int(lost), int(gained), 500, 0.95) for lost, gained, _ in drawn]
    too_low = sum(end.high < 0.03 for end in ends)  # type: ignore[operator]
    too_high = sum(end.low > 0.03 for end in ends)  # type: ignore[operator]
    for missed in (too_low, too_high):
        assert binomtest(missed, 1500, 0.05).pvalue > 1e-3


@pytest.mark.parametrize(("hits", "n"), [(0, 10), (10, 10), (87, 100), (2932, 3000)])
def test_an_exact_share_is_that_of_statsmodels(hits: int, n: int) -> None:
    low, high = proportion_confint(hits, n, alpha=0.1, method="beta")
    found = share_interval(hits, n, 0.95)
    assert found.low == pytest.approx(np.nan_to_num(low))
    assert found.high == pytest.approx(1.0 if np.isnan(high) else high)


def test_resampling_is_seeded_and_agrees_with_theory() -> None:
    hits = np.random.default_rng(1).random(400) < 0.8

    def share(at: np.ndarray) -> float:
        return float(hits[at].mean())

    found = resampled_interval(share, np.zeros(400), 0.95)
    assert found == resampled_interval(share, np.zeros(400), 0.95)
    exact = share_interval(int(hits.sum()), 400, 0.95)
    assert found.low == pytest.approx(exact.low, abs=0.01)
    assert found.high == pytest.approx(exact.high, abs=0.01)


def test_discordant_samples_by_index() -> None:
    base, own = np.array([1, 1, 0, 0, 1], bool), np.array([1, 0, 1, 0, 0], bool)
    lost, gained = discordant(base, own)
    assert (lost.tolist(), gained.tolist()) == ([1, 4], [2])


def test_resamples_keep_the_proportions_of_the_strata() -> None:
    strata = np.array([5, 0, 0, 5, 7, 0])
    drawn = []

    def value(at: np.ndarray) -> float:
        drawn.append(np.sort(strata[at]).tolist())
        assert len(at) == 6
        return float(at.mean())

    resampled_interval(value, strata, 0.95)
    assert len(drawn) >= 999
    assert drawn == [[0, 0, 0, 5, 5, 7]] * len(drawn)


def test_the_value_itself_is_in_its_interval() -> None:
    """How many different samples there are: all resamples have fewer."""
    found = resampled_interval(lambda at: len(np.unique(at)), np.zeros(50), 0.95)
    assert found.high == 50
    assert found.low is not None
    assert 20 < found.low < 40


@pytest.mark.parametrize(("undefined", "is_known"), [(0.02, True), (0.1, False)])
def test_nothing_is_claimed_of_what_is_often_not_defined(undefined: float, is_known: bool) -> None:
    random = np.random.default_rng(0)
    found = resampled_interval(
        lambda at: float("nan") if random.random() < undefined else float(at.mean()),
        np.zeros(50),
        0.95,
    )
    assert (found.low is not None) == (found.high is not None) == is_known


@pytest.mark.parametrize("of_drop", [False, True], ids=["of_an_auc", "of_a_drop"])
def test_the_bootstrap_covers_the_truth(of_drop: bool) -> None:
    """Of 300 samples; docs/statistics.md tells of fewer.

    Each end misses in about 5 % of the data sets, and may in up to 7 %.
    """
    runs = 200
    for share in misses(300, runs, of_drop):
        missed = round(share * runs)
        assert binomtest(missed, runs, 0.07, alternative="greater").pvalue > 1e-3
        assert binomtest(missed, runs, 0.03, alternative="less").pvalue > 1e-3
