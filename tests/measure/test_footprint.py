"""Memory and start-up: against plain scripts and the operating system, and what can go wrong."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from by_hand import memory_bytes, start_ms
from scipy.stats import binomtest
from simulation import CONFIDENCE, HAIR, LATENCIES, Latency, Simulated

from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.errors import DeviceError
from pytest_edgeai.judge.claims import PercentileClaim
from pytest_edgeai.judge.evidence import StartSamples
from pytest_edgeai.judge.footprint import FEWEST_STARTS, MOST_STARTS, StartUpBudget
from pytest_edgeai.judge.statistics import statistic
from pytest_edgeai.measure.footprint import RUNS, Footprint, Memory, StartUps
from pytest_edgeai.measure.latency import wait_until_calm

Open = Callable[[Path], Interpreter]
FAST = "mobilenet_v1_0.25_224_float"
MOBILENET = """
from pathlib import Path
import numpy as np
from pytest_edgeai import edge_model, max_memory_mb

@edge_model("mobilenet:build")
@max_memory_mb(500)
def test_it(converted_interpreter):
    image = np.random.default_rng(0).random((1, 224, 224, 3), np.float32)
    np.save("input.npy", image)
    converted_interpreter.set_tensor(converted_interpreter.get_input_details()[0]["index"], image)
    Path("model.tflite").write_bytes(converted_interpreter.model.path.read_bytes())
"""
ATTEMPTS = 3
"""Whoever else computes on this machine may spoil a comparison of times."""


def at_least(n: int) -> Callable[[StartSamples], bool]:
    return lambda samples: len(samples.values) >= n


def taken(kind: type[Footprint], interpreter: Interpreter, n: int, threads: int = 1) -> Any:
    return kind(interpreter, threads, 60.0).until(at_least(n))


@pytest.fixture
def mobilenet(published: Callable[[str], Interpreter]) -> Interpreter:
    return published(FAST)


@pytest.fixture
def given(mobilenet: Interpreter, tmp_path: Path) -> Path:
    """The input that the interpreter has, as a file."""
    (value,) = mobilenet.inputs().values()
    np.save(tmp_path / "input.npy", value)
    return tmp_path / "input.npy"


def test_memory_is_what_the_operating_system_tells(mobilenet: Interpreter, given: Path) -> None:
    by_hand = [memory_bytes(mobilenet.model.path, given, RUNS) for _ in range(3)]
    found = taken(Memory, mobilenet, 3)
    assert statistic("median", found.values) == pytest.approx(np.median(by_hand), rel=0.15)


def test_the_memory_of_mobilenet_is_what_the_system_tells(
    digits_suite: pytest.Pytester,
) -> None:
    example = Path(__file__).parents[2] / "example_suite" / "mobilenet.py"
    digits_suite.makepyfile(test_it=MOBILENET, mobilenet=example.read_text())
    report = digits_suite.path / "report.json"
    digits_suite.runpytest(f"--edge-report={report}").assert_outcomes(passed=1)
    (test,) = json.loads(report.read_text())["tests"]
    (budget,) = test["budgets"]
    folder = digits_suite.path
    by_hand = [memory_bytes(folder / "model.tflite", folder / "input.npy", RUNS) for _ in range(3)]
    assert budget["measured"] == pytest.approx(np.median(by_hand), rel=0.15)
    assert budget["measured"] > 10 * 1024**2


@pytest.mark.alone
def test_a_start_takes_as_long_as_by_hand(mobilenet: Interpreter, given: Path) -> None:
    """In turns, with the machine held for both."""
    ratio = 0.0
    for _ in range(ATTEMPTS):
        wait_until_calm(mobilenet, 60.0)
        by_hand, starts = [], StartUps(mobilenet, 1, 60.0)
        with mobilenet.device.alone("starts by hand and by measuring"):
            for n in range(1, 12):
                by_hand.append(start_ms(mobilenet.model.path, given))
                found = starts.until(at_least(n))
        ratio = statistic("median", found.values) / float(np.median(by_hand))
        if ratio == pytest.approx(1, abs=0.15):
            return
    raise AssertionError(ratio)


@pytest.mark.alone
@pytest.mark.parametrize("kind", [Memory, StartUps])
def test_measuring_again_agrees(mobilenet: Interpreter, kind: type[Footprint]) -> None:
    """Each median lies in the other's interval; memory comes in pages, which may agree exactly."""
    claim = PercentileClaim("median", 0.95, independent=True)
    seen: list[tuple[float, ...]] = []
    for _ in range(ATTEMPTS):
        wait_until_calm(mobilenet, 60.0)
        runs = [taken(kind, mobilenet, 10).values for _ in range(2)]
        medians = [statistic("median", values) for values in runs]
        intervals = [claim.interval(values) for values in runs]
        seen = [(i.low, m, i.high) for i, m in zip(intervals, medians[::-1], strict=True)]  # type: ignore[misc]
        if all(low * 0.99 <= median <= high * 1.01 for low, median, high in seen):
            return
    raise AssertionError(seen)


