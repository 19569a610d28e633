"""Changes between two runs: Holm's rule, what counts, and how often nothing is marked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter
from scipy.stats import binomtest
from statsmodels.stats.multitest import multipletests

from pytest_edgeai.judge import changes
from pytest_edgeai.judge.change import Change, beyond_noise, holm, sided
from pytest_edgeai.judge.evidence import LatencySamples, Score, StartSamples
from pytest_edgeai.judge.metrics import ACCURACY, Metric
from pytest_edgeai.judge.paired import RESAMPLES

SEEN: dict[str, Any] = {"machine": "x86_64", "threads": 1, "input_shapes": {"x": [1, 8]}}
CONFIDENCE = 0.95


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_is_that_of_statsmodels(chances: list[float]) -> None:
    assert holm(chances) == pytest.approx(multipletests(chances, method="holm")[1])


def test_no_comparison_at_all() -> None:
    assert holm([]) == []
    assert beyond_noise([], CONFIDENCE) == []


def series(random: np.random.Generator, n: int, correlation: float, scale: float = 1.0) -> Any:
    """Log-normal latencies in ms, each correlated with the one before."""
    noise = random.standard_normal(n + 200) * np.sqrt(1 - correlation**2)
    scores = lfilter([1], [1, -correlation], noise)[200:]
    return latency(scale * 5 * np.exp(0.3 * scores))


def latency(ms: Any, **conditions: Any) -> LatencySamples:
    return LatencySamples(np.rint(np.asarray(ms) * 1e6).astype(np.int64), {**SEEN, **conditions})


def a_run(random: np.random.Generator, correlation: float, tests: int = 6) -> list[Any]:
    """Latencies, starts and hits of so many tests of unchanged models."""
    return [
        (
            series(random, int(random.integers(100, 2000)), correlation),
            StartSamples(100 + random.gamma(2, 5, 8), {}, SEEN),
            random.random(500) < 0.9,
        )
        for _ in range(tests)
    ]


def marked(before: list[Any], after: list[Any], fraction: float) -> int:
    """How many changes of all tests are taken for real."""
    found: list[Change] = []
    for (was, was_starts, was_hits), (now, now_starts, now_hits) in zip(before, after, strict=True):
        found += changes.of_latency(was, now, ["median", "p95", "p99"], fraction)
        found.append(changes.of_starts("start-up", "ms", was_starts, now_starts, fraction))
        scores = (score(was_hits), score(now_hits))
        found.append(changes.of_score(ACCURACY, *scores, ((), ()), CONFIDENCE))
    return sum(change.side in ("worse", "better") for change in beyond_noise(found, CONFIDENCE))


def score(hits: Any, data: str = "same") -> Score:
    return Score(float(np.mean(hits)), len(hits), "labels", hits=np.asarray(hits), data=data)


@pytest.mark.parametrize("correlation", [0.0, 0.6, 0.9])
def test_two_runs_of_the_same_mark_nothing(correlation: float) -> None:
    """Thirty comparisons at once, without the fraction's help: in so few runs is one marked."""
    random, runs = np.random.default_rng([7, int(correlation * 10)]), 100
    wrong = sum(
        marked(a_run(random, correlation), a_run(random, correlation), 0.0) > 0 for _ in range(runs)
    )
    assert binomtest(wrong, runs, 1 - CONFIDENCE, alternative="greater").pvalue > 0.01, wrong


