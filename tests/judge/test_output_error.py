"""Differences of outputs, on made-up ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.linalg import norm

from pytest_edgeai.errors import DataError
from pytest_edgeai.judge.evidence import Layer, OutputErrors
from pytest_edgeai.judge.markers import parse_marker
from pytest_edgeai.judge.output_error import output_errors
from pytest_edgeai.judge.verdict import BudgetResult

NAN, INF = float("nan"), float("inf")
RANDOM = np.random.default_rng(0)
BASE = RANDOM.normal(size=(20, 4, 3)).astype(np.float32)
OWN = BASE + RANDOM.normal(scale=0.1, size=BASE.shape).astype(np.float32)
DIFFERENCE = OWN.astype(float) - BASE.astype(float)
EXPECTED = {
    "max": norm(DIFFERENCE.ravel(), INF),
    "mean": norm(DIFFERENCE.ravel(), 1) / DIFFERENCE.size,
    "rms": norm(DIFFERENCE.ravel()) / DIFFERENCE.size**0.5,
}


@dataclass
class PutOut:
    """Outputs that were given before, each by what gave it; None is the model itself."""

    given: dict[str | None, dict[str, Any]]
    variant: str = "int8"
    is_on_host: bool = False
    asked: list[str] = field(default_factory=list)

    def output_errors(self, baseline: str) -> OutputErrors:
        self.asked.append(baseline)
        return output_errors(self.given[None], self.given[baseline])

    def layers(self, baseline: str, samples: Sequence[int]) -> list[Layer]:
        return [Layer("dense", "FULLY_CONNECTED", (), 0.9)]

    def suspicions(self, metric: object) -> tuple[str, ...]:
        return ()


def judged(evidence: PutOut, limit: float, **kwargs: str) -> BudgetResult:
    (budget,) = parse_marker("max_output_error", (limit,), kwargs)
    assert budget.needs_data
    return budget.judge(evidence)  # type: ignore[arg-type]


def compared(own: Any, base: Any, limit: float = 1.0, **kwargs: str) -> BudgetResult:
    """One output."""
    given = {None: {"y": np.asarray(own)}, "converted": {"y": np.asarray(base)}}
    return judged(PutOut(given), limit, **kwargs)


def refusal(own: dict[str, Any], base: dict[str, Any]) -> str:
    with pytest.raises(DataError) as caught:
        judged(PutOut({None: own, "converted": base}), 1.0)
    return str(caught.value)


@pytest.mark.parametrize("kind", EXPECTED)
def test_norms(kind: str) -> None:
    result = compared(OWN, BASE, norm=kind)
    assert result.measured == pytest.approx(EXPECTED[kind])
    assert (result.n, result.unit, result.statistic) == (20, "score", f"output error ({kind})")
    assert (result.verdict, result.is_floor, result.advice) == ("pass", False, "")


@pytest.mark.parametrize("kind", EXPECTED)
@pytest.mark.parametrize(("factor", "verdict"), [(1.001, "pass"), (1, "pass"), (0.999, "fail")])
def test_less_than_equal_to_and_more_than_the_limit(kind: str, factor: float, verdict: str) -> None:
    result = compared(OWN, BASE, EXPECTED[kind] * factor, norm=kind)
    assert result.verdict == verdict
    assert bool(result.advice) == (verdict == "fail")
    assert result.headroom == pytest.approx((factor - 1) / factor, abs=1e-9)


def test_the_last_bits_do_not_fail() -> None:
    assert compared([[0.3]], [[0.2]], 0.1).verdict == "pass", "0.3 - 0.2 is 0.09999999999999998"
    assert compared([[0.92]], [[0.9]], 0.02).verdict == "pass", "0.020000000000000018"


def test_no_difference_at_all_may_be_asked() -> None:
    assert compared(BASE, BASE, 0).verdict == "pass"
    assert compared(OWN, BASE, 0).verdict == "fail"


def test_what_is_said() -> None:
    result = compared([[0, 1], [5, 5], [2, 2]], [[0, 0], [2, 5], [2, 2]])
    assert (result.verdict, result.measured) == ("fail", 3)
    assert result.reason == (
        "the largest difference of a single value from converted on 3 samples, in the outputs' "
        "own unit"
    )
    differing, layers = result.details
    assert differing == "samples that differ most, by index: 1 (3), 0 (1), 2 (0)"
    assert layers.startswith("layers whose error jumps first, on 3 samples against converted: ")
    assert "calibrate with more samples" in result.advice


def test_whole_numbers_do_not_wrap_around() -> None:
    assert compared(np.array([[0]], "u1"), np.array([[255]], "u1"), 300).measured == 255
    assert compared(np.array([[-128]], "i1"), np.array([[127]], "i1"), 300).measured == 255


class TestSeveralOutputs:
    own: ClassVar = {"a": np.array([[1.0], [2.0]]), "b": np.array([[1.0, 1], [1, 1]])}
    base: ClassVar = {"b": np.array([[1.0, 1], [9, 1]]), "a": np.array([[0.0], [0.0]])}

    def test_the_worst_counts(self) -> None:
        result = judged(PutOut({None: self.own, "converted": self.base}), 1.0)
        assert result.measured == 8
        assert "the largest difference of a single value of output 'b' from converted" in (
            result.reason
        )
        assert result.details[0] == "samples that differ most, by index: 1 (8), 0 (1)"

    @pytest.mark.parametrize(("kind", "wanted"), [("mean", 2), ("rms", 4)])
    def test_each_has_a_norm_of_its_own(self, kind: str, wanted: float) -> None:
        result = judged(PutOut({None: self.own, "converted": self.base}), 1.0, norm=kind)
        assert result.measured == pytest.approx(wanted)

    def test_outputs_of_other_names_are_paired_in_their_order(self) -> None:
        """As those of the Keras model and of the converted one may be."""
        renamed = {"Identity": self.base["a"], "Identity_1": self.base["b"]}
        result = judged(PutOut({None: self.own, "source": renamed}), 1.0, baseline="source")
        assert result.measured == 8


@pytest.mark.parametrize(
    ("own", "base", "text"),
    [
        ([[0], [NAN], [NAN]], [[0], [0], [0]], "of the model holds NaN or infinity, the first for"),
        (
            [[0], [0], [0]],
            [[0], [0], [NAN]],
            "'y' of the baseline holds NaN or infinity",
        ),
        ([[0], [INF], [0]], [[0], [INF], [0]], "infinity, the first for sample 1"),
        (
            [[0, 1]],
            [[0]],
            "output 'y': float64 (1, 2) cannot be compared with the base",
        ),
        ([["a"]], [["a"]], "output 'y': <U1 (1, 1) cannot be compared"),
    ],
)
def test_refusals(own: Any, base: Any, text: str) -> None:
    arrays = [np.array(values) for values in (own, base)]
    arrays = [a.astype(float) if a.dtype.kind == "i" else a for a in arrays]
    assert text in refusal({"y": arrays[0]}, {"y": arrays[1]})


def test_more_outputs_than_the_baseline_has() -> None:
    text = refusal({"a": np.ones(2), "b": np.ones(2)}, {"a": np.ones(2)})
    assert "the model has the outputs a, b, and the baseline a" in text


class TestSkipped:
    """And nothing is asked of the models."""

    def test_a_baseline_is_not_compared_with_itself(self) -> None:
        result = judged(PutOut({}, variant="converted"), 1.0)
        assert (result.verdict, result.measured, result.n) == ("skipped", None, 0)
        assert result.reason == "converted is the baseline itself"

    def test_nor_is_the_host(self) -> None:
        result = judged(PutOut({}, is_on_host=True), 1.0, baseline="host")
        assert (result.verdict, result.reason) == ("skipped", "this is the host itself")

    def test_a_board_is_compared_with_the_host(self) -> None:
        evidence = PutOut({None: {"y": OWN}, "host": {"y": BASE}})
        result = judged(evidence, 9.0, baseline="host")
        assert result.measured == pytest.approx(EXPECTED["max"])
        assert evidence.asked == ["host"]
