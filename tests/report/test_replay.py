"""What budgets come to on made-up evidence, and again on what was kept of it as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pytest_edgeai.device.agent import RELU_MODEL
from pytest_edgeai.errors import DataError, EdgeAIError
from pytest_edgeai.judge.baseline import Baseline, Found, accuracy_baseline, latency_baseline
from pytest_edgeai.judge.budget import Budget
from pytest_edgeai.judge.evidence import (
    LatencySamples,
    Layer,
    Score,
    StartSamples,
    SustainedRun,
    Window,
)
from pytest_edgeai.judge.markers import given_again, parse_marker, plain_arguments
from pytest_edgeai.judge.metrics import ACCURACY, Metric
from pytest_edgeai.judge.verdict import BudgetResult
from pytest_edgeai.model.facts import ModelFacts
from pytest_edgeai.model.tflite import read_facts
from pytest_edgeai.report.packing import pack, unpack
from pytest_edgeai.report.plain import as_json
from pytest_edgeai.report.saved.draws import Draws
from pytest_edgeai.report.saved.recording import Recording, ended
from pytest_edgeai.report.saved.replay import EndedError, Replay

N = 40
MS = 1_000_000


def closeness(labels: Any, predictions: Any) -> float:
    return 0.5


def distance(labels: Any, predictions: Any) -> float:
    return 0.5


OWN = Metric(closeness)
OTHER_WAY = Metric(distance, higher_is_better=False)


class MadeUp:
    """Evidence of any kind from a seed; some of it cannot be had."""

    device_name, variant, is_on_host = "local", "int8", True
    undelegated: ClassVar = {"CONV_2D": 2}

    def __init__(self, seed: int, facts: ModelFacts, refuses: frozenset[str]) -> None:
        self.random = np.random.default_rng(seed)
        self.facts, self.size_bytes = facts, facts.size_bytes
        self._refuses, self._made = refuses, dict[Any, Any]()
        self._starts: dict[Any, StartSamples] = {}
        self.conditions = {"others_share": float(self.random.choice([0.0, 0.3])), "input": "x"}

    @property
    def delegated(self) -> float | None:
        self._may("delegated")
        return self._once("delegated", lambda: self.random.choice([None, 0.5]))

    def _may(self, kind: str) -> None:
        if kind in self._refuses:
            raise DataError(f"no {kind}", "ask for another") if kind < "m" else OSError("lost")

    def _once(self, key: Any, make: Callable[[], Any]) -> Any:
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def _times(self, n: int) -> Any:
        return (self.random.lognormal(1, 0.4, n) * MS).astype(np.int64)

    def latency(self, threads: int | None) -> LatencySamples:
        self._may("latency")
        n = int(self.random.integers(5, 300))
        looks = (n // 2,) if n > 10 else ()
        return self._once(
            ("latency", threads or 1),
            lambda: LatencySamples(self._times(n), self.conditions, looks, "wait"),
        )

    def sustained(self, lengths_s: Any, threads: Any, is_enough: Any) -> SustainedRun:
        self._may("sustained")
        windows: tuple[Window, ...] = ()
        for number, length in enumerate(lengths_s):
            n = int(self.random.integers(20, 200))
            made = Window(number * length, length, n, self._times(n), 0.0, None, 900.5)
            windows = (*windows, made)
            if is_enough(SustainedRun(windows, self.conditions)):
                break
        return SustainedRun(windows, self.conditions)

    def start_ups(self, threads: Any, is_enough: Any, first_void: str = "") -> StartSamples:
        self._may("start_ups")
        return self._until(("start_ups", threads or 1), is_enough, first_void)

    def memory(self, threads: Any, is_enough: Any) -> StartSamples:
        self._may("memory")
        return self._until(("memory", threads or 1), is_enough, "")

    def _until(self, key: Any, is_enough: Any, first_void: str) -> StartSamples:
        """As ``measure.footprint`` takes them: from where the budget before stopped."""
        if first_void or key not in self._starts:
            calmer = {"others_share": 0.0, "first_void": first_void} if first_void else {}
            self._starts[key] = self._more(None, {**self.conditions, **calmer})
        while len(self._starts[key].values) < 15 and not is_enough(self._starts[key]):
            self._starts[key] = self._more(self._starts[key], self._starts[key].conditions)
        return self._starts[key]

    def _more(self, before: StartSamples | None, conditions: dict[str, Any]) -> StartSamples:
        sample = self.random.gamma(9, 1.0, 3)
        rows = [] if before is None else np.array([*before.parts.values()]).T.tolist()
        parts = np.array([*rows, sample]).T
        names = ("peak", "floor", "load")
        by_name = dict(zip(names, parts, strict=True))
        return StartSamples(parts.sum(axis=0), by_name, {**conditions, "n": len(parts[0])}, 0.5)

    def score(self, metric: Metric, baseline: str | None = None) -> Score:
        self._may("score")
        key = ("score", metric.name, baseline)
        return self._once(key, lambda: self._score(metric, baseline))

    def _score(self, metric: Metric, baseline: str | None) -> Score:
        classes = self._once("classes", lambda: self.random.integers(0, 3, N))
        wrong = self.random.random(N) < (0.2 if baseline else 0.3)
        answered = np.where(wrong, (classes + 1) % 3, classes)
        hits = answered == classes
        if metric == ACCURACY:
            return Score(float(hits.mean()), N, "how", 0.4, hits, classes, answered, data="d")
        breaks = bool(self.random.choice([True, False]))

        def resampled(at: Any) -> float:
            if breaks and at.sum() % 50 == 0:
                raise DataError("it broke", "mend it")
            return float(hits[at].mean())

        strata = classes if metric.function is None else None
        return Score(float(hits.mean()), N, "how", resampled=resampled, strata=strata, data="d")

    def suspicions(self, metric: Metric | None) -> tuple[str, ...]:
        self._may("suspicions")
        return ("channels are swapped",)

    def answered(self, baseline: str | None = None) -> Any:
        self._may("answered")
        return self._once(("answered", baseline), lambda: self.random.integers(0, 3, N))

    def output_errors(self, baseline: str) -> Any:
        self._may("output_errors")
        norms = ("max", "mean", "rms")
        return self._once(
            ("errors", baseline), lambda: {"out": {norm: self.random.random(N) for norm in norms}}
        )

    def layers(self, baseline: str, samples: Sequence[int]) -> list[Layer]:
        self._may("layers")
        errors = [0.001, 0.9, np.inf]
        error = self._once((baseline, *samples), lambda: float(self.random.choice(errors)))
        return [Layer("in", "INPUT", (), 0.001), Layer("dense", "CONV_2D", (0,), error, 0.1)]

    def recorded(self) -> Found:
        self._may("recorded")
        return self._once("recorded", self._found)

    def _found(self) -> Found:
        if self.random.random() < 0.3:
            return Found(None, reason="there is no baseline")
        latency = latency_baseline(LatencySamples(self._times(200), self.conditions))
        accuracy = accuracy_baseline(self._score(ACCURACY, "converted"))
        return Found(Baseline("local", {}, "m", "int8", "0", 900, "2026-01-01", latency, accuracy))


limits = st.floats(0.5, 12)
shares = st.floats(0.01, 0.99)
confidences = st.sampled_from([None, 0.8, 0.95, 0.999])
threads = st.sampled_from([None, 1, 2])
metrics = st.sampled_from(["accuracy", "f1_macro", OWN, OTHER_WAY])
baselines = st.sampled_from(["converted", "source", "int8"])
MARKS = {
    "max_latency_ms": {
        "p95": limits, "median": limits, "max": limits, "confidence": confidences,
        "threads": threads,
    },
    "min_throughput": {"per_second": st.floats(10, 900), "threads": threads},
    "max_sustained_latency_ms": {
        "p95": limits, "seconds": st.sampled_from([1.0, 3.0]), "threads": threads,
    },
    "max_memory_mb": {
        "limit": st.floats(1e-6, 4e-5), "confidence": confidences, "threads": threads,
    },
    "max_startup_ms": {
        "limit": st.floats(5, 50), "confidence": confidences, "threads": threads,
    },
    "max_size_mb": {"limit": limits},
    "fully_quantized": {},
    "no_custom_ops": {},
    "min_delegated": {"share": shares},
    "min_accuracy": {"limit": shares, "metric": metrics, "confidence": confidences},
    "max_accuracy_drop": {
        "limit": shares, "metric": metrics, "confidence": confidences, "baseline": baselines,
    },
    "min_agreement": {"limit": shares, "baseline": baselines},
    "max_output_error": {"limit": shares, "norm": st.sampled_from(["max", "rms"])},
    "max_regression": {
        "fraction": shares, "of": st.sampled_from(["p95", "median", "size", "accuracy"]),
    },
}  # fmt: skip
KINDS = "latency sustained start_ups memory score suspicions answered output_errors layers recorded"
NEEDS = {
    "max_latency_ms": {"latency"},
    "min_throughput": {"latency"},
    "max_sustained_latency_ms": {"sustained"},
    "max_memory_mb": {"memory"},
    "max_startup_ms": {"start_ups"},
    "min_delegated": {"delegated"},
    "min_accuracy": {"scores"},
    "max_accuracy_drop": {"scores"},
    "min_agreement": {"answered"},
    "max_output_error": {"output_errors"},
    "max_regression": {"recorded"},
    "max_size_mb": set[str](),
    "fully_quantized": set[str](),
    "no_custom_ops": set[str](),
}
"""Which kinds of evidence each is judged on."""
marks = st.one_of(
    [
        st.tuples(st.just(name), st.fixed_dictionaries(arguments))
        for name, arguments in MARKS.items()
    ]
)


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> ModelFacts:
    path = tmp_path_factory.mktemp("relu") / "relu.tflite"
    path.write_bytes(RELU_MODEL)
    return read_facts(path)


def judged(budget: Budget, evidence: Any) -> BudgetResult:
    """As the plugin and ``report.rejudging`` do, without the traceback."""
    try:
        return budget.judge(evidence)
    except EdgeAIError as error:
        return budget.result(None, 0, "error", error.message, error.hint)
    except EndedError as error:
        return budget.result(None, 0, "error", error.reason)
    except OSError as error:
        return budget.result(None, 0, "error", ended(error))


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(as_json(value), allow_nan=False))


@settings(max_examples=150)
@given(
    st.integers(0, 10**6),
    st.lists(marks, min_size=1, max_size=6),
    st.frozensets(st.sampled_from(KINDS.split()), max_size=2),
)
def test_results_are_the_same_again(
    facts: ModelFacts, seed: int, asked: Any, refuses: frozenset[str]
) -> None:
    recording = Recording(MadeUp(seed, facts, refuses))
    budgets = [b for name, kwargs in asked for b in parse_marker(name, (), kwargs)]
    results = [judged(budget, recording) for budget in budgets]
    kept = through_json(recording.as_dict())
    stated = through_json([[name, plain_arguments(name, (), kwargs)] for name, kwargs in asked])
    replay = Replay(kept, facts, "int8", "local", True, 1)
    same = [
        judged(budget, replay)
        for name, kwargs in stated
        for budget in parse_marker(name, (), given_again(kwargs))
    ]
    assert [through_json(r.as_dict()) for r in same] == [through_json(r.as_dict()) for r in results]


@settings(max_examples=100)
@given(st.integers(0, 10**6), marks, marks)
def test_nothing_that_was_not_asked_passes(
    facts: ModelFacts, seed: int, asked: Any, other: Any
) -> None:
    """Another budget comes to what it would have come to then, or it is an error."""
    recording = Recording(MadeUp(seed, facts, frozenset()))
    for budget in parse_marker(asked[0], (), asked[1]):
        judged(budget, recording)
    replay = Replay(through_json(recording.as_dict()), facts, "int8", "local", True, 1)
    for budget in parse_marker(other[0], (), other[1]):
        result = judged(budget, replay)
        if result.verdict in ("pass", "fail", "void"):
            assert NEEDS[budget.marker] <= recording.as_dict().keys()
        elif result.verdict == "error":
            assert result.reason.startswith("the saved run did not") or result.reason == "it broke"


def test_resamples_that_ended_early_are_not_mixed_with_later_ones() -> None:
    """The first budget's partner broke after 10; the second budget went on to the end."""
    draws = Draws()
    for number in (10, 20):
        kept = draws.kept(float)
        for at in range(number):
            kept(at)
    again = Draws.from_dict(through_json(draws.as_dict())).again("f1")
    assert [again(None) for _ in range(20)] == [*range(20)]
    with pytest.raises(DataError, match="did not resample f1"):
        again(None)


