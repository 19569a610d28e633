"""Metrics by name: which way is better, in which unit, and with which limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from pytest_edgeai import Metric
from pytest_edgeai.errors import UsageError
from pytest_edgeai.judge.evidence import Score
from pytest_edgeai.judge.markers import parse_marker
from pytest_edgeai.judge.metrics import NAMES, metric_of
from pytest_edgeai.judge.verdict import BudgetResult
from pytest_edgeai.plugin.judging import _gap, _in_brief

ERROR = "mean_absolute_error"
KNOWN = [name.replace("K", "5") for name in NAMES]


def refusal(given: Any) -> str:
    with pytest.raises(UsageError) as caught:
        metric_of(given)
    return str(caught.value)


class TestByName:
    @pytest.mark.parametrize("name", KNOWN)
    def test_the_better_is_higher_unless_it_is_an_error(self, name: str) -> None:
        metric = metric_of(name)
        assert metric.name == name
        assert metric.higher_is_better == (not name.endswith("_error"))
        assert metric.is_share == name.endswith("accuracy")
        assert metric.is_bounded == (not name.endswith("_error") and name != "r2")
        assert metric.worsening(0.75, 0.5) == (0.25 if metric.higher_is_better else -0.25)

    @pytest.mark.parametrize(
        ("name", "k"), [("accuracy", 1), ("top_5_accuracy", 5), ("balanced_accuracy", None)]
    )
    def test_how_many_answers_may_be_right(self, name: str, k: int | None) -> None:
        assert metric_of(name).k == k

    @pytest.mark.parametrize(
        ("given", "text"),
        [
            (
                "top_K_accuracy",
                "'top_K_accuracy' is not known\nhint: did you mean 'top_5_accuracy'?",
            ),
            ("top_05_accuracy", "metric 'top_05_accuracy' is not known"),
            ("f1_makro", "did you mean 'f1_macro'? It is one of accuracy, top_K_accuracy"),
            ("mAP", "one of accuracy, "),
            (None, "metric None is not known"),
            (Metric(None, name="f1_makro"), "did you mean 'f1_macro'?"),
            (Metric(None), "metric 'NoneType' is not known"),
            (Metric("roc", name="x"), "metric 'roc' is not known"),  # type: ignore[arg-type]
        ],
    )
    def test_unknown(self, given: Any, text: str) -> None:
        assert text in refusal(given)


class TestOfAUser:
    def test_a_function_is_better_higher_and_has_its_name(self) -> None:
        metric = metric_of(max)
        assert (metric.name, metric.higher_is_better, metric.k) == ("max", True, None)
        assert not metric.is_share
        assert not metric.is_bounded

    def test_a_callable_object_has_the_name_of_its_class(self) -> None:
        class Recall:
            def __call__(self, labels: Any, predictions: Any) -> float:
                return 1.0

        assert metric_of(Recall()).name == "Recall"

    def test_a_name_of_ones_own(self) -> None:
        loss = Metric(min, higher_is_better=False, name="loss")
        assert metric_of(loss) is loss
        assert loss.worsening(1, 3) == 2

    def test_a_function_called_accuracy_is_no_share(self) -> None:
        assert not Metric(max, name="accuracy").is_share
        assert Metric(max, name="accuracy").k is None

    def test_a_name_in_a_metric_is_that_name(self) -> None:
        assert metric_of(Metric(None, True, ERROR)) == metric_of(ERROR)

    def test_its_limit_may_be_below_0(self) -> None:
        energy = Metric(min, higher_is_better=False, name="energy")
        assert len(parse_marker("min_accuracy", (-3,), {"metric": energy})) == 1


@dataclass
class Scored:
    """Evidence whose scores are given; each sample's error is drawn around them."""

    own: float
    base: float = 0.0
    variant: str = "int8"
    spread: float = 0.0
    chance: float | None = None

    def score(self, metric: Metric, baseline: str | None = None) -> Score:
        value = self.own if baseline is None else self.base
        errors = value + self.spread * np.random.default_rng(0).standard_normal(200)
        return Score(
            value,
            200,
            "labels as numbers",
            self.chance,
            resampled=lambda at: float(errors[at].mean()),
        )

    def suspicions(self, metric: Metric | None) -> tuple[str, ...]:
        return ()


def judged(name: str, evidence: Scored, limit: float, **kwargs: Any) -> BudgetResult:
    (budget,) = parse_marker(name, (limit,), kwargs)
    return budget.judge(evidence)  # type: ignore[arg-type]


