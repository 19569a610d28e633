"""Budgets of a run without pause, on made-up windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from pytest_edgeai.judge.evidence import IsEnough, SustainedRun, Window
from pytest_edgeai.judge.markers import parse_marker
from pytest_edgeai.judge.sustained import SustainedBudget, plot
from pytest_edgeai.judge.verdict import BudgetResult

MINUTE = 60.0


def window(number: int, median_ms: float, runs: int = 1000, **known: Any) -> Window:
    noise = np.random.default_rng(number).standard_normal(runs)
    times = median_ms * np.exp(0.05 * noise)
    return Window(number * MINUTE, MINUTE, runs, (times * 1e6).astype(np.int64), **known)


def windows(*medians_ms: float, **known: Any) -> list[Window]:
    return [window(number, ms, **known) for number, ms in enumerate(medians_ms)]


class Taken:
    """Evidence whose windows come out as given."""

    device_name = "local"

    def __init__(self, given: list[Window], **conditions: Any) -> None:
        self._given, self._conditions = given, conditions
        self.asked: Sequence[float] = ()

    def sustained(
        self, lengths_s: Sequence[float], threads: int | None, is_enough: IsEnough
    ) -> SustainedRun:
        self.asked = lengths_s
        for number in range(1, len(self._given) + 1):
            run = SustainedRun(tuple(self._given[:number]), self._conditions)
            if is_enough(run):
                break
        return run


def budget(limit_ms: float, minutes: float = 5, **kwargs: Any) -> SustainedBudget:
    given = {"p95": limit_ms, "seconds": minutes * MINUTE, **kwargs}
    (found,) = parse_marker("max_sustained_latency_ms", (), given)
    assert isinstance(found, SustainedBudget)
    return found


def judged(limit_ms: float, given: list[Window], **conditions: Any) -> BudgetResult:
    evidence: Any = Taken(given, **conditions)
    return budget(limit_ms, len(given)).judge(evidence)


@pytest.mark.parametrize(
    ("seconds", "number", "length_s"),
    [(3, 3, 1), (179, 3, 179 / 3), (180, 3, 60), (239, 3, 239 / 3), (600, 10, 60), (630, 10, 63)],
)
def test_windows_are_minutes_or_thirds(seconds: float, number: int, length_s: float) -> None:
    lengths = budget(1, seconds / MINUTE).lengths_s
    assert len(lengths) == number
    assert lengths == pytest.approx([length_s] * number)


def test_a_device_that_keeps_it_up_passes() -> None:
    result = judged(12, windows(10, 10, 10.1, 10, 9.9))
    assert (result.verdict, result.unit, result.statistic) == ("pass", "ms", "sustained p95")
    assert result.n == 5000
    assert result.measured == pytest.approx(10 * np.exp(0.05 * 1.645), rel=0.02)
    assert "in the worst of 5 windows, window 3 of 5" in result.reason
    assert result.advice == ""


def test_one_slow_minute_fails_however_good_the_first_was() -> None:
    result = judged(12, windows(5, 5, 5, 5, 20))
    assert result.verdict == "fail"
    assert result.measured == pytest.approx(20 * np.exp(0.05 * 1.645), rel=0.02)
    assert result.reason.startswith(
        "1 of 5 windows: window 5 of 5, from 4 min 0 s on: p95 of 1,000"
    )
    assert result.low is not None
    assert result.low > 12
    assert "cool the device" in result.advice


def test_a_model_that_is_too_slow_from_the_start_has_other_advice() -> None:
    result = judged(12, windows(20, 20, 20))
    assert result.verdict == "fail"
    assert "cool the device" not in result.advice


def test_it_ends_with_the_first_minute_that_fails() -> None:
    result = judged(12, windows(10, 10, 20, 10, 10))
    assert len(result.data["windows"]) == 3
    assert "window 3 of 5" in result.reason


def test_one_undecided_minute_leaves_it_undecided() -> None:
    p95 = float(np.exp(0.05 * 1.645))
    result = judged(10 * p95, windows(5, 10, 5))
    assert result.verdict == "inconclusive"
    assert "1 of 3 windows: window 2 of 3" in result.reason


def test_too_few_runs_in_a_minute() -> None:
    given = [window(number, 5, runs=60) for number in range(3)]
    result = judged(12, given)
    assert result.verdict == "inconclusive"
    assert "only 60 runs: p95 at 98.33 % confidence needs 94" in result.reason
    assert "seconds=" not in result.advice
    short: Any = Taken(given)
    assert "a larger seconds=" in budget(12, 0.5).judge(short).advice


class TestConditions:
    def test_heat_is_reported_and_voids_nothing(self) -> None:
        given = windows(10, 10, 10, temperature_c=84.5, frequency_mhz=1500.0)
        hot = {"temperature_c": 84.5}
        result = judged(
            12, given, throttling=["throttled"], max_temperature_c=80, before=hot, after=hot
        )
        assert result.verdict == "pass"
        assert "hottest 84.5 °C; the device was slowed down: throttled" in result.details[1]
        assert judged(9, given, throttling=["throttled"]).verdict == "fail"

    def test_others_void_a_window_that_does_not_hold(self) -> None:
        busy = [*windows(10, 10), window(2, 13, others_share=0.5)]
        result = judged(12, busy)
        assert result.verdict == "void"
        assert "other processes kept 50% of the machine busy" in result.reason
        assert result.advice

    def test_others_are_no_excuse_for_another_window(self) -> None:
        busy = [window(0, 10, others_share=0.5), window(1, 13, others_share=0.0), window(2, 10)]
        assert judged(12, busy).verdict == "fail"

    def test_what_passes_beside_others_passes(self) -> None:
        assert judged(12, windows(10, 10, 10, others_share=0.5)).verdict == "pass"

    def test_an_emulated_device_says_nothing_and_is_not_run_to_the_end(self) -> None:
        result = judged(12, windows(10, 10, 10), emulated=True)
        assert result.verdict == "void"
        assert len(result.data["windows"]) == 1


def test_another_device_is_skipped_and_not_run() -> None:
    evidence: Any = Taken([])
    result = budget(12, device="pi").judge(evidence)
    assert (result.verdict, result.measured) == ("skipped", None)
    assert evidence.asked == ()
    assert budget(12, 3, device="pi").own_seconds("local") == 0
    assert budget(12, 3, device="pi").own_seconds("pi") == 180


class TestPlot:
    def test_a_line_for_each_window(self) -> None:
        given = [
            window(0, 10, temperature_c=55.0, frequency_mhz=1800.0),
            window(1, 20, temperature_c=81.6, frequency_mhz=1000.0),
            window(2, 10),
        ]
        title, head, *lines = plot(given, 15).splitlines()
        assert title == "the run in windows, times in ms:"
        assert head.split() == ["from", "runs", "median", "p95"]
        bars = [line.count("#") for line in lines]
        assert bars[1] > 1.8 * bars[0]
        assert bars[0] == bars[2]
        assert len({line.index("|") for line in lines}) == 1
        assert lines[0].endswith("55 °C, 1800 MHz")
        assert lines[1].startswith("1 min 0 s  1,000")
        assert lines[1].index("#") < lines[1].index("|") < lines[1].rindex("#")
        assert lines[0].rindex("#") < lines[0].index("|")

    def test_it_fits_an_indented_failure_of_79_columns(self) -> None:
        hot = {"temperature_c": 104.6, "frequency_mhz": 12000.0}
        times = np.array([123_456_789_012] * 3)
        given = [Window(n * 3599.0, 60, 100_000_000, times, **hot) for n in range(3)]
        assert max(map(len, plot(given, 1e-5).splitlines())) <= 79 - 6

    def test_it_is_plain_text(self) -> None:
        assert plot(windows(1, 2, 3), 2).isascii()


def test_the_windows_are_plain_data() -> None:
    result = judged(12, windows(10, 10, 11, temperature_c=50.0))
    first, _, last = result.data["windows"]
    assert first == {
        "begin_s": 0.0,
        "seconds": 60.0,
        "runs": 1000,
        "median_ms": pytest.approx(10, rel=0.01),
        "p95_ms": pytest.approx(10.86, rel=0.02),
        "temperature_c": 50.0,
        "frequency_mhz": None,
    }
    ratio = result.data["ratio"]
    assert ratio["median"] == pytest.approx(last["median_ms"] / first["median_ms"])
    assert ratio["p95"] == pytest.approx(last["p95_ms"] / first["p95_ms"])
    assert type(first["p95_ms"]) is type(ratio["p95"]) is float
    assert "1.1 times the median" in result.details[1]


def test_confidence_is_shared_among_the_windows() -> None:
    assert budget(1, 10).claim.error == pytest.approx(0.005)
    assert budget(1, 10, confidence=0.9).claim.error == pytest.approx(0.01)