def test_two_metrics_of_one_name_are_not_confused(facts: ModelFacts) -> None:
    metrics = [Metric(lambda labels, scores: 0.5, name="mine") for _ in range(2)]
    recording = Recording(MadeUp(0, facts, frozenset()))
    for metric in metrics:
        recording.score(metric)
    replay = Replay(through_json(recording.as_dict()), facts, "int8", "local", True, 1)
    with pytest.raises(DataError, match="several metrics that are called mine"):
        replay.score(metrics[0])
    with pytest.raises(DataError, match="did not measure accuracy"):
        replay.score(ACCURACY)


def test_a_metric_of_a_user_may_have_the_name_of_another(facts: ModelFacts) -> None:
    recording = Recording(MadeUp(1, facts, frozenset()))
    own = Metric(closeness, name="accuracy")
    recording.score(own)
    replay = Replay(through_json(recording.as_dict()), facts, "int8", "local", True, 1)
    assert replay.score(own).hits is None
    with pytest.raises(DataError, match="did not measure accuracy"):
        replay.score(ACCURACY)


@given(
    arrays.arrays(
        st.sampled_from([np.bool_, np.int8, np.int64, np.uint32, np.float32, np.float64]),
        arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=6),
    )
)
def test_arrays_come_back(array: Any) -> None:
    found = unpack(json.loads(json.dumps(pack(array))))
    assert found.shape == array.shape
    assert found.dtype == (np.int64 if array.dtype.kind in "iu" else array.dtype)
    np.testing.assert_array_equal(found, array)


def test_far_apart_whole_numbers_stay_whole() -> None:
    """numpy's own common type of -1 and 2**62 is a float."""
    array = np.array([-1, 2**62 + 1])
    np.testing.assert_array_equal(unpack(pack(array)), array)


@given(st.data())
def test_damaged_arrays_are_refused(data: st.DataObject) -> None:
    packed = pack(np.arange(1000) * 7 % 251)
    key = data.draw(st.sampled_from(["dtype", "shape", "zlib"]))
    wrong = {
        "dtype": st.sampled_from(["|O", "<u8", "nonsense", None, 7, "|S1"]),
        "shape": st.sampled_from([[999], [10**12], [-1, -1000], "1000", None, [1000.5, "a"]]),
        "zlib": st.sampled_from(["", "?", None, 7, packed["zlib"][:-8], packed["zlib"][8:]]),
    }[key]
    with pytest.raises(ValueError, match="damaged numbers"):
        unpack({**packed, key: data.draw(wrong)})
