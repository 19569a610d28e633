"""Ready properties: each passes on a good model, and shows what breaks a bad one."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis.database import DirectoryBasedExampleDatabase

from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.errors import InterpreterError, UsageError
from pytest_edgeai.strategies import (
    assert_agrees,
    assert_deterministic,
    assert_finite,
    assert_in_range,
    assert_order_independent,
)

Open = Callable[[str], Interpreter]
REPEATABLE = settings(derandomize=True, database=None, max_examples=50)
SEARCH = {"settings": REPEATABLE}


def said(property_: Callable[..., None], *args: Any, **options: Any) -> str:
    with pytest.raises(AssertionError) as caught:
        property_(*args, **options)
    return str(caught.value)


class TestOutputsAreFinite:
    @pytest.mark.parametrize("name", ["zebra_minus_apple", "number_of_word", "twice_int32"])
    def test_of_a_good_model(self, small: Open, name: str) -> None:
        assert_finite(small(name), **SEARCH)

    def test_of_a_quantised_one(self, published: Open) -> None:
        assert_finite(published("vww_96_int8"), **SEARCH)

    def test_of_one_that_divides_by_nothing(self, small: Open) -> None:
        assert said(assert_finite, small("ratio"), **SEARCH) == (
            "<converted of ratio.tflite on local>: output 'share' is not finite: "
            "for sample 0 it is nan\n"
            "    batch = np.array([[0.0, 0.0, 0.0, 0.0, 0.0, 0.0]], dtype=np.float32)"
        )

    def test_inputs_are_chosen(self, small: Open) -> None:
        assert_finite(small("ratio"), low=0.5, **SEARCH)

    def test_a_refusal_is_the_runtimes(self, small: Open) -> None:
        with pytest.raises(InterpreterError, match="gather index out of bounds") as caught:
            assert_finite(small("word_of_number"), **SEARCH)
        assert any("dtype=np.int32)" in note for note in getattr(caught.value, "__notes__", []))
        assert_finite(small("word_of_number"), low=0, high=2, **SEARCH)


class TestOutputsInRange:
    def test_of_a_good_model(self, small: Open) -> None:
        assert_in_range(small("three_scores"), -1, 1, **SEARCH)

    @pytest.mark.parametrize(("low", "high"), [(-1, 0.5), (-0.5, 1)])
    def test_of_one_outside(self, small: Open, low: float, high: float) -> None:
        text = said(assert_in_range, small("three_scores"), low, high, **SEARCH)
        assert f"output 'scores' is not from {low} to {high}: for sample 0 it is " in text

    def test_the_inputs_have_a_range_of_their_own(self, small: Open) -> None:
        text = said(assert_in_range, small("three_scores"), -1, 1, high=2.0, **SEARCH)
        assert "batch = np.array([[2.0, 0.0]], dtype=np.float32)" in text

    def test_nan_is_in_no_range(self, small: Open) -> None:
        assert "it is nan" in said(assert_in_range, small("ratio"), -np.inf, np.inf, **SEARCH)


class TestIsDeterministic:
    @pytest.mark.parametrize("name", ["counts", "doubled_any", "zebra_minus_apple", "ratio"])
    def test_of_a_good_model(self, small: Open, name: str) -> None:
        """``counts`` keeps a total, which is reset; ``ratio`` answers NaN."""
        assert_deterministic(small(name), **SEARCH)

    def test_of_one_with_random_numbers(self, small: Open) -> None:
        text = said(assert_deterministic, small("with_noise"), **SEARCH)
        assert "output 'y' differs when the batch is given again: for sample 0 it is 0." in text
        zeros = "np.array([[0.0, 0.0, 0.0]], dtype=np.float32)"
        assert text.endswith(f"\n    batch = {zeros}\n    other = {zeros}")

    def test_of_one_that_remembers(self, small: Open, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Interpreter, "_reset", "")
        text = said(assert_deterministic, small("counts"), **SEARCH)
        assert "output 'total' differs after another batch: for sample 0 it is" in text
        assert text.endswith("other = np.array([[1.0]], dtype=np.float32)")

    def test_of_one_that_is_not_always_so(
        self, small: Open, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Hypothesis calls it flaky, and that is what was looked for."""
        interpreter, predict, calls = small("doubled_any"), Interpreter.predict, []

        def odd_once(self: Interpreter, batch: Any) -> Any:
            calls.append(1)
            return predict(self, batch) + (len(calls) == 20)

        monkeypatch.setattr(Interpreter, "predict", odd_once)
        text = said(assert_deterministic, interpreter, **SEARCH)
        assert text.endswith("(not each time that the batch was given)")


