"""How a batch is cut into runs, and the runs' answers are put together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_edgeai.device.batch import RUNS_PER_REQUEST, Runs, as_runs, by_index, resized
from pytest_edgeai.errors import TensorError


def details(
    *shape: int, signature: tuple[int, ...] = (), name: str = "x", index: int = 0
) -> dict[str, Any]:
    return {
        "name": name,
        "index": index,
        "shape": np.array(shape, np.int32),
        "shape_signature": np.array(signature or shape, np.int32),
        "dtype": np.float32,
        "quantization": (0.0, 0),
    }


def runs(*shape: int, given: tuple[int, ...], signature: tuple[int, ...] = ()) -> Runs:
    values = np.arange(np.prod(given), dtype=np.float32).reshape(given)
    return as_runs({0: values}, [details(*shape, signature=signature)])


@given(st.integers(1, 5), st.integers(1, 30))
def test_each_sample_comes_once_and_the_last_fills_up(group: int, samples: int) -> None:
    cut = runs(group, 3, given=(samples, 3))
    assert cut.tensors[0].shape == (-(-samples // group), group, 3)
    assert (cut.group, cut.samples, len(cut)) == (group, samples, -(-samples // group))
    flat = cut.tensors[0].reshape(-1, 3)
    assert np.array_equal(flat[:samples], np.arange(3 * samples).reshape(samples, 3))
    assert np.array_equal(
        flat[samples:], np.repeat(flat[samples - 1 : samples], len(flat) - samples, 0)
    )


@given(st.integers(1, 5), st.integers(1, 30))
def test_answers_are_one_per_sample(group: int, samples: int) -> None:
    cut = runs(group, 3, given=(samples, 3))
    answers = [run.sum(axis=1) for run in cut.tensors[0]]
    assert np.array_equal(
        cut.joined(answers, details(group)), np.arange(3 * samples).reshape(samples, 3).sum(axis=1)
    )


@pytest.mark.parametrize(
    ("shape", "given", "group"),
    [
        ((1, 4), (6, 4), 1),
        ((1, 4), (6, 1, 4), 1),
        ((2, 4), (6, 2, 4), 0),
        ((3, 4), (6, 3, 4), 0),
        ((), (6,), 0),
    ],
)
def test_one_run_each(shape: tuple[int, ...], given: tuple[int, ...], group: int) -> None:
    cut = runs(*shape, given=given)
    assert cut.tensors[0].shape == (6, *shape)
    assert (cut.group, len(cut)) == (group, 6)


def test_an_output_without_batch_dimension_is_stacked() -> None:
    cut = runs(1, 4, given=(6, 4))
    assert cut.joined([np.zeros(10, np.float32)] * 6, details(10)).shape == (6, 10)


def test_an_output_as_long_as_an_input_without_batch_dimension_is_stacked() -> None:
    cut = runs(10, 4, given=(6, 10, 4))
    assert cut.joined([np.zeros(10, np.float32)] * 6, details(10)).shape == (6, 10)


@pytest.mark.parametrize("sizes", [(3, 5), (1, 2)])
def test_answers_of_changing_shape_are_refused(sizes: tuple[int, int]) -> None:
    cut = runs(1, 4, given=(2, 4))
    answers = [np.zeros((size, 4), np.float32) for size in sizes]
    with pytest.raises(TensorError) as caught:
        cut.joined(answers, details(1, 4, name="boxes"))
    assert str(caught.value) == (
        f"output 'boxes' changes its shape from sample to sample (({sizes[0]}, 4), "
        f"({sizes[1]}, 4)): call predict() for one sample at a time"
    )


@pytest.mark.parametrize(
    ("shape", "outputs", "runs_at_once"),
    [
        ((1, 4), [(1, 2)], RUNS_PER_REQUEST),
        ((1, 1024, 1024, 3), [(1, 2)], 5),
        ((1, 4), [(1, 1024, 1024, 3), (1, 2)], 5),
        ((1, 17, 1024, 1024), [(1, 2)], 1),
    ],
)
def test_a_request_is_bounded(
    shape: tuple[int, ...], outputs: list[tuple[int, ...]], runs_at_once: int
) -> None:
    tensors = np.broadcast_to(np.float32(0), (100, *shape))
    part, _ = Runs({0: tensors}, 100, 1).part(0, [details(*output) for output in outputs])
    assert len(part[0]) == runs_at_once


def test_a_part_is_the_same_however_much_of_it_is_done() -> None:
    runs = Runs({0: np.arange(100)}, 100, 1)
    whole, first = runs.part(64, [])
    rest, done = runs.part(70, [])
    assert np.array_equal(whole[0], rest[0])
    assert (first, done) == (0, 6)


@pytest.mark.parametrize(
    ("shape", "signature", "given", "wanted"),
    [
        ((1, 1, 2), (1, -1, 2), (6, 5, 2), [1, 5, 2]),
        ((1, 5, 2), (1, -1, 2), (6, 5, 2), None),
        ((1, 1, 2), (1, -1, 2), (6, 5, 3), None),
        ((1, 4), (-1, 4), (6, 4), None),
        ((8, 4), (-1, 4), (6, 4), None),
        ((1,), (-1,), (6, 5), [5]),
        ((1,), (-1,), (6,), None),
        ((1, 4), (1, 4), (6, 5), None),
        ((), (), (6,), None),
    ],
)
def test_resizing(
    shape: tuple[int, ...],
    signature: tuple[int, ...],
    given: tuple[int, ...],
    wanted: list[int] | None,
) -> None:
    assert resized(np.zeros(given), details(*shape, signature=signature)) == wanted


class TestNames:
    inputs = (
        details(1, 2, name="serving_default_b:0", index=7),
        details(1, 2, name="serving_default_a:0", index=3),
    )

    @pytest.mark.parametrize(
        "names", [("left", "right"), ("b", "a"), ("serving_default_b:0", "a"), ("left", "a")]
    )
    def test_of_signature_and_tensor(self, names: tuple[str, str]) -> None:
        given = dict(zip(names, ([[1, 2]], [[3, 4]]), strict=True))
        found = by_index(given, self.inputs, ["left", "right"])
        assert {index: array.tolist() for index, array in found.items()} == {
            7: [[1, 2]],
            3: [[3, 4]],
        }

    def test_of_a_functions_arguments(self) -> None:
        found = by_index({"in_2": [[1, 2]], "in.1": [[3, 4]]}, self.inputs, ["in.1", "in.2"])
        assert {index: array.tolist() for index, array in found.items()} == {
            7: [[3, 4]],
            3: [[1, 2]],
        }

    @pytest.mark.parametrize(
        "names",
        [
            ("left",),
            ("left", "b"),
            ("left", "b", "right"),
            ("left", "right", "more"),
            ("left", "Right"),
            (1, 2),
        ],
    )
    def test_that_are_wrong(self, names: tuple[Any, ...]) -> None:
        with pytest.raises(TensorError, match=r"takes the inputs left, right, the batch has "):
            by_index({name: [[1, 2]] for name in names}, self.inputs, ["left", "right"])
