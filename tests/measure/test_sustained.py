"""A run without pause: its windows, and which of its times are kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.errors import EdgeAIError
from pytest_edgeai.judge.evidence import SustainedRun
from pytest_edgeai.measure.latency import STRETCH_S
from pytest_edgeai.measure.sustained import KEPT, Thinned, measure_sustained

Open = Callable[[Path], Interpreter]


def never(run: SustainedRun) -> bool:
    return False


class TestThinned:
    def test_few_are_all_kept_in_their_order(self) -> None:
        thinned, times = Thinned(100), np.arange(99)
        for part in np.split(times, [10, 11, 50]):
            thinned.add(part)
        assert np.array_equal(thinned.samples, times)
        assert thinned.count == 99

    @pytest.mark.parametrize("runs", [100, 101, 1_000, 12_345, 1_000_000])
    @pytest.mark.parametrize("part", [7, 1_000, 10_000])
    def test_many_are_bounded_and_evenly_spread(self, runs: int, part: int) -> None:
        thinned, times = Thinned(100), np.arange(runs)
        for begin in range(0, runs, part):
            thinned.add(times[begin : begin + part])
        kept = thinned.samples
        assert thinned.count == runs
        assert 49 <= len(kept) < 100
        assert (np.diff(kept) > 0).all()
        gaps = np.diff([0, *kept, runs])
        assert gaps.max() < 4 * runs / len(kept)

    def test_each_has_the_same_chance(self) -> None:
        seen = np.zeros(64)
        for seed in range(2_000):
            thinned = Thinned(16)
            thinned._random = np.random.default_rng(seed)
            thinned.add(np.arange(64))
            seen[thinned.samples] += 1
        share = seen / 2_000
        assert share.mean() == pytest.approx(8 / 64)
        assert np.abs(share - 8 / 64).max() < 5 * np.sqrt(8 / 64 / 2_000)

    @pytest.mark.parametrize("period", [2, 4, 8, 16])
    def test_percentiles_stay_right_whatever_the_rhythm(self, period: int) -> None:
        """Every second run, or every eighth, is slow: one of each so many would see none or all."""
        times = np.where(np.arange(1_000_000) % period == 0, 90, 10)
        thinned = Thinned(KEPT)
        for part in np.split(times, 100):
            thinned.add(part)
        assert (thinned.samples == 90).mean() == pytest.approx(1 / period, abs=0.02)

    def test_percentiles_stay_right(self) -> None:
        times = np.exp(np.random.default_rng(1).standard_normal(1_000_000))
        thinned = Thinned(KEPT)
        for part in np.split(times, 50):
            thinned.add(part)
        for q in (0.5, 0.95):
            assert np.mean(times <= np.quantile(thinned.samples, q)) == pytest.approx(q, abs=0.015)


class TestRun:
    def test_windows_follow_each_other(self, tiny: Path, open_model: Open) -> None:
        interpreter = open_model(tiny / "scalar.tflite")
        start = time.monotonic()
        run = measure_sustained(interpreter, [1.5, 1.0, 1.0], never)
        assert time.monotonic() - start >= 3.5
        begins = [window.begin_s for window in run.windows]
        assert begins[0] < 0.5
        for window, begin_s, end_s in zip(run.windows, (0, 1.5, 2.5), (1.5, 2.5, 3.5), strict=True):
            assert begin_s <= window.begin_s < begin_s + 1
            assert end_s <= window.begin_s + window.seconds < end_s + 1

    def test_the_model_runs_most_of_the_time(self, tiny: Path, open_model: Open) -> None:
        """A fast model makes more runs than are kept; they come to the window's time."""
        (window,) = measure_sustained(open_model(tiny / "scalar.tflite"), [2.0], never).windows
        assert window.runs > len(window.samples_ns)
        assert KEPT // 2 <= len(window.samples_ns) <= KEPT
        assert window.runs * window.samples_ns.mean() / 1e9 > 0.3 * window.seconds

    def test_it_ends_when_it_is_enough(self, tiny: Path, open_model: Open) -> None:
        asked: list[int] = []

        def second(run: SustainedRun) -> bool:
            asked.append(len(run.windows))
            return len(run.windows) == 2

        run = measure_sustained(open_model(tiny / "scalar.tflite"), [0.2] * 5, second)
        assert asked == [1, 2]
        assert len(run.windows) == 2

    def test_a_run_that_is_longer_than_its_window_is_one(
        self, tiny: Path, open_model: Open
    ) -> None:
        interpreter = open_model(tiny / "steps.tflite")
        interpreter.set_tensor(0, np.array([200_000], np.int32))
        run = measure_sustained(interpreter, [0.001] * 3, never)
        assert [window.runs >= 1 for window in run.windows] == [True] * 3

    def test_conditions_go_with_it(self, published: Callable[[str], Interpreter]) -> None:
        run = measure_sustained(published("ad01_int8"), [0.3] * 3, never)
        seen = run.conditions
        assert (seen["threads"], seen["input"]) == (1, "seeded random values")
        assert seen["before"]["load_1min"] >= 0
        assert seen["throttling"] == []
        assert {"after", "others_share", "max_temperature_c", "runtime_version"} <= seen.keys()
        shares = [window.others_share for window in run.windows]
        assert all(share is not None and 0 <= share < 1.5 for share in shares)

    def test_a_lost_process_ends_it(self, tiny: Path, open_model: Open) -> None:
        interpreter = open_model(tiny / "scalar.tflite")
        interpreter.close()
        with pytest.raises(EdgeAIError):
            measure_sustained(interpreter, [STRETCH_S] * 3, never)
