"""Budgets on made-up evidence: each verdict, and what it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pytest_edgeai.judge.baseline import (
    RECORDING,
    Baseline,
    Found,
    accuracy_baseline,
    latency_baseline,
)
from pytest_edgeai.judge.budget import Budget
from pytest_edgeai.judge.evidence import LatencySamples, Layer, Score
from pytest_edgeai.judge.markers import parse_marker
from pytest_edgeai.judge.metrics import Metric
from pytest_edgeai.judge.verdict import BudgetResult

MS = 1_000_000
MISSING = Found(None, reason="there is no baseline")


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
    found: Found = MISSING
    conditions: dict[str, Any] = field(default_factory=dict)
    hits: tuple[Any, Any] = (None, None)
    classes: Any = None
    data: str = "the same"
    facts: Any = field(
        default_factory=lambda: SimpleNamespace(weights_by_type={}, largest_tensors={})
    )

    def latency(self, threads: int | None) -> LatencySamples:
        times = self.by_threads_ms.get(threads, self.times_ms)
        return LatencySamples((np.array(times) * MS).astype(np.int64), self.conditions)

    def recorded(self) -> Found:
        return self.found

    def layers(self, baseline: str, samples: Sequence[int]) -> list[Layer]:
        return [Layer("dense", "FULLY_CONNECTED", (), 0.9)]

    def score(self, metric: Metric, baseline: str | None = None) -> Score:
        hits = self.hits[baseline is not None]
        value = self.own if baseline is None else self.base
        if hits is not None:
            value = float(hits.mean())
        n = 1000 if hits is None else len(hits)
        how = "labels: class indices"
        return Score(value, n, how, self.chance, hits, self.classes, data=self.data)

    def suspicions(self, metric: Metric | None) -> tuple[str, ...]:
        return ()


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


@pytest.mark.parametrize(("runs", "verdict"), [(24, "inconclusive"), (72, "pass")])
def test_too_few_runs_are_inconclusive(runs: int, verdict: str) -> None:
    assert only(judged("max_latency_ms", Measured([1.0] * runs), p95=40)).verdict == verdict


def test_inconclusive_says_what_is_missing() -> None:
    result = only(judged("max_latency_ms", Measured([1.0]), p99=40, confidence=0.999))
    assert result.reason == "only 1 run: p99 at 99.9 % confidence needs 757"
    assert result.advice == "raise --edge-max-seconds: at least 756 more runs, 0.8 s"


def test_a_budget_of_another_device_is_skipped_and_not_measured() -> None:
    result = only(judged("max_latency_ms", Measured([99.0] * 100), p95=1, device="pi"))
    assert (result.verdict, result.measured, result.n) == ("skipped", None, 0)
    assert result.reason == "a budget for device 'pi'; this is 'local'"
    assert only(
        judged("max_latency_ms", Measured([99.0] * 100, device_name="pi"), p95=1, device="pi")
    ).verdict == "fail"  # fmt: skip


def test_each_statistic_of_a_marker_is_judged() -> None:
    times = np.random.default_rng(0).permutation([1.0] * 900 + [9.0] * 90 + [50.0] * 10).tolist()
    results = judged("max_latency_ms", Measured(times), mean=3, median=1, p90=9, p95=8, max=50)
    assert [(r.statistic, r.verdict) for r in results] == [
        ("mean", "pass"),
        ("median", "pass"),
        ("p90", "pass"),
        ("p95", "fail"),
        ("max", "pass"),
    ]


def test_threads_are_measured_apart() -> None:
    evidence = Measured(by_threads_ms={None: [8.0] * 100, 4: [2.0] * 100})
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


MIB = 1024 * 1024
SMALLER = "make the layers of the largest tensors smaller"
IN_8_BITS = "int8, or dynamic without calibration, comes to about 2 MB"


@pytest.mark.parametrize(
    ("dtype", "size_mb", "limit_mb", "advice"),
    [
        ("float32", 8, 2.5, IN_8_BITS),
        ("float16", 4, 3, IN_8_BITS),
        ("float32", 8, 1.5, f"{SMALLER}; {IN_8_BITS}"),
        ("int8", 2, 1, SMALLER),
    ],
)
def test_what_makes_a_file_small_enough(
    dtype: str, size_mb: float, limit_mb: float, advice: str
) -> None:
    """Of two million weights."""
    facts = SimpleNamespace(
        weights_by_type={dtype: 2 * MIB}, largest_tensors={"wide": MIB, "narrow": 1000}
    )
    evidence = Measured(size_bytes=int(size_mb * MIB), facts=facts)
    result = only(judged("max_size_mb", evidence, limit_mb))
    assert result.advice == advice
    assert result.details == ("its largest tensors: wide (1 MB), narrow (0.000954 MB)",)


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
        (only(judged("max_latency_ms", Measured([10.0] * 100), p95=40)), 0.75),
        (only(judged("max_latency_ms", Measured([60.0] * 100), p95=40)), -0.5),
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
    assert "the baseline is no better than one answer to everything, 30.00 %" in result.reason
    for base, verdict in ((0.3, "void"), (0.31, "pass")):
        evidence = Measured(base=base, own=base, chance=0.3)
        assert only(judged("max_accuracy_drop", evidence, 0.02)).verdict == verdict


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


class TestUndecided:
    def test_the_limit_lies_in_the_interval(self) -> None:
        times = np.exp(0.2 * np.random.default_rng(0).standard_normal(500)).tolist()
        result = only(judged("max_latency_ms", Measured(times), p95=1.42))
        assert result.verdict == "inconclusive"
        assert result.low is not None
        assert result.high is not None
        assert result.low <= 1.42 <= result.high
        assert "the limit lies in between" in result.reason
        assert "more runs, " in result.advice
        assert "would decide this at today's spread" in result.advice

    def test_it_may_never_be_decided(self) -> None:
        times = [1.0] * 475 + [3.0] * 25
        np.random.default_rng(0).shuffle(times)
        result = only(judged("max_latency_ms", Measured(times), p95=2))
        assert result.verdict == "inconclusive"
        assert result.advice.startswith("a limit further away")

    def test_runs_that_resemble_each_other(self) -> None:
        times = np.repeat([1.0, 2.0, 1.0], 100).tolist()
        result = only(judged("max_latency_ms", Measured(times), p95=2.1))
        assert result.verdict == "inconclusive"
        assert "300 runs were made, but they resemble each other" in result.reason


class TestVoid:
    """What spoils a measurement, on samples that would fail; and on some that would pass."""

    def result(self, conditions: dict[str, Any], p95_ms: float = 9.0) -> BudgetResult:
        evidence = Measured([p95_ms] * 200, conditions=conditions)
        return only(judged("max_latency_ms", evidence, p95=5))

    @pytest.mark.parametrize(
        ("conditions", "reason"),
        [
            ({"emulated": True}, "the device is emulated"),
            ({"throttling": ["throttled"]}, "slowed down while it was timed: throttled"),
            (
                {"max_temperature_c": 70, "after": {"temperature_c": 81.25}},
                "the device was at 81.2 °C, over its max_temperature_c of 70",
            ),
            (
                {"max_temperature_c": 70, "before": {"temperature_c": 71}, "after": {}},
                "the device was at 71.0 °C",
            ),
        ],
    )
    @pytest.mark.parametrize("p95_ms", [1.0, 9.0])
    def test_whatever_was_measured(
        self, conditions: dict[str, Any], reason: str, p95_ms: float
    ) -> None:
        result = self.result(conditions, p95_ms)
        assert result.verdict == "void"
        assert reason in result.reason
        assert result.advice

    def test_the_work_of_others_only_slows_down(self) -> None:
        busy = {"others_share": 0.4}
        assert self.result(busy).verdict == "void"
        assert "kept 40% of the machine busy" in self.result(busy).reason
        assert self.result(busy, 1.0).verdict == "pass"
        assert self.result({"others_share": 0.05}).verdict == "fail"

    def test_nor_do_they_slow_the_fastest_runs_to_twice_the_limit(self) -> None:
        assert self.result({"others_share": 0.4}, 10.1).verdict == "fail"
        assert self.result({"others_share": 0.4}, 9.9).verdict == "void"

    def test_nor_are_they_why_there_are_too_few_runs(self) -> None:
        evidence = Measured([1.0] * 20, conditions={"others_share": 0.4})
        result = only(judged("max_latency_ms", evidence, p95=5))
        assert result.verdict == "inconclusive"
        assert result.reason.startswith("only 20 runs")

    def test_emulation_may_be_allowed(self) -> None:
        assert self.result({"emulated": True, "allow_emulated_timing": True}).verdict == "fail"

    def test_it_was_tried_twice(self) -> None:
        twice = self.result({"others_share": 0.4, "first_void": "the same"})
        assert twice.reason.endswith(", in a second run as well")

    @pytest.mark.parametrize(
        ("first", "last", "limit", "verdict"),
        [
            (10, 12, 13, "void"),  # and over it next
            (10, 12, 20, "pass"),
            (10, 12, 8, "fail"),
            (12, 10, 11, "void"),  # settling
            (10, 10.2, 11, "pass"),
        ],
    )
    def test_drift(self, first: float, last: float, limit: float, verdict: str) -> None:
        noise = 0.3 * np.random.default_rng(0).standard_normal(9000)
        times = (np.linspace(first, last, 9000) + noise).tolist()
        assert only(judged("max_latency_ms", Measured(times), p95=limit)).verdict == verdict


class TestPairs:
    """Accuracy on 200 samples of 4 classes; the baseline has 190 right."""

    def evidence(self, lost: int, gained: int) -> Measured:
        base, own = np.ones(200, bool), np.ones(200, bool)
        base[:10] = own[:10] = False
        own[:gained] = True
        own[20 : 20 + lost] = False
        return Measured(hits=(own, base), classes=np.arange(200) // 50)

    def test_the_number_counts_and_the_pairs_are_shown(self) -> None:
        result = only(judged("max_accuracy_drop", self.evidence(12, 2), 0.04))
        assert (result.verdict, result.measured) == ("fail", pytest.approx(0.05))
        assert result.details[0] == (
            "12 samples right before and wrong now, 2 the other way (McNemar p = 0.013)"
        )
        assert result.low is not None
        assert result.high is not None
        assert result.low < 0.04 < 0.05 < result.high
        assert "the drop is between" in result.details[1]

    def test_where_it_went_wrong(self) -> None:
        result = only(judged("max_accuracy_drop", self.evidence(40, 0), 0.04))
        assert "whose error jumps first" in result.details[-1]
        assert result.details[-3:-1] == (
            "classes that lost most: 0 (80.00 % -> 20.00 % of 50), 1 (100.00 % -> 80.00 % of 50)",
            "samples that are wrong now, by index: 20, 21, 22, 23, 24, ...",
        )

    def test_with_confidence_the_interval_is_judged(self) -> None:
        few, many = self.evidence(2, 0), self.evidence(60, 0)
        sure = {"confidence": 0.95}
        assert only(judged("max_accuracy_drop", few, 0.02)).verdict == "pass"
        doubtful = only(judged("max_accuracy_drop", few, 0.02, **sure))
        assert doubtful.verdict == "inconclusive"
        assert doubtful.advice == (
            "about 800 evaluation samples would decide this, if they came out like these"
        )
        assert only(judged("max_accuracy_drop", few, 0.05, **sure)).verdict == "pass"
        assert only(judged("max_accuracy_drop", many, 0.02, **sure)).verdict == "fail"

    def test_so_it_is_with_an_accuracy(self) -> None:
        evidence = self.evidence(0, 0)
        verdicts = [
            only(judged("min_accuracy", evidence, limit, confidence=0.95)).verdict
            for limit in (0.9, 0.95, 0.99)
        ]
        assert verdicts == ["pass", "inconclusive", "fail"]


class TestRegression:
    def times(self, median_ms: float, n: int = 2000, seed: int = 0) -> list[float]:
        noise = np.random.default_rng(seed).standard_normal(n)
        return list(median_ms * np.exp(0.05 * noise))

    def baseline(self, median_ms: float, size_bytes: int = 1_000_000) -> Found:
        evidence = Measured(self.times(median_ms), conditions={"input_shapes": {}})
        return Found(
            Baseline(
                "local", {}, "m", "int8", "", size_bytes, "2026-01-01",
                latency_baseline(evidence.latency(None)),
            )
        )  # fmt: skip

    def judged(self, now_ms: float, base_ms: float, **kwargs: Any) -> BudgetResult:
        evidence = Measured(
            self.times(now_ms, seed=1),
            found=self.baseline(base_ms),
            conditions={"input_shapes": {}},
        )
        return only(judged("max_regression", evidence, 0.1, **kwargs))

    @pytest.mark.parametrize("of", ["mean", "median", "p90", "p95", "p99"])
    def test_latency(self, of: str) -> None:
        assert self.judged(4.0, 4.0, of=of).verdict == "pass"
        worse = self.judged(5.0, 4.0, of=of)
        assert (worse.verdict, worse.unit) == ("fail", "ms")
        assert worse.limit == pytest.approx(1.1 * worse.measured / 1.25, rel=0.05)  # type: ignore[operator]
        assert "the baseline's was" in worse.reason

    def test_what_is_too_small_to_matter(self) -> None:
        small = self.judged(0.06, 0.04)
        assert small.verdict == "pass"
        assert small.reason.endswith("and less than 0.05 ms more never counts")
        assert self.judged(0.12, 0.04).verdict == "fail"

    def test_nothing_is_recorded_of_a_busy_machine(self) -> None:
        for share, verdict in ((0.4, "void"), (0.05, "skipped")):
            conditions = {"input_shapes": {}, "others_share": share}
            evidence = Measured(self.times(4.0), found=RECORDING, conditions=conditions)
            result = only(judged("max_regression", evidence, 0.1))
            assert result.verdict == verdict, result

    def test_a_stale_baseline_is_told_of(self) -> None:
        better = self.judged(3.0, 4.0)
        assert better.verdict == "pass"
        assert "the baseline is stale" in better.advice
        assert self.judged(3.9, 4.0).advice == ""

    def test_too_few_samples_of_the_baseline(self) -> None:
        found = self.baseline(4.0)
        assert found.baseline is not None
        assert found.baseline.latency is not None
        few = replace(found.baseline.latency, samples_ns=[4_000_000, 4_100_000])
        found = Found(replace(found.baseline, latency=few))
        evidence = Measured(self.times(5.0), found=found, conditions={"input_shapes": {}})
        result = only(judged("max_regression", evidence, 0.1))
        assert result.verdict == "inconclusive"
        assert "within the noise" in result.reason

    @pytest.mark.parametrize(
        ("now", "verdict", "stale"),
        [
            (1_000_000, "pass", False),
            (1_100_000, "pass", False),
            (1_100_001, "fail", False),
            (900_000, "pass", True),
        ],
    )
    def test_size(self, now: int, verdict: str, stale: bool) -> None:
        evidence = Measured(size_bytes=now, found=self.baseline(4.0))
        result = only(judged("max_regression", evidence, 0.1, of="size"))
        assert (result.verdict, "stale" in result.advice) == (verdict, stale)

    def test_16_kb_do_not_count(self) -> None:
        found = self.baseline(4.0, size_bytes=20_000)
        for now, verdict in ((36_384, "pass"), (36_385, "fail")):
            evidence = Measured(size_bytes=now, found=found)
            assert only(judged("max_regression", evidence, 0.1, of="size")).verdict == verdict

    @pytest.mark.parametrize(("right", "verdict"), [(190, "pass"), (171, "pass"), (170, "fail")])
    def test_accuracy(self, right: int, verdict: str) -> None:
        before, now = np.arange(200) < 190, np.arange(200) < right
        score = Measured(hits=(before, None)).score("accuracy")
        found = self.baseline(4.0)
        assert found.baseline is not None
        found = Found(replace(found.baseline, accuracy=accuracy_baseline(score)))
        evidence = Measured(hits=(now, None), classes=np.arange(200) // 50, found=found)
        result = only(judged("max_regression", evidence, 0.1, of="accuracy"))
        assert (result.verdict, result.unit) == (verdict, "points")
        assert result.measured == pytest.approx(0.95 - right / 200)
        other = replace(evidence, data="another")
        refused = only(judged("max_regression", other, 0.1, of="accuracy"))
        assert refused.verdict == "inconclusive"
        assert "another data set" in refused.reason

    def test_other_inputs_are_another_measurement(self) -> None:
        evidence = Measured(
            self.times(4.0), found=self.baseline(4.0), conditions={"input_shapes": {"x": [1, 8]}}
        )
        result = only(judged("max_regression", evidence, 0.1))
        assert result.verdict == "inconclusive"
        assert "other input shapes" in result.reason

    def test_what_the_baseline_lacks(self) -> None:
        found = self.baseline(4.0)
        assert found.baseline is not None
        found = Found(replace(found.baseline, latency=None))
        for of in ("p95", "accuracy"):
            evidence = Measured(
                self.times(4.0), found=found, hits=(np.ones(9, bool),) * 2, classes=np.zeros(9, int)
            )
            result = only(judged("max_regression", evidence, 0.1, of=of))
            assert result.verdict == "inconclusive"
            assert "the baseline has no" in result.reason

    @pytest.mark.parametrize("of", ["p95", "size", "accuracy"])
    def test_without_a_baseline(self, of: str) -> None:
        evidence = Measured(self.times(4.0), hits=(np.ones(9, bool),) * 2)
        missing = only(judged("max_regression", evidence, 0.1, of=of))
        assert (missing.verdict, missing.reason) == ("inconclusive", "there is no baseline")
        assert "--edge-save-baseline" in missing.advice
        recording = only(judged("max_regression", replace(evidence, found=RECORDING), 0.1, of=of))
        assert recording.verdict == "skipped"


def _waves(n: int) -> list[float]:
    """Runs that resemble each other, so that few tell of a percentile."""
    waves = 17 + 0.5 * np.sin(np.arange(n) / 20)
    return (waves + 0.02 * np.random.default_rng(0).standard_normal(n)).tolist()


SPREADS = {
    "waves": _waves(1400),
    "longer waves": _waves(3600),
    "noise": np.exp(0.2 * np.random.default_rng(0).standard_normal(500)).tolist(),
    "outliers": ([1.0] * 49 + [30.0]) * 8,
}


class TestBounds:
    """The limit is no measurement, and stands for no end of an interval."""

    def test_what_has_no_upper_end_has_none(self) -> None:
        result = only(judged("max_latency_ms", Measured(SPREADS["waves"]), p95=400))
        assert (result.verdict, result.high) == ("pass", None)
        assert result.low == pytest.approx(17.4, abs=0.1)
        assert result.reason == "p95 of 1,400 runs, within the limit with 95 % confidence"

    def test_an_undecided_one_says_which_end_there_is(self) -> None:
        result = only(judged("max_latency_ms", Measured(SPREADS["waves"]), p95=17.6))
        assert (result.verdict, result.high) == ("inconclusive", None)
        assert result.reason == (
            "with 95 % confidence p95 of 1,400 runs is at least 17.4 ms, no upper bound: on which "
            "side of the limit is not told"
        )

    def test_a_maximum_has_none(self) -> None:
        result = only(judged("max_latency_ms", Measured([3.0] * 400), max=400))
        assert (result.verdict, result.low, result.high) == ("pass", 3.0, None)

    def test_a_throughput_has_none_where_the_mean_has_no_lower_one(self) -> None:
        times = ([0.1] * 49 + [1000.0]) * 3
        result = only(judged("min_throughput", Measured(times), 0.001))
        assert (result.verdict, result.high) == ("pass", None)
        assert result.low == pytest.approx(1000 / 70, rel=0.5)

    @pytest.mark.parametrize("spread", SPREADS)
    @pytest.mark.parametrize("name", ["mean", "median", "p95", "p99", "max"])
    def test_each_end_was_measured(self, name: str, spread: str) -> None:
        times = SPREADS[spread]
        for limit in (0.1, 1.1, 1.3, 17.5, 20.0, 31.0, 400.0):
            result = only(judged("max_latency_ms", Measured(times), **{name: limit}))
            ends = [end for end in (result.low, result.high) if end is not None]
            assert all(min(times) * 0.9 < end < 2 * max(times) for end in ends)
            assert limit not in ends
            if result.verdict == "pass":
                assert all(end <= limit for end in ends)
            if result.verdict == "fail":
                assert result.low is None or result.low > limit
