"""Which layers are to blame, on made-up errors, and what is said of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from pytest_edgeai.errors import ModelError
from pytest_edgeai.judge.evidence import Evidence, Layer
from pytest_edgeai.judge.layers import sample_choice, to_blame, where_it_goes_wrong

ROUNDING = 1 / math.sqrt(12)


def chain(*errors: float, kind: str = "CONV_2D") -> list[Layer]:
    """An input and layers after it, each of which reads the one before."""
    first = Layer("image", "INPUT", (), errors[0])
    others = [Layer(f"conv{i}", kind, (i - 1,), e) for i, e in enumerate(errors) if i]
    return [first, *others]


@dataclass
class Compared:
    """Evidence whose layers were compared before."""

    found: list[Layer] | Exception
    variant: str = "int8"
    asked: list[tuple[str, list[int]]] = field(default_factory=list)

    def layers(self, baseline: str, samples: Sequence[int]) -> list[Layer]:
        self.asked.append((baseline, list(samples)))
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


def told(
    found: list[Layer] | Exception, baseline: str = "converted"
) -> tuple[list[str], dict[str, Any]]:
    return where_it_goes_wrong(cast("Evidence", Compared(found)), baseline, [7], 1000)


class TestToBlame:
    @pytest.mark.parametrize(
        ("errors", "guilty"),
        [
            ((0.003, 0.02, 0.03, 0.05), []),
            ((0.003, 0.02, 0.9, 1.1), [2]),
            ((0.003, 0.9, 1.2, 1.3), [1]),
            ((0.003, 0.02, 0.03, 0.5), [3]),
            ((0.003, 0.1, 0.2, 0.35, 0.6), []),  # it adds up
            ((0.003, 0.02, math.inf, math.inf), [2]),
            ((0.003, ROUNDING, 0.5), []),  # nothing but rounding
            ((0.2, 0.9, 0.9), [0]),
            ((0.003, 0.02, 0.9, 0.1, 0.9), [2]),  # what comes after it may be its doing
        ],
    )
    def test_in_a_chain(self, errors: tuple[float, ...], guilty: list[int]) -> None:
        assert to_blame(chain(*errors)) == guilty

    def test_an_addition_is_as_bad_as_the_worst_that_it_adds(self) -> None:
        branch = Layer("branch", "CONV_2D", (0,), 0.9)
        layers = [*chain(0.003, 0.02), branch, Layer("sum", "ADD", (1, 2), 0.8)]
        assert to_blame(layers) == [2]

    def test_each_branch_has_a_first_one(self) -> None:
        layers = [
            Layer("image", "INPUT", (), 0.003),
            Layer("left", "CONV_2D", (0,), 0.8),
            Layer("right", "CONV_2D", (0,), 0.7),
            Layer("both", "CONCATENATION", (1, 2), 0.75),
        ]
        assert to_blame(layers) == [1, 2]

    @pytest.mark.parametrize(("kind", "guilty"), [("SOFTMAX", []), ("MEAN", [2])])
    def test_a_softmax_only_passes_on(self, kind: str, guilty: list[int]) -> None:
        layers = [*chain(0.003, 0.02), Layer("last", kind, (1,), 0.5)]
        assert to_blame(layers) == guilty


class TestText:
    def test_of_a_jump(self) -> None:
        (text,), data = told(chain(0.003, 0.0084, 0.43))
        assert text == (
            "layers whose error jumps first, on 16 samples against converted: "
            "conv2 (CONV_2D, 0.84 % going in, 43 % coming out)"
        )
        assert [row["to_blame"] for row in data["layers"]] == [False, False, True]
        assert data["layers"][2] == {
            "name": "conv2",
            "operator": "CONV_2D",
            "error": 0.43,
            "input_error": 0.0084,
            "sqnr_db": pytest.approx(7.33, abs=0.01),
            "saturated": 0.0,
            "to_blame": True,
        }

    def test_of_a_range_that_is_too_narrow(self) -> None:
        narrow = Layer("narrow", "FULLY_CONNECTED", (0,), 2.05, saturated=0.46)
        (text,), _ = told([*chain(0.03), narrow])
        assert text.endswith(
            "narrow (FULLY_CONNECTED, 3 % going in, 205 % with 46 % saturated coming out); "
            "what saturates is beyond the range that calibration_data gave it"
        )

    def test_at_most_three_are_named(self) -> None:
        branches = [Layer(f"branch{i}", "CONV_2D", (0,), 0.9) for i in range(5)]
        (text,), data = told([*chain(0.0), *branches])
        assert [name in text for name in ("branch0", "branch2", "branch3")] == [True, True, False]
        assert text.endswith("branch2 (CONV_2D, 0 % going in, 90 % coming out), and 2 more")
        assert sum(row["to_blame"] for row in data["layers"]) == 5

    def test_where_errors_add_up(self) -> None:
        (text,), data = told(chain(0.01, 0.1, 0.2, 0.35))
        assert text.endswith("no single layer is to blame; it grows to 35 % in conv3, the last")
        assert not any(row["to_blame"] for row in data["layers"])

    def test_where_it_begins_at_the_input(self) -> None:
        layers = [Layer("image", "INPUT", (), 0.98, saturated=0.99), *chain(0.0, 0.97)[1:]]
        (text,), _ = told(layers)
        assert "it begins at the input: image (98 % with 99 % saturated); the model was" in text

    def test_of_nan(self) -> None:
        (text,), data = told(chain(0.003, math.inf))
        assert "conv1 (CONV_2D, 0.3 % going in, NaN or infinity coming out)" in text
        assert data["layers"][1]["sqnr_db"] is None

    @pytest.mark.parametrize(
        ("error", "reason"),
        [
            (ModelError("the graphs do not correspond: so\nand so"), "do not correspond: so"),
            (ValueError("all wrong"), "ValueError: all wrong"),
        ],
    )
    def test_of_what_could_not_be_compared(self, error: Exception, reason: str) -> None:
        (text,), data = told(error)
        assert text.startswith("layers were not compared: ")
        assert text.endswith(reason)
        assert data == {}


class TestBaselines:
    @pytest.mark.parametrize(
        ("baseline", "asked"), [("converted", "converted"), ("source", "converted"), ("int8", None)]
    )
    def test_what_is_compared_with(self, baseline: str, asked: str | None) -> None:
        evidence = Compared(chain(0.003, 0.9))
        texts, _ = where_it_goes_wrong(cast("Evidence", evidence), baseline, [], 4)
        assert [variant for variant, _ in evidence.asked] == ([asked] if asked else [])
        assert len(texts) == 1

    def test_the_host_has_the_same_file(self) -> None:
        assert told(chain(0.003, 0.9), "host") == ([], {})


class TestSampleChoice:
    @pytest.mark.parametrize(
        ("wrong", "n", "chosen"),
        [
            ([], 3, [0, 1, 2]),
            ([1], 3, [0, 1, 2]),
            ([], 32, list(range(0, 32, 2))),
        ],
    )
    def test_of_few(self, wrong: list[int], n: int, chosen: list[int]) -> None:
        assert sample_choice(wrong, n) == chosen

    def test_half_of_them_went_wrong(self) -> None:
        wrong = list(range(101, 1000, 10))
        chosen = sample_choice(wrong, 1000)
        assert len({*chosen}) == 16
        assert len({*chosen} & {*wrong}) == 8
        assert max(chosen) > 800, "from all over the data set"
        assert min(chosen) < 100