class TestBatchOrderDoesNotMatter:
    @pytest.mark.parametrize("name", ["batch_of_4", "counts", "masked_ids", "four_and_one"])
    def test_of_a_good_model(self, small: Open, name: str) -> None:
        indices = {"low": 0, "high": 9} if name == "masked_ids" else {}
        assert_order_independent(small(name), **SEARCH, **indices)

    def test_of_one_that_adds_up_its_samples(self, small: Open) -> None:
        text = said(assert_order_independent, small("running_total"), **SEARCH)
        assert "output 'y' differs when the samples are reversed: for sample" in text
        assert text.count("0.0") > text.count("1.0") > 0


class TestAgreesWith:
    def test_of_a_good_conversion(self, published: Open) -> None:
        assert_agrees(published("mnist_lstm_int8"), published("mnist_lstm_float"))
        assert_agrees(published("vww_96_int8"), published("vww_96_float"), tolerance=0.05)

    def test_of_another_model(self, small: Open) -> None:
        text = said(assert_agrees, small("three_scores"), small("other_scores"), share=0.9)
        found = re.search(r"agree on (\d+\.\d\d) % of 200 samples, not on 90.00 %", text)
        assert found is not None
        assert float(found[1]) < 80
        apart = [float(line.split()[0]) for line in text.splitlines()[1:]]
        assert len(apart) == 3
        assert apart == sorted(apart, reverse=True)
        assert apart[0] == 2
        assert said(assert_agrees, small("three_scores"), small("other_scores"), share=0.9) == text

    def test_the_worst_are_the_worst(self, small: Open) -> None:
        one, other = small("three_scores"), small("other_scores")
        shown = said(assert_agrees, one, other, tolerance=0.1).splitlines()[1:]
        for line in shown:
            gap, _, batch = line.strip().partition(" apart: ")
            given = eval(batch, {"np": np})
            assert np.abs(one.predict(given) - other.predict(given)).max() == pytest.approx(
                float(gap), rel=0.01
            )

    def test_on_real_samples(self, published: Open, realdata: Path) -> None:
        with np.load(realdata / "mnist" / "mnist_test3000.npz") as data:
            digits = (data["x"][:300] / 255).astype(np.float32)
        pair = published("mnist_lstm_int8"), published("mnist_lstm_float")
        assert_agrees(*pair, samples=digits)
        text = said(assert_agrees, *pair, samples=digits, tolerance=0.01, share=1)
        gaps = np.abs(pair[0].predict(digits) - pair[1].predict(digits)).max(axis=1)
        assert f"apart: sample {gaps.argmax()}\n" in text
        assert f"agree on {(gaps <= 0.01).mean() * 100:.2f} % of 300 samples" in text

    def test_one_class_for_all_is_no_agreement(self, published: Open) -> None:
        text = said(assert_agrees, published("vww_96_int8"), published("vww_96_float"))
        assert "both answer class 0 to all 200 samples: that is no agreement" in text

    def test_places_that_are_shared_count_alike(self, small: Open) -> None:
        assert_agrees(small("three_scores"), small("other_scores"), samples=np.zeros((1, 2)))

    def test_nan_agrees_with_nan_alone(self, small: Open) -> None:
        ratio = small("ratio")
        assert_agrees(ratio, ratio, tolerance=0.0)
        assert "inf apart: " in said(assert_agrees, ratio, ratio)

    @pytest.mark.parametrize(
        ("name", "options", "text"),
        [
            ("sum_of_any", {}, "the output of shape (1,) has no scores of classes"),
            ("three_scores", {"share": 1.2}, "share must be a number over 0, at most 1, not 1.2"),
            ("word_of_number", {"tolerance": 1, "low": 0, "high": 1}, "there is no distance"),
        ],
    )
    def test_what_cannot_be_compared(
        self, small: Open, name: str, options: dict[str, Any], text: str
    ) -> None:
        with pytest.raises(UsageError) as caught:
            assert_agrees(small(name), small(name), **options)
        assert text in str(caught.value)

    def test_models_with_other_outputs(self, small: Open) -> None:
        with pytest.raises(UsageError, match=r"outputs differ: \(1, 3\) and \(1, 2\)"):
            assert_agrees(small("three_scores"), small("doubled_any"), samples=2)


def test_failing_examples_are_those_of_one_model(small: Open, tmp_path: Path) -> None:
    """One model that passes must not clear away what another one failed on."""
    stored = settings(database=DirectoryBasedExampleDatabase(tmp_path), max_examples=20)

    def kept() -> int:
        return len([path for path in tmp_path.rglob("*") if path.is_file()])

    said(assert_finite, small("ratio"), settings=stored)
    before = kept()
    assert before > 0
    assert_finite(small("three_scores"), settings=stored)
    assert_in_range(small("three_scores"), -1, 1, settings=stored)
    assert kept() >= before
