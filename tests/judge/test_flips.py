"""Samples that two models answer differently, on made-up answers."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from pytest_edgeai.judge.evidence import Score
from pytest_edgeai.judge.flips import MOST_IN_DATA, Flips, flips
from pytest_edgeai.report.wording import WIDTH, indented


def score(classes: Any, answered: Any, hits: Any = None) -> Score:
    classes, answered = np.array(classes), np.array(answered)
    hits = classes == answered if hits is None else np.array(hits, bool)
    how = "labels: class indices"
    return Score(hits.mean(), len(hits), how, hits=hits, classes=classes, answered=answered)


def found(classes: Any, base: Any, own: Any) -> Flips:
    result = flips(score(classes, base), score(classes, own))
    assert result is not None
    return result


CLASSES = [0, 0, 0, 0, 1, 1, 1, 2, 2, 3]
BASE = [0, 0, 0, 1, 1, 1, 1, 2, 0, 3]
OWN = [0, 2, 2, 0, 1, 3, 1, 2, 2, 1]
"""Samples 1, 2, 5 and 9 are wrong now; 3 and 8 are right now."""


class TestWhatMovedWhere:
    flipped = found(CLASSES, BASE, OWN)

    def test_samples_by_index(self) -> None:
        assert self.flipped.pairs.lost.tolist() == [1, 2, 5, 9]
        assert self.flipped.pairs.gained.tolist() == [3, 8]
        assert self.flipped.counts == (4, 2)
        assert self.flipped.text == (
            "4 samples right before and wrong now, 2 the other way (McNemar p = 0.69)"
        )

    def test_what_is_said(self) -> None:
        """Class 0 lost two and gained one; class 2 gained."""
        assert self.flipped.described() == (
            "classes that lost most: 0 (75.00 % -> 50.00 % of 4), 1 (100.00 % -> 66.67 % of 3), "
            "3 (100.00 % -> 0.00 % of 1)",
            "what they became: 0 -> 2 (2), 1 -> 3 (1), 3 -> 1 (1)",
            "samples that are wrong now, by index: 1, 2, 5, 9",
        )

    def test_what_is_recorded(self) -> None:
        data = self.flipped.as_dict()
        assert json.loads(json.dumps(data)) == data
        assert data == {
            "lost": [1, 2, 5, 9],
            "gained": [3, 8],
            "moved": [
                {"label": 0, "before": 0, "now": 2, "samples": 2},
                {"label": 1, "before": 1, "now": 3, "samples": 1},
                {"label": 3, "before": 3, "now": 1, "samples": 1},
            ],
        }


def test_nothing_is_said_where_nothing_was_lost() -> None:
    better = found(CLASSES, BASE, CLASSES)
    assert better.counts == (0, 2)
    assert better.described() == ()
    assert better.as_dict()["moved"] == []


def test_losses_that_a_class_makes_up_for_are_no_loss_of_it() -> None:
    described = found([0, 0], [0, 1], [1, 0]).described()
    assert described == (
        "what they became: 0 -> 1 (1)",
        "samples that are wrong now, by index: 0",
    )


def test_of_several_likeliest_the_first_may_stay() -> None:
    """Sample 0 has the same likeliest class as before, and its true one is not among k any more."""
    labels, base, own = [3, 3, 3], [1, 1, 3], [1, 2, 2]
    before, now = score(labels, base, [1, 1, 1]), score(labels, own, [0, 0, 0])
    flipped = flips(before, now)
    assert flipped is not None
    assert flipped.counts == (3, 0)
    assert flipped.described()[1] == "what they became: 1 -> 2 (1), 3 -> 2 (1)"
    assert len(flipped.as_dict()["moved"]) == 3


def test_different_labels_that_moved_alike_are_one() -> None:
    before, now = score([3, 4], [1, 1], [1, 1]), score([3, 4], [2, 2], [0, 0])
    flipped = flips(before, now)
    assert flipped is not None
    assert flipped.described()[1] == "what they became: 1 -> 2 (2)"


def test_many_are_cut_short() -> None:
    n = 3 * MOST_IN_DATA
    random = np.random.default_rng(0)
    classes = random.integers(1000, size=n)
    flipped = found(classes, classes, random.permutation(classes))
    texts = flipped.described()
    assert texts[1].endswith(", ...")
    assert texts[1].count("->") == 5
    assert texts[2].endswith(", ...")
    assert texts[2].count(",") == 6, "one of them is in the text itself"
    data = flipped.as_dict()
    assert len(data["lost"]) == MOST_IN_DATA
    assert len(data["moved"]) <= MOST_IN_DATA
    for text in (*texts, flipped.text):
        assert max(map(len, indented(text).splitlines())) <= WIDTH == 79


def test_metrics_that_compare_no_classes_have_none() -> None:
    bare = Score(0.9, 2, "labels as given")
    assert flips(bare, bare) is None
    with_classes = Score(0.9, 2, "labels: class indices", classes=np.array([0, 1]))
    assert flips(with_classes, with_classes) is None


def test_of_likeliest_classes_without_hits() -> None:
    """As balanced accuracy has them."""
    kinds = [
        Score(0.5, 3, "", classes=np.array([0, 1, 1]), answered=np.array(answered))
        for answered in ([0, 1, 0], [0, 0, 1])
    ]
    flipped = flips(*kinds)
    assert flipped is not None
    assert (flipped.pairs.lost.tolist(), flipped.pairs.gained.tolist()) == ([1], [2])


@pytest.mark.parametrize("n", [1, 7])
def test_the_same_answers(n: int) -> None:
    flipped = found([0] * n, [0] * n, [0] * n)
    assert flipped.counts == (0, 0)
    assert flipped.pairs.p_value == 1
