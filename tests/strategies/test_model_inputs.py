"""Batches that a model takes: shapes, types and ranges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.device.quantisation import quantise, real_range
from pytest_edgeai.errors import UsageError
from pytest_edgeai.strategies import Samples, model_inputs

Open = Callable[[str], Interpreter]
REPEATABLE = settings(derandomize=True, database=None, deadline=None, max_examples=100)


def drawn(strategy: st.SearchStrategy[Any], how: settings = REPEATABLE) -> list[Any]:
    """Examples of a strategy; health checks count."""
    batches = []

    @how
    @given(strategy)
    def draw(batch: Any) -> None:
        batches.append(batch)

    draw()
    return batches


def shapes(batches: list[Any]) -> set[tuple[int, ...]]:
    return {batch.shape for batch in batches}


def values(batches: list[Any]) -> Any:
    return np.concatenate([np.asarray(batch).ravel() for batch in batches])


class TestShapes:
    def test_samples_and_the_models_own(self, small: Open) -> None:
        batches = drawn(model_inputs(small("ratio")))
        assert shapes(batches) == {(1, 6), (2, 6), (3, 6)}
        assert {type(batch) for batch in batches} == {Samples}
        assert shapes(drawn(model_inputs(small("ratio"), max_samples=1))) == {(1, 6)}

    @pytest.mark.parametrize(("most", "samples"), [(3, {4}), (12, {4, 8, 12})])
    def test_whole_runs_of_a_fixed_batch(self, small: Open, most: int, samples: set[int]) -> None:
        batches = drawn(model_inputs(small("batch_of_4"), max_samples=most))
        assert shapes(batches) == {(count, 3) for count in samples}

    @pytest.mark.parametrize(
        ("name", "ranks"),
        [("batch_lost", 3), ("no_batch", 2), ("scalar", 1), ("mean_of_any", 3), ("sum_of_any", 1)],
    )
    def test_whatever_the_model_makes_of_it(self, small: Open, name: str, ranks: int) -> None:
        interpreter = small(name)
        for batch in drawn(model_inputs(interpreter)):
            assert batch.ndim == ranks
            assert len(interpreter.predict(batch)) == len(batch)

    def test_several_inputs_by_name(self, small: Open) -> None:
        interpreter = small("scaled_image")
        for batch in drawn(model_inputs(interpreter)):
            count = len(batch["x"])
            assert {name: array.shape for name, array in batch.items()} == {
                "x": (count, 8, 8, 1),
                "gain": (count,) if batch["gain"].ndim == 1 else (count, 1),
            }
            assert interpreter.predict(batch).shape == (count, 8, 8, 1)

    @pytest.mark.parametrize("name", ["over_threshold", "four_and_one", "zebra_minus_apple"])
    def test_inputs_that_take_different_numbers_of_samples(self, small: Open, name: str) -> None:
        for batch in drawn(model_inputs(small(name))):
            small(name).predict(batch)

    def test_sizes_that_may_change_are_small(self, small: Open) -> None:
        found = shapes(drawn(model_inputs(small("doubled_any"), max_samples=1)))
        assert found == {(1, size) for size in range(1, 9)}

    def test_and_the_same_in_all_inputs(self, small: Open) -> None:
        batches = drawn(model_inputs(small("masked_ids"), low=0, high=9))
        assert all(batch["ids"].shape == batch["mask"].shape for batch in batches)
        assert len({batch["ids"].shape for batch in batches}) > 5
        assert all(len(small("masked_ids").predict(b)) == len(b["ids"]) for b in batches[:20])

    def test_and_can_be_chosen(self, small: Open) -> None:
        fours = st.integers(1, 3).map(lambda count: 4 * count)
        for batch in drawn(model_inputs(small("in_fours"), sizes=fours)):
            small("in_fours").predict(batch)


class TestValues:
    def test_floats_from_0_to_1(self, small: Open) -> None:
        found = values(drawn(model_inputs(small("ratio"))))
        assert found.dtype == np.float32
        assert {0.0, 1.0} < set(found.tolist())
        assert found.min() == 0
        assert found.max() == 1

    def test_floats_of_another_range(self, small: Open) -> None:
        found = values(drawn(model_inputs(small("ratio"), low=-0.1, high=0.7)))
        assert found.min() == np.float32(-0.1)
        assert found.max() == np.float32(0.7)

    @pytest.mark.parametrize(
        ("name", "dtype"),
        [
            ("resnet8_cifar10_int8", "int8"),
            ("vww_96_int8", "int8"),
            ("mobilenet_v1_0.25_224_uint8", "uint8"),
        ],
    )
    def test_all_that_a_quantised_input_can_tell_apart(
        self, published: Open, name: str, dtype: str
    ) -> None:
        interpreter = published(name)
        (details,) = interpreter.get_input_details()
        assert np.dtype(details["dtype"]) == dtype
        found = np.unique(values(drawn(model_inputs(interpreter))))
        assert found.dtype == np.float32
        assert (found[0], found[-1]) == pytest.approx(real_range(details), rel=1e-6)
        steps = quantise(found, details)
        assert len(set(steps.tolist())) == len(found) > 50

    def test_a_part_of_it(self, published: Open) -> None:
        found = values(drawn(model_inputs(published("vww_96_int8"), low=0.25, high=0.5)))
        assert found.min() == pytest.approx(64 / 255)
        assert found.max() == pytest.approx(127 / 255)

    @pytest.mark.parametrize(
        ("name", "dtype"), [("brightness", np.uint8), ("twice_int32", np.int32)]
    )
    def test_all_of_an_integer(self, small: Open, name: str, dtype: Any) -> None:
        found, limits = values(drawn(model_inputs(small(name)))), np.iinfo(dtype)
        assert found.dtype == dtype
        assert (found.min(), found.max()) == (limits.min, limits.max)

    def test_indices(self, small: Open) -> None:
        found = values(drawn(model_inputs(small("word_of_number"), low=0, high=2.5)))
        assert set(found.tolist()) == {0, 1, 2}

    def test_bools_and_strings(self, small: Open) -> None:
        assert set(values(drawn(model_inputs(small("not_bool")))).tolist()) == {True, False}
        words = drawn(model_inputs(small("number_of_word")))
        assert len({word for batch in words for word in batch.ravel().tolist()}) > 20
        assert small("number_of_word").predict(words[-1]).tolist() == [-1] * len(words[-1])

    @pytest.mark.parametrize(
        ("low", "high", "text"),
        [(2, None, "no value from 2.0 to 1.0"), (0.75, 0.5, "no value from 0.75 to 0.5")],
    )
    def test_no_value_is_an_error(
        self, small: Open, low: float, high: float | None, text: str
    ) -> None:
        with pytest.raises(UsageError, match=f"input 'x' has {text}"):
            model_inputs(small("ratio"), low=low, high=high)

    def test_no_step_of_a_quantised_input(self, published: Open) -> None:
        with pytest.raises(UsageError, match="has no value"):
            model_inputs(published("vww_96_int8"), low=7, high=9)


class TestOfLargeInputs:
    """224 x 224 x 3: too much for a value each, and for Hypothesis' own arrays."""

    def test_are_healthy_and_quick(self, published: Open) -> None:
        ours = model_inputs(published("mobilenet_v1_0.25_224_float"), max_samples=8)
        batches = drawn(ours)
        assert len(batches) == 100
        assert max(len(repr(batch)) for batch in batches) < 2000
        assert len({repr(batch) for batch in batches}) > 80

    def test_one_wrong_element_is_found_and_shown_alone(self, published: Open) -> None:
        ours = model_inputs(published("mobilenet_v1_0.25_224_float"), max_samples=1)
        simplest = find(ours, lambda batch: bool((batch > 0.5).any() and (batch == 0).any()))
        assert repr(simplest) in (
            "sparse((1, 224, 224, 3), 'float32', fill=0.0, at={0: 1.0})",
            "sparse((1, 224, 224, 3), 'float32', fill=1.0, at={0: 0.0})",
        )

    def test_samples_differ(self, published: Open) -> None:
        batches = drawn(model_inputs(published("mobilenet_v1_0.25_224_float")))
        pairs = [batch for batch in batches if len(batch) > 1]
        assert sum(not np.array_equal(b[0], b[1]) for b in pairs) > len(pairs) / 2


def test_the_simplest_batch_is_one_sample_of_zeros(small: Open) -> None:
    simplest = find(model_inputs(small("ratio")), lambda batch: True)
    assert repr(simplest) == "np.array([[0.0, 0.0, 0.0, 0.0, 0.0, 0.0]], dtype=np.float32)"


def test_in_a_test_of_ones_own(small: Open) -> None:
    interpreter = small("doubled_any")

    @REPEATABLE
    @given(st.data())
    def never_nan(data: st.DataObject) -> None:
        batch = data.draw(model_inputs(interpreter))
        assert np.isfinite(interpreter.predict(batch)).all()

    never_nan()