def test_the_parts_make_up_the_whole(mobilenet: Interpreter) -> None:
    start, memory = taken(StartUps, mobilenet, 2), taken(Memory, mobilenet, 2)
    assert list(start.parts) == ["load", "allocate", "first inference"]
    assert np.allclose(sum(start.parts.values()), start.values)
    assert all((part > 0).all() for part in start.parts.values())
    assert np.allclose(memory.parts["peak"] - memory.parts["floor"], memory.values)


def test_the_record_says_under_which_conditions(mobilenet: Interpreter) -> None:
    seen = taken(StartUps, mobilenet, 2, threads=2).conditions
    assert (seen["threads"], seen["starts"], seen["input"]) == (2, 2, "seeded random values")
    assert seen["throttling"] == []
    assert seen["before"].keys() == seen["after"].keys()
    assert 0 <= seen["others_share"] <= 1


def test_it_runs_on_the_inputs_of_the_test(tiny: Path, open_model: Open) -> None:
    """``filled`` makes a tensor as large as its input says."""
    megabytes = []
    for rows in (1000, 9000):
        filled = open_model(tiny / "filled.tflite")
        filled.set_tensor(0, np.array([rows, 1024], np.int32))
        found = taken(Memory, filled, 1)
        assert found.conditions["input"] == "set by the test"
        megabytes.append(found.values[0] / 1024**2)
    assert megabytes[1] - megabytes[0] == pytest.approx(8000 * 4 / 1024, rel=0.1)


def test_it_runs_at_the_size_of_the_test(tiny: Path, open_model: Open) -> None:
    megabytes = []
    for size in (1024, 1024**2):
        doubled = open_model(tiny / "doubled_any.tflite")
        doubled.predict(np.ones((1, size), np.float32))
        megabytes.append(taken(Memory, doubled, 1).values[0] / 1024**2)
    assert megabytes[1] - megabytes[0] == pytest.approx(2 * 4, rel=0.1), "input and output"


def test_more_starts_are_added_to_those_before(mobilenet: Interpreter) -> None:
    starts = StartUps(mobilenet, 1, 60.0)
    first, more = starts.until(at_least(1)), starts.until(at_least(3))
    assert (len(first.values), len(more.values)) == (1, 3)
    assert more.values[0] == first.values[0]
    assert len(starts.until(at_least(2)).values) == 3


def test_the_cap_ends_it_after_six(mobilenet: Interpreter) -> None:
    found = StartUps(mobilenet, 1, 0.001).until(lambda samples: False)
    assert len(found.values) == FEWEST_STARTS == 6


def test_no_process_is_left_behind(mobilenet: Interpreter) -> None:
    before = children()
    taken(StartUps, mobilenet, 2)
    taken(Memory, mobilenet, 2)
    assert children() == before


