"""Agreement of two models, or of two machines, on made-up answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from pytest_edgeai.errors import UsageError
from pytest_edgeai.judge.baseline import Found
from pytest_edgeai.judge.evidence import LatencySamples, Layer, Score
from pytest_edgeai.judge.markers import parse_marker
from pytest_edgeai.judge.metrics import Metric
from pytest_edgeai.judge.verdict import BudgetResult

NAN = float("nan")


@dataclass
class Answered:
    """Answers that were given before, each by what gave it; None is the model itself."""

    answers: dict[str | None, list[int]]
    is_on_host: bool = False
    device_name: str = "pi"
    variant: str = "int8"
    size_bytes: int = 0
    asked: list[str | None] = field(default_factory=list)
    compared: tuple[str, list[int]] | None = None

    def answered(self, baseline: str | None = None) -> np.ndarray[Any, np.dtype[np.int64]]:
        self.asked.append(baseline)
        return np.array(self.answers[baseline], np.int64)

    def latency(self, threads: int | None) -> LatencySamples:
        raise AssertionError("nothing is timed")

    def score(self, metric: Metric, baseline: str | None = None) -> Score:
        raise AssertionError("no labels are needed")

    def layers(self, baseline: str, samples: Sequence[int]) -> list[Layer]:
        self.compared = (baseline, list(samples))
        return [Layer("dense", "FULLY_CONNECTED", (), 0.9)]

    def suspicions(self, metric: Metric | None) -> tuple[str, ...]:
        return ()

    def recorded(self) -> Found:
        raise AssertionError("no stored baseline is needed")


def judged(evidence: Answered, limit: float, **kwargs: str) -> BudgetResult:
    (budget,) = parse_marker("min_agreement", (limit,), kwargs)
    assert budget.needs_data
    return budget.judge(evidence)


def evidence(differ: int, n: int = 200, baseline: str = "converted") -> Answered:
    """The model itself answers class 9 to the last ``differ`` samples, its baseline does not."""
    base = [number % 4 for number in range(n)]
    return Answered({None: [*base[: n - differ], *[9] * differ], baseline: base})


@pytest.mark.parametrize(
    ("differ", "limit", "verdict"),
    [
        (0, 1, "pass"),
        (1, 1, "fail"),
        (2, 0.99, "pass"),
        (3, 0.99, "fail"),
        (60, 0.7, "pass"),
        (200, 0.01, "fail"),
    ],
)
def test_more_than_equal_to_and_less_than_the_limit(
    differ: int, limit: float, verdict: str
) -> None:
    result = judged(evidence(differ), limit)
    assert (result.verdict, result.n) == (verdict, 200)
    assert result.measured == pytest.approx(1 - differ / 200)
    assert (result.marker, result.statistic) == ("min_agreement", "agreement")
    assert (result.limit, result.unit) == (limit, "fraction")
    assert bool(result.advice) == (verdict == "fail")
    assert result.reason == f"{differ} of 200 samples get another answer than from converted"


@pytest.mark.parametrize("n", [10, 30, 70, 100])
def test_the_last_bits_of_a_share_do_not_fail(n: int) -> None:
    for differ in range(n):
        assert judged(evidence(differ, n), (n - differ) / n).verdict == "pass"


def test_it_says_which_samples_differ_and_how() -> None:
    own, base = [0, 1, 2, 3, 0, 1], [0, 3, 2, 3, 1, 1]
    compared = Answered({None: own, "source": base})
    result = judged(compared, 0.9, baseline="source")
    assert result.details == (
        "sample 1: class 1, from source 3",
        "sample 4: class 0, from source 1",
        "layers whose error jumps first, on 6 samples against converted: dense (FULLY_CONNECTED, "
        "0 % going in, 90 % coming out)",
    )
    assert compared.compared == ("converted", [0, 1, 2, 3, 4, 5])
    assert result.data["layers"][0]["name"] == "dense"


def test_layers_are_compared_only_where_it_fails() -> None:
    passing = evidence(0)
    assert judged(passing, 0.9).data == {}
    assert passing.compared is None


def test_the_first_of_many_are_enough() -> None:
    details = judged(evidence(100), 0.9).details
    assert details[0] == "sample 100: class 9, from converted 0"
    assert 1 < len(details) < 20


def test_the_interval_is_of_the_share() -> None:
    some, none = judged(evidence(10), 0.9), judged(evidence(0), 0.9)
    for result in (some, none):
        assert result.low is not None
        assert result.high is not None
        assert result.measured is not None
        assert 0.9 < result.low < result.measured <= result.high
    assert some.low is not None
    assert none.low is not None
    assert some.low < none.low
    assert none.high == 1


@pytest.mark.parametrize(
    ("baseline", "reason", "advice"),
    [
        ("converted", "5 of 200 samples get another answer than from converted", "calibrate with"),
        ("source", "another answer than from source", "calibrate with more samples"),
        ("host", "5 of 200 samples get another answer than on the host", "kernels round"),
    ],
)
def test_advice_is_for_what_it_is_compared_with(baseline: str, reason: str, advice: str) -> None:
    compared = evidence(5, baseline=baseline)
    result = judged(compared, 0.99, baseline=baseline)
    assert result.verdict == "fail"
    assert reason in result.reason
    assert advice in result.advice
    assert compared.asked == [None, baseline]


def test_details_name_the_host() -> None:
    result = judged(evidence(1, baseline="host"), 0.9, baseline="host")
    assert result.details == ("sample 199: class 9, on the host 3",)


class TestSkipped:
    """And nothing is asked of the models."""

    def test_a_baseline_is_not_compared_with_itself(self) -> None:
        itself = Answered({}, variant="converted")
        result = judged(itself, 0.9)
        assert (result.verdict, result.measured, result.n) == ("skipped", None, 0)
        assert result.reason == "converted is the baseline itself"

    def test_nor_is_the_host(self) -> None:
        result = judged(Answered({}, is_on_host=True), 0.9, baseline="host")
        assert (result.verdict, result.measured, result.n) == ("skipped", None, 0)
        assert result.reason == "this is the host itself"

    def test_another_variant_on_the_host_is_compared(self) -> None:
        here = evidence(0)
        here.is_on_host = True
        assert judged(here, 0.9).verdict == "pass"


class TestVoid:
    """One answer to everything agrees with itself, and says nothing."""

    @pytest.mark.parametrize("baseline", ["converted", "host"])
    def test_both_answer_one_class(self, baseline: str) -> None:
        compared = Answered({None: [3] * 1200, baseline: [3] * 1200})
        result = judged(compared, 0.9, baseline=baseline)
        assert (result.verdict, result.measured, result.n) == ("void", None, 1200)
        assert result.reason == ("both answer class 3 to all 1,200 samples: that is no agreement")
        assert "the scaling of evaluation_data" in result.advice

    @pytest.mark.parametrize(
        ("own", "base", "verdict"),
        [
            ([3] * 9, [4] * 9, "fail"),
            ([3] * 9, [3] * 8 + [4], "fail"),
            ([3] * 8 + [4], [3] * 9, "fail"),
            ([3] * 8 + [4], [3] * 8 + [4], "pass"),
            ([3], [3], "pass"),  # of one sample, one answer is all there is
        ],
    )
    def test_else_it_is_judged(self, own: list[int], base: list[int], verdict: str) -> None:
        assert judged(Answered({None: own, "converted": base}), 0.9).verdict == verdict


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((), {}, "missing a required argument: 'limit'"),
        ((0.9, "host"), {}, "too many positional arguments"),
        ((99,), {}, "limit must be a number over 0, at most 1, not 99"),
        ((0,), {}, "over 0, at most 1, not 0"),
        ((-0.1,), {}, "over 0, at most 1, not -0.1"),
        ((NAN,), {}, "over 0, at most 1, not nan"),
        ((True,), {}, "over 0, at most 1, not True"),
        (("99 %",), {}, "over 0, at most 1, not '99 %'"),
        ((None,), {}, "over 0, at most 1, not None"),
        ((0.9,), {"baseline": "pi"}, "baseline 'pi' is not known"),
        ((0.9,), {"baseline": None}, "baseline None is not known"),
        ((0.9,), {"baseline": ["host"]}, "baseline ['host'] is not known"),
        ((0.9,), {"metric": "accuracy"}, "unexpected keyword argument 'metric'"),
        ((0.9,), {"confidence": 0.9}, "unexpected keyword argument 'confidence'"),
    ],
)
def test_a_wrong_call(args: tuple[Any, ...], kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_marker("min_agreement", args, kwargs)
    assert caught.value.message.startswith("@min_agreement: ")
    assert message in caught.value.message
    assert "the signature is min_agreement(limit, *, baseline='converted')" in caught.value.hint


@pytest.mark.parametrize(
    ("args", "kwargs", "hint"),
    [
        ((99,), {}, "a fraction: 0.99 is 99 %"),
        ((0.9,), {"baseline": "pi"}, "one of converted, dynamic, int8, float16, int16x8, source, "),
        ((0.9,), {"baseline": "pi"}, ", host; the signature"),
    ],
)
def test_the_hint_of_a_wrong_call(args: tuple[Any, ...], kwargs: dict[str, Any], hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_marker("min_agreement", args, kwargs)
    assert hint in caught.value.hint


def test_no_more_than_by_chance_is_void() -> None:
    """Both always answer class 0, but for one sample of 200 each, and not the same."""
    own, base = [0] * 199 + [1], [1] + [0] * 199
    result = judged(Answered({None: own, "converted": base}), 0.99)
    assert (result.verdict, result.measured) == ("void", 0.99)
    assert result.reason.endswith("no more than by chance, 99.01 %")
    same = judged(Answered({None: own, "converted": own}), 0.99)
    assert same.verdict == "pass", "the one sample is the same: that is agreement"


def test_masks_agree_by_their_pixels() -> None:
    base = np.random.default_rng(0).integers(0, 3, (10, 4, 5))
    own = base.copy()
    own[3, 0] += 1
    own[7, 0, 0] += 1
    found = judged(Answered({None: own.tolist(), "converted": base.tolist()}), 0.97)
    assert (found.verdict, found.measured) == ("pass", pytest.approx(1 - 6 / 200))
    assert (
        found.reason
        == "3.00 % of the pixels get another class than from converted, in 2 of " + ("10 samples")
    )
    assert found.details == ("sample 3: 25.00 %", "sample 7: 5.00 %")
    assert (found.low, found.high) == (None, None)
    assert judged(Answered({None: own.tolist(), "converted": base.tolist()}), 0.98).fails


def test_of_several_labels_each_counts() -> None:
    """The likeliest of them says nothing where several are as likely."""
    own = [[1, 0, 1], [0, 0, 1], [1, 1, 0], [0, 1, 1]]
    base = [[1, 0, 1], [0, 0, 1], [1, 1, 0], [0, 1, 0]]
    answers: Any = {None: own, "converted": base}
    result = judged(Answered(answers), 0.9)
    assert (result.verdict, result.measured, result.n) == ("pass", pytest.approx(11 / 12), 4)
    assert result.reason == "8.33 % of the labels are others than from converted, in 1 of 4 samples"
