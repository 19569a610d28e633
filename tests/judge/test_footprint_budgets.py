"""Budgets of memory and start-up on made-up samples: each verdict, and what it says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from pytest_edgeai.judge.claims import PercentileClaim, log_evidence
from pytest_edgeai.judge.evidence import IsEnough, StartSamples
from pytest_edgeai.judge.footprint import MOST_STARTS
from pytest_edgeai.judge.markers import parse_marker
from pytest_edgeai.judge.verdict import BudgetResult

MB = 1024 * 1024
THROTTLED = {"throttling": ["throttled"]}
EMULATED = {"emulated": True}
BUSY = {"others_share": 0.4}


@dataclass
class Measured:
    """Evidence that is given process by process, until it is enough or there is no more."""

    values: list[float]
    conditions: dict[str, Any] = field(default_factory=dict)
    second: dict[str, Any] | None = None
    device_name: str = "local"
    variant: str = "int8"
    threads: list[int | None] = field(default_factory=list)
    taken: int = 0

    def start_ups(
        self, threads: int | None, is_enough: IsEnough, first_void: str = ""
    ) -> StartSamples:
        self.threads.append(threads)
        conditions = self.conditions
        if first_void:
            conditions = {**(self.second or {}), "first_void": first_void}
        for taken in range(1, len(self.values) + 1):
            self.taken = taken
            values = np.array(self.values[:taken], float)
            parts = {"load": values * 0.25, "allocate": values * 0.75}
            samples = StartSamples(values, parts, conditions, taken * 0.4)
            if is_enough(samples):
                break
        return samples

    def memory(self, threads: int | None, is_enough: IsEnough) -> StartSamples:
        found = self.start_ups(threads, is_enough)
        parts = {"peak": found.values + 30 * MB, "floor": found.values * 0 + 30 * MB}
        return StartSamples(found.values, parts, found.conditions, found.seconds)


def judged(name: str, evidence: Measured, *args: object, **kwargs: object) -> BudgetResult:
    (budget,) = parse_marker(name, args, kwargs)
    return budget.judge(evidence)  # type: ignore[arg-type]


@pytest.mark.parametrize(("value", "verdict"), [(39, "pass"), (40, "pass"), (40.01, "fail")])
def test_six_starts_on_one_side_of_the_limit_decide(value: float, verdict: str) -> None:
    evidence = Measured([value] * MOST_STARTS)
    result = judged("max_startup_ms", evidence, 40)
    assert (result.verdict, result.n, result.measured) == (verdict, 6, value)
    assert (result.statistic, result.unit, result.low, result.high) == (
        "start-up",
        "ms",
        value,
        value,
    )
    assert bool(result.advice) == (verdict == "fail")


@pytest.mark.parametrize(("confidence", "starts"), [(0.95, 6), (0.99, 8), (0.999, 11)])
def test_more_confidence_takes_more_starts(confidence: float, starts: int) -> None:
    evidence = Measured([1.0] * MOST_STARTS)
    assert judged("max_startup_ms", evidence, 40, confidence=confidence).n == starts
    claim = PercentileClaim("median", confidence, independent=True)
    assert claim.least_runs == starts
    assert log_evidence(starts, starts, 0.5) >= -np.log(1 - confidence)


@pytest.mark.parametrize(("megabytes", "verdict"), [(10, "pass"), (14.2, "fail")])
def test_memory_is_in_megabytes_of_1024_kilobytes(megabytes: float, verdict: str) -> None:
    result = judged("max_memory_mb", Measured([megabytes * MB] * 9), 10)
    assert (result.verdict, result.limit, result.unit) == (verdict, 10 * MB, "bytes")
    assert result.measured == megabytes * MB
    assert f"peak {30 + megabytes:g} MB, of which 30 MB without the model" in result.details[0]


def test_a_failure_says_on_what_it_rests() -> None:
    result = judged("max_startup_ms", Measured([4.0, 4.4, 4.2, 4.0, 4.8, 4.0]), 2)
    assert result.reason == (
        "median of 6 starts in fresh processes, between 4 ms and 4.8 ms with 95 % confidence"
    )
    assert result.details == ("load 1 ms, allocate 3 ms (medians)",)
    assert result.data["values"] == [4.0, 4.4, 4.2, 4.0, 4.8, 4.0]
    assert sorted(result.data["parts"]) == ["allocate", "load"]


def test_too_few_starts_are_inconclusive() -> None:
    result = judged("max_startup_ms", Measured([1.0] * 3), 40)
    assert result.verdict == "inconclusive"
    assert (result.low, result.high) == (None, None)
    assert result.reason == (
        "only 3 starts in fresh processes: the median at 95 % confidence needs 6"
    )
    assert result.advice == "raise --edge-max-seconds: at least 3 more starts, 1.2 s"


def test_a_limit_in_the_middle_of_the_spread_is_inconclusive() -> None:
    result = judged("max_startup_ms", Measured([1.0, 3.0] * 10), 2)
    assert (result.verdict, result.n) == ("inconclusive", 20)
    assert result.low == 1.0
    assert result.high == 3.0
    assert result.reason.endswith("with 95 % confidence: the limit lies in between")
    assert result.advice.startswith("a limit further away: 100 starts, the most that are made")


def test_a_limit_at_the_edge_of_the_spread_takes_more_starts() -> None:
    result = judged("max_startup_ms", Measured([1.0, 1.0, 1.0, 3.0] * 3), 2)
    assert (result.verdict, result.n) == ("inconclusive", 12)
    assert "more starts" in result.advice


@pytest.mark.parametrize("name", ["max_memory_mb", "max_startup_ms"])
def test_a_budget_of_another_device_is_skipped_and_not_measured(name: str) -> None:
    evidence = Measured([99.0 * MB] * 9)
    result = judged(name, evidence, 1, device="pi")
    assert (result.verdict, result.measured, result.n) == ("skipped", None, 0)
    assert result.reason == "a budget for device 'pi'; this is 'local'"
    assert evidence.taken == 0
    there = Measured([99.0 * MB] * 9, device_name="pi")
    assert judged(name, there, 1, device="pi").verdict == "fail"


@pytest.mark.parametrize("name", ["max_memory_mb", "max_startup_ms"])
def test_it_is_measured_with_the_threads_of_the_budget(name: str) -> None:
    evidence = Measured([1.0] * 9)
    assert judged(name, evidence, 1, threads=4).threads == 4
    assert evidence.threads == [4]


class TestVoid:
    def test_a_start_up_that_was_throttled_twice(self) -> None:
        evidence = Measured([1.0] * 9, THROTTLED, second=THROTTLED)
        result = judged("max_startup_ms", evidence, 40)
        assert result.verdict == "void"
        assert result.reason.endswith("timed: throttled, in a second run as well")
        assert len(evidence.threads) == 2

    def test_what_passes_at_the_second_time_counts(self) -> None:
        result = judged("max_startup_ms", Measured([1.0] * 9, THROTTLED), 40)
        assert result.verdict == "pass"
        assert "throttled" in result.data["conditions"]["first_void"]

    @pytest.mark.parametrize(("value", "verdict"), [(39.0, "pass"), (41.0, "void"), (90.0, "fail")])
    def test_others_can_only_slow_a_start_down(self, value: float, verdict: str) -> None:
        evidence = Measured([value] * 9, BUSY, second=BUSY)
        assert judged("max_startup_ms", evidence, 40).verdict == verdict

    def test_a_start_on_an_emulator_is_tried_once(self) -> None:
        evidence = Measured([1.0] * 9, EMULATED)
        assert judged("max_startup_ms", evidence, 40).verdict == "void"
        assert (evidence.taken, len(evidence.threads)) == (1, 1)

    @pytest.mark.parametrize("conditions", [THROTTLED, BUSY])
    def test_memory_is_the_same_whatever_the_load(self, conditions: dict[str, Any]) -> None:
        assert judged("max_memory_mb", Measured([41 * MB] * 9, conditions), 40).verdict == "fail"

    def test_memory_of_an_emulator(self) -> None:
        assert judged("max_memory_mb", Measured([MB] * 9, EMULATED), 40).verdict == "void"
        allowed = {**EMULATED, "allow_emulated_timing": True}
        assert judged("max_memory_mb", Measured([MB] * 9, allowed), 40).verdict == "pass"


def test_the_error_rate_of_the_median_is_bounded_at_every_number_of_starts() -> None:
    """Exactly, for all ways in which starts may lie over a limit that is the true median."""
    claim = PercentileClaim("median", 0.95, independent=True)
    undecided = {0: 1.0}  # the chance of so many starts over the limit, nothing being told yet
    wrong = {True: 0.0, False: 0.0}
    for n in range(1, MOST_STARTS + 1):
        reached: dict[int, float] = {}
        for over, chance in undecided.items():
            for more in (0, 1):
                reached[over + more] = reached.get(over + more, 0.0) + chance / 2
        undecided = {}
        for over, chance in reached.items():
            told = claim.holds(np.arange(n) < over, 0.5)
            if told is None:
                undecided[over] = chance
            else:
                wrong[told] += chance
        assert n >= 6 or wrong == {True: 0.0, False: 0.0}
        assert max(wrong.values()) <= 0.05, n
    assert min(wrong.values()) > 0.01, "it hardly ever tells"