def test_a_system_that_does_not_tell(
    mobilenet: Interpreter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The peak was reached before the model was loaded, and could not be reset."""
    answer = (40_000_000, 90_000_000, 90_000_000)
    monkeypatch.setattr(mobilenet, "start_afresh", lambda *args: answer)
    with pytest.raises(DeviceError, match=r"the system does not tell what it takes: the peak .*"):
        taken(Memory, mobilenet, 1)


@pytest.mark.parametrize("kind", [Memory, StartUps])
def test_a_model_that_crashes(tiny: Path, open_model: Open, kind: type[Footprint]) -> None:
    """``steps`` computes for as long as its input says."""
    steps = open_model(tiny / "steps.tflite")
    steps.set_tensor(0, np.array([2_000_000_000], np.int32))
    before = children()
    with (
        ending_what_is_new(before),
        pytest.raises(DeviceError, match="ended with SIGSEGV in start-up"),
    ):
        taken(kind, steps, 1)
    assert children() == before
    steps.set_tensor(0, np.array([1], np.int32))
    assert len(taken(kind, steps, 1).values) == 1


def children() -> set[int]:
    """The processes below this one that have not ended."""
    return below(os.getpid())


def below(parent: int) -> set[int]:
    found: set[int] = set()
    for task in Path(f"/proc/{parent}/task").iterdir():
        found |= {int(pid) for pid in (task / "children").read_text().split()}
    return found.union(*map(below, found))


@contextmanager
def ending_what_is_new(before: set[int]) -> Iterator[None]:
    """Send SIGSEGV to the next process once it has computed for a while."""

    def crash() -> None:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            for pid in children() - before:
                stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                if int(stat[11]) > 100:
                    os.kill(pid, signal.SIGSEGV)
                    return
            time.sleep(0.05)

    thread = threading.Thread(target=crash)
    thread.start()
    yield
    thread.join()


class Starting(Simulated):
    """Starts of which each takes as long as a random number says."""

    def __init__(self, times: Latency, random: np.random.Generator) -> None:
        super().__init__(times, 0.0, random)
        self._times, self._random = times, random

    def inputs(self) -> dict[int, Any]:
        return {}

    def start_afresh(self, *args: object) -> tuple[list[float], None, float]:
        ns = float(self._times.at(self._random.random())) * 1e6
        return [ns, 0.0, 0.0], None, 1.0


def verdict(times: Latency, limit: float, random: np.random.Generator) -> tuple[str, int]:
    """Of the real loop and the real budget, and how many starts it took."""
    budget = StartUpBudget(limit, CONFIDENCE)
    starts = StartUps(Starting(times, random), 1, 1e9)  # type: ignore[arg-type]
    evidence = Asked(starts)
    result = budget.judge(evidence)  # type: ignore[arg-type]
    return result.verdict, result.n


class Asked:
    """Evidence of simulated starts alone."""

    device_name, variant = "local", "converted"

    def __init__(self, starts: StartUps) -> None:
        self._starts = starts

    def start_ups(self, threads: int | None, is_enough: Any, first_void: str = "") -> StartSamples:
        return self._starts.until(is_enough)


def verdicts(times: Latency, is_over: bool, runs: int) -> Counter[str]:
    limit = float(times.at(0.5 * (1 - HAIR if is_over else 1 + HAIR)))
    random = np.random.default_rng([is_over, LATENCIES.index(times)])
    found = [verdict(times, limit, random) for _ in range(runs)]
    assert all(n == MOST_STARTS for told, n in found if told == "inconclusive")
    assert min(n for _, n in found) >= 6
    return Counter(told for told, _ in found)


RUNS_SIMULATED = 300


@pytest.mark.parametrize("is_over", [True, False], ids=["just_over", "just_under"])
@pytest.mark.parametrize("times", LATENCIES, ids=[latency.name for latency in LATENCIES])
def test_wrong_verdicts_are_rare(times: Latency, is_over: bool) -> None:
    seen = verdicts(times, is_over, RUNS_SIMULATED)
    wrong = seen["pass" if is_over else "fail"]
    error = 1 - CONFIDENCE
    assert binomtest(wrong, RUNS_SIMULATED, error, alternative="greater").pvalue > 0.01, seen
    assert seen.keys() <= {"pass", "fail", "inconclusive"}


def test_the_simulation_can_tell_a_wrong_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """An ordinary one-sided test, looked at after every start."""
    from scipy.stats import binom

    def p_value(hits: float, n: float, share: float) -> float:
        return -float(binom.logsf(hits - 1, n, share))

    monkeypatch.setattr("pytest_edgeai.judge.claims.log_evidence", p_value)
    seen = verdicts(LATENCIES[0], True, 100)
    assert seen["pass"] > 2 * (1 - CONFIDENCE) * 100


def test_a_limit_far_away_takes_six_starts() -> None:
    random = np.random.default_rng(0)
    far = [verdict(LATENCIES[0], limit, random) for limit in (2.0, 8.0) for _ in range(20)]
    assert far == [("fail", 6)] * 20 + [("pass", 6)] * 20
