"""Budgets on made-up evidence: each verdict, and what it says."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from pytest_edgeai.judge.budgets import Budget
from pytest_edgeai.judge.evidence import LatencySamples, Metric, Score
from pytest_edgeai.judge.markers import parse_marker
from pytest_edgeai.judge.verdict import BudgetResult

MS = 1_000_000


@dataclass
class Measured:
    """Evidence that was taken before."""

    times_ms: list[float] = field(default_factory=list)
    by_threads_ms: dict[int | None, list[float]] = field(default_factory=dict)
    own: float = 0.9
    base: float = 0.92
    size_bytes: int = 0
    chance: float | None = None
    device_name: str = "local"
    variant: str = "int8"

    def latency(self, threads: int | None) -> LatencySamples:
        times = self.by_threads_ms.get(threads, self.times_ms)
        return LatencySamples((np.array(times) * MS).astype(np.int64))

    def score(self, metric: Metric, baseline: str | None = None) -> Score:
        value = self.own if baseline is None else self.base
        return Score(value, 1000, "labels: class indices", self.chance)


def judged(name: str, evidence: Measured, *args: object, **kwargs: object) -> list[BudgetResult]:
    return [budget.judge(evidence) for budget in parse_marker(name, args, kwargs)]


def only(results: list[BudgetResult]) -> BudgetResult:
    assert len(results) == 1
    return results[0]


@pytest.mark.parametrize(
    ("p95_ms", "verdict"), [(10, "pass"), (40, "pass"), (40.001, "fail"), (400, "fail")]
)
def test_latency_within_equal_to_and_over_the_limit(p95_ms: float, verdict: str) -> None:
    result = only(judged("max_latency_ms", Measured([p95_ms] * 100), p95=40))
    assert (result.verdict, result.measured, result.n) == (verdict, p95_ms, 100)
    assert (result.statistic, result.limit, result.unit) == ("p95", 40, "ms")
    assert bool(result.advice) == (verdict == "fail")


@pytest.mark.parametrize(("runs", "verdict"), [(58, "inconclusive"), (59, "pass")])
def test_too_few_runs_are_inconclusive(runs: int, verdict: str) -> None:
    assert only(judged("max_latency_ms", Measured([1.0] * runs), p95=40)).verdict == verdict


def test_inconclusive_says_what_is_missing() -> None:
    result = only(judged("max_latency_ms", Measured([1.0]), p99=40, confidence=0.999))
    assert result.reason == "only 1 run: p99 at 99.9 % confidence needs 688"
    assert result.advice == "raise --edge-max-seconds"


def test_a_budget_of_another_device_is_skipped_and_not_measured() -> None:
    result = only(judged("max_latency_ms", Measured([99.0] * 100), p95=1, device="pi"))
    assert (result.verdict, result.measured, result.n) == ("skipped", None, 0)
    assert result.reason == "a budget for device 'pi'; this is 'local'"
    assert only(
        judged("max_latency_ms", Measured([99.0] * 100, device_name="pi"), p95=1, device="pi")
    ).verdict == "fail"  # fmt: skip


def test_each_statistic_of_a_marker_is_judged() -> None:
    times = [1.0] * 90 + [9.0] * 9 + [50.0]
    results = judged("max_latency_ms", Measured(times), mean=3, median=1, p90=1, p95=8, max=50)
    assert [(r.statistic, r.verdict) for r in results] == [
        ("mean", "pass"),
        ("median", "pass"),
        ("p90", "pass"),
        ("p95", "fail"),
        ("max", "pass"),
    ]


def test_threads_are_measured_apart() -> None:
    evidence = Measured(by_threads_ms={None: [8.0] * 60, 4: [2.0] * 60})
    four, default = (
        only(judged("max_latency_ms", evidence, p95=3, threads=threads)) for threads in (4, None)
    )
    assert (four.verdict, four.threads) == ("pass", 4)
    assert (default.verdict, default.threads) == ("fail", None)


@pytest.mark.parametrize(
    ("size_bytes", "verdict"), [(4_194_303, "pass"), (4_194_304, "pass"), (4_194_305, "fail")]
)
def test_size(size_bytes: int, verdict: str) -> None:
    result = only(judged("max_size_mb", Measured(size_bytes=size_bytes), 4))
    assert result.verdict == verdict
    assert result.reason == f"the file has {size_bytes:,} bytes; the limit is 4,194,304"


@pytest.mark.parametrize(("variant", "advised"), [("converted", True), ("int8", False)])
def test_int8_is_advised_for_a_float_model(variant: str, advised: bool) -> None:
    result = only(judged("max_size_mb", Measured(size_bytes=9, variant=variant), 1e-9))
    assert ("int8 variant" in result.advice) == advised
    assert "make the largest layers smaller" in result.advice


@pytest.mark.parametrize(
    ("base", "own", "verdict"),
    [
        (0.92, 0.90, "pass"),  # 0.92 - 0.90 is 0.020000000000000018
        (0.92, 0.91, "pass"),
        (0.90, 0.92, "pass"),
        (0.92, 0.899, "fail"),
    ],
)
def test_accuracy_drop(base: float, own: float, verdict: str) -> None:
    result = only(judged("max_accuracy_drop", Measured(base=base, own=own), 0.02))
    assert (result.verdict, result.n) == (verdict, 1000)
    assert result.measured == pytest.approx(base - own)
    assert f"{base:.2%} (converted)".replace("%", " %") in result.reason
    assert "on 1,000 samples, labels: class indices" in result.reason


def test_no_drop_at_all_may_be_asked() -> None:
    assert only(judged("max_accuracy_drop", Measured(base=0.9, own=0.9), 0)).verdict == "pass"
    assert only(judged("max_accuracy_drop", Measured(base=0.9, own=0.899), 0)).verdict == "fail"


@pytest.mark.parametrize(("own", "verdict"), [(0.9, "pass"), (0.95, "pass"), (0.899, "fail")])
def test_min_accuracy(own: float, verdict: str) -> None:
    result = only(judged("min_accuracy", Measured(own=own), 0.9))
    assert (result.verdict, result.measured, result.unit) == (verdict, own, "fraction")


def mean_average_precision(labels: object, predictions: object) -> float:
    return 0.5


def test_a_callable_metric_is_named() -> None:
    metric = mean_average_precision
    assert [b.label for b in parse_marker("min_accuracy", (0.5,), {"metric": metric})] == [
        "mean_average_precision"
    ]
    result = only(judged("max_accuracy_drop", Measured(), 0.1, metric=metric))
    assert result.statistic == "mean_average_precision drop"


def test_a_callable_metric_has_a_unit_of_its_own() -> None:
    evidence = Measured(own=-31.5, base=-30)
    drop = only(judged("max_accuracy_drop", evidence, 1, metric=mean_average_precision))
    assert (drop.verdict, drop.measured, drop.unit) == ("fail", 1.5, "score")
    assert "mean_average_precision -30 (converted) -> -31.5 on" in drop.reason
    least = only(judged("min_accuracy", evidence, -32, metric=mean_average_precision))
    assert (least.verdict, least.unit) == ("pass", "score")
    assert least.headroom == pytest.approx(0.5 / 32)


@pytest.mark.parametrize(
    ("result", "headroom"),
    [
        (only(judged("max_latency_ms", Measured([10.0] * 60), p95=40)), 0.75),
        (only(judged("max_latency_ms", Measured([60.0] * 60), p95=40)), -0.5),
        (only(judged("min_accuracy", Measured(own=0.9), 0.8)), 0.125),
        (only(judged("min_accuracy", Measured(own=0.6), 0.8)), -0.25),
        (only(judged("max_accuracy_drop", Measured(), 0)), None),
        (only(judged("max_latency_ms", Measured(), p95=1, device="pi")), None),
    ],
)
def test_headroom_is_a_share_of_the_limit(result: BudgetResult, headroom: float | None) -> None:
    assert result.headroom == (None if headroom is None else pytest.approx(headroom))


def test_budgets_are_judged_alike_again() -> None:
    """Judging is pure, so that saved samples can be judged against other budgets."""
    evidence = Measured([1.0, 2.0] * 50)
    budgets: tuple[Budget, ...] = parse_marker("max_latency_ms", (), {"p95": 2, "mean": 1.4})
    assert [b.judge(evidence) for b in budgets] == [b.judge(evidence) for b in budgets]


def test_a_drop_from_less_than_chance_is_void() -> None:
    result = only(judged("max_accuracy_drop", Measured(base=0.2, own=0.2, chance=0.3), 0.02))
    assert result.verdict == "void"
    assert "the baseline is worse than always answering the commonest class, 30.00 %" in (
        result.reason
    )
    assert only(
        judged("max_accuracy_drop", Measured(base=0.3, own=0.3, chance=0.3), 0.02)
    ).verdict == "pass"  # fmt: skip


def test_a_baseline_is_not_compared_with_itself() -> None:
    result = only(judged("max_accuracy_drop", Measured(variant="converted"), 0.02))
    assert (result.verdict, result.measured) == ("skipped", None)
    assert result.reason == "converted is the baseline itself"


def test_what_could_not_be_judged_keeps_its_limit() -> None:
    for name, args, bound in (
        ("max_size_mb", (1,), (1024 * 1024, "bytes")),
        ("min_accuracy", (0.9,), (0.9, "fraction")),
    ):
        (budget,) = parse_marker(name, args, {})
        result = budget.result(None, 0, "error", "no such file", "look again")
        assert (result.limit, result.unit) == bound
        assert (result.verdict, result.advice) == ("error", "look again")