def test_the_simulation_can_tell_a_wrong_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each comparison for itself: one of thirty is marked in most runs."""
    monkeypatch.setattr("pytest_edgeai.judge.change.holm", lambda chances: list(chances))
    random = np.random.default_rng(8)
    wrong = sum(marked(a_run(random, 0.6), a_run(random, 0.6), 0.0) > 0 for _ in range(40))
    assert wrong > 16


def test_samples_that_resemble_each_other_are_not_taken_for_independent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(changes, "independent", lambda samples: samples)
    random = np.random.default_rng(9)
    wrong = sum(marked(a_run(random, 0.9), a_run(random, 0.9), 0.0) > 0 for _ in range(40))
    assert wrong > 16


def only(found: list[Change]) -> Change:
    (change,) = beyond_noise(found, CONFIDENCE)
    return change


@pytest.mark.parametrize(
    ("scale", "side"), [(1.3, "worse"), (1 / 1.3, "better"), (1.05, "same"), (1.0, "same")]
)
def test_a_slower_model_is_marked_where_it_counts(scale: float, side: str) -> None:
    random = np.random.default_rng(3)
    before, after = series(random, 2000, 0.5), series(random, 2000, 0.5, scale)
    found = only([*changes.of_latency(before, after, ["median"], 0.10)])
    assert found.side == side
    assert (found.before, found.unit) == (pytest.approx(5, rel=0.1), "ms")


def test_microseconds_never_count() -> None:
    before, after = latency([0.02] * 200), latency([0.06] * 200)
    assert only([*changes.of_latency(before, after, ["median"], 0.1)]).side == "same"


def test_a_tail_is_marked_though_the_middle_stays() -> None:
    random = np.random.default_rng(4)
    middle = random.normal(5, 0.2, 2000)
    tail = np.where(random.random(2000) < 0.1, middle + 4, middle)
    found = [*changes.of_latency(latency(middle), latency(tail), ["median", "p95"], 0.10)]
    assert [change.side for change in beyond_noise(found, CONFIDENCE)] == ["same", "worse"]


@pytest.mark.parametrize(
    ("busy_before", "busy_after", "scale", "side"),
    [
        (0.5, 0.0, 1.5, "worse"),
        (0.5, 0.0, 1 / 1.5, "untold"),
        (0.5, 0.0, 1 / 10, "better"),
        (0.0, 0.5, 1.5, "untold"),
        (0.0, 0.5, 10.0, "worse"),
        (0.0, 0.5, 1 / 1.5, "better"),
        (0.5, 0.5, 1.5, "untold"),
        (0.5, 0.0, 1.0, "untold"),
    ],
)
def test_others_can_only_slow_a_model_down(
    busy_before: float, busy_after: float, scale: float, side: str
) -> None:
    """So they are no reason why a run is the faster one, nor why it is many times slower."""
    random = np.random.default_rng(5)
    busy = {"others_share": busy_before}, {"others_share": busy_after}
    samples = (series(random, 2000, 0.5, factor).ms for factor in (1.0, scale))
    before, after = (latency(ms, **of) for ms, of in zip(samples, busy, strict=True))
    assert only([*changes.of_latency(before, after, ["median"], 0.10)]).side == side
    starts = (
        StartSamples(factor * (100 + random.gamma(2, 5, 20)), {}, SEEN | of)
        for factor, of in zip((1.0, scale), busy, strict=True)
    )
    assert only([changes.of_starts("start-up", "ms", *starts, 0.10)]).side == side


def test_few_samples_do_not_tell() -> None:
    before, after = (
        StartSamples(np.array(values, float), {}, SEEN) for values in ([10, 11, 12], [20, 21, 22])
    )
    found = only([changes.of_starts("start-up", "ms", before, after, 0.1)])
    assert (found.side, found.before, found.after) == ("untold", 11, 21)
    assert found.reason == "within the noise: 3 and 3 starts, p = 0.1"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"cpu": "another"}, "measured under other conditions: cpu None, now 'another'"),
        ({"threads": 4}, "measured under other conditions: threads 1, now 4"),
        ({"input_shapes": {"x": [1, 9]}}, "input_shapes {'x': [1, 8]}, now {'x': [1, 9]}"),
        ({"others_share": 0.5}, "after: other processes kept 50% of the machine busy"),
        ({"emulated": True}, "after: the device is emulated"),
        ({"throttling": ["throttled"]}, "after: the device was slowed down"),
    ],
)
def test_other_conditions_are_not_compared(changed: dict[str, Any], reason: str) -> None:
    before, after = latency([5.0] * 200), latency([9.0] * 200, **changed)
    found = only([*changes.of_latency(before, after, ["median"], 0.1)])
    assert found.side == "untold"
    assert reason in found.reason


def test_a_run_that_became_faster_and_faster_is_not_compared() -> None:
    before, after = latency([5.0] * 300), latency(np.linspace(7, 4.6, 300))
    found = only([*changes.of_latency(before, after, ["median"], 0.1)])
    assert (found.side, "after: the runs became" in found.reason) == ("untold", True)


@pytest.mark.parametrize(
    ("before", "after", "side"),
    [
        (66_000, 66_600, "same"),  # 0.9 %
        (66_000, 67_100, "worse"),
        (67_100, 66_000, "better"),
        (20_000, 21_000, "same"),  # names and metadata: under 1 KB
        (5_000_000, 5_049_000, "same"),
        (5_000_000, 5_051_000, "worse"),
    ],
)
def test_sizes(before: int, after: int, side: str) -> None:
    assert changes.of_size(before, after).side == side


def hits(wrong: int, n: int = 1000) -> Any:
    return np.arange(n) >= wrong


@pytest.mark.parametrize(
    ("wrong", "side"), [(30, "same"), (33, "untold"), (60, "worse"), (5, "better")]
)
def test_accuracy_by_discordant_pairs(wrong: int, side: str) -> None:
    found = only([changes.of_score(ACCURACY, score(hits(30)), score(hits(wrong)), ((), ()), 0.95)])
    assert found.side == side
    if side == "worse":
        assert found.reason.startswith("on 1,000 samples, 30 became wrong and 0 right, a drop betw")


def test_another_data_set_is_not_compared() -> None:
    both = score(hits(30)), score(hits(300), data="other")
    assert only([changes.of_score(ACCURACY, *both, ((), ()), 0.95)]).side == "untold"


MAE = Metric(None, higher_is_better=False, name="mean_absolute_error")


def test_other_metrics_by_paired_resampling() -> None:
    random = np.random.default_rng(0)
    base = random.normal(2, 0.3, RESAMPLES + 1)
    before = Score(2.0, 100, "", data="same")
    for shift, side in ((0.2, "worse"), (-0.2, "better"), (0.0, "same")):
        after = replace(before, value=2.0 + shift)
        draws = base, base + shift + random.normal(0, 0.03, len(base)) * (shift != 0)
        found = only([changes.of_score(MAE, before, after, draws, 0.95)])
        assert (found.side, found.unit) == (side, "score")


def test_metrics_without_resamples_are_not_told() -> None:
    before = Score(2.0, 100, "", data="same")
    same, other = (
        only([changes.of_score(MAE, before, replace(before, value=v), ((), ()), 0.95)])
        for v in (2.0, 3.0)
    )
    assert (same.side, other.side) == ("same", "untold")
    assert "the runs kept no resamples" in other.reason


def test_what_has_no_noise_is_in_no_correction() -> None:
    exact = sided("size", "bytes", 1, 9, True)
    noisy = sided("p95", "ms", 1.0, 9.0, True, "", 0.04)
    assert [c.side for c in beyond_noise([exact, noisy], 0.95)] == ["worse", "worse"]
    assert [c.side for c in beyond_noise([exact, noisy, noisy], 0.95)][1:] == ["untold"] * 2