class TestDirection:
    @pytest.mark.parametrize(("own", "verdict"), [(2, "pass"), (3, "pass"), (4, "fail")])
    def test_an_error_keeps_within_its_limit(self, own: float, verdict: str) -> None:
        result = judged("min_accuracy", Scored(own), 3, metric=ERROR)
        assert (result.verdict, result.measured, result.unit) == (verdict, own, "score")
        assert not result.is_floor
        assert result.headroom == pytest.approx((3 - own) / 3)

    @pytest.mark.parametrize(
        ("own", "verdict"),
        [(2, "pass"), (2.99, "inconclusive"), (3.01, "inconclusive"), (4, "fail")],
    )
    def test_with_a_confidence_its_interval(self, own: float, verdict: str) -> None:
        evidence = Scored(own, spread=1.0)
        result = judged("min_accuracy", evidence, 3, metric=ERROR, confidence=0.95)
        assert result.verdict == verdict
        assert result.low is not None
        assert result.high is not None
        assert own - 0.4 < result.low <= own <= result.high < own + 0.4
        assert (
            "on other samples of the same kind mean_absolute_error is between"
            in (result.details[0])
        )
        if verdict == "inconclusive":
            assert result.advice == "more evaluation samples, or a limit that is not so near"

    @pytest.mark.parametrize(
        ("own", "verdict"), [(0.5, "fail"), (0.79, "inconclusive"), (0.95, "pass")]
    )
    def test_of_a_floor_it_is_the_other_way_round(self, own: float, verdict: str) -> None:
        evidence = Scored(own, spread=0.3)
        result = judged("min_accuracy", evidence, 0.8, metric="roc_auc", confidence=0.95)
        assert (result.verdict, result.is_floor) == (verdict, True)

    @pytest.mark.parametrize(
        ("metric", "own", "limit", "said", "brief"),
        [
            (ERROR, 4, 3, "mean_absolute_error 4, limit 3: 1 over", "mean_absolute_error 4 > 3"),
            ("roc_auc", 0.7, 0.9, "roc_auc 0.7, limit 0.9: 0.2 under", "roc_auc 0.7 < 0.9"),
            ("r2", -1, 0.5, "r2 -1, limit 0.5: 1.5 under", "r2 -1 < 0.5"),
            (
                "balanced_accuracy",
                0.7,
                0.9,
                "balanced_accuracy 70.00 %, limit 90.00 %: 20.00 pt under",
                "balanced_accuracy 70.00 % < 90.00 %",
            ),
            (
                Metric(min, higher_is_better=False, name="energy"),
                -1,
                -2,
                "energy -1, limit -2: 1 over",
                "energy -1 > -2",
            ),
        ],
    )
    def test_a_failure_says_on_which_side(
        self, metric: Any, own: float, limit: float, said: str, brief: str
    ) -> None:
        result = judged("min_accuracy", Scored(own), limit, metric=metric)
        assert result.verdict == "fail"
        assert (_gap(result), _in_brief(result)) == (said, brief)
        assert result.headroom is not None
        assert result.headroom < 0

    @pytest.mark.parametrize(
        ("metric", "base", "own", "label", "measured", "verdict"),
        [
            (ERROR, 2, 2.4, "mean_absolute_error rise", 0.4, "pass"),
            (ERROR, 2, 2.6, "mean_absolute_error rise", 0.6, "fail"),
            (ERROR, 2, 1, "mean_absolute_error rise", -1, "pass"),
            ("roc_auc", 0.9, 0.2, "roc_auc drop", 0.7, "fail"),
            (Metric(min, False, "loss"), 2, 3, "loss rise", 1, "fail"),
            (min, 3, 2, "min drop", 1, "fail"),
        ],
    )
    def test_of_an_error_it_is_a_rise(
        self, metric: Any, base: float, own: float, label: str, measured: float, verdict: str
    ) -> None:
        result = judged("max_accuracy_drop", Scored(own, base), 0.5, metric=metric)
        assert (result.statistic, result.verdict) == (label, verdict)
        assert result.measured == pytest.approx(measured)
        assert result.unit == "score"
        assert not result.is_floor

    def test_the_interval_of_a_rise(self) -> None:
        """Both models see the same samples, whose errors cancel."""
        evidence = Scored(2.4, 2, spread=5.0)
        result = judged("max_accuracy_drop", evidence, 0.5, metric=ERROR, confidence=0.95)
        assert result.verdict == "pass"
        assert result.low == pytest.approx(0.4)
        assert result.high == pytest.approx(0.4)
        assert (
            "on other samples of the same kind the rise is between 0.4 and 0.4"
            in (result.details[0])
        )

    def test_a_drop_from_a_ranking_that_is_worse_than_chance_is_void(self) -> None:
        result = judged("max_accuracy_drop", Scored(0.2, 0.2, chance=0.5), 0.1, metric="roc_auc")
        assert result.verdict == "void"
        assert result.reason.endswith(
            "the baseline is no better than one answer to everything, 0.5"
        )
